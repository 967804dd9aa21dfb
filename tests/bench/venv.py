"""The peers' own environment under .run/bench/venv: none of it is in the product's or the tests' lock."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".run" / "bench" / "venv"
LOCK = ROOT / "requirements-bench.lock"


def python() -> str:
    """Its interpreter; made first where it is missing or its lock has changed."""
    stamp, wanted = FOLDER / ".installed", f"{ROOT}\n{LOCK.read_text()}"
    program = str(FOLDER / "bin" / "python")
    if stamp.exists() and stamp.read_text() == wanted:
        return program
    print("Installing the peers' packages into .run/bench/venv; this happens once ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
    install = [program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*install, "--require-hashes", "--only-binary", ":all:", "-r", str(LOCK)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"The peers' packages could not be installed:\n{done.stderr[-2000:]}")
    stamp.write_text(wanted)
    return program

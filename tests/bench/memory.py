"""
``python -m tests.bench.memory``: how long a start takes, and what each process holds as requests pass.

Both modes (MEMORY_MODES); 10,000 requests in all (MEMORY_REQUESTS), nine reads to one creation, looked at six times.
"""

import os
import re
import sys
import time
from pathlib import Path

from actiontrac.demo.client import Customer
from tests.bench.load import Plan, play, request
from tests.bench.stage import Stage
from tests.bench.writes import NUMBERS, worker_body
from tests.stack import Product, command_line, descendants, embedded_product, full_product

REQUESTS = int(os.environ.get("MEMORY_REQUESTS") or 10_000)
MODES = (os.environ.get("MEMORY_MODES") or "embedded,full").split(",")
LOOKS = 5
CONNECTIONS = 8


def held(product: Product) -> dict[str, float]:
    """MiB in memory of each of the product's processes, shared pages counted to each."""
    found: dict[str, float] = {}
    for pid in [product.pid, *descendants(product.pid)]:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        resident = re.search(r"VmRSS:\s+(\d+)", status)
        if resident is None:
            continue
        words = re.sub(r"^.*?actiontrac:? ?", "", command_line(pid)).strip() or "up"
        name = words if words not in found else f"{words} ({pid})"
        found[name[:34]] = int(resident.group(1)) / 1024
    return found


def _measure(product: Product, first_number: int) -> None:
    began = time.monotonic()
    product.start()
    print(f"\n{product.mode}: ready {time.monotonic() - began:.1f} s after the start", flush=True)
    customer = Customer(product.url)
    customer.join()
    worker = customer.add_worker()
    token = customer.http.token or ""
    read = request("GET", f"/v1/workers/{worker['id']}", token)
    port = int(product.url.rpartition(":")[2])
    done = 0
    print(f"  {'after requests':>34} " + "".join(f"{REQUESTS * n // LOOKS:>8}" for n in range(LOOKS + 1)))
    columns = [held(product)]
    for look in range(1, LOOKS + 1):
        while done < REQUESTS * look // LOOKS:
            make = request("POST", "/v1/workers", token, worker_body(), f"Idempotency-Key: memory-{done}-{{n}}\r\n")
            # Nine connections' worth of reads to one of creations, in turn.
            reads = play(Plan(port, [[read]] * CONNECTIONS, seconds=2.7))
            made = play(Plan(port, [[make]] * 2, seconds=0.3, expect=201, first_number=first_number + done))
            done += reads.requests + made.requests
            if reads.wrong or made.wrong:
                raise RuntimeError("wrong answers")
        columns.append(held(product))
    for name in columns[-1]:
        print(f"  {name:>34} " + "".join(f"{column.get(name, 0):8.1f}" for column in columns), flush=True)
    product.stop()


def main() -> int:
    stage = Stage(1, say=lambda text: print(f"  {text} ...", flush=True))
    try:
        if "embedded" in MODES:
            _measure(embedded_product(stage.home / "embedded"), 0)
        if "full" in MODES:
            _measure(full_product(stage.home / "full", stage.servers), NUMBERS)
    finally:
        stage.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

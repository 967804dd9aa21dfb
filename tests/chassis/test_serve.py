"""One service in a process of its own, while there is no broker."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.servers.ports import free_ports
from tests.stack import ROOT


def test_an_order_to_stop_ends_a_service_that_waits_for_its_broker(tmp_path: Path) -> None:
    log = tmp_path / "log"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ACTIONTRAC_")}
    settings = {
        "ACTIONTRAC_BUS_URL": f"amqp://somebody:secret@127.0.0.1:{free_ports(1)[0]}/",
        "ACTIONTRAC_HOME": str(tmp_path),
        "ACTIONTRAC_LOG_FILE": str(log),
    }
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "actiontrac", "serve", "gateway"],
        cwd=ROOT, env={**inherited, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not (log.exists() and "bus_connection_lost" in log.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)

        assert process.wait(20) == 0
    finally:
        process.kill()
    assert "service_stopped" in log.read_text()
    assert "secret" not in log.read_text()

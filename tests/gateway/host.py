"""A process for the tests: the real gateway before fake services, on the memory bus."""

from actiontrac.green import patch

patch()

import signal  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

import eventlet  # noqa: E402
from eventlet.event import Event as Signal  # noqa: E402
from nameko.runners import ServiceRunner  # noqa: E402

from actiontrac import clock, config, log  # noqa: E402
from services.gateway.service import GatewayService  # noqa: E402
from tests.gateway.fake_services import SERVICES  # noqa: E402


def main() -> int:
    settings = config.load()
    config.prepare_home(settings.home)
    clock.configure(settings.clock_file)
    log.configure(service="gateway", level=settings.log_level)
    absent = set(settings.option("TEST_ABSENT", "").split(","))
    runner = ServiceRunner(
        {
            "settings": settings,
            "SERVICE_CONTAINER_CLS": "actiontrac.service.Container",
            "max_workers": settings.max_workers,
        }
    )
    for service in (*SERVICES, GatewayService):
        if service.name not in absent:
            runner.add_service(service)
    told = Signal()
    signal.signal(signal.SIGTERM, lambda *_: eventlet.spawn_after(0, _tell, told))
    runner.start()
    print("ready", flush=True)
    told.wait()
    for container in sorted(runner.containers, key=lambda one: one.service_name != "gateway"):
        container.stop()
    print("stopped", flush=True)
    return 0


def _tell(told: Any) -> None:
    if not told.ready():
        told.send()


if __name__ == "__main__":
    sys.exit(main())

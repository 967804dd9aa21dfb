"""
The chassis with a handler whose effect is one row: ``beta`` of the chassis' sample, as ``actiontrac serve`` runs it.
"""

import eventlet

eventlet.monkey_patch()

import sys  # noqa: E402

from nameko.runners import ServiceRunner  # noqa: E402
from sqlalchemy import insert  # noqa: E402

from actiontrac import clock, config, log, runner  # noqa: E402
from actiontrac.service import Service, Stores, chassis_store, handle  # noqa: E402
from tests.chassis import sample  # noqa: E402

sample.install()

#: A row without a mapped object, as a handler writes it that is called often.
KEEP = insert(sample.Count.__table__)


class BetaService(Service):
    name = "beta"
    store = Stores(sample.BetaStore)

    @handle(sample.ThingMade)
    def on_thing_made(self, event: sample.ThingMade) -> None:
        with self.store(event.company_id) as store:
            if store.claim(event):
                row = {"id": event.event_id, "company_id": event.company_id, "number": event.number}
                store.connection.execute(KEEP, row)


def main() -> int:
    settings = config.load()
    log.configure(service="beta")
    clock.configure(settings.clock_file)
    told = runner._until_told_to_stop()
    running = ServiceRunner(
        {
            "settings": settings,
            "chassis_store": chassis_store(settings),
            "SERVICE_CONTAINER_CLS": "actiontrac.service.Container",
            "max_workers": settings.max_workers + runner.OTHER_WORKERS,
        }
    )
    running.add_service(BetaService)
    running.start()
    print("ready", flush=True)
    told.wait()
    return 0 if runner._stop(running, settings.drain_seconds) else 1


if __name__ == "__main__":
    sys.exit(main())

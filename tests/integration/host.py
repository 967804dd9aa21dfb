"""A process that hosts the sample services on a broker, for tests that stop and kill it."""

from actiontrac.green import patch

patch()

import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

import eventlet  # noqa: E402
from nameko.runners import ServiceRunner  # noqa: E402

from actiontrac import clock, config, log, runner  # noqa: E402
from actiontrac.service import PUBLIC, RpcClient, Service, Stores, chassis_store, handle, rpc  # noqa: E402
from tests.chassis import sample  # noqa: E402

sample.install()


def note(line: str) -> None:
    with Path(os.environ["ACTIONTRAC_TEST_NOTES"]).open("a") as file:
        file.write(line + "\n")


class AlphaService(Service):
    name = "alpha"
    store = Stores(sample.AlphaStore)
    beta = RpcClient("beta")

    @rpc(requires=PUBLIC, write=True)
    def make_thing(self, *, company_id: str, number: int) -> dict[str, object]:
        with self.store(company_id) as store:
            thing = store.add(number, note="a note")
            store.publish(sample.ThingMade(number=number))
            return store.answer({"id": thing.id})

    @rpc(requires=PUBLIC)
    def take_long(self, *, number: int, seconds: float) -> int:
        note(f"began {number}")
        eventlet.sleep(seconds)
        note(f"ended {number}")
        return number

    @rpc(requires=PUBLIC)
    def ask_beta(self) -> str:
        answer: str = self.beta.ping()
        return answer

    @rpc(requires=PUBLIC)
    def fail(self) -> None:
        raise ValueError("olive@acme.example has a problem")

    @rpc(requires=PUBLIC)
    def miss(self) -> None:
        raise sample.ThingMissing()

    @rpc(requires=PUBLIC)
    def say_too_much(self) -> str:
        return "x" * (9 * 1024 * 1024)

    @rpc(requires=PUBLIC)
    def say_nonsense(self) -> object:
        return object()

    @rpc()
    def among_us(self) -> str:
        return "for services only"


class BetaService(Service):
    name = "beta"
    store = Stores(sample.BetaStore)

    @handle(sample.ThingMade)
    def on_thing_made(self, event: sample.ThingMade) -> None:
        note(f"handling {event.number}")
        if event.number < 0:
            raise ValueError("poison")
        eventlet.sleep(float(os.environ.get("ACTIONTRAC_TEST_HANDLER_SECONDS", "0")))
        with self.store(event.company_id) as store:
            if store.claim(event):
                store.session.add(
                    sample.Count(id=event.event_id, company_id=event.company_id, number=event.number)
                )


def main() -> int:
    settings = config.load()
    log.configure(service="host")
    clock.configure(settings.clock_file)
    told = runner._until_told_to_stop()
    running = ServiceRunner(
        {
            "settings": settings,
            "chassis_store": chassis_store(settings),
            "SERVICE_CONTAINER_CLS": "actiontrac.service.Container",
            "max_workers": 40,
        }
    )
    for name in sys.argv[1:]:
        running.add_service({"alpha": AlphaService, "beta": BetaService}[name])
    running.start()
    note(f"ready {' '.join(sys.argv[1:])}")
    told.wait()
    return 0 if runner._stop(running, settings.drain_seconds) else 1


if __name__ == "__main__":
    sys.exit(main())

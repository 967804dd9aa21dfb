"""A process that hosts services on our chassis: the same services, methods and door as in ``stock_host``."""

import eventlet

eventlet.monkey_patch()

import os  # noqa: E402
import sys  # noqa: E402
from datetime import timedelta  # noqa: E402
from typing import Any  # noqa: E402

import sqlalchemy as sa  # noqa: E402
from nameko.extensions import DependencyProvider  # noqa: E402
from nameko.runners import ServiceRunner  # noqa: E402

from actiontrac import clock, config, context, log, runner  # noqa: E402
from actiontrac.context import RequestContext  # noqa: E402
from actiontrac.errors import ServiceError  # noqa: E402
from actiontrac.http import Exchange, Request, Response, Route, Table, wire  # noqa: E402
from actiontrac.http.admission import Admission  # noqa: E402
from actiontrac.http.application import Application  # noqa: E402
from actiontrac.http.messages import as_json  # noqa: E402
from actiontrac.http.problems import response  # noqa: E402
from actiontrac.http.server import http  # noqa: E402
from actiontrac.http.validation import parameters  # noqa: E402
from actiontrac.link import RpcLink  # noqa: E402
from actiontrac.rpc import Caller  # noqa: E402
from actiontrac.service import PUBLIC, SIGNED_IN, Service, Stores, chassis_store, every, handle, rpc  # noqa: E402
from tests.bus.vocabulary import FLAKY, SECRET, note, notes, question  # noqa: E402
from tests.chassis import sample  # noqa: E402

sample.install()

#: A head that does not come is waited for 10 s; for a test, less.
wire.HEAD_SECONDS = 1.0


class AlphaService(Service):
    name = "alpha"
    store = Stores(sample.AlphaStore)

    @rpc(requires=PUBLIC)
    def take_long(self, *, number: int, seconds: float) -> int:
        note(f"began {number} {os.getpid()}")
        eventlet.sleep(seconds)
        note(f"ended {number}")
        return number

    @rpc(requires=PUBLIC, write=True)
    def keep(self, *, company_id: str, number: int, seconds: float) -> Any:
        with self.store(company_id) as store:
            store.session.execute(sa.text("INSERT INTO kept (number) VALUES (:number)"), {"number": number})
            answer = store.answer({"number": number})
        note(f"kept {number}")
        eventlet.sleep(seconds)
        return answer

    @rpc(requires=PUBLIC, write=True)
    def make_thing(self, *, company_id: str, number: int) -> Any:
        with self.store(company_id) as store:
            thing = store.add(number)
            store.publish(sample.ThingMade(number=number))
            return store.answer({"id": thing.id})

    @rpc(requires=PUBLIC)
    def who(self) -> str | None:
        principal = context.current().principal
        return principal.user_id if principal else "a service"

    @rpc(requires=SIGNED_IN)
    def among_members(self) -> str:
        return "for members only"

    @rpc()
    def among_us(self) -> str:
        return "for services only"

    @rpc(requires=PUBLIC)
    def die(self) -> None:
        os._exit(9)

    @every(seconds=0.2)
    def do_what_is_due(self) -> None:
        with self.store.across_companies() as store:
            due = sa.text(
                "UPDATE due SET leased_until = :until WHERE number IN (SELECT number FROM due WHERE done_at IS NULL"
                " AND (leased_until IS NULL OR leased_until < :now) FOR UPDATE SKIP LOCKED) RETURNING number"
            )
            until = clock.now() + timedelta(seconds=30)
            claimed = list(store.session.scalars(due, {"now": clock.now(), "until": until}))
        for number in claimed:
            note(f"doing {number}")
            eventlet.sleep(1)
            with self.store.across_companies() as store:
                done = sa.text("UPDATE due SET done_at = :now WHERE number = :number")
                store.session.execute(done, {"number": number, "now": clock.now()})


class BetaService(Service):
    name = "beta"
    store = Stores(sample.BetaStore)

    @handle(sample.ThingMade)
    def on_thing_made(self, event: sample.ThingMade) -> None:
        note(f"handling {event.number}")
        if event.number == FLAKY and sum(line == f"handling {FLAKY}" for line in notes()) == 1:
            raise ValueError("not this time")
        with self.store(event.company_id) as store:
            if store.claim(event):
                kept = sa.text("INSERT INTO kept (number) VALUES (:number)")
                store.session.execute(kept, {"number": event.number})
        note(f"effect {event.number}")
        eventlet.sleep(float(os.environ.get("ACTIONTRAC_TEST_HANDLER_SECONDS", "0")))


class Nobody:
    """A gate that lets everybody in: who may ask is not what these tests are about."""

    def receive(self, exchange: Exchange, route: Route | None) -> None: ...

    def recognise(self, exchange: Exchange, route: Route) -> None: ...

    def check_site(self, exchange: Exchange, route: Route) -> None: ...


class Gateway(DependencyProvider):
    """A door as the gateway's: the same application and link, with routes of the tests."""

    link = RpcLink()

    def setup(self) -> None:
        routes = [
            Route(method="GET", path="/ask", name="ask", summary="", raw=True, handler=self.ask),
            Route(method="GET", path="/fail", name="fail", summary="", raw=True, handler=self.fail),
            Route(method="POST", path="/upload", name="upload", summary="", raw=True, handler=self.upload),
        ]
        self.application = Application(
            Table(routes),
            gate=Nobody(),
            asker=lambda service, asked: Caller(service, self.link, asked, 2.5),
            admission=Admission(600),
            request_seconds=2.5,
            observe=lambda *_: None,
            error_page=response,
        )

    def get_dependency(self, worker_ctx: Any) -> "Gateway":
        return self

    def ask(self, exchange: Exchange) -> Response:
        wanted = question(parameters(exchange.request))
        if wanted.count == 1:
            return as_json({"answers": [getattr(exchange.service(wanted.service), wanted.method)()]})

        def one(number: int) -> str:
            deadline = clock.wall() + wanted.seconds
            asked = RequestContext(request_id=exchange.request_id, deadline=deadline)
            caller = Caller(wanted.service, self.link, asked, wanted.seconds)
            arguments = {"number": number, "seconds": 0} if wanted.method == "take_long" else {}
            try:
                return str(getattr(caller, wanted.method)(**arguments))
            except ServiceError as error:
                return error.code

        answers = list(eventlet.GreenPool(wanted.count).imap(one, range(wanted.count)))
        return as_json({"answers": answers, "slots": self.link.pending})

    def fail(self, exchange: Exchange) -> Response:
        raise ValueError(SECRET)

    def upload(self, exchange: Exchange) -> Response:
        return as_json(len(exchange.request.read(1024 * 1024)))


class DoorService(Service):
    name = "door"
    gateway = Gateway()

    @http
    def answer(self, request: Request) -> Response:
        return self.gateway.application.answer(request)


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
        running.add_service({"alpha": AlphaService, "beta": BetaService, "door": DoorService}[name])
    running.start()
    note(f"ready {' '.join(sys.argv[1:])}")
    told.wait()
    return 0 if runner._stop(running, settings.drain_seconds) else 1


if __name__ == "__main__":
    sys.exit(main())

"""
A process that hosts services on stock nameko, written as its documentation shows.

The same services, methods and door as in ``ours_host``, so that one test can look at both.
"""

import eventlet

eventlet.monkey_patch()

import json  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

import psycopg2  # noqa: E402
from nameko.contextdata import UserId  # noqa: E402
from nameko.events import EventDispatcher, event_handler  # noqa: E402
from nameko.rpc import RpcProxy, rpc  # noqa: E402
from nameko.runners import ServiceRunner  # noqa: E402
from nameko.timer import timer  # noqa: E402
from nameko.web.handlers import http  # noqa: E402

from tests.bus.vocabulary import FLAKY, SECRET, note, notes, question  # noqa: E402


def sql(service: str, statement: str, *values: Any) -> list[Any]:
    connection = psycopg2.connect(os.environ[f"ACTIONTRAC_{service.upper()}_DATABASE_URL"])
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.company_id', '*', true)")
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


class Alpha:
    name = "alpha"
    user_id = UserId()
    dispatch = EventDispatcher()

    @rpc
    def ping(self) -> str:
        return "alpha"

    @rpc
    def take_long(self, number: int, seconds: float) -> int:
        note(f"began {number} {os.getpid()}")
        eventlet.sleep(seconds)
        note(f"ended {number}")
        return number

    @rpc
    def keep(self, company_id: str, number: int, seconds: float) -> int:
        sql("alpha", "INSERT INTO kept (number) VALUES (%s)", number)
        note(f"kept {number}")
        eventlet.sleep(seconds)
        return number

    @rpc
    def make_thing(self, company_id: str, number: int) -> int:
        self.dispatch("thing.made", {"company_id": company_id, "number": number})
        return number

    @rpc
    def who(self) -> str | None:
        return self.user_id

    @timer(interval=0.2)
    def do_what_is_due(self) -> None:
        for (number,) in sql("alpha", "SELECT number FROM due WHERE done_at IS NULL"):
            note(f"doing {number}")
            eventlet.sleep(1)
            sql("alpha", "UPDATE due SET done_at = now() WHERE number = %s", number)


class Beta:
    name = "beta"

    @event_handler("alpha", "thing.made")
    def on_thing_made(self, payload: dict[str, Any]) -> None:
        number = payload["number"]
        note(f"handling {number}")
        if number == FLAKY and sum(line == f"handling {FLAKY}" for line in notes()) == 1:
            raise ValueError("not this time")
        sql("beta", "INSERT INTO kept (number) VALUES (%s)", number)
        note(f"effect {number}")
        eventlet.sleep(float(os.environ.get("ACTIONTRAC_TEST_HANDLER_SECONDS", "0")))


class Door:
    name = "door"
    alpha = RpcProxy("alpha")
    missing = RpcProxy("missing")

    @http("GET", "/ask")
    def ask(self, request: Any) -> str:
        """Ask so often at once, each with a timeout around it, as one does who wants one."""
        wanted = question(request.args)

        def one(number: int) -> str:
            try:
                with eventlet.Timeout(wanted.seconds):
                    proxy = getattr(getattr(self, wanted.service), wanted.method)
                    return str(proxy(**{"number": number, "seconds": 0} if wanted.method == "take_long" else {}))
            except eventlet.Timeout:
                return "timeout"
            except Exception as problem:
                return type(problem).__name__

        answers = list(eventlet.GreenPool(wanted.count).imap(one, range(wanted.count)))
        return json.dumps({"answers": answers, "slots": len(self.alpha.reply_listener._reply_events)})

    @http("GET", "/fail")
    def fail(self, request: Any) -> str:
        raise ValueError(SECRET)

    @http("POST", "/upload")
    def upload(self, request: Any) -> str:
        return str(len(request.get_data()))


def tell_of_a_death(runner: ServiceRunner) -> None:
    """From outside a container that is being killed looks like one that works."""
    while not any(container._being_killed for container in runner.containers):
        eventlet.sleep(0.1)
    note("killed")


def main() -> int:
    runner = ServiceRunner(
        {
            "AMQP_URI": os.environ["ACTIONTRAC_BUS_URL"],
            # Where it listens is left to nameko; only the port is ours.
            **({"WEB_SERVER_ADDRESS": f"0.0.0.0:{port}"} if (port := os.environ.get("ACTIONTRAC_HTTP_PORT")) else {}),
            "max_workers": 600,
        }
    )
    for name in sys.argv[1:]:
        runner.add_service({"alpha": Alpha, "beta": Beta, "door": Door}[name])
    told = eventlet.event.Event()
    signal.signal(signal.SIGTERM, lambda *_: eventlet.spawn_after(0, told.send))
    runner.start()
    note(f"ready {' '.join(sys.argv[1:])}")
    eventlet.spawn(tell_of_a_death, runner)
    # As nameko's own command does: a container that died ends the process.
    waiting = eventlet.spawn(runner.wait)
    waiting.link(lambda *_: None if told.ready() else told.send("died"))
    if told.wait() == "died":
        waiting.wait()
        return 1
    runner.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

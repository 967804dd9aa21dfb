"""Messages of ten kinds that nobody can handle: each is put aside, and the work beside them goes on (B8)."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import orjson
import psycopg2
import pytest
from kombu import Connection

from actiontrac import context
from actiontrac.config import SERVICES
from actiontrac.context import RequestContext
from actiontrac.contracts.workers import WorkerCountChanged
from actiontrac.demo.client import Customer
from tests.examples import DEEP
from tests.recovery.scene import Scene, until
from tests.recovery.test_broker_away import counted, list_ids
from tests.recovery.traffic import OfficeWork, Traffic

pytestmark = [pytest.mark.full, pytest.mark.slow, pytest.mark.timeout(600)]

OF_EACH = 100 if DEEP else 3
CALM_SECONDS = 15 if DEEP else 2

EVENTS = ("workers.events", "worker.count_changed")
QUESTIONS = ("nameko-rpc", "workers.list_workers")
REPLAY = "to be tried again"


def changed(**fields: Any) -> dict[str, Any]:
    """A well-formed event of a company that does not exist, but for what is said otherwise."""
    event = orjson.loads(
        WorkerCountChanged(company_id=f"com_{secrets.token_hex(8)}", managed=1, high_water=1, sequence=1).to_wire()
    )
    return {**event, **fields}


def as_bytes(what: Any) -> bytes:
    return what if isinstance(what, bytes) else orjson.dumps(what)


#: What is put on the event queue; every one of them must be found again among the dead letters.
POISONED_EVENTS: dict[str, Callable[[], Any]] = {
    "no JSON": lambda: b"{" + secrets.token_bytes(8).hex().encode(),
    "no text": lambda: b"\xff\xfe\x00" + secrets.token_bytes(16),
    "another schema": lambda: changed(type="worker.count_changed.v9"),
    "a field is missing": lambda: changed(data={"managed": 1}),
    "no company": lambda: changed(company_id=""),
    "an id that is none": lambda: changed(event_id={"a": secrets.token_hex(4)}),
    "an id with a zero byte": lambda: changed(event_id=f"evt\x00{secrets.token_hex(4)}"),
    "five megabytes": lambda: changed(type="x", data={"filler": "x" * 5_000_000, "n": secrets.token_hex(4)}),
    "a figure that is none": lambda: changed(
        data={"managed": "many", "high_water": secrets.token_hex(4), "sequence": 1}
    ),
}

#: Questions are nobody's any more when they cannot be answered: they are answered with an error, or dropped.
POISONED_QUESTIONS: dict[str, Callable[[str], tuple[bytes, dict[str, Any]]]] = {
    "nobody to answer": lambda _: (b"{}", {}),
    "no JSON": lambda _: (b"\x00\x01", {"content_type": "application/x-unknown", "content_encoding": "binary"}),
    "an answer to nowhere": lambda _: (b"[]", {"reply_to": "nowhere", "correlation_id": "1"}),
    "too late": lambda key: (
        orjson.dumps({"args": [], "kwargs": {"company_id": "com_x"}}),
        {"headers": context.to_headers(RequestContext(request_id="req_late", deadline=time.time() - 5), key)},
    ),
}


def poison(scene: Scene) -> int:
    """Put everything on the bus, all kinds mixed; how many events there were."""
    key = scene.product.settings.secret("BUS_KEY")
    events = 0
    with Connection(scene.product.settings.bus_url) as connection:
        producer = connection.Producer()
        for number in range(OF_EACH):
            for name, make in POISONED_EVENTS.items():
                if name == "five megabytes" and number >= 3:
                    continue
                producer.publish(
                    as_bytes(make()), exchange=EVENTS[0], routing_key=EVENTS[1], delivery_mode=2,
                    content_type="application/json", content_encoding="utf-8",
                )  # fmt: skip
                events += 1
            for ask in POISONED_QUESTIONS.values():
                body, properties = ask(key)
                producer.publish(body, exchange=QUESTIONS[0], routing_key=QUESTIONS[1], **properties)
    return events


def failed(scene: Scene, state: str) -> int:
    """Events at billing that wait in this state; the command says the same, and takes a second to say it."""
    name = urlsplit(scene.product.environment["ACTIONTRAC_BILLING_DATABASE_URL"]).path
    address = urlsplit(scene.servers.postgres_url)._replace(path=name).geturl()
    with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM failed_events WHERE state = %s", (state,))
        (found,) = cursor.fetchone()
    return int(found)


def listed(scene: Scene) -> int:
    said = scene.product.command("dead-letters", "list").stdout.splitlines()
    return sum("  dead " in line for line in said)


def replayed(scene: Scene) -> int:
    said = scene.product.command("dead-letters", "replay", "--all", "--service", "billing").stdout
    return sum(line.startswith(REPLAY) for line in said.splitlines())


def wait_parked(scene: Scene, owner: Customer, number: int) -> None:
    """Until so many are given up. Their pauses are by the product's clock, so it is moved on."""

    def parked() -> bool:
        if failed(scene, "retry"):
            scene.product.advance("11m")
            time.sleep(0.5)
        return failed(scene, "dead") >= number

    until(parked, 120, f"{number} dead letters")
    # By that clock the owner has done nothing for an hour.
    owner.sign_in()


@contextmanager
def no_claims_at_billing(scene: Scene) -> Iterator[None]:
    """Whatever billing is told fails, and succeeds again afterwards."""
    owner_url = scene.product.environment["ACTIONTRAC_BILLING_DATABASE_OWNER_URL"]
    role = urlsplit(scene.product.environment["ACTIONTRAC_BILLING_DATABASE_URL"]).username
    with closing(psycopg2.connect(owner_url)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(f'REVOKE INSERT ON inbox FROM "{role}"')
        try:
            yield
        finally:
            cursor.execute(f'GRANT INSERT ON inbox TO "{role}"')


def throughput(scene: Scene, owner: Customer, seconds: float) -> float:
    with Traffic(scene.product.url, owner.http.token, OfficeWork(), clients=6) as traffic:
        time.sleep(seconds)
    assert not traffic.wrong, {one.problem or f"{one.status} {one.body[:200]!r}" for one in traffic.wrong}
    return len(traffic.answers) / seconds


def test_what_nobody_can_handle_is_put_aside_and_harms_nobody(scene: Scene, owner: Customer) -> None:
    processes = {service: scene.pids(service) for service in SERVICES}
    before = throughput(scene, owner, CALM_SECONDS)
    began = time.monotonic()
    events = poison(scene)
    during = throughput(scene, owner, CALM_SECONDS)
    wait_parked(scene, owner, events)
    took = time.monotonic() - began
    assert listed(scene) == failed(scene, "dead") == events, "something was put aside twice, or more than was sent"
    again = replayed(scene)
    wait_parked(scene, owner, events)
    scene.note(
        "B8 poison", events=events, questions=OF_EACH * len(POISONED_QUESTIONS), parked=events,
        parked_after=f"{took:.1f} s", replayed=again, requests_before=f"{before:.0f}/s",
        requests_during=f"{during:.0f}/s",
    )  # fmt: skip
    assert again == events
    assert failed(scene, "dead") == events, "a replay of what cannot be handled made more of it"
    assert {service: scene.pids(service) for service in SERVICES} == processes, "a process did not survive"
    assert during > before / 2
    scene.product.command("dead-letters", "drop", "--all")


def test_what_failed_for_a_while_is_brought_back_by_a_replay(scene: Scene, owner: Customer) -> None:
    known = len(list_ids(owner))
    until(lambda: counted(owner, known), 30, "billing's figure")
    with no_claims_at_billing(scene):
        for _ in range(5):
            owner.add_worker(worker_number=f"later-{secrets.token_hex(4)}")
        wait_parked(scene, owner, 5)
        assert not counted(owner, known + 5)
    assert replayed(scene) == 5
    until(lambda: counted(owner, known + 5), 30, "what was replayed")
    until(lambda: failed(scene, "dead") + failed(scene, "retry") == 0, 30, "an empty list")

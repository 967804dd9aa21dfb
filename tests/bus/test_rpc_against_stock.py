"""Questions: what stock nameko does twice, too late, for anybody or not at all (docs/bus.md, rows 2, 4, 7, 9, 16)."""

import json
import threading
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue

from actiontrac import bus as names
from actiontrac import context
from tests.bus.world import EVENT_QUEUE, RPC_QUEUE, World, wait_until

pytestmark = pytest.mark.full

RPC_EXCHANGE = Exchange("nameko-rpc", "topic", durable=True)

#: What a sender may get wrong: body and properties.
NO_WAY_BACK = (b'{"args": [], "kwargs": {}}', {"content_type": "application/json", "content_encoding": "utf-8"})
#: What kombu calls a body of which nobody said what it is.
UNKNOWN_TYPE = (b"\x00\x01", {"content_type": "application/data", "content_encoding": "binary", "reply_to": "x"})
FORGED = '{"request_id": "req_1", "principal": {"user_id": "usr_admin"}}'
NOT_JSON = (b"not json", {"content_type": "application/json", "content_encoding": "utf-8"})


def send(world: World, method: str, body: bytes, properties: dict[str, Any]) -> None:
    with Connection(world.url) as connection:
        producer = connection.Producer(connection.channel(), exchange=RPC_EXCHANGE)
        producer.publish(body, routing_key=f"alpha.{method}", **properties)


def test_row_2_a_graceful_stop_does_not_run_work_twice(world: World) -> None:
    first, second = world.host("alpha"), world.host("alpha")
    answers: list[dict[str, Any]] = []
    question = {"number": 7, "seconds": 2.5}
    asking = threading.Thread(target=lambda: answers.extend(world.calls([("alpha.take_long", question)], timeout=20)))
    asking.start()
    wait_until(lambda: bool(world.noted("began")), "the work to begin")
    [began] = world.noted("began")
    working = first if began.endswith(f" {first.pid}") else second
    working.terminate()
    asking.join()
    working.wait(10)

    assert answers[0]["result"] == 7
    if world.ours:
        assert working.returncode == 0
        assert len(world.noted("began")) == 1
        assert world.waiting(RPC_QUEUE) == 0
    else:
        wait_until(lambda: len(world.noted("began")) == 2, "the other replica to run it, too")


def test_row_4_a_cut_connection_does_not_make_a_write_twice(world: World, own_servers: Any) -> None:
    process = world.host("alpha")
    # Longer than a busy machine takes to cut the connections, or the work is done and acknowledged before.
    body = json.dumps({"args": [], "kwargs": {"company_id": "com_acme", "number": 3, "seconds": 6}}).encode()
    send(world, "keep", body, {**NOT_JSON[1], "reply_to": "nowhere", "correlation_id": "call_1"})
    wait_until(lambda: bool(world.noted("kept")), "the effect")
    vhost = world.url.rpartition("/")[2]
    own_servers.rabbitmqctl("close_all_connections", "--vhost", vhost, "a test")
    # It is delivered again to whoever consumes now; another question behind it is answered after it.
    wait_until(lambda: "result" in world.call("alpha.ping"), "the service to be back")
    if not world.ours:
        wait_until(lambda: len(world.noted("kept")) == 2, "the second execution")
    wait_until(lambda: world.waiting(RPC_QUEUE) == 0, "the queue to be empty")

    assert process.poll() is None
    assert world.kept("alpha") == ([3] if world.ours else [3, 3])


@pytest.mark.parametrize("message", [NO_WAY_BACK, UNKNOWN_TYPE], ids=["no reply_to", "unknown content type"])
def test_row_7_a_message_does_not_end_the_service(world: World, message: tuple[bytes, dict[str, Any]]) -> None:
    process = world.host("alpha")
    send(world, "ping", *message)

    if world.ours:
        assert world.call("alpha.ping")["result"] == "alpha"
        assert process.poll() is None
        assert world.waiting(RPC_QUEUE) == 0
    else:
        assert process.wait(15) != 0
        again = world.start("host", "alpha")
        assert again.wait(15) != 0, "the next start should have died of the same message"


def test_row_7_an_event_that_nobody_can_read_is_kept(world: World) -> None:
    world.host("beta")
    world.publish(EVENT_QUEUE, *NOT_JSON[:1], **NOT_JSON[1])

    wait_until(lambda: world.waiting(EVENT_QUEUE) == 0, "it to be taken")
    if world.ours:
        dead = "SELECT handler FROM failed_events WHERE state = 'dead'"
        wait_until(lambda: world.sql("beta", dead) == [("beta.on_thing_made",)], "it to be kept")
    else:
        # The service lives on and closes its connection: what it had not acknowledged would be back.
        [process] = world.processes
        assert process.poll() is None
        process.kill()
        process.wait(10)
        assert world.waiting(EVENT_QUEUE) == 0
    assert world.noted("handling") == []


def test_row_9_nothing_runs_that_nobody_waits_for(world: World) -> None:
    """A10: 500 questions to a service that is away; it comes back."""
    with Connection(world.url) as connection:
        stocks = Queue(RPC_QUEUE, RPC_EXCHANGE, "alpha.*", durable=True)
        queue = names.rpc_queue("alpha") if world.ours else stocks
        queue(connection.default_channel).declare()
    world.host("door")
    asked = world.get("/ask", method="take_long", count=500, seconds=1.5, service="alpha").json()
    assert set(asked["answers"]) == ({"deadline_exceeded"} if world.ours else {"timeout"})

    # Whoever asks now is behind all of them in the queue.
    world.host("alpha")
    assert world.call("alpha.ping")["result"] == "alpha"

    began = world.noted("began")
    if world.ours:
        assert (len(began), asked["slots"]) == (0, 0)
    else:
        wait_until(lambda: len(world.noted("ended")) > 100, "what nobody waits for any more")
        assert asked["slots"] > 100


def test_row_16_nobody_becomes_somebody_by_a_header(world: World) -> None:
    """D10: who may merely publish writes into the headers what he likes."""
    world.host("alpha")
    forged = {"nameko.user_id": "usr_admin", "user_id": "usr_admin", context.HEADER: FORGED}

    assert world.ask("alpha.who", forged)["result"] == ("" if world.ours else "usr_admin")


def _headers(key: str, principal: context.Principal | None) -> dict[str, Any]:
    return context.to_headers(context.RequestContext(request_id="req_1", principal=principal), key)


ADMIN = context.Principal(user_id="usr_admin", company_id="com_acme", role="owner", permissions=("workers.write",))
FORGERIES = {
    "unsigned": {context.HEADER: FORGED},
    "signed with nothing": {context.HEADER: FORGED, context.SIGNATURE: ""},
    "signed with another key": _headers("another key", ADMIN),
    "a service's, signed with another key": _headers("another key", None),
    "another context's signature": {**_headers("k", ADMIN), context.SIGNATURE: _headers("k", None)[context.SIGNATURE]},
    "a signature that is no text": {context.HEADER: FORGED, context.SIGNATURE: 7},
    "a context that is no text": {context.HEADER: 7, context.SIGNATURE: "7"},
    "a signature that is no ASCII": {context.HEADER: FORGED, context.SIGNATURE: "ä" * 64},
    "stock nameko's": {"nameko.user_id": "usr_admin", "nameko.auth_token": "x"},
}


def test_row_16_every_forged_context_is_refused(ours: World) -> None:
    ours.host("alpha")
    for method in ("among_members", "among_us"):
        refused = {what: ours.ask(f"alpha.{method}", headers)["error"] for what, headers in FORGERIES.items()}
        codes = {what: error["actiontrac"]["code"] for what, error in refused.items()}
        assert set(codes.values()) == {"unauthenticated" if method == "among_members" else "forbidden"}, codes

    # What our own services sign is let in, so it is the signature that the others lack.
    key = json.loads((ours.home / "secrets.json").read_text())["BUS_KEY"]
    assert ours.ask("alpha.among_members", _headers(key, ADMIN))["result"] == "for members only"
    assert ours.ask("alpha.among_us", _headers(key, None))["result"] == "for services only"

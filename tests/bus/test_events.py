"""What the relay and the queues promise (issue 3, 1), each on a real broker."""

import time

import pytest
from kombu import Connection, Queue

from actiontrac import bus as names
from actiontrac import config
from actiontrac.commands import queues
from tests.bus.test_events_against_stock import emit
from tests.bus.world import EVENT_QUEUE, World, wait_until

pytestmark = pytest.mark.full


def published(world: World) -> int:
    [(number,)] = world.sql("alpha", "SELECT count(published_at) FROM outbox")
    return int(number)


def test_a_commit_wakes_the_relay(ours: World) -> None:
    """LISTEN/NOTIFY: this relay looks by itself every minute only."""
    ours.host("alpha")
    ours.relay(ACTIONTRAC_TEST_POLL_SECONDS="60")
    emit(ours, 1)
    wait_until(lambda: published(ours) == 1, "the first event, found at the start or by its wake-up")
    for number in (2, 3, 4):
        # It sleeps again: what comes now is nothing that it was about to look for.
        time.sleep(0.3)
        emit(ours, number)
        wait_until(lambda number=number: published(ours) == number, "the relay to wake", 15)


def test_events_of_a_company_are_published_in_order_by_two_relays(ours: World) -> None:
    ours.host("alpha")
    for _ in range(2):
        ours.relay()
    questions = [("alpha.make_thing", {"company_id": f"com_{n % 5}", "number": n}) for n in range(60)]
    for round_ in range(0, 60, 5):
        # Five companies at once; the next event of each when the last was answered, which is its order.
        ours.calls(questions[round_ : round_ + 5])
    wait_until(lambda: published(ours) == 60, "the outbox")

    numbers: dict[str, list[int]] = {}
    for body in ours.take_all(EVENT_QUEUE):
        numbers.setdefault(body["company_id"], []).append(body["data"]["number"])
    assert {company: len(found) for company, found in numbers.items()} == {f"com_{n}": 12 for n in range(5)}
    assert [found for found in numbers.values() if found != sorted(found)] == []


def test_an_event_without_a_way_is_an_alarm_and_not_lost(ours: World) -> None:
    """The queue is deleted behind the relay's back, as by an operator's slip."""
    ours.host("alpha")
    ours.relay(ACTIONTRAC_TEST_POLL_SECONDS="0.5")
    emit(ours, 1)
    wait_until(lambda: published(ours) == 1, "the relay")
    with Connection(ours.url) as connection:
        connection.default_channel.queue_delete(EVENT_QUEUE)
    emit(ours, 2)
    wait_until(lambda: '"event_unroutable"' in ours.logs(), "the alarm")
    assert '"level": "critical"' in next(line for line in ours.logs().splitlines() if '"event_unroutable"' in line)

    # The relay declares what is missing, and the event goes where it should.
    wait_until(lambda: published(ours) == 2, "the second try")
    ours.host("beta")
    wait_until(lambda: ours.kept("beta") == [2], "the effect")


def test_a_reader_a_release_behind_still_reads(ours: World) -> None:
    """A newer sender's event, with fields that this release does not know, in envelope and data."""
    ours.host("beta")
    body = (
        b'{"company_id": "com_acme", "event_id": "evt_new", "occurred_at": "2026-11-23T13:00:00Z", "also_new": 1,'
        b' "type": "thing.made", "data": {"number": 8, "from_the_future": {"a": [1]}}}'
    )
    ours.publish(EVENT_QUEUE, body, content_type="application/json", content_encoding="utf-8")

    wait_until(lambda: ours.kept("beta") == [8], "the effect")


def test_a_queue_of_an_older_release_keeps_nobody_from_starting_and_is_moved_by_a_command(ours: World) -> None:
    """An argument changed: both sides work with the queue as it is, and say so; a command moves it."""
    wanted = names.event_queue("alpha", "thing.made", "beta", "on_thing_made")
    older = Queue(wanted.name, wanted.exchange, wanted.routing_key, durable=True)
    older.queue_arguments = {**wanted.queue_arguments, "x-delivery-limit": 3}
    with Connection(ours.url) as connection:
        older(connection.default_channel).declare()
    ours.host("alpha")
    ours.relay(ACTIONTRAC_TEST_POLL_SECONDS="0.5")
    beta = ours.host("beta")
    emit(ours, 1)
    wait_until(lambda: ours.kept("beta") == [1], "the effect")
    assert '"queue_differs"' in ours.logs()
    assert beta.poll() is None

    with Connection(ours.url) as connection:
        assert queues.move(connection, wanted) == queues.IN_USE
    beta.kill()
    beta.wait(10)
    emit(ours, *range(2, 12))
    wait_until(lambda: published(ours) == 11, "the relay")
    with Connection(ours.url) as connection:
        assert queues.move(connection, wanted) == "moved, with 10 messages"
        assert queues.move(connection, wanted) == queues.AS_IT_SHOULD_BE
        wanted(connection.default_channel).declare()
    emit(ours, 12)
    ours.host("beta")
    wait_until(lambda: ours.kept("beta") == [*range(1, 13)], "all effects, once each")


def test_the_command_moves_what_differs_and_nothing_else(ours: World, capsys: pytest.CaptureFixture[str]) -> None:
    settings = config.load(ours.environment())
    changed = names.event_queue("billing", "payment.received", "notifications", "on_payment_received")
    everything = [queue for service in config.SERVICES for queue in queues.queues_of(service)]
    with Connection(ours.url) as connection:
        queue = Queue(changed.name, changed.exchange, changed.routing_key, durable=True)
        queue(connection.default_channel).declare()
        connection.Producer().publish(b"{}", exchange=changed.exchange, routing_key=changed.routing_key)
    try:
        assert queues.migrate(settings) == 0
        said = dict(line.split(": ") for line in capsys.readouterr().out.splitlines() if ": " in line)
        assert said.pop(changed.name) == "moved, with 1 messages"
        assert set(said.values()) == {queues.AS_IT_SHOULD_BE}
        assert {*said, changed.name} == {queue.name for queue in everything}
        assert ours.waiting(changed.name) == 1
    finally:
        with Connection(ours.url) as connection:
            for queue in everything:
                connection.default_channel.queue_delete(queue.name)

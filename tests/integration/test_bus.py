"""What the chassis adds to nameko, on a real RabbitMQ and PostgreSQL."""

import time

import pytest

from tests.integration.conftest import wait_until

pytestmark = pytest.mark.full

QUEUE = "evt-alpha-thing.made--beta.on_thing_made"


def handled(bus):
    return [number for (number,) in bus.sql("beta", "SELECT number FROM counts ORDER BY number")]


def published(bus):
    [(total, gone)] = bus.sql("alpha", "SELECT count(*), count(published_at) FROM outbox")
    return total, gone


class TestRpc:
    def test_answers_a_stock_nameko_caller(self, bus):
        bus.host("alpha", "beta")

        assert bus.call("alpha.ask_beta")["result"] == "beta"
        assert bus.call("alpha.ask_beta")["error"] is None

    def test_errors_keep_their_code_and_hide_the_text_of_accidents(self, bus):
        bus.host("alpha")

        missing = bus.call("alpha.miss")["error"]
        failed = bus.call("alpha.fail")["error"]
        assert missing["actiontrac"]["code"] == "thing_missing"
        assert missing["exc_type"] == "ThingMissing"
        assert failed["actiontrac"]["code"] == "internal_error"
        assert "olive" not in str(failed)
        assert "olive" not in bus.logs()

    @pytest.mark.parametrize(
        ("target", "code"),
        [
            ("alpha.no_such_method", "unknown_method"),
            ("alpha.say_too_much", "answer_too_large"),
            ("alpha.say_nonsense", "internal_error"),
            ("alpha.take_long", "invalid"),
        ],
    )
    def test_what_cannot_be_answered_is_answered_with_an_error(self, bus, target, code):
        bus.host("alpha")

        assert bus.call(target)["error"]["actiontrac"]["code"] == code

    def test_an_unsigned_caller_has_no_rights(self, bus):
        bus.host("alpha")

        assert bus.call("alpha.among_us")["error"]["actiontrac"]["code"] == "forbidden"

    def test_messages_that_kill_a_stock_container_do_no_harm(self, bus):
        process = bus.host("alpha")
        for body, properties in [
            (b"{}", {}),
            (b"not json", {"content_type": "application/json"}),
            (b"\xff\xfe", {"content_type": "application/x-unknown", "content_encoding": "binary"}),
            (b"[]", {"reply_to": "nowhere", "correlation_id": "1"}),
        ]:
            bus.publish("rpc-alpha", body, **properties)

        assert bus.call("alpha.ping")["result"] == "alpha"
        assert process.poll() is None


class TestStopping:
    def test_sigterm_finishes_what_is_under_way_and_nothing_runs_twice(self, bus):
        process = bus.host("alpha")
        from threading import Thread

        answers = []
        questions = [("alpha.take_long", {"number": n, "seconds": 1.5}) for n in range(10)]
        asking = Thread(target=lambda: answers.extend(bus.calls(questions, timeout=15)))
        asking.start()
        wait_until(lambda: sum(line.startswith("began") for line in bus.notes()) >= 10, "the work to begin")
        process.terminate()
        code = process.wait(12)
        bus.host("alpha")
        asking.join()

        assert code == 0
        assert sorted(answer["result"] for answer in answers) == list(range(10))
        began = [line for line in bus.notes() if line.startswith("began")]
        assert sorted(began) == sorted(f"began {n}" for n in range(10))

    def test_sigterm_finishes_the_events_in_hand(self, bus):
        bus.host("alpha")
        bus.start("relay_host")
        process = bus.host("beta", ACTIONTRAC_TEST_HANDLER_SECONDS="1")
        for number in range(8):
            bus.call("alpha.make_thing", company_id="com_acme", number=number)
        wait_until(lambda: any(line.startswith("handling") for line in bus.notes()), "the first event")
        process.terminate()
        assert process.wait(12) == 0
        bus.host("beta")
        wait_until(lambda: len(handled(bus)) == 8, "all events")

        handling = [line for line in bus.notes() if line.startswith("handling")]
        assert sorted(handling) == sorted(f"handling {n}" for n in range(8))

    def test_sigkill_loses_nothing_and_doubles_no_effect(self, bus):
        bus.host("alpha")
        bus.start("relay_host")
        process = bus.host("beta", ACTIONTRAC_TEST_HANDLER_SECONDS="0.5")
        for number in range(8):
            bus.call("alpha.make_thing", company_id="com_acme", number=number)
        wait_until(lambda: any(line.startswith("handling") for line in bus.notes()), "the first event")
        process.kill()
        bus.host("beta")
        wait_until(lambda: len(handled(bus)) == 8, "all events")
        time.sleep(0.5)

        assert handled(bus) == list(range(8))


class TestEvents:
    @pytest.mark.parametrize("point", ["relay.before_publish", "relay.before_mark"])
    def test_a_relay_that_dies_loses_and_doubles_nothing(self, bus, point):
        bus.host("alpha", "beta")
        dying = bus.start("relay_host", ACTIONTRAC_FAILPOINT=point)
        for number in range(5):
            bus.call("alpha.make_thing", company_id="com_acme", number=number)
        assert dying.wait(10) == 137
        bus.start("relay_host")
        wait_until(lambda: published(bus) == (5, 5), "the outbox")
        wait_until(lambda: len(handled(bus)) == 5, "the effects")

        assert handled(bus) == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize("point", ["event.before_handler", "event.before_ack"])
    def test_a_consumer_that_dies_loses_and_doubles_nothing(self, bus, point):
        bus.host("alpha")
        bus.start("relay_host")
        dying = bus.host("beta", ACTIONTRAC_FAILPOINT=f"{point}:2")
        for number in range(5):
            bus.call("alpha.make_thing", company_id="com_acme", number=number)
        assert dying.wait(10) == 137
        bus.host("beta")
        wait_until(lambda: len(handled(bus)) == 5, "the effects")

        assert handled(bus) == [0, 1, 2, 3, 4]

    def test_an_event_waits_for_a_consumer_that_was_never_there(self, bus):
        bus.host("alpha")
        bus.start("relay_host")
        bus.call("alpha.make_thing", company_id="com_acme", number=1)
        wait_until(lambda: published(bus) == (1, 1), "the outbox")
        bus.host("beta")
        wait_until(lambda: handled(bus) == [1], "the effect")

    def test_a_poisonous_event_waits_in_the_database_and_its_neighbours_do_not(self, bus):
        bus.host("alpha", "beta")
        bus.start("relay_host")
        for number in (-1, 1, 2):
            bus.call("alpha.make_thing", company_id="com_acme", number=number)
        wait_until(lambda: handled(bus) == [1, 2], "the neighbours")

        [(state, attempts, reason)] = bus.sql("beta", "SELECT state, attempts, reason FROM failed_events")
        assert (state, attempts >= 1) == ("retry", True)
        assert reason.startswith("ValueError")
        assert "poison" not in reason

    def test_what_is_no_event_is_kept_for_the_operator(self, bus):
        bus.host("beta")
        for body in (b"not json", b"{}", b'{"type": "something.else", "data": {}}'):
            bus.publish(QUEUE, body)
        wait_until(lambda: len(bus.sql("beta", "SELECT 1 FROM failed_events WHERE state = 'dead'")) == 3, "the parking")

    def test_two_relays_share_the_work_and_publish_once(self, bus):
        bus.host("alpha", "beta")
        relays = [bus.start("relay_host") for _ in range(2)]
        questions = [("alpha.make_thing", {"company_id": f"com_{n % 7}", "number": n}) for n in range(60)]
        bus.calls(questions, timeout=20)
        wait_until(lambda: len(handled(bus)) == 60, "the effects")
        handling = [line for line in bus.notes() if line.startswith("handling")]

        assert len(handling) == 60
        assert all(relay.poll() is None for relay in relays)

    def test_one_request_id_reaches_the_last_handler(self, bus):
        bus.host("alpha", "beta")
        bus.start("relay_host")
        bus.call("alpha.make_thing", company_id="com_acme", number=-5)
        wait_until(lambda: '"event_failed"' in bus.logs(), "the failure in the log")
        [(headers,)] = bus.sql("alpha", "SELECT headers FROM outbox")
        import json

        request_id = json.loads(headers)["request_id"]
        line = next(line for line in bus.logs().splitlines() if '"event_failed"' in line)

        assert json.loads(line)["request_id"] == request_id

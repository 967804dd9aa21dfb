"""Failures on request do exactly what they say, before or after the effect."""

import pytest
import requests

from tests.sandbox import test_paypal
from tests.sandbox.test_stripe import start
from tests.sandbox.world import SESSION, STRIPE_KEY, World


class TestBeforeTheEffect:
    def test_answers_500_once_and_then_works(self, world: World) -> None:
        world.fail_next("stripe", "error_before")

        first = world.stripe("POST", "checkout/sessions", SESSION, Idempotency_Key="k1")

        assert first.status_code == 500
        assert world.ledger("stripe", "session") == []
        assert start(world, Idempotency_Key="k1")["status"] == "open"

    def test_breaks_the_connection(self, world: World) -> None:
        world.fail_next("stripe", "reset_before")

        with pytest.raises(requests.ConnectionError):
            world.stripe("POST", "checkout/sessions", SESSION)
        assert world.ledger("stripe", "session") == []

    def test_may_keep_the_500_under_the_key(self, world: World) -> None:
        world.fail_next("stripe", "error_kept")

        answers = [world.stripe("POST", "checkout/sessions", SESSION, Idempotency_Key="k1") for _ in range(2)]

        assert [answer.status_code for answer in answers] == [500, 500]
        assert answers[1].headers["Idempotent-Replayed"] == "true"
        assert world.ledger("stripe", "session") == []

    @pytest.mark.parametrize(("kind", "status"), [("unauthorized", 401), ("rate_limited", 429)])
    def test_answers_as_the_processor_would(self, world: World, kind: str, status: int) -> None:
        world.fail_next("stripe", kind)
        world.fail_next("paypal", kind, "orders.create")

        assert world.stripe("POST", "checkout/sessions", SESSION).status_code == status
        assert world.paypal("POST", "v2/checkout/orders", test_paypal.order_of()).status_code == status


class TestAfterTheEffect:
    def test_answers_500_and_a_repeat_finds_what_was_made(self, world: World) -> None:
        world.fail_next("stripe", "error_after")

        assert world.stripe("POST", "checkout/sessions", SESSION, Idempotency_Key="k1").status_code == 500

        [made] = world.ledger("stripe", "session")
        assert start(world, Idempotency_Key="k1")["id"] == made["ref"]

    def test_breaks_the_connection(self, world: World) -> None:
        world.fail_next("stripe", "reset_after")

        with pytest.raises(requests.ConnectionError):
            world.stripe("POST", "checkout/sessions", SESSION, Idempotency_Key="k1")

        assert len(world.ledger("stripe", "session")) == 1

    def test_answers_too_late(self, world: World) -> None:
        world.fail_next("stripe", "timeout_after", seconds=0.8)
        headers = {"Authorization": f"Bearer {STRIPE_KEY}"}

        with pytest.raises(requests.ReadTimeout):
            requests.post(f"{world.url}/stripe/v1/checkout/sessions", SESSION, headers=headers, timeout=0.3)

        assert len(world.ledger("stripe", "session")) == 1

    def test_loses_the_answer_to_a_capture(self, world: World) -> None:
        order_id = test_paypal.approved(world)
        world.fail_next("paypal", "reset_after", "orders.capture")

        with pytest.raises(requests.ConnectionError):
            test_paypal.capture(world, order_id, PayPal_Request_Id="c1")

        assert test_paypal.capture(world, order_id, PayPal_Request_Id="c1").status_code == 200
        assert len(world.ledger("paypal", "capture")) == 1


class TestQueue:
    def test_waits_for_the_operation_it_names(self, world: World) -> None:
        world.fail_next("stripe", "error_before", "refunds.create")

        assert start(world)["status"] == "open"
        assert world.stripe("POST", "refunds", {"payment_intent": "pi_x"}).status_code == 500
        assert world.stripe("POST", "refunds", {"payment_intent": "pi_x"}).status_code == 404

    def test_counts_down_and_can_be_emptied(self, world: World) -> None:
        world.fail_next("stripe", "error_before", count=3)

        assert world.stripe("GET", "balance").status_code == 500
        assert world.get("/_control/faults").json()["waiting"][0]["remaining"] == 2
        requests.delete(f"{world.url}/_control/faults", timeout=5)
        assert world.stripe("GET", "balance").status_code == 200

    def test_refuses_a_failure_that_does_not_exist(self, world: World) -> None:
        answer = world.post("/_control/faults", json={"provider": "stripe", "kind": "meteorite"})

        assert answer.status_code == 400

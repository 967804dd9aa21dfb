"""What only PayPal has: captures that decline or wait, approvals that lapse, sellers by assertion."""

import json

import pytest

from actiontrac import clock
from services.billing.providers import BadSignature, ProviderRefused, ProviderUnavailable, State
from tests.contracts.payments.support import Case, providers
from tests.sandbox.world import World


@pytest.fixture
def paypal(world: World) -> Case:
    return Case(world, providers(world)["paypal"], None)


class TestCaptures:
    def test_after_a_decline_need_the_next_request_id(self, paypal: Case) -> None:
        started = paypal.provider.start(paypal.request())
        paypal.buyer("is declined", started.redirect_url)
        assert paypal.provider.settle(started.ref, capture_attempt=1).capture_declined
        paypal.buyer("pays", started.redirect_url)

        replayed = paypal.provider.settle(started.ref, capture_attempt=1)
        found = paypal.provider.settle(started.ref, capture_attempt=2)

        assert (replayed.state, replayed.capture_declined) == (State.OPEN, True)
        assert found.state is State.PAID
        assert [entry["key"] for entry in paypal.charges()] == [f"{started.ref}:capture:2"]

    @pytest.mark.parametrize("kind", ["reset_after", "error_after"])
    def test_with_a_lost_answer_are_repeated_with_the_same_id(self, paypal: Case, kind: str) -> None:
        started = paypal.provider.start(paypal.request())
        paypal.buyer("pays", started.redirect_url)
        paypal.fail_next(kind, {"paypal": "orders.capture"}, count=3)

        with pytest.raises(ProviderUnavailable) as failure:
            paypal.provider.settle(started.ref)

        assert failure.value.outcome_unknown
        assert paypal.provider.settle(started.ref).state is State.PAID
        assert len(paypal.charges()) == 1

    @pytest.mark.parametrize(("decision", "state"), [("COMPLETED", State.PAID), ("DECLINED", State.CLOSED)])
    def test_may_wait_for_a_review(self, paypal: Case, decision: str, state: State) -> None:
        started = paypal.provider.start(paypal.request())
        paypal.world.buyer(started.redirect_url, act="pending")

        waiting = paypal.provider.settle(started.ref)
        assert (waiting.state, paypal.provider.settle(started.ref).state) == (State.PROCESSING, State.PROCESSING)
        paypal.world.control(f"paypal/captures/{waiting.charge_ref}", status=decision)

        found = paypal.provider.settle(started.ref)
        assert found.state is state
        assert found.last_error == (None if state is State.PAID else "CAPTURE_DECLINED")

    def test_move_no_money_by_a_mere_look(self, paypal: Case) -> None:
        started = paypal.provider.start(paypal.request())
        paypal.buyer("pays", started.redirect_url)

        assert paypal.provider.fetch(started.ref).state is State.OPEN
        assert paypal.charges() == []

    def test_come_too_late_after_three_hours(self, paypal: Case) -> None:
        started = paypal.provider.start(paypal.request())
        paypal.buyer("pays", started.redirect_url)

        clock.advance(3 * 3600 + 1)

        assert paypal.provider.settle(started.ref).state is State.CLOSED

    def test_asked_for_by_two_at_once_happen_once(self, paypal: Case) -> None:
        import threading

        started = paypal.provider.start(paypal.request())
        paypal.buyer("pays", started.redirect_url)
        threads = [threading.Thread(target=paypal.provider.settle, args=(started.ref,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(paypal.charges()) == 1


class TestStart:
    def test_of_an_approved_order_leads_to_the_return_address(self, paypal: Case) -> None:
        request = paypal.request()
        started = paypal.provider.start(request)
        paypal.buyer("pays", started.redirect_url)

        assert paypal.provider.start(request).ref == started.ref

    def test_cuts_a_description_that_is_too_long(self, paypal: Case) -> None:
        assert paypal.provider.start(paypal.request(description="x" * 200)).ref


class TestTokens:
    def test_are_fetched_once_and_again_when_taken_back(self, paypal: Case) -> None:
        started = paypal.provider.start(paypal.request())
        assert paypal.world.control("paypal/expire-tokens") == {"expired": 1}

        assert paypal.provider.fetch(started.ref).state is State.OPEN
        assert paypal.world.control("paypal/expire-tokens") == {"expired": 1}

    def test_expire_with_the_products_clock(self, paypal: Case) -> None:
        started = paypal.provider.start(paypal.request())

        clock.advance(86400)

        assert paypal.provider.fetch(started.ref).state is State.OPEN


class TestSellers:
    def test_are_paid_and_can_be_refunded_in_their_name_only(self, world: World) -> None:
        case = Case(world, providers(world)["paypal"], "WNM9VDLXSZPFW")
        paid = case.paid()

        with pytest.raises(ProviderRefused, match="PERMISSION_DENIED"):
            case.provider.refund(paid, "rfd_1", paid.amount)
        with pytest.raises(ProviderRefused, match="PERMISSION_DENIED"):
            case.provider.refund(paid, "rfd_2", paid.amount, "SOMEBODYELSE")

        assert case.provider.refund(paid, "rfd_3", paid.amount, case.seller).ref
        assert [entry["account"] for entry in case.charges()] == ["WNM9VDLXSZPFW"]


class TestWebhooks:
    def test_of_another_webhook_id_are_refused(self, paypal: Case) -> None:
        paypal.paid()
        each = paypal.webhooks(1)[0]
        other = providers(paypal.world, paypal_webhook_id="0AB12345CD678901E")["paypal"]

        with pytest.raises(BadSignature):
            other.notice(each.headers, each.raw)

    def test_that_cannot_be_verified_now_are_neither_good_nor_bad(self, paypal: Case) -> None:
        paypal.paid()
        each = paypal.webhooks(1)[0]
        paypal.fail_next("error_before", {"paypal": "webhooks.verify"}, count=3)

        with pytest.raises(ProviderUnavailable):
            paypal.provider.notice(each.headers, each.raw)

        assert paypal.provider.notice(each.headers, each.raw)

    def test_are_sent_to_be_verified_byte_by_byte(self, paypal: Case) -> None:
        paypal.paid()
        each = paypal.webhooks(1)[0]
        assert "–".encode() in each.raw

        with pytest.raises(BadSignature):
            paypal.provider.notice(each.headers, json.dumps(json.loads(each.raw)).encode())

    def test_never_make_us_fetch_what_a_header_names(self, paypal: Case) -> None:
        """The SDK would fetch any address that a stranger puts into this header."""
        paypal.paid()
        each = paypal.webhooks(1)[0]
        headers = {name: value for name, value in each.headers.items() if name.lower() != "paypal-cert-url"}

        assert paypal.provider.notice({**headers, "PAYPAL-CERT-URL": "http://127.0.0.1:1/evil"}, each.raw)

"""What only Stripe has: 3-D Secure, signed times, accounts, stored failures."""

import hashlib
import hmac
import json
import logging
from pathlib import Path

import pytest

from actiontrac import clock
from services.billing.providers import BadSignature, Money, ProviderRefused, ProviderUnavailable, State
from tests.contracts.payments.support import Case, providers
from tests.sandbox.world import STRIPE_WEBHOOK_SECRET, World


@pytest.fixture
def stripe(world: World) -> Case:
    return Case(world, providers(world)["stripe"], None)


def signed(raw: bytes, age: float = 0.0, secret: str = STRIPE_WEBHOOK_SECRET) -> dict[str, str]:
    moment = int(clock.now().timestamp() - age)
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + raw, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={moment},v1={digest}"}


def event(live: bool = False) -> bytes:
    about = {"object": "checkout.session", "id": "cs_test_1", "client_reference_id": "pay_01", "payment_intent": "pi_1"}
    told = {"id": "evt_1", "object": "event", "type": "checkout.session.completed", "livemode": live}
    return json.dumps({**told, "data": {"object": about}}).encode()


class TestThreeDSecure:
    @pytest.mark.parametrize(
        ("card", "word", "proven"),
        [
            ({"card": "challenge", "auth": "pass"}, "authenticated", True),
            ({"card": "visa"}, "attempt_acknowledged", False),
            ({"card": "amex"}, "not_attempted", False),
        ],
    )
    def test_is_told_as_it_was_and_never_better(
        self, stripe: Case, card: dict[str, str], word: str, proven: bool
    ) -> None:
        started = stripe.provider.start(stripe.request())
        stripe.world.buyer(started.redirect_url, **card)

        found = stripe.provider.settle(started.ref)

        assert (found.state, found.authentication, found.authenticated) == (State.PAID, word, proven)

    def test_that_is_failed_leaves_the_checkout_open(self, stripe: Case) -> None:
        started = stripe.provider.start(stripe.request())
        stripe.world.buyer(started.redirect_url, card="challenge", auth="fail")

        found = stripe.provider.settle(started.ref)

        assert (found.state, found.last_error) == (State.OPEN, "payment_intent_authentication_failure")

    def test_that_is_abandoned_can_be_taken_up_again(self, stripe: Case) -> None:
        started = stripe.provider.start(stripe.request())
        stripe.world.buyer(started.redirect_url, card="challenge")
        stripe.world.buyer(started.redirect_url, auth="abandon")
        assert stripe.provider.settle(started.ref).state is State.OPEN

        stripe.world.buyer(started.redirect_url, auth="pass")

        assert stripe.provider.settle(started.ref).authenticated

    def test_is_asked_for_and_the_card_is_not_saved(self, stripe: Case) -> None:
        stripe.provider.start(stripe.request())

        [entry] = stripe.world.ledger("stripe", "session")
        assert "payment_method_options[card][request_three_d_secure]" in entry["parameters"]
        assert "wallet_options[link][display]" in entry["parameters"]


class TestSessions:
    def test_close_by_the_calendar(self, stripe: Case) -> None:
        started = stripe.provider.start(stripe.request())

        clock.advance(86400)

        assert stripe.provider.settle(started.ref).state is State.CLOSED

    def test_of_a_seller_are_invisible_without_the_sellers_account(self, stripe: Case) -> None:
        started = stripe.provider.start(stripe.request(seller="acct_77"))

        with pytest.raises(ProviderRefused, match="resource_missing"):
            stripe.provider.fetch(started.ref)

    def test_are_not_asked_for_with_an_account_of_another_form(self, stripe: Case) -> None:
        with pytest.raises(ProviderRefused, match="bad_reference"):
            stripe.provider.start(stripe.request(seller="acct_1\r\nX: y"))

    def test_lead_to_the_return_address_when_they_are_over(self, stripe: Case) -> None:
        """The key still answers, but the session has no page left; whoever returns is told how it ended."""
        started = stripe.provider.start(stripe.request())

        assert stripe.provider.start(stripe.request()).redirect_url == started.redirect_url

    def test_must_be_repeated_with_the_persisted_request(self, stripe: Case) -> None:
        stripe.provider.start(stripe.request())

        with pytest.raises(ProviderRefused, match="idempotency_error"):
            stripe.provider.start(stripe.request(expires_at=clock.in_days(0.7)))

    def test_keep_a_failure_that_stripe_stored(self, stripe: Case) -> None:
        """The worst of Stripe's rules: a stored 500 answers for a day, and only another attempt leads on."""
        stripe.fail_next("error_kept", {"stripe": "checkout.sessions.create"})

        for _ in range(2):
            with pytest.raises(ProviderUnavailable) as failure:
                stripe.provider.start(stripe.request())
            assert failure.value.outcome_unknown
        assert stripe.provider.start(stripe.request(attempt=2)).ref


class TestEnvironments:
    def test_are_never_mixed(self, stripe: Case) -> None:
        """A live adapter that meets test data must not call it money."""
        started = stripe.provider.start(stripe.request())
        stripe.provider.environment = "live"

        with pytest.raises(ProviderRefused, match="environment_mismatch"):
            stripe.provider.fetch(started.ref)


class TestRefunds:
    def test_that_fail_later_give_the_money_back_to_the_books(self, stripe: Case) -> None:
        started = stripe.provider.start(stripe.request())
        stripe.world.buyer(started.redirect_url, card="refund_fails")
        paid = stripe.provider.settle(started.ref)
        stripe.provider.refund(paid, "rfd_1", Money(12000, "USD"))
        assert stripe.provider.fetch(started.ref).refunded == Money(12000, "USD")

        stripe.world.post("/clock", json={"advance": "10s"})

        assert stripe.provider.fetch(started.ref).refunded == Money(0, "USD")

    def test_and_disputes_show_in_the_snapshot(self, stripe: Case) -> None:
        started = stripe.provider.start(stripe.request())
        stripe.world.buyer(started.redirect_url, card="disputed")

        found = stripe.provider.settle(started.ref)

        assert (found.state, found.disputed) == (State.PAID, True)


class TestSignedTime:
    def test_is_compared_with_the_products_clock(self, stripe: Case) -> None:
        clock.advance(400 * 86400)
        raw = event()

        assert stripe.provider.notice(signed(raw), raw).ref == "cs_test_1"

    @pytest.mark.parametrize("age", [0, 295, -55])
    def test_may_be_a_little_off(self, stripe: Case, age: float) -> None:
        raw = event()

        assert stripe.provider.notice(signed(raw, age), raw).event_id == "evt_1"

    @pytest.mark.parametrize("age", [305, 86400, -65, -86400])
    def test_may_not_be_far_off(self, stripe: Case, age: float) -> None:
        raw = event()

        with pytest.raises(BadSignature, match="too old"):
            stripe.provider.notice(signed(raw, age), raw)

    @pytest.mark.parametrize("header", ["", "t=1", "v1=abc", "t=x,v1=abc", "t=1,v1=", ",,,", "t=1,v0=abc"])
    def test_needs_a_whole_header(self, stripe: Case, header: str) -> None:
        with pytest.raises(BadSignature):
            stripe.provider.notice({"Stripe-Signature": header}, event())

    def test_needs_our_secret(self, stripe: Case) -> None:
        raw = event()

        with pytest.raises(BadSignature):
            stripe.provider.notice(signed(raw, secret="whsec_other"), raw)

    def test_may_be_signed_with_two_secrets_while_one_is_replaced(self, stripe: Case) -> None:
        raw = event()
        header = signed(raw)["Stripe-Signature"]

        assert stripe.provider.notice({"Stripe-Signature": f"{header},v1={'0' * 64}"}, raw)

    def test_does_not_carry_a_live_event_into_the_sandbox(self, stripe: Case) -> None:
        raw = event(live=True)

        with pytest.raises(BadSignature, match="environment"):
            stripe.provider.notice(signed(raw), raw)

    @pytest.mark.parametrize("raw", [b"[]", b'"x"', b"{}", b'{"data": {"object": 5}}', b'{"data": {"object": {}}}'])
    def test_does_not_make_an_event_of_something_else(self, stripe: Case, raw: bytes) -> None:
        with pytest.raises(BadSignature):
            stripe.provider.notice(signed(raw), raw)


class TestPrivacy:
    def test_logs_no_personal_data_and_no_secret(self, stripe: Case, caplog: pytest.LogCaptureFixture) -> None:
        stripe.provider.check()
        caplog.set_level(logging.INFO)

        stripe.paid()

        assert "ada@acme.example" not in caplog.text
        assert "sk_test" not in caplog.text

    def test_sends_no_telemetry(self, stripe: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        import stripe as sdk

        monkeypatch.setenv("HOME", str(tmp_path))
        stripe.paid()

        assert sdk.enable_telemetry is False
        assert not (tmp_path / ".config").exists()

    def test_does_not_quote_the_processors_sentences(self, stripe: Case) -> None:
        with pytest.raises(ProviderRefused) as refusal:
            stripe.provider.start(stripe.request(amount=Money(10, "USD")))

        assert str(refusal.value) == "The payment processor refused: amount_too_small"

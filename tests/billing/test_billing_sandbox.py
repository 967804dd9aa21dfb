"""Billing with its real adapters against the sandboxes that speak the processors' protocols."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from actiontrac import clock
from actiontrac.contracts.billing import SignatureRefused
from actiontrac.testing import as_request
from services.billing.models import Payment, Refund
from services.billing.providers import wire
from tests.billing.conftest import ACME, Shop
from tests.contracts.payments.support import ACTS, CHARGES, REFUND, START, providers
from tests.sandbox.world import World, wait_until

METHODS = pytest.mark.parametrize("method", ["card", "paypal"])
NAMES = {"card": "stripe", "paypal": "paypal"}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(wire, "PAUSES_SECONDS", (0.01, 0.02))
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def shop(open_shop, world) -> Shop:
    opened = open_shop()
    opened.service.providers = providers(world)
    return opened


def act(world, checkout, how="pays"):
    name = NAMES[checkout["method"]]
    return world.buyer(checkout["approval_url"], **ACTS[name][how])


def come_back(shop, checkout):
    as_request()
    return shop.service.return_from_provider(provider=NAMES[checkout["method"]], checkout_id=checkout["id"])["state"]


def deliver(shop, world, name):
    """Every webhook that the sandbox has sent so far, as the gateway would hand it over."""
    for received in list(world.receiver.of(name)):
        as_request()
        shop.service.receive_webhook(
            provider=name,
            headers={key.lower(): value for key, value in received.headers.items()},
            raw=base64.b64encode(received.raw).decode(),
        )


class TestBothProcessors:
    @METHODS
    def test_declined_then_paid_by_coming_back(self, shop, world, method):
        checkout = shop.create("team", method)
        act(world, checkout, "is declined")
        assert come_back(shop, checkout) == "open"
        assert shop.row(checkout)["last_error"]
        act(world, shop.row(checkout))
        assert come_back(shop, checkout) == "paid"

        assert shop.subscription()["state"] == "active"
        assert len(world.ledger(NAMES[method], CHARGES[NAMES[method]])) == 1
        [payment] = shop.rows(Payment)
        assert payment.method == method
        assert payment.authentication in ("authenticated", "payer_approved")

    @METHODS
    def test_paid_by_webhook_alone(self, shop, world, method):
        checkout = shop.create("team", method)
        act(world, checkout)
        wait_until(lambda: world.receiver.of(NAMES[method]), "a webhook arrives")
        deliver(shop, world, NAMES[method])
        shop.tick()

        assert shop.row(checkout)["state"] == "paid"

    @METHODS
    def test_paid_although_the_webhook_is_lost_and_nobody_comes_back(self, shop, world, method):
        checkout = shop.create("team", method)
        act(world, checkout)
        clock.advance(120)
        shop.tick()

        assert shop.row(checkout)["state"] == "paid"

    @METHODS
    def test_the_lost_answer_of_a_start_is_found_out(self, shop, world, method):
        # Every repetition of the adapter's own loses its answer too.
        world.fail_next(NAMES[method], "reset_after", START[NAMES[method]], count=5)
        checkout = shop.create("team", method)
        assert checkout["state"] == "unknown"
        for _ in range(4):
            clock.advance(60)
            shop.tick()
        assert shop.row(checkout)["state"] == "open"
        act(world, shop.row(checkout))

        assert come_back(shop, checkout) == "paid"
        assert len(world.ledger(NAMES[method], CHARGES[NAMES[method]])) == 1

    def test_the_lost_answer_of_a_capture_is_found_out(self, shop, world):
        checkout = shop.create("team", "paypal")
        act(world, checkout)
        world.fail_next("paypal", "reset_after", "orders.capture", count=3)
        came = come_back(shop, checkout)
        clock.advance(60)
        shop.tick()

        assert came in ("unknown", "paid")
        assert shop.row(checkout)["state"] == "paid"
        assert len(world.ledger("paypal", "capture")) == 1

    @METHODS
    def test_a_page_that_expired_is_closed(self, shop, world, method):
        checkout = shop.create("team", method)
        clock.advance(86400 + 60)
        shop.tick(2)

        assert shop.row(checkout)["state"] == "expired"

    @METHODS
    def test_refunded_in_part_and_then_whole_with_an_answer_lost(self, shop, world, method):
        checkout = shop.create("team", method)
        act(world, checkout)
        come_back(shop, checkout)
        assert shop.refund(checkout, 8000)["state"] == "done"
        world.fail_next(NAMES[method], "reset_after", REFUND[NAMES[method]], count=5)
        shop.refund(checkout)
        for _ in range(4):
            clock.advance(120)
            shop.tick()

        assert sorted(refund.state for refund in shop.rows(Refund)) == ["done", "done"]
        assert shop.row(checkout)["state"] == "refunded"
        assert len(world.ledger(NAMES[method], "refund")) == 2

    @METHODS
    def test_a_refund_that_is_pending_at_the_processor_gets_done(self, open_shop, world, method):
        # The published card with slow refunds cannot prove whose it is.
        shop = open_shop(ACTIONTRAC_BILLING_REQUIRE_3DS="attempted")
        shop.service.providers = providers(world)
        checkout = shop.create("team", method)
        act(world, checkout, "pays, slow refund")
        assert come_back(shop, checkout) == "paid"
        assert shop.refund(checkout)["state"] == "pending"
        for _ in range(6):
            clock.advance(3600)
            world.running.app.sweep()
            shop.tick()

        assert [refund.state for refund in shop.rows(Refund)] == ["done"]
        assert len(world.ledger(NAMES[method], "refund")) == 1

    @METHODS
    def test_the_second_of_two_payments_goes_back(self, shop, world, method):
        one, two = shop.create("team", method), shop.create("team", "card")
        act(world, two)
        act(world, one)
        come_back(shop, one)
        come_back(shop, two)
        shop.tick(2)

        assert (shop.row(one)["state"], shop.row(two)["state"]) == ("paid", "refunded")
        assert len(world.ledger("stripe", "refund")) == 1

    @METHODS
    def test_a_webhook_that_was_tampered_with_is_refused(self, shop, world, method):
        checkout = shop.create("team", method)
        act(world, checkout)
        wait_until(lambda: world.receiver.of(NAMES[method]), "a webhook arrives")
        received = world.receiver.of(NAMES[method])[0]
        forged = base64.b64encode(received.raw.replace(b"1", b"2", 1)).decode()

        with pytest.raises(SignatureRefused):
            shop.service.receive_webhook(
                provider=NAMES[method],
                headers={key.lower(): value for key, value in received.headers.items()},
                raw=forged,
            )

    def test_the_plain_card_goes_back_because_the_bank_did_not_ask(self, shop, world):
        checkout = shop.create("team", "card")
        world.buyer(checkout["approval_url"], card="visa")

        assert come_back(shop, checkout) == "refunded"
        assert shop.rows(Payment)[0].authentication == "attempt_acknowledged"

    def test_a_card_that_cannot_be_authenticated_is_given_back(self, shop, world):
        checkout = shop.create("team", "card")
        world.buyer(checkout["approval_url"], card="amex")

        assert come_back(shop, checkout) == "refunded"
        shop.tick()
        assert len(world.ledger("stripe", "refund")) == 1
        assert shop.service.get_subscription(company_id=ACME)["state"] == "none"

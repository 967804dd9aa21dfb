"""Webhooks are hints: verified, kept once, worked on afterwards, in any order (B09)."""

import base64

import pytest

from actiontrac import clock
from actiontrac.contracts.billing import ProviderAway, SignatureRefused
from services.billing.models import SubscriptionYear, WebhookNotice
from tests.billing.conftest import ACME


class TestReceiving:
    def test_a_signed_webhook_is_taken_and_the_payment_follows(self, shop):
        checkout = shop.create()
        shop.approve(checkout)

        assert shop.webhook(checkout) == {"status": "accepted"}
        shop.tick()
        assert shop.row(checkout)["state"] == "paid"

    def test_an_unsigned_one_is_refused_and_not_kept(self, shop):
        checkout = shop.create()

        with pytest.raises(SignatureRefused) as refused:
            shop.webhook(checkout, signature="forged")
        assert refused.value.status == 400
        assert shop.rows(WebhookNotice) == []

    def test_what_is_not_base64_is_refused(self, shop):
        with pytest.raises(SignatureRefused):
            shop.service.receive_webhook(provider="stripe", headers={"signature": "good"}, raw="§§§")

    def test_one_that_cannot_be_verified_now_must_come_again(self, shop):
        checkout = shop.create("team", "paypal")
        shop.paypal.down.add("notice")

        with pytest.raises(ProviderAway):
            shop.webhook(checkout)
        assert shop.rows(WebhookNotice) == []

    def test_one_about_nothing_of_ours_is_ignored(self, shop):
        checkout = shop.create()

        assert shop.webhook(checkout, other="thing") == {"status": "ignored"}

    def test_the_bytes_are_verified_as_they_came(self, shop):
        seen = []
        shop.stripe.notice = lambda headers, raw: seen.append(raw) or (_ for _ in ()).throw(_bad())
        raw = b'{"id" :  "e",\n "b":1}'
        with pytest.raises(SignatureRefused):
            shop.service.receive_webhook(provider="stripe", headers={}, raw=base64.b64encode(raw).decode())

        assert seen == [raw]

    def test_of_its_body_only_ids_are_kept(self, shop):
        checkout = shop.create()
        shop.webhook(checkout, ref=shop.ref_of(checkout), buyer="olive@acme.example")

        stored = b"".join(path.read_bytes() for path in shop.settings.home.glob("billing.db*"))
        assert b"olive@acme.example" not in stored


def _bad():
    from services.billing.providers import BadSignature

    return BadSignature("forged")


class TestWorking:
    def test_a_duplicate_is_told_apart_and_does_nothing(self, shop):
        checkout = shop.create()
        shop.approve(checkout)
        statuses = [shop.webhook(checkout)["status"] for _ in range(3)]
        shop.tick(3)

        assert statuses == ["accepted", "duplicate", "duplicate"]
        assert len(shop.events("payment.received")) == 1

    def test_twenty_at_once_with_one_event_id_are_one(self, shop):
        checkout = shop.create()
        came = shop.at_once(20, lambda number: shop.webhook(checkout)["status"])

        assert sorted(came) == ["accepted"] + ["duplicate"] * 19
        assert len(shop.rows(WebhookNotice)) == 1

    def test_the_same_event_id_of_the_other_provider_is_another_event(self, shop):
        one, two = shop.create("team", "card"), shop.create("team", "paypal")

        assert shop.webhook(one)["status"] == shop.webhook(two)["status"] == "accepted"

    def test_the_order_does_not_matter(self, shop):
        checkout = shop.create("team", "paypal")
        shop.approve(checkout)
        shop.webhook(checkout, "evt_captured", payment_id=checkout["id"])
        shop.webhook(checkout, "evt_approved")
        shop.tick(2)
        shop.webhook(checkout, "evt_created")
        shop.tick(2)

        assert shop.row(checkout)["state"] == "paid"
        assert shop.paypal.charges() == len(shop.rows(SubscriptionYear)) == 1

    def test_it_finds_its_checkout_by_our_id_and_by_the_charge(self, shop):
        checkout = shop.create()
        shop.approve(checkout)
        shop.webhook(checkout, "evt_1", payment_id=checkout["id"])
        shop.tick()
        assert shop.row(checkout)["state"] == "paid"
        shop.webhook(checkout, "evt_2", charge_ref=f"ch_{shop.ref_of(checkout)}")
        shop.tick()

        assert all(notice.due_at is None for notice in shop.rows(WebhookNotice))

    def test_one_about_an_unknown_checkout_is_given_up_after_a_while(self, shop):
        checkout = shop.create()
        shop.webhook(checkout, ref="stripe_999")
        shop.tick()
        assert shop.rows(WebhookNotice)[0].due_at is not None
        for _ in range(10):
            shop.wait(3600)

        assert shop.rows(WebhookNotice)[0].due_at is None

    def test_one_that_meets_a_silent_processor_is_worked_on_again(self, shop):
        checkout = shop.create()
        shop.approve(checkout)
        shop.stripe.down.add("settle")
        shop.webhook(checkout)
        shop.tick()
        assert shop.row(checkout)["state"] == "open"
        shop.stripe.down.clear()
        shop.wait(61)

        assert shop.row(checkout)["state"] == "paid"

    def test_done_ones_are_forgotten_after_thirty_days(self, shop):
        checkout = shop.buy()
        shop.webhook(checkout)
        shop.tick()
        clock.advance(31 * 86400)
        shop.service.forget_webhooks()

        assert shop.rows(WebhookNotice) == []
        assert shop.subscription(ACME)["state"] == "active"

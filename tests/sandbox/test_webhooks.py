"""Webhooks arrive, signed, until they arrive; and badly, when a test asks for it."""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from actiontrac import clock
from actiontrac.sandbox import webhooks
from tests.sandbox import test_paypal, test_stripe
from tests.sandbox.world import PAYPAL_WEBHOOK_ID, STRIPE_WEBHOOK_SECRET, World, wait_until


def kinds(world: World, provider: str) -> list[str]:
    name = {"stripe": "type", "paypal": "event_type"}[provider]
    return [json.loads(each.raw)[name] for each in world.receiver.of(provider)]


def pay(world: World) -> dict[str, Any]:
    """Three events at Stripe: the intent, the charge, the session."""
    return test_stripe.paid(world)


class TestSignatures:
    def test_of_stripe_are_hmacs_of_time_and_body(self, world: World) -> None:
        pay(world)
        wait_until(lambda: len(world.receiver.of("stripe")) == 3, "three events arrive")

        for each in world.receiver.of("stripe"):
            moment, signature = each.headers["Stripe-Signature"].removeprefix("t=").split(",v1=")
            wanted = hmac.new(STRIPE_WEBHOOK_SECRET.encode(), f"{moment}.".encode() + each.raw, hashlib.sha256)
            assert signature == wanted.hexdigest()

    def test_follow_the_products_clock(self, world: World) -> None:
        clock.advance(30 * 86400)
        pay(world)
        wait_until(lambda: world.receiver.of("stripe"), "an event arrives")

        moment = int(world.receiver.of("stripe")[0].headers["Stripe-Signature"].split(",")[0].removeprefix("t="))

        assert abs(moment - clock.now().timestamp()) < 60

    def test_of_paypal_can_be_checked_with_the_named_certificate(self, world: World) -> None:
        test_paypal.approved(world)
        [each] = wait_until(lambda: world.receiver.of("paypal"), "the approval is told")
        told = {name.lower(): value for name, value in each.headers.items()}
        path = told["paypal-cert-url"].removeprefix(world.url)
        key = x509.load_pem_x509_certificate(world.get(path).content).public_key()
        assert isinstance(key, rsa.RSAPublicKey)

        message = "|".join(
            (
                told["paypal-transmission-id"],
                told["paypal-transmission-time"],
                PAYPAL_WEBHOOK_ID,
                str(binascii.crc32(each.raw)),
            )
        )

        signature = base64.b64decode(told["paypal-transmission-sig"])
        key.verify(signature, message.encode(), padding.PKCS1v15(), hashes.SHA256())


class TestDelivery:
    def test_goes_on_until_the_receiver_takes_it(self, world: World) -> None:
        world.receiver.status = 503
        pay(world)
        wait_until(lambda: all(each["attempts"] >= 2 for each in world.deliveries("stripe")), "all were tried twice")

        world.receiver.status = 200

        wait_until(lambda: all(each["state"] == "delivered" for each in world.deliveries("stripe")), "all arrive")

    def test_goes_on_after_a_restart(self, world: World) -> None:
        world.receiver.status = 503
        pay(world)
        wait_until(lambda: world.receiver.of("stripe"), "a try was made")
        world.running.close()
        world.receiver.status, before = 200, len(world.receiver.of("stripe"))

        world.running = world._start()

        wait_until(lambda: len(world.receiver.of("stripe")) >= before + 3, "all come again")

    def test_slows_down_and_does_not_give_up_for_hours(self) -> None:
        delays = [webhooks.retry_delay(attempts) for attempts in range(1, webhooks.MOST_ATTEMPTS)]

        assert delays[0] == 0.2
        assert max(delays) == 15
        assert sum(delays) > 2 * 3600 - 300


class TestModes:
    def test_drops(self, world: World) -> None:
        world.control("webhooks", provider="stripe", mode="drop")
        pay(world)

        assert {each["state"] for each in world.deliveries("stripe")} == {"dropped"}

    def test_doubles(self, world: World) -> None:
        world.control("webhooks", provider="stripe", mode="duplicate", times=2)
        pay(world)

        wait_until(lambda: len(world.receiver.of("stripe")) == 6, "every event comes twice")

    def test_delays(self, world: World) -> None:
        world.control("webhooks", provider="stripe", mode="delay", seconds=3600)
        pay(world)
        assert {each["attempts"] for each in world.deliveries("stripe")} == {0}

        clock.advance(3601)

        wait_until(lambda: len(world.receiver.of("stripe")) == 3, "they come an hour later")

    def test_turns_the_order_round(self, world: World) -> None:
        world.control("webhooks", provider="stripe", mode="reorder", seconds=0.6)
        pay(world)

        wait_until(lambda: len(world.receiver.of("stripe")) == 3, "all arrive")
        assert kinds(world, "stripe") == ["checkout.session.completed", "charge.succeeded", "payment_intent.succeeded"]

    @pytest.mark.parametrize("order", ["sent", "reversed"])
    def test_holds_and_releases_in_the_order_asked_for(self, world: World, order: str) -> None:
        world.control("webhooks", provider="stripe", mode="hold")
        pay(world)
        assert world.receiver.received == []

        assert world.control("webhooks/release", provider="stripe", order=order) == {"released": 3}

        wait_until(lambda: len(world.receiver.of("stripe")) == 3, "all arrive")
        expected = ["payment_intent.succeeded", "charge.succeeded", "checkout.session.completed"]
        assert kinds(world, "stripe") == (expected if order == "sent" else expected[::-1])

    def test_sends_one_again_on_request(self, world: World) -> None:
        pay(world)
        wait_until(lambda: len(world.receiver.of("stripe")) == 3, "all arrive")
        event_id = json.loads(world.receiver.of("stripe")[0].raw)["id"]

        world.control("webhooks/redeliver", event_id=event_id, times=2)

        wait_until(lambda: len(world.receiver.of("stripe")) == 5, "it comes twice more")
        again = [each.raw for each in world.receiver.of("stripe") if json.loads(each.raw)["id"] == event_id]
        assert len(set(again)) == 1

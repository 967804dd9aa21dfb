"""Nothing of ours ends: a processor does what it was asked, and its answer or its webhook is lost."""

from typing import Any

from tests.chaos.actors import Actor
from tests.chaos.scene import PAID, REFUNDED, Scene
from tests.chaos.stories import START, bought, reachable

SETTLE = {"card": "checkout.sessions.retrieve", "paypal": "orders.capture"}
REFUND = {"card": "refunds.create", "paypal": "captures.refund"}

#: As often as the adapter asks by itself; what comes too late (8 s) is not asked for again at once.
TRIES = {"error_after": 3, "reset_after": 3, "timeout_after": 1}
TOO_LATE_SECONDS = 9.0


def _lose(scene: Scene, operation: str) -> None:
    scene.fault(scene.provider, operation, scene.kind, count=TRIES[scene.kind], seconds=TOO_LATE_SECONDS)


def lost_start(scene: Scene) -> None:
    """The processor has opened the checkout; the reconciler finds that one, and opens no other."""
    buyer = scene.actor()
    _lose(scene, START[scene.method])
    checkout = buyer.order(scene.method)
    assert checkout["state"] == "unknown"
    buyer.pay(reachable(scene, buyer, checkout))
    scene.converge(buyer, PAID)


def lost_capture(scene: Scene) -> None:
    """The money was taken (or a card's charge could not be read); nothing but the reconciler looks again."""
    buyer = scene.actor()
    scene.webhooks("drop")
    checkout = buyer.order(scene.method)
    _lose(scene, SETTLE[scene.method])
    buyer.pay(checkout)
    states = [row["state"] for row in _checkouts(scene, buyer)]
    assert states == (["unknown"] if scene.method == "paypal" else ["open"]), states
    scene.converge(buyer, PAID)
    scene.webhooks("normal")


def lost_refund(scene: Scene) -> None:
    """The money went back; no webhook says so, the reconciler finds out, and gives nothing back again."""
    buyer, checkout = bought(scene)
    scene.webhooks("drop")
    _lose(scene, REFUND[scene.method])
    assert buyer.refund(checkout)["state"] == "unknown"
    scene.converge(buyer, REFUNDED)
    scene.webhooks("normal")


def lost_refund_that_a_webhook_tells(scene: Scene) -> None:
    """The webhook may come before anybody looks again: what it tells is the same refund, once."""
    buyer, checkout = bought(scene)
    _lose(scene, REFUND[scene.method])
    assert buyer.refund(checkout)["state"] in ("unknown", "done")
    scene.converge(buyer, REFUNDED)


def _checkouts(scene: Scene, buyer: Actor) -> list[dict[str, Any]]:
    return scene.truth.rows("billing", "SELECT * FROM checkouts WHERE company_id = :id", id=buyer.company_id)


# Webhooks; nobody comes back to the product unless it is said


def webhooks_three_times(scene: Scene) -> None:
    buyer = scene.actor()
    scene.webhooks("duplicate", times=3)
    buyer.pay(buyer.order(scene.method), come_back=False)
    scene.converge(buyer, PAID)
    scene.webhooks("normal")


def webhooks_in_reverse(scene: Scene) -> None:
    buyer = scene.actor()
    scene.webhooks("hold")
    buyer.pay(buyer.order(scene.method), come_back=False)
    scene.release_webhooks("reversed")
    scene.converge(buyer, PAID)


def webhooks_dropped(scene: Scene) -> None:
    """Nobody tells us anything: the reconciler asks by itself."""
    buyer = scene.actor()
    scene.webhooks("drop")
    buyer.pay(buyer.order(scene.method), come_back=False)
    scene.converge(buyer, PAID)
    scene.webhooks("normal")


def webhooks_after_the_refund(scene: Scene) -> None:
    """Those about the payment arrive when the money has long gone back: they bring nothing back to life."""
    buyer = scene.actor()
    scene.webhooks("hold")
    checkout = buyer.order(scene.method)
    buyer.pay(checkout)
    scene.converge(buyer, PAID, keep=False)
    buyer.refund(checkout)
    scene.converge(buyer, REFUNDED)
    scene.release_webhooks("reversed")
    scene.wait("the late webhooks", lambda: _all_delivered(scene))
    scene.converge(buyer, REFUNDED)


def _all_delivered(scene: Scene) -> bool:
    deliveries = scene.lane.product.control("GET", "webhooks")
    return all(each["state"] in ("delivered", "dropped") for each in deliveries)

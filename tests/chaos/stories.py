"""Buying, paying, refunding, and the mail about it, while something ends in the middle."""

from dataclasses import replace
from typing import Any

import requests

from tests.chaos.actors import Actor, new_key
from tests.chaos.scene import LOST, PAID, REFUNDED, Scene

START = {"card": "checkout.sessions.create", "paypal": "orders.create"}

#: Cancelled on our side when another one was paid; the processor's page of the first is closed, too.
SECOND_CHECKOUT = replace(PAID, checkouts={"paid": 1, "canceled": 1}, starts=2)


def purchase(scene: Scene) -> None:
    """Order, pay on the processor's page, come back; webhooks come as they like."""
    buyer = scene.actor()
    scene.arm()
    buyer.pay(buyer.order(scene.method))
    scene.converge(buyer, PAID)


def settled_by_the_return(scene: Scene) -> None:
    """The browser comes back at once, the webhooks only when all is over."""
    buyer = scene.actor()
    scene.webhooks("hold")
    scene.arm()
    buyer.pay(buyer.order(scene.method))
    scene.converge(buyer, PAID)
    scene.release_webhooks()
    scene.converge(buyer, PAID)


def settled_by_a_webhook(scene: Scene) -> None:
    """The browser never comes back."""
    buyer = scene.actor()
    scene.arm()
    buyer.pay(buyer.order(scene.method), come_back=False)
    scene.converge(buyer, PAID)


def settled_by_the_reconciler(scene: Scene) -> None:
    """The browser never comes back, and no webhook arrives."""
    buyer = scene.actor()
    scene.webhooks("drop")
    scene.arm()
    buyer.pay(buyer.order(scene.method), come_back=False)
    scene.converge(buyer, PAID)
    scene.webhooks("normal")


def paid_at_the_second_try(scene: Scene) -> None:
    """Declined first, looked at, then paid: settling begins more than once."""
    buyer = scene.actor()
    scene.webhooks("hold")
    scene.arm()
    checkout = buyer.order(scene.method)
    buyer.pay(checkout, "decline")
    scene.lane.advance("5s")
    buyer.pay(buyer.look(checkout))
    scene.converge(buyer, PAID)
    scene.release_webhooks()
    scene.converge(buyer, PAID)


def second_checkout(scene: Scene) -> None:
    """A first checkout is left open; the second one is paid, and the first can be paid no more."""
    buyer = scene.actor()
    scene.arm()
    buyer.order("card")
    buyer.pay(buyer.order(scene.method))
    scene.converge(buyer, SECOND_CHECKOUT)


def interrupted_start(scene: Scene) -> None:
    """The answer to the start is lost; the reconciler resumes it, and is cut off in turn."""
    buyer = scene.actor()
    scene.fault(scene.provider, START[scene.method], "reset_after", count=3)
    scene.arm()
    checkout = buyer.order(scene.method)
    assert checkout["state"] == "unknown"
    buyer.pay(reachable(scene, buyer, checkout))
    scene.converge(buyer, PAID)


def interrupted_start_twice(scene: Scene) -> None:
    """Cut off at the start, and again when the start is resumed; the client asks only at the end."""
    buyer = scene.actor()
    key, order = new_key(), {"plan": "starter", "method": scene.method}
    scene.arm("billing.checkout.after_provider")
    try:
        # In the full mode the gateway is still there, and says that nobody knows yet how it ended.
        buyer.customer.http.request("POST", "/v1/checkouts", expect=(409, 503, 504), key=key, json=order)
    except requests.RequestException:
        # In the embedded mode it ended with the rest.
        assert scene.lane.product.mode == "embedded"
    scene.lane.wait_back()
    scene.arm()
    scene.wait("the resumed start", lambda: scene.lane.fired and _is_started(scene, buyer))
    answer = buyer.send("POST", "/v1/checkouts", wanted=(201,), key=key, json=order)
    buyer.pay(answer.json())
    scene.converge(buyer, PAID)


def _is_started(scene: Scene, buyer: Actor) -> bool:
    found = scene.truth.rows("billing", "SELECT * FROM checkouts WHERE company_id = :id", id=buyer.company_id)
    return [row["provider_ref"] is not None for row in found] == [True]


def reachable(scene: Scene, buyer: Actor, checkout: dict[str, Any]) -> dict[str, Any]:
    """The checkout as soon as it has a page, found by looking at it again and again."""
    found = [checkout]

    def look() -> bool:
        found[0] = buyer.look(checkout)
        return bool(found[0]["approval_url"])

    scene.wait("the payment page", look)
    return found[0]


# Money on its way back


def refund(scene: Scene) -> None:
    """All of it goes back, once."""
    buyer, checkout = bought(scene)
    scene.arm()
    buyer.refund(checkout)
    scene.converge(buyer, REFUNDED)


def refund_in_parts(scene: Scene) -> None:
    """Half of it and then the rest: the second call to the processor is cut off."""
    buyer, checkout = bought(scene)
    scene.arm()
    buyer.refund(checkout, amount_minor=checkout["amount_minor"] // 2)
    buyer.refund(checkout)
    scene.converge(buyer, replace(REFUNDED, refunds=2, credit_notes=2, mails={**PAID.mails, "refund": 2}))


def bought(scene: Scene) -> tuple[Actor, dict[str, Any]]:
    buyer = scene.actor()
    checkout = buyer.order(scene.method)
    buyer.pay(checkout)
    scene.converge(buyer, PAID, keep=False)
    return buyer, checkout


# What happens at the processor


def refund_by_hand(scene: Scene) -> None:
    """Somebody gives all of it back in the processor's dashboard: one credit note, however it is seen."""
    buyer, _ = bought(scene)
    scene.arm()
    scene.at_the_processor("refunds", charge=_charge(scene, buyer))
    scene.converge(buyer, REFUNDED)


def lost_dispute(scene: Scene) -> None:
    """A buyer disputes the payment and the bank takes it back: told, booked and written down once each."""
    buyer, _ = bought(scene)
    scene.arm()
    opened = scene.at_the_processor("disputes", charge=_charge(scene, buyer))
    # The process ends just after it has recorded the opening, and is back before the bank decides.
    scene.wait("the dispute's mark", lambda: _mark(scene, buyer) == "open" and scene.lane.fired)
    scene.lane.wait_back()
    scene.lane.product.control("POST", f"disputes/{opened['id']}/close", json={"status": "lost"})
    scene.converge(buyer, LOST)


def _mark(scene: Scene, buyer: Actor) -> str | None:
    found = scene.truth.rows("billing", "SELECT dispute FROM checkouts WHERE company_id = :id", id=buyer.company_id)
    return found[0]["dispute"]  # type: ignore[no-any-return]


def _charge(scene: Scene, buyer: Actor) -> str:
    found = scene.truth.rows("billing", "SELECT provider_ref FROM payments WHERE company_id = :id", id=buyer.company_id)
    return str(found[0]["provider_ref"])

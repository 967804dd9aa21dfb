"""The two adapters against the sandbox, and the buyer, who alone knows which page it is."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from actiontrac import clock
from services.billing.providers import Money, PaymentProvider, Request, Snapshot
from services.billing.providers.factory import ProviderSettings, build
from tests.sandbox.world import (
    PAYPAL_CLIENT_ID,
    PAYPAL_CLIENT_SECRET,
    PAYPAL_WEBHOOK_ID,
    STRIPE_KEY,
    STRIPE_WEBHOOK_SECRET,
    World,
    wait_until,
)

DOLLARS_120 = Money(12000, "USD")

#: How the buyer acts on each processor's page: the form that the page would send.
ACTS = {
    "stripe": {
        "pays": {"card": "challenge", "auth": "pass"},
        "is declined": {"card": "no_funds"},
        "pays, slow refund": {"card": "refund_later"},
        "leaves": {"auth": "abandon"},
    },
    "paypal": {
        "pays": {"act": "ok"},
        "is declined": {"act": "declined"},
        "pays, slow refund": {"act": "refund_later"},
        "leaves": {"act": "cancel"},
    },
}
SELLERS = {"stripe": "acct_77", "paypal": "WNM9VDLXSZPFW"}
#: The ledger's words for the two things that must never happen twice.
CHARGES = {"stripe": "charge", "paypal": "capture"}
START = {"stripe": "checkout.sessions.create", "paypal": "orders.create"}
READ = {"stripe": "checkout.sessions.retrieve", "paypal": "orders.get"}
REFUND = {"stripe": "refunds.create", "paypal": "captures.refund"}


def settings(world: World, **changes: Any) -> ProviderSettings:
    made = ProviderSettings(
        mode="sandbox",
        sandbox_url=world.url,
        stripe_secret_key=STRIPE_KEY,
        stripe_webhook_secret=STRIPE_WEBHOOK_SECRET,
        paypal_client_id=PAYPAL_CLIENT_ID,
        paypal_client_secret=PAYPAL_CLIENT_SECRET,
        paypal_webhook_id=PAYPAL_WEBHOOK_ID,
        connect_seconds=2,
        answer_seconds=4,
    )
    return replace(made, **changes)


def providers(world: World, **changes: Any) -> dict[str, PaymentProvider]:
    return build(settings(world, **changes))


@dataclass
class Case:
    """One processor, with or without a seller, and the sandbox behind it."""

    world: World
    provider: PaymentProvider
    seller: str | None
    #: As billing does: decided once and sent again unchanged, or the processor refuses the repeat.
    expires_at: datetime = field(default_factory=lambda: clock.in_days(0.5))

    @property
    def name(self) -> str:
        return self.provider.name

    def request(self, **changes: Any) -> Request:
        made = Request(
            payment_id="pay_01",
            amount=DOLLARS_120,
            description="ActionTrac, annual subscription",
            email="ada@acme.example",
            success_url="http://127.0.0.1/billing/return",
            cancel_url="http://127.0.0.1/billing/cancel",
            expires_at=self.expires_at,
            seller=self.seller,
            fee=Money(600, "USD") if self.seller else None,
        )
        return replace(made, **changes)

    def buyer(self, how: str, page: str | None) -> None:
        assert page is not None
        answer = self.world.buyer(page, **ACTS[self.name][how])
        assert answer.status_code == 303, answer.text

    def paid(self, how: str = "pays", **changes: Any) -> Snapshot:
        started = self.provider.start(self.request(**changes))
        self.buyer(how, started.redirect_url)
        return self.provider.settle(started.ref, self.seller)

    def fail_next(self, kind: str, operation: dict[str, str], **options: Any) -> None:
        self.world.fail_next(self.name, kind, operation[self.name], **options)

    def charges(self) -> list[dict[str, Any]]:
        return self.world.ledger(self.name, CHARGES[self.name])

    def refunds(self) -> list[dict[str, Any]]:
        return self.world.ledger(self.name, "refund")

    def webhooks(self, count: int) -> list[Any]:
        found: Callable[[], list[Any]] = lambda: self.world.receiver.of(self.name)  # noqa: E731
        wait_until(lambda: len(found()) >= count, f"{count} webhooks of {self.name} arrive")
        return found()

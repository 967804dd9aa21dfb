"""
The seam between billing and the payment processors (B02).

Billing knows one Protocol. Sandbox and live are the same classes with other base
addresses and keys: there is no third, pretended provider. Nothing here reads a
database, and nothing here stores or sees a card number (S30, S32).
"""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.billing.providers.money import Money

__all__ = [
    "Aftermath",
    "BadSignature",
    "Charge",
    "DisputeState",
    "Disputed",
    "GivenBack",
    "Money",
    "Notice",
    "PaymentProvider",
    "ProviderError",
    "ProviderRefused",
    "ProviderUnavailable",
    "RefundState",
    "Refunded",
    "Request",
    "Snapshot",
    "Started",
    "State",
]


class State(enum.StrEnum):
    """Where a checkout stands at the processor; refunds and disputes are told beside it."""

    OPEN = "open"
    PROCESSING = "processing"
    PAID = "paid"
    CLOSED = "closed"


class RefundState(enum.StrEnum):
    """A processor may accept a refund and still fail it later."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Request:
    """
    One attempt to be paid for one invoice.

    Persist it before the call and send the same values again on a retry: both
    processors refuse or misread a known key with other parameters. That is why
    ``expires_at`` is part of it and not computed here.
    """

    payment_id: str
    amount: Money
    description: str
    email: str
    success_url: str
    cancel_url: str
    attempt: int = 1
    expires_at: datetime | None = None
    seller: str | None = None
    fee: Money | None = None


@dataclass(frozen=True)
class Started:
    """The processor's id of the checkout, and the page to send the buyer to."""

    ref: str
    redirect_url: str


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """
    What the processor says now about one checkout.

    Check ``amount``, ``payment_id``, ``seller`` and ``environment`` against the
    stored row before believing ``state``: a reference from a browser may be
    somebody else's payment.
    """

    ref: str
    state: State
    amount: Money
    environment: str
    payment_id: str | None
    seller: str | None = None
    charge_ref: str | None = None
    last_error: str | None = None
    #: True only after a definite decline of a capture: pass ``capture_attempt + 1`` to the next settle.
    capture_declined: bool = False
    #: What the processor says about the buyer's authentication, such as ``authenticated``,
    #: ``attempt_acknowledged`` or ``payer_approved``; S33 promises no more than this word says.
    authentication: str | None = None
    #: ``card`` or ``paypal``, for the record of B04.
    method: str | None = None
    retry_url: str | None = None
    #: What the platform keeps of a seller's payment.
    fee: Money | None = None
    refunded: Money | None = None
    disputed: bool = False

    @property
    def authenticated(self) -> bool:
        """Whether the buyer proved who they are at the processor (S33)."""
        return self.authentication in ("authenticated", "payer_approved")


@dataclass(frozen=True)
class Refunded:
    """The processor's id of a refund and how far it is."""

    ref: str
    state: RefundState


class DisputeState(enum.StrEnum):
    """Where a dispute stands; inquiries that may become one count as open."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True)
class GivenBack:
    """A refund as the processor has it; ``ours`` is the id that we gave it, None where somebody else made it."""

    ref: str
    amount: Money
    state: RefundState
    ours: str | None = None


@dataclass(frozen=True, kw_only=True)
class Disputed:
    """A buyer's dispute: ``reason`` is the processor's own word, ``fee`` what it has taken for it so far."""

    ref: str
    amount: Money
    state: DisputeState
    reason: str = ""
    fee: int = 0


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """All that happened at the processor to a payment after it arrived, whoever did it."""

    refunds: tuple[GivenBack, ...] = ()
    disputes: tuple[Disputed, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Charge:
    """Money that arrived at the processor; ``payment_id`` is ours where it was told."""

    ref: str
    amount: Money
    made_at: datetime
    payment_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Notice:
    """
    A verified webhook: a hint to go and look, never the truth itself.

    ``ref`` is our checkout where the event names it; otherwise ``payment_id`` or
    ``charge_ref`` leads to it.
    """

    event_id: str
    kind: str
    ref: str | None
    payment_id: str | None = None
    charge_ref: str | None = None
    seller: str | None = None


class ProviderError(Exception):
    """Something between us and the processor went wrong."""


class BadSignature(ProviderError):
    """The webhook was not sent by the processor, or not to us, or not now."""


class ProviderUnavailable(ProviderError):
    """
    The processor did not answer usefully.

    ``outcome_unknown`` is True when the call may have had its effect: repeat it
    with the same ids, or read; never start another one instead.
    """

    def __init__(self, message: str, *, outcome_unknown: bool) -> None:
        super().__init__(message)
        self.outcome_unknown = outcome_unknown


class ProviderRefused(ProviderError):
    """
    The processor said no, and nothing happened.

    ``code`` is the processor's own word, such as ``resource_missing`` or
    ``REFUND_AMOUNT_EXCEEDED``; its sentence is left out because it may quote
    personal data.
    """

    def __init__(self, code: str, *, field: str | None = None) -> None:
        super().__init__(f"The payment processor refused: {code}" + (f" ({field})" if field else ""))
        self.code = code
        self.field = field


class PaymentProvider(Protocol):
    """
    One processor. Every method may raise ProviderUnavailable or ProviderRefused.

    ``seller`` is the contractor's account at the processor when the money is
    theirs (T13); keep it with the payment, a checkout is invisible without it.
    """

    name: str
    environment: str

    def start(self, request: Request) -> Started:
        """
        Open a checkout; the same (payment_id, attempt) answers with the same one.

        This is also the way back from an unknown outcome: neither processor can
        list checkouts by our payment_id, so repeat the very same request while
        the processor keeps its key (Stripe 24 h, PayPal 6 h).
        """

    def settle(self, ref: str, seller: str | None = None, *, capture_attempt: int = 1) -> Snapshot:
        """
        Make the checkout as final as it can be, and tell; safe to repeat.

        PayPal moves no money until an approved order is captured: this captures.
        ``capture_attempt`` starts at 1, is stored by the caller, and grows by one
        only after a Snapshot with ``capture_declined``; after a time-out it stays.
        """

    def fetch(self, ref: str, seller: str | None = None) -> Snapshot:
        """Read the checkout and change nothing."""

    def cancel(self, ref: str, seller: str | None = None) -> Snapshot:
        """
        Close a checkout that is still open, and tell what was found.

        Stripe expires the session. PayPal has no way to close an order, so its
        Snapshot may still say open: the caller must treat a later approval as
        money to give back.
        """

    def refund(self, snapshot: Snapshot, refund_id: str, amount: Money, seller: str | None = None) -> Refunded:
        """Give back ``amount``; one ``refund_id`` is one refund, however often it is called."""

    def aftermath(self, ref: str, charge_ref: str, seller: str | None = None) -> Aftermath:
        """Read what happened to a payment after it arrived: refunds by anybody, and disputes."""

    def received(self, since: datetime, until: datetime) -> Iterator[Charge]:
        """
        Read everything that arrived on our own account between two moments.

        PayPal tells a payment up to three hours late, and needs the transaction search
        to be allowed for the app; without it this is refused.
        """

    def open_account(self, key: str) -> str:
        """
        Open an account for a seller, who owns it and tells the processor about themselves
        on ``account_page``; one key is one account. Refused where an account must be named.
        """

    def account_page(self, account: str, back_url: str) -> str:
        """The processor's page on which the seller finishes; it works for some minutes and once."""

    def can_be_paid(self, account: str) -> bool:
        """Whether money can go to a seller's account now, as far as the processor lets us see it."""

    def notice(self, headers: Mapping[str, str], raw: bytes) -> Notice:
        """
        Verify a webhook from its headers and its unchanged bytes.

        Raises:
            BadSignature: answer 400 and forget it.
            ProviderUnavailable: it could not be verified now; answer 5xx so that it comes again.
        """

    def check(self) -> None:
        """Prove that the keys work and the processor can be reached; moves nothing."""

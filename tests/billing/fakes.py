"""A payment processor in memory: it remembers keys, takes money once per checkout, and can lose answers."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.billing.providers import (
    Aftermath,
    BadSignature,
    Charge,
    Disputed,
    DisputeState,
    GivenBack,
    Money,
    Notice,
    ProviderRefused,
    ProviderUnavailable,
    Refunded,
    RefundState,
    Request,
    Snapshot,
    Started,
    State,
)


@dataclass
class Order:
    """One checkout as the processor knows it."""

    ref: str
    request: Request
    approved: bool = False
    declines: bool = False
    captures: dict[int, str] = field(default_factory=dict)
    charges: int = 0
    closed: bool = False
    pending: bool = False
    authentication: str | None = None
    last_error: str | None = None
    refunds: dict[str, int] = field(default_factory=dict)
    disputes: dict[str, Disputed] = field(default_factory=dict)


class FakeProvider:
    """A PaymentProvider; ``lose`` and ``down`` name the methods that fail, after and before their effect."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.environment = "sandbox"
        self.orders: dict[str, Order] = {}
        self.requests: list[Request] = []
        self.lose: set[str] = set()
        self.down: set[str] = set()
        self.calls: list[str] = []
        self.when_asked: Callable[[str], None] = lambda method: None
        self.refund_state = RefundState.DONE
        #: Charges that nobody ordered here.
        self.others: list[Charge] = []
        #: Key of the opening to account, and which of them told the processor everything.
        self.accounts: dict[str, str] = {}
        self.onboarded: set[str] = set()
        self._lock = threading.Lock()

    # What a buyer does on the page

    def approve(self, ref: str, authentication: str = "authenticated") -> None:
        order = self.orders[ref]
        assert not order.closed, "the page is closed"
        order.approved, order.declines, order.authentication = True, False, authentication

    def approve_without_money(self, ref: str) -> None:
        self.orders[ref].approved = self.orders[ref].declines = True

    # What happens at the bank, and in the processor's dashboard

    def refund_by_hand(self, ref: str, amount: int) -> str:
        order = self.orders[ref]
        assert sum(order.refunds.values()) + amount <= order.charges * order.request.amount.minor
        name = f"hand_{len(order.refunds) + 1}"
        order.refunds[name] = amount
        return name

    def dispute(self, ref: str, amount: int | None = None, *, fee: int = 1500) -> str:
        order = self.orders[ref]
        name = f"dp_{ref}_{len(order.disputes) + 1}"
        money = Money(order.request.amount.minor if amount is None else amount, order.request.amount.currency)
        order.disputes[name] = Disputed(ref=name, amount=money, state=DisputeState.OPEN, reason="fraudulent", fee=fee)
        return name

    def decide(self, name: str, state: DisputeState) -> None:
        for order in self.orders.values():
            if name in order.disputes:
                order.disputes[name] = replace(order.disputes[name], state=state)

    # The seam

    def start(self, request: Request) -> Started:
        return self._do("start", lambda: self._start(request))

    def settle(self, ref: str, seller: str | None = None, *, capture_attempt: int = 1) -> Snapshot:
        return self._do("settle", lambda: self._capture(ref, capture_attempt))

    def fetch(self, ref: str, seller: str | None = None) -> Snapshot:
        return self._do("fetch", lambda: self._snapshot(self._order(ref)))

    def cancel(self, ref: str, seller: str | None = None) -> Snapshot:
        return self._do("cancel", lambda: self._cancel(ref))

    def refund(self, snapshot: Snapshot, refund_id: str, amount: Money, seller: str | None = None) -> Refunded:
        return self._do("refund", lambda: self._refund(snapshot.ref, refund_id, amount.minor))

    def aftermath(self, ref: str, charge_ref: str, seller: str | None = None) -> Aftermath:
        return self._do("aftermath", lambda: self._aftermath(self._order(ref)))

    def received(self, since: datetime, until: datetime) -> Iterator[Charge]:
        if "received" in self.down:
            raise ProviderUnavailable("away", outcome_unknown=False)
        for order in self.orders.values():
            for _ in range(order.charges):
                yield Charge(
                    ref=f"ch_{order.ref}",
                    amount=order.request.amount,
                    made_at=since,
                    payment_id=order.request.payment_id,
                )
        yield from self.others

    def open_account(self, key: str) -> str:
        return self._do("open_account", lambda: self.accounts.setdefault(key, f"acct_{len(self.accounts) + 1}"))

    def account_page(self, account: str, back_url: str) -> str:
        return self._do("account_page", lambda: f"https://pay.example/setup/{account}")

    def can_be_paid(self, account: str) -> bool:
        return self._do("can_be_paid", lambda: account in self.onboarded)

    def notice(self, headers: dict[str, str], raw: bytes) -> Notice:
        if "notice" in self.down:
            raise ProviderUnavailable("away", outcome_unknown=False)
        if headers.get("signature") != "good":
            raise BadSignature("not ours")
        told = json.loads(raw)
        return Notice(
            event_id=told["id"],
            kind=told.get("kind", "paid"),
            ref=told.get("ref"),
            payment_id=told.get("payment_id"),
            charge_ref=told.get("charge_ref"),
        )

    def check(self) -> None: ...

    # Behind it

    def money_kept(self) -> int:
        """What buyers have paid and not got back, by refund or by a lost dispute, over all checkouts."""
        return sum(
            order.charges * order.request.amount.minor
            - sum(order.refunds.values())
            - sum(each.amount.minor for each in order.disputes.values() if each.state is DisputeState.LOST)
            for order in self.orders.values()
        )

    def charges(self) -> int:
        return sum(order.charges for order in self.orders.values())

    def _do(self, method: str, effect: Callable[[], object]):  # type: ignore[no-untyped-def]
        self.when_asked(method)
        with self._lock:
            self.calls.append(method)
            if method in self.down:
                raise ProviderUnavailable("away", outcome_unknown=False)
            answer = effect()
            if method in self.lose:
                raise ProviderUnavailable("no answer", outcome_unknown=method not in ("fetch",))
            return answer

    def _start(self, request: Request) -> Started:
        self.requests.append(request)
        known = next((o for o in self.orders.values() if o.request.payment_id == request.payment_id), None)
        if known is None:
            known = Order(f"{self.name}_{len(self.orders) + 1}", request)
            self.orders[known.ref] = known
        if known.request != request:
            raise ProviderRefused("idempotency_error")
        return Started(known.ref, f"https://pay.example/{known.ref}")

    def _order(self, ref: str) -> Order:
        if ref not in self.orders:
            raise ProviderRefused("resource_missing")
        return self.orders[ref]

    def _capture(self, ref: str, attempt: int) -> Snapshot:
        order = self._order(ref)
        if order.approved and not order.charges and not order.pending:
            known = order.captures.setdefault(attempt, "declined" if order.declines else "paid")
            if known == "declined":
                order.approved = False
                return self._snapshot(order, declined=True)
            order.charges += 1
        return self._snapshot(order)

    def _aftermath(self, order: Order) -> Aftermath:
        currency = order.request.amount.currency
        return Aftermath(
            refunds=tuple(
                GivenBack(
                    ref=f"re_{name}",
                    amount=Money(amount, currency),
                    state=self.refund_state,
                    ours=name if name.startswith("ref_") else None,
                )
                for name, amount in order.refunds.items()
            ),
            disputes=tuple(order.disputes.values()),
        )

    def _cancel(self, ref: str) -> Snapshot:
        order = self._order(ref)
        order.closed = order.closed or not order.charges
        return self._snapshot(order)

    def _refund(self, ref: str, refund_id: str, amount: int) -> Refunded:
        order = self._order(ref)
        if refund_id not in order.refunds:
            if any(each.state is not DisputeState.WON for each in order.disputes.values()):
                # As both processors: what a bank holds or has taken cannot be given back.
                raise ProviderRefused("charge_disputed")
            if sum(order.refunds.values()) + amount > order.charges * order.request.amount.minor:
                raise ProviderRefused("REFUND_AMOUNT_EXCEEDED")
            order.refunds[refund_id] = amount
        return Refunded(f"re_{refund_id}", self.refund_state)

    def _snapshot(self, order: Order, *, declined: bool = False) -> Snapshot:
        state = State.OPEN
        if order.charges:
            state = State.PAID
        elif order.pending:
            state = State.PROCESSING
        elif order.closed:
            state = State.CLOSED
        return Snapshot(
            ref=order.ref,
            state=state,
            amount=order.request.amount,
            environment=self.environment,
            payment_id=order.request.payment_id,
            seller=order.request.seller,
            fee=order.request.fee,
            charge_ref=f"ch_{order.ref}" if order.charges else None,
            last_error="INSTRUMENT_DECLINED" if declined else None,
            capture_declined=declined,
            authentication=order.authentication if order.charges else None,
            refunded=Money(sum(order.refunds.values()), order.request.amount.currency),
        )

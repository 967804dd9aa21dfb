"""A pause for a processor that does not answer, so that nobody waits for it in vain."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from services.billing.providers import (
    Aftermath,
    Charge,
    Money,
    Notice,
    PaymentProvider,
    ProviderUnavailable,
    Refunded,
    Request,
    Snapshot,
    Started,
)

Answer = TypeVar("Answer")

#: So many failures in a row, and it is left alone for a while; then one call tries again, and no second one
#: before that has its answer.
FAILURES = 5
PAUSE_SECONDS = 5.0

#: A call that has waited so long counts as a failure already, for the next: a processor that accepts and never
#: answers must not hold every worker until the time-out.
SLOW_SECONDS = 3.0


class Guarded:
    """A PaymentProvider that answers at once, without asking, while the processor is away."""

    def __init__(self, provider: PaymentProvider, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._elapsed = elapsed
        self._failures = 0
        self._closed_until = 0.0
        #: When each call that is under way began.
        self._under_way: dict[object, float] = {}
        self.name = provider.name
        self.environment = provider.environment

    def start(self, request: Request) -> Started:
        return self._ask(lambda: self._provider.start(request))

    def settle(self, ref: str, seller: str | None = None, *, capture_attempt: int = 1) -> Snapshot:
        return self._ask(lambda: self._provider.settle(ref, seller, capture_attempt=capture_attempt))

    def fetch(self, ref: str, seller: str | None = None) -> Snapshot:
        return self._ask(lambda: self._provider.fetch(ref, seller))

    def cancel(self, ref: str, seller: str | None = None) -> Snapshot:
        return self._ask(lambda: self._provider.cancel(ref, seller))

    def refund(self, snapshot: Snapshot, refund_id: str, amount: Money, seller: str | None = None) -> Refunded:
        return self._ask(lambda: self._provider.refund(snapshot, refund_id, amount, seller))

    def aftermath(self, ref: str, charge_ref: str, seller: str | None = None) -> Aftermath:
        return self._ask(lambda: self._provider.aftermath(ref, charge_ref, seller))

    def received(self, since: datetime, until: datetime) -> Iterator[Charge]:
        # For an operator's command, who would rather see its own failure than a pause.
        return self._provider.received(since, until)

    def open_account(self, key: str) -> str:
        return self._ask(lambda: self._provider.open_account(key))

    def account_page(self, account: str, back_url: str) -> str:
        return self._ask(lambda: self._provider.account_page(account, back_url))

    def can_be_paid(self, account: str) -> bool:
        return self._ask(lambda: self._provider.can_be_paid(account))

    def notice(self, headers: Mapping[str, str], raw: bytes) -> Notice:
        # Not counted: anybody can post here, and Stripe's needs no call at all.
        return self._provider.notice(headers, raw)

    def check(self) -> None:
        self._provider.check()

    def _ask(self, call: Callable[[], Answer]) -> Answer:
        now = self._elapsed()
        if self._is_open(now):
            raise ProviderUnavailable(f"{self.name} did not answer lately.", outcome_unknown=False)
        mine = object()
        self._under_way[mine] = now
        try:
            answer = call()
        except ProviderUnavailable:
            self._failures += 1
            if self._failures >= FAILURES:
                self._closed_until = self._elapsed() + PAUSE_SECONDS
            raise
        except Exception:
            # It answered, even if it said no.
            self._failures = 0
            raise
        finally:
            del self._under_way[mine]
        self._failures = 0
        return answer

    def _is_open(self, now: float) -> bool:
        """Whether nobody may ask now: it failed, it seems to hang, or somebody finds out just now."""
        if now < self._closed_until:
            return True
        slow = sum(now - began >= SLOW_SECONDS for began in self._under_way.values())
        if self._failures + slow < FAILURES:
            return False
        return bool(self._under_way)

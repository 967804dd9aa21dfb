"""Double-entry bookkeeping (B28): what a payment and a refund book, pure; debits equal credits in each."""

from dataclasses import dataclass
from typing import Literal

Account = Literal[
    "cash_stripe", "cash_paypal", "sales", "tax_payable", "owed_to_buyers", "dispute_costs", "contractor_fees"
]

CASH: dict[str, Account] = {"stripe": "cash_stripe", "paypal": "cash_paypal"}

HEADER = (
    "booked_at", "company", "transaction", "checkout", "account", "debit", "credit", "currency", "environment",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One side of a booking, in minor units; one of the two is 0."""

    account: Account
    debit: int
    credit: int


class OutOfBalance(AssertionError):
    """Debits and credits of one booking differ: a mistake in this module, and nothing is written."""


def _checked(*entries: Entry) -> tuple[Entry, ...]:
    if sum(entry.debit for entry in entries) != sum(entry.credit for entry in entries):
        raise OutOfBalance
    return entries


def payment(provider: str, amount: int, *, tax: int, kept: bool) -> tuple[Entry, ...]:
    """
    Money arrived: a sale and the tax on it, which is owed to the state (B22), or, where it
    goes back at once, a debt to whoever paid. ``tax`` is a part of the amount.
    """
    if not kept:
        return _checked(Entry(CASH[provider], amount, 0), Entry("owed_to_buyers", 0, amount))
    sides = (Entry("sales", 0, amount - tax), Entry("tax_payable", 0, tax))
    return _checked(Entry(CASH[provider], amount, 0), *(side for side in sides if side.credit))


def refund(provider: str, amount: int, *, tax: int, kept: bool) -> tuple[Entry, ...]:
    """Money went back: the opposite of what its payment booked."""
    booked = payment(provider, amount, tax=tax, kept=kept)
    return _checked(*(Entry(entry.account, entry.credit, entry.debit) for entry in booked))


def dispute_costs(provider: str, amount: int) -> tuple[Entry, ...]:
    """What a dispute cost beside the payment itself: the processor's fee, and what was taken beyond what was left."""
    return _checked(Entry("dispute_costs", amount, 0), Entry(CASH[provider], 0, amount))


def fee(provider: str, amount: int) -> tuple[Entry, ...]:
    """What we keep of a contractor's payment; the rest never was ours. Negative when it goes back with a refund."""
    if amount == 0:
        return ()
    kept, given = max(amount, 0), max(-amount, 0)
    return _checked(Entry(CASH[provider], kept, given), Entry("contractor_fees", given, kept))

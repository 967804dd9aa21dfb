"""What stands on invoices, credit notes and contractors' bills (B23, B30); ``paper`` draws it."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from services.billing.providers.money import Money


@dataclass(frozen=True)
class Line:
    description: str
    amount: Money


@dataclass(frozen=True)
class Tax:
    """One tax of a document: ``percent`` of ``base`` is ``amount``."""

    name: str
    percent: str
    base: Money
    amount: Money


@dataclass(frozen=True, kw_only=True)
class Document:
    """What stands on the page; ``seller`` and ``buyer`` are names and addresses, a line each."""

    kind: Literal["invoice", "credit_note", "bill"]
    number: str
    issued_on: date
    seller: tuple[str, ...]
    buyer: tuple[str, ...]
    lines: tuple[Line, ...]
    taxes: tuple[Tax, ...] = ()
    tax_note: str = ""
    total: Money
    method: str
    reference: str
    settled_on: date
    live: bool
    #: Of a bill: whether it is still to be paid (``settled_on`` is its day then), withdrawn, and what else it says.
    open: bool = False
    withdrawn: bool = False
    note: str = ""

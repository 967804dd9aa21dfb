"""
Tax and the sums of a document, pure: integers of the smallest unit in and out (B21, B22).

Prices are without tax; tax is added on top. Used for our own years and for what
contractors bill to their clients, so nothing in here knows of plans or checkouts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal, get_args

Mode = Literal["half_up", "half_even", "down"]
Per = Literal["line", "document"]
Treatment = Literal["taxed", "no_rate", "exempt", "reverse_charge"]

MODES: tuple[Mode, ...] = get_args(Mode)
SCOPES: tuple[Per, ...] = get_args(Per)

#: Member states of the European Union; Greece is GR as a country and EL in its VAT ids.
EUROPEAN_UNION = frozenset(
    {
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
        "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Rounding:
    """How a tax becomes whole units: which way, and once for each line or once for the document."""

    mode: Mode = "half_up"
    per: Per = "document"


@dataclass(frozen=True)
class Rate:
    """One tax: ``name`` stands on the document, ``percent`` is exact."""

    name: str
    percent: Decimal


@dataclass(frozen=True)
class Row:
    """Where a rate holds, and from when: of a country, or of one of its states under any of its names."""

    country: str
    states: frozenset[str]
    rate: Rate
    since: date


@dataclass(frozen=True)
class Place:
    """Where somebody is: an ISO country and a state as they wrote it."""

    country: str
    state: str = ""


@dataclass(frozen=True)
class Buyer:
    """Who pays: ``vat_id`` is one that was checked, with its country's letters, or nothing."""

    place: Place
    vat_id: str = ""
    exempt: bool = False


@dataclass(frozen=True)
class Seller:
    """Who sells: its country, and its own VAT id where it has one."""

    country: str = ""
    vat_id: str = ""


@dataclass(frozen=True)
class Treated:
    """How a buyer is taxed, and the sentence about it that stands on the document (empty when taxed)."""

    treatment: Treatment
    rates: tuple[Rate, ...]
    note: str


@dataclass(frozen=True)
class TaxLine:
    """One tax of a document: of which amount, at which percentage, how much."""

    name: str
    percent: str
    base_minor: int
    amount_minor: int


@dataclass(frozen=True)
class Sums:
    """What a document comes to: ``total`` is always the lines plus the tax lines, exactly."""

    lines: tuple[int, ...]
    taxes: tuple[TaxLine, ...]

    @property
    def subtotal(self) -> int:
        return sum(self.lines)

    @property
    def tax(self) -> int:
        return sum(tax.amount_minor for tax in self.taxes)

    @property
    def total(self) -> int:
        return self.subtotal + self.tax


# Which tax


def rates_at(table: Iterable[Row], place: Place, on: date) -> tuple[Rate, ...]:
    """
    The rates that hold in a place on a day: of its state where that has any, else of its country.

    Of several rows with one name the latest that has begun holds, so that an operator
    can write next year's rate down beside this year's.
    """
    state = place.state.strip().casefold()
    begun = [row for row in table if row.country == place.country and row.since <= on]
    own = [row for row in begun if state and state in row.states]
    newest: dict[str, Row] = {}
    for row in own or [row for row in begun if not row.states]:
        known = newest.get(row.rate.name)
        if known is None or row.since > known.since:
            newest[row.rate.name] = row
    return tuple(row.rate for row in newest.values())


def treat(table: Iterable[Row], seller: Seller, buyer: Buyer, on: date) -> Treated:
    """
    Which tax a buyer pays.

    Nobody who is exempt pays any. A buyer with a VAT id in another country of the European
    Union accounts for the tax itself, when the seller is registered for VAT in the Union.
    Everybody else pays what the table says about where they are; where it says nothing, nothing.
    """
    if buyer.exempt:
        return Treated("exempt", (), "No tax: the buyer is exempt.")
    if is_reverse_charged(seller, buyer):
        return Treated("reverse_charge", (), "Reverse charge: the recipient accounts for the VAT.")
    rates = rates_at(table, buyer.place, on)
    if not rates:
        where = f"{buyer.place.country} {buyer.place.state}".strip()
        return Treated("no_rate", (), f"No tax: no rate is set for {where}.")
    return Treated("taxed", rates, "")


def is_reverse_charged(seller: Seller, buyer: Buyer) -> bool:
    within = seller.country in EUROPEAN_UNION and buyer.place.country in EUROPEAN_UNION
    return within and seller.country != buyer.place.country and bool(seller.vat_id) and bool(buyer.vat_id)


# How much


def rounded(exact: Fraction, mode: Mode) -> int:
    """A whole number; the same distance from zero for what is paid and what is credited."""
    whole, rest = divmod(abs(exact), 1)
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (mode == "half_up" or whole % 2 == 1))
    amount = int(whole) + (up and mode != "down")
    return amount if exact >= 0 else -amount


def sums(lines: Sequence[int], rates: Sequence[Rate], rounding: Rounding) -> Sums:
    """What lines without tax come to with these taxes."""
    return Sums(tuple(lines), tuple(_tax(lines, rate, rounding) for rate in rates))


def _tax(lines: Sequence[int], rate: Rate, rounding: Rounding) -> TaxLine:
    share = Fraction(rate.percent) / 100
    bases = lines if rounding.per == "line" else [sum(lines)]
    amount = sum(rounded(base * share, rounding.mode) for base in bases)
    return TaxLine(rate.name, percent_text(rate.percent), sum(lines), amount)


def percent_text(percent: Decimal) -> str:
    """``19``, ``8.1``, ``6.25``: without zeros that say nothing."""
    text = f"{percent:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def apportion(amount: int, left: Sequence[int]) -> list[int]:
    """
    Split an amount over parts in proportion to what is left of each.

    Each part gets at most what is left of it, the shares add up to the amount, and who
    takes all that is left gets every part whole: so over any chain of refunds the net
    and each tax come to exactly what the invoice said.

    Raises:
        ValueError: more than is left, or a part is below zero.
    """
    whole = sum(left)
    if not 0 <= amount <= whole or any(part < 0 for part in left):
        raise ValueError("an amount is split over what is left, and that is never below zero")
    if whole == 0:
        return [0 for _ in left]
    shares = [part * amount // whole for part in left]
    # The units that rounding left over go where it took most; the first of equals.
    by_loss = sorted(range(len(left)), key=lambda part: -(left[part] * amount % whole))
    for part in by_loss[: amount - sum(shares)]:
        shares[part] += 1
    return shares

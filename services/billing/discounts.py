"""What a coupon takes off and who may use it, pure (B25)."""

from dataclasses import dataclass
from datetime import date

from actiontrac.contracts.billing import (
    CouponExpired,
    CouponNotForCurrency,
    CouponNotForPlan,
    CouponTooLarge,
    CouponUnknown,
    CouponUsedUp,
)
from services.billing.changes import LEAST_CHARGE


@dataclass(frozen=True)
class Terms:
    """A coupon's terms: ``percent`` of the price, or a fixed amount by currency; no plans means all."""

    percent: int | None
    amounts: dict[str, int]
    plans: tuple[str, ...]
    starts_on: date
    ends_on: date | None
    total_limit: int | None
    company_limit: int | None


@dataclass(frozen=True)
class Used:
    """How often a coupon is taken: reserved by checkouts that are open, and redeemed."""

    in_all: int
    by_company: int


def discount(terms: Terms, used: Used, *, plan: str, price: int, currency: str, today: date) -> int:
    """
    What is taken off the price, in minor units; rounded down.

    Raises:
        CouponUnknown: it has not begun; that it exists is nobody's business before.
        CouponExpired, CouponUsedUp, CouponNotForPlan, CouponNotForCurrency, CouponTooLarge.
    """
    if today < terms.starts_on:
        raise CouponUnknown()
    if terms.ends_on is not None and today > terms.ends_on:
        raise CouponExpired()
    if terms.plans and plan not in terms.plans:
        raise CouponNotForPlan()
    if terms.percent is None and currency not in terms.amounts:
        raise CouponNotForCurrency()
    if _reached(terms.total_limit, used.in_all) or _reached(terms.company_limit, used.by_company):
        raise CouponUsedUp()
    off = price * terms.percent // 100 if terms.percent is not None else terms.amounts[currency]
    if price - off < LEAST_CHARGE:
        raise CouponTooLarge()
    return off


def _reached(limit: int | None, used: int) -> bool:
    return limit is not None and used >= limit

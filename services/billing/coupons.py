"""
Coupons (B25): made by staff, reserved by a checkout as it is opened, redeemed when it is paid.

The coupon's row is locked while a use of it is counted, so that its limits hold however
many checkouts are opened at one moment. A checkout that ends without money gives its
use back; a refund does not.
"""

import secrets
from typing import Any

from actiontrac import clock
from actiontrac.contracts.billing import (
    CouponCreate,
    CouponExists,
    CouponExpired,
    CouponList,
    CouponUnknown,
    CouponView,
)
from actiontrac.errors import Invalid
from actiontrac.ids import new_id
from actiontrac.schemas import parse
from actiontrac.service import rpc
from services.billing.base import Billing
from services.billing.discounts import Used, discount
from services.billing.models import Checkout, Coupon, CouponUse, Plan
from services.billing.repository import BillingStore
from services.billing.schemas import coupon_terms, coupon_view

#: Letters and digits that are not taken for each other when they are read out.
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LENGTH = 12


class Coupons(Billing):
    @rpc(requires="staff", write=True)
    def create_coupon(self, *, coupon: dict[str, Any]) -> CouponView:
        """
        Make a coupon; without a code one is made up that nobody can guess.

        Raises:
            CouponExists: this code is taken.
            Invalid: it names a plan that was never sold.
        """
        wanted = parse(CouponCreate, coupon)
        code = wanted.code.upper() if wanted.code else "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        now = clock.now()
        self.keep_plans()
        with self.store.across_companies() as store:
            unknown = sorted(set(wanted.plans) - {plan.code for plan in store.all_plans()})
            if unknown:
                raise Invalid.at("plans", f"There is no plan {', '.join(unknown)}.")
            if not store.add_coupon(code, wanted, now):
                raise CouponExists.at("code", "This code is taken; choose another.")
            made = store.coupon(code)
            assert made is not None
            return store.answer(coupon_view(made))

    @rpc(requires="staff")
    def list_coupons(self, *, limit: int = 50, cursor: str | None = None) -> CouponList:
        """Every coupon with how often it is reserved and redeemed, by code."""
        with self.store.across_companies() as store:
            found, next_cursor = store.coupons(limit=limit, cursor=cursor)
            return {"items": [coupon_view(one) for one in found], "next_cursor": next_cursor}

    @rpc(requires="staff", write=True)
    def end_coupon(self, *, code: str) -> CouponView:
        """
        Let nobody use it from now on; checkouts that are open keep it. Safe to repeat.

        Raises:
            CouponUnknown: there is none of that code.
        """
        today = clock.today()
        with self.store.across_companies() as store:
            found = store.coupon(code.upper(), lock=True)
            if found is None:
                raise CouponUnknown()
            found.end(today)
            return store.answer(coupon_view(found))


def off_of(store: BillingStore, code: str, plan: Plan, price: int, currency: str, *, lock: bool = False) -> int:
    """
    What a coupon takes off for this company now. With ``lock`` nobody else counts its
    uses until this unit of work ends.

    Raises:
        CouponUnknown, CouponExpired, CouponUsedUp, CouponNotForPlan, CouponNotForCurrency, CouponTooLarge.
    """
    found = store.coupon(code.upper(), lock=lock)
    if found is None:
        raise CouponUnknown()
    if found.ended_on is not None:
        raise CouponExpired()
    used = Used(found.reserved + found.redeemed, store.count_coupon_uses(found.code))
    return discount(coupon_terms(found), used, plan=plan.code, price=price, currency=currency, today=clock.today())


def reserve(store: BillingStore, checkout: Checkout) -> None:
    """Count a use for a checkout; its coupon was locked by ``off_of`` in this unit of work."""
    assert checkout.coupon_code is not None
    found = store.coupon(checkout.coupon_code, lock=True)
    assert found is not None
    found.reserved += 1
    store.session.add(
        CouponUse(
            id=new_id("use"),
            company_id=checkout.company_id,
            coupon_code=found.code,
            checkout_id=checkout.id,
            state="reserved",
        )
    )


def release(store: BillingStore, checkout: Checkout) -> None:
    """Give the use of a checkout back that ended without money; the second time it changes nothing."""
    use, coupon = _held(store, checkout)
    if use is not None and coupon is not None and use.state == "reserved":
        use.state = "released"
        coupon.reserved -= 1


def redeem(store: BillingStore, checkout: Checkout) -> bool:
    """
    The checkout is paid: its use counts for good.

    False where the checkout had been closed, its use was given back, and somebody else
    has taken the last one since: then the money goes back.
    """
    use, coupon = _held(store, checkout)
    if use is None or coupon is None:
        return True
    if use.state == "released" and not _is_left(store, coupon):
        return False
    if use.state == "reserved":
        coupon.reserved -= 1
    use.state = "redeemed"
    coupon.redeemed += 1
    return True


def _held(store: BillingStore, checkout: Checkout) -> tuple[CouponUse | None, Coupon | None]:
    if checkout.coupon_code is None:
        return None, None
    coupon = store.coupon(checkout.coupon_code, lock=True)
    return store.coupon_use(checkout.id), coupon


def _is_left(store: BillingStore, coupon: Coupon) -> bool:
    in_all, by_company = coupon.reserved + coupon.redeemed, store.count_coupon_uses(coupon.code)
    total, company = coupon.total_limit, coupon.company_limit
    return (total is None or in_all < total) and (company is None or by_company < company)

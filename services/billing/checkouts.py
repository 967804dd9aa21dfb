"""Buying a year: one checkout, one charge, on the processor's own page (S30 to S33)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from actiontrac import clock, log
from actiontrac.contracts import billing as contract
from actiontrac.contracts.accounts import CompanyView
from actiontrac.contracts.billing import (
    AlreadyPaid,
    CheckoutList,
    CheckoutNotFound,
    CheckoutQuoteRequest,
    CheckoutQuoteView,
    CheckoutRequest,
    CheckoutView,
    CurrencyNotOffered,
    MembershipTerminated,
    PlanList,
    PlanNotFound,
    PlanTooSmall,
)
from actiontrac.failpoints import failpoint, register
from actiontrac.ids import new_id
from actiontrac.schemas import parse
from actiontrac.service import PUBLIC, rpc
from services.billing import coupons, policies
from services.billing.base import away
from services.billing.handoff import WayBack, disclosure_of, hand_over
from services.billing.life import Happening, IllegalMove
from services.billing.models import Checkout, Disclosure, Plan
from services.billing.providers import PaymentProvider, ProviderRefused, ProviderUnavailable, Started
from services.billing.repository import BillingStore, request_key
from services.billing.schemas import checkout_quote_view, checkout_view, coupon_line, plan_view, prices_of
from services.billing.settlement import Settlement
from services.billing.standing import refuse_unless
from services.billing.taxing import Bill, taxes_to

_log = log.get(__name__)

register("billing.checkout.before_provider", "the checkout and its disclosure, and the start at the processor")
register("billing.checkout.after_provider", "the start at the processor, and our record of its reference")

PROVIDERS = {"card": "stripe", "paypal": "paypal"}
DEFAULT_CURRENCY = "USD"

#: While a start is under way nobody else repeats it; longer than it may take.
START_LEASE_SECONDS = 60

#: Somebody who looks at an open checkout again and again makes us ask the processor this seldom.
LOOK_AGAIN_SECONDS = 3


@dataclass(frozen=True)
class ContractorShare:
    """For a payment of a contractor's bill: whose money it is, and what the platform keeps of it."""

    bill_id: str
    account: str
    fee_minor: int


class Checkouts(Settlement):
    @rpc(requires=PUBLIC)
    def list_plans(self) -> PlanList:
        """What can be bought: the newest version of every plan, smallest first (B01)."""
        self.keep_plans()
        with self.store.across_companies() as store:
            plans = self.plans_on_sale(store)
        return {"items": [plan_view(plan) for plan in plans], "next_cursor": None}

    @rpc(requires="billing.write", write=True)
    def create_checkout(self, *, company_id: str, user_id: str, checkout: dict[str, Any]) -> CheckoutView:
        """
        Open one checkout for one year; nothing is charged before the buyer approves there.

        However often a request with one Idempotency-Key arrives, also after a crash in
        the middle, there is one checkout. When the processor's answer is lost the state
        is ``unknown`` until the reconciler has found out.

        Raises:
            PlanNotFound, CurrencyNotOffered, PlanTooSmall: this cannot be bought by this company.
            CouponUnknown, CouponExpired, CouponUsedUp, CouponNotForPlan, CouponNotForCurrency,
            CouponTooLarge: with this coupon it cannot; without it, it can.
            AlreadyPaid: the year is paid, and it does not end soon.
            MembershipTerminated: the company left for good.
            ProviderAway: the processor is down; nothing was charged.
        """
        wanted = parse(CheckoutRequest, checkout)
        self.keep_plans()
        provider = self.processor(PROVIDERS[wanted.method])
        email: str = self.accounts.get_recipient(recipient_id=user_id)["email"]
        company = self.company_of(company_id)
        with self.store(company_id) as store:
            opened = store.checkout_of_request() or self._open(store, wanted, user_id, provider, company, clock.now())
            opened.parties = opened.parties or self.parties_of(store, company)
            disclosure = store.disclosure_for(opened.id)
            store.reserve()
        started: Started | None = None
        if self._may_start(opened, clock.now()):
            started = self._start(provider, opened, disclosure, email)
        with self.store(company_id) as store:
            found = store.checkout(opened.id, lock=True)
            if started is not None:
                found.started(started.ref, started.redirect_url, now=clock.now())
            return store.answer(checkout_view(found))

    @rpc(requires="billing.write", write=True)
    def quote_checkout(self, *, company_id: str, checkout: dict[str, Any]) -> CheckoutQuoteView:
        """
        What a year would cost this company now, with tax; a checkout that is opened now charges exactly this.

        Changes nothing and keeps nothing for anybody.

        Raises:
            As create_checkout does.
        """
        wanted = parse(CheckoutQuoteRequest, checkout)
        self.keep_plans()
        company = self.company_of(company_id)
        with self.store(company_id) as store:
            plan = self._buyable(store, wanted.plan, clock.now())
            lines, bill = self._priced(store, plan, wanted, company)
            return store.answer(checkout_quote_view(plan, lines, bill))

    def _buyable(self, store: BillingStore, code: str, now: datetime) -> Plan:
        """The plan of that code, when this company can buy a year of it now."""
        plan = self._plan(store, code)
        managed = store.meter().managed
        if managed > plan.worker_limit:
            raise PlanTooSmall(f"You manage {managed} workers; {plan.name} allows {plan.worker_limit}.")
        try:
            refuse_unless(store, Happening.CHECKOUT_OPENED, now.date())
        except IllegalMove:
            raise MembershipTerminated() from None
        if not policies.may_buy_a_year(store.last_paid_day(), now.date()):
            raise AlreadyPaid()
        return plan

    def _priced(
        self,
        store: BillingStore,
        plan: Plan,
        wanted: CheckoutRequest | CheckoutQuoteRequest,
        company: CompanyView,
        *,
        lock: bool = False,
    ) -> tuple[list[tuple[str, int]], Bill]:
        """The lines of a year, the coupon's below zero, and what they come to."""
        currency = wanted.currency or DEFAULT_CURRENCY
        prices = prices_of(plan)
        if currency not in prices:
            raise CurrencyNotOffered.at("currency", f"{plan.name} is sold in {', '.join(sorted(prices))}.")
        lines = [(f"{plan.name} plan, up to {plan.worker_limit} workers, one year", prices[currency])]
        if wanted.coupon is not None:
            off = coupons.off_of(store, wanted.coupon, plan, prices[currency], currency, lock=lock)
            lines.append((coupon_line(wanted.coupon), -off))
        return lines, self.bill(store, company, [amount for _, amount in lines], currency)

    def _open(
        self,
        store: BillingStore,
        wanted: CheckoutRequest,
        user_id: str,
        provider: PaymentProvider,
        company: CompanyView,
        now: datetime,
    ) -> Checkout:
        plan = self._buyable(store, wanted.plan, now)
        _, bill = self._priced(store, plan, wanted, company, lock=True)
        opened = self.add_checkout(
            store,
            user_id=user_id,
            method=wanted.method,
            provider=provider,
            now=now,
            minutes=policies.CHECKOUT_HOURS * 60,
            bill=bill,
            plan=(plan.code, plan.version, plan.name, plan.worker_limit),
        )
        if wanted.coupon is not None:
            opened.coupon_code = wanted.coupon.upper()
            opened.discount_minor = -bill.sums.lines[1]
            coupons.reserve(store, opened)
        return opened

    def add_checkout(
        self,
        store: BillingStore,
        *,
        user_id: str,
        method: str,
        provider: PaymentProvider,
        now: datetime,
        minutes: int,
        bill: Bill,
        plan: tuple[str, int, str, int],
        quote_id: str | None = None,
        contractor: ContractorShare | None = None,
    ) -> Checkout:
        """Write a checkout and its disclosure down, before anything is handed over."""
        code, version, name, worker_limit = plan
        opened = Checkout(
            id=new_id("chk"),
            company_id=store.company_id,
            bought_by=user_id,
            request_key=request_key(),
            plan_code=code,
            plan_version=version,
            plan_name=name,
            worker_limit=worker_limit,
            method=method,
            provider=provider.name,
            environment=provider.environment,
            amount_minor=bill.sums.total,
            discount_minor=0,
            net_minor=bill.sums.subtotal,
            taxes=taxes_to(bill.sums.taxes),
            tax_note=bill.note,
            currency=bill.currency,
            state="open",
            capture_attempt=1,
            needs_review=False,
            checks=0,
            refunded_minor=0,
            quote_id=quote_id,
            bill_id=contractor.bill_id if contractor is not None else None,
            seller=contractor.account if contractor is not None else None,
            fee_minor=(contractor.fee_minor or None) if contractor is not None else None,
            next_check_at=now + timedelta(seconds=START_LEASE_SECONDS),
            checked_at=now,
            created_at=now,
            expires_at=(now + timedelta(minutes=minutes)).replace(microsecond=0),
        )
        store.session.add(opened)
        store.session.add(disclosure_of(opened, now))
        return opened

    def _plan(self, store: BillingStore, code: str) -> Plan:
        found = next((plan for plan in self.plans_on_sale(store) if plan.code == code), None)
        if found is None:
            raise PlanNotFound()
        return found

    def _may_start(self, opened: Checkout, now: datetime) -> bool:
        """Whether the processor still knows the key of a start that may have happened before."""
        age = now - opened.created_at
        return opened.provider_ref is None and age < timedelta(hours=policies.START_KEY_HOURS)

    def _start(
        self,
        provider: PaymentProvider,
        opened: Checkout,
        disclosure: Disclosure | None,
        email: str,
        back: WayBack | None = None,
    ) -> Started | None:
        """The processor's answer; None when it is not known or was a refusal, which is then on record."""
        failpoint("billing.checkout.before_provider")
        try:
            started = hand_over(provider, opened, disclosure, email=email, back=back or self.way_back)
        except ProviderRefused as refusal:
            self._start_failed(opened, "failed", refusal.code)
            return None
        except ProviderUnavailable as problem:
            if problem.outcome_unknown:
                self._start_failed(opened, "unknown", None)
                return None
            self._start_failed(opened, "failed", "provider_away", release=True)
            raise away() from problem
        failpoint("billing.checkout.after_provider")
        return started

    def _start_failed(self, opened: Checkout, state: str, error: str | None, *, release: bool = False) -> None:
        now = clock.now()
        with self.store(opened.company_id) as store:
            found = store.checkout(opened.id, lock=True)
            if found.provider_ref is None and state == "unknown":
                found.state = state
                found.next_check_at = now + timedelta(seconds=LOOK_AGAIN_SECONDS)
            elif found.provider_ref is None:
                found.close(state, error)
                coupons.release(store, found)
            if release:
                store.release()
        _log.warning("checkout_not_started", checkout_id=opened.id, company_id=opened.company_id, state=state)

    @rpc(requires="billing.read")
    def get_checkout(self, *, company_id: str, checkout_id: str) -> CheckoutView:
        """
        Where a checkout stands; an open one is looked up at the processor first, when
        that was not done just now.

        Raises:
            CheckoutNotFound: this company has no such checkout.
        """
        now = clock.now()
        with self.store(company_id) as store:
            found = store.purchase(checkout_id, lock=True)
            due = found.waiting and self._is_due(found, now)
            if due:
                found.checked_at = now
        if due:
            self.settle_if_possible(checkout_id)
            with self.store(company_id) as store:
                found = store.checkout(checkout_id)
        return checkout_view(found)

    def _is_due(self, found: Checkout, now: datetime) -> bool:
        if found.provider_ref is None and found.state == "open":
            # Its start is under way, or was interrupted: then the lease runs out.
            return found.next_check_at is not None and found.next_check_at <= now
        return now - found.checked_at >= timedelta(seconds=LOOK_AGAIN_SECONDS)

    @rpc(requires="billing.read")
    def list_checkouts(self, *, company_id: str, limit: int = 50, cursor: str | None = None) -> CheckoutList:
        """The company's checkouts, newest first, as they are known here."""
        with self.store(company_id) as store:
            found, next_cursor = store.checkouts(limit=limit, cursor=cursor)
        return {"items": [checkout_view(checkout) for checkout in found], "next_cursor": next_cursor}

    @rpc(requires=PUBLIC)
    def return_from_provider(self, *, provider: contract.Provider, checkout_id: str) -> dict[str, Any]:
        """
        The buyer's browser is back: go and look, because the address proves nothing.

        Raises:
            CheckoutNotFound: no such checkout at this provider.
        """
        with self.store.across_companies() as store:
            if store.purchase(checkout_id).provider != provider:
                raise CheckoutNotFound()
        self.settle_if_possible(checkout_id)
        with self.store.across_companies() as store:
            return {"state": store.checkout(checkout_id).state, "checkout_id": checkout_id}

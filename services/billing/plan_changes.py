"""
Changing the plan of a paid year (B18, B19): quoted first, and charged exactly as quoted.

An upgrade is paid at once by a checkout of its own and holds from the day of its quote. By
the buyer's choice the year keeps its end, or a whole new year begins that day. A downgrade
gives nothing back: it is what the reminders propose when the year ends.
"""

from datetime import datetime, timedelta
from typing import Any

from actiontrac import clock
from actiontrac.contracts.accounts import CompanyView
from actiontrac.contracts.billing import (
    AlreadyPaid,
    CurrencyNotOffered,
    NothingToCharge,
    NoYearToChange,
    PlanChangeRequest,
    PlanChangeView,
    PlanTooSmall,
    QuoteExpired,
    QuoteOutdated,
    QuoteRequest,
    QuoteView,
    SamePlan,
)
from actiontrac.errors import Invalid
from actiontrac.ids import new_id
from actiontrac.schemas import parse
from actiontrac.service import rpc
from services.billing import changes
from services.billing.checkouts import PROVIDERS, Checkouts
from services.billing.models import Checkout, Plan, PlanQuote, SubscriptionYear
from services.billing.policies import last_day_of_year
from services.billing.providers import PaymentProvider
from services.billing.repository import BillingStore
from services.billing.schemas import checkout_view, prices_of, quote_view
from services.billing.taxing import Bill, taxes_to
from services.billing.upgrades import held_of, stands


class PlanChanges(Checkouts):
    @rpc(requires="billing.write", write=True)
    def quote_plan_change(self, *, company_id: str, change: dict[str, Any]) -> QuoteView:
        """
        What another plan would cost for the rest of the year, to the day, or with
        ``anniversary`` reset for a whole year from today; binds for an hour.

        Raises:
            NoYearToChange: no paid year runs; buy one.
            PlanNotFound, SamePlan, CurrencyNotOffered: there is nothing to change to.
            PlanTooSmall: more workers are managed than the smaller plan allows.
            AlreadyPaid: the next year is paid, so a smaller plan, or a new year, has no day to begin on.
            Invalid: a smaller plan begins when the year ends, so it cannot end it.
            NothingToCharge: less would be left to pay than a processor takes.
        """
        wanted = parse(QuoteRequest, change)
        self.keep_plans()
        company = self.company_of(company_id)
        now = clock.now()
        with self.store(company_id) as store:
            year = store.year_on(now.date())
            if year is None:
                raise NoYearToChange()
            plan = self._plan(store, wanted.plan)
            if (plan.code, plan.version) == (year.plan_code, year.plan_version):
                raise SamePlan()
            quote = self._quote(store, year, plan, wanted.anniversary, company, now)
            store.session.add(quote)
            return store.answer(quote_view(quote))

    def _quote(
        self,
        store: BillingStore,
        year: SubscriptionYear,
        plan: Plan,
        anniversary: str,
        company: CompanyView,
        now: datetime,
    ) -> PlanQuote:
        prices = prices_of(plan)
        if year.currency not in prices:
            raise CurrencyNotOffered.at("plan", f"{plan.name} is not sold in {year.currency}, in which you paid.")
        quote = PlanQuote(
            id=new_id("quo"),
            company_id=year.company_id,
            year_id=year.id,
            from_plan=year.plan_code,
            from_version=year.plan_version,
            from_limit=year.worker_limit,
            from_price=year.amount_minor,
            held_minor=year.held_minor,
            held_since=year.held_since,
            to_plan=plan.code,
            to_version=plan.version,
            to_name=plan.name,
            to_limit=plan.worker_limit,
            to_price=prices[year.currency],
            currency=year.currency,
            year_ends_on=year.ends_on,
            anniversary=anniversary,
            from_starts_on=year.starts_on,
            from_ends_on=year.ends_on,
            created_at=now,
            expires_at=now + timedelta(minutes=changes.QUOTE_MINUTES),
            state="open",
        )
        if plan.worker_limit > year.worker_limit:
            self._price(store, quote, year, now)
            bill = self._bill_of(store, quote, company)
            quote.charge_minor = bill.sums.total
            quote.taxes, quote.tax_note = taxes_to(bill.sums.taxes), bill.note
        elif anniversary == "reset":
            raise Invalid.at("anniversary", "A smaller plan begins when the year ends; so the year keeps its end.")
        else:
            self._put_off(store, quote, year)
        return quote

    def _price(self, store: BillingStore, quote: PlanQuote, year: SubscriptionYear, now: datetime) -> None:
        today = now.date()
        if quote.anniversary == "reset":
            if store.last_paid_day() != year.ends_on:
                raise AlreadyPaid("The next year is paid already; change the plan and keep the anniversary.")
            price = changes.price_of_new_year(held_of(year), quote.to_price, today)
            quote.year_ends_on = last_day_of_year(today)
        else:
            price = changes.price_of_upgrade(held_of(year), (year.starts_on, year.ends_on), quote.to_price, today)
        if price.charge < changes.LEAST_CHARGE:
            raise NothingToCharge()
        quote.direction, quote.effective_on = "up", today
        quote.cost_minor, quote.credit_minor = price.cost, price.credit
        quote.days_left, quote.days_in_year = price.days_left, price.days_in_year

    def _bill_of(self, store: BillingStore, quote: PlanQuote, company: CompanyView) -> Bill:
        lines = [quote.cost_minor] + ([-quote.credit_minor] if quote.credit_minor else [])
        return self.bill(store, company, lines, quote.currency)

    def _put_off(self, store: BillingStore, quote: PlanQuote, year: SubscriptionYear) -> None:
        managed = store.meter().managed
        if managed > quote.to_limit:
            raise PlanTooSmall(
                f"You manage {managed} workers; {quote.to_name} allows {quote.to_limit}. "
                f"Archive {managed - quote.to_limit} of them first, or keep your plan."
            )
        last_paid_day = store.last_paid_day()
        if last_paid_day is not None and last_paid_day > year.ends_on:
            raise AlreadyPaid("The next year is paid already; a smaller plan can begin after it.")
        quote.direction, quote.effective_on = "down", year.ends_on + timedelta(days=1)
        quote.cost_minor = quote.credit_minor = quote.charge_minor = 0
        quote.days_left = quote.days_in_year = 0
        quote.taxes, quote.tax_note = "[]", ""

    @rpc(requires="billing.write", write=True)
    def change_plan(self, *, company_id: str, user_id: str, change: dict[str, Any]) -> PlanChangeView:
        """
        Take a quote: an upgrade opens its checkout, a downgrade is noted for the year's end.

        Safe to repeat with the same Idempotency-Key: one checkout.

        Raises:
            QuoteNotFound, QuoteExpired, QuoteOutdated: ask for a new quote.
            Invalid: an upgrade needs a method.
            ProviderAway: the processor is down; nothing was charged.
        """
        wanted = parse(PlanChangeRequest, change)
        with self.store(company_id) as store:
            quote = store.quote(wanted.quote_id)
            if quote.direction == "down":
                self._accept(store, quote, clock.now())
                life = store.subscription_for_change()
                life.next_plan = quote.to_plan
                quote.state = "done"
                noted: PlanChangeView = {"state": "scheduled", "quote": quote_view(quote), "checkout": None}
                return store.answer(noted)
        if wanted.method is None:
            raise Invalid.at("method", "An upgrade is paid at once: card or paypal.")
        provider = self.processor(PROVIDERS[wanted.method])
        email: str = self.accounts.get_recipient(recipient_id=user_id)["email"]
        company = self.company_of(company_id)
        with self.store(company_id) as store:
            opened = store.checkout_of_request()
            if opened is None:
                quote = store.quote(wanted.quote_id, lock=True)
                self._accept(store, quote, clock.now())
                bill = self._bill_of(store, quote, company)
                if taxes_to(bill.sums.taxes) != quote.taxes:
                    # The address or the VAT id has changed, and with it the tax.
                    raise QuoteOutdated()
                opened = self._open_upgrade(store, quote, bill, user_id, wanted.method, provider, clock.now())
                quote.state = "accepted"
            opened.parties = opened.parties or self.parties_of(store, company)
            disclosure = store.disclosure_for(opened.id)
            store.reserve()
        started = None
        if self._may_start(opened, clock.now()):
            started = self._start(provider, opened, disclosure, email)
        with self.store(company_id) as store:
            found = store.checkout(opened.id, lock=True)
            if started is not None:
                found.started(started.ref, started.redirect_url, now=clock.now())
            quote = store.quote(wanted.quote_id)
            answer: PlanChangeView = {
                "state": "awaiting_payment", "quote": quote_view(quote), "checkout": checkout_view(found),
            }  # fmt: skip
            return store.answer(answer)

    def _accept(self, store: BillingStore, quote: PlanQuote, now: datetime) -> None:
        if quote.expires_at <= now:
            raise QuoteExpired()
        if quote.state != "open" or not stands(store, quote, now.date()):
            raise QuoteOutdated()
        managed = store.meter().managed
        if managed > quote.to_limit:
            raise PlanTooSmall(f"You manage {managed} workers; {quote.to_name} allows {quote.to_limit}.")

    def _open_upgrade(
        self,
        store: BillingStore,
        quote: PlanQuote,
        bill: Bill,
        user_id: str,
        method: str,
        provider: PaymentProvider,
        now: datetime,
    ) -> Checkout:
        return self.add_checkout(
            store,
            user_id=user_id,
            method=method,
            provider=provider,
            now=now,
            minutes=changes.QUOTE_MINUTES,
            bill=bill,
            plan=(quote.to_plan, quote.to_version, quote.to_name, quote.to_limit),
            quote_id=quote.id,
        )

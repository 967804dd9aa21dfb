"""Every query of billing."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import delete, func, select

from actiontrac import context
from actiontrac.contracts.billing import CheckoutNotFound, CouponCreate, InvoiceNotFound, QuoteNotFound
from actiontrac.ids import new_id
from services.billing.contractor.repository import ContractorStore
from services.billing.disputes.repository import DisputesStore
from services.billing.ledger import Entry
from services.billing.models import (
    AppliedFile,
    Base,
    Checkout,
    Coupon,
    CouponUse,
    DatedNotice,
    Disclosure,
    Invoice,
    LedgerEntry,
    Meter,
    NumberSeries,
    Payment,
    Plan,
    PlanQuote,
    Refund,
    Subscription,
    SubscriptionYear,
    TaxProfile,
    WebhookNotice,
)
from services.billing.plans import Offer

#: A webhook whose worker died is worked on again after this; its pause doubles up to an hour.
NOTICE_LEASE_SECONDS = 60

#: Claimed by a timer and not finished: taken up again after this.
CLAIM_SECONDS = 60


def request_key() -> str | None:
    """A short form of the request's Idempotency-Key, by which its work is found again."""
    key = context.current().idempotency_key
    return hashlib.sha256(key.encode()).hexdigest() if key else None


class BillingStore(ContractorStore, DisputesStore):
    base = Base

    # Plans

    def keep_plans(self, offers: Iterable[Offer]) -> list[str]:
        """
        Write versions that are new; returns those whose terms differ from what is kept
        (they are not changed: somebody may have bought them).
        """
        differing = []
        for offer in offers:
            prices = orjson.dumps(offer.prices, option=orjson.OPT_SORT_KEYS).decode()
            values = {"name": offer.name, "worker_limit": offer.worker_limit, "prices": prices}
            if self._insert_once(Plan, code=offer.code, version=offer.version, **values):
                continue
            kept = self.session.get_one(Plan, (offer.code, offer.version))
            if any(getattr(kept, name) != value for name, value in values.items()):
                differing.append(f"{offer.code} {offer.version}")
        return differing

    def plans(self, versions: Iterable[tuple[str, int]]) -> list[Plan]:
        """These versions, smallest first."""
        found = [self.session.get(Plan, version) for version in versions]
        return sorted((plan for plan in found if plan), key=lambda plan: (plan.worker_limit, plan.code))

    def all_plans(self) -> list[Plan]:
        """Every version that was ever kept."""
        return list(self.session.scalars(select(Plan).order_by(Plan.code, Plan.version)))

    # What the operator applied

    def applied_file(self, kind: str) -> AppliedFile | None:
        """What was applied last of ``plans`` or ``taxes``."""
        statement = select(AppliedFile).where(AppliedFile.kind == kind).order_by(AppliedFile.number.desc())
        return self.session.scalar(statement.limit(1))

    def apply_unseen(self, kind: str, text: str, digest: str, now: datetime) -> bool:
        """
        Let a file hold from now on, unless what it says was applied before: a replica
        that starts late with an old file takes nothing back.
        """
        seen = select(AppliedFile.number).where(AppliedFile.kind == kind, AppliedFile.digest == digest)
        if self.session.scalar(seen.limit(1)) is not None:
            return False
        return self.apply_file(kind, text, digest, now)

    def apply_file(self, kind: str, text: str, digest: str, now: datetime) -> bool:
        """Let a file hold from now on; False when somebody else applied one at this moment."""
        last = self.applied_file(kind)
        number = last.number + 1 if last is not None else 1
        return self._insert_once(AppliedFile, kind=kind, number=number, digest=digest, content=text, applied_at=now)

    # Checkouts

    def count_checkouts(self) -> int:
        return self.session.scalar(select(func.count()).select_from(Checkout)) or 0

    def checkouts_after(self, checkout_id: str, limit: int) -> Sequence[Checkout]:
        """Oldest first; ids are sortable by the time of their making."""
        return self.session.scalars(
            select(Checkout).where(Checkout.id > checkout_id).order_by(Checkout.id).limit(limit)
        ).all()

    def checkout(self, checkout_id: str, *, lock: bool = False) -> Checkout:
        """
        Raises:
            CheckoutNotFound: there is none, or it is another company's.
        """
        statement = select(Checkout).where(Checkout.id == checkout_id)
        found: Checkout | None = self.session.scalar(statement.with_for_update() if lock else statement)
        if found is None:
            raise CheckoutNotFound()
        return found

    def checkout_of_request(self) -> Checkout | None:
        """What an earlier, interrupted run of this very request began."""
        key = request_key()
        if key is None:
            return None
        return self.session.scalar(
            select(Checkout)
            .where(Checkout.company_id == self.company_id, Checkout.request_key == key)
            .with_for_update()
        )

    def checkout_behind(self, provider: str, notice: WebhookNotice) -> Checkout | None:
        """The checkout that a webhook is about: by its reference, our id, or its charge."""
        charged = select(Payment.checkout_id).where(Payment.provider_ref == notice.charge_ref)
        ways = {
            notice.provider_ref: Checkout.provider_ref == notice.provider_ref,
            notice.payment_id: Checkout.id == notice.payment_id,
            notice.charge_ref: Checkout.id.in_(charged),
        }
        for told, leads_to_it in ways.items():
            statement = select(Checkout).where(Checkout.provider == provider, leads_to_it)
            found: Checkout | None = self.session.scalar(statement) if told else None
            if found is not None:
                return found
        return None

    def checkouts(self, *, limit: int, cursor: str | None) -> tuple[list[Checkout], str | None]:
        return self.newest(Checkout, limit, cursor, Checkout.bill_id.is_(None))

    def claim_due_checkouts(self, now: datetime, limit: int) -> list[str]:
        """Ids of checkouts that the reconciler must look at; no other replica gets them for a while."""
        due = select(Checkout).where(Checkout.next_check_at <= now).order_by(Checkout.next_check_at).limit(limit)
        rows = self.claim_due(due)
        for row in rows:
            row.check_later(now)
            row.next_check_at = max(row.next_check_at or now, now + timedelta(seconds=CLAIM_SECONDS))
        return [row.id for row in rows]

    def other_open_checkouts(self, checkout_id: str) -> Sequence[Checkout]:
        """
        The company's other checkouts that could still be paid. One that is being settled
        right now is left out: waiting for it here could be waiting for each other.
        """
        return self.claim_due(
            select(Checkout).where(
                Checkout.company_id == self.company_id,
                Checkout.id != checkout_id,
                Checkout.bill_id.is_(None),
                Checkout.state.in_(("open", "processing", "unknown")),
            )
        )

    # Coupons

    def add_coupon(self, code: str, wanted: CouponCreate, now: datetime) -> bool:
        """Write a new coupon; False when the code is taken."""
        return self._insert_once(
            Coupon,
            code=code,
            percent=wanted.percent,
            amounts=orjson.dumps(wanted.amounts or {}, option=orjson.OPT_SORT_KEYS).decode(),
            plans=orjson.dumps(wanted.plans).decode(),
            starts_on=wanted.starts_on or now.date(),
            ends_on=wanted.ends_on,
            total_limit=wanted.total_limit,
            company_limit=wanted.company_limit,
            reserved=0,
            redeemed=0,
            created_at=now,
        )

    def coupon(self, code: str, *, lock: bool = False) -> Coupon | None:
        statement = select(Coupon).where(Coupon.code == code)
        if lock:
            # What was read before the lock may be old.
            statement = statement.with_for_update().execution_options(populate_existing=True)
        return self.session.scalar(statement)

    def coupons(self, *, limit: int, cursor: str | None) -> tuple[list[Coupon], str | None]:
        size = max(1, min(limit, 200))
        statement = select(Coupon).where(Coupon.code > (cursor or "")).order_by(Coupon.code).limit(size + 1)
        rows = list(self.session.scalars(statement))
        return rows[:size], rows[size - 1].code if len(rows) > size else None

    def coupon_use(self, checkout_id: str) -> CouponUse | None:
        return self.session.scalar(select(CouponUse).where(CouponUse.checkout_id == checkout_id))

    def count_coupon_uses(self, code: str) -> int:
        """How often the company has taken a coupon: reserved or redeemed."""
        taken = select(func.count()).select_from(CouponUse).where(
            CouponUse.company_id == self.company_id,
            CouponUse.coupon_code == code,
            CouponUse.state != "released",
        )  # fmt: skip
        return self.session.scalar(taken) or 0

    # Tax

    def tax_profile(self) -> TaxProfile | None:
        return self.session.scalar(select(TaxProfile).where(TaxProfile.company_id == self.company_id))

    def tax_profile_for_change(self, now: datetime) -> TaxProfile:
        """The company's row, locked; made when it is first needed."""
        statement = select(TaxProfile).where(TaxProfile.company_id == self.company_id).with_for_update()
        found = self.session.scalar(statement)
        if found is None:
            self._insert_once(TaxProfile, id=new_id("tax"), company_id=self.company_id, exempt=False, changed_at=now)
            found = self.session.scalars(statement).one()
        found.changed_at = now
        return found

    # Disclosures

    def disclosure_for(self, checkout_id: str) -> Disclosure | None:
        return self.session.scalar(select(Disclosure).where(Disclosure.checkout_id == checkout_id))

    # Payments and years

    def payment(self, checkout_id: str) -> Payment | None:
        return self.session.scalar(select(Payment).where(Payment.checkout_id == checkout_id))

    def payment_at(self, provider: str, provider_ref: str) -> Payment | None:
        """The payment that a processor's charge is."""
        return self.session.scalar(
            select(Payment).where(Payment.provider == provider, Payment.provider_ref == provider_ref).limit(1)
        )

    def find_checkout(self, checkout_id: str) -> Checkout | None:
        return self.session.scalar(select(Checkout).where(Checkout.id == checkout_id))

    def years_without_a_checkout(self) -> Sequence[SubscriptionYear]:
        """Years that stand and that nothing here could have paid."""
        return self.session.scalars(
            select(SubscriptionYear).where(
                SubscriptionYear.refunded_at.is_(None), SubscriptionYear.checkout_id.not_in(select(Checkout.id))
            )
        ).all()

    def years(self) -> Sequence[SubscriptionYear]:
        """Every year that the company paid, refunded ones included, in order."""
        return self.session.scalars(
            select(SubscriptionYear)
            .where(SubscriptionYear.company_id == self.company_id)
            .order_by(SubscriptionYear.starts_on, SubscriptionYear.id)
        ).all()

    def last_paid_day(self, company_id: str | None = None) -> date | None:
        """The last day that the company has paid for."""
        return self.session.scalar(
            select(func.max(SubscriptionYear.ends_on)).where(
                SubscriptionYear.company_id == (company_id or self.company_id),
                SubscriptionYear.refunded_at.is_(None),
            )
        )

    def year_on(self, day: date) -> SubscriptionYear | None:
        """The paid year that runs on a day."""
        return next((year for year in self.years() if year.covers(day)), None)

    def year_of(self, checkout_id: str) -> SubscriptionYear | None:
        return self.session.scalar(select(SubscriptionYear).where(SubscriptionYear.checkout_id == checkout_id))

    # Bookkeeping

    def book(self, entries: Iterable[Entry], transaction_id: str, checkout: Checkout, now: datetime) -> None:
        """Book a payment or refund, in the unit of work in which it happens."""
        for entry in entries:
            self.session.add(
                LedgerEntry(
                    id=new_id("led"),
                    company_id=checkout.company_id,
                    transaction_id=transaction_id,
                    checkout_id=checkout.id,
                    account=entry.account,
                    debit_minor=entry.debit,
                    credit_minor=entry.credit,
                    currency=checkout.currency,
                    environment=checkout.environment,
                    booked_at=now,
                )
            )

    def ledger_after(self, entry_id: str, limit: int) -> Sequence[LedgerEntry]:
        return self.session.scalars(
            select(LedgerEntry).where(LedgerEntry.id > entry_id).order_by(LedgerEntry.id).limit(limit)
        ).all()

    # Changes of plan

    def year(self, year_id: str) -> SubscriptionYear | None:
        return self.session.scalar(select(SubscriptionYear).where(SubscriptionYear.id == year_id))

    def quote(self, quote_id: str, *, lock: bool = False) -> PlanQuote:
        """
        Raises:
            QuoteNotFound: there is none, or it is another company's.
        """
        statement = select(PlanQuote).where(PlanQuote.id == quote_id)
        found: PlanQuote | None = self.session.scalar(statement.with_for_update() if lock else statement)
        if found is None:
            raise QuoteNotFound()
        return found

    def quote_of(self, checkout: Checkout) -> PlanQuote | None:
        """What an upgrade's checkout charges; None for a checkout of a year."""
        if checkout.quote_id is None:
            return None
        return self.session.scalar(select(PlanQuote).where(PlanQuote.id == checkout.quote_id))

    def quotes_of_year(self, year_id: str) -> Sequence[PlanQuote]:
        """In the order in which they were paid."""
        return self.session.scalars(
            select(PlanQuote).where(PlanQuote.year_id == year_id).order_by(PlanQuote.done_at, PlanQuote.id)
        ).all()

    # Subscriptions

    def subscription(self) -> Subscription | None:
        return self.session.scalar(select(Subscription).where(Subscription.company_id == self.company_id))

    def subscription_for_change(self) -> Subscription:
        """The company's row, locked; made when it is first needed."""
        statement = select(Subscription).where(Subscription.company_id == self.company_id).with_for_update()
        found = self.session.scalar(statement)
        if found is None:
            self._insert_once(Subscription, id=new_id("lif"), company_id=self.company_id)
            found = self.session.scalars(statement).one()
        return found

    def is_paying(self) -> bool:
        """Whether a checkout of the company could still be paid."""
        waiting = select(Checkout.id).where(
            Checkout.company_id == self.company_id,
            Checkout.bill_id.is_(None),
            Checkout.state.in_(("open", "processing", "unknown")),
        )
        return self.session.scalar(waiting.limit(1)) is not None

    def tell_once(self, about: date, kind: str) -> bool:
        """Remember that the company is told this about that end; False when it was told before."""
        return self._insert_once(DatedNotice, id=new_id("dno"), company_id=self.company_id, about=about, kind=kind)

    def claim_due_looks(self, now: datetime, limit: int) -> list[str]:
        """Companies that there may be something to tell; no other replica gets them for a while."""
        due = select(Subscription).where(Subscription.look_at <= now).order_by(Subscription.look_at).limit(limit)
        rows = self.claim_due(due)
        for row in rows:
            row.look_at = now + timedelta(seconds=CLAIM_SECONDS)
        return [row.company_id for row in rows]

    # Usage

    def meter(self, *, lock: bool = False) -> Meter:
        """
        The company's meter; made when it is first needed.

        Its lock is also what lets a company's payments settle one after the other.
        """
        statement = select(Meter).where(Meter.company_id == self.company_id)
        statement = statement.with_for_update() if lock else statement
        found = self.session.scalar(statement)
        if found is None:
            self._insert_once(
                Meter, id=new_id("met"), company_id=self.company_id,
                managed=0, high_water=0, sequence=-1, warned="", advised="",
            )  # fmt: skip
            found = self.session.scalars(statement).one()
        return found

    def claim_due_reviews(self, now: datetime, limit: int) -> list[str]:
        """Companies whose plan must be looked at again; no other replica gets them for a while."""
        rows = self.claim_due(select(Meter).where(Meter.review_at <= now).limit(limit))
        for row in rows:
            # A lease: whoever dies before the review leaves it to the next one.
            row.review_at = now + timedelta(seconds=CLAIM_SECONDS)
        return [row.company_id for row in rows]

    # Invoices

    def next_number(self, series: str, prefix: str) -> str:
        """
        The next number of a series. Its row stays locked until this unit of work ends, so
        that a number is given out if and only if its document is: no gap, no double.
        """
        self._insert_once(NumberSeries, name=series, last=0)
        counter = self.session.scalars(select(NumberSeries).where(NumberSeries.name == series).with_for_update()).one()
        counter.last += 1
        return f"{prefix}{counter.last:06d}"

    def invoice(self, invoice_id: str) -> Invoice:
        """
        Raises:
            InvoiceNotFound: there is none, or it is another company's.
        """
        found: Invoice | None = self.session.scalar(select(Invoice).where(Invoice.id == invoice_id))
        if found is None:
            raise InvoiceNotFound()
        return found

    def invoice_of(self, checkout_id: str) -> Invoice | None:
        return self.session.scalar(select(Invoice).where(Invoice.checkout_id == checkout_id, Invoice.kind == "invoice"))

    def credit_notes(self, checkout_id: str) -> Sequence[Invoice]:
        """What was credited of a payment so far."""
        return self.session.scalars(
            select(Invoice).where(Invoice.checkout_id == checkout_id, Invoice.kind == "credit_note")
        ).all()

    def invoices(self, *, limit: int, cursor: str | None) -> tuple[list[Invoice], str | None]:
        return self.newest(Invoice, limit, cursor)

    # Refunds

    def refund(self, refund_id: str, *, lock: bool = False) -> Refund | None:
        statement = select(Refund).where(Refund.id == refund_id)
        return self.session.scalar(statement.with_for_update() if lock else statement)

    def refund_of_request(self) -> Refund | None:
        key = request_key()
        if key is None:
            return None
        return self.session.scalar(
            select(Refund).where(Refund.company_id == self.company_id, Refund.request_key == key)
        )

    def refunds(self, checkout_id: str) -> Sequence[Refund]:
        return self.session.scalars(select(Refund).where(Refund.checkout_id == checkout_id)).all()

    def claim_due_refunds(self, now: datetime, limit: int) -> list[str]:
        due = select(Refund).where(Refund.next_check_at <= now).order_by(Refund.next_check_at).limit(limit)
        rows = self.claim_due(due)
        for row in rows:
            row.check_later(now)
            row.next_check_at = max(row.next_check_at or now, now + timedelta(seconds=CLAIM_SECONDS))
        return [row.id for row in rows]

    # Webhooks

    def keep_notice(self, provider: str, event_id: str, **facts: Any) -> bool:
        """Take a webhook; False when this event was taken before."""
        return self._insert_once(WebhookNotice, provider=provider, event_id=event_id, attempts=0, **facts)

    def claim_due_notices(self, now: datetime, limit: int) -> list[WebhookNotice]:
        due = select(WebhookNotice).where(WebhookNotice.due_at <= now).order_by(WebhookNotice.due_at).limit(limit)
        rows = list(self.claim_due(due))
        for row in rows:
            pause = min(NOTICE_LEASE_SECONDS * 2 ** min(row.attempts, 6), 3600)
            row.attempts += 1
            row.due_at = now + timedelta(seconds=pause)
        return rows

    def finish_notice(self, provider: str, event_id: str) -> None:
        self.session.get_one(WebhookNotice, (provider, event_id)).due_at = None

    def purge_notices(self, before: datetime) -> int:
        """Forget webhooks that were worked on long ago."""
        done = delete(WebhookNotice).where(WebhookNotice.due_at.is_(None), WebhookNotice.received_at < before)
        return int(self.session.execute(done).rowcount)  # type: ignore[attr-defined]

    # Idempotency

    def release(self) -> None:
        """Give the request's key back: nothing happened, so the same request may be tried again at once."""
        asked = context.current()
        if asked.idempotency_key and asked.request_hash:
            kept = self.session.get(self.base.IdempotencyKey, (self._scope(asked), asked.idempotency_key))
            if kept is not None and kept.state == "running":
                self.session.delete(kept)

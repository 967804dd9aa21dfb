"""What billing keeps. About a payment: the processor's reference, how, how much, and the outcome (T2, B04)."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Date, Index, Integer, String, Text, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped

from actiontrac.storage import CompanyOwned, Sealed, UTCDateTime, column, sealed_column
from services.billing.contractor.models import Bill as Bill
from services.billing.contractor.models import BillCredit as BillCredit
from services.billing.contractor.models import SellerAccount as SellerAccount
from services.billing.disputes.models import Dispute as Dispute
from services.billing.policies import DISPUTABLE_DAYS, next_pause
from services.billing.tables import ID, REF, billed
from services.billing.tables import Base as Base

#: Tables that belong to no company, each with its reason.
UNISOLATED = {
    "plans": "what is sold is the same for everybody",
    "applied_files": "what is sold and which tax is added is the same for everybody",
    "coupons": "a coupon is made for whoever has its code; its uses belong to companies",
    "number_series": "invoices are numbered without gaps over all companies",
    "webhook_notices": "a webhook arrives before its company is known; ids only",
}


class Plan(Base):
    """One version of a plan; written once and never changed (B01)."""

    __tablename__ = "plans"
    code: Mapped[str] = column(String(40), "public", primary_key=True, purpose="what is sold")
    version: Mapped[int] = column(
        Integer, "public", primary_key=True, autoincrement=False, purpose="old buyers keep their terms"
    )
    name: Mapped[str] = column(String(80), "public", purpose="what people call it", nullable=False)
    worker_limit: Mapped[int] = column(Integer, "public", purpose="how many workers it allows", nullable=False)
    prices: Mapped[str] = column(Text, "public", purpose="minor units a year by currency, as JSON", nullable=False)


class AppliedFile(Base):
    """A file of plans or taxes as an operator applied it; the newest of a kind holds (B01)."""

    __tablename__ = "applied_files"
    kind: Mapped[str] = column(String(10), "public", primary_key=True, purpose="plans or taxes")
    number: Mapped[int] = column(Integer, "public", primary_key=True, autoincrement=False, purpose="the newest holds")
    digest: Mapped[str] = column(String(64), "public", purpose="what was applied before is known again", nullable=False)
    content: Mapped[str] = column(Text, "public", purpose="what every replica works by", nullable=False)
    applied_at: Mapped[datetime] = column(UTCDateTime, "public", purpose="since when", nullable=False)


class Checkout(CompanyOwned, Base):
    """One attempt to pay for one year; ``id`` is the key under which the processor knows it."""

    __tablename__ = "checkouts"
    __table_args__ = (UniqueConstraint("company_id", "request_key"),)
    id: Mapped[str] = billed(ID, "corporate", primary_key=True, purpose="identity")
    bought_by: Mapped[str] = billed(
        ID, "personal", purpose="who is billed; the address is asked of accounts when needed"
    )
    request_key: Mapped[str | None] = billed(
        String(64), "corporate", purpose="a repeated request continues this one (B08)", nullable=True
    )
    plan_code: Mapped[str] = billed(String(40), "corporate", purpose="what is bought")
    plan_version: Mapped[int] = billed(Integer, "corporate", purpose="the terms that were bought")
    plan_name: Mapped[str] = billed(String(80), "corporate", purpose="the invoice's line")
    worker_limit: Mapped[int] = billed(Integer, "corporate", purpose="the terms that were bought")
    method: Mapped[str] = billed(String(10), "corporate", purpose="kind of method (T2)")
    provider: Mapped[str] = billed(String(10), "corporate", purpose="which processor")
    environment: Mapped[str] = billed(String(10), "corporate", purpose="sandbox money is not revenue")
    amount_minor: Mapped[int] = billed(Integer, "corporate", purpose="what must be paid")
    currency: Mapped[str] = billed(String(3), "corporate", purpose="what must be paid")
    state: Mapped[str] = billed(String(10), "corporate", purpose="where it stands")
    provider_ref: Mapped[str | None] = billed(
        REF, "corporate", purpose="the processor's reference", nullable=True, index=True
    )
    approval_url: Mapped[str | None] = column(
        Text, "corporate", purpose="the processor's page, until it is paid or closed", retention="short", nullable=True
    )
    capture_attempt: Mapped[int] = billed(Integer, "corporate", purpose="one capture is asked for once", default=1)
    last_error: Mapped[str | None] = billed(
        String(120), "corporate", purpose="why it was not paid, in the processor's code", nullable=True
    )
    needs_review: Mapped[bool] = billed(
        Boolean, "corporate", purpose="the processor's figures are not ours: a person looks", default=False
    )
    checks: Mapped[int] = billed(Integer, "corporate", purpose="growing pauses", default=0)
    next_check_at: Mapped[datetime | None] = column(
        UTCDateTime, "corporate", purpose="reconciliation", retention="short", nullable=True, index=True
    )
    checked_at: Mapped[datetime] = billed(UTCDateTime, "corporate", purpose="not to ask too often")
    created_at: Mapped[datetime] = billed(UTCDateTime, "corporate", purpose="order")
    expires_at: Mapped[datetime] = billed(UTCDateTime, "corporate", purpose="it is closed after this")
    paid_at: Mapped[datetime | None] = billed(UTCDateTime, "corporate", purpose="when money arrived", nullable=True)
    refunded_minor: Mapped[int] = billed(Integer, "corporate", purpose="a refund never exceeds the payment", default=0)
    quote_id: Mapped[str | None] = billed(ID, "corporate", purpose="an upgrade is charged as quoted", nullable=True)
    coupon_code: Mapped[str | None] = billed(String(40), "corporate", purpose="why it costs less", nullable=True)
    discount_minor: Mapped[int] = billed(Integer, "corporate", purpose="what the coupon took off", default=0)
    net_minor: Mapped[int] = billed(Integer, "corporate", purpose="of the amount, what is not tax")
    taxes: Mapped[str] = billed(Text, "corporate", purpose="of the amount, what is tax, as JSON", default="[]")
    tax_note: Mapped[str] = billed(String(200), "corporate", purpose="why there is no tax on it", default="")
    dispute: Mapped[str | None] = billed(
        String(10), "corporate", purpose="open, won or lost: the mark of a disputed payment (B27)", nullable=True
    )
    bill_id: Mapped[str | None] = billed(
        ID, "corporate", purpose="the contractor's bill that it pays (T13); empty for a year", nullable=True, index=True
    )
    seller: Mapped[str | None] = billed(
        REF, "corporate", purpose="the contractor's account that the money goes to", nullable=True
    )
    fee_minor: Mapped[int | None] = billed(
        Integer, "corporate", purpose="what the platform keeps of a contractor's payment", nullable=True
    )
    parties_sealed: Mapped[bytes | None] = sealed_column(
        purpose="seller's and buyer's names and addresses when it was ordered, for its documents", retention="invoice"
    )
    parties = Sealed("parties_sealed")

    @property
    def settled(self) -> bool:
        """Whether money arrived: then nothing about it changes but refunds."""
        return self.state in ("paid", "refunded")

    @property
    def waiting(self) -> bool:
        return self.state in ("open", "processing", "unknown")

    def started(self, ref: str, approval_url: str, *, now: datetime) -> None:
        """The processor has it; a second answer to the same start changes nothing."""
        if self.provider_ref is None:
            self.provider_ref, self.approval_url = ref, approval_url
            self.state, self.last_error, self.checks = "open", None, 0
            self.check_later(now)

    def close(self, state: str, error: str | None = None) -> None:
        self.state, self.approval_url, self.next_check_at = state, None, None
        if error is not None:
            self.last_error = error[:120]

    def check_later(self, now: datetime) -> None:
        """
        The next look of the reconciler: with growing pauses, and when it expires; once a
        day after it was paid, for as long as a buyer can dispute.
        """
        if self.settled:
            over = self.paid_at is not None and now - self.paid_at > timedelta(days=DISPUTABLE_DAYS)
            self.next_check_at = None if over and self.dispute != "open" else now + timedelta(days=1)
            return
        pause = next_pause(self.checks, waiting_for_money=self.state == "processing")
        due = now + timedelta(seconds=pause)
        self.next_check_at = min(due, self.expires_at) if self.expires_at > now else due
        self.checks += 1


class Coupon(Base):
    """What staff offer to whoever has the code; its counts are changed under its lock (B25)."""

    __tablename__ = "coupons"
    code: Mapped[str] = column(String(40), "corporate", primary_key=True, purpose="what a buyer types")
    percent: Mapped[int | None] = column(Integer, "corporate", purpose="how much it takes off", nullable=True)
    amounts: Mapped[str] = column(
        Text, "corporate", purpose="minor units that it takes off by currency, as JSON", nullable=False
    )
    plans: Mapped[str] = column(Text, "corporate", purpose="for which plans, as JSON; none is all", nullable=False)
    starts_on: Mapped[date] = column(Date, "corporate", purpose="when it can be used", nullable=False)
    ends_on: Mapped[date | None] = column(Date, "corporate", purpose="when it can be used", nullable=True)
    total_limit: Mapped[int | None] = column(Integer, "corporate", purpose="how often in all", nullable=True)
    company_limit: Mapped[int | None] = column(Integer, "corporate", purpose="how often by one company", nullable=True)
    reserved: Mapped[int] = column(Integer, "corporate", purpose="limits hold under a race", nullable=False, default=0)
    redeemed: Mapped[int] = column(Integer, "corporate", purpose="limits hold for good", nullable=False, default=0)
    ended_on: Mapped[date | None] = column(Date, "corporate", purpose="staff ended it early", nullable=True)
    created_at: Mapped[datetime] = column(UTCDateTime, "corporate", purpose="order", nullable=False)

    def end(self, today: date) -> None:
        """From now on nobody uses it; the first end stands."""
        self.ended_on = self.ended_on or today


class CouponUse(CompanyOwned, Base):
    """One use of a coupon by one checkout: reserved, then redeemed or released."""

    __tablename__ = "coupon_uses"
    __table_args__ = (UniqueConstraint("company_id", "checkout_id"),)
    id: Mapped[str] = billed(ID, "corporate", primary_key=True, purpose="identity")
    coupon_code: Mapped[str] = billed(String(40), "corporate", purpose="limit by company", index=True)
    checkout_id: Mapped[str] = billed(ID, "corporate", purpose="what it was used for")
    state: Mapped[str] = billed(String(10), "corporate", purpose="whether it counts")


class TaxProfile(CompanyOwned, Base):
    """What decides a company's tax beside its address (B22)."""

    __tablename__ = "tax_profiles"
    __table_args__ = (UniqueConstraint("company_id"),)
    id: Mapped[str] = billed(ID, "corporate", primary_key=True, purpose="identity")
    vat_id_sealed: Mapped[bytes | None] = sealed_column(
        purpose="reverse charge; stands on invoices", retention="invoice"
    )
    vat_country: Mapped[str | None] = billed(
        String(2), "corporate", purpose="it counts only while the company is there", nullable=True
    )
    exempt: Mapped[bool] = billed(Boolean, "corporate", purpose="no tax is added", default=False)
    exempt_reason_sealed: Mapped[bytes | None] = sealed_column(
        purpose="why, in the words of who decided it", retention="invoice"
    )
    changed_at: Mapped[datetime] = billed(UTCDateTime, "corporate", purpose="when it was changed last")
    vat_id = Sealed("vat_id_sealed")
    exempt_reason = Sealed("exempt_reason_sealed")


class Disclosure(CompanyOwned, Base):
    """What was told to whom, why and when; no hand-off to a processor without it (S28, S32)."""

    __tablename__ = "disclosures"
    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="identity", retention="acceptance")
    checkout_id: Mapped[str] = column(
        ID, "corporate", purpose="what it was for", retention="acceptance", nullable=False, index=True
    )
    subject_id: Mapped[str] = column(
        ID, "personal", purpose="whose information it was", retention="acceptance", nullable=False
    )
    recipient: Mapped[str] = column(
        String(40), "corporate", purpose="who received it", retention="acceptance", nullable=False
    )
    fields: Mapped[str] = column(
        String(200), "corporate", purpose="which fields, never their values", retention="acceptance", nullable=False
    )
    basis: Mapped[str] = column(
        String(120), "corporate", purpose="why it was allowed", retention="acceptance", nullable=False
    )
    disclosed_at: Mapped[datetime] = column(
        UTCDateTime, "corporate", purpose="when", retention="acceptance", nullable=False
    )


class Payment(CompanyOwned, Base):
    """Money that arrived for a checkout, once; and what the processor said about its authentication (B06)."""

    __tablename__ = "payments"
    __table_args__ = (UniqueConstraint("company_id", "checkout_id"),)
    id: Mapped[str] = billed(ID, "corporate", primary_key=True, purpose="identity")
    checkout_id: Mapped[str] = billed(ID, "corporate", purpose="one payment for one checkout")
    provider: Mapped[str] = billed(String(10), "corporate", purpose="which processor")
    provider_ref: Mapped[str] = billed(REF, "corporate", purpose="the processor's reference", index=True)
    method: Mapped[str] = billed(String(10), "corporate", purpose="kind of method (T2)")
    amount_minor: Mapped[int] = billed(Integer, "corporate", purpose="how much")
    currency: Mapped[str] = billed(String(3), "corporate", purpose="how much")
    environment: Mapped[str] = billed(String(10), "corporate", purpose="sandbox money is not revenue")
    authentication: Mapped[str | None] = billed(String(40), "corporate", purpose="the result only (S33)", nullable=True)
    outcome: Mapped[str] = billed(String(20), "corporate", purpose="kept, or why it went back at once")
    received_at: Mapped[datetime] = billed(UTCDateTime, "corporate", purpose="when")


class SubscriptionYear(CompanyOwned, Base):
    """One paid year with the terms it was bought on; both days are included (B05)."""

    __tablename__ = "subscription_years"
    __table_args__ = (
        UniqueConstraint("company_id", "checkout_id"),
        # Two payments for one year cannot both stand, whatever the code above does.
        Index(
            "uq_subscription_years_standing", "company_id", "starts_on", unique=True,
            sqlite_where=text("refunded_at IS NULL"), postgresql_where=text("refunded_at IS NULL"),
        ),
    )  # fmt: skip
    id: Mapped[str] = billed(ID, "corporate", primary_key=True, purpose="identity")
    checkout_id: Mapped[str] = billed(ID, "corporate", purpose="what paid for it")
    plan_code: Mapped[str] = billed(String(40), "corporate", purpose="the terms that were bought")
    plan_version: Mapped[int] = billed(Integer, "corporate", purpose="the terms that were bought")
    worker_limit: Mapped[int] = billed(Integer, "corporate", purpose="the terms that were bought")
    amount_minor: Mapped[int] = billed(Integer, "corporate", purpose="what another plan would save")
    currency: Mapped[str] = billed(String(3), "corporate", purpose="what another plan would save")
    starts_on: Mapped[date] = billed(Date, "corporate", purpose="first day")
    ends_on: Mapped[date] = billed(Date, "corporate", purpose="last day")
    held_minor: Mapped[int] = billed(Integer, "corporate", purpose="what an upgrade credits a part of")
    held_since: Mapped[date] = billed(Date, "corporate", purpose="the days that it was paid for begin here")
    high_water: Mapped[int] = column(
        Integer, "corporate", purpose="most workers managed in this year (S38)", nullable=False
    )
    refunded_at: Mapped[datetime | None] = billed(
        UTCDateTime, "corporate", purpose="it ended because the money went back", nullable=True
    )

    def covers(self, day: date) -> bool:
        return self.refunded_at is None and self.starts_on <= day <= self.ends_on


class Subscription(CompanyOwned, Base):
    """What of a company's subscription is no paid year: its trial, its end, and when to look at it again."""

    __tablename__ = "subscriptions"
    __table_args__ = (UniqueConstraint("company_id"),)
    id: Mapped[str] = billed(ID, "corporate", primary_key=True, purpose="identity")
    trial_plan: Mapped[str | None] = billed(String(40), "corporate", purpose="what was tried", nullable=True)
    trial_version: Mapped[int | None] = billed(Integer, "corporate", purpose="what was tried", nullable=True)
    trial_limit: Mapped[int | None] = billed(Integer, "corporate", purpose="what was tried", nullable=True)
    trial_starts_on: Mapped[date | None] = billed(Date, "corporate", purpose="one trial a company", nullable=True)
    trial_ends_on: Mapped[date | None] = billed(Date, "corporate", purpose="it ends by itself (B26)", nullable=True)
    next_plan: Mapped[str | None] = billed(
        String(40), "corporate", purpose="the smaller plan that the next year shall have", nullable=True
    )
    terminated_on: Mapped[date | None] = billed(Date, "corporate", purpose="nothing begins after it", nullable=True)
    look_at: Mapped[datetime | None] = column(
        UTCDateTime, "corporate", purpose="when there is something to tell", nullable=True, index=True
    )
    allowance: Mapped[str | None] = column(
        Text, "corporate", purpose="what workers was told last, as JSON; only news is told", nullable=True
    )
    allowance_version: Mapped[int] = column(
        Integer, "corporate", purpose="order of what workers was told", nullable=False, default=0
    )


class DatedNotice(CompanyOwned, Base):
    """What a company was told about the end of a year; each is told once (N13)."""

    __tablename__ = "dated_notices"
    __table_args__ = (UniqueConstraint("company_id", "about", "kind"),)
    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="identity")
    about: Mapped[date] = column(Date, "corporate", purpose="which end it was about", nullable=False)
    kind: Mapped[str] = column(String(12), "corporate", purpose="each is told once", nullable=False)


class PlanQuote(CompanyOwned, Base):
    """What a change of plan costs; an upgrade is charged exactly this (B18)."""

    __tablename__ = "plan_quotes"
    id: Mapped[str] = billed(ID, "corporate", primary_key=True, purpose="identity")
    year_id: Mapped[str] = billed(ID, "corporate", purpose="which year it changes", index=True)
    direction: Mapped[str] = billed(String(4), "corporate", purpose="up is paid, down waits for the year's end")
    from_plan: Mapped[str] = billed(String(40), "corporate", purpose="the terms before")
    from_version: Mapped[int] = billed(Integer, "corporate", purpose="the terms before")
    from_limit: Mapped[int] = billed(Integer, "corporate", purpose="the terms before")
    from_price: Mapped[int] = billed(Integer, "corporate", purpose="the terms before")
    held_minor: Mapped[int] = billed(Integer, "corporate", purpose="it holds only while this is so")
    held_since: Mapped[date] = billed(Date, "corporate", purpose="it holds only while this is so")
    to_plan: Mapped[str] = billed(String(40), "corporate", purpose="the new terms")
    to_version: Mapped[int] = billed(Integer, "corporate", purpose="the new terms")
    to_name: Mapped[str] = billed(String(80), "corporate", purpose="the invoice's line")
    to_limit: Mapped[int] = billed(Integer, "corporate", purpose="the new terms")
    to_price: Mapped[int] = billed(Integer, "corporate", purpose="the new terms")
    cost_minor: Mapped[int] = billed(Integer, "corporate", purpose="the days that are left, on the new terms")
    credit_minor: Mapped[int] = billed(Integer, "corporate", purpose="the days that are left, on the old terms")
    charge_minor: Mapped[int] = billed(Integer, "corporate", purpose="what is charged, neither more nor less")
    taxes: Mapped[str] = billed(Text, "corporate", purpose="of the charge, what is tax, as JSON", default="[]")
    tax_note: Mapped[str] = billed(String(200), "corporate", purpose="why there is no tax on it", default="")
    currency: Mapped[str] = billed(String(3), "corporate", purpose="of the amounts")
    days_left: Mapped[int] = billed(Integer, "corporate", purpose="how it was reckoned")
    days_in_year: Mapped[int] = billed(Integer, "corporate", purpose="how it was reckoned")
    effective_on: Mapped[date] = billed(Date, "corporate", purpose="from when it holds")
    year_ends_on: Mapped[date] = billed(Date, "corporate", purpose="when the year ends after it")
    anniversary: Mapped[str] = billed(String(5), "corporate", purpose="whether the year keeps its end", default="keep")
    from_starts_on: Mapped[date | None] = billed(
        Date, "corporate", purpose="the year before, to undo it", nullable=True
    )
    from_ends_on: Mapped[date | None] = billed(Date, "corporate", purpose="the year before, to undo it", nullable=True)
    state: Mapped[str] = billed(String(10), "corporate", purpose="where it stands")
    created_at: Mapped[datetime] = billed(UTCDateTime, "corporate", purpose="order")
    expires_at: Mapped[datetime] = billed(UTCDateTime, "corporate", purpose="it can be accepted until then")
    done_at: Mapped[datetime | None] = billed(UTCDateTime, "corporate", purpose="when it was paid", nullable=True)


class Invoice(CompanyOwned, Base):
    """An invoice or credit note: numbered without gaps, never changed."""

    __tablename__ = "invoices"
    __table_args__ = (UniqueConstraint("number"),)
    id: Mapped[str] = billed(ID, "corporate", primary_key=True, purpose="identity")
    number: Mapped[str] = billed(String(40), "corporate", purpose="gapless number")
    kind: Mapped[str] = billed(String(12), "corporate", purpose="invoice or credit note")
    checkout_id: Mapped[str] = billed(ID, "corporate", purpose="what it is about", index=True)
    refund_id: Mapped[str | None] = billed(ID, "corporate", purpose="what a credit note is about", nullable=True)
    lines: Mapped[str] = billed(Text, "corporate", purpose="what was bought, as JSON")
    taxes: Mapped[str] = billed(Text, "corporate", purpose="which tax is added, as JSON", default="[]")
    tax_note: Mapped[str] = billed(String(200), "corporate", purpose="why there is no tax on it", default="")
    total_minor: Mapped[int] = billed(Integer, "corporate", purpose="sum of the lines and taxes")
    currency: Mapped[str] = billed(String(3), "corporate", purpose="of the amounts")
    issued_on: Mapped[date] = billed(Date, "corporate", purpose="date of the document")
    parties_sealed: Mapped[bytes | None] = sealed_column(
        purpose="seller's and buyer's names and addresses as they stand on it", retention="invoice"
    )
    parties = Sealed("parties_sealed")


class NumberSeries(Base):
    """The last number of a series; locked while the next one is given out."""

    __tablename__ = "number_series"
    name: Mapped[str] = billed(String(40), "corporate", primary_key=True, purpose="which series")
    last: Mapped[int] = billed(Integer, "corporate", purpose="last number given out")


class Refund(CompanyOwned, Base):
    """Money on its way back; ``id`` is the processor's idempotency key, so it goes back once."""

    __tablename__ = "refunds"
    __table_args__ = (
        UniqueConstraint("company_id", "request_key"),
        # What somebody gave back at the processor is written down once, whoever sees it first.
        Index("uq_refunds_company_id_provider_ref", "company_id", "provider_ref", unique=True),
    )
    id: Mapped[str] = billed(ID, "corporate", primary_key=True, purpose="identity")
    checkout_id: Mapped[str] = billed(ID, "corporate", purpose="what is given back", index=True)
    asked_by: Mapped[str | None] = billed(
        ID, "personal", purpose="who asked; nobody when it is automatic", nullable=True
    )
    request_key: Mapped[str | None] = billed(
        String(64), "corporate", purpose="a repeated request continues this one", nullable=True
    )
    cause: Mapped[str] = billed(String(20), "corporate", purpose="requested, or the rule that made it automatic")
    reason_sealed: Mapped[bytes | None] = sealed_column(purpose="why, in the words of who asked", retention="invoice")
    amount_minor: Mapped[int] = billed(Integer, "corporate", purpose="how much")
    currency: Mapped[str] = billed(String(3), "corporate", purpose="how much")
    state: Mapped[str] = billed(String(10), "corporate", purpose="where it stands")
    provider_ref: Mapped[str | None] = billed(REF, "corporate", purpose="the processor's reference", nullable=True)
    last_error: Mapped[str | None] = billed(
        String(120), "corporate", purpose="why it failed, in the processor's code", nullable=True
    )
    checks: Mapped[int] = billed(Integer, "corporate", purpose="growing pauses", default=0)
    next_check_at: Mapped[datetime | None] = column(
        UTCDateTime, "corporate", purpose="reconciliation", retention="short", nullable=True, index=True
    )
    created_at: Mapped[datetime] = billed(UTCDateTime, "corporate", purpose="how long the processor knows its key")
    done_at: Mapped[datetime | None] = billed(
        UTCDateTime, "corporate", purpose="when the money went back", nullable=True
    )
    reason = Sealed("reason_sealed")

    @property
    def running(self) -> bool:
        return self.state in ("pending", "unknown")

    @property
    def elsewhere(self) -> bool:
        """Whether it was not us who asked the processor for it: then it is only ever read."""
        return self.cause in ("at_provider", "dispute_lost")

    def check_later(self, now: datetime) -> None:
        self.next_check_at = now + timedelta(seconds=next_pause(self.checks))
        self.checks += 1


class LedgerEntry(CompanyOwned, Base):
    """One side of a booking; written once and never changed (B28)."""

    __tablename__ = "ledger_entries"
    __table_args__ = (UniqueConstraint("company_id", "transaction_id", "account"),)
    id: Mapped[str] = billed(ID, "corporate", primary_key=True, purpose="identity and order")
    transaction_id: Mapped[str] = billed(ID, "corporate", purpose="the payment or refund; booked once")
    checkout_id: Mapped[str] = billed(ID, "corporate", purpose="what it was about")
    account: Mapped[str] = billed(String(20), "corporate", purpose="where it is booked")
    debit_minor: Mapped[int] = billed(Integer, "corporate", purpose="how much")
    credit_minor: Mapped[int] = billed(Integer, "corporate", purpose="how much")
    currency: Mapped[str] = billed(String(3), "corporate", purpose="of the amounts")
    environment: Mapped[str] = billed(String(10), "corporate", purpose="sandbox money is not revenue")
    booked_at: Mapped[datetime] = billed(UTCDateTime, "corporate", purpose="when")


class Meter(CompanyOwned, Base):
    """How many workers a company manages today, and what it was told about that (S38, S39)."""

    __tablename__ = "meters"
    __table_args__ = (UniqueConstraint("company_id"),)
    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="identity")
    managed: Mapped[int] = column(Integer, "corporate", purpose="today's figure (S38)", nullable=False)
    high_water: Mapped[int] = column(
        Integer, "corporate", purpose="most workers ever managed, as workers told it", nullable=False
    )
    sequence: Mapped[int] = column(Integer, "corporate", purpose="late events are recognised", nullable=False)
    warned: Mapped[str] = column(String(10), "corporate", purpose="each level is warned of once", nullable=False)
    over_since: Mapped[date | None] = column(
        Date, "corporate", purpose="more than the plan allows since then, as workers told it", nullable=True
    )
    over_until: Mapped[date | None] = column(
        Date, "corporate", purpose="the last day on which more can be added, as workers told it", nullable=True
    )
    advised: Mapped[str] = column(String(60), "corporate", purpose="each advice is given once", nullable=False)
    review_at: Mapped[datetime | None] = column(
        UTCDateTime, "corporate", purpose="when the plan is looked at again", nullable=True, index=True
    )


class WebhookNotice(Base):
    """A verified webhook: ids only, worked on once, order does not matter (B09)."""

    __tablename__ = "webhook_notices"
    provider: Mapped[str] = column(
        String(10), "corporate", primary_key=True, purpose="which processor", retention="30 days"
    )
    event_id: Mapped[str] = column(
        REF, "corporate", primary_key=True, purpose="each is worked on once", retention="30 days"
    )
    kind: Mapped[str] = column(String(80), "corporate", purpose="what it is about", retention="30 days", nullable=False)
    provider_ref: Mapped[str | None] = column(
        REF, "corporate", purpose="leads to the checkout", retention="30 days", nullable=True
    )
    payment_id: Mapped[str | None] = column(
        REF, "corporate", purpose="leads to the checkout", retention="30 days", nullable=True
    )
    charge_ref: Mapped[str | None] = column(
        REF, "corporate", purpose="leads to the checkout", retention="30 days", nullable=True
    )
    attempts: Mapped[int] = column(Integer, "corporate", purpose="growing pauses", retention="30 days", nullable=False)
    due_at: Mapped[datetime | None] = column(
        UTCDateTime, "corporate", purpose="until it is done", retention="30 days", nullable=True, index=True
    )
    received_at: Mapped[datetime] = column(
        UTCDateTime, "corporate", purpose="purge", retention="30 days", nullable=False, index=True
    )


class IssuedForGood(Exception):
    """An invoice, a booking, a disclosure or a version of a plan is never changed; correct it by a new one."""


@event.listens_for(Invoice, "before_update")
@event.listens_for(Invoice, "before_delete")
@event.listens_for(Disclosure, "before_update")
@event.listens_for(Disclosure, "before_delete")
@event.listens_for(BillCredit, "before_update")
@event.listens_for(BillCredit, "before_delete")
@event.listens_for(Plan, "before_update")
@event.listens_for(AppliedFile, "before_update")
@event.listens_for(LedgerEntry, "before_update")
@event.listens_for(LedgerEntry, "before_delete")
def _refuse(mapper: Any, connection: Any, row: Any) -> None:
    raise IssuedForGood(type(row).__name__)

"""
What follows when money arrived: the payment's record, and the year or the way back.

Called inside the unit of work that has the checkout locked; everything here happens
together or not at all.
"""

from datetime import date, datetime

import orjson

from actiontrac.contracts.billing import PaymentReceived, SubscriptionActivated
from actiontrac.ids import new_id
from services.billing import coupons, ledger, policies, upgrades
from services.billing.contractor.paid import bill_is_wanted, bill_may_be_paid, bill_was_paid
from services.billing.models import Checkout, Invoice, Payment, Refund, SubscriptionYear
from services.billing.providers import Snapshot
from services.billing.repository import BillingStore
from services.billing.schemas import coupon_line
from services.billing.standing import look
from services.billing.taxes import TaxLine
from services.billing.taxing import taxes_from, taxes_to
from services.billing.watch import watch


def is_wanted(store: BillingStore, checkout: Checkout, today: date) -> bool:
    """Whether a payment of this checkout would still buy what it was opened for."""
    if checkout.bill_id is not None:
        return bill_is_wanted(store, checkout)
    if is_terminated(store, today):
        return False
    if checkout.quote_id is not None:
        return upgrades.is_wanted(store, checkout, today)
    return policies.may_buy_a_year(store.last_paid_day(), today)


def is_terminated(store: BillingStore, today: date) -> bool:
    """Whether the company left for good: nothing begins any more, and money that still arrives goes back."""
    life = store.subscription()
    return life is not None and life.terminated_on is not None and life.terminated_on <= today


def take_payment(store: BillingStore, checkout: Checkout, snapshot: Snapshot, *, rule: str, now: datetime) -> str:
    """
    Turn a paid checkout into a year, or send the money back at once.

    One charge buys one year: where this year was paid by another checkout in the
    meantime, the buyer was not authenticated, or the company has left for good, nothing
    is activated and a refund begins. Returns what was decided: ``kept``,
    ``already_paid``, ``not_authenticated``, ``terminated`` or ``coupon_used_up``.
    """
    # Two checkouts of one company, or of one bill, that are paid at the same moment meet here.
    if checkout.bill_id is not None:
        may_buy = bill_may_be_paid(store, checkout)
    else:
        store.meter(lock=True)
        may_buy = is_wanted(store, checkout, now.date())
    authenticated = policies.is_authenticated(checkout.method, snapshot.authentication, rule)
    # A contractor's bill is paid into their own account, wherever their membership stands.
    terminated = checkout.bill_id is None and is_terminated(store, now.date())
    cause = policies.cause_to_return(may_buy=may_buy, authenticated=authenticated, terminated=terminated)
    if cause is not None:
        coupons.release(store, checkout)
    elif not coupons.redeem(store, checkout):
        cause = "coupon_used_up"
    _record(store, checkout, snapshot, cause or "kept", now)
    checkout.paid_at = now
    if cause is None:
        checkout.close("paid")
        checkout.check_later(now)
        checkout.last_error = None
        if checkout.bill_id is not None:
            bill_was_paid(store, checkout, now)
            return "kept"
        if checkout.quote_id is not None:
            year, lines = upgrades.upgrade(store, checkout, now)
        else:
            year, lines = _activate(store, checkout, now)
        _receipt(store, checkout, lines, now)
        _follow(store, checkout, year, now)
        return "kept"
    checkout.close("refunded", cause)
    checkout.check_later(now)
    store.session.add(
        Refund(
            id=new_id("ref"),
            company_id=checkout.company_id,
            checkout_id=checkout.id,
            cause=cause,
            amount_minor=checkout.amount_minor,
            currency=checkout.currency,
            state="pending",
            checks=0,
            next_check_at=now,
            created_at=now,
        )
    )
    return cause


def _record(store: BillingStore, checkout: Checkout, snapshot: Snapshot, outcome: str, now: datetime) -> None:
    payment_id = new_id("pay")
    if checkout.bill_id is not None:
        # The money is the contractor's; in our books stands what we keep of it.
        entries = ledger.fee(checkout.provider, checkout.fee_minor or 0)
    else:
        tax = checkout.amount_minor - checkout.net_minor
        entries = ledger.payment(checkout.provider, snapshot.amount.minor, tax=tax, kept=outcome == "kept")
    store.book(entries, payment_id, checkout, now)
    store.session.add(
        Payment(
            id=payment_id,
            company_id=checkout.company_id,
            checkout_id=checkout.id,
            provider=checkout.provider,
            provider_ref=snapshot.charge_ref or snapshot.ref,
            method=checkout.method,
            amount_minor=snapshot.amount.minor,
            currency=snapshot.amount.currency,
            environment=snapshot.environment,
            authentication=snapshot.authentication,
            outcome=outcome,
            received_at=now,
        )
    )


def _activate(store: BillingStore, checkout: Checkout, now: datetime) -> tuple[SubscriptionYear, list[tuple[str, int]]]:
    meter = store.meter()
    first = not store.years()
    starts_on = policies.first_day_of_next(store.last_paid_day(), now.date())
    year = SubscriptionYear(
        id=new_id("sub"),
        company_id=checkout.company_id,
        checkout_id=checkout.id,
        plan_code=checkout.plan_code,
        plan_version=checkout.plan_version,
        worker_limit=checkout.worker_limit,
        # The plan's price; what is held is what was paid of it.
        amount_minor=checkout.net_minor + checkout.discount_minor,
        currency=checkout.currency,
        starts_on=starts_on,
        ends_on=policies.last_day_of_year(starts_on),
        held_minor=checkout.net_minor,
        held_since=starts_on,
        high_water=meter.managed if starts_on == now.date() else 0,
    )
    store.session.add(year)
    store.session.flush()
    store.publish(
        SubscriptionActivated(
            company_id=checkout.company_id,
            subscription_id=year.id,
            checkout_id=checkout.id,
            plan=year.plan_code,
            worker_limit=year.worker_limit,
            starts_on=year.starts_on.isoformat(),
            ends_on=year.ends_on.isoformat(),
            first=first,
        )
    )
    life = store.subscription_for_change()
    life.next_plan = None
    line = f"{checkout.plan_name} plan, up to {checkout.worker_limit} workers, {year.starts_on} to {year.ends_on}"
    lines = [(line, checkout.net_minor + checkout.discount_minor)]
    if checkout.coupon_code is not None:
        lines.append((coupon_line(checkout.coupon_code), -checkout.discount_minor))
    return year, lines


def _receipt(store: BillingStore, checkout: Checkout, lines: list[tuple[str, int]], now: datetime) -> None:
    invoice = issue(store, checkout, "invoice", lines, taxes_from(checkout.taxes), now)
    store.session.flush()
    store.publish(
        PaymentReceived(
            company_id=checkout.company_id,
            checkout_id=checkout.id,
            invoice_id=invoice.id,
            invoice_number=invoice.number,
            amount_minor=checkout.amount_minor,
            currency=checkout.currency,
            method=checkout.method,
            plan=checkout.plan_code,
        )
    )


def _follow(store: BillingStore, checkout: Checkout, year: SubscriptionYear, now: datetime) -> None:
    meter = store.meter()
    # Other pages of this company that are still open must not take a second payment.
    for other in store.other_open_checkouts(checkout.id):
        other.next_check_at = now
    look(store, now)
    # A new year is judged anew: what was warned of under the old terms may be true again.
    meter.advised = ""
    meter.review_at = policies.review_after(year.starts_on, now)
    watch(store, meter, now.date())


PREFIXES = {"invoice": "INV-", "credit_note": "CN-"}


def issue(
    store: BillingStore,
    checkout: Checkout,
    kind: str,
    lines: list[tuple[str, int]],
    taxes: tuple[TaxLine, ...],
    now: datetime,
    *,
    refund_id: str | None = None,
) -> Invoice:
    """
    Write a document with the next number of its series.

    What was paid in a sandbox has a series of its own: it is nobody's revenue.
    """
    live = checkout.environment == "live"
    series = kind if live else f"{checkout.environment}_{kind}"
    prefix = PREFIXES[kind] if live else f"{checkout.environment.upper()}-{PREFIXES[kind]}"
    document = Invoice(
        id=new_id("inv"),
        company_id=checkout.company_id,
        number=store.next_number(series, prefix),
        kind=kind,
        checkout_id=checkout.id,
        refund_id=refund_id,
        lines=orjson.dumps([{"description": text, "amount_minor": amount} for text, amount in lines]).decode(),
        taxes=taxes_to(taxes),
        tax_note=checkout.tax_note,
        total_minor=sum(amount for _, amount in lines) + sum(tax.amount_minor for tax in taxes),
        currency=checkout.currency,
        issued_on=now.date(),
    )
    # As they were when it was ordered: a company that moves away does not rewrite its old documents.
    document.parties = checkout.parties
    store.session.add(document)
    return document

"""From rows to the views that billing promises: plain JSON."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, TypedDict, cast

import orjson

from actiontrac import clock
from actiontrac.contracts.billing import (
    AdviceView,
    CheckoutQuoteView,
    CheckoutView,
    CouponView,
    InvoiceView,
    Mark,
    PlanView,
    QuoteView,
    RefundView,
    SubscriptionView,
    TaxProfileView,
    TaxView,
    UsageLevel,
)
from services.billing.discounts import Terms as CouponTerms
from services.billing.documents import Document, Line, Tax
from services.billing.life import Position, Stage
from services.billing.models import Checkout, Coupon, Invoice, Payment, Plan, PlanQuote, Refund, TaxProfile
from services.billing.policies import RENEWAL_WINDOW_DAYS, Advice, Choice
from services.billing.providers.money import Money
from services.billing.taxing import Bill, taxes_from, taxes_to

if TYPE_CHECKING:
    from services.billing.standing import Terms
    from services.billing.watch import Level


def prices_of(plan: Plan) -> dict[str, int]:
    found: dict[str, int] = orjson.loads(plan.prices)
    return found


def plan_view(plan: Plan) -> PlanView:
    return {
        "code": plan.code,
        "name": plan.name,
        "version": plan.version,
        "worker_limit": plan.worker_limit,
        "prices": prices_of(plan),
    }


def choices(plans: list[Plan], currency: str) -> list[Choice]:
    """The plans that are sold in a currency, for the advice."""
    return [
        Choice(plan.code, plan.name, plan.worker_limit, Money(prices_of(plan)[currency], currency))
        for plan in plans
        if currency in prices_of(plan)
    ]


def tax_views(taxes: str) -> list[TaxView]:
    """The tax lines of what was kept as JSON."""
    return [
        {"name": tax.name, "percent": tax.percent, "base_minor": tax.base_minor, "amount_minor": tax.amount_minor}
        for tax in taxes_from(taxes)
    ]


def coupon_line(code: str) -> str:
    """What stands on an invoice before what it takes off."""
    return f"Coupon {code.upper()}"


def coupon_terms(coupon: Coupon) -> CouponTerms:
    return CouponTerms(
        percent=coupon.percent,
        amounts=orjson.loads(coupon.amounts),
        plans=tuple(orjson.loads(coupon.plans)),
        starts_on=coupon.starts_on,
        ends_on=coupon.ends_on,
        total_limit=coupon.total_limit,
        company_limit=coupon.company_limit,
    )


def coupon_view(coupon: Coupon) -> CouponView:
    return {
        "code": coupon.code,
        "percent": coupon.percent,
        "amounts": orjson.loads(coupon.amounts),
        "plans": orjson.loads(coupon.plans),
        "starts_on": coupon.starts_on.isoformat(),
        "ends_on": coupon.ends_on.isoformat() if coupon.ends_on else None,
        "total_limit": coupon.total_limit,
        "company_limit": coupon.company_limit,
        "reserved": coupon.reserved,
        "redeemed": coupon.redeemed,
        "ended_on": coupon.ended_on.isoformat() if coupon.ended_on else None,
    }


def tax_profile_view(profile: TaxProfile | None) -> TaxProfileView:
    if profile is None:
        return {"vat_id": None, "vat_country": None, "exempt": False}
    return {"vat_id": profile.vat_id, "vat_country": profile.vat_country, "exempt": profile.exempt}


def checkout_view(checkout: Checkout) -> CheckoutView:
    return {
        "id": checkout.id,
        "state": cast(Any, checkout.state),
        "plan": checkout.plan_code,
        "plan_version": checkout.plan_version,
        "method": cast(Any, checkout.method),
        "coupon": checkout.coupon_code,
        "discount_minor": checkout.discount_minor,
        "subtotal_minor": checkout.net_minor,
        "taxes": tax_views(checkout.taxes),
        "tax_note": checkout.tax_note,
        "amount_minor": checkout.amount_minor,
        "currency": checkout.currency,
        "approval_url": checkout.approval_url,
        "last_error": checkout.last_error,
        "dispute": cast(Any, checkout.dispute),
        "environment": cast(Any, checkout.environment),
        "created_at": clock.iso(checkout.created_at),
        "paid_at": clock.iso(checkout.paid_at) if checkout.paid_at else None,
    }


def checkout_quote_view(plan: Plan, lines: list[tuple[str, int]], bill: Bill) -> CheckoutQuoteView:
    return {
        "plan": plan.code,
        "plan_version": plan.version,
        "lines": [{"description": text, "amount_minor": amount} for text, amount in lines],
        "subtotal_minor": bill.sums.subtotal,
        "taxes": tax_views(taxes_to(bill.sums.taxes)),
        "tax_note": bill.note,
        "amount_minor": bill.sums.total,
        "currency": bill.currency,
    }


def quote_view(quote: PlanQuote) -> QuoteView:
    return {
        "id": quote.id,
        "direction": cast(Any, quote.direction),
        "from_plan": quote.from_plan,
        "plan": quote.to_plan,
        "worker_limit": quote.to_limit,
        "cost_minor": quote.cost_minor,
        "credit_minor": quote.credit_minor,
        "subtotal_minor": quote.cost_minor - quote.credit_minor,
        "taxes": tax_views(quote.taxes),
        "tax_note": quote.tax_note,
        "charge_minor": quote.charge_minor,
        "currency": quote.currency,
        "days_left": quote.days_left,
        "days_in_year": quote.days_in_year,
        "effective_on": quote.effective_on.isoformat(),
        "anniversary": cast(Any, quote.anniversary),
        "year_ends_on": quote.year_ends_on.isoformat(),
        "expires_at": clock.iso(quote.expires_at),
    }


def refund_view(refund: Refund) -> RefundView:
    return {
        "id": refund.id,
        "checkout_id": refund.checkout_id,
        "state": cast(Any, refund.state),
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "created_at": clock.iso(refund.created_at),
    }


def invoice_view(invoice: Invoice) -> InvoiceView:
    return {
        "id": invoice.id,
        "number": invoice.number,
        "kind": cast(Any, invoice.kind),
        "issued_on": invoice.issued_on.isoformat(),
        "checkout_id": invoice.checkout_id,
        "lines": orjson.loads(invoice.lines),
        "subtotal_minor": sum(line["amount_minor"] for line in orjson.loads(invoice.lines)),
        "taxes": tax_views(invoice.taxes),
        "tax_note": invoice.tax_note,
        "total_minor": invoice.total_minor,
        "currency": invoice.currency,
        # A year is paid before its invoice is written, and a credit note after its money went back.
        "paid": True,
    }


def document_of(invoice: Invoice, checkout: Checkout, payment: Payment | None, refund: Refund | None) -> Document:
    """What stands on the page of a document; nothing of it changes any more."""
    parties, currency = orjson.loads(invoice.parties or "{}"), invoice.currency
    reference = refund.provider_ref if refund is not None else payment and payment.provider_ref
    return Document(
        kind=cast(Any, invoice.kind),
        number=invoice.number,
        issued_on=invoice.issued_on,
        seller=tuple(parties.get("seller", ["ActionTrac"])),
        buyer=tuple(parties.get("buyer", [invoice.company_id])),
        lines=tuple(
            Line(line["description"], Money(line["amount_minor"], currency)) for line in orjson.loads(invoice.lines)
        ),
        taxes=tuple(
            Tax(tax.name, tax.percent, Money(tax.base_minor, currency), Money(tax.amount_minor, currency))
            for tax in taxes_from(invoice.taxes)
        ),
        tax_note=invoice.tax_note,
        total=Money(invoice.total_minor, currency),
        method=checkout.method,
        reference=reference or invoice.checkout_id,
        settled_on=invoice.issued_on,
        live=checkout.environment == "live",
    )


def advice_view(advice: Advice) -> AdviceView:
    return {
        "direction": advice.direction,
        "plan": advice.plan,
        "reason": advice.reason,
        "saving_minor": advice.saving.minor,
        "currency": advice.saving.currency,
    }


class UsageLevelFields(TypedDict):
    level: UsageLevel | None
    over_since: str | None
    grace_ends_on: str | None
    explanation: str


def usage_level(
    found: "Level | None", managed: int, terms: "Terms | None", *, read_only: bool
) -> UsageLevelFields:
    """The part of the usage page that says how full the plan is, and what follows (B16)."""
    if found is None or terms is None:
        text = "Nothing was bought or tried yet, so there is no limit."
        if read_only:
            text = "Nothing is paid at the moment: workers can be read, exported and archived, not added or changed."
        return {"level": None, "over_since": None, "grace_ends_on": None, "explanation": text}
    text = f"Your plan allows {terms.worker_limit} workers."
    larger = "take a larger plan, or archive workers who have left"
    if found.level == "100":
        text = f"{text} It is full, which is allowed; for more, {larger}."
    elif found.level == "over":
        text = f"{text} You manage {managed}. More can be added until {found.until}, and then none: {larger}."
    elif found.level == "blocked":
        text = f"{text} You manage {managed}, so none can be added; everything else works. To go on, {larger}."
    else:
        text = f"{text} There is room for {terms.worker_limit - managed} more."
    return {
        "level": cast(UsageLevel, found.level) if found.level else None,
        "over_since": found.since.isoformat() if found.since else None,
        "grace_ends_on": found.until.isoformat() if found.until and found.level == "over" else None,
        "explanation": text,
    }


def subscription_view(
    here: Position, terms: "Terms | None", today: date, next_plan: str | None = None
) -> SubscriptionView:
    """Plan status by the calendar: nothing has to happen for a year to end (B05, B29)."""
    return {
        "state": cast(Any, here.stage.value),
        "marks": _marks(here),
        "read_only": here.read_only,
        "changes_on": here.changes_on.isoformat() if here.changes_on else None,
        "plan": terms.plan if terms else None,
        "plan_version": terms.version if terms else None,
        "worker_limit": terms.worker_limit if terms else None,
        "next_plan": next_plan,
        "starts_on": terms.starts_on.isoformat() if terms else None,
        "ends_on": terms.ends_on.isoformat() if terms else None,
        "days_left": (terms.ends_on - today).days if terms and here.days_left is not None else None,
        "renews_automatically": False,
        "next_step": _next_step(here),
    }


def _marks(here: Position) -> list[Mark]:
    marks: list[tuple[bool, Mark]] = [(here.refunded, "refunded"), (here.disputed, "disputed")]
    return [mark for holds, mark in marks if holds]


def _next_step(here: Position) -> str:
    end = here.end.isoformat() if here.end else ""
    until = (here.changes_on - timedelta(days=1)).isoformat() if here.changes_on else ""
    if here.refunded and here.stage in (Stage.READ_ONLY, Stage.LAPSED) and here.after == "refund":
        return "The last payment went back. Choose a plan to start a new year; everything can be read and exported."
    match here.stage:
        case Stage.NONE:
            return "Choose a plan and pay for one year; nothing is charged again by itself."
        case Stage.PENDING_PAYMENT:
            return "A payment is under way; approve it on the payment page, or choose a plan anew."
        case Stage.TRIAL:
            return f"The trial ends by itself on {end} and nothing is charged. Choose a plan to go on."
        case Stage.ACTIVE:
            window = f"a renewal can be bought in its last {RENEWAL_WINDOW_DAYS} days"
            return f"Nothing to do: it is paid until {end}; {window}."
        case Stage.RENEWAL_DUE:
            return f"It is paid until {end} and ends there by itself. A renewal bought now begins the day after."
        case Stage.GRACE:
            ended = f"The paid year ended on {end} and nothing was charged."
            return f"{ended} Everything works until {until}; pay for a new year to go on."
        case Stage.TERMINATED:
            return "This membership was terminated."
        case _:
            what = "trial" if here.after == "trial" else "paid year"
            ended = f"The {what} ended on {end} and nothing was charged."
            return f"{ended} Everything can be read and exported; pay for a new year to go on."

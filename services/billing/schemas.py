"""From rows to the views that billing promises: plain JSON."""

from datetime import date
from typing import Any, Literal, cast

import orjson

from actiontrac import clock
from actiontrac.contracts.billing import (
    AdviceView,
    CheckoutView,
    InvoiceView,
    PlanView,
    RefundView,
    SubscriptionView,
)
from services.billing.models import Checkout, Invoice, Plan, Refund, SubscriptionYear
from services.billing.policies import RENEWAL_WINDOW_DAYS, Advice, Choice, may_buy_a_year
from services.billing.providers.money import Money


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


def checkout_view(checkout: Checkout) -> CheckoutView:
    return {
        "id": checkout.id,
        "state": cast(Any, checkout.state),
        "plan": checkout.plan_code,
        "plan_version": checkout.plan_version,
        "method": cast(Any, checkout.method),
        "amount_minor": checkout.amount_minor,
        "currency": checkout.currency,
        "approval_url": checkout.approval_url,
        "last_error": checkout.last_error,
        "environment": cast(Any, checkout.environment),
        "created_at": clock.iso(checkout.created_at),
        "paid_at": clock.iso(checkout.paid_at) if checkout.paid_at else None,
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
        "total_minor": invoice.total_minor,
        "currency": invoice.currency,
        # A year is paid before its invoice is written, and a credit note after its money went back.
        "paid": True,
    }


def advice_view(advice: Advice) -> AdviceView:
    return {
        "direction": advice.direction,
        "plan": advice.plan,
        "reason": advice.reason,
        "saving_minor": advice.saving.minor,
        "currency": advice.saving.currency,
    }


def subscription_view(years: list[SubscriptionYear], today: date) -> SubscriptionView:
    """Plan status by the calendar: nothing has to happen for a year to end (B05, B29)."""
    standing = [year for year in years if year.refunded_at is None]
    current = next((year for year in standing if year.covers(today)), None)
    past = standing or years
    shown = current or (past[-1] if past else None)
    state: Literal["none", "active", "lapsed", "refunded"] = "none"
    if current is not None:
        state = "active"
    elif shown is not None:
        state = "refunded" if shown.refunded_at is not None else "lapsed"
    return {
        "state": state,
        "plan": shown.plan_code if shown else None,
        "plan_version": shown.plan_version if shown else None,
        "worker_limit": shown.worker_limit if shown else None,
        "starts_on": shown.starts_on.isoformat() if shown else None,
        "ends_on": shown.ends_on.isoformat() if shown else None,
        "days_left": (current.ends_on - today).days if current else None,
        "renews_automatically": False,
        "next_step": _next_step(state, standing, today),
    }


def _next_step(state: str, standing: list[SubscriptionYear], today: date) -> str:
    if state == "none":
        return "Choose a plan and pay for one year; nothing is charged again by itself."
    if state == "refunded":
        return "The last payment went back. Choose a plan to start a new year."
    last = standing[-1].ends_on
    if state == "lapsed":
        return f"The paid year ended on {last.isoformat()} and nothing was charged. Pay for a new year to go on."
    if not may_buy_a_year(last, today):
        renewal = f"a renewal can be bought in its last {RENEWAL_WINDOW_DAYS} days"
        return f"Nothing to do: it is paid until {last.isoformat()}; {renewal}."
    return f"It is paid until {last.isoformat()} and ends there by itself. A renewal bought now begins the day after."

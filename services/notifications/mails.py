"""
Every mail that we send: its template, its category, its version, and sample data.

A mail that does not say otherwise can be switched off (N01). The version goes up
whenever the wording changes, and is kept with each message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.notifications import policies


@dataclass(frozen=True, kw_only=True)
class Mail:
    """
    Raises:
        UnknownCategory: its category is none of ours.
    """

    name: str
    version: int = 1
    category: str = "plan_status"
    #: Whether accounts (for a bill: billing) names a secret link for it at hand-over.
    linked: bool = False
    #: What a message of this kind carries; tests and previews render with it.
    sample: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        policies.require_category(self.category)


def _security(name: str, *, linked: bool = False) -> Mail:
    return Mail(name=name, category="security", linked=linked)


_USAGE = {"managed": 41, "worker_limit": 50, "plan": "team"}
_ADVICE = {"managed": 41, "worker_limit": 50, "saving_minor": 0, "currency": "USD"}

_DISPUTE = {"plan": "team", "amount_minor": 48000, "currency": "USD"}
_BILL = {"bill_number": "BILL-000042", "amount_minor": 125000, "currency": "USD"}

ALL: tuple[Mail, ...] = (
    _security("verify_email", linked=True),
    _security("already_registered"),
    _security("user_id_taken"),
    _security("reset_password", linked=True),
    _security("password_changed"),
    _security("invitation", linked=True),
    Mail(
        name="welcome",
        sample={"plan": "team", "worker_limit": 50, "starts_on": "2026-11-23", "ends_on": "2027-11-22"},
    ),
    Mail(
        name="receipt",
        sample={
            "invoice_number": "2026-000042",
            "amount_minor": 48000,
            "currency": "USD",
            "method": "card",
            "plan": "team",
            "paid_on": "2026-11-23",
        },
    ),
    Mail(
        name="refund",
        sample={
            "invoice_number": "2026-000042",
            "amount_minor": 48000,
            "currency": "USD",
            "whole": True,
            "cause": "requested",
            "refunded_on": "2026-12-01",
        },
    ),
    # About money that somebody says we should not have: nobody switches that off by mistake.
    Mail(
        name="payment_disputed",
        category="legal_notice",
        sample={**_DISPUTE, "disputed_on": "2026-12-01", "reason": "fraudulent"},
    ),
    Mail(name="dispute_won", category="legal_notice", sample={**_DISPUTE, "closed_on": "2026-12-20", "whole": False}),
    Mail(name="dispute_lost", category="legal_notice", sample={**_DISPUTE, "closed_on": "2026-12-20", "whole": True}),
    Mail(name="usage_80", sample=_USAGE),
    Mail(name="usage_100", sample={**_USAGE, "managed": 50}),
    Mail(name="usage_over", version=2, sample={**_USAGE, "managed": 53, "grace_ends_on": "2027-02-14"}),
    Mail(name="usage_blocked", sample={**_USAGE, "managed": 53, "grace_ends_on": "2027-02-14"}),
    Mail(
        name="plan_advice_up",
        sample={**_ADVICE, "managed": 12, "current_plan": "starter", "advised_plan": "team"},
    ),
    Mail(
        name="plan_advice_down",
        sample={**_ADVICE, "current_plan": "business", "advised_plan": "team", "saving_minor": 132000},
    ),
    Mail(name="trial_started", sample={"plan": "team", "worker_limit": 50, "ends_on": "2026-12-07"}),
    Mail(name="renewal_due", sample={"plan": "team", "ends_on": "2027-11-22", "days_left": 14, "next_plan": ""}),
    Mail(
        name="grace_started",
        sample={"plan": "team", "ended_on": "2027-11-22", "grace_ends_on": "2027-12-06"},
    ),
    Mail(name="read_only", sample={"plan": "team", "ended_on": "2027-11-22", "after": "year"}),
    Mail(name="lapsed", sample={"plan": "team", "ended_on": "2027-11-22", "after": "year"}),
    Mail(name="terminated", category="legal_notice", sample={"terminated_on": "2027-11-22"}),
    Mail(
        name="plan_changed",
        sample={
            "from_plan": "starter",
            "plan": "team",
            "worker_limit": 50,
            "effective_on": "2027-03-01",
            "ends_on": "2027-11-22",
        },
    ),
    # To the client of a company that sells: about a payment of their own, so nothing to switch off.
    Mail(name="bill", category="legal_notice", linked=True, sample={**_BILL, "due_on": "2026-12-23"}),
    Mail(name="bill_reminder", category="legal_notice", linked=True, sample={**_BILL, "due_on": "2026-12-23"}),
    Mail(
        name="bill_receipt",
        category="legal_notice",
        linked=True,
        sample={**_BILL, "method": "card", "paid_on": "2026-12-01"},
    ),
    Mail(
        name="bill_refund",
        category="legal_notice",
        linked=True,
        sample={**_BILL, "whole": True, "credit_note": "CN-000001", "cause": "requested", "refunded_on": "2026-12-05"},
    ),
    # Nobody switches off the answer to a wish of their own.
    Mail(name="opted_out", category="legal_notice", sample={"stopped": "Promotions and webinars"}),
    Mail(
        name="support_answer",
        category="legal_notice",
        sample={"subject": "Re: How do we add a second owner?", "body": "Open “Members” and choose “Change role”."},
    ),
    # A campaign names its own category; this one is the strictest of them.
    Mail(
        name="campaign",
        category="promotions",
        sample={
            "subject": "A webinar: onboarding without a paper file",
            "title": "Onboarding without a paper file",
            "body": (
                "On December 3 at 10:00 we show how three companies moved their onboarding to ActionTrac.\n\n"
                "What you will see:\n- a checklist that people finish\n- certificates that remind you\n\n"
                "The seat is free: https://actiontrac.example/webinars/onboarding"
            ),
        },
    ),
)

_BY_NAME = {mail.name: mail for mail in ALL}


def named(name: str) -> Mail:
    """
    Raises:
        KeyError: there is no such mail, so nothing is queued or sent under that name.
    """
    return _BY_NAME[name]

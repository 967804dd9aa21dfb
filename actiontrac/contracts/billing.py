"""What billing promises: plans, a year at a time, one charge each, and whether the plan is right."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, Self, TypedDict

from pydantic import Field, model_validator

from actiontrac.contracts.contractor_bills import (
    BillContactView,
    BillList,
    BillPageView,
    BillPaymentView,
    BillRefundView,
    BillView,
    DisclosureList,
    SellerAccountList,
    SellerAccountView,
)
from actiontrac.contracts.texts import Day
from actiontrac.errors import Conflict, Invalid, NotFound, Unavailable
from actiontrac.events import Event
from actiontrac.schemas import Input

SERVICE = "billing"

Provider = Literal["stripe", "paypal"]
CheckoutState = Literal["open", "processing", "paid", "unknown", "failed", "canceled", "expired", "refunded"]
SubscriptionState = Literal[
    "none", "pending_payment", "trial", "active", "renewal_due", "grace", "read_only", "lapsed", "terminated"
]
Mark = Literal["refunded", "disputed"]
UsageLevel = Literal["80", "100", "over", "blocked"]


# Requests

#: Long enough not to be found by trying; upper and lower case are the same.
CouponCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{6,40}$")]


class CheckoutRequest(Input):
    """One charge for one year (S30); the card or PayPal account is named on the provider's own page."""

    plan: Annotated[str, Field(min_length=1, max_length=40, description="A plan's code from /v1/plans.")]
    method: Annotated[Literal["card", "paypal"], Field(description="Card (by Stripe) or PayPal (S31).")]
    currency: Annotated[str | None, Field(pattern=r"^[A-Z]{3}$")] = None
    coupon: CouponCode | None = None


class CheckoutQuoteRequest(Input):
    """What a year would cost, before anything is bought."""

    plan: Annotated[str, Field(min_length=1, max_length=40, description="A plan's code from /v1/plans.")]
    currency: Annotated[str | None, Field(pattern=r"^[A-Z]{3}$")] = None
    coupon: CouponCode | None = None


class CouponCreate(Input):
    """Staff: takes ``percent`` off a year's price, or a fixed amount by currency; one of the two."""

    code: Annotated[CouponCode | None, Field(description="Made up when it is left out.")] = None
    percent: Annotated[int | None, Field(ge=1, le=99)] = None
    amounts: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Annotated[int, Field(gt=0)]] | None,
        Field(min_length=1, description="Minor units by currency."),
    ] = None
    plans: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=40)]],
        Field(max_length=50, description="Codes of plans; all when empty."),
    ] = []
    starts_on: Annotated[Day | None, Field(description="Today when it is left out.")] = None
    ends_on: Annotated[Day | None, Field(description="The last day; none when it is left out.")] = None
    total_limit: Annotated[int | None, Field(gt=0, description="How often in all.")] = None
    company_limit: Annotated[int | None, Field(gt=0, description="How often by one company.")] = 1

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.percent is None) == (self.amounts is None):
            raise ValueError("give percent or amounts, not both")
        if self.ends_on is not None and self.starts_on is not None and self.ends_on < self.starts_on:
            raise ValueError("ends_on is not before starts_on")
        return self


class QuoteRequest(Input):
    """Another plan for the year that runs: a larger one at once, a smaller one when it ends."""

    plan: Annotated[str, Field(min_length=1, max_length=40, description="A plan's code from /v1/plans.")]
    anniversary: Annotated[
        Literal["keep", "reset"],
        Field(description="Of a larger plan: the year keeps its end, or a whole year begins today."),
    ] = "keep"


class PlanChangeRequest(Input):
    quote_id: Annotated[str, Field(min_length=1, max_length=40, description="From /v1/plan-changes/quotes.")]
    method: Annotated[Literal["card", "paypal"] | None, Field(description="How an upgrade is paid.")] = None


class TaxProfileChange(Input):
    """What decides your tax beside your address."""

    vat_id: Annotated[
        str | None,
        Field(min_length=4, max_length=20, description="Of the country of your address; null takes it away."),
    ]


class TaxExemptionChange(Input):
    """Staff: a company pays no tax, because it has shown why."""

    exempt: bool
    reason: Annotated[str, Field(min_length=3, max_length=200)]


class RefundRequest(Input):
    checkout_id: Annotated[str, Field(max_length=40)]
    amount_minor: Annotated[
        int | None, Field(gt=0, description="In minor units; everything that is left when it is left out.")
    ] = None
    reason: Annotated[str, Field(min_length=3, max_length=200)]


# Views


class PlanView(TypedDict):
    code: str
    name: str
    version: int
    worker_limit: int
    prices: dict[str, int]  # currency → minor units a year


class PlanList(TypedDict):
    items: list[PlanView]
    next_cursor: str | None


class TaxView(TypedDict):
    """One tax: ``percent`` (as text) of ``base_minor`` is ``amount_minor``."""

    name: str
    percent: str
    base_minor: int
    amount_minor: int


class TaxProfileView(TypedDict):
    #: Its form and check digits were checked, not whether it is in force.
    vat_id: str | None
    vat_country: str | None
    exempt: bool


class CouponView(TypedDict):
    code: str
    percent: int | None
    amounts: dict[str, int]
    plans: list[str]
    starts_on: str
    ends_on: str | None
    total_limit: int | None
    company_limit: int | None
    #: By checkouts that are open now; and by those that were paid.
    reserved: int
    redeemed: int
    #: Staff ended it early.
    ended_on: str | None


class CouponList(TypedDict):
    items: list[CouponView]
    next_cursor: str | None


class CheckoutView(TypedDict):
    id: str
    state: CheckoutState
    plan: str
    plan_version: int
    method: Literal["card", "paypal"]
    coupon: str | None
    discount_minor: int
    #: The price less the discount, without tax.
    subtotal_minor: int
    taxes: list[TaxView]
    #: Why there is no tax on it; empty where there is.
    tax_note: str
    #: What is charged: the subtotal and the taxes.
    amount_minor: int
    currency: str
    approval_url: str | None
    last_error: str | None
    #: Whether the buyer disputed the payment at the bank or at PayPal, and how it ended.
    dispute: Literal["open", "won", "lost"] | None
    environment: Literal["sandbox", "test", "live"]
    created_at: str
    paid_at: str | None


class CheckoutList(TypedDict):
    items: list[CheckoutView]
    next_cursor: str | None


class SubscriptionView(TypedDict):
    """
    Plan status: what is paid, until when, and what to do next (B29, S53).

    A year ends by itself and nothing is charged (S30). Then everything works on for 14
    days (``grace``); after that the account is ``read_only``, later ``lapsed``: nothing is
    hidden or deleted, and everything can be exported (B12).
    """

    state: SubscriptionState
    #: What happened to the latest year that was bought, and whether a payment is disputed now.
    marks: list[Mark]
    read_only: bool
    #: The day on which the state changes by itself.
    changes_on: str | None
    plan: str | None
    plan_version: int | None
    worker_limit: int | None
    #: The smaller plan that was chosen for the next year.
    next_plan: str | None
    starts_on: str | None
    ends_on: str | None
    days_left: int | None
    renews_automatically: Literal[False]
    next_step: str


class AdviceView(TypedDict):
    direction: Literal["fits", "up", "down"]
    plan: str
    reason: str
    saving_minor: int
    currency: str


class UsageView(TypedDict):
    """S38 and S39: the figure, the rule, the limit, and whether the plan is right."""

    managed: int
    high_water: int
    rule: str
    plan: str | None
    worker_limit: int | None
    percent: int | None
    #: 80: four fifths are used. 100: full, which is allowed. over: more than allowed, for 14 days. blocked: no
    #: worker can be added. Each heals by itself with fewer workers or a larger plan (B16).
    level: UsageLevel | None
    #: Since when there are more than allowed, and the last day on which more can be added.
    over_since: str | None
    grace_ends_on: str | None
    #: What that means and what to do, in a sentence.
    explanation: str
    advice: AdviceView | None


class LineView(TypedDict):
    description: str
    amount_minor: int


class CheckoutQuoteView(TypedDict):
    """What a checkout that is opened now would charge: ``amount_minor``, neither more nor less."""

    plan: str
    plan_version: int
    lines: list[LineView]
    subtotal_minor: int
    taxes: list[TaxView]
    tax_note: str
    amount_minor: int
    currency: str


class InvoiceView(TypedDict):
    id: str
    number: str
    kind: Literal["invoice", "credit_note"]
    issued_on: str
    checkout_id: str
    #: Without tax; a line may be below zero.
    lines: list[LineView]
    subtotal_minor: int
    taxes: list[TaxView]
    tax_note: str
    #: The lines and the taxes, exactly.
    total_minor: int
    currency: str
    paid: bool


class InvoiceList(TypedDict):
    items: list[InvoiceView]
    next_cursor: str | None


class InvoiceFile(TypedDict):
    """A document as PDF; ``content`` is base64."""

    filename: str
    content: str


class QuoteView(TypedDict):
    """
    A change of plan. ``up`` costs ``charge_minor`` now: the days that are left on the new terms
    (with ``anniversary`` reset a whole year from today), less the credit for them on the old, and
    the tax on that. ``down`` costs nothing and waits for the year's end.
    """

    id: str
    direction: Literal["up", "down"]
    from_plan: str
    plan: str
    worker_limit: int
    cost_minor: int
    credit_minor: int
    subtotal_minor: int
    taxes: list[TaxView]
    tax_note: str
    charge_minor: int
    currency: str
    days_left: int
    days_in_year: int
    effective_on: str
    anniversary: Literal["keep", "reset"]
    #: After the change.
    year_ends_on: str
    expires_at: str


class PlanChangeView(TypedDict):
    state: Literal["awaiting_payment", "scheduled"]
    quote: QuoteView
    checkout: CheckoutView | None


class RefundView(TypedDict):
    id: str
    checkout_id: str
    state: Literal["pending", "done", "unknown", "failed"]
    amount_minor: int
    currency: str
    created_at: str


class DisputeView(TypedDict):
    """A buyer's objection to a payment, for the staff; ``reason`` is the processor's own word."""

    id: str
    company_id: str
    checkout_id: str
    provider: Provider
    provider_ref: str
    state: Literal["open", "won", "lost"]
    reason: str
    amount_minor: int
    fee_minor: int
    currency: str
    opened_at: str
    closed_at: str | None


class DisputeList(TypedDict):
    items: list[DisputeView]
    next_cursor: str | None


class WebhookView(TypedDict):
    """``status`` duplicate means that this event id was taken before."""

    status: Literal["accepted", "duplicate", "ignored"]


# Events


@dataclass(frozen=True, kw_only=True)
class SubscriptionActivated(Event):
    """A year is paid and runs (B05)."""

    source = SERVICE
    type = "subscription.activated"

    subscription_id: str
    checkout_id: str
    plan: str
    worker_limit: int
    starts_on: str
    ends_on: str
    #: Whether this is the company's first paid year: then it is welcomed.
    first: bool


@dataclass(frozen=True, kw_only=True)
class PaymentReceived(Event):
    """Money arrived for a checkout, exactly once."""

    source = SERVICE
    type = "payment.received"

    checkout_id: str
    invoice_id: str
    invoice_number: str
    amount_minor: int
    currency: str
    method: str
    plan: str


@dataclass(frozen=True, kw_only=True)
class PaymentRefunded(Event):
    """
    Money went back.

    ``cause`` is requested; at_provider (somebody made the refund in the processor's
    dashboard); dispute_lost; or why it went back by itself: already_paid (this year had
    been paid by another payment), not_authenticated, terminated (the company had left for
    good), or coupon_used_up (it was paid after it had been closed, and its coupon was
    taken by then). Without an invoice ``invoice_number`` is empty; otherwise it names the
    invoice that was paid.
    """

    source = SERVICE
    type = "payment.refunded"

    refund_id: str
    checkout_id: str
    invoice_number: str
    amount_minor: int
    currency: str
    whole: bool
    cause: str = "requested"


@dataclass(frozen=True, kw_only=True)
class PaymentDisputed(Event):
    """The buyer's bank or PayPal asks for a payment back; the year stays usable until that is decided (B27)."""

    source = SERVICE
    type = "payment.disputed"

    dispute_id: str
    checkout_id: str
    amount_minor: int
    currency: str
    plan: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class DisputeClosed(Event):
    """
    A dispute is decided. ``outcome`` won: nothing changes. lost: the money is gone, a credit
    note is written, and where ``whole`` what was paid with it has ended.
    """

    source = SERVICE
    type = "dispute.closed"

    dispute_id: str
    checkout_id: str
    outcome: str
    amount_minor: int
    currency: str
    plan: str
    whole: bool


@dataclass(frozen=True, kw_only=True)
class UsageWarned(Event):
    """
    The company reached 80 % or all of its plan's limit, went over it, or its days over it are up (B16).

    Once per level until it heals. ``grace_ends_on`` is the last day on which more workers can
    be added, and empty below ``over``.
    """

    source = SERVICE
    type = "usage.warned"

    level: UsageLevel
    managed: int
    worker_limit: int
    plan: str
    grace_ends_on: str = ""


@dataclass(frozen=True, kw_only=True)
class AllowanceChanged(Event):
    """
    What a company may do with its workers from now on, dates ahead included (B12, B16, B17).

    It says enough for workers to go by it while billing is away. Of the allowances of a
    company only the one with the highest ``version`` counts, in whatever order they come.
    A company that neither bought nor tried has none, and no limit.
    """

    source = SERVICE
    type = "allowance.changed"

    version: int
    #: The plan as people call it.
    plan: str
    #: 0: no limit.
    worker_limit: int
    #: For so many days there may be more workers than the plan allows, once under the same ``terms``.
    grace_days: int
    #: Names the plan and the year, or the trial, that this comes from.
    terms: str
    #: From when the year counts that was paid ahead, with its plan; empty when there is none.
    next_on: str
    next_plan: str
    next_limit: int
    next_terms: str
    #: The first day on which worker data can only be read and exported, and what ended before: year, trial,
    #: refund or membership; empty when no such day is known.
    read_only_on: str
    read_only_after: str
    #: The larger plans on sale, smallest first, each as its limit and its name: ``50 Team``.
    larger_plans: list[str]


@dataclass(frozen=True, kw_only=True)
class PlanAdvised(Event):
    """Another plan fits better, up or down (S39); once per advice. ``worker_limit`` is the current plan's."""

    source = SERVICE
    type = "plan.advised"

    direction: Literal["up", "down"]
    current_plan: str
    advised_plan: str
    managed: int
    worker_limit: int
    saving_minor: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class SubscriptionTrialStarted(Event):
    """A company tries a plan without a card; it ends by itself (B26)."""

    source = SERVICE
    type = "subscription.trial_started"

    plan: str
    worker_limit: int
    ends_on: str


@dataclass(frozen=True, kw_only=True)
class SubscriptionRenewalDue(Event):
    """
    A paid year nears its end; nothing will be charged by itself, a new year can be bought.

    ``reminder`` is which one it is: 60, 30, 14, 7, 1 or 0. ``days_left`` are the days that
    are truly left: fewer than ``reminder`` only where nobody could look on the day itself.
    """

    source = SERVICE
    type = "subscription.renewal_due"

    plan: str
    ends_on: str
    reminder: int
    days_left: int
    #: The smaller plan that was chosen for the next year; empty when none was.
    next_plan: str = ""


@dataclass(frozen=True, kw_only=True)
class SubscriptionGraceStarted(Event):
    """The paid year is over and was not renewed; everything works until ``grace_ends_on``."""

    source = SERVICE
    type = "subscription.grace_started"

    plan: str
    ended_on: str
    grace_ends_on: str


@dataclass(frozen=True, kw_only=True)
class SubscriptionReadOnly(Event):
    """
    Nothing can be added or changed any more; everything can be read and exported (B12).

    ``after``: year, trial or refund.
    """

    source = SERVICE
    type = "subscription.read_only"

    plan: str
    ended_on: str
    after: str


@dataclass(frozen=True, kw_only=True)
class SubscriptionLapsed(Event):
    """It has been read-only for long, and this is the last that is said about it. ``after`` as above."""

    source = SERVICE
    type = "subscription.lapsed"

    plan: str
    ended_on: str
    after: str


@dataclass(frozen=True, kw_only=True)
class SubscriptionPlanChanged(Event):
    """The year that runs has other terms now: an upgrade was paid, or its payment went back."""

    source = SERVICE
    type = "subscription.plan_changed"

    subscription_id: str
    checkout_id: str
    from_plan: str
    plan: str
    worker_limit: int
    effective_on: str
    ends_on: str


@dataclass(frozen=True, kw_only=True)
class SubscriptionTerminated(Event):
    """The company left for good; nothing can be bought any more."""

    source = SERVICE
    type = "subscription.terminated"

    terminated_on: str


@dataclass(frozen=True, kw_only=True)
class BillIssued(Event):
    """A company that sells wrote a bill to a client (T13); how to reach the client is asked of billing."""

    source = SERVICE
    type = "bill.issued"

    bill_id: str
    bill_number: str
    amount_minor: int
    currency: str
    due_on: str


@dataclass(frozen=True, kw_only=True)
class BillOverdue(Event):
    """A bill was not paid by its day; told once."""

    source = SERVICE
    type = "bill.overdue"

    bill_id: str
    bill_number: str
    amount_minor: int
    currency: str
    due_on: str


@dataclass(frozen=True, kw_only=True)
class BillPaid(Event):
    """The client paid a bill, exactly once, into the seller's own account."""

    source = SERVICE
    type = "bill.paid"

    bill_id: str
    bill_number: str
    checkout_id: str
    amount_minor: int
    currency: str
    method: str


@dataclass(frozen=True, kw_only=True)
class BillRefunded(Event):
    """
    Money of a bill went back to the client.

    ``cause`` is requested, or why it went back by itself: already_paid (the bill was paid
    by another payment, or withdrawn) or not_authenticated; then there is no credit note.
    """

    source = SERVICE
    type = "bill.refunded"

    bill_id: str
    bill_number: str
    refund_id: str
    credit_note: str
    amount_minor: int
    currency: str
    whole: bool
    cause: str = "requested"


@dataclass(frozen=True, kw_only=True)
class BillVoided(Event):
    """The seller withdrew a bill before it was paid."""

    source = SERVICE
    type = "bill.voided"

    bill_id: str
    bill_number: str


# Errors


class PlanNotFound(NotFound):
    """There is no such plan."""


class CheckoutNotFound(NotFound):
    """This company has no such checkout."""


class InvoiceNotFound(NotFound):
    """This company has no such invoice."""


class CouponUnknown(NotFound):
    """There is no such coupon."""


class CouponExpired(Conflict):
    """This coupon is not valid any more."""


class CouponUsedUp(Conflict):
    """This coupon has been used as often as it may be."""


class CouponNotForPlan(Conflict):
    """This coupon is not for this plan."""


class CouponNotForCurrency(Conflict):
    """This coupon is not for this currency."""


class CouponTooLarge(Conflict):
    """With this coupon so little would be left to pay that no processor takes it."""


class CouponExists(Conflict):
    """There is a coupon of this code."""


class VatIdRefused(Invalid):
    """This VAT id cannot be kept."""


class CurrencyNotOffered(Invalid):
    """The plan is not sold in this currency."""


class PlanTooSmall(Conflict):
    """The company manages more workers than this plan allows."""


class AlreadyPaid(Conflict):
    """This year is paid already; a renewal can be bought when it nears its end."""


class NoYearToChange(Conflict):
    """No paid year runs whose plan could be changed; buy a year."""


class SamePlan(Conflict):
    """This is the plan that you have."""


class NothingToCharge(Conflict):
    """So little would be left to pay that no processor takes it; choose this plan when you renew."""


class QuoteNotFound(NotFound):
    """This company has no such quote."""


class QuoteExpired(Conflict):
    """This quote is too old; ask for a new one."""


class QuoteOutdated(Conflict):
    """Something has changed since this quote was made, or it was taken already; ask for a new one."""


class TrialNotOffered(Conflict):
    """There is no free trial at the moment."""


class TrialUsed(Conflict):
    """A trial is for companies that have neither tried nor bought before; choose a plan."""


class MembershipTerminated(Conflict):
    """This membership was terminated; nothing can be bought for it any more."""


class RefundTooLarge(Invalid):
    """A refund cannot exceed what was paid and not yet refunded."""


class NotRefundable(Conflict):
    """This checkout has not been paid, so there is nothing to refund."""


class SignatureRefused(Invalid):
    """The webhook's signature is not the provider's."""

    status = 400


class ProviderAway(Unavailable):
    """The payment provider cannot be reached at the moment; nothing was charged. Try again shortly."""


class Rpc(Protocol):
    """billing on the bus. ``[permission]`` stands before each; W marks writes."""

    # [public]
    def list_plans(self) -> PlanList: ...
    # [billing.read]
    def get_subscription(self, *, company_id: str) -> SubscriptionView: ...
    # [billing.write] W; without a card, ends by itself; TrialNotOffered, TrialUsed
    def start_trial(self, *, company_id: str) -> SubscriptionView: ...
    # [services only] W; the company left for good
    def mark_terminated(self, *, company_id: str) -> SubscriptionView: ...
    # [billing.read]
    def get_usage(self, *, company_id: str) -> UsageView: ...
    # [billing.read]
    def get_tax_profile(self, *, company_id: str) -> TaxProfileView: ...
    # [billing.write] W; VatIdRefused
    def change_tax_profile(self, *, company_id: str, change: dict[str, Any]) -> TaxProfileView: ...
    # [staff] W; CouponExists
    def create_coupon(self, *, coupon: dict[str, Any]) -> CouponView: ...
    # [staff]
    def list_coupons(self, *, limit: int = 50, cursor: str | None = None) -> CouponList: ...
    # [staff] W; CouponUnknown
    def end_coupon(self, *, code: str) -> CouponView: ...
    # [staff] W
    def set_tax_exemption(self, *, company_id: str, exemption: dict[str, Any]) -> TaxProfileView: ...
    # [billing.write] W; what a checkout would charge now
    def quote_checkout(self, *, company_id: str, checkout: dict[str, Any]) -> CheckoutQuoteView: ...
    # [billing.write] W; user_id is who buys
    def create_checkout(self, *, company_id: str, user_id: str, checkout: dict[str, Any]) -> CheckoutView: ...
    # [billing.write] W; to the day, binds for an hour
    def quote_plan_change(self, *, company_id: str, change: dict[str, Any]) -> QuoteView: ...
    # [billing.write] W; an upgrade opens its checkout, a downgrade is noted
    def change_plan(self, *, company_id: str, user_id: str, change: dict[str, Any]) -> PlanChangeView: ...
    # [billing.read]; settles an open one by reading the provider first when it is due
    def get_checkout(self, *, company_id: str, checkout_id: str) -> CheckoutView: ...
    # [billing.read]
    def list_checkouts(self, *, company_id: str, limit: int = 50, cursor: str | None = None) -> CheckoutList: ...
    # [public]; the browser comes back: settles, and answers where it stands {"state", "checkout_id"}
    def return_from_provider(self, *, provider: Provider, checkout_id: str) -> dict[str, Any]: ...
    # [public]; raw is base64 of the body as received, headers lower-case; SignatureRefused, ProviderAway
    def receive_webhook(self, *, provider: Provider, headers: dict[str, str], raw: str) -> WebhookView: ...
    # [billing.write] W
    def create_refund(self, *, company_id: str, user_id: str, refund: dict[str, Any]) -> RefundView: ...
    # [staff]; of every company, newest first; state open, won or lost
    def list_disputes(
        self, *, state: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> DisputeList: ...
    # [billing.read]
    def list_invoices(self, *, company_id: str, limit: int = 50, cursor: str | None = None) -> InvoiceList: ...
    # [billing.read]
    def get_invoice(self, *, company_id: str, invoice_id: str) -> InvoiceView: ...
    # [billing.read]
    def get_invoice_pdf(self, *, company_id: str, invoice_id: str) -> InvoiceFile: ...

    # A company that sells (T13), contracts/contractor_bills.py
    # [billing.read]; asks the processor about what is still being connected
    def list_seller_accounts(self, *, company_id: str) -> SellerAccountList: ...
    # [billing.write] W; Stripe answers with the page of its onboarding, PayPal needs the merchant id
    def connect_seller_account(
        self, *, company_id: str, user_id: str, account: dict[str, Any]
    ) -> SellerAccountView: ...
    # [billing.write] W; open bills cannot be paid into it any more, refunds still can be made from it
    def disconnect_seller_account(self, *, company_id: str, provider: str) -> SellerAccountView: ...
    # [billing.write] W; NotASeller, BillTotalWrong, DueDateWrong
    def issue_bill(self, *, company_id: str, user_id: str, bill: dict[str, Any]) -> BillView: ...
    # [billing.read]
    def list_bills(self, *, company_id: str, limit: int = 50, cursor: str | None = None) -> BillList: ...
    # [billing.read]
    def get_bill(self, *, company_id: str, bill_id: str) -> BillView: ...
    # [billing.read]
    def get_bill_pdf(self, *, company_id: str, bill_id: str) -> InvoiceFile: ...
    # [billing.write] W; BillNotVoidable
    def void_bill(self, *, company_id: str, bill_id: str) -> BillView: ...
    # [billing.write] W; BillNotRefundable, RefundTooLarge
    def refund_bill(self, *, company_id: str, user_id: str, bill_id: str, refund: dict[str, Any]) -> BillRefundView: ...
    # [public]; the token is the proof
    def show_bill(self, *, token: str) -> BillPageView: ...
    # [public]
    def show_bill_pdf(self, *, token: str) -> InvoiceFile: ...
    # [public] W; opens, or opens again, the client's page at the processor; BillClosed, MethodNotOffered
    def pay_bill(self, *, token: str, method: str) -> BillPaymentView: ...
    # [public]; the client is back: settles, and answers what the page shows
    def return_to_bill(self, *, token: str, checkout_id: str) -> BillPageView: ...
    # [services only]; whom a bill's mail goes to
    def get_bill_contact(self, *, bill_id: str) -> BillContactView: ...
    # [billing.read]; newest first
    def list_disclosures(self, *, company_id: str, limit: int = 50, cursor: str | None = None) -> DisclosureList: ...

"""What billing promises to a company that sells: its own account at a processor, and bills to its clients (T13)."""

from datetime import date
from typing import Annotated, Literal, TypedDict

from pydantic import AfterValidator, Field

from actiontrac.contracts.texts import Day, Email, Line40, Line120, Line200, Short, several_lines
from actiontrac.errors import Conflict, Invalid, NotFound
from actiontrac.schemas import Input

SellerProvider = Literal["stripe", "paypal"]
SellerState = Literal["connecting", "ready", "disconnected"]
BillState = Literal["open", "paid", "part_refunded", "refunded", "void"]
BillMethod = Literal["card", "paypal"]
BillCurrency = Literal["USD", "EUR", "GBP"]

#: Bounds of a bill in minor units: less than this no processor takes, more is a slip of the finger.
LEAST_BILL, MOST_BILL = 50, 99_999_999
MOST_LINES = 50

_FILLED = {"pattern": r"\S"}


# Requests


class SellerAccountRequest(Input):
    """Which processor account of its own the company wants to be paid into."""

    provider: SellerProvider
    merchant_id: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Z0-9]{13}$",
            description="PayPal only: the merchant id of the company's PayPal account (its settings show it).",
        ),
    ] = None


class BillClient(Input):
    """Whom the bill is for; sealed, and used for nothing but this bill."""

    name: Short
    email: Email
    address: Annotated[list[Line120], Field(max_length=5)] = []


class BillLineInput(Input):
    description: Annotated[Line200, Field(min_length=1, json_schema_extra=_FILLED)]
    quantity: Annotated[int, Field(ge=1, le=9999)] = 1
    unit_minor: Annotated[int, Field(ge=0, le=MOST_BILL, description="Price of one, in minor units.")]


class BillTaxInput(Input):
    """A tax that the seller owes and bills: on top of the lines, by the seller's own knowledge of the law."""

    name: Annotated[Line40, Field(min_length=1, json_schema_extra=_FILLED)]
    percent: Annotated[str, Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,3})?$", description="Such as 19 or 8.875.")]


class BillRequest(Input):
    """A bill to a client, who need not be a user."""

    client: BillClient
    lines: Annotated[list[BillLineInput], Field(min_length=1, max_length=MOST_LINES)]
    taxes: Annotated[list[BillTaxInput], Field(max_length=3, description="On top of the sum of the lines.")] = []
    currency: BillCurrency = "USD"
    due_on: Day
    note: Annotated[str | None, Field(max_length=1000), AfterValidator(lambda text: text and several_lines(text))] = (
        None
    )


class BillRefundRequest(Input):
    amount_minor: Annotated[
        int | None, Field(gt=0, le=MOST_BILL, description="In minor units; all that is left when it is left out.")
    ] = None
    reason: Annotated[str, Field(min_length=3, max_length=200)]


# Views


class SellerAccountView(TypedDict):
    """The company's own account at a processor; ``onboarding_url`` is the processor's page that is still to do."""

    provider: SellerProvider
    state: SellerState
    account: str | None
    environment: Literal["sandbox", "test", "live"]
    #: What this installation keeps of a payment, in hundredths of a percent.
    fee_basis_points: int
    onboarding_url: str | None
    connected_at: str | None


class SellerAccountList(TypedDict):
    items: list[SellerAccountView]


class BillClientView(TypedDict):
    name: str
    email: str
    address: list[str]


class BillLineView(TypedDict):
    description: str
    quantity: int
    unit_minor: int
    amount_minor: int


class BillTaxView(TypedDict):
    name: str
    percent: str
    amount_minor: int


class BillCreditView(TypedDict):
    """A credit note: what went back."""

    number: str
    amount_minor: int
    issued_on: str


class BillContent(TypedDict):
    """What the seller and the client both see of a bill."""

    number: str
    state: BillState
    overdue: bool
    lines: list[BillLineView]
    taxes: list[BillTaxView]
    total_minor: int
    refunded_minor: int
    currency: str
    note: str | None
    issued_on: str
    due_on: str
    method: BillMethod | None
    credits: list[BillCreditView]
    environment: Literal["sandbox", "test", "live"]


class BillView(BillContent):
    """A bill as its seller sees it; ``page_url`` is the client's page."""

    id: str
    client: BillClientView
    paid_at: str | None
    page_url: str


class BillList(TypedDict):
    items: list[BillView]
    next_cursor: str | None


class BillRefundView(TypedDict):
    id: str
    bill_id: str
    state: Literal["pending", "done", "unknown", "failed"]
    amount_minor: int
    currency: str
    created_at: str


class BillPageView(BillContent):
    """What the client's page shows; ``payment`` is where the latest attempt stands, for an open bill."""

    seller: list[str]
    client: list[str]
    paid_on: str | None
    methods: list[BillMethod]
    payment: str | None
    last_error: str | None


class BillPaymentView(TypedDict):
    """Where to pay; None when the processor has not said yet."""

    approval_url: str | None


class BillContactView(TypedDict):
    """How to reach a bill's client, at the moment of a mail."""

    bill_id: str
    company_id: str
    email: str
    client_name: str
    seller_name: str
    page_url: str
    state: BillState


class DisclosureView(TypedDict):
    """One time that information was handed to a processor: to whom, which fields, why; never a value (S28, S32)."""

    id: str
    recipient: str
    fields: str
    basis: str
    #: The checkout or the connected account that it was for.
    about_id: str
    #: The member or the bill whose information it was.
    subject_id: str
    disclosed_at: str


class DisclosureList(TypedDict):
    items: list[DisclosureView]
    next_cursor: str | None


# Errors


class SellerAccountNotFound(NotFound):
    """This company has connected no such account."""


class MerchantIdNeeded(Invalid):
    """A PayPal account is named by its merchant id."""


class SellerAccountRefused(Conflict):
    """The processor refused to connect this account."""


class NotASeller(Conflict):
    """Connect your own Stripe or PayPal account first; a bill is paid into it."""


class BillNotFound(NotFound):
    """There is no such bill."""


class BillTotalWrong(Invalid):
    """The total of a bill is too small or too large to be paid."""


class DueDateWrong(Invalid):
    """A bill cannot be due before it is written, or more than a year later."""


class BillClosed(Conflict):
    """This bill is paid or was withdrawn; nothing can be paid on it any more."""


class BillNotVoidable(Conflict):
    """Only a bill that nobody has paid, or is just paying, can be withdrawn; refund a paid one."""


class BillNotRefundable(Conflict):
    """This bill has not been paid, or another refund of it is still under way."""


class MethodNotOffered(Conflict):
    """This bill cannot be paid this way at the moment; choose the other one, or ask who sent it."""


def last_due_day(today: date) -> date:
    return date(today.year + 1, today.month, min(today.day, 28))

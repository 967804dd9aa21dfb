"""What notifications promises: mail that is wanted, once each, and that stops when told to."""

from typing import Annotated, Any, Literal, Protocol, TypedDict

from pydantic import Field

from actiontrac.errors import Conflict, Invalid, NotFound
from actiontrac.schemas import Input

SERVICE = "notifications"

#: N01: code → (name, whether a person can switch it off, whether it starts switched on).
CATEGORIES: dict[str, tuple[str, bool, bool]] = {
    "security": ("Security of your account", False, True),
    "legal_notice": ("Legal notices", False, True),
    "plan_status": ("Your account and plan status", True, True),
    "service_updates": ("Updates to the service", True, True),
    "educational": ("Educational mail", True, False),
    "promotions": ("Promotions and webinars", True, False),
}


# Requests


class PreferencesChange(Input):
    """Only the categories that are named change."""

    categories: Annotated[dict[str, bool], Field(max_length=20, description="Category code to whether you want it.")]


#: Control characters would break a header, or the database.
_ONE_LINE = r"^[^\x00-\x1f\x7f]+$"
_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+$"


class CampaignRequest(Input):
    """A promotional or informative mailing to every member who agreed to its category."""

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=_ONE_LINE)]
    category: Annotated[Literal["promotions", "educational", "service_updates"], Field()] = "promotions"
    subject: Annotated[str, Field(min_length=1, max_length=150, pattern=_ONE_LINE)]
    heading: Annotated[str, Field(min_length=1, max_length=150, pattern=_ONE_LINE)]
    body: Annotated[
        str,
        Field(min_length=1, max_length=8000, pattern=_TEXT, description="Plain text; blank lines part paragraphs."),
    ]


TicketKind = Literal["cancel", "stop_use", "opt_out", "access", "other"]


class TicketAnswer(Input):
    """What a person does with a ticket: any of these, at least one."""

    text: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=8000,
            pattern=_TEXT,
            description="Mailed to whoever wrote; blank lines part paragraphs.",
        ),
    ] = None
    kind: Annotated[TicketKind | None, Field(description="What it really is, where it was filed wrongly.")] = None
    opt_out: Annotated[bool, Field(description="Confirm that promotions are to stop.")] = False
    close: Annotated[bool, Field(description="Nothing is left to do.")] = True


class SuppressionSearch(Input):
    """The address is only hashed and looked up; it stands in the body, so that no log has it."""

    address: Annotated[str, Field(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]


class SuppressionChange(SuppressionSearch):
    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=_ONE_LINE, description="Why, in words.")]


# Views


class PreferenceView(TypedDict):
    category: str
    name: str
    on: bool
    can_switch_off: bool


class PreferencesView(TypedDict):
    items: list[PreferenceView]


class UnsubscribeView(TypedDict):
    """What the page behind an unsubscribe link shows; reading it changes nothing (N04)."""

    category: str
    name: str
    subscribed: bool


class CampaignView(TypedDict):
    id: str
    name: str
    category: str
    subject: str
    status: Literal["queueing", "sending", "sent"]
    #: Still waiting; the five figures add up to everybody who was queued.
    queued: int
    sent: int
    suppressed: int
    failed: int
    #: Handed over when the process or the connection died: it is not sent a second time.
    unknown: int
    created_at: str


class CampaignList(TypedDict):
    items: list[CampaignView]
    next_cursor: str | None


class DeadMessageView(TypedDict):
    """A mail that was tried often enough; it waits for a person (N12)."""

    id: str
    company_id: str
    template: str
    category: str
    reason: str | None
    attempts: int
    created_at: str


class DeadMessageList(TypedDict):
    items: list[DeadMessageView]
    next_cursor: str | None


class InboundView(TypedDict):
    """
    What became of a mail that came in; ``ignored`` is what no person wrote, ``report`` a
    bounce of, or a complaint about, a mail of ours.
    """

    outcome: Literal["duplicate", "ignored", "opted_out", "report", "ticket"]


class SuppressionView(TypedDict):
    """An address that is not mailed, as a keyed hash."""

    address_hash: str
    #: hard_bounce, soft_bounces, complaint, opt_out or manual.
    reason: str
    created_at: str


class SuppressionList(TypedDict):
    items: list[SuppressionView]
    next_cursor: str | None


class SuppressionChangeView(TypedDict):
    change: Literal["added", "removed"]
    reason: str
    changed_by: str
    changed_at: str


class SuppressionHistoryView(TypedDict):
    suppression: SuppressionView | None
    changes: list[SuppressionChangeView]


class TicketEntryView(TypedDict):
    """One mail of a thread; ``out`` is ours. Data that ActionTrac does not hold is masked."""

    direction: Literal["in", "out"]
    text: str
    attachments: int
    at: str


class TicketView(TypedDict):
    """Something that a person of ours has to look at, within a day (S66, S69)."""

    id: str
    kind: TicketKind
    state: Literal["open", "closed"]
    #: Whether it answers a mail of ours, so that it is certain who wrote; otherwise ask before you act.
    certain: bool
    subject: str
    address: str
    company_id: str | None
    user_id: str | None
    due_at: str
    overdue: bool
    created_at: str
    closed_at: str | None


class TicketThreadView(TicketView):
    entries: list[TicketEntryView]


class TicketList(TypedDict):
    items: list[TicketView]
    next_cursor: str | None


# Errors


class UnknownCategory(Invalid):
    """There is no such category."""


class CategoryNotOptional(Conflict):
    """Security mail and legal notices cannot be switched off."""


class LinkInvalid(NotFound):
    """This link does not belong to a subscription of ours."""


class CampaignNotFound(NotFound):
    """There is no such campaign."""


class MessageNotFound(NotFound):
    """There is no such message."""


class MailSignatureRefused(Invalid):
    """This mail is not signed with the key of the inbound door."""

    status = 400


class MailTooLarge(Invalid):
    """This mail is larger than what we take."""

    status = 413


class SuppressionNotFound(NotFound):
    """This address is not on the list."""


class TicketNotFound(NotFound):
    """There is no such ticket."""


class Rpc(Protocol):
    """notifications on the bus. ``[permission]`` stands before each; W marks writes."""

    # [signed_in]
    def get_preferences(self, *, company_id: str, user_id: str) -> PreferencesView: ...
    # [signed_in] W
    def update_preferences(self, *, company_id: str, user_id: str, change: dict[str, Any]) -> PreferencesView: ...
    # [public]; changes nothing
    def show_unsubscribe(self, *, token: str) -> UnsubscribeView: ...
    # [public] W; the page's button, or with one_click the mail program's (RFC 8058); repeating it changes nothing
    def unsubscribe(self, *, token: str, one_click: bool = False) -> UnsubscribeView: ...
    # [campaigns.write] W
    def create_campaign(self, *, campaign: dict[str, Any]) -> CampaignView: ...
    # [campaigns.read]
    def get_campaign(self, *, campaign_id: str) -> CampaignView: ...
    # [campaigns.read]
    def list_campaigns(self, *, limit: int = 50, cursor: str | None = None) -> CampaignList: ...
    # [staff]
    def list_dead_messages(self, *, limit: int = 50) -> DeadMessageList: ...
    # [staff] W; one more series of attempts
    def requeue_message(self, *, message_id: str) -> None: ...
    # [public]; a mail as it came, in base64, with the signature header; the same bytes twice are one mail
    def receive_mail(self, *, signature: str, raw: str) -> InboundView: ...
    # [staff]; the most urgent first
    def list_support_tickets(
        self, *, state: str = "open", kind: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> TicketList: ...
    # [staff]
    def get_support_ticket(self, *, ticket_id: str) -> TicketThreadView: ...
    # [staff] W; mails the text, confirms an opt-out, files it anew, closes it
    def answer_support_ticket(self, *, ticket_id: str, answer: dict[str, Any]) -> TicketThreadView: ...
    # [staff]; the whole list, page by page, as hashes
    def list_suppressions(
        self, *, reason: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> SuppressionList: ...
    # [staff] W, because it is posted: an address in a URL would stand in logs
    def find_suppression(self, *, search: dict[str, Any]) -> SuppressionHistoryView: ...
    # [staff] W
    def add_suppression(self, *, suppression: dict[str, Any]) -> SuppressionView: ...
    # [staff] W
    def remove_suppression(self, *, suppression: dict[str, Any]) -> None: ...

"""What accounts promises: companies, people, sessions, roles, legal documents and who agreed to them."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol, TypedDict

from pydantic import EmailStr, Field, SecretStr

from actiontrac.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unauthenticated
from actiontrac.events import Event
from actiontrac.schemas import Input

SERVICE = "accounts"

Role = Literal["owner", "billing", "hr_manager", "supervisor", "viewer"]

#: What each role may do (A22). ``staff`` is the operators' and no company role holds it.
PERMISSIONS: dict[str, tuple[str, ...]] = {
    "owner": (
        "company.read",
        "company.write",
        "members.read",
        "members.write",
        "workers.read",
        "workers.write",
        "workers.import",
        "billing.read",
        "billing.write",
    ),
    "billing": ("company.read", "members.read", "billing.read", "billing.write"),
    "hr_manager": ("company.read", "members.read", "workers.read", "workers.write", "workers.import", "billing.read"),
    "supervisor": ("company.read", "workers.read", "workers.write"),
    "viewer": ("company.read", "workers.read"),
}
STAFF_PERMISSIONS = ("staff", "campaigns.read", "campaigns.write")

#: What a member may do until the e-mail address is confirmed (A07): look, and change nothing.
UNVERIFIED_PERMISSIONS = ("company.read", "members.read", "billing.read")

#: One line of text: no control characters, which no name needs and which would break mail headers.
LINE = r"^[^\x00-\x1f\x7f]*$"

Name = Annotated[str, Field(min_length=1, max_length=80, pattern=LINE)]
Password = Annotated[
    SecretStr, Field(min_length=8, max_length=256, description="At least 8 characters; no rules about which.")
]


# Requests


class Registration(Input):
    """The 11 fields of S25 are the only required ones; everything else is optional (S26)."""

    first_name: Name
    last_name: Name
    user_id: Annotated[
        str,
        Field(
            min_length=3,
            max_length=40,
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
            description="The name you sign in with.",
        ),
    ]
    password: Password
    company_address: Annotated[str, Field(min_length=1, max_length=200, pattern=LINE)]
    city: Name
    state: Name
    zip: Annotated[str, Field(min_length=1, max_length=20, pattern=LINE, description="ZIP or postal code.")]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2, such as US.")]
    phone: Annotated[str, Field(min_length=3, max_length=40, pattern=LINE)]
    email: EmailStr
    company_name: Annotated[
        str | None,
        Field(max_length=120, pattern=LINE, description="Without it the account is shown by the owner's name."),
    ] = None
    receives_promotions: Annotated[bool, Field(description="Off unless you say so (S26).")] = False
    language: Literal["en"] = "en"


class VerificationToken(Input):
    token: Annotated[str, Field(min_length=10, max_length=200)]


class Credentials(Input):
    """Sign-in by User ID or e-mail address."""

    user_id: Annotated[str, Field(min_length=1, max_length=254, pattern=LINE, description="User ID or e-mail address.")]
    password: Annotated[SecretStr, Field(min_length=1, max_length=256)]
    mode: Annotated[Literal["cookie", "bearer"], Field(description="A browser's cookie, or a token in the answer.")] = (
        "cookie"
    )


class MeChange(Input):
    """Only the fields that are named change; a phone of null is forgotten."""

    first_name: Name | None = None
    last_name: Name | None = None
    phone: Annotated[str | None, Field(max_length=40, pattern=LINE)] = None
    language: Literal["en"] | None = None


class PasswordChange(Input):
    current_password: Annotated[SecretStr, Field(min_length=1, max_length=256)]
    new_password: Password


class PasswordResetRequest(Input):
    email: EmailStr


class PasswordReset(Input):
    token: Annotated[str, Field(min_length=10, max_length=200)]
    new_password: Password


class CompanyChange(Input):
    """Only the fields that are named change; without a company name the owner's is shown (T14)."""

    company_name: Annotated[str | None, Field(max_length=120, pattern=LINE)] = None
    company_address: Annotated[str | None, Field(min_length=1, max_length=200, pattern=LINE)] = None
    city: Name | None = None
    state: Name | None = None
    zip: Annotated[str | None, Field(min_length=1, max_length=20, pattern=LINE)] = None
    country: Annotated[str | None, Field(pattern=r"^[A-Z]{2}$")] = None
    phone: Annotated[str | None, Field(min_length=3, max_length=40, pattern=LINE)] = None


class RoleChange(Input):
    role: Role


class InvitationRequest(Input):
    email: EmailStr
    role: Role


class InvitationAcceptance(Input):
    """An invited person needs no company fields."""

    token: Annotated[str, Field(min_length=10, max_length=200)]
    first_name: Name
    last_name: Name
    user_id: Annotated[str, Field(min_length=3, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    password: Password


# Views


class RegistrationView(TypedDict):
    """The same whether or not the address or User ID was known before (A19)."""

    status: Literal["verification_sent"]
    message: str


class VerifiedView(TypedDict):
    status: Literal["verified"]


class AcceptedView(TypedDict):
    """Said whether or not there is such an account (A19)."""

    status: Literal["accepted"]
    message: str


class SessionView(TypedDict):
    id: str
    user_id: str
    company_id: str
    role: str
    mode: Literal["cookie", "bearer"]
    #: Sent once, at sign-in: the gateway puts it into the cookie, or into the answer in bearer mode.
    token: str | None
    csrf_token: str | None
    created_at: str
    idle_expires_at: str
    expires_at: str


class SessionSummary(TypedDict):
    id: str
    mode: str
    browser: str
    current: bool
    created_at: str
    last_used_at: str
    expires_at: str


class SessionList(TypedDict):
    items: list[SessionSummary]
    next_cursor: str | None


class PrincipalView(TypedDict):
    """Who a session token belongs to; the gateway keeps it for at most 30 seconds."""

    session_id: str
    user_id: str
    company_id: str
    role: str
    permissions: list[str]
    #: Until it is True the permissions are only UNVERIFIED_PERMISSIONS (A07).
    email_verified: bool
    mode: Literal["cookie", "bearer"]
    #: Empty in bearer mode, which no other site can ride on.
    csrf_token: str
    idle_expires_at: str
    expires_at: str


class MeView(TypedDict):
    id: str
    user_id: str
    first_name: str
    last_name: str
    email: str
    phone: str
    language: str
    email_verified: bool
    company_id: str
    role: str
    permissions: list[str]


class CompanyView(TypedDict):
    id: str
    display_name: str
    company_name: str | None
    company_address: str
    city: str
    state: str
    zip: str
    country: str
    phone: str
    status: Literal["unverified", "active"]
    created_at: str


class MemberView(TypedDict):
    id: str
    first_name: str
    last_name: str
    email: str
    role: str
    since: str


class MemberList(TypedDict):
    items: list[MemberView]
    next_cursor: str | None


class InvitationView(TypedDict):
    id: str
    email: str
    role: str
    status: Literal["open", "accepted", "revoked", "expired"]
    expires_at: str


class InvitationList(TypedDict):
    items: list[InvitationView]
    next_cursor: str | None


class RecipientView(TypedDict):
    """How to reach one person by mail; for notifications, at hand-over, never kept."""

    recipient_id: str
    company_id: str
    company_name: str
    email: str
    first_name: str
    language: str
    verified: bool
    role: str


class PolicyView(TypedDict):
    slug: str
    title: str
    version: str
    effective_on: str
    hash: str
    text: str


class PolicyList(TypedDict):
    items: list[PolicyView]
    next_cursor: str | None


class AcceptanceView(TypedDict):
    """
    One line of a person's ledger (P06): which document or choice, in which version, and when.

    ``slug`` is a document's, or ``promotions`` for the choice of S26, whose ``version`` is
    that of the privacy policy it was made under; ``kind`` is agreed or declined.
    """

    slug: str
    version: str
    kind: str
    at: str


class AcceptanceList(TypedDict):
    items: list[AcceptanceView]
    next_cursor: str | None


class AudienceMember(TypedDict):
    user_id: str
    company_id: str


class AudienceView(TypedDict):
    items: list[AudienceMember]
    next_cursor: str | None


class CompanyStatusView(TypedDict):
    company_id: str
    status: Literal["unverified", "active"]
    country: str
    state: str


# Events: ids and figures only


@dataclass(frozen=True, kw_only=True)
class CompanyRegistered(Event):
    """A company and its owner exist; promotions is what the owner chose (S26)."""

    source = SERVICE
    type = "company.registered"

    owner_id: str
    promotions: bool
    policy_version: str


@dataclass(frozen=True, kw_only=True)
class MemberJoined(Event):
    """An invited person became a member; promotions start switched off."""

    source = SERVICE
    type = "member.joined"

    user_id: str
    policy_version: str


@dataclass(frozen=True, kw_only=True)
class CompanyActivated(Event):
    """The owner proved the address; the company may now do everything (A07)."""

    source = SERVICE
    type = "company.activated"

    owner_id: str


@dataclass(frozen=True, kw_only=True)
class SecurityMailRequested(Event):
    """
    A person must get a security mail; ``kind`` is one of verify_email, already_registered,
    user_id_taken, reset_password, password_changed, invitation.

    ``recipient_id`` is what ``get_recipient`` takes, ``subject_id`` what ``mail_link`` takes
    to make the secret link at hand-over: neither address nor secret is in the event.
    """

    source = SERVICE
    type = "security_mail.requested"

    kind: str
    recipient_id: str
    subject_id: str = ""


@dataclass(frozen=True, kw_only=True)
class SessionsRevoked(Event):
    """These sessions are over; gateways forget them at once (A10)."""

    source = SERVICE
    type = "sessions.revoked"

    session_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class RightsChanged(Event):
    """A member's role changed or ended; gateways look the sessions up anew."""

    source = SERVICE
    type = "rights.changed"

    user_id: str


# Errors


class SignInFailed(Unauthenticated):
    """User ID, e-mail address or password is wrong."""


class TooManyAttempts(RateLimited):
    """Too many attempts; wait a moment and try again."""


class SessionEnded(Unauthenticated):
    """This session is over; sign in again."""


class TokenInvalid(Invalid):
    """This link is not valid any more; ask for a new one."""


class PasswordTooCommon(Invalid):
    """This password is among the first that anybody would try; choose another."""


class PasswordWrong(Invalid):
    """The current password is wrong."""


class EmailNotVerified(Forbidden):
    """Confirm your e-mail address first: the link is in your mail."""


class LastOwner(Conflict):
    """A company keeps at least one owner; make somebody else owner first."""


class AlreadyMember(Conflict):
    """Somebody with this e-mail address has an account already."""


class MemberNotFound(NotFound):
    """This company has no such member."""


class InvitationNotFound(NotFound):
    """This company has no such invitation."""


class SessionNotFound(NotFound):
    """You have no such session."""


class CompanyNotFound(NotFound):
    """There is no such company."""


class RecipientNotFound(NotFound):
    """There is nobody with this id."""


class PolicyNotFound(NotFound):
    """There is no such document."""


class Rpc(Protocol):
    """accounts on the bus. ``[permission]`` stands before each; W marks writes."""

    # [public] W — A01, A04, A06, A19; registration is Registration as JSON
    def register_company(self, *, registration: dict[str, Any]) -> RegistrationView: ...
    # [public] W
    def verify_email(self, *, token: str) -> VerifiedView: ...
    # [public] W; browser is the family and major version only (S34)
    def create_session(self, *, credentials: dict[str, Any], address_token: str, browser: str) -> SessionView: ...
    # [service]; raises SessionEnded; also resolves the operator's staff token
    def resolve_session(self, *, token: str) -> PrincipalView: ...
    # [signed_in] W
    def end_session(self, *, company_id: str, user_id: str, session_id: str) -> None: ...
    # [signed_in]
    def list_sessions(self, *, company_id: str, user_id: str, current_session_id: str) -> SessionList: ...
    # [signed_in]
    def get_me(self, *, company_id: str, user_id: str) -> MeView: ...
    # [signed_in] W; change is MeChange
    def update_me(self, *, company_id: str, user_id: str, change: dict[str, Any]) -> MeView: ...
    # [signed_in] W; revokes the other sessions
    def change_password(self, *, company_id: str, user_id: str, session_id: str, change: dict[str, Any]) -> None: ...
    # [public] W; the same answer for known and unknown (A19)
    def request_password_reset(self, *, request: dict[str, Any]) -> AcceptedView: ...
    # [public] W; revokes every session (A20)
    def reset_password(self, *, reset: dict[str, Any]) -> VerifiedView: ...
    # [company.read]
    def get_company(self, *, company_id: str) -> CompanyView: ...
    # [company.write] W
    def update_company(self, *, company_id: str, change: dict[str, Any]) -> CompanyView: ...
    # [members.read]
    def list_members(self, *, company_id: str, limit: int = 50, cursor: str | None = None) -> MemberList: ...
    # [members.write] W; LastOwner (A28)
    def change_role(self, *, company_id: str, member_id: str, change: dict[str, Any]) -> MemberView: ...
    # [members.write] W
    def remove_member(self, *, company_id: str, member_id: str) -> None: ...
    # [members.write] W; EmailNotVerified (A07)
    def create_invitation(self, *, company_id: str, user_id: str, invitation: dict[str, Any]) -> InvitationView: ...
    # [members.read]
    def list_invitations(self, *, company_id: str, limit: int = 50, cursor: str | None = None) -> InvitationList: ...
    # [members.write] W
    def revoke_invitation(self, *, company_id: str, invitation_id: str) -> None: ...
    # [public] W
    def accept_invitation(self, *, acceptance: dict[str, Any]) -> VerifiedView: ...
    # [signed_in]; what a person agreed to, newest first
    def list_acceptances(self, *, company_id: str, user_id: str) -> AcceptanceList: ...
    # [public]; the documents in force on a day, today unless said
    def list_policies(self, *, on: str | None = None) -> PolicyList: ...
    # [public]
    def get_policy(self, *, slug: str, on: str | None = None) -> PolicyView: ...
    # [service]; for notifications and billing
    def get_recipient(self, *, recipient_id: str) -> RecipientView: ...
    # [service]; members who should hear about a company's account: owners, and billing where asked
    def list_recipients(self, *, company_id: str, roles: list[str]) -> list[RecipientView]: ...
    # [service]; every verified member's id, page by page, for campaigns
    def list_audience(self, *, limit: int = 500, cursor: str | None = None) -> AudienceView: ...
    # [service]; the secret link for a security mail, made anew from subject_id and never stored
    def mail_link(self, *, kind: str, subject_id: str) -> str: ...
    # [service]; whether the company may act, and where it is
    def get_company_status(self, *, company_id: str) -> CompanyStatusView: ...

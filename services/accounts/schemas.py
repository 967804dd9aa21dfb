"""Checking what comes in, and turning rows into the contract's views."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar, cast

from pydantic import BaseModel

from actiontrac import clock, forbidden, ids, schemas
from actiontrac.contracts import accounts as contract
from actiontrac.errors import Invalid
from services.accounts.documents import Document
from services.accounts.models import Acceptance, Company, Invitation, Session, User
from services.accounts.policies import permissions_of

Model = TypeVar("Model", bound=BaseModel)
Row = TypeVar("Row")

#: Computed text, which by chance can look like a card number and would then lock somebody out.
_UNGUARDED = frozenset({"token"})

_ID_LENGTH = len(ids.new_id("usr"))
_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")

MOST_PER_PAGE = 100


def parse(model: type[Model], payload: Any) -> Model:
    """
    Check input: forbidden data first, then its shape.

    Raises:
        ForbiddenData, Invalid: with the names of the fields.
    """
    if isinstance(payload, dict):
        forbidden.check({name: value for name, value in payload.items() if name not in _UNGUARDED})
    return schemas.parse(model, payload, guard=False)


def parse_credentials(payload: Any) -> contract.Credentials:
    """
    Credentials are compared and not kept, so there is nothing to guard.

    Raises:
        Invalid: with the names of the fields.
    """
    return schemas.parse(contract.Credentials, payload, guard=False)


def is_id(text: str, *prefixes: str) -> bool:
    """Whether a text can be an id at all; what cannot is not looked up."""
    return len(text) == _ID_LENGTH and text[:3] in prefixes and _ID_CHARACTERS.issuperset(text)


def page_bounds(limit: int, cursor: str | None, prefix: str, *, most: int = MOST_PER_PAGE) -> tuple[int, str | None]:
    """
    Raises:
        Invalid: a limit out of range, or a cursor that we did not give out.
    """
    if not 1 <= limit <= most:
        raise Invalid.at("limit", f"must be from 1 to {most}.")
    if cursor is not None and not is_id(cursor, prefix):
        raise Invalid.at("cursor", "is not one that a page of this list ended with.")
    return limit, cursor


def cut(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], str | None]:
    """A page, and the cursor of the next when one row more was found."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cast(Any, rows[limit - 1]).id


# Views


def me_view(user: User) -> contract.MeView:
    verified = user.email_verified_at is not None
    return {
        "id": user.id,
        "user_id": user.login_name,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "phone": user.phone or "",
        "language": user.language,
        "email_verified": verified,
        "company_id": user.company_id,
        "role": user.role,
        "permissions": list(permissions_of(user.role, email_verified=verified)),
    }


def company_view(company: Company, display_name: str) -> contract.CompanyView:
    return {
        "id": company.id,
        "display_name": display_name,
        "company_name": company.name,
        "company_address": company.address,
        "city": company.city,
        "state": company.state,
        "zip": company.zip,
        "country": company.country,
        "phone": company.phone or "",
        "status": cast(Literal["unverified", "active"], company.status),
        "created_at": clock.iso(company.created_at),
    }


def member_view(user: User) -> contract.MemberView:
    return {
        "id": user.id,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "role": user.role,
        "since": clock.iso(user.created_at),
    }


def invitation_view(invitation: Invitation, at: datetime) -> contract.InvitationView:
    return {
        "id": invitation.id,
        "email": invitation.email,
        "role": invitation.role,
        "status": cast(Any, invitation.status(at)),
        "expires_at": clock.iso(invitation.expires_at),
    }


def session_view(
    session: Session, role: str, idle: timedelta, *, token: str, csrf_token: str | None
) -> contract.SessionView:
    return {
        "id": session.id,
        "user_id": session.user_id,
        "company_id": session.company_id,
        "role": role,
        "mode": cast(Literal["cookie", "bearer"], session.mode),
        "token": token,
        "csrf_token": csrf_token,
        "created_at": clock.iso(session.created_at),
        "idle_expires_at": clock.iso(min(session.last_used_at + idle, session.expires_at)),
        "expires_at": clock.iso(session.expires_at),
    }


def session_summary(session: Session, current_session_id: str) -> contract.SessionSummary:
    return {
        "id": session.id,
        "mode": session.mode,
        "browser": session.browser,
        "current": session.id == current_session_id,
        "created_at": clock.iso(session.created_at),
        "last_used_at": clock.iso(session.last_used_at),
        "expires_at": clock.iso(session.expires_at),
    }


def recipient_view(user: User, company_name: str) -> contract.RecipientView:
    return {
        "recipient_id": user.id,
        "company_id": user.company_id,
        "company_name": company_name,
        "email": user.email,
        "first_name": user.first_name,
        "language": user.language,
        "verified": user.email_verified_at is not None,
        "role": user.role,
    }


def policy_view(document: Document) -> contract.PolicyView:
    return {
        "slug": document.slug,
        "title": document.title,
        "version": document.version,
        "effective_on": document.effective_on.isoformat(),
        "hash": document.hash,
        "text": document.text,
    }


def acceptance_view(line: Acceptance) -> contract.AcceptanceView:
    return {"slug": line.slug, "version": line.version, "kind": line.kind, "at": clock.iso(line.at)}

"""Every query of accounts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Select, delete, func, select, update

from actiontrac import clock
from actiontrac.contracts import accounts as contract
from actiontrac.ids import new_id
from actiontrac.storage import Store
from services.accounts.models import (
    Acceptance,
    Attempt,
    Base,
    Company,
    Invitation,
    Link,
    PendingContact,
    Session,
    User,
)
from services.accounts.policies import (
    ATTEMPT_LIFETIME,
    ENDED_INVITATION_LIFETIME,
    LINK_LIFETIMES,
    PENDING_CONTACT_LIFETIME,
    Throttle,
)

Row = TypeVar("Row", bound=tuple[Any, ...])


class AccountsStore(Store):
    base = Base

    # Companies

    def company(self, company_id: str, *, lock: bool = False) -> Company:
        """
        Raises:
            CompanyNotFound
        """
        found = self.session.scalars(_locked(select(Company).where(Company.id == company_id), lock)).one_or_none()
        if found is None:
            raise contract.CompanyNotFound()
        return found

    def display_name(self, company: Company) -> str:
        """The company's name, or without one its owner's (T14)."""
        if company.name:
            return company.name
        owner = self.session.scalars(
            select(User).where(User.company_id == company.id, User.role == "owner").order_by(User.id).limit(1)
        ).first()
        return owner.full_name if owner else ""

    # People

    def member(self, user_id: str, *, lock: bool = False) -> User:
        """
        Raises:
            MemberNotFound: nobody of this company has this id.
        """
        found = self.session.scalars(_locked(select(User).where(User.id == user_id), lock)).one_or_none()
        if found is None:
            raise contract.MemberNotFound()
        return found

    def find_user(self, user_id: str, *, lock: bool = False) -> User | None:
        return self.session.scalars(_locked(select(User).where(User.id == user_id), lock)).one_or_none()

    def email_index(self, email: str) -> str:
        return self.index(email, "users.email")

    def user_by_email(self, email: str, *, lock: bool = False) -> User | None:
        statement = select(User).where(User.email_index == self.email_index(email))
        return self.session.scalars(_locked(statement, lock)).one_or_none()

    def user_by_login(self, login: str, *, lock: bool = False) -> User | None:
        statement = select(User).where(User.login_key == login.casefold())
        return self.session.scalars(_locked(statement, lock)).one_or_none()

    def user_by_identifier(self, identifier: str, *, lock: bool = False) -> User | None:
        """Whoever signs in with this; a User ID holds no @, an e-mail address always does."""
        if "@" in identifier:
            return self.user_by_email(identifier, lock=lock)
        return self.user_by_login(identifier, lock=lock)

    def members(self, limit: int, after: str | None) -> Sequence[User]:
        return self.session.scalars(_page(select(User), User.id, limit, after)).all()

    def members_with_roles(self, roles: Sequence[str]) -> Sequence[User]:
        return self.session.scalars(select(User).where(User.role.in_(roles)).order_by(User.id)).all()

    def count_owners(self) -> int:
        statement = select(func.count()).select_from(User).where(User.role == "owner")
        return self.session.execute(statement).scalar_one()

    def verified_users(self, limit: int, after: str | None) -> Sequence[User]:
        statement = select(User).where(User.email_verified_at.is_not(None))
        return self.session.scalars(_page(statement, User.id, limit, after)).all()

    # Sessions

    def session_with_user(self, token_hash: str) -> tuple[Session, User] | None:
        """One query by a unique index: every request of every page begins with it."""
        found = self.session.execute(
            select(Session, User).join(User, User.id == Session.user_id).where(Session.token_hash == token_hash)
        ).one_or_none()
        return found and (found[0], found[1])

    def sessions_of(self, user_id: str) -> Sequence[Session]:
        return self.session.scalars(
            select(Session).where(Session.user_id == user_id).order_by(Session.id.desc()).limit(100)
        ).all()

    def find_session(self, user_id: str, session_id: str) -> Session | None:
        return self.session.scalars(
            select(Session).where(Session.id == session_id, Session.user_id == user_id)
        ).one_or_none()

    def end_sessions(self, user_id: str, company_id: str, *, but: str = "") -> None:
        """End a person's sessions, and tell the gateways which."""
        ended = self.session.scalars(select(Session.id).where(Session.user_id == user_id, Session.id != but)).all()
        if ended:
            self.session.execute(delete(Session).where(Session.id.in_(ended)))
            self.publish(contract.SessionsRevoked(company_id=company_id, session_ids=list(ended)))

    def claim_expired_sessions(self, idle: timedelta, limit: int) -> Sequence[Session]:
        at = clock.now()
        return self.claim_due(
            select(Session).where((Session.expires_at <= at) | (Session.last_used_at <= at - idle)).limit(limit)
        )

    # Links and invitations

    def new_link(self, user: User, kind: str) -> Link:
        at = clock.now()
        link = Link(
            id=new_id("lnk"),
            company_id=user.company_id,
            user_id=user.id,
            kind=kind,
            created_at=at,
            expires_at=at + LINK_LIFETIMES[kind],
        )
        self.session.add(link)
        return link

    def link(self, link_id: str, kind: str, *, lock: bool = False) -> Link | None:
        statement = select(Link).where(Link.id == link_id, Link.kind == kind)
        return self.session.scalars(_locked(statement, lock)).one_or_none()

    def use_up_links(self, user_id: str, kind: str, at: datetime) -> None:
        """Whoever used one link needs no other of its kind."""
        self.session.execute(
            update(Link).where(Link.user_id == user_id, Link.kind == kind, Link.used_at.is_(None)).values(used_at=at)
        )

    def invitation(self, invitation_id: str, *, lock: bool = False) -> Invitation | None:
        statement = select(Invitation).where(Invitation.id == invitation_id)
        return self.session.scalars(_locked(statement, lock)).one_or_none()

    def open_invitations_to(self, email: str, at: datetime) -> Sequence[Invitation]:
        return self.session.scalars(
            select(Invitation).where(
                Invitation.email_index == self.email_index(email),
                Invitation.accepted_at.is_(None),
                Invitation.revoked_at.is_(None),
                Invitation.expires_at > at,
            )
        ).all()

    def invitations(self, limit: int, after: str | None) -> Sequence[Invitation]:
        return self.session.scalars(_page(select(Invitation), Invitation.id, limit, after)).all()

    def pending_contact(self, contact_id: str) -> PendingContact | None:
        return self.session.scalars(select(PendingContact).where(PendingContact.id == contact_id)).one_or_none()

    # The ledger

    def accept(self, user: User, *, slug: str, version: str, document_hash: str, kind: str) -> None:
        self.session.add(
            Acceptance(
                id=new_id("acc"),
                company_id=user.company_id,
                user_id=user.id,
                slug=slug,
                version=version,
                document_hash=document_hash,
                kind=kind,
                at=clock.now(),
            )
        )

    def acceptances_of(self, user_id: str) -> Sequence[Acceptance]:
        return self.session.scalars(
            select(Acceptance)
            .where(Acceptance.user_id == user_id)
            .order_by(Acceptance.at.desc(), Acceptance.slug)
            .limit(200)
        ).all()

    # Attempts

    def bucket(self, kind: str, value: str) -> str:
        return self.index(f"{kind}|{value}", "attempts.bucket")

    def attempts(self, buckets: Sequence[str]) -> dict[str, Attempt]:
        """The counts of these buckets, locked in one order so that nobody waits in a circle."""
        return {bucket: self._attempt(bucket) for bucket in sorted(buckets)}

    def _attempt(self, bucket: str) -> Attempt:
        at = clock.now()
        while True:
            self._insert_once(Attempt, bucket=bucket, counted=0, since=at, last_at=at)
            found = self.session.scalars(
                select(Attempt).where(Attempt.bucket == bucket).with_for_update()
            ).one_or_none()
            # The purge of a very old count may come between the two.
            if found is not None:
                return found

    def count_one(self, bucket: str, throttle: Throttle) -> bool:
        """Count one more; False when there were too many lately."""
        attempt = self.attempts([bucket])[bucket]
        at = clock.now()
        if attempt.wait(at):
            return False
        attempt.count(throttle, at)
        return True

    def forget_attempts(self, buckets: Sequence[str]) -> None:
        self.session.execute(update(Attempt).where(Attempt.bucket.in_(buckets)).values(counted=0, blocked_until=None))

    # Purge

    def purge(self, limit: int) -> int:
        """Delete what has served its purpose; how many rows went."""
        at = clock.now()
        ended = Invitation.expires_at <= at - ENDED_INVITATION_LIFETIME
        return sum(
            (
                self._purge(select(Link).where((Link.expires_at <= at) | Link.used_at.is_not(None)), limit),
                self._purge(select(Invitation).where(ended), limit),
                self._purge(select(Attempt).where(Attempt.last_at <= at - ATTEMPT_LIFETIME), limit),
                self._purge_contacts(at - PENDING_CONTACT_LIFETIME, limit),
            )
        )

    def _purge(self, due: Select[Any], limit: int) -> int:
        rows: Sequence[Any] = self.claim_due(due.limit(limit))
        for row in rows:
            self.session.delete(row)
        return len(rows)

    def _purge_contacts(self, until: datetime, limit: int) -> int:
        rows = self.claim_due(select(PendingContact).where(PendingContact.created_at <= until).limit(limit))
        for row in rows:
            key = self.session.get(Base.CompanyKey, row.company_id)
            if key is not None:
                # The contact is a company of its own: without its key nothing of it can be read.
                self.session.delete(key)
            self.session.delete(row)
        return len(rows)


def _locked(statement: Select[Row], lock: bool) -> Select[Row]:
    return statement.with_for_update() if lock else statement


def _page(statement: Select[Any], by: Any, limit: int, after: str | None) -> Select[Any]:
    """One row more than asked for tells whether there is another page."""
    if after:
        statement = statement.where(by > after)
    return statement.order_by(by).limit(limit + 1)

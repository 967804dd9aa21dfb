"""Letting people into a company (A21)."""

from sqlalchemy.exc import IntegrityError

from actiontrac import clock
from actiontrac.contracts import accounts as contract
from actiontrac.errors import Conflict, Invalid
from actiontrac.failpoints import failpoint, register
from actiontrac.ids import new_id
from actiontrac.service import PUBLIC, rpc
from services.accounts.entrypoints import Entrypoints, require_still_may
from services.accounts.models import Invitation, User
from services.accounts.policies import INVITATION_LIFETIME, USER_ID_TRIES, require_good_password
from services.accounts.registrations import VERIFIED, record_consent
from services.accounts.repository import AccountsStore
from services.accounts.schemas import cut, invitation_view, is_id, page_bounds, parse
from services.accounts.tokens import open_link_token

register("accounts.accept_invitation.between", "the used invitation, and the new member with consent")

_TAKEN = "is somebody else's; choose another."


class Invitations(Entrypoints):
    @rpc(requires="members.write", write=True)
    def create_invitation(
        self, *, company_id: str, user_id: str, invitation: dict[str, object]
    ) -> contract.InvitationView:
        """
        Invite somebody by mail, for seven days. To invite an address again is to send the
        invitation again: the earlier link ends.

        The answer is the same whether or not the address has an account elsewhere (A19).

        Raises:
            EmailNotVerified: the one who invites has not confirmed the own address (A07).
            AlreadyMember: the address belongs to a member of this company.
        """
        asked = parse(contract.InvitationRequest, invitation)
        at = clock.now()
        with self._open_own(company_id, user_id) as store:
            if store.member(user_id).email_verified_at is None:
                raise contract.EmailNotVerified()
            # Two invitations to one address at once must not both stay open.
            store.company(company_id, lock=True)
            require_still_may(store, "members.write")
            if store.user_by_email(asked.email) is not None:
                raise contract.AlreadyMember()
            for earlier in store.open_invitations_to(asked.email, at):
                earlier.revoked_at = at
            made = Invitation(
                id=new_id("inv"),
                company_id=company_id,
                email_index=store.email_index(asked.email),
                role=asked.role,
                invited_by=user_id,
                tries=0,
                created_at=at,
                expires_at=at + INVITATION_LIFETIME,
            )
            made.email = asked.email
            store.session.add(made)
            store.publish(
                contract.SecurityMailRequested(
                    company_id=company_id, kind="invitation", recipient_id=made.id, subject_id=made.id
                )
            )
            return store.answer(invitation_view(made, at))

    @rpc(requires="members.read")
    def list_invitations(
        self, *, company_id: str, limit: int = 50, cursor: str | None = None
    ) -> contract.InvitationList:
        """Open invitations, and those that ended within the last month."""
        limit, cursor = page_bounds(limit, cursor, "inv")
        at = clock.now()
        with self._open(company_id) as store:
            found, next_cursor = cut(store.invitations(limit, cursor), limit)
            return {"items": [invitation_view(one, at) for one in found], "next_cursor": next_cursor}

    @rpc(requires="members.write", write=True)
    def revoke_invitation(self, *, company_id: str, invitation_id: str) -> None:
        """
        Withdraw an invitation; its link ends. Safe to repeat.

        Raises:
            InvitationNotFound: this company has no such invitation that is open.
        """
        at = clock.now()
        with self._open(company_id) as store:
            known = is_id(invitation_id, "inv")
            found = store.invitation(invitation_id, lock=True) if known else None
            if found is None or found.status(at) in ("accepted", "expired"):
                raise contract.InvitationNotFound()
            found.revoked_at = found.revoked_at or at
            store.answer(None)

    @rpc(requires=PUBLIC, write=True)
    def accept_invitation(self, *, acceptance: dict[str, object]) -> contract.VerifiedView:
        """
        Become a member by a mailed link; the address counts as confirmed, promotions as declined.

        Whoever holds the link reads the mailbox and may be told that its address has an
        account. User IDs can be tried out only ten times, then the invitation ends.

        Raises:
            TokenInvalid: not our link, used, withdrawn, or older than seven days.
            AlreadyMember: the address has an account.
            Invalid: the User ID is taken, or a field is wrong; the link stays good.
        """
        asked = parse(contract.InvitationAcceptance, acceptance)
        invitation_id = open_link_token(self.store.keys, "invitation", asked.token)
        password = asked.password.get_secret_value()
        personal = (asked.first_name, asked.last_name, asked.user_id)
        require_good_password(password, field="password", personal=personal)
        password_hash = self.passwords.hash(password)
        for _ in range(3):
            try:
                with self.store.across_companies() as store:
                    if _join(store, invitation_id, asked, password_hash):
                        return store.answer(VERIFIED)
            except IntegrityError:
                continue  # Address or User ID were taken at this very moment.
            raise Invalid.at("user_id", _TAKEN)
        raise Conflict()


def _join(store: AccountsStore, invitation_id: str, asked: contract.InvitationAcceptance, password_hash: str) -> bool:
    """Whether the person is a member now; otherwise the User ID was taken, and that was counted."""
    at = clock.now()
    invitation = store.invitation(invitation_id, lock=True)
    if invitation is None or invitation.status(at) != "open":
        raise contract.TokenInvalid()
    if store.user_by_email(invitation.email) is not None:
        raise contract.AlreadyMember()
    if store.user_by_login(asked.user_id) is not None:
        invitation.tries += 1
        if invitation.tries >= USER_ID_TRIES:
            invitation.revoked_at = at
        return False
    invitation.accepted_at = at
    failpoint("accounts.accept_invitation.between")
    member = User(
        id=new_id("usr"),
        company_id=invitation.company_id,
        login_name=asked.user_id,
        login_key=asked.user_id.casefold(),
        email_index=invitation.email_index,
        first_name=asked.first_name,
        last_name=asked.last_name,
        language="en",
        role=invitation.role,
        password_hash=password_hash,
        email_verified_at=at,
        created_at=at,
    )
    member.email = invitation.email
    store.session.add(member)
    store.session.flush()
    version = record_consent(store, member, promotions=False)
    store.publish(contract.MemberJoined(company_id=member.company_id, user_id=member.id, policy_version=version))
    return True

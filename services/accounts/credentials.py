"""Changing a password, and a new one for whoever forgot it (A08, A19, A20)."""

from actiontrac import clock
from actiontrac.contracts import accounts as contract
from actiontrac.failpoints import failpoint, register
from actiontrac.service import PUBLIC, SIGNED_IN, rpc
from services.accounts.entrypoints import Entrypoints
from services.accounts.models import User
from services.accounts.policies import MAIL_TO_ONE_ADDRESS, SIGN_IN_BY_NAME, require_good_password
from services.accounts.registrations import VERIFIED, confirm_email
from services.accounts.repository import AccountsStore
from services.accounts.schemas import parse
from services.accounts.tokens import open_link_token

register("accounts.password.checked", "the check of the current password, and the new one")
register("accounts.reset.between", "the used link, and the new password with all sessions ended")

ACCEPTED: contract.AcceptedView = {
    "status": "accepted",
    "message": "If there is an account with this address, a mail with a link is on its way to it.",
}


class CredentialChanges(Entrypoints):
    @rpc(requires=SIGNED_IN, write=True)
    def change_password(self, *, company_id: str, user_id: str, session_id: str, change: dict[str, object]) -> None:
        """
        Replace one's password; every other session of the person ends, and a mail says so.

        Raises:
            PasswordWrong, PasswordTooCommon, Invalid: nothing has changed.
            TooManyAttempts: after several wrong current passwords.
        """
        asked = parse(contract.PasswordChange, change)
        current, new = asked.current_password.get_secret_value(), asked.new_password.get_secret_value()
        with self._open_own(company_id, user_id) as store:
            user = store.member(user_id)
            require_good_password(new, field="new_password", personal=_personal(user))
            bucket = store.bucket("change-password", user_id)
            free = store.count_one(bucket, SIGN_IN_BY_NAME)
            known_hash = user.password_hash
        if not free:
            raise contract.TooManyAttempts()
        if not self.passwords.matches(known_hash, current):
            raise contract.PasswordWrong.at("current_password", "is wrong.")
        new_hash = self.passwords.hash(new)
        failpoint("accounts.password.checked")
        with self._open_own(company_id, user_id) as store:
            user = store.member(user_id, lock=True)
            if user.password_hash != known_hash:
                raise contract.PasswordWrong.at("current_password", "was changed a moment ago.")
            store.forget_attempts([bucket])
            _set_password(store, user, new_hash, keep_session=session_id)
            store.answer(None)

    @rpc(requires=PUBLIC, write=True)
    def request_password_reset(self, *, request: dict[str, object]) -> contract.AcceptedView:
        """
        Have a link mailed that sets a new password, valid for half an hour, once.

        The same answer for an unknown address (A19). Strangers cannot fill a mailbox with
        these: after five in an hour nothing more is sent, and nothing else is said.
        """
        asked = parse(contract.PasswordResetRequest, request)
        with self.store.across_companies() as store:
            user = store.user_by_email(asked.email)
            may_mail = store.count_one(store.bucket("mail", asked.email), MAIL_TO_ONE_ADDRESS)
            if user is not None and may_mail:
                link = store.new_link(user, "reset_password")
                store.publish(
                    contract.SecurityMailRequested(
                        company_id=user.company_id,
                        kind="reset_password",
                        recipient_id=user.id,
                        subject_id=link.id,
                    )
                )
            return store.answer(ACCEPTED)

    @rpc(requires=PUBLIC, write=True)
    def reset_password(self, *, reset: dict[str, object]) -> contract.VerifiedView:
        """
        Set a new password by a mailed link. Every session ends, the person gets a mail (A20).

        Reading the mailbox also confirms the address, so this is the way in for somebody
        whose confirmation link has lapsed, or whose address another person registered.

        Raises:
            TokenInvalid: not our link, used before, or older than half an hour.
            PasswordTooCommon, Invalid: the link stays good for another try.
        """
        asked = parse(contract.PasswordReset, reset)
        new = asked.new_password.get_secret_value()
        link_id = open_link_token(self.store.keys, "reset_password", asked.token)
        require_good_password(new, field="new_password", personal=())
        new_hash = self.passwords.hash(new)
        with self.store.across_companies() as store:
            link = store.link(link_id, "reset_password", lock=True)
            # Locked, so that nobody signs in with the old password while its sessions end.
            user = store.find_user(link.user_id, lock=True) if link else None
            if link is None or user is None or not link.usable(clock.now()):
                raise contract.TokenInvalid()
            require_good_password(new, field="new_password", personal=_personal(user))
            store.use_up_links(user.id, "reset_password", clock.now())
            failpoint("accounts.reset.between")
            store.forget_attempts([store.bucket("sign-in-name", name) for name in (user.login_key, user.email)])
            _set_password(store, user, new_hash)
            confirm_email(store, user)
            return store.answer(VERIFIED)


def _set_password(store: AccountsStore, user: User, new_hash: str, *, keep_session: str = "") -> None:
    user.password_hash = new_hash
    store.end_sessions(user.id, user.company_id, but=keep_session)
    store.publish(
        contract.SecurityMailRequested(company_id=user.company_id, kind="password_changed", recipient_id=user.id)
    )


def _personal(user: User) -> tuple[str, ...]:
    return (user.first_name, user.last_name, user.login_name, user.email)

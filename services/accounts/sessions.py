"""Signing in, staying signed in, signing out (A09 to A13, A18; S43 to S45)."""

import math

from actiontrac import clock, errors
from actiontrac.contracts import accounts as contract
from actiontrac.failpoints import failpoint, register
from actiontrac.ids import new_id
from actiontrac.service import PUBLIC, SIGNED_IN, rpc
from services.accounts import tokens
from services.accounts.entrypoints import Entrypoints, rights_of
from services.accounts.models import Session, User
from services.accounts.policies import (
    LAST_USE_GRAIN,
    SIGN_IN_BY_ADDRESS,
    SIGN_IN_BY_NAME,
    browser_name,
)
from services.accounts.repository import AccountsStore
from services.accounts.schemas import is_id, parse_credentials, session_summary, session_view

register("accounts.sign_in.counted", "the counted attempt, and the check of the password")
register("accounts.sign_in.checked", "the right password, and the session")


class Sessions(Entrypoints):
    @rpc(requires=PUBLIC, write=True)
    def create_session(
        self, *, credentials: dict[str, object], address_token: str, browser: str
    ) -> contract.SessionView:
        """
        Sign in by User ID or e-mail address. Whose address is not confirmed yet gets in too,
        but may only look until it is (A07).

        An attempt is counted before the password is looked at, so that a thousand at once
        are as slow as a thousand in a row. An unknown name meets the same words, delays and
        work as a known one. The answer is the only place where the token ever stands: it is
        not kept under the idempotency key either, so a repetition signs in anew.

        Raises:
            SignInFailed: without saying what was wrong.
            TooManyAttempts: with the seconds to wait; never for good.
        """
        asked = parse_credentials(credentials)
        identifier = asked.user_id.casefold()
        with self.store.across_companies() as store:
            by_name = store.bucket("sign-in-name", identifier)
            by_address = store.bucket("sign-in-address", address_token)
            wait = _count_attempt(store, by_name, by_address)
            user = store.user_by_identifier(identifier)
            known_hash = user.password_hash if user else None
        if wait:
            raise _too_many(wait)
        failpoint("accounts.sign_in.counted")
        password = asked.password.get_secret_value()
        if not self.passwords.matches(known_hash, password) or known_hash is None:
            raise contract.SignInFailed()
        better_hash = self.passwords.hash(password) if self.passwords.outdated(known_hash) else None
        failpoint("accounts.sign_in.checked")
        with self.store.across_companies() as store:
            user = store.user_by_identifier(identifier, lock=True)
            if user is None or user.password_hash != known_hash:
                # The password was changed while it was being checked.
                raise contract.SignInFailed()
            user.password_hash = better_hash or known_hash
            store.forget_attempts([by_name])
            store.attempts([by_address])[by_address].uncount(SIGN_IN_BY_ADDRESS)
            return self._start(store, user, asked.mode, browser)

    def _start(self, store: AccountsStore, user: User, mode: str, browser: str) -> contract.SessionView:
        at = clock.now()
        token = tokens.new_session_token()
        session = Session(
            id=new_id("ses"),
            company_id=user.company_id,
            user_id=user.id,
            token_hash=tokens.session_token_hash(token),
            mode=mode,
            browser=browser_name(browser),
            created_at=at,
            last_used_at=at,
            expires_at=at + self.absolute,
        )
        store.session.add(session)
        csrf_token = tokens.csrf_token(self.store.keys, session.id) if mode == "cookie" else None
        return session_view(session, user.role, self.idle, token=token, csrf_token=csrf_token)

    @rpc()
    def resolve_session(self, *, token: str) -> contract.PrincipalView:
        """
        Who a session's token belongs to, and what that person may do now; counts as use.

        Raises:
            SessionEnded: unknown, signed out, idle for too long, or too old (A10, A11).
        """
        staff_token = self.settings.secrets.get("STAFF_TOKEN", "")
        if staff_token and tokens.same_secret(token, staff_token):
            return self._staff()
        at = clock.now()
        with self.store.across_companies() as store:
            found = store.session_with_user(tokens.session_token_hash(token))
            if found is None or not found[0].alive(at, self.idle):
                raise contract.SessionEnded()
            session, user = found
            if at - session.last_used_at >= LAST_USE_GRAIN:
                session.last_used_at = at
            cookie = session.mode == "cookie"
            return {
                "session_id": session.id,
                "user_id": user.id,
                "company_id": user.company_id,
                "role": user.role,
                "permissions": list(rights_of(user)),
                "email_verified": user.email_verified_at is not None,
                "mode": "cookie" if cookie else "bearer",
                "csrf_token": tokens.csrf_token(self.store.keys, session.id) if cookie else "",
                "idle_expires_at": clock.iso(min(session.last_used_at + self.idle, session.expires_at)),
                "expires_at": clock.iso(session.expires_at),
            }

    def _staff(self) -> contract.PrincipalView:
        """The operators' own principal: of no company, so no company's data is open to it."""
        at = clock.now()
        return {
            "session_id": "staff",
            "user_id": "staff",
            "company_id": "",
            "role": "staff",
            "permissions": list(contract.STAFF_PERMISSIONS),
            "email_verified": True,
            "mode": "bearer",
            "csrf_token": "",
            "idle_expires_at": clock.iso(at + self.idle),
            "expires_at": clock.iso(at + self.absolute),
        }

    @rpc(requires=SIGNED_IN, write=True)
    def end_session(self, *, company_id: str, user_id: str, session_id: str) -> None:
        """
        End one of one's own sessions, the present one or another: it is dead at once (A10).

        Raises:
            SessionNotFound: it is not one's own, or it is over.
        """
        with self._open_own(company_id, user_id) as store:
            session = store.find_session(user_id, session_id) if is_id(session_id, "ses") else None
            if session is None:
                raise contract.SessionNotFound()
            store.session.delete(session)
            store.publish(contract.SessionsRevoked(company_id=company_id, session_ids=[session.id]))
            store.answer(None)

    @rpc(requires=SIGNED_IN)
    def list_sessions(self, *, company_id: str, user_id: str, current_session_id: str) -> contract.SessionList:
        """One's own sessions that are alive, newest first."""
        at = clock.now()
        with self._open_own(company_id, user_id) as store:
            alive = [session for session in store.sessions_of(user_id) if session.alive(at, self.idle)]
            return {
                "items": [session_summary(session, current_session_id) for session in alive],
                "next_cursor": None,
            }


def _count_attempt(store: AccountsStore, by_name: str, by_address: str) -> float:
    """Count an attempt in both buckets, or say how many seconds to wait; then nothing is counted."""
    at = clock.now()
    attempts = store.attempts([by_name, by_address])
    wait = max(attempt.wait(at) for attempt in attempts.values())
    if not wait:
        attempts[by_name].count(SIGN_IN_BY_NAME, at)
        attempts[by_address].count(SIGN_IN_BY_ADDRESS, at)
    return wait.total_seconds()


def _too_many(wait: float) -> errors.RateLimited:
    error = contract.TooManyAttempts()
    error.retry_after = max(1, math.ceil(wait))
    return error

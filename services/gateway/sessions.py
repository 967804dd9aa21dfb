"""
Who is behind a request: a session's principal, looked up once and kept for a moment.

The cache is what a revocation must beat (A10): accounts tells every gateway when a
session ends or a right changes, and whatever could have been missed is not trusted.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from actiontrac import clock
from actiontrac.context import Principal
from actiontrac.contracts.accounts import PrincipalView

#: Longer than this no gateway trusts what it remembers.
KEEP_SECONDS = 30.0

#: Sessions at most; who asked longest ago is looked up again.
MOST_SESSIONS = 20_000

#: What was revoked is remembered this long, for answers that were under way meanwhile.
REMEMBER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Session:
    principal: Principal
    csrf_token: str
    mode: str
    idle_expires_at: str
    expires_at: str
    #: The product's time at which it is over by itself.
    ends: float
    #: When we asked; monotonic.
    at: float
    #: The product's time when we asked: a use after it is moved must reach accounts, or the session counts as idle.
    asked: float


def session_of(view: PrincipalView, at: float) -> Session:
    ends = min(clock.parse(view["idle_expires_at"]), clock.parse(view["expires_at"]))
    return Session(
        principal=Principal(
            user_id=view["user_id"],
            company_id=view["company_id"],
            session_id=view["session_id"],
            role=view["role"],
            permissions=tuple(view["permissions"]),
        ),
        csrf_token=view["csrf_token"],
        mode=view["mode"],
        idle_expires_at=view["idle_expires_at"],
        expires_at=view["expires_at"],
        ends=ends.timestamp(),
        at=at,
        asked=clock.now().timestamp(),
    )


class Sessions:
    """
    Remembers principals by their token's hash.

    ``listening`` names the bus connection over which revocations come, or None while
    there is none: what was remembered under another connection may have been revoked
    without our hearing of it.
    """

    def __init__(self, listening: Callable[[], int | None]) -> None:
        self._listening = listening
        self._connection: int | None = None
        self._kept: dict[bytes, Session] = {}
        self._of_session: dict[str, bytes] = {}
        self._of_user: dict[str, set[bytes]] = {}
        self._revoked: dict[str, float] = {}
        self._changed: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, token: str, resolve: Callable[[str], PrincipalView]) -> Session:
        """
        The session of a token, remembered or looked up.

        Raises:
            ServiceError: what accounts says of the token; that is not remembered.
        """
        connection = self._listening()
        if connection is None or connection != self._connection:
            self._forget_all()
            self._connection = connection
        key = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        found = self._kept.get(key)
        now = time.monotonic()
        if found is not None:
            product_now = clock.now().timestamp()
            fresh = now - found.at < KEEP_SECONDS and product_now - found.asked < KEEP_SECONDS
            if fresh and product_now < found.ends:
                return found
            self._drop(key)
        looked_up = session_of(resolve(token), now)
        if connection is not None and self._still_holds(looked_up):
            self._keep(key, looked_up)
        return looked_up

    def forget_sessions(self, session_ids: list[str]) -> None:
        now = time.monotonic()
        for session_id in session_ids:
            self._mark(self._revoked, session_id, now)
            key = self._of_session.get(session_id)
            if key is not None:
                self._drop(key)

    def forget_user(self, user_id: str) -> None:
        self._mark(self._changed, user_id, time.monotonic())
        for key in list(self._of_user.get(user_id, ())):
            self._drop(key)

    def _still_holds(self, session: Session) -> bool:
        """Whether nothing was revoked while we asked: the answer may be older than the revocation."""
        principal = session.principal
        return (
            self._revoked.get(principal.session_id, -1.0) < session.at
            and self._changed.get(principal.user_id, -1.0) < session.at
        )

    def _keep(self, key: bytes, session: Session) -> None:
        if len(self._kept) >= MOST_SESSIONS:
            self._drop(next(iter(self._kept)))
        self._kept[key] = session
        self._of_session[session.principal.session_id] = key
        self._of_user.setdefault(session.principal.user_id, set()).add(key)

    def _drop(self, key: bytes) -> None:
        session = self._kept.pop(key, None)
        if session is None:
            return
        self._of_session.pop(session.principal.session_id, None)
        keys = self._of_user.get(session.principal.user_id)
        if keys is not None:
            keys.discard(key)
            if not keys:
                del self._of_user[session.principal.user_id]

    def _forget_all(self) -> None:
        self._kept.clear()
        self._of_session.clear()
        self._of_user.clear()

    def _mark(self, marks: dict[str, float], name: str, now: float) -> None:
        if len(marks) > 1000:
            for old in [one for one, at in marks.items() if now - at > REMEMBER_SECONDS]:
                del marks[old]
        marks[name] = now

"""Pure rules: passwords, delays, roles, owners. No session, no clock, no bus."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta

from actiontrac.contracts import accounts as contract
from services.accounts.common_passwords import is_common

VERIFICATION_LIFETIME = timedelta(days=3)
RESET_LIFETIME = timedelta(minutes=30)
INVITATION_LIFETIME = timedelta(days=7)
LINK_LIFETIMES = {"verify_email": VERIFICATION_LIFETIME, "reset_password": RESET_LIFETIME}

#: An invitation's holder may hit a User ID that is taken, but not go through a dictionary of them.
USER_ID_TRIES = 10

#: The mail that needs a pending contact goes out within minutes; a broken mail server is mended in days.
PENDING_CONTACT_LIFETIME = timedelta(days=3)
ENDED_INVITATION_LIFETIME = timedelta(days=30)
ATTEMPT_LIFETIME = timedelta(hours=2)

#: A session's last use is written at most this often, so that reading a page is not a write.
LAST_USE_GRAIN = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Throttle:
    """How many attempts are free within a window, and how the delay after them grows."""

    free: int
    window: timedelta
    first: timedelta
    longest: timedelta

    def delay(self, counted: int) -> timedelta:
        """The wait that follows this many attempts: doubling, but never for good (A18)."""
        if counted < self.free:
            return timedelta()
        doublings: int = 2 ** min(counted - self.free, 20)
        return min(self.first * doublings, self.longest)


#: Five failures in five minutes, then 5 s, 10 s, 20 s … at most five minutes (journeys.md).
SIGN_IN_BY_NAME = Throttle(
    free=5, window=timedelta(minutes=5), first=timedelta(seconds=5), longest=timedelta(minutes=5)
)

#: An office shares one address, so it may err more often than one person.
SIGN_IN_BY_ADDRESS = Throttle(
    free=20, window=timedelta(minutes=5), first=timedelta(seconds=5), longest=timedelta(minutes=5)
)

#: What strangers can make us send to one mailbox: five mails an hour, then silence.
MAIL_TO_ONE_ADDRESS = Throttle(free=5, window=timedelta(hours=1), first=timedelta(hours=1), longest=timedelta(hours=1))


def normal_password(password: str) -> str:
    """One form for passwords that look alike but are typed on different keyboards."""
    return unicodedata.normalize("NFKC", password)


def require_good_password(password: str, *, field: str, personal: tuple[str, ...]) -> None:
    """
    No rules about which characters (A08): only that nobody would try it first.

    ``personal`` is what an acquaintance knows: User ID, e-mail address, names.

    Raises:
        PasswordTooCommon: it is among the most common ones, or is the person's own name or address.
    """
    password = normal_password(password)
    own = {_letters(known) for known in _with_parts(personal)} - {""}
    if is_common(password) or _letters(password) in own:
        raise contract.PasswordTooCommon.at(field, "is among the first that anybody would try; choose another.")


def _with_parts(personal: tuple[str, ...]) -> set[str]:
    known = {part for text in personal for part in (text, text.partition("@")[0]) if part}
    return {*known, "".join(personal[:2]), "".join(reversed(personal[:2]))}


def _letters(text: str) -> str:
    """What is left of a password without the digits and signs that people put around a word."""
    return re.sub(r"^[\W\d_]{0,4}|[\W\d_]{0,4}$", "", text.casefold().replace(" ", ""))


def permissions_of(role: str, *, email_verified: bool) -> tuple[str, ...]:
    """What a member may do: the role's rights, or only looking until the address is confirmed (A07)."""
    granted = contract.PERMISSIONS.get(role, ())
    if email_verified:
        return granted
    return tuple(permission for permission in granted if permission in contract.UNVERIFIED_PERMISSIONS)


def require_an_owner_left(*, role: str, new_role: str | None, owners: int) -> None:
    """
    A company keeps at least one owner (A28); ``new_role`` None means that the member goes.

    Raises:
        LastOwner: it would have none.
    """
    if role == "owner" and new_role != "owner" and owners <= 1:
        raise contract.LastOwner()


def browser_name(said: str) -> str:
    """
    Family and major version of a browser, and nothing that tells more (S34).

    What does not look like that is not kept.
    """
    found = re.fullmatch(r"([A-Za-z][A-Za-z .]{0,29}?)(?: (\d{1,4}))?", said.strip())
    return said.strip() if found else "unknown"

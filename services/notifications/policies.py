"""Pure rules: who may be mailed what, when to try again, what a crash leaves behind."""

import random
from datetime import datetime, timedelta

from actiontrac.contracts.notifications import CATEGORIES, CategoryNotOptional, UnknownCategory

#: Mail that one person waits for goes before mail to everybody.
_PRIORITIES = {"security": 0, "legal_notice": 1, "plan_status": 1}
_BULK = 5

#: Categories of which a second copy is worse than none: see docs/mail/README.md.
_AT_MOST_ONCE = frozenset({"promotions", "educational", "service_updates"})

#: Pauses after a failed attempt; after the last one the message is dead and waits for a
#: person. Together about a day and a half: long enough for a server's bad night.
BACK_OFF_SECONDS = (10, 60, 300, 900, 3_600, 4 * 3_600, 8 * 3_600, 24 * 3_600)

#: A message that was taken but not yet handed over is free again after this.
CLAIM_LEASE_SECONDS = 20

#: N21, as warehouse has it: what arrived is forgotten sooner than what did not.
KEEP_SENT = timedelta(days=14)
KEEP_OTHERS = timedelta(days=90)

#: Nothing more happens to a message in one of these states by itself.
FINAL_STATES = ("sent", "suppressed", "failed", "dead", "unknown")


def require_category(category: str) -> str:
    """
    Raises:
        UnknownCategory: a mail without a category that people know is not sent (N01).
    """
    if category not in CATEGORIES:
        raise UnknownCategory.at("category", f"must be one of {', '.join(CATEGORIES)}.")
    return category


def can_switch_off(category: str) -> bool:
    return CATEGORIES[require_category(category)][1]


def starts_on(category: str) -> bool:
    return CATEGORIES[require_category(category)][2]


def require_choice(category: str, wanted: bool) -> None:
    """
    Raises:
        UnknownCategory: there is no such category.
        CategoryNotOptional: security mail and legal notices reach everybody (N06).
    """
    if category not in CATEGORIES:
        raise UnknownCategory.at("categories", f"may only name {', '.join(CATEGORIES)}.")
    if not wanted and not can_switch_off(category):
        raise CategoryNotOptional()


def priority_of(category: str) -> int:
    return _PRIORITIES.get(require_category(category), _BULK)


def may_repeat(category: str) -> bool:
    """
    Whether a mail whose fate is unknown is sent again, under the same Message-ID.

    Between the server's 250 and our mark nobody can know: we rather repeat a receipt
    than lose it, and rather lose a promotion than repeat it.
    """
    return require_category(category) not in _AT_MOST_ONCE


def why_not(category: str, *, wanted: bool, suppressed: bool, verified: bool, stranger: bool = False) -> str | None:
    """
    Why a mail must not be handed over now, as a code; None when it may be (N03).

    What cannot be switched off is tried even where an address is suppressed: whoever
    mended a mailbox must be able to reset a password (N06). A ``stranger`` has no account
    with us: where their address bounced or complained, it gets nothing at all.
    """
    if stranger and suppressed:
        return "address_suppressed"
    if not can_switch_off(category):
        return None
    if not wanted:
        return "opted_out"
    if suppressed:
        return "address_suppressed"
    # Until an address is proved it may be a stranger's, who asked for nothing.
    if not verified:
        return "address_unverified"
    return None


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """When to try again after this many failed attempts; None when it is enough (N12)."""
    if attempts > len(BACK_OFF_SECONDS):
        return None
    # Spread, because what failed together would come back together.
    return now + timedelta(seconds=BACK_OFF_SECONDS[attempts - 1] * random.uniform(0.9, 1.1))  # noqa: S311


def is_bad_address(code: int, enhanced: str) -> bool:
    """
    Whether a server's refusal of a recipient says that the address does not exist.

    550 is also what servers say to a sender that they distrust (5.7.x); that is no
    reason to never write to the person again.
    """
    if enhanced:
        return enhanced.startswith("5.1.")
    return code in (550, 551, 553)

"""A number that means something only because of the words next to it."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from actiontrac.forbidden.kinds import Finding

#: A label that claims the number behind it for something ordinary.
OTHER_LABEL = re.compile(
    r"\b(?:badges?|employee|personnel|staff|worker|payroll|phone|tel|telephone|mobile|cell|call|fax|part|parts|sku|serial"
    r"|order|ticket|invoice|lot|batch|model|drawing|asset|item|room|locker|zip|postcode|po|rev|version|ext|extension"
    r"|hired?|started|since|joined)\b",
    re.IGNORECASE,
)

#: The same, directly before a number whose shape alone is not distinctive enough.
ORDINARY_LABEL_BEFORE = re.compile(
    r"(?:\b(?:badge|part|p/n|pn|sku|serial|s/n|sn|lot|batch|model|drawing|catalog(?:ue)?|order|ticket|invoice|asset|tag"
    r"|item|code|po|bolt|valve|pump|machine|unit|locker|key|job|rev)"
    r"(?:[ .]{0,2}(?:no|nr|number|num|code|id))?[ .:#\-]{0,3})$",
    re.IGNORECASE,
)


class Family(NamedTuple):
    """Words, the values that they give a meaning, and how a value is told from any other number."""

    kind: str
    words: re.Pattern[str]
    value: re.Pattern[str]
    is_valid: Callable[[str], bool]
    #: Words seldom stand far from what they name: "SSN is 123…" or "123… (SSN)".
    after: int = 32
    before: int = 14


def word_list(text: str) -> list[str]:
    return text.split()


#: Groups without these characters are compared: people and programs write them differently.
_MARKS = str.maketrans("", "", " \t\n\r.-/_")


def compact(value: str) -> str:
    return value.translate(_MARKS).upper()


def is_no_date(digits: str) -> bool:
    """Whether eight digits are no date: an account was opened on one as often as its number is told."""
    if len(digits) != 8:
        return True
    for year, one, two in ((0, 4, 6), (4, 0, 2)):
        if digits[year : year + 2] in ("19", "20"):
            parts = int(digits[one : one + 2]), int(digits[two : two + 2])
            if all(1 <= part <= 31 for part in parts) and min(parts) <= 12:
                return False
    return True


def find_near(text: str, small: str, family: Family) -> Iterator[Finding]:
    """The family's values next to its words; `small` is the text in small letters, in which words are looked for."""
    for word in family.words.finditer(small):
        found = _behind(text, word.end(), family) or _ahead(text, word.start(), family)
        if found:
            yield Finding(family.kind, *found)


def _behind(text: str, position: int, family: Family) -> tuple[int, int] | None:
    for value in family.value.finditer(text, position, position + family.after + 40):
        gap = text[position : value.start()]
        if len(gap) > family.after or any(char.isdigit() for char in gap) or OTHER_LABEL.search(gap):
            return None
        if family.is_valid(compact(value.group())):
            return value.span()
    return None


def _ahead(text: str, position: int, family: Family) -> tuple[int, int] | None:
    start = max(0, position - family.before - 40)
    values = list(family.value.finditer(text, start, position))
    if not values:
        return None
    last = values[-1]
    gap = text[last.end() : position]
    if (
        len(gap) > family.before
        or OTHER_LABEL.search(gap)
        or OTHER_LABEL.search(text[max(0, last.start() - 14) : last.start()])
    ):
        return None
    return last.span() if family.is_valid(compact(last.group())) else None

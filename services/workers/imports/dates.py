"""Dates as people write them in spreadsheets."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Literal

Order = Literal["day first", "month first"]

_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]\d{1,2}:\d{2}.*)?")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})(?: \d{1,2}:\d{2}.*)?")
_WORDED = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)?[ -]([a-z]{3})[a-z]*\.?,?[ -](\d{4})", re.IGNORECASE)
_WORDED_US = re.compile(r"([a-z]{3})[a-z]*\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", re.IGNORECASE)
_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
    "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}


def order_of(values: Iterable[str]) -> Order | None:
    """
    Whether a column writes 31/12/2026 or 12/31/2026; None while no date in it tells.

    03/04/2026 alone does not tell, and a wrong guess would be believed.
    """
    day_first = month_first = False
    for value in values:
        if slashed := _SLASHED.fullmatch(value):
            day_first |= int(slashed[1]) > 12
            month_first |= int(slashed[2]) > 12
    if day_first == month_first:
        return None
    return "day first" if day_first else "month first"


def day_of(text: str, order: Order | None) -> date | None:
    """The day that a cell means; None if it is no date, or not certainly one."""
    try:
        if found := _ISO.fullmatch(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _DOTTED.fullmatch(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
        if found := _WORDED.fullmatch(text):
            return date(int(found[3]), _MONTHS[found[2].lower()], int(found[1]))
        if found := _WORDED_US.fullmatch(text):
            return date(int(found[3]), _MONTHS[found[1].lower()], int(found[2]))
        if found := _SLASHED.fullmatch(text):
            first, second, year = int(found[1]), int(found[2]), int(found[3])
            if order is None and first != second:
                return None
            return date(year, first, second) if order == "month first" else date(year, second, first)
    except (ValueError, KeyError):
        return None
    return None

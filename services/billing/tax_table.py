"""The table of taxes, as an operator writes it into a file (B22)."""

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from services.billing.operator_files import OperatorFileWrong
from services.billing.taxes import Rate, Row

#: Beside the packages in a checkout of the project and in the image; ACTIONTRAC_TAXES_FILE names another.
DEFAULT_FILE = Path(__file__).resolve().parents[2] / "deploy" / "taxes.toml"

_COUNTRY = re.compile(r"[A-Z]{2}")


class TaxFileWrong(OperatorFileWrong):
    """The file of taxes cannot be used; the sentence says why and where."""


@dataclass(frozen=True)
class TaxTable:
    """Rates by place; a place without a row has no tax."""

    version: int
    rows: tuple[Row, ...]


def parse(text: str, file: str) -> TaxTable:
    """
    Raises:
        TaxFileWrong: it is not TOML, or a row says no place, no rate, no day or no source.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise TaxFileWrong(f"{file} is not valid TOML: {problem}.") from None
    version = found.get("version")
    if type(version) is not int or version < 1:
        raise TaxFileWrong(f"{file}: version is a whole number above 0.")
    rows = tuple(_row(entry, number, file) for number, entry in enumerate(found.get("rate", []), start=1))
    keys = [(row.country, state, row.rate.name, row.since) for row in rows for state in row.states or {""}]
    if len(set(keys)) < len(keys):
        raise TaxFileWrong(f"{file}: two rates have one place, name and day.")
    return TaxTable(version, rows)


def _row(entry: dict[str, Any], number: int, file: str) -> Row:
    def wrong(says: str) -> TaxFileWrong:
        return TaxFileWrong(f"{file}: rate {number} {says}.")

    country, name, since = entry.get("country"), entry.get("name"), entry.get("since")
    if not isinstance(country, str) or not _COUNTRY.fullmatch(country):
        raise wrong("has no country of two capital letters, such as DE")
    if not isinstance(name, str) or not 0 < len(name) <= 40:
        raise wrong("has no name of at most 40 characters, such as VAT")
    if type(since) is not date:
        raise wrong("has no since: the day on which it begins, such as 2021-01-01")
    if not entry.get("source"):
        raise wrong("has no source: where you looked it up, and when")
    states = entry.get("state", [])
    if isinstance(states, str):
        states = [states]
    if not isinstance(states, list) or not all(isinstance(state, str) and state.strip() for state in states):
        raise wrong("has a state that is not text")
    try:
        percent = Decimal(entry["percent"]) if isinstance(entry.get("percent"), str) else None
    except InvalidOperation:
        percent = None
    if percent is None or not percent.is_finite() or not 0 <= percent <= 100:
        raise wrong('has no percent from "0" to "100", written as text')
    return Row(country, frozenset(state.strip().casefold() for state in states), Rate(name, percent), since)

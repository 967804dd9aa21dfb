"""The catalogue of plans, as an operator writes it into a file (B01)."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.billing.providers.money import DECIMALS

#: Beside the packages in a checkout of the project and in the image; ACTIONTRAC_PLANS_FILE names another.
DEFAULT_FILE = Path(__file__).resolve().parents[2] / "deploy" / "plans.toml"


class PlanFileWrong(ValueError):
    """The file of plans cannot be used; the sentence says why and where."""


@dataclass(frozen=True)
class Offer:
    """One version of a plan: ``prices`` are minor units for one year, by currency."""

    code: str
    version: int
    name: str
    worker_limit: int
    prices: dict[str, int]


def read(path: Path) -> list[Offer]:
    """
    The newest version of every plan in the file, smallest plan first.

    Raises:
        PlanFileWrong: it is missing, is not TOML, or an entry cannot be sold.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise PlanFileWrong(f"The plans cannot be read from {path.name}: {problem.strerror}.") from None
    except tomllib.TOMLDecodeError as problem:
        raise PlanFileWrong(f"{path.name} is not valid TOML: {problem}.") from None
    newest: dict[str, Offer] = {}
    for entry in found.get("plan", []):
        offer = _offer(entry, path.name)
        known = newest.get(offer.code)
        if known is not None and known.version == offer.version:
            raise PlanFileWrong(f"{path.name} lists {offer.code} version {offer.version} twice.")
        if known is None or offer.version > known.version:
            newest[offer.code] = offer
    if not newest:
        raise PlanFileWrong(f"{path.name} lists no [[plan]].")
    return sorted(newest.values(), key=lambda offer: (offer.worker_limit, offer.code))


def _offer(entry: dict[str, Any], file: str) -> Offer:
    name = str(entry.get("code", "?"))
    try:
        prices = {str(currency): price for currency, price in entry["prices"].items()}
        offer = Offer(entry["code"], entry["version"], entry["name"], entry["worker_limit"], prices)
    except (KeyError, AttributeError) as problem:
        raise PlanFileWrong(f"{file}: plan {name} has no {problem}.") from None
    figures = [offer.version, offer.worker_limit, *prices.values()]
    if not all(type(figure) is int and figure > 0 for figure in figures):
        raise PlanFileWrong(f"{file}: version, worker_limit and prices of {name} are whole numbers above 0.")
    unknown = sorted(set(prices) - set(DECIMALS))
    if unknown or not prices:
        raise PlanFileWrong(f"{file}: {name} needs prices in {', '.join(sorted(DECIMALS))}.")
    return offer

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


@dataclass(frozen=True)
class TrialOffer:
    """What a company may try without a card, and for how long (B26)."""

    plan: str
    version: int
    worker_limit: int
    days: int


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise PlanFileWrong(f"The plans cannot be read from {path.name}: {problem.strerror}.") from None
    except tomllib.TOMLDecodeError as problem:
        raise PlanFileWrong(f"{path.name} is not valid TOML: {problem}.") from None


def read_trial(path: Path) -> TrialOffer | None:
    """
    The trial that the file offers; without a ``[trial]`` there is none.

    Raises:
        PlanFileWrong: it names no plan of the file, or no number of days.
    """
    found = _parsed(path).get("trial")
    if found is None:
        return None
    offer = next((offer for offer in read(path) if offer.code == found.get("plan")), None)
    if offer is None:
        raise PlanFileWrong(f"{path.name}: [trial] names no plan of this file.")
    days = found.get("days")
    if type(days) is not int or not 0 < days <= 90:
        raise PlanFileWrong(f"{path.name}: days of [trial] is a whole number from 1 to 90.")
    return TrialOffer(offer.code, offer.version, offer.worker_limit, days)


def read(path: Path) -> list[Offer]:
    """
    The newest version of every plan in the file, smallest plan first.

    Raises:
        PlanFileWrong: it is missing, is not TOML, or an entry cannot be sold.
    """
    found = _parsed(path)
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

"""The catalogue of plans, as an operator writes it into a file (B01)."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.billing.operator_files import OperatorFileWrong, text_of
from services.billing.providers.money import DECIMALS

#: Beside the packages in a checkout of the project and in the image; ACTIONTRAC_PLANS_FILE names another.
DEFAULT_FILE = Path(__file__).resolve().parents[2] / "deploy" / "plans.toml"


class PlanFileWrong(OperatorFileWrong):
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


@dataclass(frozen=True)
class OnSale:
    """What the operator's file says: the newest version of every plan, smallest first, and the trial."""

    offers: list[Offer]
    trial: TrialOffer | None

    @property
    def versions(self) -> list[tuple[str, int]]:
        return [(offer.code, offer.version) for offer in self.offers]


def read(path: Path) -> OnSale:
    """
    Raises:
        PlanFileWrong: it is missing, is not TOML, or an entry cannot be sold.
    """
    return parse(text_of(path), path.name)


def parse(text: str, file: str) -> OnSale:
    """What stands in a file of that name; see ``read``."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise PlanFileWrong(f"{file} is not valid TOML: {problem}.") from None
    offers = _offers(found, file)
    return OnSale(offers, _trial(found, offers, file))


def _trial(found: dict[str, Any], offers: list[Offer], file: str) -> TrialOffer | None:
    """The trial that the file offers; without a ``[trial]`` there is none."""
    trial = found.get("trial")
    if trial is None:
        return None
    offer = next((offer for offer in offers if offer.code == trial.get("plan")), None)
    if offer is None:
        raise PlanFileWrong(f"{file}: [trial] names no plan of this file.")
    days = trial.get("days")
    if type(days) is not int or not 0 < days <= 90:
        raise PlanFileWrong(f"{file}: days of [trial] is a whole number from 1 to 90.")
    return TrialOffer(offer.code, offer.version, offer.worker_limit, days)


def _offers(found: dict[str, Any], file: str) -> list[Offer]:
    newest: dict[str, Offer] = {}
    for entry in found.get("plan", []):
        offer = _offer(entry, file)
        known = newest.get(offer.code)
        if known is not None and known.version == offer.version:
            raise PlanFileWrong(f"{file} lists {offer.code} version {offer.version} twice.")
        if known is None or offer.version > known.version:
            newest[offer.code] = offer
    if not newest:
        raise PlanFileWrong(f"{file} lists no [[plan]].")
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

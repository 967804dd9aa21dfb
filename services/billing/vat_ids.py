"""VAT ids of buyers and of the seller, checked by python-stdnum; pure (B22)."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from services.billing.taxes import EUROPEAN_UNION


class VatIdWrong(ValueError):
    """This is no VAT id that can be kept; the sentence says why."""


#: Where the VAT id of a person without a company is their identity number, which is not kept
#: (S23): the checks that tell it, and which part of the VAT id it is.
_PEOPLE: dict[str, tuple[tuple[str, ...], Callable[[str], str]]] = {
    "BG": (("bg.egn", "bg.pnf"), lambda number: number),
    "CZ": (("cz.rc",), lambda number: number),
    "ES": (("es.dni", "es.nie"), lambda number: number),
    "SE": (("se.personnummer",), lambda number: f"{number[:6]}-{number[6:10]}"),
}


def checked(vat_id: str, country: str) -> str:
    """
    The VAT id in its shortest form, with the letters of its country in the European Union.

    The check is of its form and check digits. Whether it is in force only the
    administration of the country knows; nobody is asked here.

    Raises:
        VatIdWrong: it is not one of that country, cannot be checked, or is a person's identity number.
    """
    from stdnum.exceptions import ValidationError

    given = vat_id.strip().upper()
    try:
        found = _in_union(given, country) if country in EUROPEAN_UNION else _outside(given, country)
    except ValidationError:
        raise VatIdWrong(f"This is not a VAT id of {country}: look for a letter or digit that is wrong.") from None
    number = found.removeprefix(prefix_of(country))
    modules, part = _PEOPLE.get(country, ((), lambda whole: whole))
    if any(_module(name).is_valid(part(number)) for name in modules):
        raise VatIdWrong("This VAT id is a person's identity number, which ActionTrac does not keep.")
    return found


def prefix_of(country: str) -> str:
    """The letters before a country's VAT ids: its own, but for Greece."""
    return "EL" if country == "GR" else country


def _in_union(given: str, country: str) -> str:
    from stdnum.eu import vat
    from stdnum.exceptions import InvalidComponent

    whole = given if given[:2].isalpha() else prefix_of(country) + given
    if whole.startswith("GR"):
        whole = f"EL{whole[2:]}"
    if not whole.startswith(prefix_of(country)):
        raise InvalidComponent
    return str(vat.validate(whole))


def _outside(given: str, country: str) -> str:
    from stdnum.util import get_cc_module

    module: Any = get_cc_module(country.lower(), "vat")
    if module is None:
        raise VatIdWrong(f"A VAT id of {country} cannot be checked here, so it is not kept.")
    return str(module.validate(given))


def _module(name: str) -> Any:
    return import_module(f"stdnum.{name}")

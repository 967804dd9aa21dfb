"""Which tax a company pays on what it buys, by the operator's table and settings (B22)."""

from dataclasses import dataclass
from datetime import date

import orjson

from actiontrac.config import ConfigurationError, Settings
from actiontrac.contracts.accounts import CompanyView
from services.billing import vat_ids
from services.billing.models import TaxProfile
from services.billing.tax_table import TaxTable
from services.billing.taxes import (
    MODES,
    SCOPES,
    Buyer,
    Mode,
    Per,
    Place,
    Rounding,
    Seller,
    Sums,
    TaxLine,
    sums,
    treat,
)


@dataclass(frozen=True)
class TaxRules:
    """What the settings say: who sells, and how a tax is rounded."""

    seller: Seller
    rounding: Rounding


@dataclass(frozen=True)
class Bill:
    """What a purchase comes to; ``note`` is the sentence about tax that stands on its documents."""

    sums: Sums
    note: str
    currency: str


def rules_of(settings: Settings) -> TaxRules:
    """
    Raises:
        ConfigurationError: a setting has a value that nobody knows.
    """
    country = settings.option("BILLING_SELLER_COUNTRY", "")
    if country and not (len(country) == 2 and country.isalpha() and country.isupper()):
        raise ConfigurationError("ACTIONTRAC_BILLING_SELLER_COUNTRY is two capital letters, such as DE.")
    vat_id = settings.option("BILLING_SELLER_VAT_ID", "")
    if vat_id:
        try:
            vat_id = vat_ids.checked(vat_id, country)
        except vat_ids.VatIdWrong as problem:
            raise ConfigurationError(f"ACTIONTRAC_BILLING_SELLER_VAT_ID: {problem}") from None
    mode: Mode | None = next(
        (mode for mode in MODES if mode == settings.option("BILLING_TAX_ROUNDING", MODES[0])), None
    )
    per: Per | None = next((per for per in SCOPES if per == settings.option("BILLING_TAX_PER", "document")), None)
    if mode is None or per is None:
        raise ConfigurationError(
            f"ACTIONTRAC_BILLING_TAX_ROUNDING is one of {', '.join(MODES)}, "
            f"and ACTIONTRAC_BILLING_TAX_PER one of {', '.join(SCOPES)}."
        )
    return TaxRules(Seller(country, vat_id), Rounding(mode, per))


def buyer_of(company: CompanyView, profile: TaxProfile | None) -> Buyer:
    """A VAT id counts only in the country that it was given for: a company may have moved since."""
    place = Place(company["country"], company["state"])
    if profile is None:
        return Buyer(place)
    vat_id = profile.vat_id if profile.vat_id and profile.vat_country == place.country else ""
    return Buyer(place, vat_id, profile.exempt)


def bill_of(
    lines: list[int], currency: str, *, table: TaxTable, rules: TaxRules, buyer: Buyer, today: date
) -> Bill:  # fmt: skip
    treated = treat(table.rows, rules.seller, buyer, today)
    return Bill(sums(lines, treated.rates, rules.rounding), treated.note, currency)


def taxes_to(taxes: tuple[TaxLine, ...]) -> str:
    """Tax lines as JSON, to keep."""
    return orjson.dumps([vars(tax) for tax in taxes]).decode()


def taxes_from(text: str) -> tuple[TaxLine, ...]:
    return tuple(TaxLine(**tax) for tax in orjson.loads(text))

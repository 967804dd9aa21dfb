"""
Money as integers of the smallest unit, and how each processor writes it.

ISO 4217 is not enough: the processors disagree with it and with each other on how
many decimals a currency has, so each has its own table and unknown currencies are
refused instead of guessed.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

#: Decimals we keep for the currencies that we sell in.
DECIMALS = {
    "AUD": 2,
    "CAD": 2,
    "CHF": 2,
    "CZK": 2,
    "DKK": 2,
    "EUR": 2,
    "GBP": 2,
    "JPY": 0,
    "NOK": 2,
    "NZD": 2,
    "PLN": 2,
    "SEK": 2,
    "SGD": 2,
    "USD": 2,
}

#: What Stripe takes in ``unit_amount``. HUF, ISK, TWD, UGX and the three-decimal
#: currencies have rounding rules of their own and are left out on purpose.
STRIPE_DECIMALS = dict(DECIMALS)

#: What PayPal takes in ``value``; it allows no decimals for HUF, JPY and TWD.
PAYPAL_DECIMALS = dict(DECIMALS)


class UnsupportedCurrency(ValueError):
    """We do not sell in this currency."""


class WrongPrecision(ValueError):
    """The amount has more decimals than its currency."""


@dataclass(frozen=True, order=True)
class Money:
    """``minor`` smallest units of ``currency`` (upper case): 12000 USD is 120 dollars."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in DECIMALS:
            raise UnsupportedCurrency(f"{self.currency[:3]!r} is not a currency we sell in")

    def __str__(self) -> str:
        return f"{as_decimal(self, DECIMALS)} {self.currency}"


def as_decimal(money: Money, decimals: dict[str, int] = DECIMALS) -> str:
    """``120.00`` for 12000 USD, ``12000`` for 12000 JPY; never through a float."""
    places = decimals[money.currency]
    amount = Decimal(money.minor).scaleb(-DECIMALS[money.currency])
    if amount != amount.quantize(Decimal(1).scaleb(-places)):
        raise WrongPrecision(f"{money.currency} takes {places} decimals here")
    return f"{amount:.{places}f}"


def from_decimal(text: str, currency: str) -> Money:
    """
    The opposite of ``as_decimal``.

    Raises:
        WrongPrecision: the text is no amount, or finer than the currency allows.
    """
    known = Money(0, currency)
    try:
        minor = Decimal(text).scaleb(DECIMALS[known.currency])
    except InvalidOperation:
        raise WrongPrecision("not an amount") from None
    if not minor.is_finite() or minor != minor.to_integral_value():
        raise WrongPrecision(f"{currency} takes {DECIMALS[currency]} decimals")
    return Money(int(minor), currency)


def to_stripe(money: Money) -> int:
    """Stripe's ``unit_amount``."""
    return int(Decimal(as_decimal(money, STRIPE_DECIMALS)).scaleb(STRIPE_DECIMALS[money.currency]))


def from_stripe(amount: int, currency: str) -> Money:
    code = currency.upper()
    known = Money(0, code)
    return from_decimal(str(Decimal(amount).scaleb(-STRIPE_DECIMALS[known.currency])), code)

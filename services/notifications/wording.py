"""Figures in words: money, dates, plans. What a person reads instead of what we store."""

from collections.abc import Mapping
from datetime import date
from typing import Any

#: ISO 4217 currencies whose minor unit is not a hundredth; all others have two decimals.
_WITHOUT = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())  # noqa: SIM905
_WITH_THREE = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_METHODS = {"card": "Card", "paypal": "PayPal"}
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def money(amount_minor: int, currency: str) -> str:
    """
    >>> money(123450, "USD"), money(-500, "CHF"), money(900, "JPY")
    ('$1,234.50', '-CHF 5.00', '¥900')
    """
    decimals = 0 if currency in _WITHOUT else 3 if currency in _WITH_THREE else 2
    whole, rest = divmod(abs(amount_minor), 10**decimals)
    figure = f"{whole:,}" + (f".{rest:0{decimals}}" if decimals else "")
    sign = "-" if amount_minor < 0 else ""
    symbol = _SYMBOLS.get(currency)
    # A no-break space keeps a code and its figure on one line.
    return f"{sign}{symbol}{figure}" if symbol else f"{sign}{currency}\N{NO-BREAK SPACE}{figure}"


def day(iso_date: str) -> str:
    """
    >>> day("2026-11-05")
    'November 5, 2026'
    """
    found = date.fromisoformat(iso_date[:10])
    return f"{found:%B} {found.day}, {found.year}"


def plan_name(code: str) -> str:
    """
    >>> plan_name("team-50")
    'Team 50'
    """
    return " ".join(word[:1].upper() + word[1:] for word in code.replace("_", "-").split("-") if word)


def written_out(params: Mapping[str, Any]) -> dict[str, Any]:
    """
    Add words to figures, by their names: ``amount_minor`` + ``currency`` gives ``amount``,
    ``ends_on`` gives ``ends_on_words`` where there is such a day; ``plan``, ``…_plan`` and ``method`` give ``…_name``.
    """
    words = dict(params)
    for name, value in params.items():
        if name.endswith("_minor"):
            words[name.removesuffix("_minor")] = money(int(value), str(params["currency"]))
        elif name.endswith("_on") and value:
            words[f"{name}_words"] = day(str(value))
        elif name == "plan" or name.endswith("_plan"):
            words[f"{name}_name"] = plan_name(str(value))
        elif name == "method":
            words["method_name"] = _METHODS.get(str(value), str(value).title())
    return words


def shown_name(name: str) -> str:
    """
    A name as it may stand in a mail: on one line, and no link in it.

    Whoever registers can name any address and any name; a mail of ours to a stranger
    must not carry an advertisement in its greeting.
    """
    plain = " ".join("".join(char if char.isprintable() else " " for char in name).split())
    if "://" in plain or "www." in plain.casefold() or len(plain) > 120:
        return ""
    return plain

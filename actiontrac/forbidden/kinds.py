"""What must not be held, and how each kind is called when a person is told about it."""

from typing import NamedTuple

SOCIAL_SECURITY_NUMBER = "social_security_number"
BIRTH_DATE = "birth_date"
CARD_NUMBER = "card_number"
IBAN = "iban"
BANK_ACCOUNT = "bank_account"
NATIONAL_ID = "national_id"


class Finding(NamedTuple):
    """One forbidden value: `text[start:end]`. It never carries the value itself."""

    kind: str
    start: int
    end: int


class Wording(NamedTuple):
    noun: str
    with_article: str
    held_by_no_one: str


_PAYMENT = "ActionTrac does not hold payment data"

WORDING: dict[str, Wording] = {
    SOCIAL_SECURITY_NUMBER: Wording(
        "social security number",
        "a social security number",
        "ActionTrac does not hold social security numbers",
    ),
    BIRTH_DATE: Wording("birth date", "a birth date", "ActionTrac does not hold birth dates"),
    CARD_NUMBER: Wording("card number", "a card number", _PAYMENT),
    IBAN: Wording("IBAN", "an IBAN", _PAYMENT),
    BANK_ACCOUNT: Wording("bank account", "a bank account", _PAYMENT),
    NATIONAL_ID: Wording(
        "national identity number",
        "a national identity number",
        "ActionTrac does not hold national identity numbers",
    ),
}

KINDS = frozenset(WORDING)

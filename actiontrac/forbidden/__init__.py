"""
The one guard for what ActionTrac must not hold: social security and identity numbers,
birth dates stated as such, card numbers, IBANs and bank accounts (S23, S30, T2).

It is used at every door. A refusal names the field and never repeats the value. Our
records of payments keep the provider's reference, amount, currency, kind of method and
outcome; nothing that could pay again passes here.
"""

from actiontrac.forbidden.detector import find, find_in_bytes, mask
from actiontrac.forbidden.guard import ForbiddenData, check
from actiontrac.forbidden.kinds import (
    BANK_ACCOUNT,
    BIRTH_DATE,
    CARD_NUMBER,
    IBAN,
    KINDS,
    NATIONAL_ID,
    SOCIAL_SECURITY_NUMBER,
    Finding,
)
from actiontrac.forbidden.names import is_forbidden_name

__all__ = [
    "BANK_ACCOUNT",
    "BIRTH_DATE",
    "CARD_NUMBER",
    "IBAN",
    "KINDS",
    "NATIONAL_ID",
    "SOCIAL_SECURITY_NUMBER",
    "Finding",
    "ForbiddenData",
    "check",
    "find",
    "find_in_bytes",
    "is_forbidden_name",
    "mask",
]

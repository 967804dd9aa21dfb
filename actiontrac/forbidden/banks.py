"""IBANs, and bank accounts that a text states as such (S23)."""

import re
from collections.abc import Iterator

from stdnum import iban
from stdnum.ar import cbu
from stdnum.us import rtn

from actiontrac.forbidden.kinds import BANK_ACCOUNT, IBAN, Finding
from actiontrac.forbidden.near import Family, is_no_date, word_list

_IBAN = re.compile(
    r"(?:(?<![A-Za-z0-9])|(?<=iban)|(?<=IBAN))[A-Za-z]{2}[ .\-]{0,2}\d{2}(?:[ .\-]{0,2}[A-Za-z0-9]){11,30}",
)

#: An IBAN's length is its country's; python-stdnum checks the structure behind it.
_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip


_SHORTEST_IBAN = 15


def may_hold_iban(outlines: list[bytes]) -> bool:
    """Whether words whose letters are all 'a' and whose digits are all '0' may hold an IBAN, in groups or in one."""
    return b"aa00" in outlines or max(map(len, outlines)) >= _SHORTEST_IBAN


def find_ibans(text: str) -> Iterator[Finding]:
    for match in _IBAN.finditer(text):
        length = _LENGTHS.get(match.group()[:2].upper())
        if length is None:
            continue
        characters = [index for index in range(match.start(), match.end()) if text[index].isalnum()]
        if len(characters) < length:
            continue
        end = characters[length - 1] + 1
        if end < len(text) and text[end].isalnum():
            continue
        # National check digits are left out on purpose: a mistyped account is still one.
        if iban.is_valid("".join(text[index] for index in characters[:length]).upper(), check_country=False):
            yield Finding(IBAN, match.start(), end)


#: A company also has accounts with those that it buys from and sells to.
_NOT_A_BANK = (
    r"(?<!customer )(?<!client )(?<!user )(?<!supplier )(?<!vendor )(?<!utility )(?<!key )(?<!login )(?<!ledger )"
    r"(?<!email )(?<!loyalty )(?<!cost )(?<!sales )(?<!service )(?<!expense )(?<!github )(?<!trade )"
)
_NUMBER = r"(?:numbers?|num|no|nr|nbr|#)"
_ACCOUNT_WORDS = re.compile(
    r"\b(?:"
    rf"bank(?:ing)?[ _\-]?(?:account|acct|acc|a/c)(?:[ _\-.]*{_NUMBER})?"
    rf"|(?:che(?:cking|quing)|savings|current|deposit)[ _](?:account|acct|acc|a/c)(?:[ _.]*{_NUMBER})?"
    rf"|{_NOT_A_BANK}(?:account|acct|acc)[ _\-.]{{0,2}}{_NUMBER}(?!\w)"
    rf"|{_NOT_A_BANK}(?:account|acct)(?=\s?[:=#])"
    rf"|a/c(?:[ .]*{_NUMBER})?"
    r"|numero de (?:la )?cuenta|cuenta (?:bancaria|corriente|de ahorros?)"
    r"|cta\.? ?(?:bancaria|cte)|nro?\.? de cuenta|n\.?o\.? de cuenta"
    r"|numero de compte|compte (?:bancaire|courant)|n\.?o? ?de compte|code banque|\brib"
    r"|konto(?:nummer|nr|[ \-]?nr)?|bankverbindung|girokonto|iban[ \-]?konto"
    r"|numero (?:da|de) conta|conta (?:corrente|bancaria|poupanca)|\bnib"
    r"|numero (?:di|del) conto|conto corrente|conto bancario|c/c"
    r"|rekeningnummer|bankrekening(?:nummer)?|kontonummer|bankgiro|numer (?:konta|rachunku)|rachunek bankowy"
    r"|tilinumero|cislo uctu|hesap (?:no|numarasi)"
    r")(?![a-z])"
)
_ACCOUNT = re.compile(r"(?<![\w+])\d(?:[ \-./]?\d){5,19}(?![\w])", re.ASCII)

_SORT_CODE_WORDS = re.compile(r"\b(?:sort ?-?code|bsb)(?:[ .]*(?:no|number))?\b")
_ROUTING_WORDS = re.compile(
    r"\b(?:(?:bank )?routing(?: (?:no|number|num|#|code))?|aba(?: (?:no|number|routing|#))*|rtn|transit (?:no|number))"
)
_BLZ_WORDS = re.compile(r"\b(?:blz|bankleitzahl)\b")
_CLABE_WORDS = re.compile(r"\bclabe\b")
_CBU_WORDS = re.compile(r"\bcbu\b")
_IFSC_WORDS = re.compile(r"\bifsc\b")


def _digits(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w+])(?:{pattern})(?!\w)", re.ASCII | re.IGNORECASE)


#: Account numbers have no check digit that is the same everywhere: the words decide.
FAMILIES: dict[str, Family] = {
    "account": Family(BANK_ACCOUNT, _ACCOUNT_WORDS, _ACCOUNT, is_no_date, after=24, before=10),
    "sort_code": Family(
        BANK_ACCOUNT, _SORT_CODE_WORDS, _digits(r"\d\d[ \-.]?\d\d[ \-.]?\d\d|\d{3}[ \-]\d{3}"), lambda _: True, after=12
    ),
    "routing": Family(
        BANK_ACCOUNT,
        _ROUTING_WORDS,
        _digits(r"\d{4}[ \-]?\d{4}[ \-]?\d|\d{3}[ \-]\d{3}[ \-]\d{3}"),
        rtn.is_valid,
        after=20,
    ),
    "blz": Family(BANK_ACCOUNT, _BLZ_WORDS, _digits(r"\d{3} ?\d{3} ?\d\d"), lambda _: True, after=12),
    "clabe": Family(BANK_ACCOUNT, _CLABE_WORDS, _digits(r"\d(?:[ \-]?\d){17}"), lambda _: True, after=20),
    "cbu": Family(BANK_ACCOUNT, _CBU_WORDS, _digits(r"\d(?:[ \-]?\d){21}"), cbu.is_valid, after=20),
    # An IBAN with a slip of the pen is still somebody's, when the text calls it one.
    "iban": Family(
        IBAN,
        re.compile(r"(?<![A-Za-z])iban(?![A-Za-z])", re.IGNORECASE),
        re.compile(r"(?<![A-Za-z0-9])[A-Z]{2} ?\d{2}(?: ?[A-Z0-9]){11,30}(?![A-Za-z0-9])"),
        lambda _: True,
        after=20,
    ),
    "ifsc": Family(BANK_ACCOUNT, _IFSC_WORDS, _digits(r"[A-Z]{4}0[A-Z0-9]{6}"), lambda _: True, after=12),
}

TRIGGERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        word_list("""
    account accounts acct acc bankaccount bank cuenta cta compte rib konto kontonummer kontonr
    bankverbindung girokonto conta nib conto rekeningnummer bankrekening bankrekeningnummer bankgiro
    konta rachunku rachunek tilinumero uctu hesap banking checking savings accountnumber
    bankaccountnumber
"""),
        ("account",),
    ),
    **dict.fromkeys(["sort", "sortcode", "bsb"], ("sort_code",)),
    **dict.fromkeys(["routing", "aba", "rtn", "transit", "routingnumber"], ("routing",)),
    **dict.fromkeys(["blz", "bankleitzahl"], ("blz",)),
    "iban": ("iban",),
    "clabe": ("clabe",),
    "cbu": ("cbu",),
    "ifsc": ("ifsc",),
}

ABBREVIATIONS: dict[bytes, tuple[str, ...]] = {b"a/c": ("account",), b"c/c": ("account",)}

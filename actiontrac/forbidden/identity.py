"""
Social security numbers and national identity numbers (S23).

A number is known by its shape where the shape is distinctive, and by the words next
to it where it is not. python-stdnum decides whether the check digits are right.
"""

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import product
from typing import NamedTuple

from actiontrac.forbidden.cards import passes_luhn
from actiontrac.forbidden.kinds import NATIONAL_ID, SOCIAL_SECURITY_NUMBER, Finding
from actiontrac.forbidden.near import ORDINARY_LABEL_BEFORE, Family, compact, is_no_date, word_list
from actiontrac.forbidden.runs import Run, kind_of_separator, outline_of

Check = Callable[[str], bool]


def _stdnum(name: str) -> Check:
    """The check of one of python-stdnum's modules, loaded when the first number needs it."""

    def is_valid(value: str) -> bool:
        return bool(import_module(f"stdnum.{name}").is_valid(value))

    return is_valid


def is_social_security_number(digits: str) -> bool:
    """The rules of the Social Security Administration for numbers given out since 2011."""
    return (
        len(digits) == 9
        and digits[:3] not in ("000", "666")
        and digits[0] != "9"
        and digits[3:5] != "00"
        and digits[5:] != "0000"
    )


def _is_named_social_security_number(digits: str) -> bool:
    """Next to the words a number of the 900 series counts: taxpayers without the other kind get it."""
    return is_social_security_number(digits) or (len(digits) == 9 and digits[0] == "9")


def _may_be_nir(digits: str) -> bool:
    """Fifteen digits alone: a sex and a month of birth, or one of the codes for an unknown month."""
    return digits[0] in "12" and (1 <= int(digits[3:5]) <= 12 or 20 <= int(digits[3:5]) <= 42)


class Shape(NamedTuple):
    kind: str
    between: frozenset[tuple[str, ...]]
    is_valid: Check
    distinctive: bool


def _shape(between: str, is_valid: Check | str, *, kind: str = NATIONAL_ID, distinctive: bool = True) -> Shape:
    """`between`: the marks between the groups; several ways are separated by a comma."""
    check = _stdnum(is_valid) if isinstance(is_valid, str) else is_valid
    return Shape(kind, frozenset(tuple(way) for way in between.split(",")), check, distinctive)


_SHAPES: dict[tuple[int, ...], Shape] = {
    (3, 2, 4): _shape("--,  ,..", is_social_security_number, kind=SOCIAL_SECURITY_NUMBER),
    (3, 3, 3, 2): _shape("..-,...,---,   ", "br.cpf"),
    (2, 2, 2, 3, 2): _shape("..-.,....,---- ", "be.nn"),
    (3, 4, 4, 2): _shape("...", "ch.ssn"),
    (4, 4, 4): _shape("  ", "in_.aadhaar", distinctive=False),
    (6, 4): _shape("/", "cz.rc"),
    (6, 3): _shape("/", "cz.rc"),
    (6, 7): _shape("-", "kr.rrn"),
    (1, 4, 5, 2, 1): _shape("----,    ", "th.pin"),
    (6, 2, 4): _shape("--", "my.nric"),
    (5, 7, 1): _shape("--", "pk.cnic"),
    (2, 8, 1): _shape("--", "ar.cuit"),
    (1, 2, 2, 2, 3, 3, 2): _shape("      ,------,......", "fr.nir"),
    (1, 2, 2, 2, 3, 3): _shape("     ", "fr.nir"),
    # From 50 million on Chile's numbers are companies'.
    (2, 3, 3, 1): _shape("..-", lambda value: int(value[:-1]) < 50_000_000 and _stdnum("cl.rut")(value)),
    (15,): _shape("", lambda value: _may_be_nir(value) and _stdnum("fr.nir")(value)),
    (13, 2): _shape(" ,-", "fr.nir"),
    (13,): _shape("", lambda value: value.startswith("756") and _stdnum("ch.ssn")(value)),
    (18,): _shape("", "cn.ric"),
}
_WIDEST = max(map(len, _SHAPES))
_SHAPE_OUTLINES = tuple(map(outline_of, _SHAPES))


def has_shape(outline: str) -> bool:
    """Whether a run of this outline (see runs.py) may hold one of the shapes."""
    for shape in _SHAPE_OUTLINES:  # noqa: SIM110 (twice as fast as a generator)
        if shape in outline:
            return True
    return False


def find_shapes(text: str, run: Run) -> Iterator[Finding]:
    """Numbers of nine digits and more whose grouping tells what they are."""
    count = len(run.sizes)
    for first in range(count):
        for last in range(first, min(first + _WIDEST, count)):
            shape = _SHAPES.get(tuple(run.sizes[first : last + 1]))
            if shape and _matches(text, run, first, last, shape):
                yield Finding(shape.kind, run.starts[first], run.end_of(last))


def _matches(text: str, run: Run, first: int, last: int, shape: Shape) -> bool:
    marks = tuple(map(kind_of_separator, run.between[first:last]))
    if marks not in shape.between:
        return False
    start, end = run.starts[first], run.end_of(last)
    # "1-123-45-6789" and "123-45-6789-02" are numbers of another kind.
    for side in (run.between[first - 1 : first] if first else [], run.between[last : last + 1]):
        if side and kind_of_separator(side[0]) == (marks[0] if marks else "."):
            return False
    before, behind = text[start - 1 : start], text[end : end + 2]
    if before.isalnum() or before in ("+", "_") or behind[:1].isalnum() or behind[:1] == "_":
        return False
    if re.match(r"-\w", behind) or (before == "-" and text[start - 2 : start - 1].isalnum()):
        return False
    if not shape.distinctive and ORDINARY_LABEL_BEFORE.search(text[max(0, start - 24) : start]):
        return False
    return shape.is_valid(compact("".join(run.digits[first : last + 1])))


_ALNUM = r"(?<![A-Za-z0-9_\-])(?:{})(?![A-Za-z0-9_]|-\w)"

#: Letters and digits together: the pattern, its check, whether a label such as "part" overrules it.
_WRITTEN: dict[str, tuple[str, Check, bool]] = {
    "codice_fiscale": (
        r"[A-Z]{3} ?[A-Z]{3} ?[0-9LMNP-V]{2}[A-EHLMPR-T][0-9LMNP-V]{2} ?[A-Z][0-9LMNP-V]{3}[A-Z]",
        _stdnum("it.codicefiscale"),
        False,
    ),
    "curp": (r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d", _stdnum("mx.curp"), False),
    "rfc": (
        r"[A-Z&]{4}\d{6}[A-Z0-9]{3}",
        lambda value: bool(import_module("stdnum.mx.rfc").is_valid(value, validate_check_digits=True)),
        True,
    ),
    "hetu": (r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]", lambda value: _is_hetu(value), False),
    "dni": (r"\d{8}[ -]?[A-HJ-NP-TV-Z]|\d{1,2}\.\d{3}\.\d{3}-?[A-HJ-NP-TV-Z]", _stdnum("es.dni"), True),
    "nie": (r"[XYZ][ -]?\d{7}[ -]?[A-HJ-NP-TV-Z]", _stdnum("es.nie"), True),
    "nino": (
        r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
        # In one word it is a part number as often; there the words decide.
        r"(?:(?: \d\d){3} ?[A-D]|(?:-\d\d){3}-[A-D]| \d{6} [A-D])",
        lambda value: True,
        True,
    ),
    "pan": (r"[A-Z]{3}P[A-Z]\d{4}[A-Z]", _stdnum("in_.pan"), True),
    "ric": (r"\d{17}X", _stdnum("cn.ric"), False),
    "nir": (r"[12]\d{4}2[AB]\d{8}|[12] \d\d \d\d 2[AB] \d{3} \d{3} \d\d", _stdnum("fr.nir"), False),
    "rut": (
        r"\d{1,2}\.\d{3}\.\d{3}-K",
        lambda value: int(value[:-1]) < 50_000_000 and _stdnum("cl.rut")(value),
        False,
    ),
}


def _is_hetu(value: str) -> bool:
    # The century mark may be the dash that comparing takes away.
    written = value if len(value) == 11 else f"{value[:6]}-{value[6:]}"
    return _stdnum("fi.hetu")(written)


def _every_way(template: str) -> Iterator[bytes]:
    """A template's question marks as letters and as digits, in every combination."""
    for ways in product("a0", repeat=template.count("?")):
        filled = iter(ways)
        yield "".join(next(filled) if char == "?" else char for char in template).encode()


#: Once letters are 'a', digits '0' and all else ' ', one of these words is in every text with such a number.
WRITTEN_OUTLINES = frozenset(
    outline
    for template in word_list("""
        aaaaaa??a??a???a 00a00 a000a aaaa000000aaaaaa?0 aaaa000000??? 000000a000? 00000000a 000a a0000000a
        0000000a aa000000a 000000a aaaaa0000a 00000000000000000a 000000a00000000 0a a 000000
    """)
    for outline in _every_way(template)
)

_ANY_WRITTEN = re.compile(
    _ALNUM.format("|".join(f"(?P<{name}>{pattern})" for name, (pattern, _, _) in _WRITTEN.items()))
)


def find_written(text: str) -> Iterator[Finding]:
    """Identity numbers made of letters and digits."""
    large = text.upper()
    if len(large) != len(text):
        large = text
    for match in _ANY_WRITTEN.finditer(large):
        name = match.lastgroup or ""
        _, is_valid, label_overrules = _WRITTEN[name]
        if label_overrules and ORDINARY_LABEL_BEFORE.search(text[max(0, match.start() - 24) : match.start()]):
            continue
        if is_valid(compact(match.group())):
            yield Finding(NATIONAL_ID, match.start(), match.end())


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_])(?:{pattern})(?![^\W\d_])")


def _digits(fewest: int, most: int) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w+])\d(?:[ .\-/]{{0,3}}\d){{{fewest - 1},{most - 1}}}(?!\w)", re.ASCII)


def _family(words: str, value: re.Pattern[str], check: str | Check, kind: str = NATIONAL_ID) -> Family:
    return Family(kind, _words(words), value, _stdnum(check) if isinstance(check, str) else check)


_LETTERS_TOO = re.compile(r"(?<![\w+])(?=[A-Z\-]{0,3}\d)[A-Z0-9](?:[ .\-/+]?[A-Z0-9]){7,17}(?!\w)", re.IGNORECASE)
_NINE = re.compile(r"(?<![\d+])(?<!\d-)\d{3}[\s.\-_/]{0,3}\d{2}[\s.\-_/]{0,3}\d{4}(?!\w|-\d)", re.ASCII)

#: Families by name; `TRIGGERS` says which word of a text calls for which.
FAMILIES: dict[str, Family] = {
    "ssn": _family(
        r"ssns?#?|ss ?(?:#|no\b\.?|number)|soc(?:ial)?\.?[ _\-]*sec(?:urity)?\.?(?:[ _]*(?:number|no\.?|num|nr|id|#))?"
        r"|social(?: number| no\.?| #)?(?=\W{1,3}\d)|seguro social|itins?|taxpayer (?:id|identification)[a-z ]*|tax id",
        _NINE,
        _is_named_social_security_number,
        SOCIAL_SECURITY_NUMBER,
    ),
    "nir": _family(
        r"nir|insee|num(?:ero)?\.? de secu(?:rite sociale)?|n\.?o? ?(?:de )?secu(?:rite sociale)?"
        r"|securite sociale|secu",
        re.compile(r"(?<![\w+])[12](?:[ .\-]?\d){4}(?:[ .\-]?[\dAB]){8}(?:[ .\-]?\d){0,2}(?!\w)", re.IGNORECASE),
        "fr.nir",
    ),
    "dni": _family(
        r"dni|documento nacional[a-z ]*|d\.n\.i\.",
        _LETTERS_TOO,
        lambda v: is_no_date(v) and _any("es.dni", "es.nie", "ar.dni")(v),
    ),
    "nie": _family(r"nie|nif|n\.i\.[fe]\.", _LETTERS_TOO, lambda v: _any("es.dni", "es.nie")(v)),
    "nif": _family(
        r"nif|contribuinte|cartao d[eo] cidadao|n\.?o? cc", _LETTERS_TOO, lambda v: _any("pt.nif", "pt.cc")(v)
    ),
    "nino": _family(
        r"nino|ni (?:no\.?|number)|national insurance(?: (?:no\.?|number))?",
        re.compile(r"(?<!\w)[A-Z]{2}(?:[ \-]{0,2}\d){6}[ \-]{0,2}[A-D]?(?!\w)", re.IGNORECASE),
        lambda _: True,
    ),
    "idnr": _family(
        r"steuer[- ]?(?:id|identifikationsnummer|identnummer)|steuerid|idnr\.?|tin", _digits(11, 11), "de.idnr"
    ),
    "svnr": _family(
        r"sozialversicherungs(?:nummer|nr\.?)|rentenversicherungs(?:nummer|nr\.?)|sv-?(?:nummer|nr\.?)|svnr",
        re.compile(r"(?<!\w)\d{2} ?\d{6} ?[A-Z] ?\d{3}(?!\w)|(?<!\w)\d{4} ?\d{6}(?!\w)", re.IGNORECASE),
        lambda value: len(value) == 12 or _stdnum("at.vnr")(value),
    ),
    "nhs": _family(r"nhs(?: (?:no\.?|number))?", _digits(10, 10), "gb.nhs"),
    "bsn": _family(r"bsn|burgerservicenummer|sofi-?nummer", _digits(8, 9), "nl.bsn"),
    "pesel": _family(r"pesel", _digits(11, 11), "pl.pesel"),
    "sin": _family(
        r"social insurance(?: (?:no\.?|number))?|sin(?: (?:no\.?|number)|(?=\s?[:#]))?|nas", _digits(9, 9), passes_luhn
    ),
    "personnummer": _family(
        r"personnummer|personnr\.?|pnr|personal (?:identity )?number|fodselsnummer|fnr|cpr(?:-?(?:nummer|nr\.?))?"
        r"|henkilotunnus|hetu|kennitala|samordningsnummer",
        _digits(10, 12),
        lambda value: (
            _any("se.personnummer", "no.fodselsnummer", "dk.cpr", "is_.kennitala")(value) or _looks_danish(value)
        ),
    ),
    "cpf": _family(r"cpf", _digits(11, 11), "br.cpf"),
    "aadhaar": _family(r"aadhaar|aadhar|uidai", _digits(12, 12), "in_.aadhaar"),
    "pan": _family(
        r"pan(?: (?:card|no\.?|number))*", re.compile(r"(?<!\w)[A-Z]{5}\d{4}[A-Z](?!\w)", re.IGNORECASE), "in_.pan"
    ),
    "be": _family(
        r"rijksregister(?:nummer)?|numero national|registre national|nationaal nummer|niss|insz",
        _digits(11, 11),
        "be.nn",
    ),
    "ahv": _family(r"ahv(?:-?(?:nummer|nr\.?))?|avs|oasi", _digits(13, 13), "ch.ssn"),
    "pps": _family(
        r"ppsn?(?: (?:no\.?|number))?", re.compile(r"(?<!\w)\d{7} ?[A-W][A-IW]?(?!\w)", re.IGNORECASE), "ie.pps"
    ),
    "cnp": _family(r"cnp|cod numeric personal", _digits(13, 13), "ro.cnp"),
    "egn": _family(r"egn|егн", _digits(10, 10), "bg.egn"),
    "rc": _family(r"rodne cislo|r\.?c\.", _digits(9, 10), "cz.rc"),
    "oib": _family(r"oib", _digits(11, 11), "hr.oib"),
    "emso": _family(r"emso|jmbg", _digits(13, 13), "si.emso"),
    "asmens": _family(
        r"asmens kodas|isikukood|personas kods",
        _digits(11, 11),
        lambda value: _any("lt.asmens", "ee.ik", "lv.pvn")(value),
    ),
    "amka": _family(r"amka|αμκα", _digits(11, 11), "gr.amka"),
    "tckn": _family(r"tckn|t\.?c\.? kimlik[a-z ]*|kimlik no", _digits(11, 11), "tr.tckimlik"),
    "teudat": _family(r"teudat zehut|תעודת זהות|ת\.?ז\.?", _digits(8, 9), "il.idnr"),
    "inn": _family(r"inn|инн", _digits(12, 12), "ru.inn"),
    "snils": _family(r"snils|снилс", _digits(11, 11), lambda _: True),
    "rntrc": _family(r"рнокпп|іпн|rnokpp", _digits(10, 10), "ua.rntrc"),
    "curp": _family(r"curp", _LETTERS_TOO, "mx.curp"),
    "rut": _family(r"rut|r\.u\.t\.", _LETTERS_TOO, lambda v: len(v) > 7 and _stdnum("cl.rut")(v)),
    "tfn": _family(r"tfn|tax file (?:no\.?|number)", _digits(8, 9), "au.tfn"),
    "ird": _family(r"ird(?: (?:no\.?|number))?", _digits(8, 9), "nz.ird"),
    "nik": _family(r"nik|ktp", _digits(16, 16), "id.nik"),
    "cnic": _family(r"cnic|nadra", _digits(13, 13), "pk.cnic"),
    "cedula": _family(
        r"cedula(?: de (?:identidad|ciudadania))?", _digits(10, 11), lambda v: _any("ec.ci", "do.cedula")(v)
    ),
    "za": _family(
        r"(?:sa|south african) id(?: (?:no\.?|number))?|(?:id|identity) (?:no\.?|number)", _digits(13, 13), "za.idnr"
    ),
    "ric": _family(
        r"身份证号?码?|居民身份证|resident id(?:entity)?(?: card)?(?: (?:no\.?|number))?",
        re.compile(r"(?<!\d)\d{17}[\dX](?!\d)", re.IGNORECASE),
        "cn.ric",
    ),
    "my_number": _family(r"マイナンバ[ー-]|個人番号|mynumber", _digits(12, 12), "jp.in_"),
    "rrn": _family(r"주민등록번호|rrn", _digits(13, 13), lambda value: value[6] in "12345678"),
}


def _any(*names: str) -> Check:
    return lambda value: any(_stdnum(name)(value) for name in names)


def _looks_danish(value: str) -> bool:
    """Since 2007 Denmark gives out numbers without a check digit: a date and four digits."""
    return len(value) == 10 and 1 <= int(value[:2]) <= 31 and 1 <= int(value[2:4]) <= 12


TRIGGERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(word_list("ssn ssns ss soc social seguro itin itins taxpayer"), ("ssn",)),
    "tax": ("ssn", "tfn"),
    **dict.fromkeys(word_list("nir insee secu securite"), ("nir",)),
    **dict.fromkeys(word_list("dni documento"), ("dni",)),
    **dict.fromkeys(word_list("nie"), ("nie",)),
    "nif": ("nie", "nif"),
    **dict.fromkeys(word_list("contribuinte cartao cidadao cc"), ("nif",)),
    **dict.fromkeys(word_list("nino ni insurance"), ("nino", "sin")),
    **dict.fromkeys(word_list("sin nas"), ("sin",)),
    **dict.fromkeys(
        word_list("""
    steuer steuerid steueridentifikationsnummer steueridentnummer idnr tin
"""),
        ("idnr",),
    ),
    **dict.fromkeys(
        word_list("""
    sozialversicherungsnummer sozialversicherungsnr rentenversicherungsnummer rentenversicherungsnr sv
    svnr svnummer
"""),
        ("svnr",),
    ),
    **dict.fromkeys(word_list("bsn burgerservicenummer sofinummer sofi"), ("bsn",)),
    "pesel": ("pesel",),
    "nhs": ("nhs",),
    **dict.fromkeys(
        word_list("""
    personnummer personnr pnr fodselsnummer fnr cpr cprnummer henkilotunnus hetu kennitala
    samordningsnummer
"""),
        ("personnummer",),
    ),
    "personal": ("personnummer", "cnp"),
    "cpf": ("cpf",),
    **dict.fromkeys(word_list("aadhaar aadhar uidai"), ("aadhaar",)),
    "pan": ("pan",),
    **dict.fromkeys(word_list("rijksregister rijksregisternummer national nationaal niss insz"), ("be", "nino")),
    **dict.fromkeys(word_list("ahv ahvnummer avs oasi"), ("ahv",)),
    **dict.fromkeys(word_list("pps ppsn"), ("pps",)),
    "cnp": ("cnp",),
    **dict.fromkeys(word_list("egn егн"), ("egn",)),
    **dict.fromkeys(word_list("rodne rc"), ("rc",)),
    "oib": ("oib",),
    **dict.fromkeys(word_list("emso jmbg"), ("emso",)),
    **dict.fromkeys(word_list("asmens isikukood personas"), ("asmens",)),
    **dict.fromkeys(word_list("amka αμκα"), ("amka",)),
    **dict.fromkeys(word_list("tckn kimlik"), ("tckn",)),
    **dict.fromkeys(word_list("teudat תעודת ת"), ("teudat",)),
    **dict.fromkeys(word_list("inn инн"), ("inn",)),
    **dict.fromkeys(word_list("snils снилс"), ("snils",)),
    **dict.fromkeys(word_list("рнокпп іпн rnokpp"), ("rntrc",)),
    "curp": ("curp",),
    **dict.fromkeys(["rut"], ("rut",)),
    "tfn": ("tfn",),
    "ird": ("ird",),
    **dict.fromkeys(word_list("nik ktp"), ("nik",)),
    **dict.fromkeys(word_list("cnic nadra"), ("cnic",)),
    "cedula": ("cedula",),
    **dict.fromkeys(word_list("id identity"), ("za",)),
    "resident": ("ric",),
    "mynumber": ("my_number",),
    "rrn": ("rrn",),
}

#: Abbreviations: their single letters are words, so they are looked for as they stand.
ABBREVIATIONS: dict[bytes, tuple[str, ...]] = {
    b"d.n.i": ("dni",), b"n.i.": ("nie",), b"r.c": ("rc",), b"r. c": ("rc",), b"r.u.t": ("rut",), b"t.c": ("tckn",),
}  # fmt: skip

#: Scripts that put no space between words: these are looked for as they stand.
UNSPACED: dict[str, tuple[str, ...]] = {
    "身份证": ("ric",), "マイナンバ": ("my_number",), "個人番号": ("my_number",), "주민등록번호": ("rrn",),
    "תעודת": ("teudat",),
}  # fmt: skip

"""
Card numbers: 13–19 digits in an issuer's range whose check digit is right (S30).

What only looks like one is left alone: a telephone number, an identifier, a decimal
fraction, a bar code that says so. Timestamps in milliseconds, microseconds and
nanoseconds start with a 1 and dates written without marks with 19 or 20; no card of
their lengths does.
"""

import re
from collections.abc import Iterator

from actiontrac.forbidden.kinds import CARD_NUMBER, Finding
from actiontrac.forbidden.runs import Run, kind_of_separator

_UP_TO_19 = frozenset(range(16, 20))
_SIXTEEN = frozenset({16})
_FOURTEEN_UP = frozenset(range(14, 20))
_VISA = frozenset({13, 16, 18, 19})
_SHORT_MAESTRO = frozenset({13, 14, 15})

#: First and last prefix of each range, and the lengths that its issuers use.
_ISSUERS: list[tuple[str, str, frozenset[int]]] = [
    ("4", "4", _VISA),
    ("51", "55", _SIXTEEN),  # Mastercard
    ("2221", "2720", _SIXTEEN),  # Mastercard since 2017
    ("34", "34", frozenset({15})),  # American Express
    ("37", "37", frozenset({15})),
    ("300", "305", _FOURTEEN_UP),  # Diners Club
    ("3095", "3095", _FOURTEEN_UP),
    ("36", "36", _FOURTEEN_UP),
    ("38", "39", _FOURTEEN_UP),
    ("3528", "3589", _UP_TO_19),  # JCB
    ("122", "122", frozenset({15})),  # AirPlus
    ("192", "192", frozenset({15})),
    ("1800", "1800", frozenset({15})),
    ("2131", "2131", frozenset({15})),
    ("353", "353", _SIXTEEN),  # RuPay, RuPay with JCB
    ("356", "356", _SIXTEEN),
    ("508", "508", _SIXTEEN),
    ("81", "82", _UP_TO_19),  # RuPay, UnionPay
    ("2200", "2205", _UP_TO_19),  # Mir, Borica
    ("50", "50", _UP_TO_19),  # Maestro, Verve, Elo, Dankort
    ("56", "58", _UP_TO_19),  # Maestro
    ("6", "6", _UP_TO_19),  # Discover, UnionPay, Maestro, RuPay, Hipercard, InterPayment
    # Maestro's short numbers, only where it issues: 13 digits are also a bar code.
    ("5018", "5018", _SHORT_MAESTRO),
    ("5020", "5020", _SHORT_MAESTRO),
    ("5038", "5038", _SHORT_MAESTRO),
    ("56", "58", _SHORT_MAESTRO),
    ("6304", "6304", _SHORT_MAESTRO),
    ("6390", "6390", _SHORT_MAESTRO),
    ("675", "677", _SHORT_MAESTRO),
    ("62", "62", frozenset({14, 15})),  # UnionPay
    ("8600", "8600", _SIXTEEN),  # Uzcard
    ("9704", "9704", frozenset({16, 19})),  # Napas
    ("9792", "9792", _SIXTEEN),  # Troy
    ("9860", "9860", _SIXTEEN),  # Humo
]

_BY_FIRST_DIGIT: dict[str, list[tuple[str, str, frozenset[int]]]] = {}
for _range in _ISSUERS:
    for _digit in range(int(_range[0][0]), int(_range[1][0]) + 1):
        _BY_FIRST_DIGIT.setdefault(str(_digit), []).append(_range)

_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")

#: How cards are printed, besides four groups of four and one unbroken number.
_PRINTED = ((4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3))

_UUID_OR_DIGEST = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
    r"|(?=\d*[a-f])(?:[0-9a-f]{24}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{48}|[0-9a-f]{56}|[0-9a-f]{64}"
    r"|[0-9a-f]{96}|[0-9a-f]{128}))(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_PREFIXED_ID = re.compile(r"(?<![0-9A-Za-z_])[a-z]{2,8}_(?:test_|live_)?(?=(?:[0-9]*[A-Za-z]){3})[0-9A-Za-z]{20,}")
_BAR_CODE = re.compile(r"\b(?:ean|gtin|upc|bar ?code|isbn)\b[^0-9A-Za-z]{0,4}(?:no\.? ?|13\W{1,3})?$", re.IGNORECASE)


def passes_luhn(digits: str) -> bool:
    raw = digits.encode()
    return (sum(raw[-1::-2]) + sum(raw[-2::-2].translate(_DOUBLED)) - 48 * len(raw)) % 10 == 0


def is_card_number(digits: str, *, known_issuers: bool = True) -> bool:
    """Whether these digits, alone, are a card number: length, check digit and issuer."""
    size = len(digits)
    if not 13 <= size <= 19:
        return False
    if known_issuers and not any(
        first <= digits[: len(first)] <= last and size in sizes
        for first, last, sizes in _BY_FIRST_DIGIT.get(digits[0], ())
    ):
        return False
    # Zeros only pass the check as well, and nobody was ever given that number.
    return passes_luhn(digits) and digits.strip("0") != ""


def find_cards(text: str, run: Run, *, phone: bool = False, known_issuers: bool = True) -> Iterator[Finding]:
    """Card numbers within a run. `phone`: the field is for telephone numbers."""
    for first, last in _windows(run):
        digits = "".join(run.digits[first : last + 1])
        if not is_card_number(digits, known_issuers=known_issuers):
            continue
        start, end = run.starts[first], run.end_of(last)
        if not _is_something_else(text, run, first, last, digits, phone):
            yield Finding(CARD_NUMBER, start, end)


def _windows(run: Run) -> Iterator[tuple[int, int]]:
    """First and last group of every part of a run that may have been meant as one number."""
    sizes, count = run.sizes, len(run.sizes)
    total = sum(sizes)
    whole = 13 <= total <= 19
    if whole:
        yield 0, count - 1
    if count == 1:
        return
    for index, size in enumerate(sizes):
        if 13 <= size <= 19:
            yield index, index
    for shape in _PRINTED:
        width = len(shape)
        for index in range(count - width + 1):
            if tuple(sizes[index : index + width]) == shape:
                yield index, index + width - 1
    yield from _equal_groups(run)


def _equal_groups(run: Run) -> Iterator[tuple[int, int]]:
    """
    Parts of equal groups: digit by digit, in twos, in fours.

    A long list of four-digit numbers (badges, years, rooms) holds many parts of four
    groups, and one in ten passes the check by chance. There only what is set off from
    its neighbours counts, or a list that is cards from its first group to its last.
    """
    sizes, count = run.sizes, len(run.sizes)
    index = 0
    while index < count:
        after = index
        while after + 1 < count and sizes[after + 1] == sizes[index]:
            after += 1
        length = after - index + 1
        if sizes[index] == 4 and length >= 4:
            yield from _fours(run, index, after)
        elif 13 <= length * sizes[index] <= 19:
            yield index, after
        index = after + 1


def _fours(run: Run, first: int, last: int) -> Iterator[tuple[int, int]]:
    length = last - first + 1
    if length == 4:
        yield first, last
        return
    if length == 5 and 1 <= int(run.digits[last][:2]) <= 12:
        yield first, last - 1  # the fifth is the month and the year of expiry
        return
    if length % 4 == 0:
        parts = [(index, index + 3) for index in range(first, last, 4)]
        if all(is_card_number("".join(run.digits[a : b + 1])) for a, b in parts):
            yield from parts
            return
    for index in range(first, last - 2):
        inner = set(run.between[index : index + 3])
        before = run.between[index - 1] if index > first else None
        behind = run.between[index + 3] if index + 3 < last else None
        if len(inner) == 1 and before not in inner and behind not in inner:
            yield index, index + 3


def _is_something_else(text: str, run: Run, first: int, last: int, digits: str, phone: bool) -> bool:
    start, end = run.starts[first], run.end_of(last)
    size = len(digits)
    # E.164 allows 15 digits. None of them is Amex's: nobody has 15 digits behind 34 or 37.
    may_be_phone = size <= 15 and not (size == 15 and digits.startswith(("34", "37")))
    if may_be_phone and (phone or text[max(0, start - 2) : start].endswith(("+", "+("))):
        return True
    if _has_fraction(run, first, last) or _are_dates(run, first, last):
        return True
    if size == 13 and _passes_ean(digits) and _BAR_CODE.search(text[max(0, start - 20) : start]):
        return True
    return _is_within_identifier(text, start, end)


def _has_fraction(run: Run, first: int, last: int) -> bool:
    """Whether a part of it is a number such as 0.4242424242424242, or a coordinate such as 48.8588443."""
    return any(
        run.between[index - 1] == "." and run.sizes[index - 1] <= 3 and run.sizes[index] >= 6
        for index in range(max(first, 1), last + 1)
    )


def _are_dates(run: Run, first: int, last: int) -> bool:
    """Whether the part begins with a date, as in '24.12.2023 08.00 16.30': no card is written so."""
    if last - first < 3:
        return False
    mark = kind_of_separator(run.between[first])
    if mark == " " or mark != kind_of_separator(run.between[first + 1]):
        return False
    one, two, three = run.digits[first : first + 3]
    year, *rest = (one, two, three) if len(one) == 4 else (three, one, two)
    return (
        len(year) == 4
        and year[:2] in ("19", "20")
        and all(len(part) <= 2 and 1 <= int(part) <= 31 for part in rest)
        and any(int(part) <= 12 for part in rest)
    )


def _passes_ean(digits: str) -> bool:
    return (sum(map(int, digits[::2])) + 3 * sum(map(int, digits[1::2]))) % 10 == 0


def _is_within_identifier(text: str, start: int, end: int) -> bool:
    around = text[max(0, start - 140) : end + 140]
    offset = max(0, start - 140)
    return any(
        match.start() + offset <= start and end <= match.end() + offset
        for pattern in (_UUID_OR_DIGEST, _PREFIXED_ID)
        for match in pattern.finditer(around)
    )

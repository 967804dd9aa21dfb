"""
Find what must not be held, fast: most texts are let go after two passes at the speed
of memory, and a detector runs only when something calls for it.
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from actiontrac.forbidden import banks, births, identity
from actiontrac.forbidden.cards import find_cards
from actiontrac.forbidden.kinds import CARD_NUMBER, WORDING, Finding
from actiontrac.forbidden.names import is_phone_name, is_secret_name
from actiontrac.forbidden.near import find_near
from actiontrac.forbidden.reading import origins, read
from actiontrac.forbidden.runs import find_runs

_LETTERS = b"abcdefghijklmnopqrstuvwxyz"
_NOT_DIGITS = bytes(code for code in range(256) if not 48 <= code <= 57)
#: Capital letters become small ones, and all that is no letter becomes a space.
_TO_WORDS = bytes(code | 32 if 65 <= code <= 90 else code if code in _LETTERS else 32 for code in range(256))

#: The outline of a text: letters become 'a', digits '0' and everything else a space.
_TO_OUTLINE = bytes(
    97 if (code | 32) in _LETTERS and code < 128 else 48 if 48 <= code <= 57 else 32 for code in range(256)
)

_FAMILIES = banks.FAMILIES | identity.FAMILIES


def _call_by_word() -> dict[str, tuple[str, ...]]:
    called: dict[str, tuple[str, ...]] = {}
    births_by_word = {word: (way,) for word, way in births.TRIGGERS.items()} | births.TRIGGERS_OF_TWO
    for triggers in (banks.TRIGGERS, identity.TRIGGERS, births_by_word):
        for word, names in triggers.items():
            called[word] = called.get(word, ()) + names
    return called


_CALLED = _call_by_word()
_CALLED_ASCII = {word.encode(): names for word, names in _CALLED.items() if word.isascii()}
_ABBREVIATIONS = births.ABBREVIATIONS | identity.ABBREVIATIONS | banks.ABBREVIATIONS
#: Every abbreviation holds one of these letters as a word of its own.
_INITIALS = frozenset((b"b", b"c", b"d", b"f", b"n", b"r"))
_CALLING_WORDS = frozenset(_CALLED_ASCII) | _INITIALS
_UNSPACED = dict(identity.UNSPACED) | dict.fromkeys(births.UNSPACED, (births.NAMED,))
_WORD = re.compile(r"[^\W\d_]+")

#: The shortest written identity number has four digits, the shortest known shape nine.
_FEWEST_WRITTEN = 4
_FEWEST_IN_SHAPE = 9
_FEWEST_IN_CARD = 13


def find(text: str, *, field: str | None = None, allow: frozenset[str] | set[str] = frozenset()) -> list[Finding]:
    """
    Everything in a text that ActionTrac must not hold (S23, S30), in order, without overlaps.

    `field` is the name or path of where the text stands. In a field for telephone numbers
    up to 15 digits are one; a password or a token is looked at for card numbers only.
    `allow` names kinds that are let through.
    """
    if not text:
        return []
    reading = read(text)
    ascii_only = reading.isascii()
    raw = reading.encode("ascii", "replace")
    digits = len(raw.translate(None, _NOT_DIGITS))
    if not digits:
        return []
    words = raw.translate(_TO_WORDS).split()
    called = not _CALLING_WORDS.isdisjoint(words) or not ascii_only
    if not called and digits < _FEWEST_WRITTEN:
        return []
    leaf = _leaf(field)
    found = list(_find_in(reading, raw, digits, words if called else [], ascii_only, leaf))
    if allow:
        found = [finding for finding in found if finding.kind not in allow]
    if not found:
        return []
    found = _without_overlaps(found)
    if reading is not text:
        origin = origins(text)
        # What is invisible and follows the last character goes with it.
        found = [Finding(kind, origin[start], max(origin[end], origin[end - 1] + 1)) for kind, start, end in found]
    return found


def _leaf(field: str | None) -> str | None:
    return re.sub(r"\[\d*\]", "", field).rpartition(".")[2] if field else None


def _find_in(
    text: str, raw: bytes, digits: int, words: list[bytes], ascii_only: bool, leaf: str | None
) -> Iterator[Finding]:
    secret = leaf is not None and is_secret_name(leaf)
    if digits >= _FEWEST_IN_SHAPE:
        phone = leaf is not None and is_phone_name(leaf)
        for run in find_runs(text, _is_of_interest):
            yield from find_cards(text, run, phone=phone)
            if not secret:
                yield from identity.find_shapes(text, run)
    if secret:
        return
    if digits >= _FEWEST_WRITTEN:
        outlines = raw.translate(_TO_OUTLINE).split()
        if not identity.WRITTEN_OUTLINES.isdisjoint(outlines):
            yield from identity.find_written(text)
        if digits >= _FEWEST_IN_SHAPE and banks.may_hold_iban(outlines):
            yield from banks.find_ibans(text)
    if not words and ascii_only:
        return
    small = text.lower()
    if len(small) != len(text):
        # A few capitals become two small letters; positions must stay.
        small = text
    names = _called(small, raw, words, ascii_only)
    ways = names & births.WAYS
    if ways:
        yield from births.find_births(small, ways)
    if digits >= _FEWEST_WRITTEN:
        for name in names - ways:
            yield from find_near(text, small, _FAMILIES[name])


def _is_of_interest(digits: int, outline: str) -> bool:
    return digits >= _FEWEST_IN_CARD or identity.has_shape(outline)


def _called(small: str, raw: bytes, words: list[bytes], ascii_only: bool) -> set[str]:
    """What the words of a text call for."""
    names = {name for word in words for name in _CALLED_ASCII.get(word, ())}
    if not _INITIALS.isdisjoint(words):
        small_raw = raw.lower()
        for abbreviation, called in _ABBREVIATIONS.items():
            if abbreviation in small_raw:
                names.update(called)
    return names if ascii_only else names | _called_by_other_scripts(small)


def _called_by_other_scripts(small: str) -> set[str]:
    called = {name for word in _WORD.findall(small) for name in _CALLED.get(word, ())}
    for word, names in _UNSPACED.items():
        if word in small:
            called.update(names)
    return called


def _without_overlaps(found: list[Finding]) -> list[Finding]:
    """Of findings that overlap the longest is the right one: an IBAN may contain a card number."""
    kept: list[Finding] = []
    for finding in sorted(found, key=lambda one: (one.start, -one.end)):
        if not kept or finding.start >= kept[-1].end:
            kept.append(finding)
        elif finding.end - finding.start > kept[-1].end - kept[-1].start:
            kept[-1] = finding
    return kept


def mask(text: str) -> str:
    """The text with '[removed: card number]' and the like where forbidden values stood."""
    for _ in range(3):
        # Again, because taking one value away may bring words and another one together.
        found = find(text)
        if not found:
            break
        for kind, start, end in reversed(found):
            text = f"{text[:start]}[removed: {WORDING[kind].noun}]{text[end:]}"
    return text


_ESCAPED = re.compile(
    r"\\u(?:00[0-7][0-9a-fA-F]|[fF]{2}1[0-9a-fA-F]|200[b-dB-D]|00[aA]0|06[6fF][0-9a-fA-F])|%[0-9a-fA-F]{2}|\+"
)


def find_in_bytes(raw: bytes, *, known_issuers: bool = True) -> list[Finding]:
    """
    Card numbers in what was sent or stored (B03): bodies, logs, queues, database files.

    Positions are bytes of `raw`; a number that only shows once percent signs and JSON's
    \\u escapes are undone has those of everything. With `known_issuers=False` every
    number of 13–19 digits with the right check digit counts, which is one in ten.
    """
    if len(raw.translate(None, _NOT_DIGITS)) < _FEWEST_IN_CARD and raw.isascii():
        return []
    text = raw.decode("utf-8", "surrogateescape")
    reading = read(text)
    found = _cards_in(reading, known_issuers)
    if found:
        return found if raw.isascii() else _in_bytes(text, found)
    if _ESCAPED.search(text):
        # A form writes a space as a plus; before a number it is a telephone's.
        plain = re.sub(r"(?<=\d)\+(?=\d)", " ", text)
        plain = unquote(re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), plain))
        if _cards_in(read(plain), known_issuers):
            return [Finding(CARD_NUMBER, 0, len(raw))]
    return []


def _is_card_long(digits: int, _outline: str) -> bool:
    return digits >= _FEWEST_IN_CARD


def _cards_in(text: str, known_issuers: bool) -> list[Finding]:
    found = [
        finding
        for run in find_runs(text, _is_card_long)
        for finding in find_cards(text, run, known_issuers=known_issuers)
    ]
    return _without_overlaps(found)


def _in_bytes(text: str, found: list[Finding]) -> list[Finding]:
    """The same findings, counted in bytes of the text's UTF-8 form instead of positions of its reading."""
    byte_of, at = [], 0
    for char in text:
        byte_of.append(at)
        at += len(char.encode("utf-8", "surrogateescape"))
    byte_of.append(at)
    origin = origins(text)
    return [Finding(kind, byte_of[origin[start]], byte_of[origin[end - 1] + 1]) for kind, start, end in found]

"""
Read a text the way a person would: digits of every script as digits, every dash as
a dash, nothing that is invisible. The detectors work on this reading only.
"""

import unicodedata

#: Letters that have no decomposition, and marks that people use as dashes and dots.
_BY_HAND = {
    "ß": "ss", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ł": "l", "Ł": "L", "ı": "i", "ə": "e",
    "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "ð": "d",
    "−": "-", "⁃": "-", "ー": "-", "˗": "-", "﹣": "-", "│": "|",
    "·": ".", "•": ".", "‧": ".", "∙": ".", "⋅": ".", "・": ".", "。": ".", "․": ".",
    "⁄": "/", "∕": "/", "№": "no", "º": "o", "ª": "a", "’": "'", "‘": "'",
}  # fmt: skip

#: Enough for every script in daily use; beyond it the memory of characters starts anew.
_MAX_REMEMBERED = 20_000


def _read(char: str) -> str:
    if char < "\x80":
        return char
    if (by_hand := _BY_HAND.get(char)) is not None:
        return by_hand
    if (digit := unicodedata.digit(char, None)) is not None:
        return str(digit)
    category = unicodedata.category(char)
    if category in ("Cf", "Mn", "Me"):
        # Zero-width characters, soft hyphens, variation selectors, combining marks.
        return ""
    if category == "Pd":
        return "-"
    if category in ("Zs", "Zl", "Zp"):
        return " "
    if category[0] in "SP" and unicodedata.normalize("NFKD", char) == char:
        # Quotes, currencies, arrows, pictures: marks that separate and mean nothing here.
        return " "
    if char in "\u115f\u1160\u3164\uffa0\u2800":
        # Letters and symbols by category that are drawn as nothing.
        return " "
    parts = unicodedata.normalize("NFKD", char)
    plain = "".join(part for part in parts if not unicodedata.combining(part))
    return plain if plain.isascii() and plain else char


class _Characters(dict[int, str]):
    def __missing__(self, code: int) -> str:
        if len(self) >= _MAX_REMEMBERED:
            self.clear()
        reading = self[code] = _read(chr(code))
        return reading


_CHARACTERS = _Characters()


def read(text: str) -> str:
    """The reading of a text; the text itself when it is ASCII."""
    return text if text.isascii() else text.translate(_CHARACTERS)


def origins(text: str) -> list[int]:
    """For every position of `read(text)`, and its end, the position in `text` it came from."""
    positions: list[int] = []
    for index, char in enumerate(text):
        positions.extend([index] * len(_CHARACTERS[ord(char)]))
    positions.append(len(text))
    return positions

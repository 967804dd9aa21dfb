"""Text as it is searched, sorted and compared: without capitals, accents and odd spaces."""

import re
import unicodedata

#: Letters that people type without their stroke, and that Unicode does not take apart.
_PLAIN = str.maketrans({"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})

#: Keys are indexed, and PostgreSQL indexes at most about 2,700 bytes of a row.
KEY_LENGTH = 160

#: Wide enough for every number that people write into a worker number.
_NUMBER_WIDTH = 12


def normalised(text: str) -> str:
    """``"  Zoë  MÜLLER "`` → ``"zoe muller"``; what has the same normal form is found alike."""
    if text.isascii() and text.isprintable():
        return " ".join(text.lower().split())
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(char for char in apart if char.isspace() or (char.isprintable() and not unicodedata.combining(char)))
    return " ".join(bare.translate(_PLAIN).split())


def name_key(first_name: str, last_name: str) -> str:
    """What a list by name is sorted by: the last name, then the first."""
    half = KEY_LENGTH // 2 - 1
    return f"{normalised(last_name)[:half]} {normalised(first_name)[:half]}"


def number_key(number: str) -> str:
    """What makes a worker number unique: ``w-7`` and ``W-7`` are one number, ``W-07`` is another."""
    return unicodedata.normalize("NFC", " ".join(number.split()).casefold())[:KEY_LENGTH]


def number_order(number: str) -> str:
    """What a list by number is sorted by: ``W-2`` before ``W-10``, as people count."""
    return re.sub(r"\d+", lambda run: run[0].zfill(_NUMBER_WIDTH), normalised(number))[:KEY_LENGTH]


def like(word: str) -> str:
    """A LIKE pattern that finds a word anywhere; ``\\`` is its escape character."""
    plain = re.sub(r"([\\%_])", r"\\\1", word)
    return f"%{plain}%"

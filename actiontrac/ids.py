"""Identifiers: a short prefix that says what it names, then time and chance."""

import secrets

from actiontrac import clock

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_CHARS = 9
_CHANCE_CHARS = 17


#: Two digits at a time: half the steps.
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


def _base32(number: int, length: int) -> str:
    pairs = []
    for shift in range(10 * (length // 2), -1, -10):
        pairs.append(_PAIRS[number >> shift & 1023])
    return "".join(pairs)[-length:]


def new_id(prefix: str) -> str:
    """
    A new identifier such as ``wrk_01jd8m3x2k…``: sortable by creation time, and
    with 85 bits of chance so that nobody can guess another company's.
    """
    milliseconds = int(clock.now().timestamp() * 1000)
    chance = secrets.randbits(5 * _CHANCE_CHARS)
    return f"{prefix}_{_base32(milliseconds, _TIME_CHARS)}{_base32(chance, _CHANCE_CHARS)}"

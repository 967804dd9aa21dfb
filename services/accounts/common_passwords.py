"""
Passwords that are tried first, offline (A08).

The list is our own and holds words, not passwords: a password is common when it is one of
them, with the usual substitutions (p@ssw0rd), repetitions and up to a few digits or signs
around it, or when it is a run of keys, digits or letters. So a few hundred words stand
for many thousand passwords.
"""

import re
from functools import cache
from pathlib import Path

_LEET = str.maketrans("@431!0$578", "aaeiiosstb")
_KEYBOARD_ROWS = (
    "`1234567890-=",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "qwertzuiop",
    "yxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "zaq12wsxcde34rfvbgt56yhnmju78ik",
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "147258369",
    "159357",
    "159753",
    "789456123",
    "a1b2c3d4e5f6g7h8i9",
    "12qwaszx",
)
_RUNS = tuple(row for forward in _KEYBOARD_ROWS for row in (forward, forward[::-1]))

#: Nobody tries longer ones, and the search must not grow with what somebody sends.
_LONGEST_RUN = 32


@cache
def _words() -> frozenset[str]:
    text = (Path(__file__).parent / "common_words.txt").read_text(encoding="ascii")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def is_common(password: str) -> bool:
    """Whether a password is one that a guesser tries first."""
    plain = re.sub(r"\s", "", password.casefold())
    bare = re.sub(r"[\W_]", "", plain)
    single = re.sub(r"(.)\1+", r"\1", plain)
    # Signs within a run, a letter or two before it and doubled keys do not hide it.
    if any(_is_run(text) for text in (plain, bare, bare[1:], bare[2:], single)) or _is_repetition(plain):
        return True
    return any(_is_words(core) for core in _cores(plain))


def _cores(plain: str) -> set[str]:
    """A password without what people add around a word, as typed and with its substitutions undone."""
    stripped = re.sub(r"^[\W\d_]{1,4}|[\W\d_]{1,8}$", "", plain)
    trimmed = re.sub(r"[\W\d_]{1,8}$", "", plain)
    undone = {text.translate(_LEET) for text in (plain, stripped, trimmed)}
    # The sign at the end is decoration more often than a letter: password1!, passw0rd123.
    ends = range(len(plain), len(plain) - 5, -1)
    inner = {re.sub(r"[\W\d_]{1,4}$", "", plain[:end]).translate(_LEET) for end in ends}
    return {text for text in {plain, stripped, trimmed, *undone, *inner} if len(text) >= 3}


def _is_words(core: str) -> bool:
    words = _words()
    if core in words:
        return True
    # Two common words in a row, such as iloveyouforever or summerlove.
    return any(core[:cut] in words and core[cut:] in words for cut in range(3, len(core) - 2))


def _is_run(plain: str) -> bool:
    """Keys or characters in a row, also several such runs: qwerty123456, asdfjkl;, 12344321."""
    if len(plain) > _LONGEST_RUN:
        return False
    ends = {0}
    for start in range(len(plain)):
        if start in ends:
            ends |= {end for end in range(start + 3, len(plain) + 1) if _one_run(plain[start:end])}
    return any(len(plain) - end <= 2 or _is_repetition(plain[end:]) for end in ends if end)


def _one_run(text: str) -> bool:
    return any(text in row for row in _RUNS)


def _is_repetition(plain: str) -> bool:
    """The same one to four characters again and again: aaaaaaaa, 12121212, abcabcabc."""
    return any(
        plain and plain == (plain[:size] * (len(plain) // size + 1))[: len(plain)] and len(plain) >= 2 * size
        for size in range(1, 5)
    )

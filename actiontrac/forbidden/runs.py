"""Numbers as people write them: groups of digits with little between them."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

#: Nine digits or more (a social security number is the shortest thing that is known by its
#: shape alone), at most three separating characters between two of them; a slash or an
#: underscore stands alone, because two telephone numbers are written with " / ". The atomic
#: group keeps the search linear on text that is made to be slow.
_RUN = re.compile(r"\d(?>(?:(?:[/_]|[\s.\-]{0,3}+)\d){8,})", re.ASCII)
_GROUP = re.compile(r"\d+", re.ASCII)


class Run(NamedTuple):
    """A stretch of digit groups: `digits[i]` stands at `starts[i]`, `between[i]` follows it."""

    digits: list[str]
    sizes: list[int]
    starts: list[int]
    between: list[str]

    def end_of(self, index: int) -> int:
        return self.starts[index] + self.sizes[index]


def outline_of(sizes: Iterable[int]) -> str:
    """The sizes of groups as text, in which a part can be looked for: (3, 2, 4) is ',3,2,4,'."""
    return f",{','.join(map(str, sizes))},"


def find_runs(text: str, is_of_interest: Callable[[int, str], bool]) -> Iterator[Run]:
    """The runs of a text; `is_of_interest` is asked first, with the number of digits and the outline."""
    for match in _RUN.finditer(text):
        digits = _GROUP.findall(match.group())
        sizes = list(map(len, digits))
        if not is_of_interest(sum(sizes), outline_of(sizes)):
            continue
        groups = list(_GROUP.finditer(text, match.start(), match.end()))
        yield Run(
            digits=digits,
            sizes=sizes,
            starts=[group.start() for group in groups],
            between=[text[before.end() : after.start()] for before, after in pairwise(groups)],
        )


def kind_of_separator(between: str) -> str:
    """Which mark separates two groups, without the space around it: '-', '.', '/', '_' or ' '."""
    return between.strip() or " "

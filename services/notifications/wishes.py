"""
What somebody asks of us in a mail, in English, Spanish, French and German (N05, N19).

Three answers: it is clear that promotions are to stop; it is a request of another kind;
or a person has to read it. Doubt always leads to the person.
"""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

OPT_OUT, CANCEL, STOP_USE, ACCESS, OTHER = "opt_out", "cancel", "stop_use", "access", "other"

#: One pattern a line, so that people who know the language can read and mend them.
FOLDER = Path(__file__).parent / "phrases"

#: Longer texts say more than one thing; a person reads them even where one of the things is clear.
MOST_WORDS = 60
MOST_WORDS_ALONE = 15


@dataclass(frozen=True)
class Asked:
    #: Promotions are to stop, and nothing else can be meant.
    opts_out: bool
    #: What a person has to look at; None when nothing is left to do.
    ticket: str | None


def normal(text: str) -> str:
    """
    >>> normal("Désabonnez-moi, s'il vous plaît!")
    'desabonnez moi s il vous plait'
    """
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).casefold()
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = re.sub(r"e\s?-\s?mail", "email", plain)
    plain = re.sub(r"\bopt\s?-\s?out\b", "opt out", plain)
    plain = re.sub(r"[^a-z0-9?]+", " ", plain)
    return re.sub(r"\s*\?", " ?", plain).strip()


def lines_of(name: str) -> list[str]:
    """The patterns of one list in ``phrases/``."""
    lines = FOLDER.joinpath(f"{name}.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _any(name: str) -> re.Pattern[str]:
    patterns = lines_of(name)
    for word, alternatives in _WORDS.items():
        patterns = [pattern.replace(f"{{{word}}}", alternatives) for pattern in patterns]
    return re.compile("|".join(rf"\b(?:{pattern})\b" for pattern in patterns))


_WORDS = dict(line.split(" ", 1) for line in lines_of("words"))

#: Whole replies that mean one thing, with or without a polite word.
_ALONE = re.compile(
    r"(?:please |pls |por favor |s il vous plait |svp |bitte )?"
    rf"(?:{'|'.join(lines_of('alone'))})"
    r"(?: please| pls| thanks| thank you| now| por favor| gracias| merci| s il vous plait| svp| bitte| danke)*"
)
_CLEAR, _HINT, _DOUBT = _any("clear"), _any("hint"), _any("doubt")
_KINDS = tuple((kind, _any(kind)) for kind in (STOP_USE, ACCESS, CANCEL))

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


def asked_in(text: str, *, subject: str = "", sender: str = "") -> Asked:
    """
    What a text asks for; ``subject`` counts only where it is the sender's own and the
    text says nothing. Another address than the sender's in it is somebody else's wish.
    """
    words = normal(text) or normal(_own_subject(subject))
    if not words:
        return Asked(False, OTHER)
    # What is said about mail is not said about the account: "cancel my subscription to your newsletter".
    rest = _CLEAR.sub(" ", words)
    kind = next((kind for kind, pattern in _KINDS if pattern.search(rest)), None)
    # "No thanks, unsubscribe": one of its clauses is enough where the whole is short.
    clauses = [words] if len(words.split()) > MOST_WORDS_ALONE else [words, *map(normal, re.split(r"[.,;:!\n]", text))]
    alone = any(_ALONE.fullmatch(clause) for clause in clauses)
    clear = alone or _CLEAR.search(words) is not None
    elsewhere = {one.casefold().rstrip(".") for one in _ADDRESS.findall(text)} - {sender.casefold()}
    doubt = _DOUBT.search(words) is not None or bool(elsewhere) or len(words.split()) > MOST_WORDS
    if clear and not doubt:
        return Asked(True, kind)
    if kind is not None:
        return Asked(False, kind)
    return Asked(False, OPT_OUT if clear or _HINT.search(words) else OTHER)


def _own_subject(subject: str) -> str:
    return "" if re.match(r"\s*(?:re|aw|sv|rv|tr|fw|fwd|wg)\s*:", subject, re.IGNORECASE) else subject

"""
Birth dates that a text states as such (S23): "born 12/03/1984", "1984-03-12 (DOB)".

A date alone says nothing; the words next to it do. A date of hire stays, and so does
a birthday lunch.
"""

import re
from collections.abc import Iterator

from actiontrac.forbidden.kinds import BIRTH_DATE, Finding
from actiontrac.forbidden.near import word_list

_MONTHS = word_list("""
    january februari february march marzo mars marz marco maart marca april avril abril aprile kwietnia may mayo mai
    maio maggio mei maj maja june junio juin juni junho giugno czerwca july julio juillet juli julho luglio
    lipca august agosto aout augustus augusti sierpnia september septiembre setiembre septembre setembro
    settembre wrzesnia october octubre octobre oktober outubro ottobre pazdziernika november noviembre novembre
    novembro listopada december diciembre decembre dezember dezembro dicembre desember grudnia enero janvier
    januar janner januari janeiro gennaio stycznia febrero fevrier februar fevereiro febbraio lutego jan ene gen
    feb fev febr mar mrt apr abr avr mag jun jul lug giu aug ago sep sept set oct okt out ott nov dec dic dez
    des janv juil января февраля марта апреля мая июня июля августа сентября октября ноября декабря
""")
_MONTH = rf"(?:{'|'.join(sorted(set(_MONTHS), key=len, reverse=True))})\b\.?"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_ROMAN = r"(?:viii|vii|vi|iv|ix|xii|xi|x|iii|ii|i|v)"
_YEAR = r"(?:1[89]\d\d|20\d\d)"
_SHORT_YEAR = rf"(?:{_YEAR}|'?\d\d)"
_MARK = r"\s?[/.\-_,]\s?"
_OF = r"(?:\s*(?:of|de|del|d'|do|,)\s*|[\s.\-/]{0,3})"

_DAY_MONTH = rf"{_DAY}(?:st|nd|rd|th|er|re|e|o|a|\.)?{_OF}{_MONTH}"
_MONTH_DAY = rf"{_MONTH}[\s.\-]{{0,2}}(?:the )?{_DAY}(?:st|nd|rd|th)?(?!\d)"
_DIGITS_FIRST = (
    rf"{_DAY_MONTH}{_OF}{_SHORT_YEAR}"
    rf"|{_YEAR}[\s.\-,]{{0,2}}(?:{_DAY_MONTH}|{_MONTH_DAY})"
    rf"|{_YEAR}{_MARK}\d{{1,2}}{_MARK}\d{{1,2}}"
    rf"|\d{{1,2}}{_MARK}\d{{1,2}}{_MARK}{_SHORT_YEAR}"
    rf"|\d{{1,2}}\s\d{{1,2}}\s{_YEAR}|{_YEAR}\s\d{{1,2}}\s\d{{1,2}}"
    rf"|{_DAY}[.\s/\-]\s?{_ROMAN}[.\s/\-]\s?{_YEAR}"
    rf"|{_YEAR}\s?[年년]\s?\d{{1,2}}\s?[月월]\s?\d{{1,2}}(?:\s?[日일])?"
    rf"|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    rf"|(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2]){_YEAR}"
    rf"|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]){_YEAR}"
)
#: Without a year, or too bare to be anything but what the words make of it.
_BARE = r"\d{1,2}[/.\-]\d{1,2}(?=\s*(?:[;,)\]]|\.?\s*$))|\d{6}"
_FULL_END = r"(?!\d|[/\-]\d)"
#: Most positions of a text begin neither a number nor a word: they are left at once.
_DATE = re.compile(
    rf"(?=\d)(?<![\d/])(?:(?P<full>{_DIGITS_FIRST}){_FULL_END}|(?P<yearless>{_DAY_MONTH})|(?P<bare>{_BARE}){_FULL_END})"
    rf"|(?<![^\W\d_])(?=[^\W\d_])(?:(?P<month_first>{_MONTH_DAY}{_OF}{_SHORT_YEAR}){_FULL_END}|{_MONTH_DAY})"
)

#: These name the date of birth and nothing else.
_NAMES = (
    r"d[./ ]?o[./ ]?b\.?|dates?[_ \-]*of[_ \-]*birth|dateofbirth|birth[_ \-]*dates?|birth(?=\s?[:=])"
    r"|fechas?[_ ]*(?:de)?[_ ]*nac(?:imiento)?|fechanacimiento|f\. ?(?:de )?nac|nacimiento(?=\s?[:=])"
    r"|dates?[_ ]*de[_ ]*naissance|datenaissance|naissance(?=\s?[:=])|d\.?d\.?n"
    r"|geburts[ \-]?(?:datum|tag)|geb\.?[ \-]?(?:datum|dat)"
    r"|data[_ ]*(?:de|di)[_ ]*nasc(?:imento|ita)?|nascimento(?=\s?[:=])|nascita(?=\s?[:=])"
    r"|datanascimento|datadinascita|geboorte[ \-]?(?:datum|dag)|fodelse(?:datum|dag|dato)|fodsels(?:dato|dag)"
    r"|data[_ ]*urodzenia|syntymaaika|syntymapaiva|datum narozeni|data nasterii|dogum tarihi|datum rodenja"
    r"|szuletesi (?:datum|ido)|tanggal lahir|ngay sinh|дата рождения|д\.р|дата народження|ημερομηνια γεννησης"
    r"|תאריך לידה|تاريخ الميلاد|जन्म तिथि|出生日期|出生年月日|生年月日|生日|생년월일"
)
#: These say that somebody was born.
_BORN = (
    r"born|b\.(?=\s?$)|nacid[oa]s?|nacio|nac\.|nee?s?(?:\(e\))?(?=\s+(?:le|en|a)\b)|geboren|geb\.?(?=\s?(?:am\b|$|:))"
    r"|nascid[oa]|nasceu|nat[oa](?=\s+(?:il|a|in|nel)\b)|fodd|fodt|urodzon[ya]|ur\.|narozen[ay]?|nascut[ae]?"
    r"|syntynyt|szuletett|dogumlu|gb\.|родил(?:ся|ась)"
)
#: These are also said of a party, so that hardly a word may stand between.
_BIRTHDAYS = (
    r"birthdays?|b[\-.]?day|cumpleanos|anniversaire|aniversario|compleanno|verjaardag|urodziny|fodselsdag|bursdag"
    r"|день рождения"
)

_START = r"(?<![^\W_])"
_END = r"(?![^\W\d_])"
_PUNCTUATION = r"[^\w;!?]{0,8}_?[^\w;!?]{0,4}"
_SMALL = r"(?:(?:is|was|on|the|of|as|falls|es|el|fue|dia|est|le|la|ist|am|der|den|il|em|en|op|e|a)\b[^\w;!?]{1,3}){0,3}"
#: "in Leeds", ", Leeds," but not "in a meeting".
_PLACE = (
    r"(?:\s*(?:(?:in|at|en|a|im|zu|em|nel|te|w|near|bei)\b)?\s*,?\s*(?!(?:a|an|the|our|this)\b)"
    r"[^\W\d_][\w'.\-]*(?:[ ,]+[^\W\d_][\w'.\-]*){0,4}?[\s,(]{1,3})"
)
#: "date of birth of Ann Smith is …": any words, as long as no other date is announced.
_ANYTHING_SHORT = r"(?:[^\d;!?\n]{0,40}?[^\w;!?])??"

_NAME_BEFORE = re.compile(rf"{_START}(?:{_NAMES}){_END}(?:{_PUNCTUATION}|(?P<gap>{_ANYTHING_SHORT})){_SMALL}$")
_BORN_BEFORE = re.compile(rf"{_START}(?:{_BORN}){_END}{_PUNCTUATION}(?P<gap>{_PLACE}?){_SMALL}$")
_BIRTHDAY_BEFORE = re.compile(rf"{_START}(?:{_BIRTHDAYS})(?:'?s)?{_END}{_PUNCTUATION}{_SMALL}$")

_OWNER = r"(?:(?:his|her|their|my|the|our|your|\w+'s|sa|son|sua|suo|su|sein|ihr|date of|a|la|el|il|data di)\s+){0,2}"
_BEHIND = re.compile(
    rf"(?:\s*[(\[\-:=/]\s*|\s+(?:is|was|as|es|est|ist|e|=)\s+{_OWNER}|(?P<loose>,?\s+))"
    rf"(?:{_NAMES}|{_BIRTHDAYS}|born|geb\.?|geboren|nacid[oa]|nat[oa])(?![^\W_])(?P<rest>[^\n]{{0,3}})"
)

#: Whatever stands between the words and the date, the date belongs to this.
_OTHER_EVENT = re.compile(
    r"\b(?:hir\w*|start\w*|join\w*|since|leav\w*|left|review\w*|promot\w*|due|expir\w*|issued?|training|meeting"
    r"|certificate|received|removed|updated|deleted|reported|scheduled|party|lunch|cake|until|from|checked|asked"
    r"|call\w*|contrat\w*|embauche\w*|eingestellt|eintritt\w*|ingreso|alta|admiss\w*|assun\w*|entree|beginn\w*|seit"
    r"|desde|depuis)\b"
)
_NUMERIC = re.compile(r"\d+", re.ASCII)

#: Ways in which a text states a birth date.
NAMED, BORN, BIRTHDAY = "birth_named", "birth_born", "birth_day"
_BEFORE = {NAMED: _NAME_BEFORE, BORN: _BORN_BEFORE, BIRTHDAY: _BIRTHDAY_BEFORE}
WAYS = frozenset(_BEFORE)

#: How far before a date its words may begin, and how far behind it.
_REACH_BEFORE = 90
_REACH_BEHIND = 60


def find_births(text: str, ways: frozenset[str] | set[str] = WAYS) -> Iterator[Finding]:
    """Dates in a text in small letters that the words beside them make birth dates; `ways` are those called for."""
    for date in _DATE.finditer(text):
        if _is_plausible(date.group()) and (_is_announced(text, date, ways) or _is_explained(text, date)):
            yield Finding(BIRTH_DATE, *date.span())


def _is_announced(text: str, date: re.Match[str], ways: frozenset[str] | set[str]) -> bool:
    """Whether the words before say so: "born in Leeds on …", "DOB: …"."""
    before = text[max(0, date.start() - _REACH_BEFORE) : date.start()]
    for way in ways:
        if way == BORN and date["bare"]:
            continue
        match = _BEFORE[way].search(before)
        if match and not _OTHER_EVENT.search(match.groupdict().get("gap") or ""):
            return True
    return False


def _is_explained(text: str, date: re.Match[str]) -> bool:
    """Whether the words behind say so: "… (dob)", "… is her birthday"."""
    if not (date["full"] or date["month_first"]):
        return False
    match = _BEHIND.match(text[date.end() : date.end() + _REACH_BEHIND])
    if not match:
        return False
    if match["loose"] is not None and re.match(r"\s*[\w(]|\s*:", match["rest"]):
        return False  # "12/03/2019, DOB not given"
    return not _OTHER_EVENT.search(text[max(0, date.start() - 24) : date.start()])


def _is_plausible(date: str) -> bool:
    """Whether a date made of digits only can be one; a month in letters has been checked by its pattern."""
    if any(char.isalpha() and char not in "年月日년월일" for char in date):
        return True
    parts = _NUMERIC.findall(date)
    if len(parts) == 1 and len(parts[0]) == 6:
        pairs = [int(date[index : index + 2]) for index in (0, 2, 4)]
        return any(1 <= pairs[a] <= 31 and 1 <= pairs[b] <= 12 for a, b in ((0, 1), (1, 0), (2, 1)))
    if len(parts) == 1:
        return True
    rest = [int(part) for part in parts if len(part) <= 2]
    if len(rest) == 3:  # the year has two digits as well, and stands last
        rest = rest[:2]
    return len(rest) == 2 and all(1 <= part <= 31 for part in rest) and min(rest) <= 12


#: Which words in a text call for which pattern.
TRIGGERS: dict[str, str] = {
    **dict.fromkeys(
        word_list("""
            dob birth births birthdate birthdates dateofbirth fecha fechas nacimiento fechanacimiento nac naissance
            datenaissance ddn geburtsdatum geburtstag geburts geb gebdat gebdatum nascimento nascita datanascimento
            datadinascita nasc geboortedatum geboortedag geboorte fodelsedatum fodelsedag fodelsedato fodselsdato
            fodselsdag urodzenia syntymaaika syntymapaiva narozeni nasterii dogum szuletesi rodenja lahir sinh
            рождения народження р γεννησης לידה الميلاد जन्म
        """),
        NAMED,
    ),
    **dict.fromkeys(
        word_list("""
            born nacido nacida nacidos nacidas nacio ne nes nee nees geboren nascido nascida nasceu nato nata fodd fodt
            urodzony urodzona ur syntynyt narozen narozena narozeny nascut nascuta dogumlu szuletett gb родился родилась
        """),
        BORN,
    ),
    **dict.fromkeys(
        word_list("""
            birthday birthdays bday cumpleanos anniversaire aniversario compleanno verjaardag urodziny bursdag
        """),
        BIRTHDAY,
    ),
}
#: These are both.
TRIGGERS_OF_TWO: dict[str, tuple[str, ...]] = {
    "geb": (NAMED, BORN),
    "nac": (NAMED, BORN),
    "fodselsdag": (NAMED, BIRTHDAY),
    "рождения": (NAMED, BIRTHDAY),
}
ABBREVIATIONS: dict[bytes, tuple[str, ...]] = {
    b"d.o": (NAMED,), b"d/o": (NAMED,), b"d o b": (NAMED,), b"d. o": (NAMED,), b"d.d": (NAMED,), b"d.n": (NAMED,),
    b"b-day": (BIRTHDAY,), b"b.day": (BIRTHDAY,), b"b. ": (BORN,), b"b.1": (BORN,), b"b.2": (BORN,), b"f.n": (NAMED,),
}  # fmt: skip
#: Scripts that put no space between words.
UNSPACED = ("出生", "生年月日", "生日", "생년월일", "जन्म")

"""
What somebody has written themselves: a reply without what it quotes and without its signature (N05).

Written by hand because no kept library that does it is at hand; it prefers to cut too
much: what is lost that way makes a reply unclear, and an unclear reply waits for a person.
"""

import re
from email.message import EmailMessage
from html.parser import HTMLParser

#: Nobody opts out behind this; longer texts only cost time.
MOST_TEXT = 20_000

#: Lines that mail programs put above what they quote; below them it is said whether the rest is a quotation.
_ATTRIBUTION = re.compile(
    r"^[>\s]*(?:"
    r"on\b.{4,200}\bwrote\s*:"
    r"|el\b.{4,200}\bescribi[oó]\s*:"
    r"|le\b.{4,200}\ba\s+[eé]crit\s*:"
    r"|am\b.{4,200}\bschrieb\b.{0,120}:"
    r"|.{3,120}<[^<>\s]+@[^<>\s]+>\s*(?:wrote|escribi[oó]|a\s+[eé]crit|schrieb)\s*:"
    r"|.{3,120}\b(?:wrote|escribi[oó]|a\s+[eé]crit|schrieb)(?:\s+(?:on|am|le|el)\b.{4,80})?\s*:"
    r")\s*$",
    re.IGNORECASE,
)

#: Everything below one of these is somebody else's, or no text at all.
_END = re.compile(
    r"^[>\s]*(?:"
    r"-{2,}\s*(?:original message|forwarded message|mensaje original|mensaje reenviado|message d'origine"
    r"|message original|message transf[eé]r[eé]|urspr[uü]ngliche (?:nachricht|e-?mail)|weitergeleitete nachricht"
    r"|original-nachricht|original-?nachricht)\s*-*"
    r"|begin forwarded message:|d[eé]but du message (?:r[eé]exp[eé]di[eé]|transf[eé]r[eé]).*"
    r"|_{10,}|-{20,}|={20,}"
    r"|--\s?|—"
    r"|(?:sent|gesendet|envoy[eé]|enviado) (?:from|with|via|using|von|mit|de|depuis|[aà] partir|desde|con)\b.{0,60}"
    r"|von meinem .{2,40} gesendet.{0,20}|diese nachricht wurde von meinem .{2,60} gesendet.{0,20}"
    r"|get outlook for .*|obtener outlook para .*|t[eé]l[eé]charge[zr] outlook .*"
    r"|outlook f[uü]r .{2,20} (?:herunterladen|beziehen).*"
    r"|you get this mail because .*|stop mail of this kind .*"
    r")\s*$",
    re.IGNORECASE,
)

#: Outlook's block of headers above the mail that is answered.
_HEADER_LINE = re.compile(
    r"^[>\s*]*(?:from|de|von|sent|enviado(?: el)?|envoy[eé](?: le)?|gesendet|date|fecha|datum|to|para|[aà]|an"
    r"|subject|asunto|objet|betreff|cc)\s*:\**\s+\S",
    re.IGNORECASE,
)
_FIRST_HEADER = re.compile(r"^[>\s*]*(?:from|de|von)\s*:\**\s+\S", re.IGNORECASE)

_CLOSING = re.compile(
    r"^\s*(?:(?:best|kind|kindest|warm)(?: regards| wishes)?|regards|many thanks|thanks(?: a lot| again)?|thank you"
    r"|cheers|sincerely|yours(?: sincerely| faithfully| truly)?|(?:un )?saludos?(?: cordial(?:es)?)?|atentamente"
    r"|(?:muchas )?gracias(?: de antemano)?|cordialement|bien cordialement|bien [aà] vous"
    r"|salutations(?: distingu[eé]es)?"
    r"|merci(?: beaucoup| d'avance)?|(?:mit )?(?:freundlichen|besten|herzlichen|vielen) gr(?:[uü]|ue)(?:ß|ss)en?"
    r"|(?:viele|liebe|beste|sch[oö]ne|freundliche) gr(?:[uü]|ue)(?:ß|ss)e|gru(?:ß|ss)|mfg|lg|vg"
    r"|danke(?: im voraus)?|vielen dank)"
    r"\s*[,.!]*\s*$",
    re.IGNORECASE,
)


class _Text(HTMLParser):
    """HTML as lines, without quotations, signatures and what nobody sees."""

    _VOID = frozenset({"br", "hr", "img", "meta", "link", "input", "col", "area", "base", "wbr"})
    _BREAKING = frozenset({"p", "div", "tr", "li", "table", "ul", "ol", "h1", "h2", "h3", "section", "article"})
    _UNSEEN = frozenset({"style", "script", "head", "title", "blockquote"})
    _NOT_THEIRS = re.compile(
        r"gmail_quote|gmail_attr|gmail_signature|yahoo_quoted|moz-cite-prefix|moz-signature|protonmail_quote"
        r"|protonmail_signature|tutanota_quote|zmail_extra|WordSection_quote|(?:^|\s)signature(?:\s|$)",
        re.IGNORECASE,
    )
    #: Outlook marks where the mail begins that is answered; everything behind it belongs to that.
    _REST_NOT_THEIRS = re.compile(r"divRplyFwdMsg|appendonsend|mail-editor-reference-message", re.IGNORECASE)

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self._hidden = 0
        self._ended = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in self._BREAKING or tag in ("br", "hr"):
            self.pieces.append("\n")
        if tag in self._VOID:
            return
        named = " ".join(value or "" for name, value in attributes if name in ("class", "id"))
        style = next((value or "" for name, value in attributes if name == "style"), "")
        if self._REST_NOT_THEIRS.search(named):
            self._ended = True
        hidden = (
            tag in self._UNSEEN
            or self._NOT_THEIRS.search(named) is not None
            or re.search(r"display\s*:\s*none", style, re.IGNORECASE) is not None
        )
        self._open.append((tag, hidden))
        self._hidden += hidden

    def handle_endtag(self, tag: str) -> None:
        if all(name != tag for name, _ in self._open):
            return
        # What was left open inside ends with what is around it.
        while self._open:
            name, hidden = self._open.pop()
            self._hidden -= hidden
            if name == tag:
                break
        if tag in self._BREAKING:
            self.pieces.append("\n")

    def handle_data(self, text: str) -> None:
        if not self._hidden and not self._ended:
            self.pieces.append(re.sub(r"\s+", " ", text))


def text_of_html(html: str) -> str:
    reader = _Text()
    reader.feed(html)
    reader.close()
    return "".join(reader.pieces)


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    try:
        content = part.get_content()
    except (LookupError, ValueError, KeyError):
        # An unknown character set: the letters that we look for are ASCII in nearly all of them.
        payload = part.get_payload(decode=True)
        content = payload.decode("latin-1") if isinstance(payload, bytes) else ""
    return str(content)[: MOST_TEXT * 5]


def written_by(message: EmailMessage) -> str:
    """What the sender of a mail has written themselves; empty when there is nothing."""
    plain = fresh(_part(message, "plain"))
    return plain or fresh(text_of_html(_part(message, "html")))


def fresh(text: str) -> str:
    """A text without quotations, signature and closing words."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")[:MOST_TEXT].split("\n")
    kept: list[str] = []
    place = 0
    while place < len(lines):
        line = lines[place]
        if line.lstrip().startswith(">"):
            place += 1
            continue
        if _END.match(line[:300]) or _is_header_block(lines, place):
            break
        attribution = _attribution_at(lines, place)
        if attribution:
            following = next((one for one in lines[place + attribution :] if one.strip()), "")
            if not following.lstrip().startswith(">"):
                # Nothing marks what is quoted: it goes on to the end.
                break
            place += attribution
            continue
        kept.append(line.strip())
        place += 1
    return _without_closing(kept)


def _attribution_at(lines: list[str], place: int) -> int:
    """How many lines from here say who wrote what follows: mail programs break them at will."""
    first = lines[place].strip()
    if not re.match(
        r"[>\s]*(?:on|el|le|am)\b|.*<\S+@\S+>|.*(?:wrote|escribi|crit|schrieb)", first[:300], re.IGNORECASE
    ):
        return 0
    for length in (1, 2, 3):
        joined = " ".join(line.strip() for line in lines[place : place + length])
        if len(joined) <= 400 and _ATTRIBUTION.match(joined):
            return length
    return 0


def _is_header_block(lines: list[str], place: int) -> bool:
    if not _FIRST_HEADER.match(lines[place][:300]):
        return False
    following = lines[place + 1 : place + 5]
    return sum(_HEADER_LINE.match(line[:300]) is not None for line in following) >= 2


def _without_closing(lines: list[str]) -> str:
    for place, line in enumerate(lines):
        # "Thanks" as the first and only line is what somebody wanted to say.
        if _CLOSING.match(line[:80]) and any(one.strip() for one in lines[:place]):
            lines = lines[:place]
            break
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

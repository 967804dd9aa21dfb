"""
The look of the sandbox's pages: one style sheet in the page, no script, nothing from elsewhere.

Links and form targets are relative, because a browser reaches the pages through
the gateway and a test reaches them directly.
"""

from html import escape

__all__ = ["amount", "escape", "frame", "moment", "notice", "page", "table"]

STYLE = """
:root { color-scheme: light; --ink: #1c2430; --soft: #5d6b7c; --line: #dde3ea; --ground: #f4f6f9; --accent: #1f5fd0;
  --good: #17743f; --bad: #b3261e; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI",
  Roboto, "Helvetica Neue", Arial, sans-serif; }
.ribbon { background: #fff4d6; border-bottom: 1px solid #e8d6a0; color: #5b4708; padding: .6rem 1rem;
  text-align: center; font-size: .92rem; font-weight: 600; }
main { max-width: 56rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
main.narrow { max-width: 34rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .4rem; }
h2 { font-size: 1.05rem; margin: 2rem 0 .6rem; }
p { margin: .3rem 0 .9rem; }
a { color: var(--accent); }
.soft { color: var(--soft); font-size: .92rem; }
.card > :first-child { margin-top: 0; } .card > :last-child { margin-bottom: 0; }
.when { white-space: nowrap; }
.card { background: #fff; border: 1px solid var(--line); border-radius: 12px; padding: 1.4rem; margin: 1rem 0;
  box-shadow: 0 1px 2px rgba(20, 30, 45, .05); }
.sum { font-size: 2.1rem; font-weight: 650; letter-spacing: -.02em; margin: .1rem 0 .2rem;
  line-height: 1.25; }
.sum.moment { font-size: 1.4rem; }
.brand { font-size: .8rem; font-weight: 700; letter-spacing: .09em; text-transform: uppercase; color: var(--soft); }
.brand.blue { color: #003087; }
label { display: block; font-weight: 600; font-size: .92rem; margin-bottom: .3rem; }
input[type=text], input[type=search] { width: 100%; font: inherit; padding: .6rem .75rem; border: 1px solid #b9c3cf;
  border-radius: 8px; background: #fff; color: inherit; }
button { font: inherit; cursor: pointer; border-radius: 8px; border: 1px solid #b9c3cf; background: #fff;
  color: inherit; padding: .6rem 1rem; }
button:hover { border-color: var(--accent); }
button:focus-visible, input:focus-visible, a:focus-visible { outline: 3px solid #9cc0ff; outline-offset: 1px; }
button.main { background: var(--accent); border-color: var(--accent); color: #fff; font-weight: 600; width: 100%; }
button.gold { background: #ffc439; border-color: #e0a800; font-weight: 700; width: 100%; }
button.choice { display: grid; grid-template-columns: 13rem 1fr; gap: .3rem 1rem; width: 100%; text-align: left;
  margin: .35rem 0; padding: .55rem .8rem; align-items: baseline; }
button.choice code { font-size: .95rem; white-space: nowrap; }
button.choice span { color: var(--soft); font-size: .92rem; }
button.stack { width: 100%; margin: .45rem 0 0; }
button.plain { margin-top: .6rem; }
button.plain { border: 0; background: none; color: var(--accent); text-decoration: underline; padding: .3rem 0; }
.message { border-radius: 8px; padding: .7rem .9rem; margin: 1rem 0; border: 1px solid; }
.message.bad { color: var(--bad); background: #fdeeed; border-color: #f3c6c2; }
.message.good { color: var(--good); background: #eaf6ef; border-color: #bfe3cd; }
table { width: 100%; border-collapse: collapse; background: #fff; border: 1px solid var(--line); border-radius: 12px;
  overflow: hidden; font-size: .95rem; }
th { text-align: left; font-size: .8rem; color: var(--soft); font-weight: 600; background: #fafbfc; }
th, td { padding: .6rem .8rem; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
tr:last-child td { border-bottom: 0; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #fff; border: 1px solid var(--line);
  border-radius: 12px; padding: 1rem; font-size: .88rem; }
iframe { width: 100%; height: 26rem; border: 1px solid var(--line); border-radius: 12px; background: #fff; }
nav { margin-bottom: 1rem; font-size: .92rem; }
nav a { margin-right: 1rem; }
.row { display: flex; gap: .6rem; flex-wrap: wrap; align-items: end; }
.row > * { flex: 1; } .row > button { flex: 0 0 auto; width: auto; }
details { margin-top: .8rem; } summary { cursor: pointer; color: var(--accent); font-size: .95rem; }
@media (max-width: 36rem) { button.choice { grid-template-columns: 1fr; } th.wide, td.wide { display: none; } }
"""

RIBBON = "Sandbox — no money moves, do not enter a real card"


def page(title: str, content: str, *, narrow: bool = False, ribbon: str = RIBBON) -> str:
    """A whole page; ``content`` is HTML that is already escaped."""
    width = ' class="narrow"' if narrow else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{STYLE}</style></head><body>"
        f'<div class="ribbon">{escape(ribbon)}</div><main{width}>{content}</main></body></html>'
    )


def notice(text: str, kind: str = "bad") -> str:
    return f'<p class="message {kind}" role="status">{escape(text)}</p>' if text else ""


def table(heads: list[str], rows: list[list[str]], empty: str) -> str:
    """Cells are HTML that is already escaped."""
    if not rows:
        return f'<div class="card"><p class="soft">{escape(empty)}</p></div>'
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def frame(document: str, title: str) -> str:
    """
    A document of unknown origin in a frame that can neither run scripts nor reach the page.

    Links open beside it, so that the links of a mail can be followed.
    """
    return (
        f'<iframe title="{escape(title)}" sandbox="allow-popups allow-popups-to-escape-sandbox" '
        f'srcdoc="{escape("<base target=_blank>" + document)}"></iframe>'
    )


def moment(iso: str) -> str:
    """A cell that holds a moment of the wire, for people."""
    return f'<span class="when">{escape(iso.replace("T", " ").removesuffix("Z"))}</span>'


def amount(minor: int, currency: str) -> str:
    """``120.00 USD`` for people; the sandbox sells in no currency with three decimals."""
    code = currency.upper()
    if code in ("JPY", "HUF", "TWD"):
        return f"{minor:,} {code}"
    return f"{minor // 100:,}.{minor % 100:02d} {code}"

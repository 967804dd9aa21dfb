"""
Invoices and credit notes as a page that a company would file (B23), pure.

A document is drawn from what was written when it was issued and from nothing else, so
that it looks the same every time, to the byte.
"""

import unicodedata
from datetime import UTC, datetime, time
from typing import Literal

from fpdf import FPDF, XPos, YPos

from services.billing.documents import Document
from services.billing.providers.money import Money

INK, QUIET, RULE, ACCENT = (33, 43, 42), (105, 117, 114), (214, 221, 219), (15, 92, 84)
LEFT, RIGHT, WIDTH = 20, 190, 170
AMOUNT_WIDTH = 36

#: How a method is called on paper.
METHODS = {"card": "card, through Stripe", "paypal": "PayPal"}


#: Characters without a decomposition, and what is written instead.
_ALIKE = {0x2013: "-", 0x2014: "-", 0x2018: "'", 0x2019: "'", ord("Ł"): "L", ord("ł"): "l", ord("Đ"): "D"}

FOOTER = "One payment buys one year. Nothing is charged again by itself, and no card number is kept."
FOOTERS = {"bill": "Paid into the seller's own account at the payment processor; no card number is kept."}
TITLES = {"credit_note": "Credit note", "bill": "Bill"}

#: A line of the table is at most this high; it is kept on one page.
LINE_HEIGHT = 18


def plain(text: str) -> str:
    """Text that the standard fonts of PDF can write: accents are kept where they can, and dropped where not."""
    kept = []
    for character in text.translate(_ALIKE):
        try:
            character.encode("latin-1")
            kept.append(character)
        except UnicodeEncodeError:
            bare = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
            kept.append(bare or "?")
    return "".join(kept)


def amount_of(money: Money) -> str:
    """``1,234.50 USD``, and a minus before what is credited."""
    number, currency = str(money).split(" ")
    whole, _, cents = number.partition(".")
    grouped = f"{abs(int(whole)):,}" + (f".{cents}" if cents else "")
    return f"{'-' if money.minor < 0 else ''}{grouped} {currency}"


class _Page(FPDF):
    def __init__(self, document: Document) -> None:
        super().__init__(format="A4")
        self._document = document
        self.set_margins(LEFT, 20, 20)
        self.set_auto_page_break(True, margin=28)
        self.set_title(f"{_title(document)} {document.number}")
        self.set_author(plain(document.seller[0]))
        self.set_creator("ActionTrac")
        # The date of the document, not of its drawing: the same bytes every time.
        self.set_creation_date(datetime.combine(document.issued_on, time.min, UTC))

    def footer(self) -> None:
        self.set_y(-20)
        self.set_draw_color(*RULE)
        self.line(LEFT, self.get_y(), RIGHT, self.get_y())
        self.set_y(-17)
        self.write_line(f"{self._document.number}, page {self.page_no()} of {{nb}}", size=8, color=QUIET)
        self.write_line(FOOTERS.get(self._document.kind, FOOTER), size=8, color=QUIET)

    def write_line(
        self, text: str, *, size: float = 10, bold: bool = False, color: tuple[int, int, int] = INK,
        align: Literal["L", "R"] = "L", height: float = 5,
    ) -> None:  # fmt: skip
        self.set_font("Helvetica", "B" if bold else "", size)
        self.set_text_color(*color)
        self.cell(0, height, plain(text), align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def pdf_of(document: Document) -> bytes:
    """The document as PDF."""
    page = _Page(document)
    page.add_page()
    _head(page, document)
    _table(page, document)
    _settlement(page, document)
    return bytes(page.output())


def _title(document: Document) -> str:
    return TITLES.get(document.kind, "Invoice and receipt")


def _head(page: _Page, document: Document) -> None:
    page.set_fill_color(*ACCENT)
    page.rect(LEFT, 18, WIDTH, 1.2, style="F")
    page.set_y(24)
    page.write_line(_title(document), size=20, bold=True, height=10)
    if not document.live:
        page.write_line("SANDBOX: no money moved and nothing is owed.", bold=True, color=(170, 60, 30))
    page.ln(4)
    top = page.get_y()
    for number, text in enumerate(document.seller):
        page.write_line(text, bold=number == 0, color=INK if number == 0 else QUIET)
    below = page.get_y()
    page.set_y(top)
    for label, value in (("Number", document.number), ("Date", document.issued_on.isoformat())):
        page.set_x(120)
        page.set_font("Helvetica", "", 10)
        page.set_text_color(*QUIET)
        page.cell(25, 5, label)
        page.set_font("Helvetica", "B", 10)
        page.set_text_color(*INK)
        page.cell(0, 5, value, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.set_y(max(below, page.get_y()) + 8)
    page.write_line("Billed to", size=8, color=QUIET)
    for number, text in enumerate(document.buyer):
        page.write_line(text, bold=number == 0)
    page.ln(8)


def _table(page: _Page, document: Document) -> None:
    page.set_draw_color(*RULE)
    page.set_font("Helvetica", "", 8)
    page.set_text_color(*QUIET)
    page.cell(WIDTH - AMOUNT_WIDTH, 6, "Description", border="B")
    page.cell(AMOUNT_WIDTH, 6, "Amount", border="B", align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.ln(1.5)
    page.set_text_color(*INK)
    for line in document.lines:
        if page.will_page_break(LINE_HEIGHT):
            page.add_page()
        page.set_font("Helvetica", "", 10)
        page.set_text_color(*INK)
        top = page.get_y()
        page.multi_cell(
            WIDTH - AMOUNT_WIDTH - 4, 5.5, plain(line.description), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )
        bottom = page.get_y()
        page.set_xy(RIGHT - AMOUNT_WIDTH, top)
        page.cell(AMOUNT_WIDTH, 5.5, amount_of(line.amount), align="R")
        page.set_xy(LEFT, bottom + 1.5)
    page.line(LEFT, page.get_y(), RIGHT, page.get_y())
    page.ln(2)
    _taxes(page, document)
    page.set_font("Helvetica", "B", 12)
    page.cell(WIDTH - 60, 8, "Total credited" if document.kind == "credit_note" else "Total")
    page.cell(60, 8, amount_of(document.total), align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.ln(8)


def _taxes(page: _Page, document: Document) -> None:
    """The sum without tax, each tax, or the sentence that says why there is none."""
    rows = []
    if document.taxes:
        net = Money(sum(line.amount.minor for line in document.lines), document.total.currency)
        rows = [("Subtotal without tax", net)]
        rows += [(f"{tax.name} {tax.percent} % of {amount_of(tax.base)}", tax.amount) for tax in document.taxes]
    page.set_font("Helvetica", "", 10)
    for label, amount in rows:
        page.cell(WIDTH - 60, 6, plain(label))
        page.cell(60, 6, amount_of(amount), align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    if document.tax_note:
        page.write_line(document.tax_note, size=9, color=QUIET)
    page.set_text_color(*INK)
    page.ln(1.5 if rows or document.tax_note else 0)


def _settlement(page: _Page, document: Document) -> None:
    if document.note:
        page.write_line("Note", size=8, color=QUIET)
        page.set_font("Helvetica", "", 10)
        page.set_text_color(*INK)
        page.multi_cell(WIDTH, 5.5, plain(document.note), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        page.ln(6)
    if document.withdrawn or document.open:
        words = "This bill was withdrawn; nothing is owed." if document.withdrawn else "To be paid"
        page.write_line(words, size=8, color=QUIET)
        if not document.withdrawn:
            page.write_line(
                f"Until {document.settled_on.isoformat()}, by card or PayPal, on the page of this bill", bold=True
            )
        return
    credit = document.kind == "credit_note"
    page.write_line("Given back" if credit else "Paid", size=8, color=QUIET)
    page.write_line(f"On {document.settled_on.isoformat()} by {METHODS.get(document.method, document.method)}")
    page.write_line(f"Reference of the payment processor: {document.reference}", color=QUIET, size=9)
    if not credit:
        page.write_line("Nothing is left to pay.", bold=True)

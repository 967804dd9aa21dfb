"""Invoices, receipts and credit notes as pages: what stands on them, and that they never change (B23)."""

import base64
import re
import zlib
from datetime import date

import pytest

from actiontrac.contracts.billing import InvoiceNotFound
from actiontrac.testing import as_request
from services.billing.documents import Document, Line
from services.billing.models import Checkout, Invoice
from services.billing.paper import amount_of, pdf_of, plain
from services.billing.providers.money import Money
from tests.billing.conftest import ACME, RIVAL

DAY = 86400


def document(**changed):
    facts = {
        "kind": "invoice",
        "number": "INV-000042",
        "issued_on": date(2026, 11, 23),
        "seller": ("ActionTrac Inc.", "1 Harbour Street", "Seattle, WA 98101"),
        "buyer": ("Acme Tools", "12 Mill Lane", "Portland, OR 97201", "US"),
        "lines": (Line("Team plan, up to 50 workers, 2026-11-23 to 2027-11-22", Money(48000, "USD")),),
        "total": Money(48000, "USD"),
        "method": "card",
        "reference": "pi_3Px",
        "settled_on": date(2026, 11, 23),
        "live": True,
    }
    return Document(**{**facts, **changed})


def words(pdf: bytes) -> str:
    """The text of a page, as its drawing operators write it."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    drawn = b"".join(zlib.decompress(stream) for stream in streams if stream[:1] == b"x")
    shown = b" ".join(re.findall(rb"\(((?:[^()\\]|\\.)*)\)", drawn)).decode("latin-1")
    return re.sub(r"\\(.)", r"\1", shown)


def pdf(shop, invoice, company=ACME):
    as_request()
    found = shop.service.get_invoice_pdf(company_id=company, invoice_id=invoice["id"])
    assert found["filename"] == f"{invoice['number']}.pdf"
    return base64.b64decode(found["content"])


class TestThePage:
    def test_it_says_who_whom_what_and_that_it_is_paid(self):
        page = words(pdf_of(document()))

        for text in (
            "Invoice and receipt", "INV-000042", "2026-11-23", "ActionTrac Inc.", "Acme Tools", "12 Mill Lane",
            "Team plan", "480.00 USD", "card, through Stripe", "pi_3Px", "Nothing is left to pay.",
        ):  # fmt: skip
            assert text in page, text
        assert "SANDBOX" not in page

    def test_a_credit_note_is_called_so_and_counts_backwards(self):
        page = words(pdf_of(document(kind="credit_note", total=Money(-48000, "USD"))))

        assert "Credit note" in page
        assert "-480.00 USD" in page
        assert "Nothing is left to pay" not in page

    def test_sandbox_money_is_called_so(self):
        assert "SANDBOX" in words(pdf_of(document(live=False)))

    def test_it_is_the_same_every_time(self):
        assert pdf_of(document()) == pdf_of(document())

    def test_many_lines_go_on_to_a_second_page(self):
        many = tuple(Line(f"Line {number}", Money(1, "USD")) for number in range(80))

        page = words(pdf_of(document(lines=many)))

        assert re.search(r"page 3 of +3", page)
        assert all(f"Line {number} " in page for number in range(80))

    @pytest.mark.parametrize(
        ("text", "written"),
        [("Zoë Müller", "Zoë Müller"), ("Łódź–Süd", "Lódz-Süd"), ("日本", "??"), ("Dvořák", "Dvorák")],
    )
    def test_every_name_can_be_written(self, text, written):
        assert plain(text) == written
        assert pdf_of(document(buyer=(text,)))

    @pytest.mark.parametrize(
        ("money", "text"),
        [(Money(123450, "USD"), "1,234.50 USD"), (Money(-5, "EUR"), "-0.05 EUR"), (Money(5000, "JPY"), "5,000 JPY")],
    )
    def test_amounts_are_written_for_people(self, money, text):
        assert amount_of(money) == text


class TestInTheService:
    def test_a_document_stands_as_it_was_issued_after_the_company_moved(self, shop):
        shop.buy()
        [invoice] = shop.invoices()
        before = pdf(shop, invoice)
        assert "Acme Tools" in words(before)
        shop.accounts.get_company = lambda *, company_id: {}
        shop.wait(400 * DAY)

        assert pdf(shop, invoice) == before

    def test_a_refund_has_a_credit_note_to_the_same_buyer(self, shop):
        shop.refund(shop.buy(), 1000)
        page = words(pdf(shop, shop.invoices()[0]))

        for text in ("Credit note", "-10.00 USD", "12 Mill Lane", shop.invoices()[1]["number"]):
            assert text in page, text

    def test_addresses_are_sealed_where_they_rest(self, shop):
        shop.buy()
        for row in (*shop.rows(Invoice), *shop.rows(Checkout)):
            assert row.parties_sealed
            assert b"Mill Lane" not in row.parties_sealed

    def test_another_companys_document_is_not_found(self, shop):
        shop.buy()

        with pytest.raises(InvoiceNotFound):
            pdf(shop, shop.invoices()[0], company=RIVAL)

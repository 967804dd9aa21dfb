"""Tax in the service: as quoted, so charged, invoiced, booked and credited; by address, VAT id and exemption (B22)."""

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiontrac.config import ConfigurationError
from actiontrac.contracts.billing import QuoteOutdated, VatIdRefused
from actiontrac.testing import as_request, settings_for
from services.billing import commands, taxing, vat_ids
from services.billing.models import LedgerEntry, TaxProfile
from services.billing.taxes import MODES, SCOPES
from tests.billing.conftest import ACME
from tests.billing.test_billing_documents import pdf, words
from tests.billing.test_billing_plan_changes import accept, quote, upgrade
from tests.examples import on_a_database

DAY = 86400
GERMAN, FRENCH = "DE136695976", "FR40303265045"

RATES = [
    ("DE", "", "VAT", "19"), ("FR", "", "VAT", "20"), ("CA", "", "GST", "5"),
    ("CA", "BC", "GST", "5"), ("CA", "BC", "PST", "7"), ("US", "TX", "Sales tax", "6.25"),
]  # fmt: skip


def table(path: Path, rates=RATES, version: int = 1) -> str:
    rows = [
        f'[[rate]]\ncountry = "{country}"\nname = "{name}"\npercent = "{percent}"\nsince = 2021-01-01\n'
        f'source = "a law"\n' + (f'state = "{state}"\n' if state else "")
        for country, state, name, percent in rates
    ]
    path.write_text(f"version = {version}\n" + "\n".join(rows))
    return str(path)


@pytest.fixture
def open_taxed(open_shop, tmp_path):
    """A shop that adds tax, for a company somewhere."""

    def opened(country="DE", state="BE", **environment):
        shop = open_shop(ACTIONTRAC_TAXES_FILE=table(tmp_path / "taxes.toml"), **environment)
        shop.accounts.company = {"country": country, "state": state}
        return shop

    return opened


def quote_year(shop, plan="team", **wanted):
    as_request()
    return shop.service.quote_checkout(company_id=ACME, checkout={"plan": plan, **wanted})


def tell(shop, vat_id):
    as_request()
    return shop.service.change_tax_profile(company_id=ACME, change={"vat_id": vat_id})


def exempt(shop, yes=True):
    as_request()
    change = {"exempt": yes, "reason": "Certificate seen"}
    return shop.service.set_tax_exemption(company_id=ACME, exemption=change)


def figures(document):
    return [(tax["name"], tax["percent"], tax["amount_minor"]) for tax in document["taxes"]]


def books(shop):
    found = {}
    for entry in shop.rows(LedgerEntry):
        found[entry.account] = found.get(entry.account, 0) + entry.debit_minor - entry.credit_minor
    return found


class TestAYear:
    @pytest.mark.parametrize("method", ["card", "paypal"])
    def test_what_is_quoted_is_charged_invoiced_and_booked(self, open_taxed, method):
        shop = open_taxed("CA", "BC")
        quoted = quote_year(shop)
        assert (quoted["subtotal_minor"], quoted["amount_minor"]) == (48000, 48000 + 2400 + 3360)
        assert figures(quoted) == [("GST", "5", 2400), ("PST", "7", 3360)]
        checkout = shop.buy("team", method)
        invoice = shop.invoices()[0]

        assert shop.provider_of(checkout).money_kept() == quoted["amount_minor"]
        assert checkout["amount_minor"] == invoice["total_minor"] == quoted["amount_minor"]
        assert figures(checkout) == figures(invoice) == figures(quoted)
        assert invoice["tax_note"] == ""
        assert books(shop) == {f"cash_{checkout_provider(method)}": 53760, "sales": -48000, "tax_payable": -5760}

    def test_where_no_rate_is_set_there_is_no_tax_and_the_document_says_so(self, shop):
        quoted = quote_year(shop)
        shop.buy("team")
        invoice = shop.invoices()[0]

        assert (quoted["amount_minor"], quoted["taxes"]) == (48000, [])
        assert invoice["tax_note"] == quoted["tax_note"] == "No tax: no rate is set for US OR."
        assert "tax_payable" not in books(shop)

    def test_a_state_has_its_own_rate(self, open_taxed):
        shop = open_taxed("US", "tx")

        assert figures(quote_year(shop)) == [("Sales tax", "6.25", 3000)]
        shop.accounts.company["state"] = "OR"
        assert figures(quote_year(shop)) == []

    def test_the_table_of_the_day_of_the_checkout_holds_for_it(self, open_taxed, tmp_path):
        shop = open_taxed("DE")
        checkout = shop.create()
        table(tmp_path / "taxes.toml", [("DE", "", "VAT", "25")], version=2)
        assert commands.taxes(shop.settings, apply=True) == 0
        shop.approve(checkout)
        shop.come_back(checkout)

        assert figures(shop.invoices()[0]) == [("VAT", "19", 9120)]
        assert figures(quote(shop))[0][1] == "25"

    def test_a_quote_opens_and_keeps_nothing(self, open_taxed):
        shop = open_taxed()
        quote_year(shop)

        assert shop.service.list_checkouts(company_id=ACME)["items"] == []
        assert shop.subscription()["state"] == "none"


def checkout_provider(method):
    return "stripe" if method == "card" else "paypal"


class TestWhoPaysNone:
    def test_a_buyer_elsewhere_in_the_union_with_a_vat_id_accounts_for_it(self, open_taxed):
        shop = open_taxed("FR", ACTIONTRAC_BILLING_SELLER_COUNTRY="DE", ACTIONTRAC_BILLING_SELLER_VAT_ID=GERMAN)
        assert figures(quote_year(shop)) == [("VAT", "20", 9600)]
        assert tell(shop, "fr 40 303 265 045") == {"vat_id": FRENCH, "vat_country": "FR", "exempt": False}
        shop.buy()
        invoice = shop.invoices()[0]

        assert (invoice["taxes"], invoice["total_minor"]) == ([], 48000)
        assert invoice["tax_note"] == "Reverse charge: the recipient accounts for the VAT."
        page = text_of(shop, invoice)
        assert f"VAT id {FRENCH}" in page
        assert f"VAT id {GERMAN}" in page
        assert "Reverse charge" in page

    def test_a_vat_id_of_where_the_company_was_before_does_not_count(self, open_taxed):
        shop = open_taxed("FR", ACTIONTRAC_BILLING_SELLER_COUNTRY="DE", ACTIONTRAC_BILLING_SELLER_VAT_ID=GERMAN)
        tell(shop, FRENCH)
        shop.accounts.company["country"] = "DE"

        assert figures(quote_year(shop)) == [("VAT", "19", 9120)]

    def test_a_vat_id_that_is_taken_away_does_not_count(self, open_taxed):
        shop = open_taxed("FR", ACTIONTRAC_BILLING_SELLER_COUNTRY="DE", ACTIONTRAC_BILLING_SELLER_VAT_ID=GERMAN)
        tell(shop, FRENCH)
        assert tell(shop, None)["vat_id"] is None

        assert figures(quote_year(shop)) == [("VAT", "20", 9600)]

    def test_who_is_exempt_pays_none_until_that_ends(self, open_taxed):
        shop = open_taxed("DE")
        assert exempt(shop)["exempt"] is True
        assert (quote_year(shop)["taxes"], quote_year(shop)["tax_note"]) == ([], "No tax: the buyer is exempt.")
        exempt(shop, False)

        assert figures(quote_year(shop)) == [("VAT", "19", 9120)]

    def test_the_vat_id_is_sealed_where_it_rests(self, open_taxed):
        shop = open_taxed("DE")
        tell(shop, GERMAN)
        [row] = shop.rows(TaxProfile)

        assert GERMAN.encode() not in row.vat_id_sealed

    @pytest.mark.parametrize(
        ("vat_id", "country", "says"),
        [
            ("DE136695975", "DE", "not a VAT id of DE"),
            (FRENCH, "DE", "not a VAT id of DE"),
            ("12345", "US", "cannot be checked"),
            ("ESX1234567L", "ES", "identity number"),
        ],
    )
    def test_what_is_no_vat_id_of_the_country_is_refused(self, open_taxed, vat_id, country, says):
        shop = open_taxed(country)

        with pytest.raises(VatIdRefused) as refused:
            tell(shop, vat_id)
        assert says in refused.value.fields[0]["problem"]
        assert shop.service.get_tax_profile(company_id=ACME)["vat_id"] is None

    @pytest.mark.parametrize(
        ("vat_id", "country", "kept"),
        [
            ("136695976", "DE", GERMAN), ("GR094259216", "GR", "EL094259216"), ("EL 094259216", "GR", "EL094259216"),
            ("NL004495445B01", "NL", "NL004495445B01"), ("CHE-107.787.577 IVA", "CH", "CHE107787577IVA"),
        ],
    )  # fmt: skip
    def test_it_is_kept_in_its_shortest_form(self, vat_id, country, kept):
        assert vat_ids.checked(vat_id, country) == kept


class TestAnUpgrade:
    def test_what_is_quoted_is_charged_with_tax_and_only_the_net_is_credited(self, open_taxed):
        shop = open_taxed("DE")
        shop.buy("starter")
        shop.wait(100 * DAY)
        quoted = quote(shop, "team")
        assert (quoted["cost_minor"], quoted["credit_minor"], quoted["subtotal_minor"]) == (34849, 8712, 26137)
        assert (figures(quoted), quoted["charge_minor"]) == ([("VAT", "19", 4966)], 31103)
        upgrade(shop, "team")
        invoice = shop.invoices()[0]

        assert invoice["total_minor"] == 31103
        assert [line["amount_minor"] for line in invoice["lines"]] == [34849, -8712]
        assert shop.stripe.money_kept() == 14280 + 31103

    def test_a_company_that_moves_after_the_quote_is_asked_to_quote_again(self, open_taxed):
        shop = open_taxed("DE")
        shop.buy("starter")
        quoted = quote(shop)
        shop.accounts.company["country"] = "FR"

        with pytest.raises(QuoteOutdated):
            accept(shop, quoted)

    def test_a_table_that_would_change_the_quote_lets_it_be_quoted_again(self, open_taxed, tmp_path):
        shop = open_taxed("DE")
        shop.buy("starter")
        quoted = quote(shop)
        table(tmp_path / "taxes.toml", [("DE", "", "VAT", "25")], version=2)
        commands.taxes(shop.settings, apply=True)

        with pytest.raises(QuoteOutdated):
            accept(shop, quoted)

    def test_a_smaller_plan_costs_nothing_and_no_tax(self, open_taxed):
        shop = open_taxed("DE")
        shop.buy("team")

        assert (quote(shop, "starter")["charge_minor"], quote(shop, "starter")["taxes"]) == (0, [])


class TestQuoteIsCharge:
    @given(
        st.sampled_from(["keep", "reset"]),
        st.integers(0, 360),
        st.decimals(0, 30, places=2),
        st.sampled_from(MODES),
        st.sampled_from(SCOPES),
        st.integers(0, 90),
    )
    @on_a_database()
    def test_what_is_quoted_reaches_the_processor_the_invoice_and_the_books_to_the_cent(
        self, open_shop, tmp_path_factory, anniversary, days, percent, mode, per, off
    ):
        file = tmp_path_factory.mktemp("taxes") / "taxes.toml"
        shop = open_shop(
            ACTIONTRAC_TAXES_FILE=table(file, [("US", "", "Tax", str(percent))]),
            ACTIONTRAC_BILLING_TAX_ROUNDING=mode,
            ACTIONTRAC_BILLING_TAX_PER=per,
        )
        coupon = {}
        if off:
            as_request()
            shop.service.create_coupon(coupon={"code": "SAVE-SOME", "percent": off})
            coupon = {"coupon": "SAVE-SOME"}
        first = quote_year(shop, "starter", **coupon)
        year = shop.buy("starter", **coupon)
        shop.wait(days * DAY)
        second = quote(shop, "team", anniversary=anniversary)
        changed = upgrade(shop, "team", anniversary=anniversary)
        above, below = shop.invoices()

        assert first["amount_minor"] == year["amount_minor"] == below["total_minor"]
        assert second["charge_minor"] == changed["amount_minor"] == above["total_minor"]
        assert second["credit_minor"] <= below["subtotal_minor"], "more is credited than was paid"
        asked = [request.amount.minor for request in shop.stripe.requests]
        assert asked == [first["amount_minor"], second["charge_minor"]]
        for document in (above, below):
            net = sum(line["amount_minor"] for line in document["lines"])
            assert document["total_minor"] == net + sum(tax["amount_minor"] for tax in document["taxes"])
        assert sum(books(shop).values()) == 0


class TestRefunds:
    def test_a_part_that_goes_back_takes_its_part_of_each_tax(self, open_taxed):
        shop = open_taxed("CA", "BC")
        checkout = shop.buy()
        shop.refund(checkout, 5376)
        note = shop.invoices()[0]

        assert (note["subtotal_minor"], note["total_minor"]) == (-4800, -5376)
        assert figures(note) == [("GST", "5", -240), ("PST", "7", -336)]

    def test_what_went_back_is_credited_without_its_tax(self, open_taxed):
        shop = open_taxed("DE")
        checkout = shop.buy("starter")
        shop.refund(checkout, 1190)

        assert quote(shop)["credit_minor"] == 11000

    @given(
        st.lists(st.integers(1, 20000), max_size=5),
        st.lists(st.decimals(0, 30, places=2), max_size=3),
        st.sampled_from(MODES),
        st.sampled_from(SCOPES),
    )
    # Each example is a whole purchase on a real database; the arithmetic alone has its own property.
    @pytest.mark.money
    @on_a_database()
    def test_over_any_chain_of_refunds_net_and_each_tax_come_to_what_was_invoiced(
        self, open_shop, tmp_path_factory, amounts, percents, mode, per
    ):
        file = tmp_path_factory.mktemp("taxes") / "taxes.toml"
        shop = open_shop(
            ACTIONTRAC_TAXES_FILE=table(file, [("US", "", f"Tax {n}", str(p)) for n, p in enumerate(percents)]),
            ACTIONTRAC_BILLING_TAX_ROUNDING=mode,
            ACTIONTRAC_BILLING_TAX_PER=per,
        )
        checkout = shop.buy("starter")
        left = checkout["amount_minor"]
        for amount in [*amounts, left]:
            amount = min(amount, left)
            if amount:
                shop.refund(checkout, amount)
                left -= amount
        *notes, invoice = shop.invoices()

        assert invoice["total_minor"] == invoice["subtotal_minor"] + sum(t["amount_minor"] for t in invoice["taxes"])
        assert sum(note["subtotal_minor"] for note in notes) == -invoice["subtotal_minor"]
        for number, tax in enumerate(invoice["taxes"]):
            assert sum(note["taxes"][number]["amount_minor"] for note in notes) == -tax["amount_minor"]
        assert set(books(shop).values()) == {0}


class TestPaper:
    def test_the_ledger_as_csv_has_the_tax_in_an_account_of_its_own(self, open_taxed, capsys):
        shop = open_taxed("DE")
        shop.buy()
        capsys.readouterr()
        assert commands.ledger(shop.settings) == 0
        rows = {row["account"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}

        assert Decimal(rows["tax_payable"]["credit"]) == Decimal("91.20")
        assert Decimal(rows["cash_stripe"]["debit"]) == Decimal("571.20")

    def test_the_page_shows_the_sum_without_tax_and_each_tax(self, open_taxed):
        shop = open_taxed("CA", "BC")
        shop.refund(shop.buy(), 5376)
        note, invoice = shop.invoices()

        page = text_of(shop, invoice)
        for said in ("Subtotal without tax", "480.00 USD", "GST 5 % of 480.00 USD", "PST 7 % of 480.00 USD", "537.60"):
            assert said in page
        assert "-3.36 USD" in text_of(shop, note)


def text_of(shop, invoice):
    return words(pdf(shop, invoice))


class TestSettings:
    @pytest.mark.parametrize(
        "environment",
        [
            {"ACTIONTRAC_BILLING_SELLER_COUNTRY": "Germany"},
            {"ACTIONTRAC_BILLING_SELLER_COUNTRY": "DE", "ACTIONTRAC_BILLING_SELLER_VAT_ID": "DE1"},
            {"ACTIONTRAC_BILLING_SELLER_VAT_ID": GERMAN},
            {"ACTIONTRAC_BILLING_TAX_ROUNDING": "up"},
            {"ACTIONTRAC_BILLING_TAX_PER": "page"},
        ],
    )
    def test_a_wrong_one_is_explained(self, tmp_path, environment):
        with pytest.raises(ConfigurationError):
            taxing.rules_of(settings_for(tmp_path, **environment))

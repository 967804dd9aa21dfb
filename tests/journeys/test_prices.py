"""What a year costs: plans and taxes that are applied while the product runs, a coupon, a VAT id, a new year."""

from pathlib import Path

import pytest

from actiontrac.demo.client import Customer, pay
from tests.journeys.conftest import Start
from tests.journeys.people import joined, staff
from tests.stack import Product

PLANS = """
[[plan]]
code = "solo"
name = "Solo"
version = {version}
worker_limit = 10
prices = {{ EUR = {price} }}

[[plan]]
code = "many"
name = "Many"
version = 1
worker_limit = 100
prices = {{ EUR = 90000 }}
"""
TAXES = """
version = {version}

[[rate]]
country = "FR"
name = "VAT"
percent = "{percent}"
since = 2021-01-01
source = "made up for this test"
"""
SELLER, BUYER = "DE136695976", "FR40303265045"


@pytest.fixture(scope="module", params=["embedded", pytest.param("full", marks=pytest.mark.full)])
def product(request: pytest.FixtureRequest, products: Start, tmp_path_factory: pytest.TempPathFactory) -> Product:
    folder = tmp_path_factory.mktemp("files")
    plans, taxes = folder / "plans.toml", folder / "taxes.toml"
    plans.write_text(PLANS.format(version=1, price=10000))
    taxes.write_text("version = 1\n")
    return products(
        request.param,
        ACTIONTRAC_PLANS_FILE=str(plans),
        ACTIONTRAC_TAXES_FILE=str(taxes),
        ACTIONTRAC_BILLING_SELLER_COUNTRY="DE",
        ACTIONTRAC_BILLING_SELLER_VAT_ID=SELLER,
    )


def file_of(product: Product, name: str) -> Path:
    return Path(product.environment[f"ACTIONTRAC_{name}_FILE"])


def french(product: Product) -> Customer:
    owner = joined(product)
    owner.http.json("PATCH", "/v1/company", json={"country": "FR", "state": "Rhone"})
    return owner


def quote(owner: Customer, **wanted: object) -> dict:
    asked = {"plan": "solo", "currency": "EUR", **wanted}
    return owner.http.json("POST", "/v1/checkouts/quotes", json=asked)


def buy(owner: Customer, key: str, **wanted: object) -> dict:
    asked = {"plan": "solo", "currency": "EUR", "method": "card", **wanted}
    checkout = owner.http.json("POST", "/v1/checkouts", json=asked, key=key, expect=201)
    pay(checkout)
    return owner.wait_paid(checkout["id"])


def test_what_an_operator_applies_holds_at_once_and_buyers_keep_what_they_have(product):
    early = french(product)
    assert quote(early)["amount_minor"] == 10000
    buy(early, "early-1")
    file_of(product, "PLANS").write_text(PLANS.format(version=2, price=20000))
    file_of(product, "TAXES").write_text(TAXES.format(version=2, percent="20"))
    for what in ("plans", "taxes"):
        applied = product.command("billing", what, "--apply")
        assert (applied.returncode, "Applied" in applied.stdout) == (0, True), applied.stdout + applied.stderr

    late = french(product)
    quoted = quote(late)
    assert (quoted["plan_version"], quoted["subtotal_minor"], quoted["amount_minor"]) == (2, 20000, 24000)
    assert buy(late, "late-1", method="paypal")["amount_minor"] == 24000
    assert early.http.json("GET", "/v1/subscription")["plan_version"] == 1
    assert late.http.json("GET", "/v1/subscription")["plan_version"] == 2


def test_a_coupon_of_the_staff_and_a_vat_id_stand_on_the_invoice_that_is_charged(product):
    owner = french(product)
    made = staff(product).json("POST", "/v1/staff/coupons", json={"percent": 25, "total_limit": 1}, expect=201)
    owner.http.json("POST", "/v1/staff/coupons", json={"percent": 25}, expect=403)
    before = quote(owner, coupon=made["code"])
    assert (before["subtotal_minor"], before["taxes"][0]["amount_minor"]) == (15000, 3000)
    wrong = owner.http.json("PATCH", "/v1/tax-profile", json={"vat_id": "FR40303265046"}, expect=422)
    assert (wrong["code"], wrong["fields"][0]["field"]) == ("vat_id_refused", "vat_id")
    owner.http.json("PATCH", "/v1/tax-profile", json={"vat_id": BUYER})
    assert quote(owner, coupon=made["code"])["amount_minor"] == 15000
    paid = buy(owner, "coupon-1", coupon=made["code"].lower())
    invoice = owner.http.json("GET", "/v1/invoices")["items"][0]

    assert paid["amount_minor"] == invoice["total_minor"] == 15000
    assert [line["amount_minor"] for line in invoice["lines"]] == [20000, -5000]
    assert invoice["tax_note"].startswith("Reverse charge")
    other = french(product)
    used_up = other.http.json(
        "POST", "/v1/checkouts/quotes", json={"plan": "solo", "currency": "EUR", "coupon": made["code"]}, expect=409
    )
    assert used_up["code"] == "coupon_used_up"
    listed = staff(product).json("GET", "/v1/staff/coupons")["items"]
    assert [(one["reserved"], one["redeemed"]) for one in listed] == [(0, 1)]
    ended = staff(product).json("POST", f"/v1/staff/coupons/{made['code']}/end")
    assert ended["ended_on"]


def test_an_exempt_company_pays_no_tax_and_a_refund_takes_its_part_of_the_tax(product):
    owner = french(product)
    paid = buy(owner, "refund-1")
    refund = {"checkout_id": paid["id"], "amount_minor": 2400, "reason": "A good customer"}
    owner.http.json("POST", "/v1/refunds", json=refund, key="refund-2", expect=201)
    note = owner.http.json("GET", "/v1/invoices")["items"][0]
    assert (note["kind"], note["subtotal_minor"], note["total_minor"]) == ("credit_note", -2000, -2400)
    page = owner.http.request("GET", f"/v1/invoices/{note['id']}/pdf")
    assert page.content[:5] == b"%PDF-"
    books = product.command("billing", "ledger").stdout
    assert "tax_payable" in books

    other = french(product)
    company_id = other.http.json("GET", "/v1/me")["company_id"]
    exemption = {"exempt": True, "reason": "Certificate seen"}
    path = f"/v1/staff/companies/{company_id}/tax-exemption"
    other.http.json("POST", path, json=exemption, expect=403)
    staff(product).json("POST", path, json=exemption)
    assert quote(other)["tax_note"] == "No tax: the buyer is exempt."


def test_an_upgrade_that_begins_a_new_year_is_charged_as_quoted(product):
    owner = french(product)
    buy(owner, "upgrade-1")
    asked = {"plan": "many", "anniversary": "reset"}
    quoted = owner.http.json("POST", "/v1/plan-changes/quotes", json=asked, expect=201)
    assert (quoted["subtotal_minor"], quoted["charge_minor"]) == (70000, 84000)
    wanted = {"quote_id": quoted["id"], "method": "card"}
    changed = owner.http.json("POST", "/v1/plan-changes", json=wanted, key="upgrade-2", expect=201)
    pay(changed["checkout"])

    assert owner.wait_paid(changed["checkout"]["id"])["amount_minor"] == 84000
    after = owner.http.json("GET", "/v1/subscription")
    assert (after["plan"], after["ends_on"]) == ("many", quoted["year_ends_on"])

"""Journey 1: register, pay with the answer lost, import a messy file, see that the plan is right."""

import secrets
from typing import Any

import pytest

from actiontrac.contracts.accounts import Registration
from actiontrac.demo.client import Customer, Http, pay, wait_for
from tests.journeys.people import joined, staff
from tests.stack import Product

GOOD_ROWS = 120
KINDS = ("Full-time", "FT", "part time", "Contractor", "1099", "Temp", "seasonal", "")
STATUSES = ("Active", "current", "A", "On leave", "")

#: What is wrong with the bad rows, and in which field the answer must say so.
BAD_ROWS = {
    "Card,Holder;B-1;card.holder@plant.example;;;;;keeps 5555 5555 5555 4444 in the drawer": "notes",
    "Birth, Day;B-2;birth.day@plant.example;;;;;born 12/03/1984": "notes",
    "Nofirst;B-3;nofirst@plant.example;;;;;": "full_name",
    "Wrong, Mail;B-4;not an address;;;;;": "work_email",
    "Wrong, Kind;B-5;wrong.kind@plant.example;king;;;;": "kind",
    "Wrong, Day;B-6;wrong.day@plant.example;;;someday;;": "started_on",
}


def messy_file() -> str:
    """As a small company's spreadsheet writes it: a mark at the start, semicolons, headers of its own."""
    lines = ["Name;Emp. No.;E-Mail Address;Employment type;Working status;Start date (dd/mm/yyyy);Dept.;Remarks"]
    for number in range(GOOD_ROWS):
        cells = [
            f'"Miller{number}, Ann{number}"' if number % 2 else f"Ann{number} Miller{number}",
            f' "E-{number:04}" ' if number % 3 else f'="E-{number:04}"',
            f"ann{number}@plant.example".upper() if number % 5 == 0 else f"ann{number}@plant.example",
            KINDS[number % len(KINDS)],
            STATUSES[number % len(STATUSES)],
            f"{number % 28 + 1:02}/{number % 12 + 1:02}/{2015 + number % 8}",
            ("Assembly", "assembly ", "Paint shop")[number % 3],
            'says ""hello"", twice; really' and '"says ""hello""; twice"' if number % 10 == 0 else "",
        ]
        lines.append(";".join(cells))
        if number % 40 == 0:
            lines.append(";;;;;;;")
    lines += [f'"{name}";{rest}' for name, _, rest in (row.partition(";") for row in BAD_ROWS)]
    return "\ufeff" + "\r\n".join(lines) + "\r\n"


@pytest.fixture(scope="module")
def owner(product: Product) -> Customer:
    return joined(product)


def test_eleven_fields_are_all_that_a_registration_asks_for(product: Product) -> None:
    required = {name for name, field in Registration.model_fields.items() if field.is_required()}
    customer = Customer(product.url)
    assert set(customer.registration()) == required
    assert len(required) == 11
    for name in sorted(required):
        without = {key: value for key, value in customer.registration().items() if key != name}
        refusal = product.http().json("POST", "/v1/registrations", json=without, expect=422)
        assert [one["field"] for one in refusal["fields"]] == [name]


def test_promotions_are_off_because_the_box_was_not_ticked(product: Product, owner: Customer) -> None:
    wanted = {one["category"]: one["on"] for one in owner.http.json("GET", "/v1/me/email-preferences")["items"]}
    assert wanted["promotions"] is False
    assert wanted["educational"] is False
    subject = f"Autumn webinar {secrets.token_hex(3)}"
    ticked = Customer(product.url)
    product.http().request(
        "POST", "/v1/registrations", json={**ticked.registration(), "receives_promotions": True}, expect=202
    )
    ticked.verify()
    campaign = {"name": subject, "subject": subject, "heading": subject, "body": "An hour about onboarding."}
    operators = staff(product)
    made = operators.json("POST", "/v1/campaigns", json=campaign, expect=201)
    wait_for("the campaign", lambda: _sent(operators, made["id"]), 60)
    ticked.mailbox.wait(subject)
    assert owner.mailbox.find(subject) is None


def _sent(operators: Http, campaign_id: str) -> dict[str, Any] | None:
    found: dict[str, Any] = operators.json("GET", f"/v1/campaigns/{campaign_id}")
    return found if found["status"] == "sent" else None


def test_before_the_address_is_confirmed_nothing_can_be_bought_or_added(product: Product) -> None:
    newcomer = Customer(product.url)
    newcomer.register()
    newcomer.sign_in()
    worker = {"first_name": "Too", "last_name": "Early"}
    newcomer.http.request("POST", "/v1/workers", json=worker, expect=403)
    order = {"plan": "starter", "method": "card"}
    newcomer.http.request("POST", "/v1/checkouts", json=order, key=secrets.token_hex(8), expect=403)
    newcomer.verify()

    # The gateway, which knew the session, hears of it from accounts.
    def added() -> bool:
        return newcomer.http.request("POST", "/v1/workers", json=worker, expect=(201, 403)).status_code == 201

    wait_for("the rights", added, 2)


def test_a_paypal_payment_whose_answer_is_lost_is_unknown_and_then_paid_once(product: Product, owner: Customer) -> None:
    # Nobody tells us: no webhook comes, and the answer to the capture is lost.
    product.control("POST", "webhooks", json={"provider": "paypal", "mode": "hold"})
    try:
        checkout = owner.buy("business", "paypal")
        # A quick repeat with the same key meets the same bad luck.
        lost = {"provider": "paypal", "operation": "orders.capture", "kind": "reset_after", "count": 4}
        product.control("POST", "faults", json=lost)
        back = pay(checkout)
        assert "charged once at most" in back.text or "is being checked" in back.text, "the page claims to know"
        assert charges(product, checkout["id"]) == 1, "the money has moved, although nobody answered"
        stands = [one for one in owner.http.json("GET", "/v1/checkouts")["items"] if one["id"] == checkout["id"]]
        assert stands[0]["state"] == "unknown"
        assert owner.http.json("GET", "/v1/subscription")["state"] != "active"
        paid = owner.wait_paid(checkout["id"], 60)
    finally:
        product.control("DELETE", "faults")
        product.control("POST", "webhooks", json={"provider": "paypal", "mode": "normal"})
        product.control("POST", "webhooks/release", json={"provider": "paypal"})
    assert paid["amount_minor"] == 180000
    assert charges(product, checkout["id"]) == 1
    subscription = owner.http.json("GET", "/v1/subscription")
    assert (subscription["state"], subscription["plan"], subscription["renews_automatically"]) == (
        "active",
        "business",
        False,
    )
    invoices = owner.http.json("GET", "/v1/invoices")["items"]
    assert [(one["checkout_id"], one["total_minor"], one["paid"]) for one in invoices] == [
        (checkout["id"], 180000, True)
    ]
    owner.mailbox.wait(invoices[0]["number"])
    assert len([mail for mail in owner.mailbox.all() if invoices[0]["number"] in mail["subject"]]) == 1


def charges(product: Product, checkout_id: str) -> int:
    """How often money moved at the provider for a checkout: the provider's word, not ours."""
    entries = product.control("GET", "ledger")
    return len(
        [one for one in entries if one["kind"] in ("capture", "charge") and one.get("payment_id") == checkout_id]
    )


def test_a_messy_file_is_looked_at_then_taken_and_the_second_time_changes_nothing(owner: Customer) -> None:
    dry = take(owner, dry_run=True)
    assert dry["status"] == "checked"
    assert (dry["created"], dry["updated"], dry["failed"]) == (GOOD_ROWS, 0, len(BAD_ROWS))
    assert owner.http.json("GET", "/v1/workers")["items"] == [], "a dry run made workers"
    done = take(owner)
    assert done["status"] == "done"
    assert (done["rows"], done["created"]) == (GOOD_ROWS + len(BAD_ROWS), GOOD_ROWS)
    assert [error["field"] for error in done["errors"]] == list(BAD_ROWS.values())
    told = str(done["errors"])
    assert not [value for value in ("5555", "1984", "not an address", "king", "someday") if value in told]
    again = take(owner)
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, GOOD_ROWS)
    kept = owner.http.json("GET", f"/v1/worker-imports/{done['id']}")
    assert kept["created"] == GOOD_ROWS


def take(owner: Customer, *, dry_run: bool = False) -> dict[str, Any]:
    taken: dict[str, Any] = owner.http.json(
        "POST",
        "/v1/worker-imports",
        params={"dry_run": str(dry_run).lower(), "file_name": "staff list.csv"},
        data=messy_file().encode(),
        headers={"Content-Type": "text/csv"},
        expect=201,
    )
    return taken


def test_what_was_imported_reads_as_it_was_meant(owner: Customer) -> None:
    found = owner.http.json("GET", "/v1/workers", params={"search": "E-0001"})["items"]
    assert [(one["first_name"], one["last_name"], one["kind"], one["started_on"]) for one in found] == [
        ("Ann1", "Miller1", "employee", "2016-02-02")
    ]
    paged, cursor = 0, None
    while True:
        page = owner.http.json("GET", "/v1/workers", params={"limit": 50, **({"cursor": cursor} if cursor else {})})
        paged += len(page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert paged == GOOD_ROWS


def test_the_meter_bills_what_was_imported_and_names_the_right_plan(owner: Customer) -> None:
    usage = wait_for("the count at billing", lambda: _usage(owner, GOOD_ROWS))
    assert usage["plan"] == "business"
    assert usage["worker_limit"] == 250
    assert usage["percent"] == 48
    assert usage["advice"]["direction"] == "fits", "120 workers fit no smaller plan than this one"
    assert usage["advice"]["plan"] == "business"


def test_a_company_that_bought_too_little_is_told_which_plan_holds_it(product: Product) -> None:
    owner = joined(product)
    checkout = owner.buy("starter", "card")
    pay(checkout)
    owner.wait_paid(checkout["id"])
    take(owner)
    usage = wait_for("the count at billing", lambda: _usage(owner, GOOD_ROWS))
    assert usage["advice"]["direction"] == "up"
    assert usage["advice"]["plan"] == "business", "the cheapest plan that holds 120 workers"
    owner.mailbox.wait("more workers than your plan")
    owner.mailbox.wait("fits you better")


def _usage(owner: Customer, managed: int) -> dict[str, Any] | None:
    usage: dict[str, Any] = owner.http.json("GET", "/v1/usage")
    return usage if usage["managed"] == managed else None

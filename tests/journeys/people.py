"""People who use the product in the journeys, each made over HTTP as in life."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from actiontrac import clock
from actiontrac.contracts.accounts import Role
from actiontrac.demo.client import Customer, Http, pay, token_in, wait_for
from tests.stack import Product


def joined(product: Product, name: str = "") -> Customer:
    """The owner of a new company, confirmed and signed in."""
    customer = Customer(product.url, name)
    customer.join()
    return customer


def member(product: Product, owner: Customer, role: Role) -> Customer:
    """Somebody whom the owner invited, who accepted and signed in."""
    invited = Customer(product.url, f"{role.replace('_', '-')}-{secrets.token_hex(4)}")
    invite(owner, invited.email, role)
    accept(invited)
    invited.sign_in()
    return invited


def invite(owner: Customer, email: str, role: Role) -> dict[str, Any]:
    invitation = {"email": email, "role": role}
    made: dict[str, Any] = owner.http.json("POST", "/v1/invitations", json=invitation, expect=201)
    return made


def accept(invited: Customer) -> None:
    mail = invited.mailbox.wait("invite")
    acceptance = {
        "token": token_in(mail, "/accept-invitation"),
        "first_name": "Mo",
        "last_name": "Harper",
        "user_id": invited.name,
        "password": invited.password,
    }
    invited.http.request("POST", "/v1/invitations/acceptances", json=acceptance)


def staff(product: Product) -> Http:
    """The operators, by their token."""
    http = product.http()
    http.token = product.settings.secret("STAFF_TOKEN")
    return http


def subscribe(customer: Customer, plan: str = "starter", method: str = "card") -> dict[str, Any]:
    """Buy a year; the paid checkout."""
    checkout = customer.buy(plan, method)
    pay(checkout)
    return customer.wait_paid(checkout["id"])


@dataclass(frozen=True, kw_only=True)
class Belongings:
    """One of everything that a company can own and an address can name."""

    worker: str
    action: str
    template: str
    vacancy: str
    checkout: str
    invoice: str
    bill: str
    imported: str
    invitation: str
    member: str
    session: str
    cursor: str


def furnish(product: Product, owner: Customer) -> Belongings:
    """Make one of everything for a company."""
    http = owner.http
    checkout = subscribe(owner)
    worker = owner.add_worker(notes="Knows the old press.", tags=["forklift"])
    file = "Number;First name;Surname\nN-1;Ines;Ferro\nN-2;Paul;Brandt\n"
    imported = http.json("POST", "/v1/worker-imports", json={"text": file}, expect=201)
    action = http.json(
        "POST", f"/v1/workers/{worker['id']}/actions", json={"kind": "task", "text": "Oil the press."}, expect=201
    )
    template = {"name": "First week", "kind": "task", "text": "Show the exits."}
    begun = http.json("POST", "/v1/action-templates", json=template, expect=201)
    vacancy = http.json("POST", "/v1/vacant-positions", json={"title": "Press operator"}, expect=201)
    merchant = {"provider": "paypal", "merchant_id": "WNM9VDLXSZPFW"}
    http.request("POST", "/v1/contractor/account", json=merchant, expect=201)
    sold = {
        "client": {"name": "Clara Finch", "email": f"clara-{secrets.token_hex(4)}@client.example"},
        "lines": [{"description": "Fitting", "unit_minor": 6000}],
        # Other journeys move the calendar of the product that they share.
        "due_on": (clock.today() + timedelta(days=90)).isoformat(),
    }
    bill = http.json("POST", "/v1/contractor/bills", json=sold, key=secrets.token_hex(12), expect=201)
    invitation = invite(owner, f"guest-{secrets.token_hex(4)}@customer.example", "viewer")
    colleague = member(product, owner, "hr_manager")
    session = wait_for("the session", lambda: http.json("GET", "/v1/sessions")["items"])[0]
    page = http.json("GET", "/v1/workers", params={"limit": 1})
    invoices = wait_for("the invoice", lambda: http.json("GET", "/v1/invoices")["items"])
    return Belongings(
        worker=worker["id"],
        action=action["id"],
        template=begun["id"],
        vacancy=vacancy["id"],
        checkout=checkout["id"],
        invoice=invoices[0]["id"],
        bill=bill["id"],
        imported=imported["id"],
        invitation=invitation["id"],
        member=colleague.http.json("GET", "/v1/me")["id"],
        session=session["id"],
        cursor=page["next_cursor"],
    )

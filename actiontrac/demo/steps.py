"""The steps of ``actiontrac demo``: each says what it did and what came back."""

import re
import secrets
from typing import Any

import requests

from actiontrac.config import Settings
from actiontrac.demo.client import Customer, Http, Mailbox, WrongAnswer, path_of, pay, wait_for


def _say(number: int, what: str, came: str) -> None:
    print(f"{number:2}. {what}\n    → {came}", flush=True)


def _money(minor: int, currency: str) -> str:
    return f"{minor / 100:.2f} {currency}"


class Demo:
    def __init__(self, url: str, settings: Settings) -> None:
        self._url = url
        self._staff = Http(url)
        self._staff.token = settings.secret("STAFF_TOKEN")
        self._step = 0

    def say(self, what: str, came: str) -> None:
        self._step += 1
        _say(self._step, what, came)

    def run(self) -> None:
        visitor = Http(self._url)
        plans = visitor.json("GET", "/v1/plans")["items"]
        self.say("Anybody looks at the plans", ", ".join(f"{p['name']} up to {p['worker_limit']}" for p in plans))
        card = self.join("card")
        self.pay(card, "starter", "card")
        self.workers(card)
        paypal = self.join("PayPal")
        self.pay(paypal, "team", "paypal")
        self.isolation(card, paypal)
        self.promotions(card)
        self.leave(card)
        print("\nEverything answered as it should.", flush=True)

    def join(self, method: str) -> Customer:
        customer = Customer(self._url)
        customer.register()
        self.say(
            f"A company registers with the 11 fields of the policy (it will pay by {method})",
            "accepted; no promotions unless asked for",
        )
        mail = customer.mailbox.wait("confirm")
        customer.verify()
        self.say("Its owner confirms the address", f"mail {mail['subject']!r}")
        session = customer.sign_in()
        me = customer.http.json("GET", "/v1/me")
        self.say(
            "The owner signs in", f"{me['user_id']} as {session['role']}, until {session['expires_at']} at the latest"
        )
        preferences = customer.http.json("GET", "/v1/me/email-preferences")["items"]
        if any(p["on"] for p in preferences if p["category"] == "promotions"):
            raise WrongAnswer("promotions are on although nobody asked for them")
        return customer

    def pay(self, customer: Customer, plan: str, method: str) -> None:
        key = secrets.token_hex(12)
        checkout = customer.buy(plan, method, key=key)
        again = customer.buy(plan, method, key=key)
        if again["id"] != checkout["id"]:
            raise WrongAnswer("the same Idempotency-Key made two checkouts")
        self.say(
            f"A checkout for a year of {plan}",
            f"{_money(checkout['amount_minor'], checkout['currency'])} at {path_of(checkout['approval_url'])}",
        )
        pay(checkout, "decline")
        state = customer.checkout(checkout["id"])["state"]
        if state == "paid":
            raise WrongAnswer("a declined payment counts as paid")
        self.say("The first try is declined on the provider's page", f"the checkout is {state}; nothing was charged")
        back = pay(customer.checkout(checkout["id"]), "pay")
        paid = customer.wait_paid(checkout["id"])
        self.say(
            "The second try succeeds" + (" after 3-D Secure" if method == "card" else ""),
            f"browser back at {path_of(back.url)}; paid at {paid['paid_at']}",
        )
        subscription = customer.http.json("GET", "/v1/subscription")
        if subscription["state"] != "active" or subscription["renews_automatically"]:
            raise WrongAnswer(f"the subscription is {subscription}")
        self.say(
            "The plan's status", f"{subscription['plan']} until {subscription['ends_on']}, never renewed by itself"
        )
        invoice = customer.http.json("GET", "/v1/invoices")["items"][0]
        receipt = customer.mailbox.wait(invoice["number"])
        welcome = customer.mailbox.wait("welcome")
        self.say("Mail about it, from billing's events", f"{welcome['subject']!r} and {receipt['subject']!r}")

    def workers(self, customer: Customer) -> None:
        http = customer.http
        refused = http.json(
            "POST",
            "/v1/workers",
            expect=422,
            json={"first_name": "Wes", "last_name": "Hart", "notes": "born 12/03/1984"},
        )
        if "1984" in str(refused):
            raise WrongAnswer("the refusal repeats the forbidden value")
        self.say("A birth date in a worker's notes is refused", f"{refused['code']}: {refused['fields'][0]['field']}")
        for number in range(8):
            customer.add_worker(first_name=f"Worker{number}", last_name="Mills", department="Assembly", title="Fitter")
        warned = customer.mailbox.wait("8 of 10")
        self.say("Eight workers of ten", f"mail {warned['subject']!r}")
        found = http.json("GET", "/v1/workers", params={"search": "worker3 mills"})["items"]
        if [w["first_name"] for w in found] != ["Worker3"]:
            raise WrongAnswer(f"the search found {found}")
        self.say(
            "Searching for one of them",
            f"{found[0]['first_name']} {found[0]['last_name']}, {found[0]['worker_number']}",
        )
        for number in range(8, 12):
            customer.add_worker(first_name=f"Worker{number}", last_name="Mills")
        usage = wait_for("the count at billing", lambda: self._usage(http, 12))
        advice = usage["advice"] or {}
        self.say(
            "Four more than the plan allows",
            f"{usage['managed']} of {usage['worker_limit']}; advice: {advice.get('direction')} to {advice.get('plan')}",
        )
        over = customer.mailbox.wait("more workers than your plan")
        advised = customer.mailbox.wait("fits you better")
        self.say("Mail about it", f"{over['subject']!r} and {advised['subject']!r}")

    def _usage(self, http: Http, managed: int) -> dict[str, Any] | None:
        usage: dict[str, Any] = http.json("GET", "/v1/usage")
        return usage if usage["managed"] == managed else None

    def isolation(self, one: Customer, other: Customer) -> None:
        worker = one.http.json("GET", "/v1/workers", params={"limit": 1})["items"][0]
        other.http.request("GET", f"/v1/workers/{worker['id']}", expect=404)
        self.say("The other company asks for one of these workers", "404: for it there is no such worker")

    def campaign(self, subject: str) -> dict[str, Any]:
        campaign = self._staff.json(
            "POST",
            "/v1/campaigns",
            expect=201,
            json={
                "name": subject,
                "category": "promotions",
                "subject": subject,
                "heading": subject,
                "body": "An hour about onboarding well.\n\nNo slides, only practice.",
            },
        )

        def sent() -> dict[str, Any] | None:
            found: dict[str, Any] = self._staff.json("GET", f"/v1/campaigns/{campaign['id']}")
            return found if found["status"] == "sent" else None

        return wait_for("the end of the campaign", sent, 60)

    def promotions(self, customer: Customer) -> None:
        customer.http.json("PATCH", "/v1/me/email-preferences", json={"categories": {"promotions": True}})
        subject = f"Webinar {secrets.token_hex(3)}"
        counted = self.campaign(subject)
        mail = customer.mailbox.wait(subject)
        self.say(
            "The owner asks for promotions, and a campaign goes out",
            f"{counted['sent']} sent, {counted['suppressed']} held back; mail {mail['subject']!r}",
        )
        link = self._unsubscribe_link(mail)
        looked = requests.get(link, timeout=30)
        if looked.status_code != 200 or not self._wants_promotions(customer):
            raise WrongAnswer("reading the unsubscribe link changed something")
        self.say("A mail scanner fetches the opt-out link", "a page with a button; nothing changed")
        clicked = requests.post(link, data={"List-Unsubscribe": "One-Click"}, timeout=30)
        if clicked.status_code != 200 or self._wants_promotions(customer):
            raise WrongAnswer(f"one click did not opt out ({clicked.status_code})")
        self.say("One click opts out (RFC 8058)", "promotions are off")
        subject = f"Webinar {secrets.token_hex(3)}"
        counted = self.campaign(subject)
        if customer.mailbox.find(subject):
            raise WrongAnswer("a promotion came after the opt-out")
        self.say(
            "The next campaign", f"{counted['sent']} sent, {counted['suppressed']} held back; nothing for this owner"
        )

    def _unsubscribe_link(self, mail: dict[str, Any]) -> str:
        headers = mail["headers"]
        pairs = headers.items() if isinstance(headers, dict) else headers
        values = {str(name).lower(): value for name, value in pairs}
        found = re.search(r"<(https?://[^>]+)>", str(values.get("list-unsubscribe", "")))
        if found is None or "one-click" not in str(values.get("list-unsubscribe-post", "")).lower():
            raise WrongAnswer("a promotion without a one-click opt-out")
        return found.group(1)

    def _wants_promotions(self, customer: Customer) -> bool:
        items = customer.http.json("GET", "/v1/me/email-preferences")["items"]
        return any(item["on"] for item in items if item["category"] == "promotions")

    def leave(self, customer: Customer) -> None:
        customer.http.request("DELETE", "/v1/sessions/current", expect=(200, 204))
        wait_for(
            "the end of the session",
            lambda: customer.http.request("GET", "/v1/me", expect=(200, 401)).status_code == 401,
            2,
        )
        self.say("The owner signs out", "the token is dead: 401")


def run(url: str, settings: Settings) -> int:
    """Do it all; 1 at the first thing that is wrong."""
    try:
        if requests.get(f"{url}/readyz", timeout=10).status_code != 200:
            raise WrongAnswer(f"{url} is not ready")
        Demo(url, settings).run()
    except requests.ConnectionError:
        print(f"Nothing answers at {url}; start the product with: make run", flush=True)
        return 1
    except (WrongAnswer, KeyError) as problem:
        print(f"\nWRONG: {problem}", flush=True)
        return 1
    return 0


def run_full(replicas: int) -> int:
    """The same against one process per service on real servers, started and stopped here."""
    try:
        from tests.stack import full_stack
    except ImportError:
        print("demo --full needs the source tree: its servers are started by tests/.", flush=True)
        return 1
    with full_stack(replicas=replicas) as stack:
        return run(stack.url, stack.settings)


__all__ = ["Mailbox", "run", "run_full"]

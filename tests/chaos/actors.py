"""Those who use the product while it is being cut off: they repeat what was not answered, and nothing else."""

import html
import re
import uuid
from typing import Any

import requests

from actiontrac.demo.client import Customer, Http, token_in, wait_for
from tests.chaos.lane import ANY, Lane

#: What a buyer enters on the processor's page. 4000 0027 6000 3184 always asks for 3-D Secure.
ENTERED = {
    ("card", "pay"): {"number": "4000002760003184", "auth": "pass"},
    ("card", "decline"): {"number": "4000000000000002"},
    ("paypal", "pay"): {"act": "ok"},
    ("paypal", "decline"): {"act": "declined"},
}


def new_key() -> str:
    return str(uuid.uuid4())


class Actor:
    """The owner of a company, with a patient program and a patient browser."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.customer = Customer(lane.product.url)
        self.company_id = ""

    def join(self) -> "Actor":
        """Register, confirm, sign in, while nothing is cut off."""
        self.customer.join()
        self.company_id = self.lane.truth.company_of(self.customer.name) or ""
        return self

    def send(
        self,
        method: str,
        path: str,
        *,
        wanted: tuple[int, ...] = (200, 201, 202, 204),
        http: Http | None = None,
        **options: Any,
    ) -> requests.Response:
        """One request, repeated under its key until it is answered."""
        caller = http or self.customer.http
        key = options.pop("key", None) or (None if method == "GET" else new_key())
        return self.lane.insist(lambda: caller.request(method, path, expect=ANY, key=key, **options), wanted)

    def sign_in(self) -> None:
        answer = self.send(
            "POST",
            "/v1/sessions",
            wanted=(201,),
            json={"user_id": self.customer.name, "password": self.customer.password, "mode": "bearer"},
        )
        self.customer.http.token = answer.json()["token"]

    # Buying

    def order(self, method: str, plan: str = "starter") -> dict[str, Any]:
        answer = self.send("POST", "/v1/checkouts", wanted=(201,), json={"plan": plan, "method": method})
        checkout: dict[str, Any] = answer.json()
        return checkout

    def look(self, checkout: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.send("GET", f"/v1/checkouts/{checkout['id']}").json()
        return found

    def pay(self, checkout: dict[str, Any], how: str = "pay", *, come_back: bool = True) -> None:
        """On the processor's page; whose connection broke looks at the page before pressing anything again."""
        page = checkout["approval_url"]
        for _ in range(20):
            looked = self._browse("GET", page, (200, 410))
            if looked.status_code == 410:
                # Paid: the answer to the first press was lost.
                link = re.search(r'href="(http[^"]+)"', looked.text)
                where = html.unescape(link.group(1)) if link else ""
                break
            try:
                pressed = requests.post(page, data=ENTERED[checkout["method"], how], allow_redirects=False, timeout=30)
            except requests.RequestException:
                self.lane.mend()
                continue
            if pressed.status_code in (302, 303):
                where = pressed.headers["Location"]
                break
            self.lane.mend()
        else:
            raise AssertionError("the payment page did not take the payment")
        if come_back and where.startswith("http"):
            self._browse("GET", where, (200,))

    def _browse(self, method: str, address: str, wanted: tuple[int, ...]) -> requests.Response:
        return self.lane.insist(lambda: requests.request(method, address, timeout=30), wanted)

    def refund(self, checkout: dict[str, Any], **fields: Any) -> dict[str, Any]:
        asked = {"checkout_id": checkout["id"], "reason": "Bought by mistake.", **fields}
        made: dict[str, Any] = self.send("POST", "/v1/refunds", wanted=(201,), json=asked).json()
        return made

    # Mail

    def token(self, template_path: str, words: str) -> str:
        """The secret of the link in the newest mail with these words in its subject."""

        def mail() -> dict[str, Any] | None:
            self.lane.mend()
            try:
                return self.customer.mailbox.find(words)
            except requests.RequestException:
                return None

        return token_in(wait_for(f"the mail {words!r}", mail, 60), template_path)


def staff(lane: Lane) -> Http:
    http = lane.product.http()
    http.token = lane.product.settings.secret("STAFF_TOKEN")
    return http

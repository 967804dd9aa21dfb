"""What tests of contractors' bills do, in the words of the domain."""

from typing import Any

from actiontrac import clock
from actiontrac.testing import as_request
from tests.billing.conftest import ACME, OLIVE, Shop
from tests.billing.fakes import FakeProvider

MERCHANT = "WNM9VDLXSZPFW"
CLARA = {"name": "Clara Finch", "email": "clara@client.example", "address": ["4 Quay Road", "Astoria"]}
METHODS = ("card", "paypal")


class Seller:
    """A company that sells, and its client Clara."""

    def __init__(self, shop: Shop, company: str = ACME, user: str = OLIVE) -> None:
        self.shop, self.company, self.user = shop, company, user

    @property
    def service(self) -> Any:
        return self.shop.service

    # The seller

    def connect(self, provider: str = "stripe", **wanted: Any) -> Any:
        as_request()
        if provider == "paypal":
            wanted.setdefault("merchant_id", MERCHANT)
        account = {"provider": provider, **wanted}
        return self.service.connect_seller_account(company_id=self.company, user_id=self.user, account=account)

    def onboard(self) -> None:
        self.shop.stripe.onboarded |= set(self.shop.stripe.accounts.values())

    def open_for_business(self) -> "Seller":
        self.connect("stripe")
        self.onboard()
        self.connect("paypal")
        self.accounts()
        return self

    def accounts(self) -> dict[str, Any]:
        as_request()
        found = self.service.list_seller_accounts(company_id=self.company)["items"]
        return {account["provider"]: account for account in found}

    def disconnect(self, provider: str) -> Any:
        as_request()
        return self.service.disconnect_seller_account(company_id=self.company, provider=provider)

    def bill(self, unit_minor: int = 6000, *, key: str | None = None, days: int = 30, **wanted: Any) -> dict[str, Any]:
        from datetime import timedelta

        as_request(key=key, request_hash=f"bill {unit_minor}")
        bill = {
            "client": CLARA,
            "lines": [{"description": "Fitting of presses", "quantity": 2, "unit_minor": unit_minor}],
            "due_on": (clock.today() + timedelta(days=days)).isoformat(),
            **wanted,
        }
        return self.service.issue_bill(company_id=self.company, user_id=self.user, bill=bill)

    def look(self, bill: dict[str, Any]) -> dict[str, Any]:
        as_request()
        return self.service.get_bill(company_id=self.company, bill_id=bill["id"])

    def void(self, bill: dict[str, Any]) -> dict[str, Any]:
        as_request()
        return self.service.void_bill(company_id=self.company, bill_id=bill["id"])

    def refund(self, bill: dict[str, Any], amount: int | None = None, key: str | None = None) -> dict[str, Any]:
        as_request(key=key, request_hash=f"refund {amount}")
        wanted = {"amount_minor": amount, "reason": "Only one was fitted"}
        return self.service.refund_bill(
            company_id=self.company, user_id=self.user, bill_id=bill["id"], refund=wanted
        )

    # The client

    def token(self, bill: dict[str, Any]) -> str:
        return bill["page_url"].rpartition("/")[2]

    def page(self, bill: dict[str, Any]) -> dict[str, Any]:
        as_request()
        return self.service.show_bill(token=self.token(bill))

    def start(self, bill: dict[str, Any], method: str = "card") -> str | None:
        as_request()
        return self.service.pay_bill(token=self.token(bill), method=method)["approval_url"]

    def provider(self, method: str) -> FakeProvider:
        return self.shop.stripe if method == "card" else self.shop.paypal

    def attempts(self, method: str) -> list[Any]:
        return [order for order in self.provider(method).orders.values() if order.request.seller is not None]

    def approve(self, method: str = "card", authentication: str = "authenticated") -> str:
        """On the processor's page; the id of the checkout that was approved."""
        order = self.attempts(method)[-1]
        self.provider(method).approve(order.ref, authentication)
        return order.request.payment_id

    def come_back(self, bill: dict[str, Any], checkout_id: str) -> dict[str, Any]:
        as_request()
        return self.service.return_to_bill(token=self.token(bill), checkout_id=checkout_id)

    def pay(self, bill: dict[str, Any], method: str = "card") -> dict[str, Any]:
        """All of it; the bill as its seller sees it then."""
        self.start(bill, method)
        self.come_back(bill, self.approve(method))
        return self.look(bill)

"""A billing service on a real database, with processors in memory and a company that buys."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actiontrac import clock, failpoints
from actiontrac.contracts.workers import WorkerCountChanged
from actiontrac.storage import Replayed, database_for
from actiontrac.testing import FakeAccounts, as_request, published, service_of, settings_for
from services.billing.dependencies import catalogue_for
from services.billing.models import Base, SubscriptionYear
from services.billing.service import BillingService
from tests.billing.fakes import FakeProvider

ACME, RIVAL = "com_acme", "com_rival"
OLIVE, RON = "usr_olive", "usr_ron"


class Crash(BaseException):
    """Stands for the end of the process: nothing catches it and nothing runs after it."""


class Shop:
    """What tests do with billing, in the words of the domain."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.settings = settings_for(home, **environment)
        self.accounts = FakeAccounts(ACME, OLIVE)
        self.accounts.add(RON, RIVAL, role="owner")
        self.stripe, self.paypal = FakeProvider("stripe"), FakeProvider("paypal")
        self.sequence = 0
        self.restart()
        # Power cuts are tested with real processes; here the disk need not be waited for.
        database = database_for("billing", self.settings)
        if database.is_sqlite:
            connection = database.engine.raw_connection()
            connection.cursor().execute("PRAGMA synchronous=OFF")
            connection.close()

    def restart(self) -> None:
        """A new process: everything that was only in memory is gone."""
        providers = {"stripe": self.stripe, "paypal": self.paypal}
        self.service: Any = service_of(
            BillingService,
            self.settings.home,
            settings=self.settings,
            accounts=self.accounts,
            providers=providers,
            catalogue=catalogue_for(self.settings),
        )

    # Buying

    def create(
        self, plan: str = "team", method: str = "card", *, company: str = ACME, user: str = OLIVE,
        key: str | None = None, **wanted: Any,
    ) -> dict[str, Any]:  # fmt: skip
        as_request(key=key, request_hash=f"{plan} {method}")
        checkout = {"plan": plan, "method": method, **wanted}
        return self.service.create_checkout(company_id=company, user_id=user, checkout=checkout)

    def provider_of(self, checkout: dict[str, Any]) -> FakeProvider:
        return self.stripe if checkout["method"] == "card" else self.paypal

    def ref_of(self, checkout: dict[str, Any]) -> str:
        orders = self.provider_of(checkout).orders.values()
        return next(order.ref for order in orders if order.request.payment_id == checkout["id"])

    def approve(self, checkout: dict[str, Any], authentication: str = "authenticated") -> None:
        self.provider_of(checkout).approve(self.ref_of(checkout), authentication)

    def come_back(self, checkout: dict[str, Any]) -> dict[str, Any]:
        as_request()
        name = self.provider_of(checkout).name
        return self.service.return_from_provider(provider=name, checkout_id=checkout["id"])

    def buy(self, plan: str = "team", method: str = "card", **options: Any) -> dict[str, Any]:
        """All of it: a checkout, the buyer's approval, and the way back."""
        checkout = self.create(plan, method, **options)
        self.approve(checkout)
        self.come_back(checkout)
        return self.row(checkout, options.get("company", ACME))

    def upgrade(self, plan: str) -> dict[str, Any]:
        """All of it, by card: quoted, ordered, approved, and back."""
        as_request()
        quoted = self.service.quote_plan_change(company_id=ACME, change={"plan": plan})
        as_request()
        wanted = {"quote_id": quoted["id"], "method": "card"}
        checkout: dict[str, Any] = self.service.change_plan(company_id=ACME, user_id=OLIVE, change=wanted)["checkout"]
        self.approve(checkout)
        self.come_back(checkout)
        return checkout

    def row(self, checkout: dict[str, Any], company: str = ACME) -> dict[str, Any]:
        """The checkout as it is listed, without a look at the processor."""
        items = self.service.list_checkouts(company_id=company)["items"]
        return next(item for item in items if item["id"] == checkout["id"])

    def refund(self, checkout: dict[str, Any], amount: int | None = None, key: str | None = None) -> dict[str, Any]:
        as_request(key=key, request_hash=f"refund {amount}")
        wanted = {"checkout_id": checkout["id"], "amount_minor": amount, "reason": "asked for it"}
        return self.service.create_refund(company_id=ACME, user_id=OLIVE, refund=wanted)

    # Webhooks and time

    def webhook(self, checkout: dict[str, Any], event: str = "evt_1", signature: str = "good", **facts: Any) -> Any:
        as_request()
        body = json.dumps({"id": event, **(facts or {"ref": self.ref_of(checkout)})}).encode()
        return self.service.receive_webhook(
            provider=self.provider_of(checkout).name,
            headers={"signature": signature},
            raw=base64.b64encode(body).decode(),
        )

    def tick(self, times: int = 1) -> None:
        """Let every timer fire, as it would by itself."""
        for _ in range(times):
            as_request()
            self.service.work_on_webhooks()
            self.service.reconcile_checkouts()
            self.service.reconcile_refunds()
            self.service.review_plans()
            self.service.look_at_subscriptions()

    def wait(self, seconds: float) -> None:
        clock.advance(seconds)
        self.tick(2)

    def settle_down(self) -> None:
        """Everything that falls due within the next hours."""
        for _ in range(4):
            self.wait(3600)

    # Usage

    def count(self, managed: int, *, sequence: int | None = None, high_water: int = 0, company: str = ACME) -> None:
        self.sequence = self.sequence + 1 if sequence is None else sequence
        event = WorkerCountChanged(
            company_id=company,
            managed=managed,
            high_water=max(managed, high_water),
            sequence=self.sequence,
            handler="billing.on_worker_count_changed",
        )
        as_request()
        self.service.on_worker_count_changed(event)

    # Looking

    def events(self, kind: str | None = None) -> list[Any]:
        found = published(self.service)
        return [event for event in found if kind is None or event.type == kind]

    def subscription(self, company: str = ACME) -> dict[str, Any]:
        return self.service.get_subscription(company_id=company)

    def usage(self, company: str = ACME) -> dict[str, Any]:
        return self.service.get_usage(company_id=company)

    def invoices(self, company: str = ACME) -> list[dict[str, Any]]:
        return self.service.list_invoices(company_id=company, limit=200)["items"]

    def rows_of_years(self, company: str = ACME) -> list[SubscriptionYear]:
        with self.service.store(company) as store:
            return list(store.years())

    def rows(self, kind: type) -> list[Any]:
        from sqlalchemy import select

        with self.service.store.across_companies() as store:
            return list(store.session.scalars(select(kind)))

    def at_once(self, times: int, what: Callable[[int], Any]) -> list[Any]:
        """Do it in parallel; what each came to, exceptions included."""
        came: list[Any] = [None] * times
        gate = threading.Barrier(times)

        def run(number: int) -> None:
            gate.wait()
            try:
                came[number] = what(number)
            except Replayed as before:
                came[number] = before.response
            except Exception as problem:
                came[number] = problem

        threads = [threading.Thread(target=run, args=(number,)) for number in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return came


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for all tests of billing: an engine that knows its statements already is much faster."""
    return tmp_path_factory.mktemp("billing")


def _empty(shop: Shop) -> None:
    """Take away what the test before left: rows, and the time that it moved."""
    (shop.settings.home / "clock").unlink(missing_ok=True)
    with shop.service.store.across_companies() as store:
        for table in reversed(Base.metadata.sorted_tables):
            store.session.execute(table.delete())


@pytest.fixture(scope="session")
def database() -> dict[str, str]:
    """The environment that names the database; nothing means SQLite in the data folder."""
    return {}


@pytest.fixture
def open_shop(home: Path, database: dict[str, str]) -> Iterator[Callable[..., Shop]]:
    def opened(**environment: str) -> Shop:
        shop = Shop(home, **database, **environment)
        _empty(shop)
        shop.service.keep_plans()
        return shop

    yield opened
    # Whoever comes next has the real time.
    clock.configure(None)


@pytest.fixture
def shop(open_shop: Callable[..., Shop]) -> Shop:
    return open_shop()


@pytest.fixture
def crash_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """``crash_at("name")``: the process ends when it next passes that failpoint, once."""

    def end(code: int) -> None:
        monkeypatch.delenv("ACTIONTRAC_FAILPOINT")
        raise Crash

    monkeypatch.setattr(failpoints.os, "_exit", end)

    def at(name: str | None) -> None:
        failpoints._passes.clear()
        if name is None:
            monkeypatch.delenv("ACTIONTRAC_FAILPOINT", raising=False)
        else:
            monkeypatch.setenv("ACTIONTRAC_FAILPOINT", name)

    return at

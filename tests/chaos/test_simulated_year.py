"""
A year in a minute or two (journey 12, the billing part): four companies live through it while the broker is
killed at random, or the whole product where it is its own broker. In the end every charge was made once, and
everything that has its day was told once.
"""

import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from actiontrac.demo.client import Customer, pay, wait_for
from tests.examples import DEEP
from tests.servers.servers import ADOPT, Servers
from tests.stack import Product, embedded_product, full_product

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]

#: One step in so many is disturbed; the first purchases always are.
DISTURBED = 0.5
PATIENCE_SECONDS = 90

REMINDED = [*(f"Your year ends in {left} days" for left in (60, 30, 14, 7)), "Your year ends tomorrow"]
ENDED = [
    *REMINDED,
    "Your year ends today",
    "Your year is over",
    "Your account can be read now",
    "Your plan has lapsed",
]
#: Days that are left of the first year, and whether somebody acts on that day.
DAYS = (349, 200, 60, 30, 14, 7, 1, 0, -1, -15, -91)
FIRST_DAY = 364


class World:
    """The product, and what can end under it."""

    def __init__(self, product: Product, servers: Servers | None, chance: random.Random) -> None:
        self.product = product
        self.servers = servers
        self.chance = chance
        self.ends = 0

    def advance(self, days: int, *, disturb: bool) -> None:
        """Move the calendar; where it is disturbed everything falls due while nothing can be published."""
        if not disturb:
            self.product.advance(f"{days}d")
            return
        self.ends += 1
        if self.servers is None:
            self.product.advance(f"{days}d")
            time.sleep(self.chance.uniform(0, 1.5))
            self.product.kill()
            self.product.start(wait=False)
            self.product.wait_ready(PATIENCE_SECONDS)
            return
        self.servers.kill_broker()
        self.product.advance(f"{days}d")
        time.sleep(self.chance.uniform(0, 2))
        self.servers.start_broker()
        self.product.wait_ready(PATIENCE_SECONDS)


class Company:
    """A company, and all that it must have been told."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.owner = Customer(world.product.url)
        self.owner.join()
        self.expected: list[str] = []
        self.charges = 0
        self.checkouts: list[str] = []

    def sign_in(self) -> None:
        """Sessions do not outlive the days; a broker that has just come back may need a moment."""

        def signed_in() -> bool:
            try:
                self.owner.sign_in()
            except Exception:
                return False
            return True

        wait_for("the sign-in", signed_in, PATIENCE_SECONDS)

    def buy(self, plan: str, method: str, *, first: bool = True) -> None:
        self._paid(self.owner.buy(plan, method))
        if first:
            self.expected.append("Welcome to ActionTrac")

    def upgrade(self, plan: str, method: str) -> None:
        quote = self.owner.http.json("POST", "/v1/plan-changes/quotes", json={"plan": plan}, expect=201)
        wanted = {"quote_id": quote["id"], "method": method}
        changed = self.owner.http.json(
            "POST", "/v1/plan-changes", json=wanted, key=secrets.token_hex(12), expect=201
        )
        assert changed["checkout"]["amount_minor"] == quote["charge_minor"]
        self._paid(changed["checkout"])
        self.expected.append("Your plan is")

    def _paid(self, checkout: dict[str, Any]) -> None:
        """The browser does not come back: a webhook or the reconciler must see it."""
        pay(checkout, come_back=False)
        self.owner.wait_paid(checkout["id"], PATIENCE_SECONDS)
        self.checkouts.append(checkout["id"])
        self.charges += 1
        self.expected.append("Receipt ")

    def told(self) -> Counter[str]:
        """How often each of the words that matter stands in a subject."""
        words = {*ENDED, *self.expected}
        subjects = [mail["subject"] for mail in self.owner.mailbox.all()]
        return Counter(word for subject in subjects for word in words if subject.startswith(word))

    def is_told(self) -> bool:
        try:
            return self.told() == Counter(self.expected)
        except requests.RequestException:
            return False

    def wait_told(self) -> None:
        try:
            wait_for("the mail", self.is_told, PATIENCE_SECONDS)
        except Exception:
            assert self.told() == Counter(self.expected)


@pytest.fixture(scope="module")
def own_servers() -> Iterator[Servers]:
    """A pair of this test's own: nobody else's broker is killed."""
    adopted = os.environ.pop(ADOPT, None)
    try:
        started = Servers.start("year")
    finally:
        if adopted is not None:
            os.environ[ADOPT] = adopted
    yield started
    started.stop()


#: On a real broker it takes two minutes: `make test-deep` does that.
MODES = ["embedded", *([pytest.param("full", marks=pytest.mark.full)] if DEEP else [])]


@pytest.fixture(params=MODES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    servers = request.getfixturevalue("own_servers") if request.param == "full" else None
    product = full_product(tmp_path, servers) if servers else embedded_product(tmp_path)
    product.start(wait=False)
    product.wait_ready(120)
    seed = int(os.environ.get("ACTIONTRAC_TEST_SEED", secrets.randbelow(10**6)))
    print(f"a year by chance {seed}: ACTIONTRAC_TEST_SEED={seed} repeats it")
    yield World(product, servers, random.Random(seed))
    product.stop()


def test_a_year_with_ends_at_random_charges_once_and_tells_everything_once(world: World) -> None:
    stays, leaves, grows, tries = companies = [Company(world) for _ in range(4)]
    stays.buy("starter", "card")
    leaves.buy("team", "paypal")
    grows.buy("starter", "paypal")
    tries.owner.http.json("POST", "/v1/trials", expect=201)
    tries.expected.append("Your trial runs until")

    left = FIRST_DAY
    for number, day in enumerate(DAYS):
        disturb = number == 2 or world.chance.random() < DISTURBED
        world.advance(left - day, disturb=disturb)
        left = day
        for company in companies:
            company.sign_in()
        _expect(day, stays, leaves, grows, tries)
        if day == 200:
            grows.upgrade("team", "card")
        if day == 14:
            stays.wait_told()
            stays.buy("starter", "paypal", first=False)
        for company in companies:
            company.wait_told()

    _everything_once(world, companies)


def _expect(day: int, stays: Company, leaves: Company, grows: Company, tries: Company) -> None:
    """What this day has come for. A trial's end has no grace, and a year that was renewed is quiet."""
    words = {349: "Your account can be read now", 200: "Your plan has lapsed"}
    if day in words:
        tries.expected.append(words[day])
        return
    days = (60, 30, 14, 7, 1, 0, -1, -15, -91)
    word = ENDED[days.index(day)]
    leaves.expected.append(word)
    grows.expected.append(word)
    if day >= 14:
        stays.expected.append(word)


def _everything_once(world: World, companies: list[Company]) -> None:
    assert world.ends > 0, "nothing ended: chance was kind, and this showed nothing"
    ledger = world.product.control("GET", "ledger")
    charges = Counter(entry.get("payment_id") for entry in ledger if entry["kind"] in ("charge", "capture"))
    for company in companies:
        assert [charges[checkout] for checkout in company.checkouts] == [1] * company.charges
        invoices = company.owner.http.json("GET", "/v1/invoices")["items"]
        assert sorted(each["checkout_id"] for each in invoices) == sorted(company.checkouts)
        assert company.told() == Counter(company.expected)
        subjects = Counter(mail["subject"] for mail in company.owner.mailbox.all())
        assert [subject for subject, times in subjects.items() if times > 1] == []
    assert sum(charges.values()) == sum(company.charges for company in companies), "nothing is charged by itself (S30)"
    states = [company.owner.http.json("GET", "/v1/subscription")["state"] for company in companies]
    assert states == ["active", "lapsed", "lapsed", "lapsed"]
    # The processors' own view agrees: every charge is recorded, every year paid.
    checked = world.product.command("billing", "reconcile", "--days", "500")
    assert checked.returncode == 0, checked.stdout

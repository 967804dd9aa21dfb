"""No hand-over to a processor without a written disclosure; and what was disclosed is listed (S28, S32)."""

import ast
from pathlib import Path

import pytest
from sqlalchemy import text

from services.billing import handoff
from services.billing.handoff import NotDisclosed
from services.billing.models import Checkout, Disclosure, IssuedForGood, SellerAccount
from tests.billing.conftest import ACME, OLIVE
from tests.billing.contractor import METHODS, Seller

BILLING = Path(handoff.__file__).parent


def listed(shop):
    return shop.service.list_disclosures(company_id=ACME)["items"]


def forget(shop):
    """Take the written disclosures away behind the back of the models."""
    with shop.service.store.across_companies() as store:
        store.session.execute(text("DELETE FROM disclosures"))


class TestEveryHandOver:
    @pytest.mark.parametrize(("method", "recipient"), [("card", "Stripe"), ("paypal", "PayPal")])
    def test_of_our_own_checkouts_is_written(self, shop, method, recipient):
        checkout = shop.create("team", method)

        [entry] = listed(shop)
        assert (entry["recipient"], entry["about_id"], entry["subject_id"]) == (recipient, checkout["id"], OLIVE)
        assert "e-mail address" in entry["fields"]
        assert entry["basis"].startswith("S32")

    @pytest.mark.parametrize(("method", "recipient"), [("card", "Stripe"), ("paypal", "PayPal")])
    def test_of_a_bill_is_written_before_the_client_leaves(self, shop, method, recipient):
        seller = Seller(shop).open_for_business()
        bill = seller.bill()
        seller.start(bill, method)

        entry = listed(shop)[0]
        assert (entry["recipient"], entry["subject_id"]) == (recipient, bill["id"])
        assert "on behalf of the contractor" in entry["basis"]

    def test_of_a_sellers_account_is_written_once(self, shop):
        seller = Seller(shop)
        seller.connect("stripe")
        seller.connect("stripe")

        assert [entry["basis"][:8] for entry in listed(shop)] == ["S24, S32"]

    def test_holds_no_value(self, shop):
        seller = Seller(shop).open_for_business()
        seller.start(seller.bill())

        assert "clara" not in str(listed(shop)).lower()

    def test_is_listed_page_by_page(self, shop):
        for _ in range(3):
            shop.create()
        first = shop.service.list_disclosures(company_id=ACME, limit=2)
        rest = shop.service.list_disclosures(company_id=ACME, limit=2, cursor=first["next_cursor"])

        assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)


class TestWithoutAnEntry:
    @pytest.mark.parametrize("method", METHODS)
    def test_nothing_is_handed_over(self, shop, method):
        checkout = shop.create("team", method)
        row = next(one for one in shop.rows(Checkout) if one.id == checkout["id"])
        [entry] = shop.rows(Disclosure)
        provider = shop.provider_of(checkout)
        calls = len(provider.requests)
        about_another = Disclosure(checkout_id="chk_other", recipient=entry.recipient)
        to_another = Disclosure(checkout_id=row.id, recipient="Somebody")

        for wrong in (None, about_another, to_another):
            with pytest.raises(NotDisclosed):
                handoff.hand_over(provider, row, wrong, email="x@y.example", back=shop.service.way_back)
        assert len(provider.requests) == calls

    def test_an_interrupted_start_is_not_resumed(self, shop):
        shop.stripe.down.add("start")
        shop.stripe.lose.clear()
        shop.stripe.down.clear()
        shop.stripe.lose.add("start")
        shop.create()
        shop.stripe.lose.clear()
        forget(shop)
        calls = len(shop.stripe.requests)
        shop.wait(120)

        assert len(shop.stripe.requests) == calls

    @pytest.mark.parametrize("method", METHODS)
    def test_a_bill_is_not_handed_over_either(self, shop, monkeypatch, method):
        from services.billing import checkouts

        seller = Seller(shop).open_for_business()
        bill = seller.bill()
        monkeypatch.setattr(checkouts, "disclosure_of", lambda opened, now: Disclosure(
            id="dis_wrong", company_id=ACME, checkout_id="chk_other", subject_id="x", recipient="Stripe", fields="",
            basis="", disclosed_at=now,
        ))  # fmt: skip
        with pytest.raises(NotDisclosed):
            seller.start(bill, method)

        assert seller.attempts(method) == []

    def test_no_account_is_opened(self, shop):
        with pytest.raises(NotDisclosed):
            handoff.open_account(shop.stripe, SellerAccount(id="sel_1", provider="stripe"), None)
        assert shop.stripe.accounts == {}

    def test_nobody_but_the_hand_over_starts_anything_at_a_processor(self):
        """In the source: ``start`` and ``open_account`` of a provider are called in handoff.py only."""
        found = set()
        for path in BILLING.rglob("*.py"):
            if "providers" in path.parts or path.name == "circuit.py":
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    of_provider = "provider" in ast.unparse(node.func.value)
                    if node.func.attr in ("start", "open_account") and of_provider:
                        found.add(path.name)

        assert found == {"handoff.py"}


def test_an_entry_is_never_changed_or_taken_back(shop):
    shop.create()
    for change in (lambda store, row: setattr(row, "fields", "nothing"), lambda store, row: store.session.delete(row)):
        with pytest.raises(IssuedForGood), shop.service.store(ACME) as store:
            change(store, store.disclosures(limit=1, cursor=None)[0][0])
            store.session.flush()

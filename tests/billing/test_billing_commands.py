"""``actiontrac billing``: what the operator's file would change, and whether records and processors agree."""

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest

from actiontrac import clock
from actiontrac.config import ConfigurationError
from services.billing import commands
from services.billing.audit import audit
from services.billing.models import Checkout, IssuedForGood, LedgerEntry, Payment, Plan
from services.billing.providers import Charge, DisputeState, Money
from tests.billing.conftest import ACME
from tests.stack import Product, embedded_product


def write(path: Path, *, version: int = 1, limit: int = 10, price: int = 12000, code: str = "solo") -> str:
    path.write_text(
        f'[[plan]]\ncode = "{code}"\nname = "Solo"\nversion = {version}\n'
        f"worker_limit = {limit}\nprices = {{ USD = {price} }}\n"
    )
    return str(path)


def found(shop):
    providers = {"stripe": shop.stripe, "paypal": shop.paypal}
    seen: list[tuple[int, int]] = []
    findings = audit(shop.service.store.across_companies, providers, lambda *step: seen.append(step))
    assert seen[-1:] in ([], [(len(seen), len(seen))])
    return findings


class TestPlans:
    def test_it_shows_what_would_change_and_changes_it_only_when_told(self, open_shop, tmp_path, capsys):
        shop = open_shop(ACTIONTRAC_PLANS_FILE=write(tmp_path / "plans.toml"))
        write(tmp_path / "plans.toml", version=2, price=13000)

        assert commands.plans(shop.settings, apply=False) == 0
        assert "new version, was Solo: 10 workers, 120.00 USD" in capsys.readouterr().out
        assert len(shop.rows(Plan)) == 1
        assert commands.plans(shop.settings, apply=True) == 0
        assert [plan.version for plan in shop.rows(Plan)] == [1, 2]
        assert commands.plans(shop.settings, apply=True) == 0
        assert "Nothing to change." in capsys.readouterr().out

    def test_a_changed_version_is_refused(self, open_shop, tmp_path, capsys):
        shop = open_shop(ACTIONTRAC_PLANS_FILE=write(tmp_path / "plans.toml"))
        write(tmp_path / "plans.toml", price=1)

        assert commands.plans(shop.settings, apply=True) == 1
        assert "WRONG" in capsys.readouterr().out
        assert [plan.prices for plan in shop.rows(Plan)] == ['{"USD":12000}']

    def test_a_plan_that_is_not_sold_any_more_is_said_to_be_kept_by_its_buyers(self, open_shop, tmp_path, capsys):
        shop = open_shop(ACTIONTRAC_PLANS_FILE=write(tmp_path / "plans.toml"))
        write(tmp_path / "plans.toml", code="duo")
        commands.plans(shop.settings, apply=False)

        assert "not sold any more" in capsys.readouterr().out

    def test_a_broken_file_is_one_sentence(self, open_shop, tmp_path):
        shop = open_shop(ACTIONTRAC_PLANS_FILE=write(tmp_path / "plans.toml"))
        (tmp_path / "plans.toml").write_text("[[plan]")

        with pytest.raises(ConfigurationError, match="not valid TOML"):
            commands.plans(shop.settings, apply=False)


class TestLedger:
    def test_every_booking_is_exported_and_debits_equal_credits(self, shop, capsys):
        shop.refund(shop.buy(), 100)
        shop.wait(320 * 86400)
        shop.buy("team", "paypal")
        capsys.readouterr()
        assert commands.ledger(shop.settings) == 0
        rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))

        assert len(rows) == 6
        assert sum(Decimal(row["debit"]) for row in rows) == sum(Decimal(row["credit"]) for row in rows) == Decimal(961)
        assert {row["account"] for row in rows} == {"cash_stripe", "cash_paypal", "sales"}
        assert {row["environment"] for row in rows} == {"sandbox"}

    def test_money_that_goes_back_by_itself_was_never_a_sale(self, shop):
        checkout = shop.create()
        shop.approve(checkout, "failed")
        shop.come_back(checkout)
        shop.tick()
        books = [(entry.account, entry.debit_minor, entry.credit_minor) for entry in shop.rows(LedgerEntry)]

        assert sorted(books) == [
            ("cash_stripe", 0, 48000), ("cash_stripe", 48000, 0), ("owed_to_buyers", 0, 48000),
            ("owed_to_buyers", 48000, 0),
        ]  # fmt: skip

    def test_a_booking_is_never_changed(self, shop):
        shop.buy()
        with pytest.raises(IssuedForGood), shop.service.store(ACME) as store:
            store.ledger_after("", 1)[0].debit_minor = 1


class TestReconcile:
    def test_after_an_ordinary_history_everything_agrees(self, shop):
        shop.refund(shop.buy(), 100)
        shop.wait(320 * 86400)
        shop.create("business")
        shop.buy("team", "paypal")

        assert found(shop) == []

    def test_a_charge_that_is_not_recorded_is_found(self, shop):
        checkout = shop.create()
        shop.approve(checkout)
        shop.stripe.settle(shop.ref_of(checkout))

        assert [finding.problem for finding in found(shop)] == ["the processor has a charge that is not recorded here"]
        assert commands.report(found(shop)) == 1

    def test_a_year_that_nobody_paid_is_found(self, shop):
        checkout = shop.buy()
        shop.stripe.orders[shop.ref_of(checkout)].charges = 0

        assert "a year runs that nobody paid" in [finding.problem for finding in found(shop)]

    def test_a_year_without_its_payments_record_is_found(self, shop):
        shop.buy()
        [payment] = shop.rows(Payment)
        with shop.service.store(ACME) as store:
            store.session.delete(store.session.get_one(Payment, payment.id))

        assert "a year runs that nobody paid" in [finding.problem for finding in found(shop)]

    def test_a_refund_made_behind_our_back_is_found(self, shop):
        checkout = shop.buy()
        shop.stripe.orders[shop.ref_of(checkout)].refunds["by_hand"] = 500

        assert [finding.problem for finding in found(shop)] == ["given back: 500 at the processor, 0 here"]

    def test_a_charge_that_nobody_ordered_is_found(self, shop, capsys):
        shop.buy()
        shop.stripe.others.append(Charge(ref="pi_stranger", amount=Money(700, "USD"), made_at=clock.now()))

        [finding] = found(shop)
        assert (finding.checkout_id, "7.00 USD at stripe" in finding.problem) == ("pi_stranger", True)
        assert "nobody ordered" in finding.problem
        assert commands.report([finding]) == 1

    def test_an_order_that_was_charged_twice_is_found(self, shop):
        checkout = shop.buy()
        again = Charge(ref="pi_again", amount=Money(48000, "USD"), made_at=clock.now(), payment_id=checkout["id"])
        shop.stripe.others.append(again)

        [finding] = found(shop)
        assert (finding.checkout_id, finding.company_id) == (checkout["id"], ACME)
        assert "charged a second time, as pi_again" in finding.problem

    def test_a_year_without_any_checkout_is_found(self, shop):
        checkout = shop.buy()
        [payment] = shop.rows(Payment)
        with shop.service.store(ACME) as store:
            store.session.delete(store.session.get_one(Payment, payment.id))
            store.session.delete(store.session.get_one(Checkout, checkout["id"]))

        assert "a year runs without a checkout that could have paid it" in [one.problem for one in found(shop)]

    def test_a_dispute_that_is_not_recorded_is_found_and_one_that_is_lost_agrees(self, shop):
        checkout = shop.buy()
        name = shop.stripe.dispute(shop.ref_of(checkout))
        assert [one.problem for one in found(shop)] == [f"the dispute {name} is open at the processor, unknown here"]

        shop.stripe.decide(name, DisputeState.LOST)
        shop.wait(25 * 3600)
        assert found(shop) == []

    def test_a_processor_that_does_not_list_what_it_received_leaves_that_open(self, shop):
        shop.buy()
        shop.stripe.down.add("received")

        [finding] = found(shop)
        assert (finding.checked, commands.report([finding])) == (False, 3)

    def test_a_processor_that_is_away_is_not_the_same_as_all_is_well(self, shop, capsys):
        shop.buy()
        shop.stripe.down.add("fetch")

        assert commands.report(found(shop)) == 3
        assert "could not be checked" in capsys.readouterr().out


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    running = embedded_product(tmp_path_factory.mktemp("product"))
    running.start()
    yield running
    running.stop()


class TestOverTheCommandLine:
    def test_plans_and_reconcile_work_beside_the_running_product(self, product: Product):
        listed = product.command("billing", "plans", "--apply")
        assert (listed.returncode, "enterprise" in listed.stdout) == (0, True), listed.stderr
        checked = product.command("billing", "reconcile")

        assert (checked.returncode, checked.stdout) == (0, "Every charge is recorded and every year is paid.\n")

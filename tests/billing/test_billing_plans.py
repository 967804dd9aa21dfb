"""The catalogue: versioned, read from the operator's file, never changed once it is sold (B01)."""

import pytest

from actiontrac.contracts.billing import PlanNotFound, TrialNotOffered
from services.billing import commands, plans
from services.billing.models import Plan
from services.billing.operator_files import OperatorFileWrong
from services.billing.plans import PlanFileWrong
from tests.billing.conftest import ACME, RIVAL, RON

FILE = """
[[plan]]
code = "team"
name = "Team"
version = {version}
worker_limit = {limit}
prices = {{ USD = {price} }}
"""


def write(path, version=1, limit=50, price=48000):
    path.write_text(FILE.format(version=version, limit=limit, price=price))
    return str(path)


class TestTheFile:
    def test_ours_sells_four_plans_in_three_currencies(self):
        offers = plans.read(plans.DEFAULT_FILE).offers

        assert [(offer.code, offer.worker_limit) for offer in offers] == [
            ("starter", 10), ("team", 50), ("business", 250), ("enterprise", 1000),
        ]  # fmt: skip
        assert all(set(offer.prices) == {"USD", "EUR", "GBP"} for offer in offers)

    def test_the_newest_version_is_on_sale(self, tmp_path):
        path = tmp_path / "plans.toml"
        path.write_text(FILE.format(version=1, limit=50, price=1) + FILE.format(version=2, limit=60, price=2))

        assert [(offer.version, offer.worker_limit) for offer in plans.read(path).offers] == [(2, 60)]

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "no [[plan]]"),
            ("[[plan]", "not valid TOML"),
            ('[[plan]]\ncode = "a"', "has no"),
            (FILE.format(version=1, limit=0, price=1), "above 0"),
            (FILE.format(version=1, limit=1, price="1.5"), "above 0"),
            (FILE.format(version=1, limit=1, price=1).replace("USD", "XXX"), "needs prices in"),
            (FILE.format(version=1, limit=1, price=1) * 2, "twice"),
        ],
    )
    def test_a_wrong_file_is_explained_in_one_sentence(self, tmp_path, text, says):
        path = tmp_path / "plans.toml"
        path.write_text(text)

        with pytest.raises(PlanFileWrong) as wrong:
            plans.read(path)
        assert says in str(wrong.value)
        assert str(wrong.value).endswith(".")

    def test_a_missing_file_is_explained(self, tmp_path):
        with pytest.raises(OperatorFileWrong, match="cannot be read"):
            plans.read(tmp_path / "none.toml")


class TestVersions:
    def test_the_list_shows_what_is_on_sale_smallest_first(self, shop):
        listed = shop.service.list_plans()["items"]

        assert [plan["code"] for plan in listed] == ["starter", "team", "business", "enterprise"]
        assert listed[1]["prices"] == {"USD": 48000, "EUR": 44000, "GBP": 38000}

    def test_who_bought_an_old_version_keeps_it(self, open_shop, tmp_path):
        file = tmp_path / "plans.toml"
        shop = open_shop(ACTIONTRAC_PLANS_FILE=write(file, version=2, limit=40, price=1000))
        shop.buy("team")
        write(file, version=3, limit=20, price=9000)
        shop.restart()

        assert shop.subscription()["plan_version"] == 2
        assert shop.usage()["worker_limit"] == 40
        assert [(plan["version"], plan["worker_limit"]) for plan in shop.service.list_plans()["items"]] == [(3, 20)]

    def test_an_open_checkout_keeps_the_price_it_was_opened_with(self, open_shop, tmp_path):
        file = tmp_path / "plans.toml"
        shop = open_shop(ACTIONTRAC_PLANS_FILE=write(file, version=2, price=1000))
        checkout = shop.create("team")
        write(file, version=3, price=9000)
        shop.restart()
        shop.approve(checkout)
        shop.come_back(checkout)

        assert shop.row(checkout)["state"] == "paid"
        assert shop.invoices()[0]["total_minor"] == 1000

    def test_a_version_that_was_changed_without_a_new_number_stays_as_it_was(self, open_shop, tmp_path):
        file = tmp_path / "plans.toml"
        shop = open_shop(ACTIONTRAC_PLANS_FILE=write(file, version=2, price=1000))
        shop.service.list_plans()
        write(file, version=2, price=1)
        shop.restart()

        assert shop.service.list_plans()["items"][0]["prices"] == {"USD": 1000}

    def test_replicas_that_start_together_write_each_version_once(self, open_shop, tmp_path):
        shop = open_shop(ACTIONTRAC_PLANS_FILE=write(tmp_path / "plans.toml", version=7))
        shop.at_once(8, lambda number: shop.service.list_plans())

        assert len([plan for plan in shop.rows(Plan) if plan.version == 7]) == 1


class TestApplying:
    """The file takes effect by being applied; running services need no restart (B01)."""

    def test_a_running_service_sells_by_it_at_once_and_buyers_keep_their_version(self, open_shop, tmp_path):
        file = tmp_path / "plans.toml"
        shop = open_shop(ACTIONTRAC_PLANS_FILE=write(file, version=2, limit=40, price=1000))
        shop.buy("team")
        waiting = shop.create("team", company=RIVAL, user=RON)
        write(file, version=3, limit=20, price=9000)
        assert commands.plans(shop.settings, apply=True) == 0

        assert [(plan["version"], plan["prices"]) for plan in shop.service.list_plans()["items"]] == [
            (3, {"USD": 9000})
        ]
        assert (shop.subscription()["plan_version"], shop.usage()["worker_limit"]) == (2, 40)
        shop.approve(waiting)
        shop.come_back(waiting)
        assert shop.row(waiting, RIVAL)["amount_minor"] == 1000
        assert shop.subscription(RIVAL)["plan_version"] == 2

    def test_a_plan_or_trial_that_left_the_file_is_not_sold_any_more(self, open_shop, tmp_path):
        file = tmp_path / "plans.toml"
        write(file)
        file.write_text(file.read_text() + '[trial]\nplan = "team"\ndays = 14\n')
        shop = open_shop(ACTIONTRAC_PLANS_FILE=str(file))
        file.write_text(FILE.format(version=1, limit=5, price=100).replace("team", "solo"))
        commands.plans(shop.settings, apply=True)

        with pytest.raises(PlanNotFound):
            shop.create("team")
        with pytest.raises(TrialNotOffered):
            shop.service.start_trial(company_id=ACME)

    def test_a_replica_that_starts_with_an_old_file_takes_nothing_back(self, open_shop, tmp_path):
        file = tmp_path / "plans.toml"
        shop = open_shop(ACTIONTRAC_PLANS_FILE=write(file, version=2, price=1000))
        old = file.read_text()
        write(file, version=3, price=9000)
        commands.plans(shop.settings, apply=True)
        file.write_text(old)
        shop.restart()

        assert [plan["version"] for plan in shop.service.list_plans()["items"]] == [3]

    def test_going_back_to_an_earlier_file_is_done_by_applying_it(self, open_shop, tmp_path):
        file = tmp_path / "plans.toml"
        shop = open_shop(ACTIONTRAC_PLANS_FILE=write(file, version=2, price=1000))
        old = file.read_text()
        write(file, version=3, price=9000)
        commands.plans(shop.settings, apply=True)
        file.write_text(old)
        assert commands.plans(shop.settings, apply=True) == 0

        assert [plan["version"] for plan in shop.service.list_plans()["items"]] == [2]

"""B12: a read-only account refuses what adds or changes worker data; nothing is hidden or deleted."""

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from actiontrac import clock
from actiontrac.contracts.workers import AccountReadOnly
from actiontrac.rpc import Rpc
from services.workers.service import WorkersService
from tests.workers.company import Company

DAY = 86400

#: What takes something away stays possible: nobody is kept from coming below a smaller plan's limit.
TAKES_AWAY = {"archive_worker", "delete_action_template", "delete_vacancy"}


class Belongings:
    """A company with one of everything, whose writes are closed from a day on."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.worker = company.create(first_name="Zoe", last_name="Hart")
        company.change(self.worker, title="Fitter")
        self.action = company.act(self.worker)
        self.template = company.template()
        self.vacancy = company.vacancy()

    def writes(self) -> dict[str, Callable[[], Any]]:
        """Every write of worker data, by the name of its method."""
        one, worker = self.company, self.worker
        return {
            "create_worker": one.create,
            "update_worker": lambda: one.change(worker, title="Foreman"),
            "import_workers": lambda: one.take("Number,Name\nN-1,Ada Byron"),
            "restore_worker": lambda: one.restore(worker, 1),
            "create_action": lambda: one.act(worker),
            "update_action": lambda: one.change_action(self.action, text="Likes the late shift."),
            "create_action_template": lambda: one.template(name="Second week"),
            "create_vacancy": one.vacancy,
        }

    def everything(self) -> list[Any]:
        """All that can be read."""
        one = self.company
        return [
            one.find(), one.get(self.worker), one.count(), one.actions(), one.chart(), one.positions(self.worker),
            one.history(self.worker), one.export("csv"), one.export("json"),
        ]  # fmt: skip


@pytest.fixture
def closed(acme: Company) -> Belongings:
    mine = Belongings(acme)
    mine.before = mine.everything()  # type: ignore[attr-defined]
    acme.allow(10, read_only_on=clock.today().isoformat())
    return mine


class TestReadOnly:
    def test_every_write_of_the_service_is_refused_or_takes_something_away(self, closed: Belongings) -> None:
        offered = {
            name
            for name, method in inspect.getmembers(WorkersService, inspect.isfunction)
            for entrypoint in getattr(method, "nameko_entrypoints", ())
            if isinstance(entrypoint, Rpc) and entrypoint.write
        }

        assert offered == set(closed.writes()) | TAKES_AWAY

    @pytest.mark.parametrize(
        "method",
        [
            "create_worker", "update_worker", "import_workers", "restore_worker", "create_action", "update_action",
            "create_action_template", "create_vacancy",
        ],
    )  # fmt: skip
    def test_refuses(self, closed: Belongings, method: str) -> None:
        with pytest.raises(AccountReadOnly, match="pay for a year with POST /v1/checkouts"):
            closed.writes()[method]()

        assert closed.everything() == closed.before  # type: ignore[attr-defined]

    def test_hides_and_deletes_nothing_and_exports_everything(self, closed: Belongings) -> None:
        assert closed.everything() == closed.before  # type: ignore[attr-defined]
        assert "Hart" in closed.company.export("csv")

    def test_lets_workers_be_archived_and_things_be_taken_away(self, closed: Belongings) -> None:
        acme, service = closed.company, closed.company.service
        acme.archive(closed.worker)
        service.delete_action_template(company_id=acme.id, template_id=closed.template["id"])
        service.delete_vacancy(company_id=acme.id, vacancy_id=closed.vacancy["id"])

        assert acme.count()["managed"] == 0
        assert acme.get(closed.worker)["status"] == "archived"

    def test_ends_with_the_payment(self, closed: Belongings) -> None:
        end = clock.today() + timedelta(days=379)
        closed.company.allow(10, terms="2027 starter 1", read_only_on=end.isoformat())
        for write in closed.writes().values():
            write()

    def test_begins_on_its_day_by_itself_though_nobody_tells(self, acme: Company) -> None:
        mine = Belongings(acme)
        acme.allow(10, read_only_on=(clock.today() + timedelta(days=5)).isoformat())
        clock.advance(4 * DAY)
        acme.change(mine.worker, title="Foreman")
        clock.advance(DAY)

        for write in mine.writes().values():
            with pytest.raises(AccountReadOnly):
                write()

    def test_is_of_one_company_alone(self, closed: Belongings, rival: Company) -> None:
        rival.create()

    @pytest.mark.parametrize(
        ("after", "said"),
        [
            ("year", "The paid year is over"),
            ("trial", "The trial ended on"),
            ("refund", "The last payment went back"),
            ("membership", "This membership was terminated"),
        ],
    )
    def test_says_what_ended(self, acme: Company, after: str, said: str) -> None:
        acme.allow(10, read_only_on=clock.today().isoformat(), read_only_after=after)

        with pytest.raises(AccountReadOnly, match=said) as refusal:
            acme.create()
        assert "read and exported" in refusal.value.message

    def test_lets_the_sweep_take_out_what_must_not_be_there(self, closed: Belongings) -> None:
        closed.company.plant(closed.worker, notes="4111 1111 1111 1111")
        closed.company.service.sweep()

        assert "4111" not in str(closed.company.get(closed.worker))

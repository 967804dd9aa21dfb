"""W12, W13: nobody is above themselves, and nobody is left with a manager who is gone."""

import threading

import pytest

from actiontrac.contracts.workers import ManagerLoop, ReportsNotReassigned
from actiontrac.errors import Invalid, ServiceError
from actiontrac.testing import as_request
from services.workers.service import WorkersService
from tests.workers.company import Company


class TestManagers:
    def test_can_be_anybody_who_is_managed_here(self, acme: Company) -> None:
        chief = acme.create(status="suspended")

        assert acme.create(manager_id=chief["id"])["manager_id"] == chief["id"]

    def test_can_be_nobody_again(self, acme: Company) -> None:
        worker = acme.create(manager_id=acme.create()["id"])

        assert acme.change(worker, manager_id=None)["manager_id"] is None

    @pytest.mark.parametrize("status", ["left", "archived"])
    def test_cannot_be_somebody_who_is_gone(self, acme: Company, status: str) -> None:
        gone = acme.create(status=status)
        worker = acme.create()

        with pytest.raises(Invalid) as made:
            acme.create(manager_id=gone["id"])
        with pytest.raises(Invalid) as changed:
            acme.change(worker, manager_id=gone["id"])

        assert [error.value.fields[0]["field"] for error in (made, changed)] == ["manager_id"] * 2

    def test_cannot_be_somebody_elsewhere(self, acme: Company, rival: Company) -> None:
        theirs = rival.create()

        with pytest.raises(Invalid) as error:
            acme.create(manager_id=theirs["id"])

        assert error.value.fields[0]["field"] == "manager_id"

    def test_are_asked_for_when_somebody_comes_back(self, acme: Company) -> None:
        chief = acme.create()
        worker = acme.create(manager_id=chief["id"])
        acme.change(worker, status="left")
        acme.archive(chief)

        with pytest.raises(Invalid) as error:
            acme.change(worker, status="active")

        assert error.value.fields[0]["field"] == "manager_id"
        assert acme.change(worker, status="active", manager_id=None)["status"] == "active"


class TestLoops:
    def test_are_refused_at_any_length(self, acme: Company) -> None:
        chain = [acme.create()]
        for _ in range(4):
            chain.append(acme.create(manager_id=chain[-1]["id"]))

        for below in chain:
            with pytest.raises(ManagerLoop) as error:
                acme.change(chain[0], manager_id=below["id"])
            assert error.value.fields[0]["field"] == "manager_id"

    def test_are_refused_through_somebody_who_left(self, acme: Company) -> None:
        top = acme.create()
        middle = acme.create(manager_id=top["id"])
        bottom = acme.create(manager_id=middle["id"])
        acme.change(bottom, manager_id=None)
        acme.change(middle, status="left")

        with pytest.raises(ServiceError):
            acme.change(top, manager_id=middle["id"])

    def test_are_refused_under_concurrency(self, service: WorkersService, acme: Company) -> None:
        close_a_ring_at_once(service, acme, rounds=8)


class TestLeaving:
    @pytest.mark.parametrize("status", ["left", "archived"])
    def test_is_refused_until_the_reports_are_reassigned(self, acme: Company, status: str) -> None:
        chief, other = acme.create(), acme.create()
        report = acme.create(manager_id=chief["id"])

        with pytest.raises(ReportsNotReassigned) as error:
            acme.change(chief, status=status)
        with pytest.raises(ReportsNotReassigned):
            acme.archive(chief)

        assert error.value.message == "1 worker reports to this worker; give them another manager first."
        acme.change(report, manager_id=other["id"])
        assert acme.change(chief, status=status)["status"] == status

    def test_is_not_held_up_by_reports_who_are_gone_themselves(self, acme: Company) -> None:
        chief = acme.create()
        acme.archive(acme.create(manager_id=chief["id"]))

        assert acme.archive(chief)["status"] == "archived"

    def test_is_possible_once_it_was_done(self, acme: Company) -> None:
        chief = acme.create()
        acme.change(chief, status="left")

        assert acme.archive(chief)["status"] == "archived"


def close_a_ring_at_once(service: WorkersService, company: Company, *, rounds: int) -> None:
    """Several at once try to make each the manager of the next; a ring must never close."""
    for _ in range(rounds):
        ring = [company.create() for _ in range(3)]
        start = threading.Barrier(len(ring))
        refused: list[ServiceError] = []

        def give(worker_id: str, manager_id: str, start: threading.Barrier, refused: list[ServiceError]) -> None:
            as_request()
            start.wait()
            try:
                service.update_worker(company_id=company.id, worker_id=worker_id, change={"manager_id": manager_id})
            except ManagerLoop as error:
                refused.append(error)

        threads = [
            threading.Thread(target=give, args=(worker["id"], ring[index - 1]["id"], start, refused))
            for index, worker in enumerate(ring)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(refused) == 1
        assert sum(company.get(worker)["manager_id"] is not None for worker in ring) == 2

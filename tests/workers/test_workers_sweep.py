"""W05: every night all stored text is checked; what must not be there is taken out and put on record."""

import pytest
from sqlalchemy import select, text

from actiontrac import clock, forbidden
from actiontrac.contracts.workers import NoSweepYet
from services.workers import models, sweep
from services.workers.models import QuarantinedField, SweepRun
from services.workers.service import WorkersService
from tests.workers.company import Company

CARD = "4111 1111 1111 1111"
SSN = "078-05-1120"


def quarantined(service: WorkersService) -> list[tuple[str, str, str, str]]:
    with service.store.across_companies() as store:
        rows = store.session.scalars(select(QuarantinedField).order_by(QuarantinedField.field)).all()
        return [(row.company_id, row.worker_id, row.field, row.finding) for row in rows]


def runs(service: WorkersService) -> list[SweepRun]:
    with service.store.across_companies() as store:
        return list(store.session.scalars(select(SweepRun).order_by(SweepRun.id)))


class TestSweep:
    def test_finds_nothing_in_what_came_through_the_doors(
        self, service: WorkersService, acme: Company, rival: Company
    ) -> None:
        acme.create(notes="Order 12345678", work_phone="+49 30 901820")
        rival.create()

        found = service.sweep()

        assert (found["checked"], found["quarantined"]) == (2, 0)
        assert service.get_sweep() == found
        assert quarantined(service) == []

    @pytest.mark.parametrize("field", sweep.TEXTS)
    def test_takes_out_what_was_planted_in_any_field(self, service: WorkersService, acme: Company, field: str) -> None:
        fine = acme.create()
        worker = acme.create(work_email="ada@example.com")
        values = {"work_email": f"{CARD.replace(' ', '')}@example.com", "tags": ["fine", CARD]}
        acme.plant(worker, **{field: values.get(field, f"x {CARD}")})

        found = service.sweep()

        after = acme.get(worker)
        assert found["quarantined"] == 1
        assert quarantined(service) == [(acme.id, worker["id"], field, "card_number")]
        assert forbidden.find(repr(after)) == []
        assert acme.get(fine) == fine
        assert service.sweep()["quarantined"] == 0

    def test_takes_it_out_of_what_is_derived_too(self, service: WorkersService, acme: Company) -> None:
        worker = acme.create()
        acme.plant(worker, last_name=SSN, worker_number=SSN, title=CARD, site=CARD, department=SSN, tags=[CARD])

        assert service.sweep()["quarantined"] == 6

        with service.store(acme.id) as store:
            for table in models.Base.metadata.tables:
                rows = repr(store.session.execute(text(f'SELECT * FROM "{table}"')).all())
                assert SSN not in rows
                assert CARD not in rows
        assert acme.find()[0]["worker_number"] == "W-2"
        assert acme.find()[0]["tags"] == []

    def test_keeps_the_rest_of_the_text(self, service: WorkersService, acme: Company) -> None:
        worker = acme.create()
        acme.plant(worker, notes=f"Likes tea. Card {CARD}. Drives the fork lift.")

        service.sweep()

        assert acme.get(worker)["notes"] == "Likes tea. Card [removed: card number]. Drives the fork lift."

    def test_passes_over_what_nobody_can_read(self, service: WorkersService, acme: Company) -> None:
        worker = acme.create(notes="sealed")
        with service.store(acme.id) as store:
            store.worker(worker["id"]).notes_sealed = b"0" * 40

        assert service.sweep() | {"at": None} == {"checked": 1, "quarantined": 0, "at": None}
        assert runs(service)[0].unreadable == 1

    def test_goes_through_all_in_small_parts(
        self, service: WorkersService, acme: Company, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sweep, "BATCH", 3)
        workers = [acme.create() for _ in range(7)]
        acme.plant(workers[0], notes=CARD)
        acme.plant(workers[6], notes=CARD)

        found = service.sweep()

        assert (found["checked"], found["quarantined"]) == (7, 2)


class TestNightlySweep:
    def test_happens_once_a_night_by_the_products_clock(self, service: WorkersService, acme: Company) -> None:
        acme.create()
        for _ in range(3):
            service.sweep_nightly()
        assert len(runs(service)) == 1

        clock.advance(86400)
        for _ in range(2):
            service.sweep_nightly()
        assert len(runs(service)) == 2

    def test_happens_once_after_a_jump_over_many_nights(self, service: WorkersService, acme: Company) -> None:
        acme.create()
        service.sweep_nightly()
        clock.advance(30 * 86400)
        for _ in range(3):
            service.sweep_nightly()

        assert len(runs(service)) == 2

    def test_finds_what_was_planted_during_the_day(self, service: WorkersService, acme: Company) -> None:
        worker = acme.create()
        service.sweep_nightly()
        acme.plant(worker, notes=SSN)
        service.sweep_nightly()
        assert quarantined(service) == []

        clock.advance(86400)
        service.sweep_nightly()

        assert quarantined(service) == [(acme.id, worker["id"], "notes", "social_security_number")]
        assert service.get_sweep()["quarantined"] == 1

    def test_goes_on_where_it_was_cut_short(
        self, service: WorkersService, acme: Company, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sweep, "BATCH", 2)
        workers = [acme.create() for _ in range(5)]
        acme.plant(workers[3], notes=CARD)

        def cut(_: str) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as power:
            power.setattr(sweep, "failpoint", cut)
            with pytest.raises(KeyboardInterrupt):
                service.sweep_nightly()
        with pytest.raises(NoSweepYet):
            service.get_sweep()
        service.sweep_nightly()

        assert len(runs(service)) == 1
        found = service.get_sweep()
        assert (found["checked"], found["quarantined"]) == (5, 1)
        assert len(quarantined(service)) == 1

    def test_forgets_imports_of_three_months_ago(self, service: WorkersService, acme: Company) -> None:
        old = acme.take("Number,Name\n1,Ada Byron")["id"]
        clock.advance(91 * 86400)
        new = acme.take("Number,Name\n1,Ada Byron")["id"]

        service.sweep_nightly()

        assert service.get_import(company_id=acme.id, import_id=new)["id"] == new
        with pytest.raises(Exception, match="no such import"):
            service.get_import(company_id=acme.id, import_id=old)

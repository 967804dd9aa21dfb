"""Every query about positions and vacancies."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import delete, func, select

from actiontrac import clock
from actiontrac.contracts.worker_chart import VacancyNotFound
from actiontrac.ids import new_id
from actiontrac.storage import Store
from services.workers.orgchart.models import POSITION, Vacancy, WorkerPosition


class ChartStore(Store):
    def record_position(self, worker: Any, effective_on: date) -> None:
        """Keep what a worker is from this day on."""
        self.session.add(
            WorkerPosition(
                id=new_id("pos"),
                company_id=worker.company_id,
                worker_id=worker.id,
                effective_on=effective_on,
                **{name: getattr(worker, name) for name in POSITION},
            )
        )

    def positions_of(self, worker_id: str) -> Sequence[WorkerPosition]:
        """Every position of a worker, the oldest first."""
        statement = select(WorkerPosition).where(
            WorkerPosition.company_id == self.company_id, WorkerPosition.worker_id == worker_id
        )
        return self.session.scalars(statement.order_by(WorkerPosition.effective_on, WorkerPosition.id)).all()

    def last_position_day(self, worker_id: str) -> date | None:
        return self.session.scalars(
            select(func.max(WorkerPosition.effective_on)).where(
                WorkerPosition.company_id == self.company_id, WorkerPosition.worker_id == worker_id
            )
        ).one()

    def positions_on(self, day: date) -> dict[str, WorkerPosition]:
        """Worker id to what each worker of the company was at the end of a day."""
        statement = select(WorkerPosition).where(
            WorkerPosition.company_id == self.company_id, WorkerPosition.effective_on <= day
        )
        in_order = statement.order_by(WorkerPosition.worker_id, WorkerPosition.effective_on, WorkerPosition.id)
        return {position.worker_id: position for position in self.session.scalars(in_order)}

    # Vacancies

    def vacancies(self) -> Sequence[Vacancy]:
        statement = select(Vacancy).where(Vacancy.company_id == self.company_id)
        return self.session.scalars(statement.order_by(Vacancy.id)).all()

    def count_vacancies(self) -> int:
        statement = select(func.count()).select_from(Vacancy).where(Vacancy.company_id == self.company_id)
        return self.session.scalars(statement).one()

    def add_vacancy(self, fields: dict[str, Any]) -> Vacancy:
        vacancy = Vacancy(id=new_id("vac"), company_id=self.company_id, created_at=clock.now(), **fields)
        self.session.add(vacancy)
        return vacancy

    def delete_vacancy(self, vacancy_id: str) -> None:
        """
        Raises:
            VacancyNotFound: this company has no such vacant position.
        """
        found = 0
        if vacancy_id.isascii() and vacancy_id.isprintable():
            wanted = (Vacancy.company_id == self.company_id, Vacancy.id == vacancy_id)
            found = self.session.execute(delete(Vacancy).where(*wanted)).rowcount  # type: ignore[attr-defined]
        if not found:
            raise VacancyNotFound()

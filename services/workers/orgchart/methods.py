"""What the workers service offers about who reports to whom."""

from typing import Any

from actiontrac import clock, schemas
from actiontrac.contracts import worker_chart as contract
from actiontrac.contracts.worker_chart import ChartNode, ChartQuery, PositionView, VacancyView
from actiontrac.contracts.workers import COUNTED, WorkerNotFound
from actiontrac.errors import Invalid
from actiontrac.service import Opener, rpc
from services.workers import policies
from services.workers.normal import normalised
from services.workers.orgchart.models import Vacancy, WorkerPosition
from services.workers.orgchart.svg import drawn
from services.workers.orgchart.tree import Place, chart_of, departments_of
from services.workers.repository import WorkersStore


class ChartMethods:
    """Part of ``WorkersService``."""

    store: Opener[WorkersStore]

    @rpc(requires="workers.read")
    def get_org_chart(self, *, company_id: str, query: dict[str, Any]) -> contract.ChartView:
        """
        Who reports to whom (W12): active and suspended workers, each once, and vacant positions.

        Several may stand at the top; who has a manager that is gone stands there as an orphan.
        On a day before, everybody stands where they were at the end of it, under today's name.

        Raises:
            Invalid: a field of the query is wrong, or the day is still to come.
            WorkerNotFound: the root is nobody in this chart.
            ChartTooLarge: there are more than 5,000 positions in it.
        """
        wanted = schemas.parse(ChartQuery, query)
        with self.store(company_id) as store:
            nodes = _nodes(store, wanted)
        on = wanted.on or clock.today()
        return {"on": on.isoformat(), "nodes": nodes, "departments": departments_of(nodes)}

    @rpc(requires="workers.read")
    def draw_org_chart(self, *, company_id: str, query: dict[str, Any]) -> str:
        """
        The same as a picture: an SVG document.

        Raises:
            Invalid, WorkerNotFound, ChartTooLarge: see ``get_org_chart``.
        """
        wanted = schemas.parse(ChartQuery, query)
        with self.store(company_id) as store:
            nodes = _nodes(store, wanted)
        on = wanted.on or clock.today()
        return drawn(nodes, title=f"Who reports to whom on {on.isoformat()}", show=wanted.show)

    @rpc(requires="workers.read")
    def list_positions(self, *, company_id: str, worker_id: str) -> contract.PositionList:
        """
        What a worker was, from when until when (W14).

        Raises:
            WorkerNotFound: this company has no such worker.
        """
        with self.store(company_id) as store:
            store.worker(worker_id)
            return {"items": _history(list(store.positions_of(worker_id)))}

    @rpc(requires="workers.write", write=True)
    def create_vacancy(self, *, company_id: str, vacancy: dict[str, Any]) -> contract.VacancyView:
        """
        Put a position that nobody holds into the chart.

        Raises:
            ForbiddenData: a field holds what ActionTrac does not hold (S23).
            Invalid: a field is missing, unknown or wrong; the manager is nobody here.
            TooManyVacancies: there are 1,000 already.
            AccountReadOnly: nothing is paid at the moment (B12).
        """
        wanted = schemas.parse(contract.VacancyInput, vacancy)
        with self.store(company_id) as store:
            store.require_writable()
            store.lock_count()
            if store.count_vacancies() >= contract.VACANCIES:
                raise contract.TooManyVacancies()
            if wanted.manager_id is not None:
                manager = store.find_worker(wanted.manager_id)
                policies.require_manager(manager.status if manager else None)
            return store.answer(_vacancy_view(store.add_vacancy(wanted.model_dump())))

    @rpc(requires="workers.read")
    def list_vacancies(self, *, company_id: str) -> contract.VacancyList:
        """Every vacant position, the oldest first."""
        with self.store(company_id) as store:
            return {"items": [_vacancy_view(vacancy) for vacancy in store.vacancies()]}

    @rpc(requires="workers.write", write=True)
    def delete_vacancy(self, *, company_id: str, vacancy_id: str) -> None:
        """
        Raises:
            VacancyNotFound: this company has no such vacant position.
        """
        with self.store(company_id) as store:
            store.delete_vacancy(vacancy_id)
            return store.answer(None)


def _nodes(store: WorkersStore, wanted: ChartQuery) -> list[ChartNode]:
    if wanted.on is not None and wanted.on > clock.today():
        raise Invalid.at("on", "is still to come")
    places = _places(store, wanted)
    everybody = frozenset(place.id for place in places if not place.vacant)
    if wanted.root_id is not None and wanted.root_id not in everybody:
        raise WorkerNotFound()
    if wanted.department is not None:
        department = normalised(wanted.department)
        places = [place for place in places if normalised(place.department or "") == department]
    nodes = chart_of(places, everybody=everybody, root_id=wanted.root_id, depth=wanted.depth)
    if len(nodes) > contract.CHART_NODES:
        raise contract.ChartTooLarge()
    return nodes


def _places(store: WorkersStore, wanted: ChartQuery) -> list[Place]:
    if wanted.on is None or wanted.on == clock.today():
        found = [Place(**_who(row), **_where(row)) for row in store.chart_rows() if row.status in COUNTED]
        return found + [Place(id=row.id, name="Vacant", vacant=True, **_where(row)) for row in store.vacancies()]
    positions = store.positions_on(wanted.on)
    return [
        Place(**_who(row), **_where(positions[row.id]))
        for row in store.chart_rows()
        if row.id in positions and positions[row.id].status in COUNTED
    ]


def _who(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": f"{row.first_name} {row.last_name}",
        "worker_number": row.worker_number,
        "key": row.name_key,
    }


def _where(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("manager_id", "title", "department", "site")}


def _history(positions: list[WorkerPosition]) -> list[PositionView]:
    """The newest first; of several changes on one day, what held at its end."""
    last_of_day = {position.effective_on: position for position in positions}
    kept = list(last_of_day.values())
    ends = [following.effective_on.isoformat() for following in kept[1:]] + [None]
    found: list[PositionView] = [
        {
            "effective_on": position.effective_on.isoformat(),
            "until": until,
            "title": position.title,
            "department": position.department,
            "site": position.site,
            "manager_id": position.manager_id,
            "kind": position.kind,
            "status": position.status,
        }
        for position, until in zip(kept, ends, strict=True)
    ]
    return found[::-1]


def _vacancy_view(vacancy: Vacancy) -> VacancyView:
    return {
        "id": vacancy.id,
        "title": vacancy.title,
        "department": vacancy.department,
        "site": vacancy.site,
        "manager_id": vacancy.manager_id,
        "created_at": clock.iso(vacancy.created_at),
    }

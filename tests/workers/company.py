"""One company's view of the service, in few words."""

from typing import Any

from sqlalchemy import select

from actiontrac.contracts.billing import AllowanceChanged
from actiontrac.contracts.worker_actions import ActionView, TemplateView
from actiontrac.contracts.worker_chart import ChartView, PositionView, VacancyView
from actiontrac.contracts.worker_history import VersionView
from actiontrac.contracts.workers import CountView, ImportView, WorkerView
from actiontrac.testing import as_request, published
from services.workers.models import Worker
from services.workers.service import WorkersService


class Company:
    def __init__(self, service: WorkersService, company_id: str) -> None:
        self.service = service
        self.id = company_id
        self.version = 0

    def create(self, **fields: Any) -> WorkerView:
        as_request()
        worker = {"first_name": "Ada", "last_name": "Lovelace", **fields}
        return self.service.create_worker(company_id=self.id, worker=worker)

    def get(self, worker: WorkerView | str) -> WorkerView:
        return self.service.get_worker(company_id=self.id, worker_id=_id(worker))

    def change(self, worker: WorkerView | str, **change: Any) -> WorkerView:
        as_request()
        return self.service.update_worker(company_id=self.id, worker_id=_id(worker), change=change)

    def archive(self, worker: WorkerView | str) -> WorkerView:
        as_request()
        return self.service.archive_worker(company_id=self.id, worker_id=_id(worker))

    def find(self, **query: Any) -> list[WorkerView]:
        """Every page of a list."""
        found: list[WorkerView] = []
        cursor = None
        while True:
            page = self.service.list_workers(company_id=self.id, query={**query, "cursor": cursor})
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def numbers(self, **query: Any) -> list[str]:
        return [worker["worker_number"] for worker in self.find(**query)]

    def count(self) -> CountView:
        return self.service.get_count(company_id=self.id)

    def recount(self) -> int:
        with self.service.store(self.id) as store:
            return store.recount()

    def events(self) -> list[Any]:
        return [event for event in published(self.service) if event.company_id == self.id]

    def take(self, text: str, **options: Any) -> ImportView:
        as_request()
        return self.service.import_workers(company_id=self.id, text=text, options=options)

    def act(self, worker: WorkerView | str, **fields: Any) -> ActionView:
        as_request()
        action = {"kind": "note", "text": "Likes the early shift.", **fields}
        return self.service.create_action(company_id=self.id, worker_id=_id(worker), action=action)

    def change_action(self, action: ActionView | str, **change: Any) -> ActionView:
        as_request()
        return self.service.update_action(company_id=self.id, action_id=_id(action), change=change)

    def actions(self, **query: Any) -> list[ActionView]:
        """Every page of a list, as whoever asks at the moment."""
        found: list[ActionView] = []
        cursor = None
        while True:
            page = self.service.list_actions(company_id=self.id, query={**query, "cursor": cursor})
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def template(self, **fields: Any) -> TemplateView:
        as_request()
        template = {"name": "First week", "kind": "task", "text": "Show the exits.", **fields}
        return self.service.create_action_template(company_id=self.id, template=template)

    def chart(self, **query: Any) -> ChartView:
        return self.service.get_org_chart(company_id=self.id, query=query)

    def positions(self, worker: WorkerView | str) -> list[PositionView]:
        return self.service.list_positions(company_id=self.id, worker_id=_id(worker))["items"]

    def vacancy(self, **fields: Any) -> VacancyView:
        as_request()
        return self.service.create_vacancy(company_id=self.id, vacancy={"title": "Fitter", **fields})

    def history(self, worker: WorkerView | str, limit: int = 50) -> list[VersionView]:
        """Every page."""
        found: list[VersionView] = []
        cursor = None
        while True:
            query = {"limit": limit, "cursor": cursor}
            page = self.service.list_history(company_id=self.id, worker_id=_id(worker), query=query)
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def restore(self, worker: WorkerView | str, version: int) -> WorkerView:
        as_request()
        restoration = {"version": version}
        return self.service.restore_worker(company_id=self.id, worker_id=_id(worker), restoration=restoration)

    def export(self, format: str = "csv", **query: Any) -> str:
        return self.service.export_workers(company_id=self.id, format=format, query=query)

    def allow(self, worker_limit: int, *, version: int | None = None, **told: Any) -> None:
        """What billing tells; a paid year of Starter with 14 days over the limit, unless it says otherwise."""
        if version is None:
            version = self.version = self.version + 1
        whole = {
            "plan": "Starter", "grace_days": 14, "terms": "2026 starter 1", "next_on": "", "next_plan": "",
            "next_limit": 0, "next_terms": "", "read_only_on": "", "read_only_after": "year",
            "larger_plans": ["50 Team", "250 Business"], **told,
        }  # fmt: skip
        as_request()
        handler = "workers.on_allowance_changed"
        told_now = {"company_id": self.id, "version": version, "worker_limit": worker_limit}
        self.service.on_allowance_changed(AllowanceChanged(handler=handler, **told_now, **whole))

    def plant(self, worker: WorkerView, **fields: Any) -> None:
        """Write behind the doors, as nobody can."""
        with self.service.store(self.id) as store:
            row = store.session.scalars(select(Worker).where(Worker.id == worker["id"])).one()
            row.change(fields, row.updated_at)


def _id(thing: WorkerView | ActionView | str) -> str:
    return thing if isinstance(thing, str) else thing["id"]

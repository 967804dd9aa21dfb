"""Every query about versions of profiles."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from actiontrac import clock, context
from actiontrac.contracts.worker_history import VersionNotFound
from actiontrac.ids import new_id
from actiontrac.storage import Store
from services.workers.history.models import WorkerVersion


class HistoryStore(Store):
    def record_version(
        self, worker: Any, fields: dict[str, Any], changed: list[str], restored_from: int | None
    ) -> None:
        """Keep what a profile is now, and who changed which fields."""
        principal = context.current().principal
        version = WorkerVersion(
            id=new_id("ver"),
            company_id=worker.company_id,
            worker_id=worker.id,
            version=worker.version,
            at=clock.now(),
            author_id=(principal.user_id or None) if principal else None,
            restored_from=restored_from,
            changed=changed,
        )
        version.keep(fields)
        self.session.add(version)

    def versions_before(self, worker_id: str, below: int | None, limit: int) -> Sequence[WorkerVersion]:
        """Versions of a worker, the newest first."""
        statement = select(WorkerVersion).where(
            WorkerVersion.company_id == self.company_id, WorkerVersion.worker_id == worker_id
        )
        if below is not None:
            statement = statement.where(WorkerVersion.version < below)
        return self.session.scalars(statement.order_by(WorkerVersion.version.desc()).limit(limit)).all()

    def version(self, worker_id: str, number: int) -> WorkerVersion:
        """
        Raises:
            VersionNotFound: this profile has no such version.
        """
        found = self.session.scalars(
            select(WorkerVersion).where(
                WorkerVersion.company_id == self.company_id,
                WorkerVersion.worker_id == worker_id,
                WorkerVersion.version == number,
            )
        ).one_or_none()
        if found is None:
            raise VersionNotFound()
        return found

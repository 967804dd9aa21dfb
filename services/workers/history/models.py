"""Versions of profiles."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import JSON, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped

from actiontrac.storage import CompanyOwned, Sealed, UTCDateTime, column, sealed_column
from actiontrac.storage.columns import ID
from services.workers.base import Base


class WorkerVersion(CompanyOwned, Base):
    """A whole profile as one change left it; sealed, because it holds what is sealed in the profile."""

    __tablename__ = "worker_versions"
    __table_args__ = (UniqueConstraint("company_id", "worker_id", "version"),)

    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="names the version")
    worker_id: Mapped[str] = column(ID, "personal", purpose="whose profile", nullable=False)
    version: Mapped[int] = column(Integer, "corporate", purpose="order of the versions", nullable=False)
    at: Mapped[datetime] = column(UTCDateTime, "corporate", purpose="when it changed", nullable=False)
    author_id: Mapped[str | None] = column(ID, "personal", purpose="who changed it", nullable=True)
    restored_from: Mapped[int | None] = column(
        Integer, "corporate", purpose="the version that was gone back to", nullable=True
    )
    changed: Mapped[list[str]] = column(JSON, "corporate", purpose="which fields became others", nullable=False)
    profile_sealed: Mapped[bytes | None] = sealed_column(purpose="what the profile was, to go back to it")
    profile = Sealed("profile_sealed")

    @property
    def fields(self) -> dict[str, Any]:
        """The profile, as JSON holds it."""
        found: dict[str, Any] = orjson.loads(self.profile)
        return found

    def keep(self, fields: dict[str, Any]) -> None:
        self.profile = orjson.dumps(fields).decode()

    def text_of(self, field: str) -> Any:
        """For the sweep."""
        return self.fields.get(field)

    def set_text(self, field: str, value: Any) -> None:
        """For the sweep."""
        self.keep({**self.fields, field: value})

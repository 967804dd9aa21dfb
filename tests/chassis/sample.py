"""
Two small services that use every part of the chassis, for its tests only.

``alpha`` keeps things and tells about them; ``beta`` counts what it was told. They
are put where the chassis looks services up, in the process under test.
"""

import sys
import types
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.orm import Mapped

from actiontrac.contracts import topology
from actiontrac.errors import NotFound
from actiontrac.events import Event
from actiontrac.ids import new_id
from actiontrac.storage import CompanyOwned, Sealed, Store, column, declarative_base, sealed_column


@dataclass(frozen=True, kw_only=True)
class ThingMade(Event):
    source = "alpha"
    type = "thing.made"

    number: int


class ThingMissing(NotFound):
    """This company has no such thing."""


AlphaBase = declarative_base("alpha")
BetaBase = declarative_base("beta")


class Thing(CompanyOwned, AlphaBase):
    __tablename__ = "things"
    id: Mapped[str] = column(sa.String(40), "corporate", primary_key=True, purpose="identity")
    number: Mapped[int] = column(sa.Integer, "corporate", purpose="a figure", nullable=False)
    note_sealed: Mapped[bytes | None] = sealed_column(purpose="free text")
    note = Sealed("note_sealed")


class Count(CompanyOwned, BetaBase):
    __tablename__ = "counts"
    id: Mapped[str] = column(sa.String(40), "corporate", primary_key=True, purpose="identity")
    number: Mapped[int] = column(sa.Integer, "corporate", purpose="a figure", nullable=False)


class AlphaStore(Store):
    base = AlphaBase

    def add(self, number: int, note: str | None = None, company_id: str | None = None) -> Thing:
        thing = Thing(id=new_id("thg"), company_id=company_id or self.company_id, number=number, note=note)
        self.session.add(thing)
        return thing

    def find(self, thing_id: str) -> Thing | None:
        return self.session.get(Thing, thing_id)

    def all(self) -> list[Thing]:
        return list(self.session.scalars(select(Thing).order_by(Thing.id)))


class BetaStore(Store):
    base = BetaBase

    def all(self) -> list[Count]:
        return list(self.session.scalars(select(Count)))


def install() -> None:
    """Let the chassis find the two services by name."""
    contract = types.ModuleType("actiontrac.contracts.alpha")
    contract.ThingMade = ThingMade  # type: ignore[attr-defined]
    sys.modules["actiontrac.contracts.alpha"] = contract
    sys.modules["actiontrac.contracts.beta"] = types.ModuleType("actiontrac.contracts.beta")
    for name, base in (("alpha", AlphaBase), ("beta", BetaBase)):
        models = types.ModuleType(f"services.{name}.models")
        models.Base = base  # type: ignore[attr-defined]
        sys.modules[f"services.{name}"] = types.ModuleType(f"services.{name}")
        sys.modules[f"services.{name}.models"] = models
    topology.SUBSCRIPTIONS[ThingMade.type] = ("beta.on_thing_made",)


def create_tables(owner_url: str, base: Any, isolated: tuple[str, ...]) -> None:
    from actiontrac.storage.migration import enable_company_isolation

    class Operations:
        """As much of Alembic's ``op`` as the isolation helper uses."""

        def __init__(self, connection: Any) -> None:
            self._connection = connection

        def get_bind(self) -> Any:
            return self._connection

        def execute(self, statement: str) -> None:
            self._connection.execute(sa.text(statement))

    engine = sa.create_engine(owner_url.replace("postgresql://", "postgresql+psycopg2://", 1))
    with engine.begin() as connection:
        base.metadata.create_all(connection)
        for table in (*isolated, "company_keys"):
            enable_company_isolation(Operations(connection), table)
    engine.dispose()

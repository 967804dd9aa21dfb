"""Columns that say what they hold, and columns that are sealed at rest."""

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import DateTime, Dialect, LargeBinary, String, TypeDecorator
from sqlalchemy.orm import Mapped, mapped_column, object_session
from sqlalchemy.types import TypeEngine

from actiontrac import inventory

if TYPE_CHECKING:
    from actiontrac.storage.store import Store
    from actiontrac.vault import Cipher

ID = String(40)


class UTCDateTime(TypeDecorator[datetime]):
    """An aware moment; kept as UTC on every database, SQLite included."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored moment has a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def column(
    kind: TypeEngine[Any] | type[TypeEngine[Any]],
    data_class: str,
    *args: Any,
    purpose: str,
    retention: str = "membership",
    **options: Any,
) -> Any:
    """A mapped column that the inventory knows (P08)."""
    return mapped_column(kind, *args, info=inventory.tag(data_class, purpose, retention), **options)


def sealed_column(*, purpose: str, retention: str = "membership") -> Any:
    """A column of sealed bytes; read and written through a ``Sealed`` beside it."""
    return column(LargeBinary, "personal", purpose=purpose, retention=retention, nullable=True)


class Sealed:
    """
    Reads and writes a sealed column as text (AES-GCM under the company's data key).

    ::

        phone_sealed: Mapped[bytes | None] = sealed_column(purpose="reach the worker")
        phone = Sealed("phone_sealed")

    The row needs ``company_id`` and ``id`` before it is flushed: both are bound into
    the seal, so that a value copied to another row or company does not open.
    """

    def __init__(self, stored_as: str) -> None:
        self._stored_as = stored_as
        self._plain = f"_plain_{stored_as}"

    def __get__(self, row: Any, owner: type) -> Any:
        if row is None:
            return self
        if self._plain in row.__dict__:
            return row.__dict__[self._plain]
        stored = getattr(row, self._stored_as)
        if stored is None:
            return None
        value = _store_of(row).cipher(row.company_id).open(stored, self._place(row))
        row.__dict__[self._plain] = value
        return value

    def __set__(self, row: Any, value: str | None) -> None:
        row.__dict__[self._plain] = value
        if value is None:
            setattr(row, self._stored_as, None)
        elif object_session(row) is not None:
            self.seal(row)

    def seal(self, row: Any) -> None:
        """Seal what was set before the row belonged to a store; called as it is flushed."""
        value = row.__dict__.get(self._plain)
        if value is not None:
            sealed = _store_of(row).cipher(row.company_id).seal(value, self._place(row))
            setattr(row, self._stored_as, sealed)

    def open(self, found: Any, table: str, cipher: "Cipher") -> str | None:
        """The text in a row that was selected by columns; ``found`` has the sealed column and ``id``."""
        stored = getattr(found, self._stored_as)
        return None if stored is None else cipher.open(stored, f"{table}|{self._stored_as}|{found.id}")

    def _place(self, row: Any) -> str:
        return f"{row.__tablename__}|{self._stored_as}|{row.id}"


@cache
def sealed_attributes(kind: Any) -> list[Sealed]:
    """The sealed attributes of a class of rows; do not change the list."""
    return [value for owner in kind.__mro__ for value in vars(owner).values() if isinstance(value, Sealed)]


def _store_of(row: Any) -> "Store":
    session = object_session(row)
    if session is None:
        raise RuntimeError("a sealed value is read inside its unit of work")
    store: Store = session.info["store"]
    return store


class CompanyOwned:
    """
    A row that belongs to one company (A24).

    Every query of a company's store is limited to it, and PostgreSQL repeats the
    limit with row-level security.
    """

    company_id: Mapped[str] = column(ID, "corporate", purpose="whose row this is", index=True, nullable=False)

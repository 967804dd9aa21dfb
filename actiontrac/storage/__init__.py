"""
How a service keeps its data: one database of its own, one unit of work at a time,
filtered by company, with outbox, inbox and idempotency keys in the same transaction.
"""

from actiontrac.storage.columns import (
    CompanyOwned,
    Sealed,
    UTCDateTime,
    column,
    sealed_column,
)
from actiontrac.storage.database import Database, database_for, in_unit_of_work
from actiontrac.storage.store import Replayed, Store
from actiontrac.storage.tables import declarative_base

__all__ = [
    "CompanyOwned",
    "Database",
    "Replayed",
    "Sealed",
    "Store",
    "UTCDateTime",
    "column",
    "database_for",
    "declarative_base",
    "in_unit_of_work",
    "sealed_column",
]

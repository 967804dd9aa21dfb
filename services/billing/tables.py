"""What all tables of billing share."""

from typing import Any

from sqlalchemy import String

from actiontrac.storage import column, declarative_base

Base: Any = declarative_base("billing")

ID = String(40)
#: Long enough for the ids of both processors.
REF = String(255)


def billed(kind: Any, data_class: str, *, purpose: str, nullable: bool = False, **options: Any) -> Any:
    """A column that is kept as long as invoices are."""
    return column(kind, data_class, purpose=purpose, retention="invoice", nullable=nullable, **options)

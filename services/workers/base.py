"""What the tables of workers have in common."""

from typing import Any

from sqlalchemy import String

from actiontrac.storage import declarative_base
from services.workers import normal

Base: Any = declarative_base("workers")

#: Keys are compared byte by byte on every database, so that pages follow one another alike.
Key = String(normal.KEY_LENGTH).with_variant(String(normal.KEY_LENGTH, collation="C"), "postgresql")

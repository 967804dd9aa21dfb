"""Everywhere that the product keeps or writes something, to be searched for what must not be there."""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import psycopg2
from psycopg2 import sql

from actiontrac.config import SERVICES_WITH_DATA
from tests.servers.servers import Servers
from tests.stack import Product


def logs(product: Product) -> str:
    """What all processes of the product wrote: their one log, and their output."""
    return product.log() + product.output()


def found_in(product: Product, needles: Iterable[str]) -> list[str]:
    """
    Where any of these texts lies: in a file of the data folder (databases, logs, output),
    in a row of a database, in the broker's files. Places only, so that a failing test
    can be shown to anybody.
    """
    wanted = sorted(set(needles))
    places = [f"{place}: value {wanted.index(needle)}" for place, needle in _hits(product, wanted)]
    return sorted(set(places))


def _hits(product: Product, needles: list[str]) -> Iterator[tuple[str, str]]:
    for place, content in _contents(product):
        for needle in needles:
            # A column of bytes is shown in hexadecimal digits.
            if needle.encode() in content or needle.encode().hex().encode() in content:
                yield place, needle


def _contents(product: Product) -> Iterator[tuple[str, bytes]]:
    yield from _files(product.home)
    for path in sorted(product.home.rglob("*.db")) + sorted(product.home.rglob("*.sqlite*")):
        yield from _sqlite(path)
    if product.mode == "full":
        yield from _postgres(product)
        yield from _files(_broker_folder())


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield f"file {path.relative_to(folder)}", path.read_bytes()


def _sqlite(path: Path) -> Iterator[tuple[str, bytes]]:
    """Row by row as well: in the file a long text is torn apart at the end of a page."""
    if path.name.endswith(("-wal", "-shm")):
        return
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = database.execute(f'SELECT * FROM "{table}"').fetchall()
            yield f"{path.name} table {table}", b"\n".join(_cell(cell) for row in rows for cell in row)


def _cell(cell: object) -> bytes:
    return cell if isinstance(cell, bytes) else str(cell).encode()


def _postgres(product: Product) -> Iterator[tuple[str, bytes]]:
    superuser = Servers.shared().postgres_url.rsplit("/", 1)[0]
    for service in SERVICES_WITH_DATA:
        name = product.settings.database_url_for(service).rsplit("/", 1)[1]
        with psycopg2.connect(f"{superuser}/{name}") as database, database.cursor() as cursor:
            # A superuser is not held by row-level security: nothing is hidden from this search.
            cursor.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information_)'")
            for schema, table in cursor.fetchall():
                cursor.execute(
                    sql.SQL("SELECT found::text FROM {}.{} AS found").format(
                        sql.Identifier(schema), sql.Identifier(table)
                    )
                )
                yield f"{service} table {table}", b"\n".join(row[0].encode() for row in cursor.fetchall())
        database.close()


def _broker_folder() -> Path:
    """The broker's messages and logs; a broker that is not ours keeps them where we cannot look."""
    return Path(getattr(Servers.shared().broker, "folder", Path("/nonexistent")))

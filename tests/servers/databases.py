"""A database and two roles for every service, made by the same SQL as in docker compose."""

import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection

SERVICES = ("accounts", "workers", "billing", "notifications")

SOURCE = Path(__file__).parents[2] / "deploy" / "postgres" / "service.sql"


@dataclass(frozen=True, kw_only=True)
class Databases:
    """The databases of one test run, with {service} still in the addresses."""

    prefix: str
    app_url: str
    owner_url: str

    def urls(self) -> dict[str, tuple[str, str]]:
        """For each service the address for itself, and the one for its migrations."""
        return {name: (self.app_url.format(service=name), self.owner_url.format(service=name)) for name in SERVICES}


def create(superuser_url: str, prefix: str) -> Databases:
    """
    Make them, empty: ``<prefix><service>`` with the roles ``<prefix><service>_owner`` and ``_app``.

    The passwords differ between the two kinds of roles and not between services, so
    that one address with {service} in it fits all, as the settings want it.
    """
    owner_password, app_password = secrets.token_hex(12), secrets.token_hex(12)
    for service in SERVICES:
        name = f"{prefix}{service}"
        values = {
            "database": name,
            "owner": f"{name}_owner",
            "owner_password": owner_password,
            "app": f"{name}_app",
            "app_password": app_password,
        }
        # The part before \connect runs in the superuser's database, the rest in the new one.
        outside, _, inside = SOURCE.read_text().partition('\\connect :"database"')
        _execute(superuser_url, outside, values)
        _execute(_in_database(superuser_url, name), inside, values)
    address = urlsplit(superuser_url)
    server = f"{address.hostname}:{address.port or 5432}/{prefix}{{service}}"
    return Databases(
        prefix=prefix,
        app_url=f"postgresql://{prefix}{{service}}_app:{app_password}@{server}",
        owner_url=f"postgresql://{prefix}{{service}}_owner:{owner_password}@{server}",
    )


def drop(superuser_url: str, prefix: str) -> None:
    """Remove them, with whoever is still connected; safe to repeat."""
    with _connected(superuser_url) as server, server.cursor() as cursor:
        for service in SERVICES:
            name = f"{prefix}{service}"
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            for role in (f"{name}_owner", f"{name}_app"):
                cursor.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def _execute(url: str, script: str, values: dict[str, str]) -> None:
    """Run statements one by one, with psql's :"identifier" and :'literal' filled in."""
    without_comments = re.sub(r"(?m)^--.*$", "", script)
    with _connected(url) as server, server.cursor() as cursor:
        for statement in without_comments.split(";\n"):
            if statement.strip():
                cursor.execute(_filled(statement, values))


def _filled(statement: str, values: dict[str, str]) -> sql.Composed:
    parts: list[sql.Composable] = []
    for text in re.split(r"(:\"\w+\"|:'\w+')", statement):
        if text.startswith(':"'):
            parts.append(sql.Identifier(values[text[2:-1]]))
        elif text.startswith(":'"):
            parts.append(sql.Literal(values[text[2:-1]]))
        else:
            parts.append(sql.SQL(text))
    return sql.Composed(parts)


class _connected:
    """A connection that commits each statement by itself (CREATE DATABASE wants that) and is closed at the end."""

    def __init__(self, url: str) -> None:
        self._connection: connection = psycopg2.connect(url)
        self._connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)

    def __enter__(self) -> connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _in_database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()

"""Changing a service's tables: Alembic, the same scripts on SQLite and PostgreSQL."""

from importlib import import_module
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from actiontrac.config import ConfigurationError, Settings
from actiontrac.storage.tables import declarative_base

#: A migration that cannot get its lock gives up instead of queueing everybody behind it.
LOCK_TIMEOUT = "5s"


def folder(service: str) -> Path:
    package = import_module(f"services.{service}")
    return Path(str(package.__file__)).parent / "migrations"


def head(service: str) -> str:
    """The newest revision of a service, read from its file names (0001_…, 0002_…)."""
    return max(path.name[:4] for path in (folder(service) / "versions").glob("[0-9]*.py"))


def current(service: str, settings: Settings) -> str | None:
    """
    The revision that a service's database is at; None before the first.

    Raises:
        ConfigurationError: the database cannot be used.
    """
    url = settings.database_owner_url_for(service)
    engine = create_engine(_driver(url))
    try:
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DBAPIError as problem:
        raise ConfigurationError(_unusable(service, url, problem)) from problem
    finally:
        engine.dispose()


def _unusable(service: str, url: str, problem: DBAPIError) -> str:
    # The first line says what is wrong, in one database's words or the other's; further lines guess.
    reason = " ".join(str(problem.orig).partition("\n")[0].split())
    if url.startswith("sqlite"):
        file = url.removeprefix("sqlite:///")
        return f"The database {file} cannot be used ({reason}); put a copy of it back, or move it away and start again."
    return f"The database of {service} cannot be used ({reason}); see that it runs, and check ACTIONTRAC_DATABASE_URL."


def migrate(service: str, settings: Settings, revision: str = "head") -> bool:
    """Bring a service's tables to a revision; whether anything had to change."""
    if revision == "head" and current(service, settings) == head(service):
        return False
    # Imported late: a start that has nothing to migrate need not pay for it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder(service)))
    config.attributes["url"] = _driver(settings.database_owner_url_for(service))
    config.attributes["service"] = service
    known = head(service) if revision == "head" else revision
    before = current(service, settings)
    if before is not None and revision != "head" and (revision == "base" or before > known):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)
    return True


def _driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)


def run_environment() -> None:
    """What every ``migrations/env.py`` does."""
    from alembic import context

    options = context.config.attributes
    engine = create_engine(options["url"])
    models = import_module(f"services.{options['service']}.models")
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
                # One migration at a time, however many replicas start together.
                connection.execute(text("SELECT pg_advisory_lock(7410)"))
                connection.commit()
            context.configure(
                connection=connection,
                target_metadata=models.Base.metadata,
                transaction_per_migration=True,
                render_as_batch=connection.dialect.name == "sqlite",
            )
            with context.begin_transaction():
                context.run_migrations()
            connection.commit()
    finally:
        engine.dispose()


def create_chassis_tables(op: Any, service: str) -> None:
    """The tables that every service has; for a service's first migration."""
    base = declarative_base(service)
    base.metadata.create_all(op.get_bind())
    enable_company_isolation(op, "company_keys")


def drop_chassis_tables(op: Any, service: str) -> None:
    declarative_base(service).metadata.drop_all(op.get_bind())


def enable_company_isolation(op: Any, table: str) -> None:
    """
    Row-level security on PostgreSQL: rows of the company that the unit of work was
    opened for, and no others, whatever the query says (A24). The owner is bound too.
    """
    if op.get_bind().dialect.name != "postgresql":
        return
    company = "NULLIF(current_setting('app.company_id', true), '')"
    own = f"company_id = {company} OR {company} = '*'"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY company_isolation ON {table} USING ({own}) WITH CHECK ({own})")

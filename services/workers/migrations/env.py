"""Alembic's entry; see actiontrac.storage.migration."""

from actiontrac.storage.migration import run_environment

run_environment()

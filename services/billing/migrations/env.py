"""Alembic's entry into this service's migrations."""

from actiontrac.storage.migration import run_environment

run_environment()

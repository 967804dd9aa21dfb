"""Alembic's entry for this service."""

from actiontrac.storage.migration import run_environment

run_environment()

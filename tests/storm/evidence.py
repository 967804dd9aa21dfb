"""Reads the evidence: the ledgers' files, the databases past the product, the broker's queues."""

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras

from actiontrac.config import SERVICES_WITH_DATA
from actiontrac.contracts.topology import SUBSCRIPTIONS
from tests.storm.counting import Evidence, Hit

#: What is read of each database; the outbox and the inbox of all.
COLUMNS = {
    "billing": {
        "checkouts": "id, company_id, state",
        "payments": "checkout_id, company_id",
        "subscription_years": "checkout_id, company_id",
        "invoices": "checkout_id, company_id",
        "meters": "company_id, managed",
        "webhook_notices": "kind, due_at",
    },
    "workers": {
        "workers": "id, company_id, department, title, status",
        "managed_counts": "company_id, managed",
    },
    "notifications": {
        "messages": "id, company_id, template, category, state",
        "preferences": "user_id, category, wanted",
    },
    "accounts": {},
}
OF_ALL = {
    "outbox": "event_id, type, published_at",
    "inbox": "event_id, handler",
    "failed_events": "event_id, handler, state",
    "idempotency_keys": "scope, state",
}
#: Of these only what is not done is of interest, and there are many.
ONLY = {"idempotency_keys": "WHERE state = 'running'"}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines; a line that is just being written is left out."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def tables(superuser_url: str, databases: dict[str, str]) -> dict[str, Sequence[dict[str, Any]]]:
    """``databases`` is the name of each service's; a superuser is not held by row-level security."""
    found: dict[str, Sequence[dict[str, Any]]] = {}
    for service in SERVICES_WITH_DATA:
        url = f"{superuser_url.rsplit('/', 1)[0]}/{databases[service]}"
        with closing(psycopg2.connect(url, connect_timeout=10)) as database:
            database.autocommit = True
            for table, columns in {**COLUMNS[service], **OF_ALL}.items():
                with database.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                    cursor.execute(f"SELECT {columns} FROM {table} {ONLY.get(table, '')}")
                    found[f"{service}.{table}"] = [dict(row) for row in cursor.fetchall()]
    return found


def gather(
    *,
    notes: Path,
    processors: Path,
    catcher: Path,
    superuser_url: str,
    databases: dict[str, str],
    queues: dict[str, int],
    hits: Sequence[Hit],
    complaints: Sequence[str],
) -> Evidence:
    """All of it, as it is now."""
    # The databases first: what happens while we read then stands in the ledgers as something to wait for.
    rows = tables(superuser_url, databases)
    return Evidence(
        notes=read_lines(notes),
        processors=read_lines(processors),
        catcher=read_lines(catcher),
        tables=rows,
        subscriptions=SUBSCRIPTIONS,
        queues=queues,
        hits=hits,
        complaints=complaints,
    )

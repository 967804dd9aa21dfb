"""
What tests of services share: a service instance on a real database with fakes at its edges.

Nothing here is used by the running product.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from nameko.extensions import DependencyProvider
from sqlalchemy import select

from actiontrac import clock, config, context
from actiontrac.config import Settings
from actiontrac.context import Principal, RequestContext
from actiontrac.errors import NotFound
from actiontrac.ids import new_id
from actiontrac.service import Opener, Service, SettingsProvider, Stores
from actiontrac.storage import database_for
from actiontrac.storage.migration import migrate
from actiontrac.vault import LocalKeyProvider


def settings_for(home: Path, **environment: str) -> Settings:
    """Sandbox settings in a folder of the test's own; the clock can be moved."""
    variables = {"ACTIONTRAC_HOME": str(home), **environment}
    settings = config.load(variables)
    config.prepare_home(settings.home)
    clock.configure(settings.clock_file)
    return settings


class Nobody:
    """Stands for another service that a test did not provide."""

    def __getattr__(self, method: str) -> Any:
        raise AssertionError(f"the test provides no {method}")


def service_of(kind: type[Service], home: Path, *, settings: Settings | None = None, **fakes: Any) -> Any:
    """
    A service with a migrated SQLite database; ``fakes`` stand for its other dependencies
    by attribute name: ``service_of(BillingService, tmp_path, accounts=FakeAccounts())``.
    """
    settings = settings or settings_for(home)
    service = kind()
    # Every test begins as a request of its own, from nobody in particular.
    context.enter(RequestContext(request_id=new_id("req")))
    for name in dir(kind):
        declared = getattr(kind, name, None)
        if name in fakes or not isinstance(declared, DependencyProvider):
            continue
        if isinstance(declared, Stores):
            migrate(declared.kind.base.service, settings)
            opener: Any = Opener(
                declared.kind,
                database_for(declared.kind.base.service, settings),
                LocalKeyProvider(settings.secret("MASTER_KEY")),
                write=True,
            )
            setattr(service, name, opener)
        elif isinstance(declared, SettingsProvider):
            setattr(service, name, settings)
        else:
            setattr(service, name, Nobody())
    for name, fake in fakes.items():
        setattr(service, name, fake)
    return service


def as_request(
    *, principal: Principal | None = None, key: str | None = None, request_hash: str = "hash"
) -> RequestContext:
    """Enter a new request, with an idempotency key where one is given."""
    asked = RequestContext(
        request_id=new_id("req"),
        principal=principal,
        idempotency_key=key,
        request_hash=request_hash if key else None,
    )
    context.enter(asked)
    return asked


def as_principal(company_id: str, *permissions: str, user_id: str = "usr_test") -> RequestContext:
    return as_request(principal=Principal(user_id=user_id, company_id=company_id, permissions=permissions))


def published(service: Any) -> list[Any]:
    """The events in a service's outbox, in order, as their classes."""
    store = service.store.across_companies()
    base = store.base
    from actiontrac.events import events_of

    kinds = {event.type: event for event in events_of(import_module(f"actiontrac.contracts.{base.service}"))}
    with store:
        rows = store.session.scalars(select(base.Outbox).order_by(base.Outbox.position)).all()
        return [kinds[row.type].from_wire(row.body) for row in rows]


class FakeAccounts:
    """accounts as other services see it, with one company and its owner."""

    def __init__(self, company_id: str = "com_acme", owner_id: str = "usr_olive") -> None:
        self.people: dict[str, dict[str, Any]] = {}
        #: What of a company's view is not as below, such as its country; the same for all.
        self.company: dict[str, Any] = {}
        self.add(owner_id, company_id, role="owner")

    def add(self, user_id: str, company_id: str, *, role: str = "viewer", verified: bool = True) -> None:
        self.people[user_id] = {
            "recipient_id": user_id,
            "company_id": company_id,
            "company_name": "Acme Tools",
            "email": f"{user_id.removeprefix('usr_')}@acme.example",
            "first_name": user_id.removeprefix("usr_").title(),
            "language": "en",
            "verified": verified,
            "role": role,
        }

    def get_recipient(self, *, recipient_id: str) -> dict[str, Any]:
        if recipient_id not in self.people:
            raise NotFound()
        return self.people[recipient_id]

    def list_recipients(self, *, company_id: str, roles: list[str]) -> list[dict[str, Any]]:
        return [
            person for person in self.people.values() if person["company_id"] == company_id and person["role"] in roles
        ]

    def list_audience(self, *, limit: int = 500, cursor: str | None = None) -> dict[str, Any]:
        ids = sorted(i for i in self.people if not cursor or i > cursor)
        page = [{"user_id": i, "company_id": self.people[i]["company_id"]} for i in ids[:limit]]
        return {"items": page, "next_cursor": ids[limit - 1] if len(ids) > limit else None}

    def mail_link(self, *, kind: str, subject_id: str) -> str:
        return f"http://127.0.0.1:8000/{kind}?token={subject_id}.secret"

    def get_company(self, *, company_id: str) -> dict[str, Any]:
        return {
            "id": company_id,
            "display_name": "Acme Tools",
            "company_name": "Acme Tools",
            "company_address": "12 Mill Lane",
            "city": "Portland",
            "state": "OR",
            "zip": "97201",
            "country": "US",
            "phone": "+1 503 555 0142",
            "status": "active",
            "created_at": "2026-11-23T12:58:00Z",
            **self.company,
        }

    def get_company_status(self, *, company_id: str) -> dict[str, Any]:
        return {"status": "active", "country": "US"}

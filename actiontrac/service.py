"""
What a service class declares: its store, its settings, whom it asks.

::

    class WorkersService(Service):
        name = "workers"
        store = Stores(WorkersStore)
        accounts = RpcClient("accounts")

        @rpc(requires="workers.read")
        def get_worker(self, *, company_id: str, worker_id: str) -> WorkerView: ...
"""

import sys
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import eventlet
from nameko.containers import ServiceContainer
from nameko.extensions import DependencyProvider
from prometheus_client import Counter

from actiontrac import context, log
from actiontrac.config import Settings
from actiontrac.messaging import handle
from actiontrac.rpc import PUBLIC, SERVICE_ONLY, SIGNED_IN, Caller, RpcClient, rpc
from actiontrac.storage import Database, Store, database_for
from actiontrac.storage.housekeeping import purge
from actiontrac.timers import every
from actiontrac.vault import KeyProvider, LocalKeyProvider

__all__ = [
    "PUBLIC",
    "SERVICE_ONLY",
    "SIGNED_IN",
    "Caller",
    "Opener",
    "RpcClient",
    "Service",
    "SettingsProvider",
    "Stores",
    "every",
    "handle",
    "rpc",
]

_log = log.get(__name__)

HOUSEKEEPING_SECONDS = 300

PURGED = Counter("actiontrac_purged_rows", "Rows that had served their time", ["service", "table"])

AnyStore = TypeVar("AnyStore", bound=Store)


class Container(ServiceContainer):
    """
    A nameko container that enters the request's context before the method runs.

    nameko measures and describes every step for debug lines that nobody sees (its loggers
    are silent here, because they quote exceptions); a worker of ours runs without that.
    """

    def _run_worker(self, worker_ctx: Any, handle_result: Callable[..., tuple[Any, Any]] | None) -> None:
        self._inject_dependencies(worker_ctx)
        context.enter(worker_ctx.data["context"])
        self._worker_setup(worker_ctx)
        result = exc_info = None
        try:
            result = getattr(worker_ctx.service, worker_ctx.entrypoint.method_name)(
                *worker_ctx.args, **worker_ctx.kwargs
            )
        except Exception:
            exc_info = sys.exc_info()
        if handle_result is not None:
            result, exc_info = handle_result(worker_ctx, result, exc_info)
        self._worker_result(worker_ctx, result, exc_info)
        # A traceback holds its frame, which holds it: memory that only the collector would free.
        del exc_info
        self._worker_teardown(worker_ctx)


class Opener(Generic[AnyStore]):
    """``self.store(company_id)`` opens a unit of work for one company."""

    def __init__(self, kind: type[AnyStore], database: Database, keys: KeyProvider, *, write: bool) -> None:
        self._kind = kind
        self._database = database
        self.keys = keys
        self._write = write

    def __call__(self, company_id: str) -> AnyStore:
        """
        Raises:
            ValueError: no company was named; that is what ``across_companies`` is for.
        """
        if not company_id or company_id == "*":
            raise ValueError("a store is opened for one company")
        return self._kind(self._database, self.keys, company_id, write=self._write)

    def across_companies(self) -> AnyStore:
        """For timers and for look-ups that have no company yet, such as a sign-in."""
        return self._kind(self._database, self.keys, None, write=self._write)


class Stores(DependencyProvider, Generic[AnyStore]):
    def __init__(self, kind: type[AnyStore]) -> None:
        self.kind = kind

    def setup(self) -> None:
        settings: Settings = self.container.config["settings"]
        self._database = database_for(self.kind.base.service, settings)
        self._keys = LocalKeyProvider(settings.secret("MASTER_KEY"))
        self._dead_letter_days = settings.dead_letter_days

    def start(self) -> None:
        self.container.spawn_managed_thread(self._keep_house, identifier="housekeeping")

    def _keep_house(self) -> None:
        while True:
            eventlet.sleep(HOUSEKEEPING_SECONDS)
            try:
                with self.kind(self._database, self._keys, None, write=False) as store:
                    purged = purge(store, self._dead_letter_days)
                for table, number in purged.items():
                    PURGED.labels(self.kind.base.service, table).inc(number)
            except Exception as problem:
                _log.warning("housekeeping_failed", error=type(problem).__name__)

    def get_dependency(self, worker_ctx: Any) -> Opener[AnyStore]:
        # Reads never look up or keep an idempotency key.
        write = bool(getattr(worker_ctx.entrypoint, "write", False))
        return Opener(self.kind, self._database, self._keys, write=write)


class SettingsProvider(DependencyProvider):
    """``settings = SettingsProvider()``: the process's settings."""

    def get_dependency(self, worker_ctx: Any) -> Settings:
        found: Settings = self.container.config["settings"]
        return found


class Service:
    """Base of the five services."""

    name: str

    @rpc(requires=PUBLIC)
    def ping(self) -> str:
        """Whether this service answers; the gateway's readiness asks it."""
        return self.name


def chassis_store(settings: Settings) -> Callable[[str], Store]:
    """A plain store of a service's chassis tables, for what is nobody's business logic."""
    keys = LocalKeyProvider(settings.secret("MASTER_KEY"))
    kinds: dict[str, type[Store]] = {}

    def open_for(service: str) -> Store:
        if service not in kinds:
            from importlib import import_module

            base = import_module(f"services.{service}.models").Base
            kinds[service] = type("ChassisStore", (Store,), {"base": base})
        return kinds[service](database_for(service, settings), keys, None, write=False)

    return open_for

"""An accounts service on a migrated SQLite database, people in it, and the clock in hand."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as database_event

from actiontrac import clock, context
from actiontrac.contracts import accounts as contract
from actiontrac.storage import Database, database_for
from actiontrac.testing import as_request, published, service_of, settings_for
from services.accounts.passwords import passwords_for
from services.accounts.service import AccountsService

PASSWORD = "quiet-otter-7-lamp"

#: Hashing is slow on purpose; a test that is not about that need not wait for it.
CHEAP = {"ACTIONTRAC_PASSWORD_TIME_COST": "1", "ACTIONTRAC_PASSWORD_MEMORY_KIB": "64"}


def registration(name: str = "olive", **changed: Any) -> dict[str, Any]:
    """The 11 required fields and nothing else."""
    return {
        "first_name": name.title(),
        "last_name": "Stonebridge",
        "user_id": name,
        "password": PASSWORD,
        "company_address": f"{len(name)} {name.title()} Street",
        "city": "Springfield",
        "state": "IL",
        "zip": "62701",
        "country": "US",
        "phone": "+1 217 555 0142",
        "email": f"{name}@mail.example",
        **changed,
    }


def without_fsync(database: Database) -> None:
    """No test here cuts the power of the machine, so none needs to wait for its disk."""

    @database_event.listens_for(database.engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")


class Person:
    """Somebody with an account: what a test says instead of three ids."""

    def __init__(self, accounts: "Accounts", user_id: str, company_id: str, name: str) -> None:
        self._accounts = accounts
        self.id, self.company_id, self.name = user_id, company_id, name

    @property
    def own(self) -> dict[str, str]:
        return {"company_id": self.company_id, "user_id": self.id}

    def sign_in(self, password: str = PASSWORD, mode: str = "cookie", browser: str = "Firefox 128") -> dict[str, Any]:
        return self._accounts.sign_in(self.name, password, mode=mode, browser=browser)


class Accounts:
    """The service, and the few things that tests do all the time."""

    def __init__(self, service: AccountsService) -> None:
        self.service: Any = service

    def __getattr__(self, method: str) -> Any:
        return getattr(self.service, method)

    def events(self, kind: type | None = None) -> list[Any]:
        return [event for event in published(self.service) if kind is None or isinstance(event, kind)]

    def mails(self, kind: str) -> list[Any]:
        return [event for event in self.events(contract.SecurityMailRequested) if event.kind == kind]

    def token(self, kind: str) -> str:
        """The token in the newest mail of a kind."""
        mail = self.mails(kind)[-1]
        link: str = self.service.mail_link(kind=kind, subject_id=mail.subject_id)
        return link.partition("token=")[2]

    def register(self, name: str = "olive", *, verified: bool = True, **changed: Any) -> Person:
        as_request()
        self.service.register_company(registration=registration(name, **changed))
        made = self.events(contract.CompanyRegistered)[-1]
        if verified:
            self.service.verify_email(token=self.token("verify_email"))
        return Person(self, made.owner_id, made.company_id, name)

    def join(self, owner: Person, name: str, role: str) -> Person:
        as_request()
        self.service.create_invitation(**owner.own, invitation={"email": f"{name}@mail.example", "role": role})
        acceptance = {"first_name": name.title(), "last_name": "Joiner", "user_id": name, "password": PASSWORD}
        self.service.accept_invitation(acceptance={"token": self.token("invitation"), **acceptance})
        joined = self.events(contract.MemberJoined)[-1]
        return Person(self, joined.user_id, joined.company_id, name)

    def sign_in(self, name: str, password: str = PASSWORD, **said: Any) -> dict[str, Any]:
        credentials = {"user_id": name, "password": password, "mode": said.get("mode", "cookie")}
        view: dict[str, Any] = self.service.create_session(
            credentials=credentials,
            address_token=said.get("address", "somewhere"),
            browser=said.get("browser", "Firefox 128"),
        )
        return view

    def resolve(self, session: dict[str, Any]) -> dict[str, Any]:
        principal: dict[str, Any] = self.service.resolve_session(token=session["token"])
        return principal

    def rows(self, kind: type) -> list[Any]:
        from sqlalchemy import select

        with self.service.store.across_companies() as store:
            return list(store.session.scalars(select(kind)).all())


@pytest.fixture(scope="session")
def migrated_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose database is migrated once and copied for every test."""
    home = tmp_path_factory.mktemp("accounts")
    service_of(AccountsService, home)
    return home


@pytest.fixture
def make_accounts(migrated_home: Path, tmp_path: Path) -> Iterator[Callable[..., Accounts]]:
    """Makes the service with further settings."""
    home = tmp_path / "home"
    shutil.copytree(migrated_home, home)
    made = []

    def make(**environment: str) -> Accounts:
        settings = settings_for(home, **{**CHEAP, **environment})
        made.append(settings)
        without_fsync(database_for("accounts", settings))
        return Accounts(service_of(AccountsService, home, settings=settings))

    yield make
    for settings in made:
        database_for("accounts", settings).dispose()
    clock.configure(None)
    context.enter(context.RequestContext(request_id="req_between_tests"))


@pytest.fixture
def accounts(make_accounts: Callable[..., Accounts]) -> Accounts:
    made = make_accounts()
    passwords_for(made.service.settings).checked = 0
    return made

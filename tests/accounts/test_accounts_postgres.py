"""What only a database with many writers at once can show: the same service on PostgreSQL."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from actiontrac import clock
from actiontrac.contracts import accounts as contract
from actiontrac.errors import ServiceError
from actiontrac.ids import new_id
from actiontrac.storage import database_for
from actiontrac.storage.migration import migrate
from actiontrac.testing import service_of, settings_for
from services.accounts import models
from services.accounts.models import Company, Session, User
from services.accounts.passwords import passwords_for
from services.accounts.service import AccountsService
from tests.accounts.conftest import CHEAP, PASSWORD, Accounts, registration
from tests.accounts.test_accounts_promises import whole_life
from tests.servers.servers import Servers

pytestmark = pytest.mark.full

DEMOTE = {"role": "viewer"}


@pytest.fixture(scope="module")
def shared(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    url, owner_url = servers.create_databases(f"a{new_id('tst')[-8:]}")["accounts"]
    settings = settings_for(
        tmp_path_factory.mktemp("home"),
        **CHEAP,
        ACTIONTRAC_ACCOUNTS_DATABASE_URL=url,
        ACTIONTRAC_ACCOUNTS_DATABASE_OWNER_URL=owner_url,
    )
    yield Accounts(service_of(AccountsService, settings.home, settings=settings))
    database_for("accounts", settings).dispose()


@pytest.fixture
def accounts(shared: Accounts) -> Iterator[Accounts]:
    """Emptied for each test, which is faster than a database each."""
    clock.configure(shared.settings.clock_file)
    engine = create_engine(
        shared.settings.database_owner_url_for("accounts").replace("postgresql://", "postgresql+psycopg2://", 1)
    )
    names = ", ".join(table.name for table in models.Base.metadata.sorted_tables)
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {names}"))
    engine.dispose()
    yield shared
    clock.configure(None)


def at_once(*calls: Callable[[], Any]) -> list[str]:
    """Run these at the same moment; what became of each, as its error's code or ``done``."""
    start = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> str:
        start.wait()
        try:
            call()
        except ServiceError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return list(pool.map(run, calls))


def test_the_whole_life_of_an_account_works_and_keeps_its_secrets(accounts: Accounts) -> None:
    personal = whole_life(accounts)

    wire = "".join(event.to_wire() for event in accounts.events())
    assert [value for value in personal if value in wire] == []
    accounts.purge()


def test_tables_are_exactly_those_of_the_models(accounts: Accounts) -> None:
    with database_for("accounts", accounts.settings).engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), models.Base.metadata)

    assert difference == []


def test_migration_can_be_taken_back(servers: Servers, tmp_path: Path) -> None:
    url, owner_url = servers.create_databases(f"b{new_id('tst')[-8:]}")["accounts"]
    settings = settings_for(
        tmp_path, ACTIONTRAC_ACCOUNTS_DATABASE_URL=url, ACTIONTRAC_ACCOUNTS_DATABASE_OWNER_URL=owner_url
    )
    migrate("accounts", settings)

    migrate("accounts", settings, "base")

    migrate("accounts", settings)


def test_the_database_repeats_the_isolation_for_every_table_of_companies(accounts: Accounts) -> None:
    whole_life(accounts)
    other = new_id("com")

    with database_for("accounts", accounts.settings).engine.begin() as connection:
        connection.execute(text("SELECT set_config('app.company_id', :other, true)"), {"other": other})
        for table in models.Base.metadata.sorted_tables:
            if "company_id" in table.columns and table.name not in ("outbox",):
                seen = connection.execute(text(f"SELECT count(*) FROM {table.name}")).scalar_one()
                assert seen == 0, table.name


def test_two_owners_cannot_put_each_other_out_at_once(accounts: Accounts) -> None:
    for n in range(5):
        owner = accounts.register(f"olive{n}")
        second = accounts.join(owner, f"simon{n}", "owner")

        outcomes = at_once(
            lambda o=owner, s=second: accounts.change_role(company_id=o.company_id, member_id=s.id, change=DEMOTE),
            lambda o=owner: accounts.remove_member(company_id=o.company_id, member_id=o.id),
        )

        assert sorted(outcomes) == ["done", "last_owner"]


def test_one_address_registered_many_times_at_once_is_one_account(accounts: Accounts) -> None:
    outcomes = at_once(
        *(
            lambda n=n: accounts.register_company(
                registration=registration(user_id=f"olive-{n}", email="o@mail.example")
            )
            for n in range(8)
        )
    )

    assert outcomes == ["done"] * 8
    assert len(accounts.rows(User)) == len(accounts.rows(Company)) == 1
    assert len(accounts.events(contract.CompanyRegistered)) == 1


def test_one_user_id_registered_many_times_at_once_is_one_account(accounts: Accounts) -> None:
    outcomes = at_once(
        *(
            lambda n=n: accounts.register_company(registration=registration(email=f"o{n}@mail.example"))
            for n in range(8)
        )
    )

    assert outcomes == ["done"] * 8
    assert len(accounts.rows(User)) == 1
    assert len(accounts.mails("user_id_taken")) == 7


def test_hundreds_of_guesses_at_once_are_checked_at_most_ten_times(accounts: Accounts) -> None:
    accounts.register()
    passwords = passwords_for(accounts.settings)
    passwords.checked = 0

    def guess(n: int) -> str:
        try:
            accounts.sign_in("olive", "wrong-guess-1", address=f"bot{n}")
        except ServiceError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(max_workers=16) as pool:
        outcomes = set(pool.map(guess, range(300)))

    assert outcomes <= {"sign_in_failed", "too_many_attempts", "storage_unavailable"}
    assert 5 <= passwords.checked <= 10


def test_no_session_survives_a_reset_that_races_with_a_sign_in(accounts: Accounts) -> None:
    owner = accounts.register()
    for n in range(5):
        new = f"lantern-meadow-{n}"
        before = PASSWORD if n == 0 else f"lantern-meadow-{n - 1}"
        clock.advance(7300)
        accounts.request_password_reset(request={"email": "olive@mail.example"})
        token = accounts.token("reset_password")

        at_once(
            *(lambda p=before: owner.sign_in(p) for _ in range(3)),
            lambda t=token, p=new: accounts.reset_password(reset={"token": t, "new_password": p}),
        )

        assert accounts.rows(Session) == []


def test_a_link_used_twice_at_once_works_once(accounts: Accounts) -> None:
    accounts.register(verified=False)
    token = accounts.token("verify_email")

    outcomes = at_once(*(lambda: accounts.verify_email(token=token) for _ in range(4)))

    assert sorted(outcomes) == ["done"] + ["token_invalid"] * 3
    assert len(accounts.events(contract.CompanyActivated)) == 1


def test_an_invitation_accepted_twice_at_once_makes_one_member(accounts: Accounts) -> None:
    owner = accounts.register()
    accounts.create_invitation(**owner.own, invitation={"email": "v@mail.example", "role": "viewer"})
    token = accounts.token("invitation")
    person = {"first_name": "V", "last_name": "W", "password": PASSWORD, "token": token}

    outcomes = at_once(
        *(lambda n=n: accounts.accept_invitation(acceptance={**person, "user_id": f"victoria{n}"}) for n in range(4))
    )

    assert sorted(outcomes) == ["done"] + ["token_invalid"] * 3
    assert len(accounts.rows(User)) == 2


def test_two_purges_at_once_tell_of_each_session_once(accounts: Accounts) -> None:
    owner = accounts.register()
    sessions = {owner.sign_in()["id"] for _ in range(6)}
    clock.advance(13 * 3600)

    at_once(accounts.purge, accounts.purge)

    told = [session_id for event in accounts.events(contract.SessionsRevoked) for session_id in event.session_ids]
    assert sorted(told) == sorted(sessions)
    assert accounts.rows(Session) == []

"""What must hold for everything in accounts: rights, inventory, events, contract, tables."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy import inspect as inspect_database

from actiontrac import inventory
from actiontrac.context import Principal
from actiontrac.contracts import accounts as contract
from actiontrac.contracts.topology import SUBSCRIPTIONS
from actiontrac.errors import Forbidden, NotFound, Unauthenticated
from actiontrac.events import events_of
from actiontrac.failpoints import registered
from actiontrac.forbidden import is_forbidden_name
from actiontrac.rpc import require
from actiontrac.storage.migration import migrate
from actiontrac.storage.tables import UNISOLATED
from actiontrac.testing import settings_for
from services.accounts import models
from services.accounts.service import AccountsService
from tests.accounts.conftest import PASSWORD, Accounts, registration

MATRIX = {
    # role: visitor, unverified owner, owner, billing, hr_manager, supervisor, viewer, staff
    "register_company": "public", "verify_email": "public", "create_session": "public", "accept_invitation": "public",
    "request_password_reset": "public", "reset_password": "public", "list_policies": "public", "get_policy": "public",
    "ping": "public",
    "resolve_session": "service", "get_recipient": "service", "list_recipients": "service", "list_audience": "service",
    "mail_link": "service", "get_company_status": "service",
    "end_session": "signed_in", "list_sessions": "signed_in", "get_me": "signed_in", "update_me": "signed_in",
    "change_password": "signed_in", "list_acceptances": "signed_in",
    "get_company": {"unverified", "owner", "billing", "hr_manager", "supervisor", "viewer"},
    "update_company": {"owner"},
    "list_members": {"unverified", "owner", "billing", "hr_manager"},
    "list_invitations": {"unverified", "owner", "billing", "hr_manager"},
    "change_role": {"owner"}, "remove_member": {"owner"},
    "create_invitation": {"owner"}, "revoke_invitation": {"owner"},
}  # fmt: skip


def rpc_methods(service: type) -> dict[str, Any]:
    """Every method that a service offers on the bus, with its entrypoint."""
    found = {}
    for name, method in inspect.getmembers(service, callable):
        for entrypoint in getattr(method, "nameko_entrypoints", ()):
            if hasattr(entrypoint, "requires"):
                found[name] = entrypoint
    return found


def callers() -> Iterator[tuple[str, Principal]]:
    yield "visitor", Principal()
    yield "unverified", Principal(user_id="u", company_id="c", permissions=contract.UNVERIFIED_PERMISSIONS)
    yield "staff", Principal(user_id="staff", permissions=contract.STAFF_PERMISSIONS)
    for role, permissions in contract.PERMISSIONS.items():
        yield role, Principal(user_id="u", company_id="c", role=role, permissions=permissions)


class TestRights:
    def test_matrix_names_every_method_that_is_on_the_bus(self) -> None:
        assert set(rpc_methods(AccountsService)) == set(MATRIX)

    @pytest.mark.parametrize("method", sorted(MATRIX))
    def test_each_role_may_use_exactly_what_the_matrix_says(self, method: str) -> None:
        expected = MATRIX[method]
        permission = rpc_methods(AccountsService)[method].requires
        for caller, principal in callers():
            allowed = {"public": True, "service": False, "signed_in": caller != "visitor"}.get(
                expected if isinstance(expected, str) else "", caller in expected
            )
            try:
                require(principal, permission, principal.company_id if principal.company_id else None)
                may = True
            except (Unauthenticated, Forbidden):
                may = False
            assert may == allowed, (method, caller)

    @pytest.mark.parametrize("method", sorted(MATRIX))
    def test_another_companys_id_is_not_found(self, method: str) -> None:
        entrypoint = rpc_methods(AccountsService)[method]
        takes_company = "company_id" in inspect.signature(getattr(AccountsService, method)).parameters
        if not takes_company or entrypoint.requires == "service":
            return
        owner = Principal(user_id="u", company_id="c", permissions=contract.PERMISSIONS["owner"])

        with pytest.raises(NotFound):
            require(owner, entrypoint.requires, "another")

    def test_other_services_may_use_everything(self) -> None:
        for entrypoint in rpc_methods(AccountsService).values():
            require(None, entrypoint.requires, "c")

    def test_roles_hold_only_known_rights_and_unverified_people_only_look(self) -> None:
        for granted in contract.PERMISSIONS.values():
            assert set(granted) <= set(contract.PERMISSIONS["owner"])
        assert all(right.endswith(".read") for right in contract.UNVERIFIED_PERMISSIONS)


class TestContract:
    def test_is_what_the_service_offers_with_the_same_arguments_permissions_and_writes(self) -> None:
        source = inspect.getsource(contract.Rpc)
        said = {
            name: (permission, bool(write))
            for permission, write, name in re.findall(
                r"# \[([\w.]+)\]( W)?[^\n]*\n(?:    #[^\n]*\n)*    def (\w+)", source
            )
        }
        offered = rpc_methods(AccountsService)
        offered.pop("ping")

        assert said == {name: (entry.requires, entry.write) for name, entry in offered.items()}
        for name in said:
            wanted = inspect.signature(getattr(contract.Rpc, name)).parameters
            given = inspect.signature(getattr(AccountsService, name)).parameters
            assert {n: (p.kind, p.default) for n, p in wanted.items()} == {
                n: (p.kind, p.default) for n, p in given.items()
            }, name

    def test_every_event_has_its_line_in_the_topology(self) -> None:
        assert {event.type for event in events_of(contract)} <= set(SUBSCRIPTIONS)


class TestInventory:
    def test_knows_every_column(self) -> None:
        assert inventory.untagged(models.Base.metadata) == []

    def test_every_table_belongs_to_companies_or_says_why_not(self) -> None:
        without = {table.name for table in models.Base.metadata.tables.values() if "company_id" not in table.columns}

        assert without <= set(UNISOLATED) | set(models.UNISOLATED)

    def test_no_table_event_or_request_has_a_field_that_is_forbidden(self) -> None:
        columns = [column.name for table in models.Base.metadata.tables.values() for column in table.columns]
        requests = [kind for kind in vars(contract).values() if hasattr(kind, "model_fields")]
        fields = [name for kind in requests for name in kind.model_fields]
        events = [name for event in events_of(contract) for name in event.__dataclass_fields__]

        assert [name for name in columns + fields + events if is_forbidden_name(name)] == []

    def test_no_column_can_hold_an_address_of_the_network(self) -> None:
        names = {column.name for table in models.Base.metadata.tables.values() for column in table.columns}

        assert not {name for name in names if name.startswith("ip") or "ip_" in name or name == "user_agent"}


class TestMigrations:
    def test_make_exactly_the_tables_of_the_models(self, tmp_path: Path) -> None:
        settings = settings_for(tmp_path)
        migrate("accounts", settings)
        engine = create_engine(settings.database_url_for("accounts"))
        with engine.connect() as connection:
            difference = compare_metadata(MigrationContext.configure(connection), models.Base.metadata)
        engine.dispose()

        assert difference == []

    def test_can_be_taken_back(self, tmp_path: Path) -> None:
        settings = settings_for(tmp_path)
        migrate("accounts", settings)
        migrate("accounts", settings, "base")
        engine = create_engine(settings.database_url_for("accounts"))
        left = set(inspect_database(engine).get_table_names())
        engine.dispose()

        assert left <= {"alembic_version"}


def whole_life(accounts: Accounts) -> list[str]:
    """One of everything; returns every personal value that was typed on the way."""
    owner = accounts.register(company_name="Zanzibar Tools", phone="+1 217 555 0177")
    session = owner.sign_in()
    member = accounts.join(owner, "quentin", "billing")
    other = member.sign_in(mode="bearer")
    accounts.register_company(registration=registration(user_id="wanda"))
    accounts.register_company(registration=registration(email="yolanda@mail.example"))
    accounts.request_password_reset(request={"email": "olive@mail.example"})
    reset = accounts.token("reset_password")
    accounts.reset_password(reset={"token": reset, "new_password": "lantern-meadow-9"})
    accounts.change_role(company_id=owner.company_id, member_id=member.id, change={"role": "viewer"})
    accounts.remove_member(company_id=owner.company_id, member_id=member.id)
    return [
        "olive@", "quentin@", "yolanda@", "mail.example", "0177", "0142", "Olive Street", PASSWORD, "lantern-meadow-9",
        session["token"], other["token"], reset.partition(".")[2], session["csrf_token"],
    ]  # fmt: skip


class TestSecrecy:
    def test_events_carry_ids_and_figures_only(self, accounts: Accounts) -> None:
        personal = [*whole_life(accounts), "Olive", "Stonebridge", "olive", "Quentin", "quentin", "Zanzibar"]

        events = accounts.events()

        assert {type(event) for event in events} == set(events_of(contract))
        for event in events:
            assert [value for value in personal if value in event.to_wire()] == []

    def test_contact_data_and_secrets_are_not_readable_in_the_database_file(self, accounts: Accounts) -> None:
        hidden = [value for value in whole_life(accounts) if value != "Olive Street"]  # the company's own address

        home = accounts.settings.home
        stored = b"".join(path.read_bytes() for path in home.glob("accounts.db*"))

        assert b"Zanzibar" in stored, "this looks into the right file"
        assert [value for value in hidden if value.encode() in stored] == []

    def test_nothing_typed_reaches_the_log(self, accounts: Accounts, capfd: pytest.CaptureFixture[str]) -> None:
        personal = whole_life(accounts)

        said = "".join(capfd.readouterr())

        assert [value for value in personal if value in said] == []


def test_failpoints_stand_between_the_effects_of_every_flow() -> None:
    ours = {name for name in registered() if name.startswith("accounts.")}

    assert ours == {
        "accounts.register.between", "accounts.verify.between", "accounts.sign_in.counted",
        "accounts.sign_in.checked", "accounts.password.checked", "accounts.reset.between",
        "accounts.accept_invitation.between", "accounts.remove_member.between", "accounts.purge.between",
    }  # fmt: skip

"""A21, A22, A24, A28: who belongs to a company, in which role, and nobody else."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from actiontrac import clock
from actiontrac.contracts import accounts as contract
from actiontrac.errors import Invalid, NotFound, ServiceError
from actiontrac.testing import as_principal
from services.accounts import invitations, members
from services.accounts.models import Acceptance, Invitation, User
from tests.accounts.conftest import PASSWORD, Accounts, Person
from tests.accounts.test_accounts_registration import PowerCut, cut_power_at


@pytest.fixture
def owner(accounts: Accounts) -> Person:
    return accounts.register()


def accept(accounts: Accounts, token: str, name: str = "victoria", **changed: Any) -> Any:
    person = {"first_name": name.title(), "last_name": "Joiner", "user_id": name, "password": PASSWORD}
    return accounts.accept_invitation(acceptance={"token": token, **person, **changed})


def invite(accounts: Accounts, owner: Person, email: str = "victoria@mail.example", role: str = "viewer") -> Any:
    return accounts.create_invitation(**owner.own, invitation={"email": email, "role": role})


class TestInvitation:
    @pytest.mark.parametrize("role", list(contract.PERMISSIONS))
    def test_makes_a_member_with_its_role_and_confirmed_address(
        self, accounts: Accounts, owner: Person, role: str
    ) -> None:
        invite(accounts, owner, role=role)

        assert accept(accounts, accounts.token("invitation")) == {"status": "verified"}

        joined = accounts.events(contract.MemberJoined)[-1]
        me = accounts.get_me(company_id=joined.company_id, user_id=joined.user_id)
        assert (me["company_id"], me["role"], me["email_verified"]) == (owner.company_id, role, True)
        assert me["permissions"] == list(contract.PERMISSIONS[role])
        assert me["email"] == "victoria@mail.example"

    def test_is_mailed_to_its_address_and_to_nobody_afterwards(self, accounts: Accounts, owner: Person) -> None:
        invite(accounts, owner)
        [mail] = accounts.mails("invitation")
        recipient = accounts.get_recipient(recipient_id=mail.recipient_id)
        assert (recipient["email"], recipient["company_name"]) == ("victoria@mail.example", "Olive Stonebridge")

        accept(accounts, accounts.token("invitation"))

        with pytest.raises(contract.RecipientNotFound):
            accounts.get_recipient(recipient_id=mail.recipient_id)
        with pytest.raises(contract.TokenInvalid):
            accounts.mail_link(kind="invitation", subject_id=mail.subject_id)

    def test_works_once(self, accounts: Accounts, owner: Person) -> None:
        invite(accounts, owner)
        token = accounts.token("invitation")
        accept(accounts, token)

        with pytest.raises(contract.TokenInvalid):
            accept(accounts, token, "walter")

    def test_lapses_after_seven_days(self, accounts: Accounts, owner: Person) -> None:
        invite(accounts, owner)
        token = accounts.token("invitation")
        clock.advance(7 * 86400 + 1)

        with pytest.raises(contract.TokenInvalid):
            accept(accounts, token)
        assert accounts.list_invitations(company_id=owner.company_id)["items"][0]["status"] == "expired"

    def test_ends_when_it_is_revoked(self, accounts: Accounts, owner: Person) -> None:
        made = invite(accounts, owner)
        token = accounts.token("invitation")
        for _ in range(2):
            accounts.revoke_invitation(company_id=owner.company_id, invitation_id=made["id"])

        with pytest.raises(contract.TokenInvalid):
            accept(accounts, token)
        assert accounts.list_invitations(company_id=owner.company_id)["items"][0]["status"] == "revoked"

    def test_sent_again_ends_the_earlier_link(self, accounts: Accounts, owner: Person) -> None:
        invite(accounts, owner)
        earlier = accounts.token("invitation")
        invite(accounts, owner, email="VICTORIA@mail.example", role="billing")

        with pytest.raises(contract.TokenInvalid):
            accept(accounts, earlier)
        accept(accounts, accounts.token("invitation"))

        assert [one["status"] for one in accounts.list_invitations(company_id=owner.company_id)["items"]] == [
            "revoked", "accepted",
        ]  # fmt: skip

    def test_answers_alike_for_an_address_that_has_an_account_elsewhere(
        self, accounts: Accounts, owner: Person
    ) -> None:
        accounts.register("rival")

        known, unknown = invite(accounts, owner, "rival@mail.example"), invite(accounts, owner)

        assert {**known, "id": "", "email": "", "expires_at": ""} == {
            **unknown,
            "id": "",
            "email": "",
            "expires_at": "",
        }

    def test_of_a_member_is_refused(self, accounts: Accounts, owner: Person) -> None:
        accounts.join(owner, "victoria", "viewer")

        with pytest.raises(contract.AlreadyMember):
            invite(accounts, owner)

    def test_tells_the_mailboxs_reader_that_there_is_an_account(self, accounts: Accounts, owner: Person) -> None:
        accounts.register("rival")
        invite(accounts, owner, "rival@mail.example")

        with pytest.raises(contract.AlreadyMember):
            accept(accounts, accounts.token("invitation"), "another")

    def test_stays_good_when_the_user_id_is_taken_but_not_for_a_dictionary(
        self, accounts: Accounts, owner: Person
    ) -> None:
        invite(accounts, owner)
        token = accounts.token("invitation")
        for _ in range(10):
            with pytest.raises(Invalid) as refusal:
                accept(accounts, token, "olive")
            assert [problem["field"] for problem in refusal.value.fields] == ["user_id"]

        with pytest.raises(contract.TokenInvalid):
            accept(accounts, token)

    def test_is_all_or_nothing(self, accounts: Accounts, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        invite(accounts, owner)
        token = accounts.token("invitation")
        with monkeypatch.context() as patch:
            cut_power_at(patch, invitations, "accounts.accept_invitation.between")
            with pytest.raises(PowerCut):
                accept(accounts, token)
        assert len(accounts.rows(User)) == 1

        assert accept(accounts, token) == {"status": "verified"}

    def test_that_ended_is_forgotten_after_a_month(self, accounts: Accounts, owner: Person) -> None:
        invite(accounts, owner)
        clock.advance(38 * 86400)

        accounts.purge()

        assert accounts.rows(Invitation) == []


class TestRoles:
    def test_a_change_counts_for_the_next_request(self, accounts: Accounts, owner: Person) -> None:
        member = accounts.join(owner, "victoria", "viewer")
        session = member.sign_in()

        view = accounts.change_role(company_id=owner.company_id, member_id=member.id, change={"role": "hr_manager"})

        assert view["role"] == "hr_manager"
        assert accounts.resolve(session)["permissions"] == list(contract.PERMISSIONS["hr_manager"])
        assert accounts.events(contract.RightsChanged)[-1].user_id == member.id

    def test_no_change_tells_nobody(self, accounts: Accounts, owner: Person) -> None:
        member = accounts.join(owner, "victoria", "viewer")
        before = len(accounts.events())

        accounts.change_role(company_id=owner.company_id, member_id=member.id, change={"role": "viewer"})

        assert len(accounts.events()) == before

    def test_the_operators_role_is_not_for_companies(self, accounts: Accounts, owner: Person) -> None:
        for role in ("staff", "god", ""):
            with pytest.raises(Invalid):
                accounts.change_role(company_id=owner.company_id, member_id=owner.id, change={"role": role})
        assert not any(set(contract.STAFF_PERMISSIONS) & set(granted) for granted in contract.PERMISSIONS.values())

    def test_removal_ends_sessions_at_once_and_forgets_the_person_but_not_the_consent(
        self, accounts: Accounts, owner: Person
    ) -> None:
        member = accounts.join(owner, "victoria", "viewer")
        session = member.sign_in()

        accounts.remove_member(company_id=owner.company_id, member_id=member.id)

        with pytest.raises(contract.SessionEnded):
            accounts.resolve(session)
        assert accounts.events(contract.SessionsRevoked)[-1].session_ids == [session["id"]]
        assert [user.id for user in accounts.rows(User)] == [owner.id]
        assert member.id in {line.user_id for line in accounts.rows(Acceptance)}
        with pytest.raises(contract.SignInFailed):
            member.sign_in()

    def test_removal_is_all_or_nothing(
        self, accounts: Accounts, owner: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        member = accounts.join(owner, "victoria", "viewer")
        session = member.sign_in()
        cut_power_at(monkeypatch, members, "accounts.remove_member.between")

        with pytest.raises(PowerCut):
            accounts.remove_member(company_id=owner.company_id, member_id=member.id)

        assert accounts.resolve(session)


class TestLastOwner:
    @pytest.mark.parametrize("role", ["billing", "hr_manager", "supervisor", "viewer"])
    def test_cannot_be_given_another_role(self, accounts: Accounts, owner: Person, role: str) -> None:
        accounts.join(owner, "victoria", "billing")

        with pytest.raises(contract.LastOwner):
            accounts.change_role(company_id=owner.company_id, member_id=owner.id, change={"role": role})

    def test_cannot_be_removed(self, accounts: Accounts, owner: Person) -> None:
        with pytest.raises(contract.LastOwner):
            accounts.remove_member(company_id=owner.company_id, member_id=owner.id)

        assert accounts.get_me(**owner.own)["role"] == "owner"

    def test_may_go_when_somebody_else_is_owner(self, accounts: Accounts, owner: Person) -> None:
        second = accounts.join(owner, "simon", "owner")

        accounts.remove_member(company_id=owner.company_id, member_id=owner.id)

        with pytest.raises(contract.LastOwner):
            accounts.remove_member(company_id=owner.company_id, member_id=second.id)
        assert accounts.get_company(company_id=owner.company_id)["display_name"] == "Simon Joiner"

    @pytest.mark.parametrize("how", ["demote", "remove"])
    def test_two_owners_cannot_put_each_other_out_at_once(self, accounts: Accounts, owner: Person, how: str) -> None:
        second = accounts.join(owner, "simon", "owner")
        start, outcomes = threading.Barrier(2), []

        def put_out(member_id: str) -> None:
            start.wait()
            try:
                if how == "demote":
                    accounts.change_role(company_id=owner.company_id, member_id=member_id, change={"role": "viewer"})
                else:
                    accounts.remove_member(company_id=owner.company_id, member_id=member_id)
                outcomes.append("done")
            except ServiceError as error:
                outcomes.append(error.code)

        threads = [threading.Thread(target=put_out, args=(one,)) for one in (owner.id, second.id)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(outcomes) == ["done", "last_owner"]
        assert [user.role for user in accounts.rows(User)].count("owner") == 1


class TestLists:
    def test_members_come_page_by_page_and_each_once(self, accounts: Accounts, owner: Person) -> None:
        for n in range(4):
            accounts.join(owner, f"member{n}", "viewer")
        accounts.register("rival")

        found, cursor = [], None
        while True:
            page = accounts.list_members(company_id=owner.company_id, limit=2, cursor=cursor)
            found += [item["first_name"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break

        assert sorted(found) == ["Member0", "Member1", "Member2", "Member3", "Olive"]

    @pytest.mark.parametrize(
        "bounds", [{"limit": 0}, {"limit": 101}, {"limit": -1}, {"cursor": "x"}, {"cursor": "\x00"}]
    )
    def test_nonsense_is_refused_with_the_fields_name(
        self, accounts: Accounts, owner: Person, bounds: dict[str, Any]
    ) -> None:
        for listing in (accounts.list_members, accounts.list_invitations):
            with pytest.raises(Invalid) as refusal:
                listing(company_id=owner.company_id, **bounds)
            assert [problem["field"] for problem in refusal.value.fields] == list(bounds)

    def test_audience_is_everybody_with_a_confirmed_address_as_ids(self, accounts: Accounts, owner: Person) -> None:
        member = accounts.join(owner, "victoria", "viewer")
        accounts.register("rival", verified=False)

        first = accounts.list_audience(limit=1)
        second = accounts.list_audience(limit=1, cursor=first["next_cursor"])

        items = first["items"] + second["items"]
        assert sorted(item["user_id"] for item in items) == sorted([owner.id, member.id])
        assert all(item["company_id"] == owner.company_id for item in items)
        assert second["next_cursor"] is None

    def test_recipients_are_the_members_with_the_roles_that_are_asked_for(
        self, accounts: Accounts, owner: Person
    ) -> None:
        accounts.join(owner, "victoria", "viewer")
        payer = accounts.join(owner, "bill", "billing")

        found = accounts.list_recipients(company_id=owner.company_id, roles=["owner", "billing"])

        assert [(one["recipient_id"], one["verified"]) for one in found] == [(owner.id, True), (payer.id, True)]


class TestOwnData:
    def test_person_changes_what_is_named_and_nothing_else(self, accounts: Accounts, owner: Person) -> None:
        before = accounts.get_me(**owner.own)

        after = accounts.update_me(**owner.own, change={"first_name": "Olivia"})

        assert after == {**before, "first_name": "Olivia"}
        assert accounts.update_me(**owner.own, change={"phone": None})["phone"] == ""

    def test_role_and_address_cannot_be_changed_by_oneself(self, accounts: Accounts, owner: Person) -> None:
        for change in (
            {"role": "owner"},
            {"email": "x@mail.example"},
            {"company_id": "com_x"},
            {"email_verified": True},
        ):
            with pytest.raises(Invalid):
                accounts.update_me(**owner.own, change=change)

    def test_company_changes_what_is_named_and_nothing_else(self, accounts: Accounts, owner: Person) -> None:
        before = accounts.get_company(company_id=owner.company_id)

        after = accounts.update_company(company_id=owner.company_id, change={"company_name": "Acme", "city": "Peoria"})

        assert after == {**before, "company_name": "Acme", "display_name": "Acme", "city": "Peoria"}
        back = accounts.update_company(company_id=owner.company_id, change={"company_name": None})
        assert back["display_name"] == "Olive Stonebridge"

    def test_forbidden_data_is_refused_at_this_door_too(self, accounts: Accounts, owner: Person) -> None:
        with pytest.raises(Invalid):
            accounts.update_me(**owner.own, change={"last_name": "SSN 219-09-9999"})
        with pytest.raises(Invalid):
            accounts.update_company(company_id=owner.company_id, change={"company_address": "4111 1111 1111 1111"})


FOREIGN: list[tuple[str, Callable[[Accounts, Person, Person, dict[str, str]], Any]]] = [
    ("get_me", lambda a, me, you, ids: a.get_me(company_id=me.company_id, user_id=you.id)),
    ("update_me", lambda a, me, you, ids: a.update_me(company_id=me.company_id, user_id=you.id, change={})),
    ("get_company", lambda a, me, you, ids: a.get_company(company_id="com_" + "0" * 26)),
    ("change_role", lambda a, me, you, ids: a.change_role(
        company_id=me.company_id, member_id=you.id, change={"role": "viewer"})),
    ("remove_member", lambda a, me, you, ids: a.remove_member(company_id=me.company_id, member_id=you.id)),
    ("end_session", lambda a, me, you, ids: a.end_session(
        company_id=me.company_id, user_id=you.id, session_id=ids["session"])),
    ("own end_session", lambda a, me, you, ids: a.end_session(
        company_id=me.company_id, user_id=me.id, session_id=ids["session"])),
    ("revoke_invitation", lambda a, me, you, ids: a.revoke_invitation(
        company_id=me.company_id, invitation_id=ids["invitation"])),
    ("create_invitation", lambda a, me, you, ids: a.create_invitation(
        company_id=me.company_id, user_id=you.id, invitation={"email": "x@mail.example", "role": "viewer"})),
    ("change_password", lambda a, me, you, ids: a.change_password(
        company_id=me.company_id, user_id=you.id, session_id=ids["session"],
        change={"current_password": PASSWORD, "new_password": "lantern-meadow-9"})),
]  # fmt: skip


class TestIsolation:
    @pytest.mark.parametrize(("method", "call"), FOREIGN, ids=[name for name, _ in FOREIGN])
    def test_another_companys_ids_do_not_exist(
        self, accounts: Accounts, owner: Person, method: str, call: Callable[..., Any]
    ) -> None:
        rival = accounts.register("rival")
        second = accounts.join(rival, "second", "owner")
        ids = {"session": rival.sign_in()["id"], "invitation": invite(accounts, rival)["id"]}
        before = str([vars(user).items() for user in accounts.rows(User)].count(None)), len(accounts.events())
        as_principal(owner.company_id, *contract.PERMISSIONS["owner"], user_id=owner.id)

        with pytest.raises(NotFound):
            call(accounts, owner, rival, ids)

        assert (before[0], len(accounts.events())) == before
        assert {user.id for user in accounts.rows(User)} == {owner.id, rival.id, second.id}

    def test_lists_show_ones_own_company_only(self, accounts: Accounts, owner: Person) -> None:
        rival = accounts.register("rival")
        invite(accounts, rival)
        rival.sign_in()

        assert [one["id"] for one in accounts.list_members(company_id=owner.company_id)["items"]] == [owner.id]
        assert accounts.list_invitations(company_id=owner.company_id)["items"] == []
        assert (
            accounts.list_sessions(company_id=owner.company_id, user_id=rival.id, current_session_id="")["items"] == []
        )
        assert accounts.list_acceptances(company_id=owner.company_id, user_id=rival.id)["items"] == []
        assert accounts.list_recipients(company_id=owner.company_id, roles=["owner"])[0]["recipient_id"] == owner.id

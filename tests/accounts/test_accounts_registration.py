"""A01 to A04, A06, A07, A19: becoming a customer."""

from typing import Any

import pytest

from actiontrac import clock
from actiontrac.contracts import accounts as contract
from actiontrac.errors import Forbidden, Invalid
from actiontrac.forbidden import ForbiddenData
from actiontrac.storage import Replayed
from actiontrac.testing import as_principal, as_request
from services.accounts import documents, registrations
from services.accounts.models import Acceptance, Company, PendingContact, User
from services.accounts.passwords import passwords_for
from tests.accounts.conftest import Accounts, registration

THE_ELEVEN = {
    "first_name", "last_name", "user_id", "password", "company_address", "city", "state", "zip",
    "country", "phone", "email",
}  # fmt: skip


class PowerCut(Exception):
    pass


def cut_power_at(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    def failpoint(passed: str) -> None:
        if passed == name:
            raise PowerCut

    monkeypatch.setattr(module, "failpoint", failpoint)


class TestRegistration:
    def test_requires_at_most_the_eleven_fields_of_the_policy(self) -> None:
        required = {name for name, field in contract.Registration.model_fields.items() if field.is_required()}

        assert required <= THE_ELEVEN

    def test_is_complete_with_the_eleven_fields_only(self, accounts: Accounts) -> None:
        answer = accounts.register_company(registration=registration())

        assert answer["status"] == "verification_sent"
        assert len(accounts.rows(Company)) == len(accounts.rows(User)) == 1

    @pytest.mark.parametrize("missing", sorted(THE_ELEVEN))
    def test_names_a_required_field_that_is_missing(self, accounts: Accounts, missing: str) -> None:
        asked = registration()
        del asked[missing]

        with pytest.raises(Invalid) as refusal:
            accounts.register_company(registration=asked)

        assert [problem["field"] for problem in refusal.value.fields] == [missing]

    def test_makes_company_owner_consent_and_events_together(self, accounts: Accounts) -> None:
        owner = accounts.register(verified=False)

        company, user = accounts.rows(Company)[0], accounts.rows(User)[0]
        assert (company.id, company.status) == (owner.company_id, "unverified")
        assert (user.id, user.role, user.company_id) == (owner.id, "owner", company.id)
        assert [type(event).__name__ for event in accounts.events()] == ["CompanyRegistered", "SecurityMailRequested"]

    def test_leaves_nothing_when_the_process_dies_between_company_and_owner(
        self, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cut_power_at(monkeypatch, registrations, "accounts.register.between")

        with pytest.raises(PowerCut):
            accounts.register_company(registration=registration())

        assert accounts.rows(Company) == accounts.rows(User) == accounts.rows(Acceptance) == accounts.events() == []

    def test_is_answered_alike_when_it_is_repeated_with_its_key(self, accounts: Accounts) -> None:
        as_request(key="once", request_hash="same")
        first = accounts.register_company(registration=registration())
        as_request(key="once", request_hash="same")

        with pytest.raises(Replayed) as repeated:
            accounts.register_company(registration=registration())

        assert repeated.value.response == first
        assert len(accounts.rows(Company)) == 1
        assert len(accounts.mails("verify_email")) == 1
        assert accounts.mails("already_registered") == []

    def test_refuses_forbidden_data_by_field_without_repeating_it(self, accounts: Accounts) -> None:
        with pytest.raises(ForbiddenData) as refusal:
            accounts.register_company(registration=registration(company_name="Card 4111 1111 1111 1111"))

        assert [problem["field"] for problem in refusal.value.fields] == ["company_name"]
        assert "4111" not in refusal.value.message

    def test_refuses_control_characters_which_no_name_has(self, accounts: Accounts) -> None:
        for field in ("first_name", "company_name", "city", "phone"):
            with pytest.raises(Invalid):
                accounts.register_company(registration=registration(**{field: "Bcc\r\nx\x00y"}))

    def test_shows_the_account_by_the_owners_name_without_a_company_name(self, accounts: Accounts) -> None:
        owner = accounts.register()

        assert accounts.get_company(company_id=owner.company_id)["display_name"] == "Olive Stonebridge"

    def test_shows_the_account_by_its_company_name(self, accounts: Accounts) -> None:
        owner = accounts.register(company_name="Acme Tools")

        assert accounts.get_company(company_id=owner.company_id)["display_name"] == "Acme Tools"


class TestConsent:
    def test_is_recorded_with_the_exact_versions_of_every_document_in_force(self, accounts: Accounts) -> None:
        owner = accounts.register()

        lines = {line.slug: line for line in accounts.rows(Acceptance)}
        for document in documents.in_force(clock.today()):
            line = lines.pop(document.slug)
            assert (line.user_id, line.kind) == (owner.id, "agreed")
            assert (line.version, line.document_hash) == (document.version, document.hash)
            assert abs((clock.now() - line.at).total_seconds()) < 60
        assert set(lines) == {"promotions"}

    def test_no_account_exists_without_its_lines_in_the_ledger(self, accounts: Accounts) -> None:
        owner = accounts.register()
        accounts.join(owner, "victoria", "viewer")

        agreed = {(line.user_id, line.slug) for line in accounts.rows(Acceptance)}
        for user in accounts.rows(User):
            assert {(user.id, slug) for slug in ("privacy-policy", "terms-of-service", "promotions")} <= agreed

    def test_promotions_are_off_unless_chosen(self, accounts: Accounts) -> None:
        owner = accounts.register()

        registered = accounts.events(contract.CompanyRegistered)[0]
        assert (registered.promotions, registered.policy_version) == (False, "2016-11-12")
        lines = accounts.list_acceptances(**owner.own)["items"]
        assert [line["kind"] for line in lines if line["slug"] == "promotions"] == ["declined"]

    def test_promotions_are_on_when_chosen_with_version_and_time(self, accounts: Accounts) -> None:
        owner = accounts.register(receives_promotions=True)

        assert accounts.events(contract.CompanyRegistered)[0].promotions is True
        [line] = [x for x in accounts.list_acceptances(**owner.own)["items"] if x["slug"] == "promotions"]
        assert (line["kind"], line["version"]) == ("agreed", "2016-11-12")
        assert clock.parse(line["at"]) <= clock.now()


class TestEnumeration:
    def test_answers_alike_for_known_address_known_user_id_and_new_ones(self, accounts: Accounts) -> None:
        new = accounts.register_company(registration=registration())
        known_address = accounts.register_company(registration=registration(user_id="somebody-else"))
        known_user_id = accounts.register_company(registration=registration(email="other@mail.example"))

        assert new == known_address == known_user_id
        assert len(accounts.rows(User)) == 1

    def test_hashes_a_password_in_every_case(self, accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
        passwords = passwords_for(accounts.settings)
        hashed = []
        hasher = passwords.hash
        monkeypatch.setattr(passwords, "hash", lambda password: hashed.append(1) or hasher(password))

        for asked in (registration(), registration(user_id="another"), registration(email="other@mail.example")):
            accounts.register_company(registration=asked)

        assert len(hashed) == 3

    def test_tells_the_owner_of_a_known_address_by_mail(self, accounts: Accounts) -> None:
        owner = accounts.register()

        accounts.register_company(registration=registration(user_id="another", email="OLIVE@mail.example"))

        [mail] = accounts.mails("already_registered")
        assert (mail.recipient_id, mail.company_id) == (owner.id, owner.company_id)

    def test_tells_a_newcomer_by_mail_that_the_user_id_is_taken(self, accounts: Accounts) -> None:
        accounts.register()

        accounts.register_company(registration=registration(user_id="OLIVE", email="newcomer@mail.example"))

        [mail] = accounts.mails("user_id_taken")
        recipient = accounts.get_recipient(recipient_id=mail.recipient_id)
        assert (recipient["email"], recipient["verified"]) == ("newcomer@mail.example", False)

    def test_keeps_a_newcomers_address_sealed_and_for_days_only(self, accounts: Accounts) -> None:
        accounts.register()
        accounts.register_company(registration=registration(email="newcomer@mail.example"))
        [contact] = accounts.rows(PendingContact)
        assert b"newcomer" not in contact.email_sealed

        clock.advance(3 * 86400 + 60)
        accounts.purge()

        assert accounts.rows(PendingContact) == []
        base = accounts.store.across_companies().base
        assert contact.company_id not in [key.company_id for key in accounts.rows(base.CompanyKey)]
        with pytest.raises(contract.RecipientNotFound):
            accounts.get_recipient(recipient_id=contact.id)

    def test_strangers_cannot_fill_a_mailbox(self, accounts: Accounts) -> None:
        accounts.register()

        answers = [accounts.register_company(registration=registration(user_id=f"u{n}00")) for n in range(9)]

        assert all(answer == answers[0] for answer in answers)
        assert len(accounts.mails("already_registered")) == 4  # the first of five was the registration's own

    def test_two_registrations_of_one_address_at_the_same_moment_make_one_account(
        self, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        accounts.register()
        # The second one looked before the first was committed.
        blind = iter([None])
        store = type(accounts.store.across_companies())
        look = store.user_by_email
        monkeypatch.setattr(store, "user_by_email", lambda self, *a, **k: next(blind, look(self, *a, **k)))

        answer = accounts.register_company(registration=registration(user_id="another"))

        assert answer["status"] == "verification_sent"
        assert len(accounts.rows(User)) == len(accounts.rows(Company)) == 1
        assert len(accounts.mails("already_registered")) == 1


class TestVerification:
    def test_activates_the_company_once(self, accounts: Accounts) -> None:
        owner = accounts.register(verified=False)
        token = accounts.token("verify_email")

        assert accounts.verify_email(token=token) == {"status": "verified"}

        assert accounts.get_company_status(company_id=owner.company_id)["status"] == "active"
        assert [event.owner_id for event in accounts.events(contract.CompanyActivated)] == [owner.id]
        with pytest.raises(contract.TokenInvalid):
            accounts.verify_email(token=token)

    def test_link_lapses_after_three_days(self, accounts: Accounts) -> None:
        accounts.register(verified=False)
        token = accounts.token("verify_email")
        clock.advance(3 * 86400 + 1)

        with pytest.raises(contract.TokenInvalid):
            accounts.verify_email(token=token)

    def test_link_cannot_be_made_up_or_used_for_something_else(self, accounts: Accounts) -> None:
        accounts.register(verified=False)
        token = accounts.token("verify_email")
        link_id = token.partition(".")[0]

        for wrong in (f"{link_id}.", f"{link_id}.AAAA", token[:-1], f"{token}x", "x" * 40, "lnk_.é"):
            with pytest.raises(contract.TokenInvalid):
                accounts.verify_email(token=wrong)
        with pytest.raises(contract.TokenInvalid):
            accounts.reset_password(reset={"token": token, "new_password": "another-fine-lamp"})

    def test_confirms_nothing_when_the_process_dies_in_the_middle(
        self, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        owner = accounts.register(verified=False)
        token = accounts.token("verify_email")
        with monkeypatch.context() as patch:
            cut_power_at(patch, registrations, "accounts.verify.between")
            with pytest.raises(PowerCut):
                accounts.verify_email(token=token)
        assert accounts.get_me(**owner.own)["email_verified"] is False

        assert accounts.verify_email(token=token) == {"status": "verified"}

    def test_mail_link_leads_to_the_page_and_ends_with_the_link(self, accounts: Accounts) -> None:
        accounts.register(verified=False)
        subject = accounts.mails("verify_email")[0].subject_id

        link = accounts.mail_link(kind="verify_email", subject_id=subject)
        assert link.startswith(f"{accounts.settings.public_url}/verify-email?token={subject}.")

        accounts.verify_email(token=link.partition("token=")[2])
        with pytest.raises(contract.TokenInvalid):
            accounts.mail_link(kind="verify_email", subject_id=subject)

    def test_unverified_owner_only_looks(self, accounts: Accounts) -> None:
        owner = accounts.register(verified=False)
        session = owner.sign_in()

        assert accounts.resolve(session)["permissions"] == ["company.read", "members.read", "billing.read"]
        as_principal(owner.company_id, "members.write", user_id=owner.id)
        with pytest.raises(contract.EmailNotVerified):
            accounts.create_invitation(**owner.own, invitation={"email": "v@mail.example", "role": "viewer"})

    def test_rights_arrive_in_the_running_session(self, accounts: Accounts) -> None:
        owner = accounts.register(verified=False)
        session = owner.sign_in()

        accounts.verify_email(token=accounts.token("verify_email"))

        assert "workers.import" in accounts.resolve(session)["permissions"]
        assert [event.user_id for event in accounts.events(contract.RightsChanged)] == [owner.id]

    def test_rights_that_ended_meanwhile_do_not_count(self, accounts: Accounts) -> None:
        owner = accounts.register()
        second = accounts.join(owner, "simon", "owner")
        accounts.change_role(company_id=owner.company_id, member_id=second.id, change={"role": "viewer"})
        # A gateway that has not heard of it yet still passes the old rights on.
        as_principal(owner.company_id, "members.write", user_id=second.id)

        with pytest.raises(Forbidden):
            accounts.change_role(company_id=owner.company_id, member_id=owner.id, change={"role": "viewer"})

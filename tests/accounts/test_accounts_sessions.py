"""A09 to A13 as far as accounts answers for them: sessions begin, last and end."""

from collections.abc import Callable

import pytest

from actiontrac import clock
from actiontrac.contracts import accounts as contract
from actiontrac.testing import as_principal
from services.accounts.models import Session
from tests.accounts.conftest import PASSWORD, Accounts

IDLE, ABSOLUTE = 30 * 60, 12 * 3600


class TestSignIn:
    @pytest.mark.parametrize("identifier", ["olive", "OLIVE", "olive@mail.example", "Olive@Mail.Example", "  olive "])
    def test_takes_user_id_or_address_in_any_case(self, accounts: Accounts, identifier: str) -> None:
        owner = accounts.register()

        session = accounts.sign_in(identifier)

        assert (session["user_id"], session["company_id"], session["role"]) == (owner.id, owner.company_id, "owner")

    def test_cookie_mode_comes_with_a_csrf_token_that_the_session_keeps(self, accounts: Accounts) -> None:
        session = accounts.register().sign_in()

        principal = accounts.resolve(session)
        assert (principal["mode"], principal["csrf_token"]) == ("cookie", session["csrf_token"])
        assert len(session["csrf_token"]) >= 43

    def test_bearer_mode_needs_no_csrf_token(self, accounts: Accounts) -> None:
        session = accounts.register().sign_in(mode="bearer")

        assert session["csrf_token"] is None
        assert accounts.resolve(session)["mode"] == "bearer"

    def test_every_session_has_a_token_of_its_own_of_256_bits(self, accounts: Accounts) -> None:
        owner = accounts.register()

        tokens = {owner.sign_in()["token"] for _ in range(4)}

        assert len(tokens) == 4
        assert all(len(token) >= 43 for token in tokens)

    def test_keeps_only_a_hash_of_the_token(self, accounts: Accounts) -> None:
        session = accounts.register().sign_in()

        [row] = accounts.rows(Session)
        assert session["token"] not in str(vars(row))

    def test_keeps_family_and_major_version_of_the_browser_and_no_more(self, accounts: Accounts) -> None:
        owner = accounts.register()
        owner.sign_in(browser="Firefox 128")
        owner.sign_in(browser="Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101")

        assert [row.browser for row in accounts.rows(Session)] == ["Firefox 128", "unknown"]

    def test_a_better_hash_replaces_an_old_one(self, make_accounts: Callable[..., Accounts]) -> None:
        from services.accounts.models import User

        accounts = make_accounts()
        owner = accounts.register()
        before = accounts.rows(User)[0].password_hash
        stronger = make_accounts(ACTIONTRAC_PASSWORD_TIME_COST="2")

        stronger.sign_in("olive")
        after = stronger.rows(User)[0].password_hash

        assert "t=1" in before
        assert "t=2" in after
        assert stronger.sign_in("olive")["user_id"] == owner.id


class TestTimeOuts:
    def test_ends_after_half_an_hour_without_use(self, accounts: Accounts) -> None:
        session = accounts.register().sign_in()
        clock.advance(IDLE - 60)
        accounts.resolve(session)
        clock.advance(IDLE + 1)

        with pytest.raises(contract.SessionEnded):
            accounts.resolve(session)

    def test_use_keeps_it_alive(self, accounts: Accounts) -> None:
        session = accounts.register().sign_in()

        for _ in range(6):
            clock.advance(IDLE - 60)
            accounts.resolve(session)

    def test_ends_after_twelve_hours_in_spite_of_use(self, accounts: Accounts) -> None:
        session = accounts.register().sign_in()
        for _ in range(ABSOLUTE // 1200 - 1):
            clock.advance(1200)
            accounts.resolve(session)
        clock.advance(1201)

        with pytest.raises(contract.SessionEnded):
            accounts.resolve(session)

    def test_time_outs_are_settings(self, make_accounts: Callable[..., Accounts]) -> None:
        accounts = make_accounts(ACTIONTRAC_SESSION_IDLE_SECONDS="60", ACTIONTRAC_SESSION_ABSOLUTE_SECONDS="90")
        session = accounts.register().sign_in()
        clock.advance(61)

        with pytest.raises(contract.SessionEnded):
            accounts.resolve(session)

    def test_last_use_is_written_at_most_every_minute(self, accounts: Accounts) -> None:
        session = accounts.register().sign_in()
        at_first = accounts.rows(Session)[0].last_used_at
        clock.advance(50)
        accounts.resolve(session)
        assert accounts.rows(Session)[0].last_used_at == at_first

        clock.advance(11)
        accounts.resolve(session)

        assert accounts.rows(Session)[0].last_used_at > at_first

    def test_purge_forgets_sessions_that_timed_out_and_tells_the_gateways(self, accounts: Accounts) -> None:
        owner = accounts.register()
        old = owner.sign_in()
        clock.advance(IDLE - 60)
        young = owner.sign_in()
        clock.advance(120)

        accounts.purge()

        assert [row.id for row in accounts.rows(Session)] == [young["id"]]
        assert [event.session_ids for event in accounts.events(contract.SessionsRevoked)] == [[old["id"]]]


class TestSignOut:
    def test_kills_the_session_on_the_server_at_once(self, accounts: Accounts) -> None:
        owner = accounts.register()
        session, other = owner.sign_in(), owner.sign_in()

        accounts.end_session(**owner.own, session_id=session["id"])

        with pytest.raises(contract.SessionEnded):
            accounts.resolve(session)
        assert accounts.resolve(other)["user_id"] == owner.id
        assert accounts.events(contract.SessionsRevoked)[-1].session_ids == [session["id"]]

    def test_finds_only_ones_own_sessions(self, accounts: Accounts) -> None:
        owner = accounts.register()
        colleague = accounts.join(owner, "victoria", "viewer")
        session = owner.sign_in()

        for session_id in (session["id"], "ses_" + "0" * 26, "nonsense", "", "ses_\x00"):
            with pytest.raises(contract.SessionNotFound):
                accounts.end_session(**colleague.own, session_id=session_id)
        assert accounts.resolve(session)

    def test_list_shows_the_living_ones_and_which_is_current(self, accounts: Accounts) -> None:
        owner = accounts.register()
        accounts.join(owner, "victoria", "viewer").sign_in()
        first = owner.sign_in()
        clock.advance(IDLE - 10)
        accounts.resolve(first)
        second = owner.sign_in()

        listed = accounts.list_sessions(**owner.own, current_session_id=second["id"])["items"]

        assert [(one["id"], one["current"]) for one in listed] == [(second["id"], True), (first["id"], False)]
        assert all("token" not in one for one in listed)

    def test_nobody_acts_in_the_name_of_another(self, accounts: Accounts) -> None:
        owner = accounts.register()
        colleague = accounts.join(owner, "victoria", "viewer")
        as_principal(owner.company_id, user_id=colleague.id)

        with pytest.raises(contract.MemberNotFound):
            accounts.get_me(**owner.own)
        with pytest.raises(contract.MemberNotFound):
            accounts.list_sessions(**owner.own, current_session_id="")


class TestStaffToken:
    def test_is_the_operators_principal_of_no_company(self, make_accounts: Callable[..., Accounts]) -> None:
        accounts = make_accounts()
        object.__setattr__(
            accounts.service, "settings", _with_secret(accounts.service.settings, STAFF_TOKEN="operators-token")
        )

        principal = accounts.resolve_session(token="operators-token")

        assert (principal["user_id"], principal["company_id"], principal["role"]) == ("staff", "", "staff")
        assert tuple(principal["permissions"]) == contract.STAFF_PERMISSIONS
        assert principal["mode"] == "bearer"

    @pytest.mark.parametrize("token", ["", "operators-toke", "operators-tokenx", "é"])
    def test_no_other_token_is_the_operators(self, make_accounts: Callable[..., Accounts], token: str) -> None:
        accounts = make_accounts()
        object.__setattr__(
            accounts.service, "settings", _with_secret(accounts.service.settings, STAFF_TOKEN="operators-token")
        )

        with pytest.raises(contract.SessionEnded):
            accounts.resolve_session(token=token)

    def test_without_a_setting_there_is_none(self, accounts: Accounts) -> None:
        object.__setattr__(accounts.service, "settings", _with_secret(accounts.service.settings, STAFF_TOKEN=""))

        with pytest.raises(contract.SessionEnded):
            accounts.resolve_session(token="")

    def test_the_operator_has_no_company_to_look_at(self, accounts: Accounts) -> None:
        with pytest.raises(contract.CompanyNotFound):
            accounts.get_company(company_id="")
        with pytest.raises(contract.MemberNotFound):
            accounts.get_me(company_id="", user_id="staff")


def _with_secret(settings, **secrets):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(settings, secrets={**settings.secrets, **secrets})


def test_password_is_not_what_signs_in_after_its_change(accounts: Accounts) -> None:
    owner = accounts.register()
    session = owner.sign_in()
    change = {"current_password": PASSWORD, "new_password": "lantern-meadow-9"}

    accounts.change_password(**owner.own, session_id=session["id"], change=change)

    with pytest.raises(contract.SignInFailed):
        owner.sign_in()
    assert owner.sign_in("lantern-meadow-9")

"""A08, A20: what a password may be, how it is kept, changed and reset."""

import threading
from collections.abc import Callable

import pytest

from actiontrac import clock
from actiontrac.contracts import accounts as contract
from actiontrac.errors import Invalid, ServiceError, Unavailable
from actiontrac.testing import as_request, settings_for
from services.accounts import credentials, passwords
from services.accounts.common_passwords import is_common
from services.accounts.models import Link, User
from services.accounts.policies import require_good_password
from tests.accounts.conftest import PASSWORD, Accounts, registration
from tests.accounts.test_accounts_registration import PowerCut, cut_power_at

NEW = "lantern-meadow-9"


class TestHash:
    def test_is_argon2id_with_64_mib_and_three_passes(self) -> None:
        made = passwords.Passwords().hash(PASSWORD)

        assert made.startswith("$argon2id$v=19$m=65536,t=3,p=1$")

    def test_cannot_be_made_cheaper_in_live_mode(self, tmp_path) -> None:  # type: ignore[no-untyped-def]
        settings = settings_for(
            tmp_path,
            ACTIONTRAC_MODE="live",
            ACTIONTRAC_PUBLIC_URL="https://app.actiontrac.example",
            ACTIONTRAC_PASSWORD_MEMORY_KIB="8",
        )

        found = passwords.passwords_for(settings)

        assert found._hasher.memory_cost == 65536

    def test_takes_passwords_that_look_alike_for_the_same(self) -> None:
        hasher = passwords.Passwords(time_cost=1, memory_kib=64)

        assert hasher.matches(hasher.hash("cafe\u0301-lantern"), "caf\u00e9-lantern")

    def test_counts_every_character_of_a_long_password(self) -> None:
        hasher = passwords.Passwords(time_cost=1, memory_kib=64)
        stored = hasher.hash("x" * 255 + "a")

        assert not hasher.matches(stored, "x" * 255 + "b")

    def test_damaged_hash_matches_nothing(self) -> None:
        assert not passwords.Passwords(time_cost=1, memory_kib=64).matches("damaged", PASSWORD)

    def test_runs_at_most_two_at_once_and_refuses_who_waits_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        hasher = passwords.Passwords(time_cost=1, memory_kib=64)
        monkeypatch.setattr(passwords, "LONGEST_WAIT_SECONDS", 0.05)
        gate, begun = threading.Event(), threading.Semaphore(0)
        hold = [
            threading.Thread(target=hasher._beside, args=(lambda: (begun.release(), gate.wait(5)),)) for _ in range(2)
        ]
        for thread in hold:
            thread.start()
        begun.acquire()
        begun.acquire()

        with pytest.raises(Unavailable):
            hasher.hash(PASSWORD)
        gate.set()
        for thread in hold:
            thread.join()

        assert hasher.hash(PASSWORD)


class TestWhatItMayBe:
    @pytest.mark.parametrize(
        "password",
        [
            "password", "Password1", "P@ssw0rd!", "12345678", "123456789", "qwertyuiop", "qwerty123", "iloveyou",
            "princess1", "sunshine", "football1", "baseball", "trustno1", "1q2w3e4r", "1qaz2wsx", "zaq12wsx",
            "letmein123", "Welcome2026!", "admin123", "aaaaaaaa", "12121212", "abcabcabc", "87654321", "11223344",
            "superman", "starwars", "michael1", "Summer2025", "a123456789", "changeme", "qwe123qwe", "asdfghjkl",
            "ActionTrac1", "fuckyou1", "passw0rd123", "!!password!!", "pass word", "00000000",
        ],
    )  # fmt: skip
    def test_refuses_what_is_tried_first(self, password: str) -> None:
        assert is_common(password)

    @pytest.mark.parametrize(
        "password",
        [
            "correct horse battery staple", "quiet-otter-7-lamp", "lantern-meadow-9", "Kx9#mPq2vL", "84729164",
            "all lower case letters", "copper-kettle-42", "Tr0ub4dor&3", "été-à-la-mer", "密码是一个很长的句子",
        ],
    )  # fmt: skip
    def test_has_no_rules_about_characters(self, password: str) -> None:
        require_good_password(password, field="password", personal=("Olive", "Stonebridge", "olive", "o@x.example"))

    @pytest.mark.parametrize(
        "password",
        ["stonebridge", "Stonebridge1", "olivestonebridge", "olive.stone77", "olive.s@mail.example", "84-olive.s-84"],
    )
    def test_refuses_the_persons_own_names(self, accounts: Accounts, password: str) -> None:
        asked = registration(user_id="olive.stone77", email="olive.s@mail.example", password=password)

        with pytest.raises(contract.PasswordTooCommon) as refusal:
            accounts.register_company(registration=asked)

        assert [problem["field"] for problem in refusal.value.fields] == ["password"]
        assert password not in refusal.value.message

    def test_has_at_least_eight_characters_and_may_have_many(self, accounts: Accounts) -> None:
        with pytest.raises(Invalid):
            accounts.register_company(registration=registration(password="kx9#mpq"))

        accounts.register(password="long enough to be a whole sentence " * 7)

    def test_is_searched_in_bounded_time(self) -> None:
        for long in ("1234567890qwertyuiopasdfghjkl+x", "qwe" * 85 + "x", "\u00e9" * 256, "a1" * 128):
            is_common(long)  # a search that grows with the password would hit the suite's time limit


class TestChange:
    def test_ends_the_other_sessions_and_tells_the_person(self, accounts: Accounts) -> None:
        owner = accounts.register()
        current, other = owner.sign_in(), owner.sign_in()

        accounts.change_password(
            **owner.own, session_id=current["id"], change={"current_password": PASSWORD, "new_password": NEW}
        )

        assert accounts.resolve(current)
        with pytest.raises(contract.SessionEnded):
            accounts.resolve(other)
        assert accounts.events(contract.SessionsRevoked)[-1].session_ids == [other["id"]]
        assert [mail.recipient_id for mail in accounts.mails("password_changed")] == [owner.id]

    def test_needs_the_current_password(self, accounts: Accounts) -> None:
        owner = accounts.register()

        with pytest.raises(contract.PasswordWrong):
            accounts.change_password(
                **owner.own, session_id="", change={"current_password": "no-idea-which", "new_password": NEW}
            )

        assert owner.sign_in()
        assert accounts.mails("password_changed") == []

    def test_cannot_be_guessed_in_an_open_session(self, accounts: Accounts) -> None:
        owner = accounts.register()
        change = {"current_password": "no-idea-which", "new_password": NEW}
        codes = []
        for _ in range(7):
            with pytest.raises(ServiceError) as refusal:
                accounts.change_password(**owner.own, session_id="", change=change)
            codes.append(refusal.value.code)

        assert codes == ["password_wrong"] * 5 + ["too_many_attempts"] * 2

    def test_changes_nothing_when_the_process_dies_before_it(
        self, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        owner = accounts.register()
        cut_power_at(monkeypatch, credentials, "accounts.password.checked")

        with pytest.raises(PowerCut):
            accounts.change_password(
                **owner.own, session_id="", change={"current_password": PASSWORD, "new_password": NEW}
            )

        assert owner.sign_in()


class TestReset:
    def ask(self, accounts: Accounts, email: str = "olive@mail.example") -> str:
        as_request()
        accounts.request_password_reset(request={"email": email})
        return accounts.token("reset_password")

    def test_answers_alike_for_known_and_unknown(self, accounts: Accounts) -> None:
        accounts.register()

        known = accounts.request_password_reset(request={"email": "olive@mail.example"})
        unknown = accounts.request_password_reset(request={"email": "nobody@mail.example"})

        assert known == unknown
        assert len(accounts.mails("reset_password")) == 1

    def test_sets_the_password_ends_every_session_and_tells_the_owner(self, accounts: Accounts) -> None:
        owner = accounts.register()
        sessions = [owner.sign_in(), owner.sign_in(mode="bearer")]

        accounts.reset_password(reset={"token": self.ask(accounts), "new_password": NEW})

        for session in sessions:
            with pytest.raises(contract.SessionEnded):
                accounts.resolve(session)
        assert set(accounts.events(contract.SessionsRevoked)[-1].session_ids) == {one["id"] for one in sessions}
        assert [mail.recipient_id for mail in accounts.mails("password_changed")] == [owner.id]
        assert owner.sign_in(NEW)

    def test_link_works_once_and_ends_its_siblings(self, accounts: Accounts) -> None:
        accounts.register()
        first, second = self.ask(accounts), self.ask(accounts)
        accounts.reset_password(reset={"token": second, "new_password": NEW})

        for used in (first, second):
            with pytest.raises(contract.TokenInvalid):
                accounts.reset_password(reset={"token": used, "new_password": "another-fine-lamp"})

    def test_link_lapses_after_half_an_hour(self, accounts: Accounts) -> None:
        accounts.register()
        token = self.ask(accounts)
        clock.advance(30 * 60 + 1)

        with pytest.raises(contract.TokenInvalid):
            accounts.reset_password(reset={"token": token, "new_password": NEW})

    def test_link_survives_a_password_that_is_refused(self, accounts: Accounts) -> None:
        accounts.register()
        token = self.ask(accounts)
        for bad in ("password1", "Stonebridge", "short"):
            with pytest.raises(Invalid):
                accounts.reset_password(reset={"token": token, "new_password": bad})

        assert accounts.reset_password(reset={"token": token, "new_password": NEW}) == {"status": "verified"}

    def test_lets_in_whose_address_another_person_registered(self, accounts: Accounts) -> None:
        squatter = accounts.register(verified=False)
        session = squatter.sign_in()

        accounts.reset_password(reset={"token": self.ask(accounts), "new_password": NEW})

        with pytest.raises(contract.SessionEnded):
            accounts.resolve(session)
        with pytest.raises(contract.SignInFailed):
            squatter.sign_in()
        assert accounts.get_me(**squatter.own)["email_verified"] is True
        assert len(accounts.events(contract.CompanyActivated)) == 1

    def test_lifts_the_delay_of_the_account(self, accounts: Accounts) -> None:
        owner = accounts.register()
        for name in ("olive", "olive@mail.example"):
            for _ in range(5):
                with pytest.raises(contract.SignInFailed):
                    accounts.sign_in(name, "wrong-guess-1", address=name)

        accounts.reset_password(reset={"token": self.ask(accounts), "new_password": NEW})

        assert owner.sign_in(NEW)
        assert accounts.sign_in("olive@mail.example", NEW)

    def test_is_all_or_nothing(self, accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
        owner = accounts.register()
        token = self.ask(accounts)
        with monkeypatch.context() as patch:
            cut_power_at(patch, credentials, "accounts.reset.between")
            with pytest.raises(PowerCut):
                accounts.reset_password(reset={"token": token, "new_password": NEW})
        assert owner.sign_in()

        accounts.reset_password(reset={"token": token, "new_password": NEW})

        assert owner.sign_in(NEW)

    def test_strangers_cannot_fill_a_mailbox(self, accounts: Accounts) -> None:
        accounts.register()
        for _ in range(9):
            accounts.request_password_reset(request={"email": "olive@mail.example"})
        assert len(accounts.mails("reset_password")) == 4  # the first of five was the registration's

        clock.advance(2 * 3600 + 1)
        accounts.request_password_reset(request={"email": "olive@mail.example"})

        assert len(accounts.mails("reset_password")) == 5

    def test_links_are_purged(self, accounts: Accounts) -> None:
        accounts.register()
        self.ask(accounts)
        clock.advance(4 * 86400)

        accounts.purge()

        assert accounts.rows(Link) == []


def test_no_secret_of_a_link_is_stored(accounts: Accounts, make_accounts: Callable[..., Accounts]) -> None:
    accounts.register(verified=False)
    secret = accounts.token("verify_email").partition(".")[2]

    stored = str([vars(row) for row in accounts.rows(Link)]) + str([event.to_wire() for event in accounts.events()])

    assert secret not in stored
    # Another replica makes the same link, and the password is nowhere but in its hash.
    assert make_accounts().token("verify_email").partition(".")[2] == secret
    assert PASSWORD not in str([vars(row) for row in accounts.rows(User)])

"""A18: guessing gets slower and slower, for nobody for good, and tells nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from actiontrac import clock
from actiontrac.contracts import accounts as contract
from actiontrac.errors import ServiceError
from actiontrac.storage.store import StorageUnavailable
from services.accounts.models import Attempt
from services.accounts.passwords import passwords_for
from services.accounts.policies import SIGN_IN_BY_ADDRESS, SIGN_IN_BY_NAME
from tests.accounts.conftest import PASSWORD, Accounts


def outcome(accounts: Accounts, name: str, password: str = "wrong-guess-1", address: str = "a") -> ServiceError | None:
    try:
        accounts.sign_in(name, password, address=address)
    except ServiceError as error:
        return error
    return None


class TestDelay:
    def test_begins_after_five_failures(self, accounts: Accounts) -> None:
        accounts.register()

        codes = [outcome(accounts, "olive").code for _ in range(6)]  # type: ignore[union-attr]

        assert codes == ["sign_in_failed"] * 5 + ["too_many_attempts"]

    def test_holds_for_the_right_password_too_and_ends_by_itself(self, accounts: Accounts) -> None:
        accounts.register()
        for _ in range(5):
            outcome(accounts, "olive")
        refused = outcome(accounts, "olive", PASSWORD)
        assert isinstance(refused, contract.TooManyAttempts)
        assert 1 <= (refused.retry_after or 0) <= 5

        clock.advance(refused.retry_after or 0)

        assert outcome(accounts, "olive", PASSWORD) is None

    def test_doubles_up_to_five_minutes_and_never_more(self) -> None:
        delays = [SIGN_IN_BY_NAME.delay(failures).total_seconds() for failures in range(3, 14)]

        assert delays == [0, 0, 5, 10, 20, 40, 80, 160, 300, 300, 300]
        assert SIGN_IN_BY_NAME.delay(10**9) == timedelta(minutes=5)

    def test_grows_while_guessing_goes_on(self, accounts: Accounts) -> None:
        accounts.register()
        for _ in range(5):
            outcome(accounts, "olive")
        waits = []
        for _ in range(7):
            refused = outcome(accounts, "olive")
            assert isinstance(refused, contract.TooManyAttempts)
            waits.append(refused.retry_after)
            clock.advance(refused.retry_after or 0)
            assert isinstance(outcome(accounts, "olive"), contract.SignInFailed)

        assert waits == [5, 10, 20, 40, 80, 160, 300]

    def test_refused_attempts_do_not_make_it_longer(self, accounts: Accounts) -> None:
        accounts.register()
        for _ in range(60):
            outcome(accounts, "olive")

        refused = outcome(accounts, "olive")

        assert refused is not None
        assert (refused.retry_after or 0) <= 5

    def test_is_forgotten_after_a_right_password(self, accounts: Accounts) -> None:
        accounts.register()
        for _ in range(3):
            for _ in range(4):
                outcome(accounts, "olive")
            assert outcome(accounts, "olive", PASSWORD) is None

    def test_is_forgotten_after_five_quiet_minutes(self, accounts: Accounts) -> None:
        accounts.register()
        for _ in range(4):
            for _ in range(4):
                assert isinstance(outcome(accounts, "olive"), contract.SignInFailed)
            clock.advance(301)

    def test_meets_an_address_that_tries_many_names(self, accounts: Accounts) -> None:
        codes = [outcome(accounts, f"name{n}", address="cellar").code for n in range(21)]  # type: ignore[union-attr]

        assert codes == ["sign_in_failed"] * SIGN_IN_BY_ADDRESS.free + ["too_many_attempts"]
        assert isinstance(outcome(accounts, "name99", address="attic"), contract.SignInFailed)

    def test_does_not_meet_an_office_whose_people_sign_in_rightly(self, accounts: Accounts) -> None:
        accounts.register()

        for _ in range(30):
            assert outcome(accounts, "olive", PASSWORD, address="office") is None

    def test_does_not_meet_others(self, accounts: Accounts) -> None:
        accounts.register()
        accounts.register("rival")
        for _ in range(7):
            outcome(accounts, "olive")

        assert outcome(accounts, "rival", PASSWORD, address="elsewhere") is None


class TestUnknownNames:
    def test_meet_the_same_words_and_delays(self, accounts: Accounts) -> None:
        accounts.register()

        def seen(name: str) -> list[tuple[str, str, int | None]]:
            found = [outcome(accounts, name, address=name) for _ in range(7)]
            return [(error.code, error.message, error.retry_after) for error in found if error]

        known, unknown = seen("olive"), seen("nobody")
        by_address, unknown_address = seen("olive@mail.example"), seen("nobody@mail.example")

        assert known == unknown == by_address == unknown_address

    def test_cost_the_same_work(self, accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
        accounts.register()
        passwords = passwords_for(accounts.settings)
        outcome(accounts, "warm-up")
        work: list[str] = []
        verify = passwords._verify
        monkeypatch.setattr(passwords, "_verify", lambda *given: work.append("verify") or verify(*given))

        outcome(accounts, "olive")
        known = list(work)
        outcome(accounts, "nobody")

        assert known == ["verify"]
        assert work == ["verify", "verify"]

    def test_do_not_tell_that_user_id_and_address_belong_together(self, accounts: Accounts) -> None:
        accounts.register()
        for _ in range(6):
            outcome(accounts, "olive", address="a")

        assert isinstance(outcome(accounts, "olive@mail.example", address="b"), contract.SignInFailed)


class TestParallelGuesses:
    def test_a_thousand_at_once_are_checked_at_most_ten_times(self, accounts: Accounts) -> None:
        accounts.register()
        passwords = passwords_for(accounts.settings)
        passwords.checked = 0

        with ThreadPoolExecutor(max_workers=32) as pool:
            found = list(pool.map(lambda n: outcome(accounts, "olive", address=f"bot{n}"), range(1000)))

        # On a busy machine some of them are told that the database is busy; none gets in.
        assert {type(error) for error in found} <= {
            contract.SignInFailed, contract.TooManyAttempts, StorageUnavailable,
        }  # fmt: skip
        assert 5 <= passwords.checked <= 10

    def test_the_attempt_is_counted_before_the_password_is_checked(
        self, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        accounts.register()
        counted = []
        passwords = passwords_for(accounts.settings)
        monkeypatch.setattr(
            passwords, "matches", lambda *_: counted.append([row.counted for row in accounts.rows(Attempt)]) or False
        )

        outcome(accounts, "olive")

        assert 1 in counted[0]


class TestWhatIsKept:
    def test_neither_name_nor_address_can_be_read_and_nothing_links_them(self, accounts: Accounts) -> None:
        accounts.register()
        outcome(accounts, "olive", address="203.0.113.7")

        text = str([vars(row) for row in accounts.rows(Attempt)])

        assert "olive" not in text
        assert "203.0.113.7" not in text
        assert set(Attempt.__table__.columns.keys()) == {"bucket", "counted", "since", "blocked_until", "last_at"}

    def test_is_purged_after_hours(self, accounts: Accounts) -> None:
        outcome(accounts, "olive")
        clock.advance(2 * 3600 + 1)

        accounts.purge()

        assert accounts.rows(Attempt) == []

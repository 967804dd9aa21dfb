"""A failure that cannot be written down because the database is away: held, not given up, not spun on (B5)."""

from typing import Any

import pytest

from actiontrac import messaging


class Delivery:
    """A message in hand, as far as holding it is concerned."""

    def __init__(self, *, leaves_after: int = 1000) -> None:
        self.given_back = 0
        self._asked = 0
        self._leaves_after = leaves_after

    @property
    def must_go(self) -> bool:
        self._asked += 1
        return self._asked > self._leaves_after

    def give_back(self) -> None:
        self.given_back += 1


class Recorder:
    """Writes down after so many failures."""

    def __init__(self, failures: int) -> None:
        self.tried = 0
        self._failures = failures

    def __call__(self) -> None:
        self.tried += 1
        if self.tried <= self._failures:
            raise OSError("the database is away")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messaging, "HOLD_SECONDS", (0.01, 0.02))


def hold(record: Recorder, delivery: Any) -> bool:
    return messaging.hold(record, "beta.on_thing_made", delivery)


class TestHolding:
    def test_tries_again_until_the_database_is_back(self) -> None:
        record, delivery = Recorder(failures=5), Delivery()
        assert hold(record, delivery)
        assert record.tried == 6
        assert delivery.given_back == 0

    def test_lets_go_when_the_process_stops(self) -> None:
        record, delivery = Recorder(failures=100), Delivery(leaves_after=2)
        assert not hold(record, delivery)
        assert delivery.given_back == 1

    def test_lets_go_in_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(messaging, "HOLD_AT_MOST_SECONDS", 0.3)
        record, delivery = Recorder(failures=1000), Delivery()
        assert not hold(record, delivery)
        assert record.tried > 1
        assert delivery.given_back == 1

    def test_what_came_from_the_database_is_left_to_its_lease(self) -> None:
        record = Recorder(failures=100)
        assert not hold(record, None)
        assert record.tried == 1


@pytest.mark.parametrize("found", [None, 7, {"a": 1}, "", "evt\x00", "x" * 65, "two words", "evt\n"])
def test_only_a_plain_text_becomes_a_key(found: Any) -> None:
    import orjson

    kept = messaging._event_id(orjson.dumps({"event_id": found}))
    assert kept.startswith("raw_")
    assert kept == messaging._event_id(orjson.dumps({"event_id": found}))

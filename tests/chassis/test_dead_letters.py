import pytest

from actiontrac import clock
from actiontrac.commands import dead_letters
from actiontrac.config import SERVICES_WITH_DATA, ConfigurationError
from actiontrac.service import chassis_store
from actiontrac.storage.migration import migrate
from actiontrac.testing import settings_for


@pytest.fixture
def installation(tmp_path):
    settings = settings_for(tmp_path)
    for service in SERVICES_WITH_DATA:
        migrate(service, settings)
    return settings


@pytest.fixture
def failed(installation):
    with chassis_store(installation)("notifications") as store:
        for number, state in ((1, "dead"), (2, "retry")):
            store.session.add(
                store.base.FailedEvent(
                    event_id=f"evt_{number}", handler="notifications.on_payment_received", state=state, attempts=6,
                    reason="KeyError\nservice.py:10 on_payment_received", body=b'{"type": "payment.received"}',
                    headers='{"actiontrac.context": "x"}', first_failed_at=clock.now(), due_at=clock.in_days(3),
                )
            )
    return installation


def states(settings):
    with chassis_store(settings)("notifications") as store:
        rows = store.session.query(store.base.FailedEvent).all()
        return {row.event_id: (row.state, row.attempts, row.due_at <= clock.now()) for row in rows}


class TestDeadLetters:
    def test_lists_each_with_its_reason(self, failed, capsys):
        assert dead_letters.listing(failed, None) == 0

        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 2
        assert all("KeyError" in line and "notifications.on_payment_received" in line for line in lines)

    def test_says_when_there_are_none(self, installation, capsys):
        assert dead_letters.listing(installation, "billing") == 0
        assert capsys.readouterr().out == "No event has failed.\n"

    def test_shows_message_and_first_trace(self, failed, capsys):
        assert dead_letters.show(failed, "evt_1") == 0

        shown = capsys.readouterr().out
        assert "payment.received" in shown
        assert "service.py:10" in shown

    def test_replays_one_from_its_first_attempt(self, failed):
        assert dead_letters.replay(failed, "evt_1", None, every=False) == 0

        assert states(failed) == {"evt_1": ("retry", 0, True), "evt_2": ("retry", 6, False)}

    def test_replays_all_of_a_service(self, failed):
        dead_letters.replay(failed, None, "billing", every=True)
        assert states(failed)["evt_1"][0] == "dead"
        dead_letters.replay(failed, None, "notifications", every=True)
        assert {state for state, _, due in states(failed).values() if due} == {"retry"}

    def test_drops_only_what_is_named(self, failed):
        dead_letters.drop(failed, "evt_1", None, every=False)

        assert set(states(failed)) == {"evt_2"}

    def test_an_unknown_event_is_an_error_and_nothing_happens(self, failed):
        assert dead_letters.drop(failed, "evt_9", None, every=False) == 1
        with pytest.raises(ConfigurationError):
            dead_letters.drop(failed, None, None, every=False)

        assert len(states(failed)) == 2

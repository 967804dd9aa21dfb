import threading

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError

from actiontrac.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from actiontrac.storage import Replayed, Store
from actiontrac.storage.store import StorageUnavailable
from actiontrac.testing import as_request
from actiontrac.vault import LocalKeyProvider, SealBroken, new_key
from tests.chassis.sample import Thing, ThingMade


class TestCompanyIsolation:
    def test_does_not_find_another_companys_row(self, alpha):
        with alpha("com_acme") as store:
            thing = store.add(1)

        with alpha("com_rival") as store:
            assert store.find(thing.id) is None
            assert store.all() == []

    def test_does_not_change_or_delete_another_companys_row(self, alpha):
        with alpha("com_acme") as store:
            thing = store.add(1)

        with alpha("com_rival") as store:
            store.session.execute(update(Thing).values(number=99))
            store.session.execute(delete(Thing))

        with alpha("com_acme") as store:
            assert store.find(thing.id).number == 1

    def test_refuses_to_write_a_row_of_another_company(self, alpha):
        with pytest.raises(RuntimeError), alpha("com_rival") as store:
            store.add(1, company_id="com_acme")
            store.session.flush()

    def test_a_store_is_not_opened_for_nobody(self, alpha):
        for nobody in ("", "*"):
            with pytest.raises(ValueError, match="one company"):
                alpha(nobody)

    def test_timers_see_all_companies(self, alpha):
        for company in ("com_acme", "com_rival"):
            with alpha(company) as store:
                store.add(1)

        with alpha.across_companies() as store:
            assert len(store.all()) == 2

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(owners=st.lists(st.sampled_from(["com_a", "com_b", "com_c"]), max_size=6))
    def test_each_company_sees_exactly_its_own(self, alpha, owners):
        made = {"com_a": set(), "com_b": set(), "com_c": set()}
        with alpha.across_companies() as store:
            store.session.execute(delete(Thing))
            for owner in owners:
                made[owner].add(store.add(1, company_id=owner).id)

        for company, ids in made.items():
            with alpha(company) as store:
                assert {thing.id for thing in store.all()} == ids


@pytest.mark.full
class TestRowLevelSecurity:
    @pytest.fixture
    def on_postgres(self, alpha):
        # SQLite has no row-level security: there the filter of the store stands alone.
        return not alpha.across_companies()._database.is_sqlite

    def test_the_database_repeats_the_isolation_for_plain_sql(self, alpha, raw, on_postgres):
        with alpha("com_acme") as store:
            store.add(1)
        if not on_postgres:
            return

        assert raw("SELECT * FROM things") == []
        assert raw("SELECT * FROM things", company_id="com_rival") == []
        assert len(raw("SELECT * FROM things", company_id="com_acme")) == 1
        assert raw("DELETE FROM things", company_id="com_rival") == 0

    def test_the_services_role_cannot_bypass_it(self, alpha, raw, on_postgres):
        if not on_postgres:
            return
        for attempt in (
            "ALTER TABLE things DISABLE ROW LEVEL SECURITY",
            "DROP POLICY company_isolation ON things",
            "INSERT INTO things (id, company_id, number) VALUES ('thg_x', 'com_acme', 1)",
        ):
            with pytest.raises(DBAPIError):
                raw(attempt, company_id="com_rival")
        assert raw("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user") == [(False,)]


class TestUnitOfWork:
    def test_happens_whole_or_not_at_all(self, alpha):
        with pytest.raises(KeyError), alpha("com_acme") as store:
            store.add(1)
            store.publish(ThingMade(number=1))
            raise KeyError

        with alpha("com_acme") as store:
            assert store.all() == []
            assert store.session.scalars(select(store.base.Outbox)).all() == []

    def test_one_at_a_time(self, alpha):
        with alpha("com_acme"), pytest.raises(RuntimeError), alpha("com_acme"):
            pass

    def test_an_event_is_committed_with_its_cause(self, alpha):
        asked = as_request()
        with alpha("com_acme") as store:
            store.publish(ThingMade(number=7))

        with alpha.across_companies() as store:
            row = store.session.scalars(select(store.base.Outbox)).one()
            event = ThingMade.from_wire(row.body)
        assert (event.number, event.company_id, row.published_at) == (7, "com_acme", None)
        assert asked.request_id in row.headers

    def test_an_event_is_claimed_once(self, alpha):
        event = ThingMade(number=1, company_id="com_acme", handler="beta.on_thing_made")
        claims = []
        for _ in range(3):
            with alpha("com_acme") as store:
                claims.append(store.claim(event))

        assert claims == [True, False, False]

    def test_a_claim_falls_with_its_effect(self, alpha):
        event = ThingMade(number=1, company_id="com_acme", handler="beta.on_thing_made")
        with pytest.raises(KeyError), alpha("com_acme") as store:
            store.claim(event)
            raise KeyError

        with alpha("com_acme") as store:
            assert store.claim(event)


class TestSealedData:
    def test_reads_what_was_written(self, alpha):
        with alpha("com_acme") as store:
            thing = store.add(1, note="prefers the early shift")

        with alpha("com_acme") as store:
            assert store.find(thing.id).note == "prefers the early shift"

    def test_the_database_holds_no_plain_text(self, alpha, raw):
        with alpha("com_acme") as store:
            store.add(1, note="prefers the early shift")

        [(sealed,)] = raw("SELECT note_sealed FROM things", company_id="com_acme")
        assert b"early" not in bytes(sealed)

    def test_does_not_open_in_another_row(self, alpha, raw):
        with alpha("com_acme") as store:
            one, other = store.add(1, note="one"), store.add(2, note="other")
        raw(
            "UPDATE things SET note_sealed = (SELECT note_sealed FROM things WHERE id = :one) WHERE id = :other",
            company_id="com_acme", one=one.id, other=other.id,
        )

        with alpha("com_acme") as store, pytest.raises(SealBroken):
            store.find(other.id).note  # noqa: B018

    def test_is_gone_with_the_companys_key(self, alpha, raw):
        with alpha("com_acme") as store:
            thing = store.add(1, note="a secret")
        raw("DELETE FROM company_keys WHERE company_id = 'com_acme'", company_id="com_acme")

        with alpha("com_acme") as store, pytest.raises(SealBroken):
            store.find(thing.id).note  # noqa: B018

    def test_a_changed_value_is_sealed_again(self, alpha):
        with alpha("com_acme") as store:
            thing = store.add(1, note="before")
        with alpha("com_acme") as store:
            store.find(thing.id).note = "after"
        with alpha("com_acme") as store:
            assert store.find(thing.id).note == "after"
            store.find(thing.id).note = None
        with alpha("com_acme") as store:
            assert store.find(thing.id).note is None

    def test_a_company_key_is_wrapped_for_its_company_only(self):
        keys = LocalKeyProvider("ab" * 32)
        wrapped = keys.wrap(new_key(), "alpha|com_acme")

        with pytest.raises(SealBroken):
            keys.unwrap(wrapped, "alpha|com_rival")


class TestIdempotency:
    def make(self, alpha, key, request_hash="hash", number=1):
        as_request(key=key, request_hash=request_hash)
        with alpha("com_acme") as store:
            thing = store.add(number, note="said once")
            return store.answer({"id": thing.id, "note": thing.note})

    def test_a_repetition_is_answered_alike_and_has_no_effect(self, alpha):
        first = self.make(alpha, "key-1")
        with pytest.raises(Replayed) as replayed:
            self.make(alpha, "key-1")

        assert replayed.value.response == first
        as_request()
        with alpha("com_acme") as store:
            assert len(store.all()) == 1

    def test_another_request_under_the_key_is_refused(self, alpha):
        self.make(alpha, "key-1")
        with pytest.raises(IdempotencyKeyReused):
            self.make(alpha, "key-1", request_hash="other")

    def test_a_failed_request_leaves_its_key_free(self, alpha):
        as_request(key="key-1")
        with pytest.raises(KeyError), alpha("com_acme"):
            raise KeyError

        assert self.make(alpha, "key-1")["note"] == "said once"

    def test_keys_of_companies_are_apart(self, alpha):
        self.make(alpha, "key-1")
        as_request(key="key-1")
        with alpha("com_rival") as store:
            assert store.answer({"id": "another"}) == {"id": "another"}

    def test_a_reserved_key_is_in_use_until_it_is_answered(self, alpha):
        mine = as_request(key="key-1")
        with alpha("com_acme") as store:
            store.reserve()
        as_request(key="key-1")
        with pytest.raises(IdempotencyKeyInUse), alpha("com_acme"):
            pass

        from actiontrac import context

        context.enter(mine)
        with alpha("com_acme") as store:
            store.answer({"done": True})
        as_request(key="key-1")
        with pytest.raises(Replayed), alpha("com_acme"):
            pass

    def test_a_key_whose_process_died_is_free_again(self, alpha, monkeypatch):
        from datetime import timedelta

        from actiontrac import clock

        as_request(key="key-1")
        with alpha("com_acme") as store:
            store.reserve()
        later = clock.now() + timedelta(minutes=5)
        monkeypatch.setattr(clock, "now", lambda: later)

        assert self.make(alpha, "key-1")["note"] == "said once"

    def test_stored_answers_are_sealed(self, alpha, raw):
        self.make(alpha, "key-1")

        rows = raw("SELECT response_sealed FROM idempotency_keys")
        assert b"said once" not in bytes(rows[0][0])

    def test_of_many_at_once_one_has_the_effect(self, alpha):
        outcomes = []

        def attempt():
            try:
                outcomes.append(self.make(alpha, "key-1")["id"])
            except Replayed as replayed:
                outcomes.append(replayed.response["id"])
            except IdempotencyKeyInUse:
                outcomes.append(None)

        threads = [threading.Thread(target=attempt) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len({outcome for outcome in outcomes if outcome}) == 1
        as_request()
        with alpha("com_acme") as store:
            assert len(store.all()) == 1


class TestHousekeeping:
    def test_purges_what_has_served_its_time_and_nothing_else(self, alpha, monkeypatch):
        from datetime import timedelta

        from actiontrac import clock
        from actiontrac.storage.housekeeping import purge

        with alpha("com_acme") as store:
            store.publish(ThingMade(number=1))
            store.publish(ThingMade(number=2))
            store.claim(ThingMade(number=1, company_id="com_acme", handler="beta.on_thing_made"))
        with alpha.across_companies() as store:
            first = store.session.scalars(select(store.base.Outbox).order_by(store.base.Outbox.position)).first()
            first.published_at = clock.now()
        later = clock.now() + timedelta(days=40)
        monkeypatch.setattr(clock, "now", lambda: later)
        monkeypatch.setattr(clock, "machine_now", lambda: later)

        with alpha.across_companies() as store:
            purged = purge(store, 90)
        with alpha.across_companies() as store:
            left = store.session.scalar(select(sa.func.count()).select_from(store.base.Outbox))

        assert (purged["outbox"], purged["inbox"], left) == (1, 1, 1)

    def test_keeps_an_event_that_could_not_be_handled_as_long_as_it_is_told(self, alpha):
        from datetime import timedelta

        from actiontrac import clock
        from actiontrac.storage.housekeeping import purge

        now = clock.machine_now()
        with alpha.across_companies() as store:
            for number, state in enumerate(("dead", "retry")):
                store.session.add(
                    store.base.FailedEvent(
                        event_id=f"evt_{number}", handler="beta.on_thing_made", state=state, attempts=1, reason="no",
                        body=b"{}", headers="{}", first_failed_at=now - timedelta(days=10), due_at=now,
                    )
                )
        with alpha.across_companies() as store:
            assert purge(store, 11)["failed_events"] == 0
            assert purge(store, 9)["failed_events"] == 1


class TestADatabaseThatGoesAway:
    """Whoever asked is told to come back, wherever in a unit of work the connection breaks."""

    @pytest.mark.parametrize("step", ["_begin", "_look_up_key", "_commit"])
    def test_is_unavailable_at_every_step(self, alpha, monkeypatch, step):
        monkeypatch.setattr(Store, step, _broken)

        with pytest.raises(StorageUnavailable), alpha("com_acme") as store:
            store.add(1)

    def test_is_unavailable_in_the_middle(self, alpha):
        with pytest.raises(StorageUnavailable), alpha("com_acme"):
            _broken()

    def test_is_unavailable_where_the_driver_does_not_call_it_operational(self, alpha):
        with pytest.raises(StorageUnavailable), alpha("com_acme"):
            raise InterfaceError("SELECT 1", {}, Exception("connection already closed"), connection_invalidated=True)

    def test_need_not_be_told_to_roll_back(self, alpha, monkeypatch):
        with pytest.raises(StorageUnavailable), alpha("com_acme") as store:
            monkeypatch.setattr(store.session, "close", _broken)
            _broken()

    def test_another_mistake_is_not_taken_for_it(self, alpha):
        with pytest.raises(ProgrammingError), alpha("com_acme"):
            raise ProgrammingError("SELECT 1", {}, Exception("a mistake of ours"))


def _broken(*_):
    raise OperationalError("SELECT 1", {}, Exception("server closed the connection unexpectedly"))

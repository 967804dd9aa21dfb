"""
Faults that somebody could make one day, and the tests that must notice (C5).

A fault is data: a file, some text of it and what would stand there. ``make test-the-tests``
plants each in a copy of the tree and runs its tests; ``test_faults.py`` sees that each can
still be planted.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    name: str
    path: str
    #: What stands there and what would stand there; each before exactly once in the file.
    edits: tuple[tuple[str, str], ...]
    #: Without the fault they pass, with it one of them fails.
    tests: tuple[str, ...]


def _one(name: str, path: str, before: str, after: str, *tests: str) -> Fault:
    return Fault(name, path, ((before, after),), tests)


_STORE = "tests/chassis/test_store.py::"
_BUS = "tests/integration/test_bus.py::"
_CONTEXT = "tests/chassis/test_context.py::"
_REFUNDS = "tests/billing/test_billing_refunds.py::"
_SETTLE = "tests/billing/test_billing_settle.py::"
_HANDOVER = "tests/notifications/test_notifications_handover.py::"
_SESSIONS = "tests/accounts/test_accounts_sessions.py::"
_STRIPE = "tests/contracts/payments/test_stripe_adapter.py::"

FAULTS = (
    # Events
    _one(
        "an event is acknowledged before its effect is committed",
        "actiontrac/messaging.py",
        "        self.run(delivery.body, delivery.headers, delivery)\n",
        "        delivery.ack()\n        self.run(delivery.body, delivery.headers, delivery)\n",
        _BUS + "TestEvents::test_a_consumer_that_dies_loses_and_doubles_nothing[event.before_handler]",
    ),
    _one(
        "there is no inbox",
        "actiontrac/storage/store.py",
        "        return self._insert_once(\n            self.base.Inbox,",
        "        return True or self._insert_once(\n            self.base.Inbox,",
        _STORE + "TestUnitOfWork::test_an_event_is_claimed_once",
    ),
    _one(
        "a handler's failure is not kept",
        "actiontrac/messaging.py",
        "            self.failed.keep(self.handler, Failure(event_id, body, _plain(headers), reason), delivery)\n"
        "            return result, None\n",
        "            _log.warning('event_failed', reason=reason)\n",
        _BUS + "TestEvents::test_a_poisonous_event_waits_in_the_database_and_its_neighbours_do_not",
    ),
    Fault(
        "an event is published before its cause is committed",
        "actiontrac/storage/store.py",
        (
            (
                "            }\n        )\n\n    def claim(",
                "            }\n        )\n        with self._database.engine.begin() as early:\n"
                "            early.execute(insert(self.base.Outbox.__table__), self._published.pop())\n\n"
                "    def claim(",
            ),
        ),
        (_STORE + "TestUnitOfWork::test_an_event_is_committed_with_its_cause[postgres]",),
    ),
    _one(
        "the relay marks an event as published before it is",
        "actiontrac/outbox.py",
        "            done = self._publish(self._rows(session, mine))\n"
        "            self._mark(session, done)\n            session.commit()\n",
        "            rows = self._rows(session, mine)\n"
        "            self._mark(session, {row.position for row in rows})\n            session.commit()\n"
        "            done = self._publish(rows)\n",
        _BUS + "TestEvents::test_a_relay_that_dies_loses_and_doubles_nothing[relay.before_publish]",
    ),
    _one(
        "the outbox is published without mandatory",
        "actiontrac/outbox.py",
        "mandatory=bool(SUBSCRIPTIONS.get(row.type)),",
        "mandatory=False,",
        "tests/bus/test_events.py::test_an_event_without_a_way_is_an_alarm_and_not_lost",
    ),
    # Questions
    _one(
        "a forged context is believed",
        "actiontrac/context.py",
        '    if not hmac.compare_digest(expected, signature.encode(errors="replace")):\n',
        "    if not expected:\n",
        _CONTEXT + "TestSignedContext",
    ),
    _one(
        "a member's permissions are not looked at",
        "actiontrac/rpc.py",
        "    if permission != SIGNED_IN and not principal.may(permission):\n",
        "    if permission == SERVICE_ONLY:\n",
        _CONTEXT + "TestRights",
    ),
    _one(
        "the company that a member names is not compared with the member's",
        "actiontrac/rpc.py",
        '    if company_id is not None and company_id != principal.company_id and not principal.may("staff"):\n',
        "    if company_id is not None and not principal.company_id:\n",
        _CONTEXT + "TestRights",
    ),
    _one(
        "an accident's text is told to the caller",
        "actiontrac/rpc.py",
        '            _log.error("rpc_failed", method=worker_ctx.entrypoint.method_name, exc_info=error)\n'
        "            self._reply(delivery, error=InternalError())\n",
        "            self._reply(delivery, error=InternalError(str(error)))\n",
        _BUS + "TestRpc::test_errors_keep_their_code_and_hide_the_text_of_accidents",
    ),
    _one(
        "a repeated request has its effect again",
        "actiontrac/storage/store.py",
        "            if self._write:\n                self._look_up_key()\n",
        "            if self._write:\n                self._database.wake()\n",
        _STORE + "TestIdempotency::test_a_repetition_is_answered_alike_and_has_no_effect",
    ),
    # Companies
    _one(
        "the company filter is missing",
        "actiontrac/storage/store.py",
        "    if limit is not None and (state.is_select or state.is_update or state.is_delete):\n",
        "    if limit is not None and state.is_insert:\n",
        _STORE + "TestCompanyIsolation",
    ),
    _one(
        "row-level security is off",
        "actiontrac/storage/migration.py",
        '    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")\n',
        "",
        _STORE + "TestRowLevelSecurity",
    ),
    # Money
    _one(
        "the key that a processor recognises a refund by is random",
        "services/billing/refunds.py",
        "provider.refund(snapshot, refund.id, Money(",
        'provider.refund(snapshot, __import__("uuid").uuid4().hex, Money(',
        _REFUNDS + "TestOnce::test_a_lost_answer_is_unknown_and_then_done_once",
    ),
    _one(
        "what went back can go back again",
        "services/billing/refunds.py",
        "        left = checkout.amount_minor - checkout.refunded_minor\n",
        "        left = checkout.amount_minor\n",
        _REFUNDS + "TestRefunding::test_more_than_is_left_is_refused_by_field",
        _REFUNDS + "TestRefunding::test_parts_that_add_up_to_all_end_the_year",
    ),
    _one(
        "two settlements of one payment both count",
        "services/billing/settlement.py",
        "            if checkout.settled:\n                return\n            checkout.checked_at = now\n",
        "            checkout.checked_at = now\n",
        _SETTLE + "TestPaying::test_ten_settles_at_once_make_one_year",
    ),
    _one(
        "what was paid is not compared with what was asked",
        "services/billing/settlement.py",
        "            wrong = policies.mismatches(_expected(checkout), snapshot)\n",
        "            wrong = policies.mismatches(_expected(checkout), snapshot)[:0]\n",
        _SETTLE + "TestFactsThatAreNotOurs",
    ),
    _one(
        "half a cent of tax is always rounded up",
        "services/billing/taxes.py",
        '(rest == Fraction(1, 2) and (mode == "half_up" or whole % 2 == 1))',
        "rest == Fraction(1, 2)",
        "tests/billing/test_billing_taxes.py::TestSums",
    ),
    _one(
        "a webhook's signature is not looked at",
        "services/billing/providers/stripe.py",
        "            self._verify(raw, given)\n",
        "",
        _STRIPE + "TestSignedTime",
    ),
    _one(
        "a webhook may be as old as it likes",
        "services/billing/providers/stripe.py",
        "        if not -NEWEST_SIGNATURE_SECONDS <= age <= OLDEST_SIGNATURE_SECONDS:\n",
        "        if age != age:\n",
        _STRIPE + "TestSignedTime",
    ),
    # Seats
    _one(
        "the lock of the seats is gone",
        "services/workers/repository.py",
        "select(ManagedCount).where(ManagedCount.company_id == company_id).with_for_update()",
        "select(ManagedCount).where(ManagedCount.company_id == company_id)",
        "tests/workers/test_workers_postgres.py::TestSeats",
        "tests/workers/test_workers_postgres.py::TestConcurrency"
        "::test_gives_every_worker_a_number_of_its_own_and_counts_each",
    ),
    _one(
        "the plan's limit is not looked at",
        "services/workers/seats/repository.py",
        "            rules.require_seats(allowance, count.managed, change, clock.today())\n",
        "",
        "tests/workers/test_workers_seats.py::TestTheBound",
    ),
    # Forbidden data
    _one(
        "the guard against card numbers is off",
        "actiontrac/schemas.py",
        "    if guard:\n",
        "    if not guard:\n",
        _REFUNDS + "TestRefunding::test_a_reason_with_forbidden_data_is_refused",
    ),
    _one(
        "the guard is skipped at one door, the cells of an imported file",
        "services/workers/imports/rows.py",
        "    if not cell or not forbidden.find(cell, field=name):\n",
        "    if not cell or cell:\n",
        "tests/workers/test_workers_forbidden.py::TestDoors::test_of_a_files_cells_name_row_and_field",
    ),
    # Mail
    _one(
        "an opt-out is not looked at at the hand-over",
        "services/notifications/handover.py",
        "                wanted=store.wants(held.recipient_id, held.category),\n",
        "                wanted=True,\n",
        _HANDOVER + "TestConsentAtHandOver::test_opting_out_in_the_middle_of_a_batch_stops_the_very_next_mail",
    ),
    _one(
        "mail whose fate nobody knows is sent twice",
        "services/notifications/handover.py",
        "        if problem.fate_unknown and not policies.may_repeat(message.category):\n",
        "        if problem.fate_unknown and problem.away and not policies.may_repeat(message.category):\n",
        _HANDOVER + "TestFailures::test_a_lost_answer_repeats_a_receipt_and_not_a_promotion",
    ),
    # People
    _one(
        "a session that was ended lives on",
        "services/accounts/sessions.py",
        "            store.session.delete(session)\n",
        "",
        _SESSIONS + "TestSignOut::test_kills_the_session_on_the_server_at_once",
    ),
    _one(
        "a session never times out",
        "services/accounts/sessions.py",
        "            if found is None or not found[0].alive(at, self.idle):\n",
        "            if found is None:\n",
        _SESSIONS + "TestTimeOuts",
    ),
    _one(
        "guessing passwords is not slowed down",
        "services/accounts/sessions.py",
        "        if wait:\n            raise _too_many(wait)\n",
        "",
        "tests/accounts/test_accounts_lockout.py::TestDelay::test_begins_after_five_failures",
    ),
)

"""The count can fail: every fault that is planted into ledgers and databases that were right is found."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.storm.counting import FURTHER, ZEROS, Evidence, Hit, count, unfinished

Change = Callable[[Evidence], Evidence]

MAIL = {"to": ["ada@acme.example"], "kind": "mail", "wall": 1000.0}
NOTES: list[dict[str, Any]] = [
    {"what": "registered", "email": "ada@acme.example"},
    {"what": "joined", "company_id": "com_a", "user_id": "usr_a", "email": "ada@acme.example"},
    {"what": "hired", "company_id": "com_a", "worker_id": "wrk_1", "mark": "Mark 1"},
    {"what": "hired", "company_id": "com_a", "worker_id": "wrk_2", "mark": "Mark 2"},
    {"what": "changed", "company_id": "com_a", "worker_id": "wrk_1", "title": "Fitter 1"},
    {"what": "archived", "company_id": "com_a", "worker_id": "wrk_2"},
    {"what": "chosen", "user_id": "usr_a", "category": "promotions", "wanted": True},
    {"what": "ordered", "company_id": "com_a", "checkout_id": "chk_1"},
    {"what": "paid", "company_id": "com_a", "checkout_id": "chk_1"},
]
PROCESSORS = [
    {"kind": "order", "ref": "ORD1", "payment_id": "chk_1"},
    {"kind": "approval", "ref": "ORD1"},
    {"kind": "capture", "ref": "CAP1", "payment_id": "chk_1", "value": "480.00"},
]
CATCHER = [
    {**MAIL, "ref": "mail_1", "subject": "Confirm your e-mail address", "message_id": "<msg_1@mail>"},
    {**MAIL, "ref": "mail_2", "subject": "Welcome to ActionTrac: your year has begun", "message_id": "<msg_2@mail>"},
    {**MAIL, "ref": "mail_3", "subject": "Receipt AT-1: 480.00 USD", "message_id": "<msg_3@mail>"},
]
TABLES: dict[str, list[dict[str, Any]]] = {
    "billing.checkouts": [{"id": "chk_1", "company_id": "com_a", "state": "paid"}],
    "billing.payments": [{"checkout_id": "chk_1", "company_id": "com_a"}],
    "billing.subscription_years": [{"checkout_id": "chk_1", "company_id": "com_a"}],
    "billing.invoices": [{"checkout_id": "chk_1", "company_id": "com_a"}],
    "billing.meters": [{"company_id": "com_a", "managed": 1}],
    "billing.webhook_notices": [{"kind": "PAYMENT.CAPTURE.COMPLETED", "due_at": None}],
    "billing.outbox": [{"event_id": "evt_1", "type": "payment.received", "published_at": 1}],
    "billing.inbox": [{"event_id": "evt_2", "handler": "billing.on_worker_count_changed"}],
    "billing.failed_events": [],
    "workers.workers": [
        {"id": "wrk_1", "company_id": "com_a", "department": "Mark 1", "title": "Fitter 1", "status": "active"},
        {"id": "wrk_2", "company_id": "com_a", "department": "Mark 2", "title": None, "status": "archived"},
    ],
    "workers.managed_counts": [{"company_id": "com_a", "managed": 1}],
    "workers.outbox": [{"event_id": "evt_2", "type": "worker.count_changed", "published_at": 1}],
    "workers.idempotency_keys": [],
    "notifications.inbox": [{"event_id": "evt_1", "handler": "notifications.on_payment_received"}],
    "notifications.messages": [
        {"id": "msg_1", "template": "verify_email", "category": "security", "state": "sent"},
        {"id": "msg_2", "template": "welcome", "category": "plan_status", "state": "sent"},
        {"id": "msg_3", "template": "receipt", "category": "plan_status", "state": "sent"},
    ],
    "notifications.preferences": [{"user_id": "usr_a", "category": "promotions", "wanted": True}],
}

RIGHT = Evidence(
    notes=NOTES,
    processors=PROCESSORS,
    catcher=CATCHER,
    tables=TABLES,
    subscriptions={
        "payment.received": ("notifications.on_payment_received",),
        "worker.count_changed": ("billing.on_worker_count_changed",),
    },
    queues={"rpc-billing": 0, "dead.billing": 0},
)


def without(table: str, **which: Any) -> Change:
    def change(right: Evidence) -> Evidence:
        rows = [row for row in right.rows(table) if any(row[name] != value for name, value in which.items())]
        assert len(rows) < len(right.rows(table))
        return replace(right, tables={**right.tables, table: rows})

    return change


def changed(table: str, which: dict[str, Any], **values: Any) -> Change:
    def change(right: Evidence) -> Evidence:
        rows = [
            {**row, **values} if all(row[name] == value for name, value in which.items()) else row
            for row in right.rows(table)
        ]
        assert rows != right.rows(table)
        return replace(right, tables={**right.tables, table: rows})

    return change


def more(table: str, row: dict[str, Any]) -> Change:
    return lambda right: replace(right, tables={**right.tables, table: [*right.rows(table), row]})


def accepted(entry: dict[str, Any]) -> Change:
    return lambda right: replace(right, processors=[*right.processors, entry])


def mailed(**entry: Any) -> Change:
    return lambda right: replace(right, catcher=[*right.catcher, {**MAIL, **entry}])


def not_mailed(ref: str) -> Change:
    return lambda right: replace(right, catcher=[entry for entry in right.catcher if entry["ref"] != ref])


SECOND = {"kind": "capture", "ref": "CAP2", "payment_id": "chk_1", "value": "480.00"}
OTHER = {"kind": "charge", "ref": "ch_2", "payment_id": "chk_2", "amount_minor": 48000}
OPEN = {"id": "chk_2", "company_id": "com_a", "state": "open"}

PLANTED: dict[str, tuple[str, Change]] = {
    "the subscription is missing": (
        "paid_without_subscription", without("billing.subscription_years", checkout_id="chk_1")),
    "the payment was never recorded": ("paid_without_subscription", without("billing.payments", checkout_id="chk_1")),
    "the checkout was not told": (
        "paid_without_subscription", changed("billing.checkouts", {"id": "chk_1"}, state="open")),
    "two invoices": ("paid_without_subscription", more("billing.invoices", TABLES["billing.invoices"][0])),
    "the same order is charged twice": ("charged_twice", accepted(SECOND)),
    "one decision is charged by two checkouts": (
        "charged_twice", lambda right: accepted(OTHER)(more("billing.checkouts", OPEN)(right))),
    "a year that nobody paid": (
        "subscription_without_payment",
        more("billing.subscription_years", {"checkout_id": "chk_9", "company_id": "x"})),
    "a payment that no processor knows": (
        "subscription_without_payment", more("billing.payments", {"checkout_id": "chk_9", "company_id": "x"})),
    "a worker is gone": ("worker_writes_lost", without("workers.workers", id="wrk_1")),
    "a worker is another company's": (
        "worker_writes_lost", changed("workers.workers", {"id": "wrk_1"}, company_id="com_b")),
    "a change is gone": ("worker_writes_lost", changed("workers.workers", {"id": "wrk_1"}, title=None)),
    "an archived worker is back": ("worker_writes_lost", changed("workers.workers", {"id": "wrk_2"}, status="active")),
    "a worker was added twice": (
        "count_mismatch", more("workers.workers", {**TABLES["workers.workers"][0], "id": "wrk_3"})),
    "billing counts otherwise": ("count_mismatch", changed("billing.meters", {"company_id": "com_a"}, managed=2)),
    "workers counts otherwise": (
        "count_mismatch", changed("workers.managed_counts", {"company_id": "com_a"}, managed=2)),
    "an event is not published": ("events_lost", changed("billing.outbox", {"event_id": "evt_1"}, published_at=None)),
    "an event was not handled": ("events_lost", without("notifications.inbox", event_id="evt_1")),
    "an event was handled by somebody else": (
        "events_lost", changed("notifications.inbox", {"event_id": "evt_1"}, handler="notifications.on_usage_warned")),
    "a mail came twice": ("mails_twice", mailed(subject="Receipt AT-1: 480.00 USD", message_id="<msg_3@mail>")),
    "a second message says the same": (
        "mails_twice", mailed(subject="Receipt AT-1: 480.00 USD", message_id="<msg_9@mail>")),
    "a mail did not come": ("mails_missing", not_mailed("mail_3")),
    "a mail is called sent and did not come": ("mails_missing", more(
        "notifications.messages", {"id": "msg_8", "template": "usage_80", "category": "plan_status", "state": "sent"})),
    "a mail was given up": ("mails_missing", more(
        "notifications.messages", {"id": "msg_8", "template": "usage_80", "category": "plan_status", "state": "dead"})),
    "money went back": ("money_returned", accepted({"kind": "refund", "ref": "R1", "capture": "CAP1"})),
    "a buyer agreed and was never charged": (
        "approved_not_charged", lambda right: replace(right, notes=[*right.notes, {
            "what": "paid", "company_id": "com_a", "checkout_id": "chk_7"}])),
    "a choice is gone": (
        "choices_lost", changed("notifications.preferences", {"user_id": "usr_a"}, wanted=False)),
    "an event waits for a person": ("dead_letters", more(
        "billing.failed_events", {"event_id": "evt_5", "handler": "billing.on_x", "state": "dead"})),
    "the broker gave a message up": (
        "dead_letters", lambda right: replace(right, queues={**right.queues, "dead.billing": 1})),
    "a client was refused": ("clients_failed", lambda right: replace(right, complaints=["ada: 422"])),
}  # fmt: skip


def test_what_is_right_counts_as_right() -> None:
    verdict = count(RIGHT)

    assert verdict.wrong == {name: [] for name in (*ZEROS, *FURTHER)}
    assert verdict.clean
    assert verdict.purchases == 1
    assert unfinished(RIGHT) == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_counted(name: str) -> None:
    figure, plant = PLANTED[name]

    verdict = count(plant(RIGHT))

    assert len(verdict.wrong[figure]) == 1, verdict.wrong
    assert not verdict.clean


def test_every_figure_is_planted() -> None:
    assert {figure for figure, _ in PLANTED.values()} == {*ZEROS, *FURTHER}


class TestACopyThatNobodyCouldPrevent:
    def copies(self, right: Evidence, *hits: Hit) -> tuple[int, int]:
        copied = mailed(subject="Receipt AT-1: 480.00 USD", message_id="<msg_3@mail>", wall=1030.0)(right)
        verdict = count(replace(copied, hits=hits))
        return len(verdict.wrong["mails_twice"]), len(verdict.copies)

    def test_is_shown_apart_where_its_sender_was_hit_when_the_first_went_out(self) -> None:
        assert self.copies(RIGHT, Hit(kind="kill", target="notifications", began=1000.2, ended=1000.2)) == (0, 1)
        assert self.copies(RIGHT, Hit(kind="freeze", target="notifications", began=999.0, ended=1060.0)) == (0, 1)
        assert self.copies(RIGHT, Hit(kind="kill", target="database", began=1001.0, ended=1004.0)) == (0, 1)

    def test_is_one_too_many_where_nothing_that_matters_was_hit(self) -> None:
        assert self.copies(RIGHT) == (1, 0)
        assert self.copies(RIGHT, Hit(kind="kill", target="billing", began=1000.0, ended=1000.0)) == (1, 0)
        assert self.copies(RIGHT, Hit(kind="kill", target="notifications", began=900.0, ended=900.0)) == (1, 0)
        assert self.copies(RIGHT, Hit(kind="kill", target="notifications", began=1031.0, ended=1031.0)) == (1, 0)

    def test_is_one_too_many_where_the_mail_must_never_be_repeated(self) -> None:
        promotion = changed("notifications.messages", {"id": "msg_3"}, category="promotions")(RIGHT)

        assert self.copies(promotion, Hit(kind="kill", target="notifications", began=1000.0, ended=1000.0)) == (1, 0)


@pytest.mark.parametrize(
    "under_way",
    [
        changed("billing.outbox", {"event_id": "evt_1"}, published_at=None),
        without("notifications.inbox", event_id="evt_1"),
        changed("notifications.messages", {"id": "msg_3"}, state="queued"),
        changed("notifications.messages", {"id": "msg_3"}, state="sending"),
        changed("billing.checkouts", {"id": "chk_1"}, state="open"),
        changed("billing.checkouts", {"id": "chk_1"}, state="unknown"),
        changed("billing.webhook_notices", {"due_at": None}, due_at=1),
        more("workers.idempotency_keys", {"scope": "com_a", "state": "running"}),
        more("billing.failed_events", {"event_id": "evt_5", "handler": "billing.on_x", "state": "retry"}),
        lambda right: replace(right, queues={"evt-billing-payment.received": 2}),
    ],
)
def test_what_is_under_way_is_waited_for(under_way: Change) -> None:
    assert len(unfinished(under_way(RIGHT))) == 1


def test_an_order_that_nobody_paid_is_not_waited_for() -> None:
    assert unfinished(more("billing.checkouts", OPEN)(RIGHT)) == []

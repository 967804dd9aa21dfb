"""Purging what has served its time: published events, claims, keys, parked events (S65)."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete

from actiontrac import clock
from actiontrac.storage.store import Store

PUBLISHED_DAYS = 3
#: Longer than any message can wait, so that nothing is handled anew after its claim is gone.
CLAIM_DAYS = 30
KEY_DAYS = 30
#: Keys that the chassis made for single calls: nobody repeats those after a day.
CALL_KEY_DAYS = 1


def purge(store: Store, dead_letter_days: float) -> dict[str, int]:
    """
    Delete the rows of the chassis' tables that are older than their retention.

    Events that could not be handled go after ``dead_letter_days``, unless they are still tried again.
    Safe to repeat and to run on every replica; returns how many of each went.
    """
    base = store.base
    by_machine, by_product = clock.machine_now(), clock.now()
    key = base.IdempotencyKey
    purged: dict[str, Any] = {
        "outbox": delete(base.Outbox).where(base.Outbox.published_at < by_product - timedelta(days=PUBLISHED_DAYS)),
        "inbox": delete(base.Inbox).where(base.Inbox.claimed_at < by_machine - timedelta(days=CLAIM_DAYS)),
        "idempotency_keys": delete(key).where(
            (key.created_at < by_product - timedelta(days=KEY_DAYS))
            | (key.key.like("call:%") & (key.created_at < by_product - timedelta(days=CALL_KEY_DAYS)))
        ),
        "failed_events": delete(base.FailedEvent).where(
            base.FailedEvent.state == "dead",
            base.FailedEvent.first_failed_at < by_product - timedelta(days=dead_letter_days),
        ),
    }
    return {name: store.session.execute(statement).rowcount for name, statement in purged.items()}  # type: ignore[attr-defined]

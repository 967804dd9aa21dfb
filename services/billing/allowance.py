"""
What a company may do with its workers, told to the workers service ahead of time (B12, B16, B17; ADR 10).

Billing decides the terms and the dates; who is over a limit, and since when, is known
where workers are added. An allowance is told when it differs from what was told last.
"""

import dataclasses
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

import orjson

from actiontrac.contracts.billing import AllowanceChanged
from services.billing.life import Facts, read_only_from
from services.billing.models import Plan, Subscription
from services.billing.plans import parse
from services.billing.policies import OVER_LIMIT_DAYS
from services.billing.repository import BillingStore

if TYPE_CHECKING:
    from services.billing.standing import Terms


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """The fields of ``AllowanceChanged`` that say what is allowed; see there."""

    plan: str = ""
    worker_limit: int = 0
    grace_days: int = 0
    terms: str = ""
    next_on: str = ""
    next_plan: str = ""
    next_limit: int = 0
    next_terms: str = ""
    read_only_on: str = ""
    read_only_after: str = ""
    larger_plans: tuple[str, ...] = ()


def grace_days(terms: "Terms") -> int:
    """A trial has none: nobody who paid nothing is owed more."""
    return 0 if terms.tried else OVER_LIMIT_DAYS


def allowance_of(
    store: BillingStore, facts: Facts, today: date, now: "Terms | None", following: "Terms | None"
) -> Allowance:
    first_day, after = read_only_from(facts, today)
    allowed = Allowance(
        read_only_on=first_day.isoformat() if first_day else "",
        read_only_after="membership" if after is None and first_day else after or "",
    )
    if now is not None:
        allowed = dataclasses.replace(
            allowed,
            plan=_name(store, now),
            worker_limit=now.worker_limit,
            grace_days=grace_days(now),
            terms=now.key,
            larger_plans=tuple(
                f"{plan.worker_limit} {plan.name}"
                for plan in _plans_on_sale(store)
                if plan.worker_limit > now.worker_limit
            ),
        )
    if following is not None:
        allowed = dataclasses.replace(
            allowed,
            next_on=following.starts_on.isoformat(),
            next_plan=_name(store, following),
            next_limit=following.worker_limit,
            next_terms=following.key,
        )
    return allowed


def tell(store: BillingStore, life: Subscription, allowed: Allowance) -> bool:
    """Publish what is allowed if that is news; ``life`` is locked. Whether other terms hold now."""
    kept = orjson.dumps(dataclasses.asdict(allowed), option=orjson.OPT_SORT_KEYS).decode()
    if kept == life.allowance or (life.allowance is None and allowed == Allowance()):
        return False
    before = orjson.loads(life.allowance)["terms"] if life.allowance else ""
    life.allowance, life.allowance_version = kept, life.allowance_version + 1
    fields = {**dataclasses.asdict(allowed), "larger_plans": list(allowed.larger_plans)}
    store.publish(AllowanceChanged(company_id=store.company_id, version=life.allowance_version, **fields))
    return bool(before != allowed.terms)


def _plans_on_sale(store: BillingStore) -> list[Plan]:
    """What can be bought, as it was applied last; smallest first."""
    applied = store.applied_file("plans")
    return store.plans(_versions(applied.content)) if applied is not None else []


@cache
def _versions(text: str) -> list[tuple[str, int]]:
    return parse(text, "plans that were applied").versions


def _name(store: BillingStore, terms: "Terms") -> str:
    bought = store.plans([(terms.plan, terms.version)])
    return bought[0].name if bought else terms.plan

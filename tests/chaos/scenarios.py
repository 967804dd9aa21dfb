"""Every scenario of the enumeration: which point, in which story, at which pass, by which method."""

import os
from typing import Any

from tests.chaos import contractor_stories, mailing_stories, people_stories, stories
from tests.chaos.scene import Scenario

METHODS = ("card", "paypal")
BOTH_SIDES = ("before_provider", "after_provider")
ALL = os.environ.get("CHAOS_ALL") == "1"

Story = Any


def _scenario(point: str, story: Story, **options: Any) -> Scenario:
    given: dict[str, Any] = {"method": options.pop("method")} if "method" in options else {}
    return Scenario(point, story, given=given, **options)


def money() -> list[Scenario]:
    """Points between us and a processor: both sides, first and second pass, both methods, every way to settle."""
    found = []
    for method in METHODS:
        for side in BOTH_SIDES:
            found += [
                _scenario(f"billing.checkout.{side}", stories.settled_by_the_return, method=method),
                _scenario(f"billing.checkout.{side}:2", stories.second_checkout, method=method),
                _scenario(f"billing.settle.{side}", stories.settled_by_the_return, method=method),
                _scenario(f"billing.settle.{side}:2", stories.paid_at_the_second_try, method=method),
                _scenario(f"billing.refund.{side}", stories.refund, method=method),
                _scenario(f"billing.refund.{side}:2", stories.refund_in_parts, method=method),
                _scenario(f"billing.resume.{side}", stories.interrupted_start, method=method),
            ]
        found += [
            _scenario("billing.settle.after_provider", stories.settled_by_a_webhook, method=method),
            _scenario("billing.settle.after_provider", stories.settled_by_the_reconciler, method=method),
            _scenario("billing.resume.after_provider", stories.interrupted_start_twice, method=method),
        ]
        for point in ("after_commit", "before_settle", "after_settle"):
            found.append(_scenario(f"billing.webhook.{point}", stories.settled_by_a_webhook, method=method))
        found.append(_scenario("billing.webhook.after_settle:2", stories.purchase, method=method))
        found += [
            _scenario("billing.aftermath.before_record", stories.refund_by_hand, method=method),
            _scenario("billing.aftermath.between_records", stories.lost_dispute, method=method),
        ]
    return found


def sellers() -> list[Scenario]:
    """A contractor's bill goes the same way as a year: both sides of every call to a processor, both methods."""
    found = [_scenario(f"billing.connect.{side}", contractor_stories.connecting) for side in BOTH_SIDES]
    for method in METHODS:
        for side in BOTH_SIDES:
            found += [
                _scenario(f"billing.checkout.{side}", contractor_stories.bill_paid, method=method),
                _scenario(f"billing.settle.{side}", contractor_stories.bill_paid, method=method),
                _scenario(f"billing.refund.{side}", contractor_stories.bill_refunded, method=method),
            ]
        found.append(_scenario("billing.settle.after_provider", contractor_stories.bill_paid_unseen, method=method))
        found.append(_scenario("billing.webhook.after_commit", contractor_stories.bill_paid_unseen, method=method))
    return found


def people() -> list[Scenario]:
    return [
        _scenario("accounts.register.between", people_stories.registration),
        _scenario("accounts.verify.between", people_stories.registration),
        _scenario("accounts.sign_in.counted", people_stories.signing_in),
        _scenario("accounts.sign_in.checked", people_stories.signing_in),
        _scenario("accounts.password.checked", people_stories.password_change),
        _scenario("accounts.reset.between", people_stories.password_reset),
        _scenario("accounts.accept_invitation.between", people_stories.invitation),
        _scenario("accounts.remove_member.between", people_stories.removal),
        _scenario("workers.reminders.after_one", people_stories.reminder),
        _scenario("billing.reminders.after_claim", people_stories.trial),
        _scenario("workers.sweep.after_finding", people_stories.nightly_sweep, slow=True),
        _scenario("accounts.purge.between", people_stories.purge, slow=True),
    ]


def mails() -> list[Scenario]:
    """By category, because they differ in what a crash may do; each waits for a lease."""
    found = [
        _scenario(f"mail.{point}", story, slow=True, **given)
        for point in ("before_transport", "after_transport")
        for story, given in (
            (stories.purchase, {"method": "card"}),
            (people_stories.security_mail, {}),
            (mailing_stories.campaign, {}),
        )
    ]
    return [
        *found,
        _scenario("mail.after_claim", stories.purchase, method="paypal", slow=True),
        _scenario("mail.after_transport:2", stories.purchase, method="paypal", slow=True),
        _scenario("mail.campaign_page", mailing_stories.campaign, slow=True),
    ]


def commits() -> list[Scenario]:
    """A purchase, cut at its commits and events one after the other."""
    found = [
        _scenario(f"store.before_commit:{number}", stories.purchase, method="paypal") for number in (1, 2, 3, 5, 7, 9)
    ]
    found += [
        _scenario(f"store.after_commit:{number}", stories.purchase, method="card") for number in (1, 2, 4, 6, 8, 10)
    ]
    for number in (1, 2):
        found += [
            _scenario(f"relay.before_publish:{number}", stories.purchase, method="card"),
            _scenario(f"relay.before_mark:{number}", stories.purchase, method="paypal"),
            _scenario(f"event.before_handler:{number}", stories.purchase, method="card"),
            _scenario(f"event.before_ack:{number}", stories.purchase, method="paypal"),
        ]
    found.append(_scenario("store.after_commit", people_stories.registration))
    found.append(_scenario("event.before_ack", people_stories.hiring))
    return found


def full() -> list[Scenario]:
    """One process of several ends, and the supervisor starts it again."""
    chosen: list[tuple[str, str, Story, dict[str, Any]]] = [
        ("billing", "billing.checkout.after_provider", stories.settled_by_the_return, {"method": "card"}),
        ("billing", "billing.settle.after_provider", stories.settled_by_the_return, {"method": "paypal"}),
        ("billing", "billing.webhook.after_commit", stories.settled_by_a_webhook, {"method": "card"}),
        ("billing-relay", "relay.before_mark", stories.purchase, {"method": "paypal"}),
        ("notifications", "event.before_ack", stories.purchase, {"method": "card"}),
        ("notifications", "mail.after_transport", stories.purchase, {"method": "paypal"}),
    ]
    return [_scenario(point, story, mode="full", process=process, **given) for process, point, story, given in chosen]


def default() -> list[Scenario]:
    """What every run of the tests plays."""
    found = [*mails(), *people(), *money(), *sellers(), *commits()]
    return [*sorted(found, key=lambda scenario: not scenario.slow), *full()]


# The exhaustive enumeration

#: More passes than any of the stories has: what is beyond its end is played to its end without a cut.
SCANNED = {
    "store.before_commit": 26,
    "store.after_commit": 26,
    "relay.before_publish": 4,
    "relay.before_mark": 4,
    "event.before_handler": 3,
    "event.before_ack": 3,
}
CHASSIS = tuple(f"{name}:{number}" for name, passes in SCANNED.items() for number in range(1, passes + 1))

#: Whose process a point of the main job lies in.
PROCESSES = {"billing": "billing", "accounts": "accounts", "workers": "workers", "mail": "notifications"}
#: Which of the chassis' points lie in a process, and what makes it pass them.
IN_FULL: tuple[tuple[str, tuple[str, ...], Story, dict[str, Any]], ...] = (
    ("accounts", ("store.",), people_stories.registration, {}),
    ("accounts-relay", ("relay.",), people_stories.registration, {}),
    ("workers", ("store.",), people_stories.hiring, {}),
    ("workers-relay", ("relay.",), people_stories.hiring, {}),
    ("billing", ("store.",), stories.purchase, {"method": "paypal"}),
    ("billing", ("event.",), people_stories.hiring, {}),
    ("billing-relay", ("relay.",), stories.purchase, {"method": "card"}),
    ("notifications", ("store.", "event."), stories.purchase, {"method": "card"}),
)


def more_money() -> list[Scenario]:
    """Every way to settle by every method, and further passes of the webhooks'."""
    found = []
    for method in METHODS:
        for story in (stories.settled_by_a_webhook, stories.settled_by_the_reconciler):
            found.append(_scenario("billing.settle.before_provider", story, method=method))
        for point in ("after_commit", "before_settle", "after_settle"):
            found += [
                _scenario(
                    f"billing.webhook.{point}:{number}", stories.settled_by_a_webhook, method=method, certain=False
                )
                for number in (2, 3, 4)
            ]
        found.append(_scenario("billing.resume.before_provider", stories.interrupted_start_twice, method=method))
        for side in BOTH_SIDES:
            found.append(_scenario(f"billing.refund.{side}", stories.refund_in_parts, method=method, certain=False))
    return found


def more_mails() -> list[Scenario]:
    return [
        _scenario(f"mail.{point}:{number}", story, slow=True, certain=False, **given)
        for point in ("after_claim", "before_transport", "after_transport")
        for number in (1, 2, 3)
        for story, given in (
            (stories.purchase, {"method": "paypal"}),
            (people_stories.security_mail, {}),
            (mailing_stories.campaign, {}),
        )
    ]


def scans() -> list[Scenario]:
    """Every flow cut at each of its commits and events, one after the other."""
    flows: list[tuple[Story, dict[str, Any], int]] = [
        (stories.purchase, {"method": "card"}, 26),
        (stories.purchase, {"method": "paypal"}, 26),
        (stories.refund, {"method": "paypal"}, 14),
        (people_stories.registration, {}, 12),
        (people_stories.invitation, {}, 14),
        (people_stories.password_reset, {}, 10),
        (people_stories.hiring, {}, 12),
    ]
    return [
        _scenario(point, story, certain=False, **given)
        for story, given, most in flows
        for point in CHASSIS
        if int(point.partition(":")[2]) <= most
    ]


def everything_in_full() -> list[Scenario]:
    """Every point in the process that it lies in, and the chassis' points in each process."""
    own = [
        _scenario(
            scenario.point,
            scenario.story,
            mode="full",
            process=PROCESSES[scenario.point.partition(".")[0]],
            slow=scenario.slow,
            certain=scenario.certain,
            **scenario.given,
        )
        for scenario in [*mails(), *people(), *money(), *sellers()]
    ]
    chassis = [
        _scenario(point, story, mode="full", process=process, certain=False, **given)
        for process, names, story, given in IN_FULL
        for point in CHASSIS
        if point.startswith(names) and int(point.partition(":")[2]) <= 10
    ]
    return [*own, *chassis]


def everything() -> list[Scenario]:
    """``CHAOS_ALL=1``."""
    embedded = [*mails(), *people(), *money(), *sellers(), *commits(), *more_money(), *more_mails(), *scans()]
    found = [*sorted(embedded, key=lambda scenario: not scenario.slow), *full(), *everything_in_full()]
    unique: dict[str, Scenario] = {}
    for scenario in found:
        # Some are in two lists; the more demanding one comes first and stays.
        unique.setdefault(str(scenario), scenario)
    return list(unique.values())


def played() -> list[Scenario]:
    return everything() if ALL else default()

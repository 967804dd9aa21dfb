"""Every scenario of the enumeration: which point, in which story, at which pass, by which method."""

import os
from typing import Any

from tests.chaos import mailing_stories, people_stories, stories
from tests.chaos.scene import Scenario

METHODS = ("card", "paypal")
BOTH_SIDES = ("before_provider", "after_provider")
ALL = os.environ.get("CHAOS_ALL") == "1"

Story = Any


def _scenario(point: str, story: Story, **options: Any) -> Scenario:
    given = {name: options.pop(name) for name in ("method", "kind", "operation") if name in options}
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
    found = [*mails(), *people(), *money(), *commits()]
    return [*sorted(found, key=lambda scenario: not scenario.slow), *full()]

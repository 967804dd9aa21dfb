"""A processor that does what it was asked and does not say so (A4), and its webhooks on a bad day (A8)."""

import pytest

from tests.chaos import lost_stories
from tests.chaos.scene import Scenario
from tests.chaos.theatre import Theatre

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

METHODS = ("card", "paypal")
KINDS = ("error_after", "timeout_after", "reset_after")

ANSWERS = [
    Scenario("", story, given={"method": method, "kind": kind})
    for story in (
        lost_stories.lost_start, lost_stories.lost_capture, lost_stories.lost_refund,
        lost_stories.lost_refund_that_a_webhook_tells,
    )
    for method in METHODS
    for kind in KINDS
]
WEBHOOKS = [
    Scenario("", story, given={"method": method})
    for story in (
        lost_stories.webhooks_three_times,
        lost_stories.webhooks_in_reverse,
        lost_stories.webhooks_dropped,
        lost_stories.webhooks_after_the_refund,
    )
    for method in METHODS
]


@pytest.mark.parametrize("scenario", ANSWERS, ids=str)
def test_money_moves_once_though_the_answer_is_lost(scenario: Scenario, theatre: Theatre) -> None:
    theatre.outcome(scenario)


@pytest.mark.parametrize("scenario", WEBHOOKS, ids=str)
def test_one_subscription_however_webhooks_come(scenario: Scenario, theatre: Theatre) -> None:
    theatre.outcome(scenario)

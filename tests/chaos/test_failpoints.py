"""Every failpoint of the main job: the process ends there, and afterwards it is all or nothing (A3)."""

import pytest

from tests.chaos import scenarios
from tests.chaos.scene import Scenario
from tests.chaos.theatre import Theatre

#: One waits for its own scenario only, but the first one also for the start of the products.
pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

PLAYED = [
    pytest.param(scenario, id=str(scenario), marks=[pytest.mark.full] if scenario.mode == "full" else [])
    for scenario in scenarios.played()
]


@pytest.mark.parametrize("scenario", PLAYED)
def test_everything_converges_after_an_end_at(scenario: Scenario, theatre: Theatre) -> None:
    theatre.outcome(scenario)

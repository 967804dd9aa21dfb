"""Every failpoint of the main job: the process ends there, and afterwards it is all or nothing (A3)."""

from pathlib import Path

import pytest
import requests

from actiontrac.demo.client import Customer
from actiontrac.failpoints import EXIT_CODE
from tests.chaos import scenarios
from tests.chaos.scene import Scenario
from tests.chaos.theatre import Theatre
from tests.stack import embedded_product

#: One waits for its own scenario only, but the first one also for the start of the products.
pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

PLAYED = [
    pytest.param(scenario, id=str(scenario), marks=[pytest.mark.full] if scenario.mode == "full" else [])
    for scenario in scenarios.played()
]


@pytest.mark.parametrize("scenario", PLAYED)
def test_everything_converges_after_an_end_at(scenario: Scenario, theatre: Theatre) -> None:
    theatre.outcome(scenario)


def test_a_point_named_at_the_start_ends_the_process_and_a_plain_start_goes_on(tmp_path: Path) -> None:
    """As an operator or a debugger would do it: a whole start of the program, before and after."""
    product = embedded_product(tmp_path)
    product.start(ACTIONTRAC_FAILPOINT="accounts.sign_in.checked")
    owner = Customer(product.url)
    owner.register()
    owner.verify()
    with pytest.raises(requests.RequestException):
        owner.sign_in()
    assert product.wait_ended() == EXIT_CODE

    product.start()
    try:
        owner.sign_in()
        assert owner.http.json("GET", "/v1/me")["user_id"] == owner.name
    finally:
        assert product.stop() == 0

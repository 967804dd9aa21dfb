"""The last look of all: what had converged is still so when the product has run on for two hours."""

import pytest

from tests.chaos.theatre import Theatre


@pytest.mark.timeout(240)
@pytest.mark.slow
def test_two_hours_later_nobody_was_charged_or_mailed_again(theatre: Theatre) -> None:
    assert theatre.afterwards() == []

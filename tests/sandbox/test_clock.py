"""The calendar can be looked at and moved, by people and by tests."""

import pytest

from actiontrac import clock
from tests.sandbox.world import World


class TestClock:
    def test_tells_the_time_and_how_far_ahead_it_is(self, world: World) -> None:
        found = world.get("/clock").json()

        assert found["offset_seconds"] == 0
        assert abs((clock.parse(found["now"]) - clock.now()).total_seconds()) < 5

    def test_moves_everybody_forward(self, world: World) -> None:
        before = clock.now()

        answer = world.post("/clock", json={"advance": "30d"})

        assert answer.json()["offset_seconds"] == 30 * 86400
        assert (clock.now() - before).days == 30

    def test_moves_from_the_page(self, world: World) -> None:
        answer = world.post("/clock", data={"advance": "12h"})

        assert (answer.status_code, answer.headers["Location"]) == (303, "clock")
        assert clock.offset_seconds() == 12 * 3600

    @pytest.mark.parametrize("wrong", ["", "soon", "-3d", "1y", "99999999d", None, 5])
    def test_refuses_what_is_no_duration(self, world: World, wrong: object) -> None:
        assert world.post("/clock", json={"advance": wrong}).status_code == 400
        assert clock.offset_seconds() == 0

    def test_has_a_page_for_browsers(self, world: World) -> None:
        page = world.get("/clock", headers={"Accept": "text/html,*/*;q=0.8"})

        assert page.headers["Content-Type"].startswith("text/html")
        assert "UTC" in page.text

"""W12 to W14: the org chart, positions that nobody holds, and what everybody was on any day."""

import xml.etree.ElementTree as xml
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actiontrac import clock, forbidden
from actiontrac.contracts.worker_chart import ChartTooLarge, TooManyVacancies, VacancyNotFound
from actiontrac.contracts.workers import WorkerNotFound
from actiontrac.errors import Invalid
from actiontrac.testing import as_request
from services.workers.orgchart import svg
from services.workers.orgchart.tree import Place, chart_of
from services.workers.service import WorkersService
from tests.workers.company import Company

CARD = "4111 1111 1111 1111"
SVG = "{http://www.w3.org/2000/svg}"


def day(ahead: int) -> str:
    return (clock.today() + timedelta(days=ahead)).isoformat()


def outline(company: Company, **query: Any) -> list[str]:
    return ["  " * node["level"] + node["name"] for node in company.chart(**query)["nodes"]]


@pytest.fixture
def team(acme: Company) -> dict[str, Any]:
    ada = acme.create(first_name="Ada", last_name="A", department="Office")
    bob = acme.create(first_name="Bob", last_name="B", manager_id=ada["id"], department="Hall", title="Lead")
    cleo = acme.create(first_name="Cleo", last_name="C", manager_id=bob["id"], department="Hall")
    dan = acme.create(first_name="Dan", last_name="D", manager_id=ada["id"])
    eve = acme.create(first_name="Eve", last_name="E")
    return {"ada": ada, "bob": bob, "cleo": cleo, "dan": dan, "eve": eve}


class TestChart:
    def test_shows_everybody_below_their_manager_and_several_at_the_top(
        self, acme: Company, team: dict[str, Any]
    ) -> None:
        assert outline(acme) == ["Ada A", "  Bob B", "    Cleo C", "  Dan D", "Eve E"]
        found = acme.chart()
        assert found["on"] == day(0)
        assert [node["reports"] for node in found["nodes"]] == [2, 1, 0, 0, 0]
        assert found["departments"] == [
            {"name": "Hall", "workers": 2}, {"name": "Office", "workers": 1}, {"name": None, "workers": 2},
        ]  # fmt: skip

    def test_shows_a_part(self, acme: Company, team: dict[str, Any]) -> None:
        assert outline(acme, root_id=team["bob"]["id"]) == ["Bob B", "  Cleo C"]
        assert outline(acme, depth=1) == ["Ada A", "Eve E"]
        assert outline(acme, department="HALL") == ["Bob B", "  Cleo C"]
        assert not any(node["orphan"] for node in acme.chart(department="Hall")["nodes"])
        with pytest.raises(WorkerNotFound):
            acme.chart(root_id="wrk_nobody")

    def test_leaves_out_who_is_not_managed(self, acme: Company, team: dict[str, Any]) -> None:
        acme.archive(team["cleo"])
        acme.change(team["dan"], status="suspended")

        assert outline(acme) == ["Ada A", "  Bob B", "  Dan D", "Eve E"]

    def test_shows_orphans_at_the_top(self, acme: Company, team: dict[str, Any]) -> None:
        acme.plant(team["bob"], status="left")

        assert outline(acme) == ["Ada A", "  Dan D", "Cleo C", "Eve E"]
        assert [node["name"] for node in acme.chart()["nodes"] if node["orphan"]] == ["Cleo C"]

    def test_shows_vacant_positions_where_they_belong(self, acme: Company, team: dict[str, Any]) -> None:
        vacancy = acme.vacancy(title="Welder", department="Hall", manager_id=team["bob"]["id"])

        assert outline(acme, root_id=team["bob"]["id"]) == ["Bob B", "  Cleo C", "  Vacant"]
        assert {"name": "Hall", "workers": 2} in acme.chart()["departments"]
        assert acme.count()["managed"] == 5
        as_request()
        acme.service.delete_vacancy(company_id=acme.id, vacancy_id=vacancy["id"])
        assert outline(acme, root_id=team["bob"]["id"]) == ["Bob B", "  Cleo C"]

    def test_vacant_positions_have_rules(self, acme: Company, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(Invalid):
            acme.vacancy(manager_id="wrk_nobody")
        with pytest.raises(forbidden.ForbiddenData):
            acme.vacancy(title=CARD)
        acme.vacancy()
        monkeypatch.setattr("actiontrac.contracts.worker_chart.VACANCIES", 1)
        with pytest.raises(TooManyVacancies):
            acme.vacancy()
        with pytest.raises(VacancyNotFound):
            acme.service.delete_vacancy(company_id=acme.id, vacancy_id="vac_none\0")

    def test_that_is_too_large_says_how_to_ask_for_less(
        self, acme: Company, team: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("actiontrac.contracts.worker_chart.CHART_NODES", 4)

        with pytest.raises(ChartTooLarge, match="depth"):
            acme.chart()
        assert len(acme.chart(depth=2)["nodes"]) == 4

    @settings(max_examples=150, deadline=None)
    @given(
        st.lists(st.one_of(st.none(), st.integers(0, 14)), max_size=12),
        st.one_of(st.none(), st.integers(1, 4)),
    )
    def test_shows_each_exactly_once_whatever_the_managers_are(
        self, managers: list[int | None], depth: int | None
    ) -> None:
        # Rings and managers who are gone among them, as dates that were set back can make them.
        places = [
            Place(id=str(own), name=f"N{own}", manager_id=None if manager is None else str(manager))
            for own, manager in enumerate(managers)
        ]
        nodes = chart_of(places, everybody=frozenset(place.id for place in places))
        seen: set[str] = set()
        for node in nodes:
            assert node["parent_id"] is None or node["parent_id"] in seen
            seen.add(node["id"])
        assert len(nodes) == len(places) == len(seen)
        cut = chart_of(places, everybody=frozenset(seen), depth=depth)
        assert [node["id"] for node in cut] == [
            node["id"] for node in nodes if depth is None or node["level"] < depth
        ]
        _check_picture(svg.drawn(nodes, title="All", show="title"), len(nodes))


class TestPicture:
    def test_names_everybody_and_marks_vacant_positions(
        self, service: WorkersService, acme: Company, team: dict[str, Any]
    ) -> None:
        acme.vacancy(title="Welder", manager_id=team["ada"]["id"])
        picture = service.draw_org_chart(company_id=acme.id, query={"show": "department"})

        _check_picture(picture, 6)
        assert "stroke-dasharray" in picture
        assert all(f"{name} {name[0]}" in picture for name in ("Ada", "Bob", "Cleo", "Dan", "Eve"))

    def test_of_nobody_says_so(self, service: WorkersService, acme: Company) -> None:
        assert "Nobody is here." in service.draw_org_chart(company_id=acme.id, query={})

    def test_takes_no_name_for_markup(self, service: WorkersService, acme: Company) -> None:
        acme.create(first_name="<script>", last_name='" & \ufffe', department="<b>")
        picture = service.draw_org_chart(company_id=acme.id, query={})

        assert "<script" not in picture
        _check_picture(picture, 1)

    def test_goes_as_deep_as_a_company_does(self) -> None:
        places = [Place(id=f"{n:04}", name="N", manager_id=f"{n - 1:04}" if n else None) for n in range(3000)]
        nodes = chart_of(places, everybody=frozenset(place.id for place in places))

        assert nodes[-1]["level"] == 2999
        assert svg.drawn(nodes, title="Deep", show="title").count("<path") == 2999


def _check_picture(picture: str, people: int) -> None:
    """Well-formed, everything inside the picture, no box over another."""
    root = xml.fromstring(picture)
    width, height = int(root.attrib["width"]), int(root.attrib["height"])
    boxes = [
        (int(one.attrib["x"]), int(one.attrib["y"]))
        for one in root.iter(f"{SVG}rect")
        if one.attrib.get("rx") == "5"
    ]
    assert len(boxes) == people
    for x, y in boxes:
        assert 0 <= x <= width - svg.BOX_WIDTH
        assert 0 <= y <= height - svg.BOX_HEIGHT
    for position, (x, y) in enumerate(boxes):
        for other_x, other_y in boxes[position + 1 :]:
            assert abs(x - other_x) >= svg.BOX_WIDTH or abs(y - other_y) >= svg.BOX_HEIGHT


class TestPositions:
    def test_are_kept_with_their_days(self, acme: Company) -> None:
        worker = acme.create(title="Fitter", started_on=day(-400))
        acme.change(worker, title="Lead", effective_on=day(-100))
        acme.change(worker, department="Hall")
        acme.change(worker, department="Yard", notes="Moved twice on a day.")
        acme.change(worker, notes="No position changed.")

        found = [(one["effective_on"], one["until"], one["title"], one["department"]) for one in acme.positions(worker)]
        assert found == [
            (day(0), None, "Lead", "Yard"),
            (day(-100), day(0), "Lead", None),
            (day(-400), day(-100), "Fitter", None),
        ]

    def test_begin_today_where_the_start_is_still_to_come(self, acme: Company) -> None:
        assert acme.positions(acme.create(started_on=day(30)))[0]["effective_on"] == day(0)

    @pytest.mark.parametrize("ahead", [1, -11])
    def test_do_not_begin_in_the_future_nor_before_the_last(self, acme: Company, ahead: int) -> None:
        worker = acme.create(started_on=day(-10))

        with pytest.raises(Invalid) as error:
            acme.change(worker, title="Lead", effective_on=day(ahead))
        assert [problem["field"] for problem in error.value.fields] == ["effective_on"]
        assert acme.get(worker) == worker

    def test_show_the_chart_as_it_was(self, acme: Company, team: dict[str, Any]) -> None:
        before = outline(acme)
        clock.advance(86400 * 10)
        acme.change(team["bob"], manager_id=None, title="Chief")
        acme.change(team["ada"], manager_id=team["bob"]["id"])
        acme.change(team["cleo"], status="left")
        clock.advance(86400 * 10)
        late = acme.create(first_name="Zoe", last_name="Z")

        assert outline(acme, on=day(-20)) == before
        assert outline(acme, on=day(-10)) == ["Bob B", "  Ada A", "    Dan D", "Eve E"]
        assert outline(acme) == [*outline(acme, on=day(-1)), "Zoe Z"]
        assert outline(acme, on=day(-21)) == []
        assert acme.chart(on=day(-20))["nodes"][1]["title"] == "Lead"
        assert acme.positions(late)[0]["status"] == "active"
        with pytest.raises(Invalid):
            acme.chart(on=day(1))

    def test_come_with_a_file_too(self, acme: Company) -> None:
        acme.take("Number,Name,Title,Start\n1,Ada Byron,Fitter,2020-01-02")
        acme.take("Number,Name,Title\n1,Ada Byron,Lead")

        assert [one["title"] for one in acme.positions(acme.find()[0])] == ["Lead", "Fitter"]
        assert acme.chart(on=date(2020, 1, 2).isoformat())["nodes"][0]["title"] == "Fitter"

    def test_are_swept_with_the_rest(self, service: WorkersService, acme: Company) -> None:
        worker = acme.create()
        acme.change(worker, title="Fitter")
        with service.store(acme.id) as store:
            store.positions_of(worker["id"])[0].title = CARD
        acme.vacancy()

        assert service.sweep() | {"at": None} == {"checked": 2, "quarantined": 1, "at": None}
        assert service.sweep()["quarantined"] == 0

"""W06: found, filtered, arranged, and every page follows the last."""

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actiontrac.errors import Invalid
from actiontrac.ids import new_id
from services.workers import normal
from services.workers.service import WorkersService
from tests.workers.company import Company

SORTS = ["name", "worker_number", "created_at", "started_on"]
BOTH_WAYS = [*SORTS, *(f"-{sort}" for sort in SORTS)]


@pytest.fixture
def staff(acme: Company) -> Company:
    acme.create(first_name="Zoë", last_name="Müller", worker_number="W-2", title="Welder", department="Body Shop")
    acme.create(first_name="José", last_name="Åkesson", worker_number="W-10", site="Zürich", kind="temp")
    night = ["Night Shift"]
    acme.create(first_name="ann", last_name="O'Neill", worker_number="w-1", tags=night, started_on="2026-01-05")
    acme.create(first_name="Łukasz", last_name="Øst", worker_number="100%", status="suspended", started_on="2025-01-05")
    return acme


class TestSearch:
    @pytest.mark.parametrize(
        ("words", "found"),
        [
            ("muller", ["W-2"]),
            ("ZOE mul", ["W-2"]),
            ("Müller zoë", ["W-2"]),
            ("welder body", ["W-2"]),
            ("zurich", ["W-10"]),
            ("akesson JOSE", ["W-10"]),
            ("lukasz", ["100%"]),
            ("ost", ["100%"]),
            ("night", ["w-1"]),
            ("o'neill", ["w-1"]),
            ("w-1", ["W-10", "w-1"]),
            ("%", ["100%"]),
            ("_", []),
            ("\\", []),
            ("muller akesson", []),
        ],
    )
    def test_finds_by_all_words_without_capitals_and_accents(
        self, staff: Company, words: str, found: list[str]
    ) -> None:
        assert staff.numbers(search=words) == found

    def test_follows_a_change(self, staff: Company) -> None:
        worker = staff.find(search="muller")[0]

        staff.change(worker, last_name="Schmidt", tags=["blue"])

        assert staff.numbers(search="muller") == []
        assert staff.numbers(search="schmidt blue") == ["W-2"]

    def test_does_not_look_into_what_is_sealed(self, acme: Company) -> None:
        acme.create(notes="confidential", work_email="secret@example.com", work_phone="555 0100")

        assert acme.numbers(search="confidential") == []
        assert acme.numbers(search="secret") == []

    @given(text=st.text(max_size=30))
    def test_compares_text_in_one_normal_form(self, text: str) -> None:
        once = normal.normalised(text)

        assert normal.normalised(once) == once
        assert normal.normalised(f"  {text}\t") == once


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"status": "suspended"}, ["100%"]),
            ({"kind": "temp"}, ["W-10"]),
            ({"department": "body shop"}, ["W-2"]),
            ({"department": "body"}, []),
            ({"site": "ZURICH"}, ["W-10"]),
            ({"tag": "night shift"}, ["w-1"]),
            ({"tag": "night"}, []),
            ({"status": "active", "kind": "employee", "search": "o"}, ["W-2", "w-1"]),
            ({"manager_id": "wrk_nobody"}, []),
        ],
    )
    def test_narrow_the_list(self, staff: Company, query: dict[str, str], found: list[str]) -> None:
        assert staff.numbers(**query) == found

    def test_find_who_reports_to_somebody(self, staff: Company) -> None:
        chief = staff.create(worker_number="C")
        staff.create(worker_number="R", manager_id=chief["id"])

        assert staff.numbers(manager_id=chief["id"]) == ["R"]

    @pytest.mark.parametrize(
        "query", [{"sort": "salary"}, {"limit": 0}, {"limit": 201}, {"status": "gone"}, {"colour": "red"}]
    )
    def test_refuse_what_they_do_not_know(self, acme: Company, query: dict[str, object]) -> None:
        with pytest.raises(Invalid) as error:
            acme.find(**query)

        assert error.value.fields[0]["field"] in query


class TestOrder:
    def test_by_name_is_by_last_name_without_capitals_and_accents(self, staff: Company) -> None:
        assert [worker["last_name"] for worker in staff.find()] == ["Åkesson", "Müller", "O'Neill", "Øst"]

    def test_by_number_is_as_people_count(self, staff: Company) -> None:
        assert staff.numbers(sort="worker_number") == ["100%", "w-1", "W-2", "W-10"]

    def test_by_start_puts_those_without_one_before_all_others(self, staff: Company) -> None:
        assert staff.numbers(sort="started_on")[2:] == ["100%", "w-1"]
        assert staff.numbers(sort="-started_on")[:2] == ["w-1", "100%"]

    @pytest.mark.parametrize("sort", SORTS)
    def test_backwards_is_the_other_way_round(self, staff: Company, sort: str) -> None:
        assert staff.numbers(sort=f"-{sort}") == list(reversed(staff.numbers(sort=sort)))


class TestPages:
    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        sort=st.sampled_from(BOTH_WAYS),
        limit=st.integers(1, 4),
        names=st.lists(st.text("aAbÄ", min_size=1, max_size=2), min_size=1, max_size=8),
        newcomers=st.lists(st.text("aAbÄ", min_size=1, max_size=2), min_size=8, max_size=8),
    )
    def test_show_each_worker_exactly_once_while_others_are_added(
        self, service: WorkersService, sort: str, limit: int, names: list[str], newcomers: list[str]
    ) -> None:
        company = Company(service, new_id("com"))
        there = {company.create(last_name=name, started_on="2026-01-01")["id"] for name in names}
        seen: list[str] = []
        cursor, pages = None, 0

        while True:
            query = {"sort": sort, "limit": limit, "cursor": cursor}
            page = service.list_workers(company_id=company.id, query=query)
            seen += [worker["id"] for worker in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
            if pages < len(newcomers):
                company.create(last_name=newcomers[pages])
            pages += 1

        assert len(seen) == len(set(seen))
        assert there <= set(seen)

    def test_go_on_behind_a_worker_who_is_gone(self, staff: Company) -> None:
        first = staff.service.list_workers(company_id=staff.id, query={"limit": 1, "status": "active"})
        staff.archive(first["items"][0])

        rest = staff.service.list_workers(
            company_id=staff.id, query={"limit": 9, "status": "active", "cursor": first["next_cursor"]}
        )

        assert [worker["worker_number"] for worker in rest["items"]] == ["W-2", "w-1"]

    def test_take_the_longest_names(self, acme: Company) -> None:
        for number in range(3):
            acme.create(first_name="漢" * 80, last_name="ﷺ" * 80, worker_number=f"{number}" + "ß" * 39)

        assert len(acme.find(limit=1)) == 3
        assert len(acme.find(limit=1, sort="worker_number")) == 3

    @pytest.mark.parametrize("cursor", ["x", "0", "é", "====", base64.b64encode(b"0" * 60).decode(), "a" * 2000])
    def test_refuse_a_cursor_that_is_none(self, staff: Company, cursor: str) -> None:
        with pytest.raises(Invalid) as error:
            staff.service.list_workers(company_id=staff.id, query={"cursor": cursor})

        assert [problem["field"] for problem in error.value.fields] == ["cursor"]

    def test_refuse_a_cursor_of_another_order_or_company(self, staff: Company, rival: Company) -> None:
        page = staff.service.list_workers(company_id=staff.id, query={"limit": 1})

        for company, sort in ((staff, "-name"), (rival, "name")):
            with pytest.raises(Invalid) as error:
                company.service.list_workers(
                    company_id=company.id, query={"cursor": page["next_cursor"], "sort": sort}
                )
            assert [problem["field"] for problem in error.value.fields] == ["cursor"]

    def test_have_cursors_that_tell_nobody_a_name(self, staff: Company) -> None:
        page = staff.service.list_workers(company_id=staff.id, query={"limit": 2})
        cursor = page["next_cursor"] or ""

        assert b"muller" not in base64.urlsafe_b64decode(cursor + "===").lower()

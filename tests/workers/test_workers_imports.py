"""W09: files of workers are taken as people keep them, row by row, and twice is as good as once."""

import contextlib
import sqlite3
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from actiontrac.contracts.workers import ImportNotFound
from actiontrac.errors import Invalid
from actiontrac.ids import new_id
from services.workers.imports import dates
from services.workers.imports.columns import FIELDS, guess, guess_all
from services.workers.service import WorkersService
from tests.workers.company import Company

MESSY = (
    "\ufeffEmployee ID;SURNAME;Given name ;E-Mail Address;Mobile;Job Title;Dept.;Location;Contract type;Status;"
    "Hire Date;Labels;Comments;Shoe size\r\n"
    ' E-001 ;Müller; Zoë ;zoe@example.com;+49 170 555;Welder;"Body; paint";Plant 2;Full-time;Active;31/01/2024;'
    "a, b;\"Two\r\nlines\";43\r\n"
    ";;;;;;;;;;;;;\r\n"
    '="0002";O\'Neill;Ann;;;;;;Freelancer;On leave;01/02/2024;;"She said ""hi""";\r\n'
    "E-003;Åkesson;José;jose@example;;;;;;;;;;\r\n"
    "E-004;;Max;;;;;;;;;;;\r\n"
    "E-005;Øst;Łukasz;;;;;;robot;;2024-13-45;;;\r\n"
    "e-001;Twin;Tom;;;;;;;;;;;\r\n"
)


def errors_of(result: Any) -> set[tuple[int, str]]:
    return {(error["row"], error["field"]) for error in result["errors"]}


class TestAMessyFile:
    def test_is_understood_as_far_as_it_can_be(self, acme: Company) -> None:
        result = acme.take(MESSY)

        assert result["status"] == "done"
        assert (result["rows"], result["created"], result["failed"]) == (6, 2, 4)
        assert result["ignored_columns"] == ["Shoe size"]
        assert errors_of(result) == {
            (5, "work_email"), (6, "last_name"), (7, "kind"), (7, "started_on"), (8, "worker_number"),
        }
        zoe = acme.find(search="zoe")[0]
        wanted = {
            "worker_number": "E-001", "last_name": "Müller", "work_email": "zoe@example.com",
            "work_phone": "+49 170 555",
            "title": "Welder", "department": "Body; paint", "site": "Plant 2", "kind": "employee", "status": "active",
            "started_on": "2024-01-31", "tags": ["a", "b"], "notes": "Two\r\nlines",
        }
        assert {name: zoe[name] for name in wanted} == wanted  # type: ignore[literal-required]
        ann = acme.find(search="ann")[0]
        assert (ann["worker_number"], ann["kind"], ann["status"]) == ("0002", "contractor", "suspended")
        assert (ann["started_on"], ann["notes"]) == ("2024-02-01", 'She said "hi"')

    def test_changes_nothing_the_second_time(self, acme: Company) -> None:
        acme.take(MESSY)
        before, events = acme.find(), len(acme.events())

        again = acme.take(MESSY)

        assert (again["created"], again["updated"], again["unchanged"], again["failed"]) == (0, 0, 2, 4)
        assert acme.find() == before
        assert len(acme.events()) == events

    def test_in_a_dry_run_is_only_looked_at(self, acme: Company) -> None:
        dry = acme.take(MESSY, dry_run=True)

        assert dry["status"] == "checked"
        assert acme.find() == []
        assert acme.events() == []
        done = acme.take(MESSY)
        same = ("rows", "created", "updated", "unchanged", "failed", "mapping", "ignored_columns", "errors")
        assert all(dry[name] == done[name] for name in same)  # type: ignore[literal-required]

    def test_is_refused_whole_where_that_was_asked_for(self, acme: Company) -> None:
        result = acme.take(MESSY, on_error="stop")

        assert (result["status"], result["created"], result["failed"]) == ("refused", 0, 4)
        assert acme.find() == []
        assert acme.count()["managed"] == 0

    def test_can_be_looked_up_again(self, acme: Company, service: WorkersService) -> None:
        result = acme.take(MESSY)

        assert service.get_import(company_id=acme.id, import_id=result["id"]) == result
        for nothing in ("imp_nothing", "a\x00b", ""):
            with pytest.raises(ImportNotFound):
                service.get_import(company_id=acme.id, import_id=nothing)

    def test_never_shows_a_value_in_an_error(self, acme: Company) -> None:
        told = repr(acme.take(MESSY)["errors"])

        assert not any(value in told for value in ("jose", "robot", "13-45", "Twin", "Max", "e-001", "E-001"))


class TestUpsert:
    def test_changes_who_is_known_by_number(self, acme: Company) -> None:
        worker = acme.create(worker_number="e-7", title="Welder", notes="kept")

        result = acme.take("Number,Title,Department\nE-7,Foreman,\n")

        assert (result["updated"], result["created"]) == (1, 0)
        found = acme.get(worker)
        assert (found["title"], found["notes"], found["worker_number"]) == ("Foreman", "kept", "e-7")

    def test_leaves_alone_what_the_file_leaves_empty(self, acme: Company) -> None:
        worker = acme.create(worker_number="1", title="Welder", tags=["a"])

        assert acme.take("Number,Title,Tags,Last name\n1,,,\n")["unchanged"] == 1
        assert acme.get(worker) == worker

    def test_knows_people_by_work_email_and_then_by_name(self, acme: Company) -> None:
        mailed = acme.create(first_name="Ada", last_name="Byron", work_email="ADA@example.com")
        named = acme.create(first_name="Zoë", last_name="Müller")

        result = acme.take('Name,Email,Title\nAda King,ada@example.com,Countess\n"MULLER, Zoe",,Welder')
        assert (result["created"], result["failed"]) == (0, 0)
        assert acme.get(mailed)["last_name"] == "King"
        assert acme.get(named)["title"] == "Welder"

    def test_gives_numbers_to_new_people_once(self, acme: Company) -> None:
        file = "First name,Last name,Number\nAda,Byron,\nBob,Byron,W-1\nEve,Byron,\n"

        assert acme.take(file)["created"] == 3
        assert acme.numbers(sort="name") == ["W-2", "W-1", "W-3"]
        assert acme.take(file)["unchanged"] == 3

    def test_refuses_a_row_that_could_be_several_people(self, acme: Company) -> None:
        acme.create(first_name="Ada", last_name="Byron")
        acme.create(first_name="Ada", last_name="Byron")

        assert errors_of(acme.take("Name,Title\nAda Byron,Welder")) == {(2, "worker_number")}

    def test_refuses_the_second_row_about_one_worker(self, acme: Company) -> None:
        acme.create(worker_number="1", work_email="ada@example.com")

        result = acme.take("Number,Email,Title\n1,,A\n,ada@example.com,B\n")

        assert errors_of(result) == {(3, "worker_number")}
        assert acme.find()[0]["title"] == "A"

    @pytest.mark.parametrize(
        ("status", "row", "field"),
        [
            ("archived", "1,Foreman,", "status"),
            ("archived", "1,,suspended", "status"),
            ("left", "1,,suspended", "status"),
        ],
    )
    def test_keeps_the_rules_of_profiles(self, acme: Company, status: str, row: str, field: str) -> None:
        worker = acme.create(worker_number="1", status=status)

        assert errors_of(acme.take(f"Number,Title,Status\n{row}")) == {(2, field)}
        assert acme.get(worker) == worker

    def test_refuses_an_end_before_the_start_that_is_known(self, acme: Company) -> None:
        acme.create(worker_number="1", started_on="2026-05-01")

        assert errors_of(acme.take("Number,End date\n1,2026-04-30")) == {(2, "ended_on")}

    def test_counts_who_leaves_and_who_comes(self, acme: Company) -> None:
        acme.take("Number,Name,Status\n1,A B,active\n2,C D,active\n3,E F,left")
        acme.take("Number,Status\n1,left\n3,active\n2,archived")

        assert [event.managed for event in acme.events()] == [2, 1]
        assert acme.count()["managed"] == acme.recount() == 1

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        rows=st.lists(
            st.tuples(
                # None that is given by itself to a row without: it would mean somebody else the second time.
                st.sampled_from(["", "1", "2", "x-1", "X-3"]),
                st.sampled_from(["Ada Byron", "Bob Hope", "Zoë Müller", ""]),
                st.sampled_from(["", "a@example.com", "b@example.com"]),
                st.sampled_from(["", "active", "left", "archived", "suspended"]),
                st.sampled_from(["", "1", "2", "x-1"]),
            ),
            max_size=7,
        )
    )
    def test_of_any_file_is_the_same_twice(self, service: WorkersService, rows: list[tuple[str, ...]]) -> None:
        company = Company(service, new_id("com"))
        file = "\n".join(["Number,Name,Email,Status,Manager ID", *(",".join(row) for row in rows)])

        first = company.take(file)
        before = {worker["id"]: worker for worker in company.find()}
        dry = company.take(file, dry_run=True)
        second = company.take(file)

        assert second["created"] + second["updated"] == dry["created"] + dry["updated"] == 0 or second["failed"]
        if not first["failed"]:
            assert {worker["id"]: worker for worker in company.find()} == before
        assert company.count()["managed"] == company.recount()


class TestManagers:
    def test_are_found_by_number_wherever_they_stand_in_the_file(self, acme: Company) -> None:
        chief = acme.create(worker_number="C")
        file = "Number,Name,Manager number\n1,A B,2\n2,C D,c\n3,E F,\n"

        assert acme.take(file)["failed"] == 0

        by_number = {worker["worker_number"]: worker for worker in acme.find()}
        assert by_number["1"]["manager_id"] == by_number["2"]["id"]
        assert by_number["2"]["manager_id"] == chief["id"]
        assert by_number["3"]["manager_id"] is None
        assert acme.take(file)["unchanged"] == 3

    def test_who_are_not_there_are_refused_and_so_is_who_depends_on_them(self, acme: Company) -> None:
        result = acme.take("Number,Name,Manager number\n1,A B,9\n2,C D,1\n3,E F,2\n4,G H,\n")

        assert errors_of(result) == {(row, "manager_number") for row in (2, 3, 4)}
        assert acme.numbers() == ["4"]

    def test_cannot_make_a_loop(self, acme: Company) -> None:
        acme.take("Number,Name\n1,A B\n2,C D\n3,E F")

        result = acme.take("Number,Manager number\n1,2\n2,1\n3,3")

        assert errors_of(result) == {(row, "manager_number") for row in (2, 3, 4)}
        assert all(worker["manager_id"] is None for worker in acme.find())

    def test_cannot_leave_before_their_reports_have_another(self, acme: Company) -> None:
        acme.take("Number,Name,Manager number\n1,A B,\n2,C D,1\n3,E F,1\n4,G H,")

        assert errors_of(acme.take("Number,Status,Manager number\n1,left,\n2,,4")) == {(2, "status")}
        assert acme.take("Number,Status,Manager number\n1,left,\n3,left,")["updated"] == 2


class TestColumns:
    @pytest.mark.parametrize(
        ("header", "field"),
        [
            ("First Name", "first_name"), ("firstName", "first_name"), ("FIRST_NAME", "first_name"),
            ("Vorname", "first_name"), ("Prénom", "first_name"), ("Surname *", "last_name"), ("Last", "last_name"),
            ("Full name", "full_name"), ("E-Mail", "work_email"), ("email address", "work_email"),
            ("Work Email", "work_email"), ("Tel.", "work_phone"), ("Mobile #", "work_phone"),
            ("Employee #", "worker_number"), ("Emp. No.", "worker_number"), ("Personal-Nr.", "worker_number"),
            ("Position", "title"), ("Dept.", "department"), ("Abteilung", "department"), ("Office Location", "site"),
            ("Supervisor ID", "manager_number"), ("Employment type", "kind"), ("Employee Status", "status"),
            ("Hire Date (MM/DD/YYYY)", "started_on"), ("Start", "started_on"), ("Termination Date", "ended_on"),
            ("Remarks", "notes"), ("Labels", "tags"), ("Home phone", None), ("Personal email", None),
            ("Salary", None), ("Manager", None), ("", None),
            *((field, field) for field in FIELDS),
        ],
    )
    def test_are_guessed_from_common_spellings(self, header: str, field: str | None) -> None:
        assert guess(header) == field

    @pytest.mark.parametrize(
        ("headers", "fields"),
        [
            (["No.", "Employee ID", "Name"], [None, "worker_number", "full_name"]),
            (["Email", "Work email", "Name"], [None, "work_email", "full_name"]),
            (["Name", "Vorname"], ["last_name", "first_name"]),
            (["Name", "Surname"], ["first_name", "last_name"]),
            (["Title", "Title"], ["title", None]),
        ],
    )
    def test_share_fields_sensibly(self, headers: list[str], fields: list[str | None]) -> None:
        assert guess_all(headers, {}) == fields

    def test_are_what_the_mapping_says(self, acme: Company) -> None:
        mapping = {"code": "worker_number", "Title": "notes", "Who": "full_name", "Site": ""}

        result = acme.take("Code,Who,Title,Site\n1,Ada Byron,x,y", mapping=mapping)

        assert result["mapping"] == {"Code": "worker_number", "Who": "full_name", "Title": "notes"}
        assert result["ignored_columns"] == ["Site"]
        assert acme.find()[0]["notes"] == "x"

    @pytest.mark.parametrize(
        ("mapping", "field"),
        [
            ({"Nope": "title"}, "mapping.Nope"),
            ({"Name": "shoe_size"}, "mapping.Name"),
            ({"Name": "title", "Number": "title"}, "mapping.Number"),
        ],
    )
    def test_mapped_wrongly_are_refused_by_name(self, acme: Company, mapping: dict[str, str], field: str) -> None:
        with pytest.raises(Invalid) as error:
            acme.take("Number,Name\n1,Ada Byron", mapping=mapping)

        assert [problem["field"] for problem in error.value.fields] == [field]


class TestTables:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_are_read_with_any_delimiter_and_line_end(self, acme: Company, delimiter: str, end: str) -> None:
        rows = [["Number", "First name", "Last name"], ["1", "Ada", '"Byron, King"'], ["2", "Bob", "Hope"]]

        assert acme.take(end.join(delimiter.join(row) for row in rows))["created"] == 2
        assert acme.find(search="king")[0]["last_name"] == "Byron, King"

    def test_may_name_their_delimiter_as_excel_does(self, acme: Company) -> None:
        assert acme.take("sep=|\r\nNumber|Name\r\n1|Ada Byron")["created"] == 1

    @pytest.mark.parametrize(
        "text", ["", " \n\n", "a,b\n1,2", "1,Ada Byron\n2,Bob Hope", '"' * 99, 'Number,Name\n1,"' + "x" * 200_000]
    )
    def test_that_are_none_are_refused(self, acme: Company, text: str) -> None:
        with pytest.raises(Invalid) as error:
            acme.take(text)

        assert [problem["field"] for problem in error.value.fields] == ["text"]

    def test_with_only_a_header_hold_nobody(self, acme: Company) -> None:
        assert acme.take("Number,Name\n")["rows"] == 0

    def test_with_rows_of_another_length_say_so(self, acme: Company) -> None:
        result = acme.take("Number,Name,Title\n1,Ada Byron\n2,Bob Hope,x,y\n")

        assert (result["created"], errors_of(result)) == (1, {(3, "row")})

    @given(text=st.text(st.sampled_from('Number,Name;\t"\r\n1aé\x00|=')))
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_of_any_text_are_taken_or_refused(self, acme: Company, text: str) -> None:
        with contextlib.suppress(Invalid):
            acme.take(f"Number,Name\n{text}", dry_run=True)

        assert acme.find() == []


class TestDates:
    @pytest.mark.parametrize(
        ("text", "order", "day"),
        [
            ("2024-01-31", None, date(2024, 1, 31)),
            ("2024/1/5", None, date(2024, 1, 5)),
            ("2024-01-31T00:00:00", None, date(2024, 1, 31)),
            ("31.1.2024", None, date(2024, 1, 31)),
            ("31 Jan 2024", None, date(2024, 1, 31)),
            ("1st March, 2024", None, date(2024, 3, 1)),
            ("March 1, 2024", None, date(2024, 3, 1)),
            ("3/4/2024", "month first", date(2024, 3, 4)),
            ("3/4/2024", "day first", date(2024, 4, 3)),
            ("3/3/2024", None, date(2024, 3, 3)),
            ("3/4/2024", None, None),
            ("13/13/2024", "day first", None),
            ("3/4/24", "day first", None),
            ("yesterday", None, None),
            ("45321", None, None),
        ],
    )
    def test_are_read_only_when_they_are_certain(self, text: str, order: dates.Order | None, day: date | None) -> None:
        assert dates.day_of(text, order) == day

    @pytest.mark.parametrize(
        ("values", "order"),
        [
            (["1/2/2024", "31/1/2024"], "day first"),
            (["1/2/2024", "1/31/2024"], "month first"),
            (["1/2/2024"], None),
            (["31/1/2024", "1/31/2024"], None),
        ],
    )
    def test_of_a_column_tell_which_comes_first(self, values: list[str], order: str | None) -> None:
        assert dates.order_of(values) == order


class TestSize:
    def test_of_5000_rows_is_taken_at_once_and_more_is_refused(self, acme: Company) -> None:
        rows = [
            f"{n},First{n},Last{n},u{n}@example.com,Dept {n % 9},{max(1, n // 10) if n > 1 else ''}"
            for n in range(1, 5002)
        ]
        header = "Number,First name,Last name,Email,Department,Manager ID"

        assert acme.take("\n".join([header, *rows[:5000]]))["created"] == 5000
        assert acme.count()["managed"] == 5000
        with pytest.raises(Invalid) as error:
            acme.take("\n".join([header, *rows]))
        assert error.value.fields[0]["field"] == "text"

    def test_of_many_workers_does_not_slow_the_list(self, acme: Company) -> None:
        rows = [f"{n},Zoë{n % 97},Last{n}" for n in range(4000)]
        acme.take("\n".join(["Number,First name,Last name", *rows]))
        steps = [0]

        def count() -> None:
            steps[0] += 1

        def watch(connection: sqlite3.Connection, *_: object) -> None:
            connection.set_progress_handler(count, 1000)

        event.listen(Engine, "checkout", watch)
        try:
            for query in ({"search": "zoe5 last29"}, {"search": "nobody"}, {"sort": "-created_at"}, {"limit": 200}):
                steps[0] = 0
                page = acme.service.list_workers(company_id=acme.id, query=query)
                assert bool(page["items"]) is (query.get("search") != "nobody")
                # Thousands of steps of SQLite's machine, the same on every computer: at most one look at each
                # worker, and none that is sorted or found again (W06).
                assert steps[0] < 200, query
        finally:
            event.remove(Engine, "checkout", watch)

    def test_of_the_errors_that_are_told_is_limited(self, acme: Company) -> None:
        result = acme.take("Number,Name,Kind\n" + "\n".join(f"{n},Ada Byron,robot" for n in range(1200)), dry_run=True)

        assert (result["failed"], len(result["errors"]), result["errors_left_off"]) == (1200, 1000, 200)

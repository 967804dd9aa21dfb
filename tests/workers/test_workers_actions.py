"""W15: what a company writes down about a worker, who sees it, and reminders that come once."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from actiontrac import clock, forbidden
from actiontrac.contracts.worker_actions import ActionNotFound, TemplateNotFound, TooManyTemplates
from actiontrac.contracts.workers import ActionDue, WorkerArchived, WorkerNotFound
from actiontrac.errors import Invalid
from actiontrac.testing import as_principal, as_request, service_of, settings_for
from services.workers.actions import methods
from services.workers.service import WorkersService
from tests.workers.company import Company

CARD = "4111 1111 1111 1111"


def day(ahead: int) -> str:
    return (clock.today() + timedelta(days=ahead)).isoformat()


def reminders(company: Company) -> list[tuple[str, int]]:
    return [(event.action_id, event.days_left) for event in company.events() if isinstance(event, ActionDue)]


class TestWriting:
    def test_keeps_what_was_written(self, acme: Company) -> None:
        worker = acme.create()
        written = acme.act(
            worker, kind="task", text="Return the keys.", owner_id="usr_olive", due_on=day(3), visibility="everybody"
        )

        assert acme.service.get_action(company_id=acme.id, action_id=written["id"]) == written
        assert (written["state"], written["owner_id"], written["author_id"]) == ("open", "usr_olive", None)
        assert written["happened_on"] == day(0)
        assert not written["overdue"]

    @pytest.mark.parametrize("kind", ["note", "praise", "coaching", "warning", "incident"])
    def test_what_is_only_written_down_is_done(self, acme: Company, kind: str) -> None:
        assert acme.act(acme.create(), kind=kind)["state"] == "done"

    def test_what_falls_due_is_open_and_for_managers(self, acme: Company) -> None:
        action = acme.act(acme.create(), kind="warning", due_on=day(1))

        assert (action["state"], action["visibility"]) == ("open", "managers")

    def test_belongs_to_who_wrote_it(self, acme: Company) -> None:
        worker = acme.create()
        as_principal(acme.id, "workers.write", user_id="usr_mo")
        action = acme.service.create_action(
            company_id=acme.id, worker_id=worker["id"], action={"kind": "note", "text": "x"}
        )

        assert (action["author_id"], action["owner_id"]) == ("usr_mo", "usr_mo")

    @pytest.mark.parametrize("owner", ["usr_nobody", "nobody", "usr_rival"])
    def test_is_owned_by_members_only(self, acme: Company, owner: str) -> None:
        acme.service.accounts.add("usr_rival", "com_rival")

        with pytest.raises(Invalid) as error:
            acme.act(acme.create(), owner_id=owner)
        assert [problem["field"] for problem in error.value.fields] == ["owner_id"]

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"text": ""}, "text"),
            ({"text": None}, "text"),
            ({"kind": "praises"}, "kind"),
            ({"due_on": "tomorrow"}, "due_on"),
            ({"state": "late"}, "state"),
            ({"visibility": "nobody"}, "visibility"),
            ({"mood": "x"}, "mood"),
        ],
    )
    def test_names_the_field_that_is_wrong(self, acme: Company, fields: dict[str, Any], field: str) -> None:
        with pytest.raises(Invalid) as error:
            acme.act(acme.create(), **fields)
        assert [problem["field"] for problem in error.value.fields] == [field]

    def test_is_not_for_archived_profiles_nor_for_nobody(self, acme: Company) -> None:
        worker = acme.create()
        acme.archive(worker)

        with pytest.raises(WorkerArchived):
            acme.act(worker)
        with pytest.raises(WorkerNotFound):
            acme.act("wrk_nobody")

    def test_changes_only_what_was_sent(self, acme: Company) -> None:
        action = acme.act(acme.create(), kind="task", due_on=day(1))
        changed = acme.change_action(action, state="done", due_on=None)

        assert changed == {**action, "state": "done", "due_on": None, "updated_at": changed["updated_at"]}
        assert acme.change_action(action, state="done") == changed
        with pytest.raises(Invalid):
            acme.change_action(action, text=None)

    def test_is_sealed_at_rest(self, service: WorkersService, acme: Company) -> None:
        acme.act(acme.create(), text="A word that nobody else may read")
        acme.template(name="A word that is ours")

        with service.store(acme.id) as store:
            for table in ("worker_actions", "action_templates", "outbox", "idempotency_keys"):
                assert "A word that" not in repr(store.session.execute(text(f"SELECT * FROM {table}")).all())


class TestTemplates:
    def test_fill_in_what_was_left_out(self, acme: Company) -> None:
        template = acme.template(due_in_days=5, visibility="everybody")
        worker = acme.create()
        whole = acme.act(worker, template_id=template["id"], kind=None, text=None, happened_on=day(-2))
        other = acme.act(worker, template_id=template["id"], kind=None, text="Show the roof.", due_on=day(9))

        assert (whole["kind"], whole["text"], whole["due_on"]) == ("task", "Show the exits.", day(3))
        assert (whole["state"], whole["visibility"]) == ("open", "everybody")
        assert (other["text"], other["due_on"]) == ("Show the roof.", day(9))

    def test_come_and_go(self, acme: Company, monkeypatch: pytest.MonkeyPatch) -> None:
        template = acme.template()
        assert acme.service.list_action_templates(company_id=acme.id) == {"items": [template]}
        monkeypatch.setattr("actiontrac.contracts.worker_actions.TEMPLATES", 1)
        with pytest.raises(TooManyTemplates):
            acme.template()
        as_request()
        acme.service.delete_action_template(company_id=acme.id, template_id=template["id"])

        assert acme.service.list_action_templates(company_id=acme.id) == {"items": []}
        with pytest.raises(TemplateNotFound):
            acme.act(acme.create(), template_id=template["id"])


class TestEyes:
    def test_only_managers_author_and_owner_see_what_is_for_managers(self, acme: Company) -> None:
        worker = acme.create()
        shown = acme.act(worker, kind="praise", visibility="everybody")
        hidden = acme.act(worker, kind="warning")
        owned = acme.act(worker, kind="task", owner_id="usr_olive")

        for user, permissions, seen in (
            ("usr_mo", ("workers.read",), [shown]),
            ("usr_olive", ("workers.read",), [owned, shown]),
            ("usr_mo", ("workers.read", "workers.write"), [owned, hidden, shown]),
        ):
            as_principal(acme.id, *permissions, user_id=user)
            assert acme.actions() == seen
            for action in (shown, hidden, owned):
                if action in seen:
                    assert acme.service.get_action(company_id=acme.id, action_id=action["id"]) == action
                else:
                    with pytest.raises(ActionNotFound):
                        acme.service.get_action(company_id=acme.id, action_id=action["id"])


class TestLists:
    def test_finds_what_is_to_be_done(self, acme: Company) -> None:
        ada, bob = acme.create(), acme.create()
        late = acme.act(ada, kind="task", due_on=day(-1))
        soon = acme.act(bob, kind="task", due_on=day(2))
        someday = acme.act(ada, kind="task")
        note = acme.act(ada)

        assert acme.actions(state="open", sort="due") == [late, soon, someday]
        assert acme.actions(state="open", due_by=day(2), sort="due", limit=1) == [late, soon]
        assert acme.actions(worker_id=ada["id"], limit=2) == [note, someday, late]
        assert acme.actions(kind="note") == [note]
        assert late["overdue"]
        one = acme.service.list_worker_actions(company_id=acme.id, worker_id=bob["id"], query={})
        assert one["items"] == [soon]

    def test_a_cursor_of_another_order_is_refused(self, acme: Company) -> None:
        worker = acme.create()
        for _ in range(2):
            acme.act(worker)
        cursor = acme.service.list_actions(company_id=acme.id, query={"limit": 1})["next_cursor"]

        with pytest.raises(Invalid):
            acme.service.list_actions(company_id=acme.id, query={"limit": 1, "sort": "due", "cursor": cursor})
        with pytest.raises(Invalid):
            acme.service.list_workers(company_id=acme.id, query={"cursor": cursor})


class TestReminders:
    def test_an_overdue_action_is_told_once_across_restarts(
        self, service: WorkersService, acme: Company, rival: Company, tmp_path: Path
    ) -> None:
        worker = acme.create()
        due = acme.act(worker, kind="task", due_on=day(2))
        early = acme.act(worker, kind="task", due_on=day(30), remind_on=day(20))
        rival.act(rival.create(), kind="task", due_on=day(2))
        service.remind()
        assert reminders(acme) == []

        clock.advance(25 * 86400)
        for _ in range(2):
            service.remind()
        settings = settings_for(tmp_path / "home")
        service_of(WorkersService, settings.home, settings=settings).remind()

        assert reminders(acme) == [(due["id"], -23), (early["id"], 5)]
        assert len(reminders(rival)) == 1
        told = acme.service.get_action(company_id=acme.id, action_id=due["id"])
        assert told["reminded_at"] is not None
        assert told["overdue"]

    def test_another_day_is_told_anew_and_the_same_day_is_not(self, service: WorkersService, acme: Company) -> None:
        action = acme.act(acme.create(), kind="task", due_on=day(0))
        service.remind()
        acme.change_action(action, state="done")
        acme.change_action(action, state="open", text="Again.")
        service.remind()
        assert len(reminders(acme)) == 1

        acme.change_action(action, due_on=day(1))
        clock.advance(86400)
        service.remind()
        assert reminders(acme) == [(action["id"], 0), (action["id"], 0)]

    def test_what_is_done_or_cancelled_is_not_told(self, service: WorkersService, acme: Company) -> None:
        worker = acme.create()
        acme.act(worker, kind="task", due_on=day(0), state="done")
        acme.change_action(acme.act(worker, kind="task", due_on=day(0)), state="cancelled")
        service.remind()

        assert reminders(acme) == []

    def test_many_at_once_are_all_told(
        self, service: WorkersService, acme: Company, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(methods, "BATCH", 2)
        worker = acme.create()
        written = [acme.act(worker, kind="task", due_on=day(0))["id"] for _ in range(5)]
        service.remind()

        assert sorted(reminders(acme)) == [(one, 0) for one in written]

    def test_an_event_that_is_not_kept_leaves_the_reminder_to_come(
        self, service: WorkersService, acme: Company, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        acme.act(acme.create(), kind="task", due_on=day(0))

        def power_cut(name: str) -> None:
            raise KeyboardInterrupt(name)

        with monkeypatch.context() as broken:
            broken.setattr(methods, "failpoint", power_cut)
            with pytest.raises(KeyboardInterrupt):
                service.remind()
        assert reminders(acme) == []

        service.remind()
        assert len(reminders(acme)) == 1


class TestForbiddenData:
    @pytest.mark.parametrize("field", ["text", "kind", "owner_id", "template_id", "due_on"])
    def test_is_refused_by_the_fields_name(self, acme: Company, field: str) -> None:
        worker = acme.create()
        action = acme.act(worker)
        attempts = [lambda: acme.act(worker, **{field: CARD})]
        if field != "template_id":
            attempts.append(lambda: acme.change_action(action, **{field: CARD}))
        for attempt in attempts:
            with pytest.raises(forbidden.ForbiddenData) as error:
                attempt()
            assert [problem["field"] for problem in error.value.fields] == [field]

    def test_is_found_by_the_sweep_in_what_was_planted(self, service: WorkersService, acme: Company) -> None:
        action = acme.act(acme.create())
        template = acme.template()
        with service.store(acme.id) as store:
            store.action(action["id"], None).text = f"Pays with {CARD}."
            store.template(template["id"]).name = CARD

        assert service.sweep()["quarantined"] == 2
        assert acme.actions()[0]["text"] == "Pays with [removed: card number]."
        assert service.sweep() | {"at": None} == {"checked": 3, "quarantined": 0, "at": None}


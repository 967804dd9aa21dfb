"""Every query about actions."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, tuple_

from actiontrac import clock
from actiontrac.contracts.worker_actions import ActionNotFound, ActionQuery, TemplateNotFound
from actiontrac.ids import new_id
from actiontrac.storage import Store
from services.workers.actions.models import ActionTemplate, WorkerAction
from services.workers.cursors import Position

#: Whose eyes: None is everybody's (managers and other services), else one member's.
Eyes = str | None


def _names_something(identifier: str) -> bool:
    # PostgreSQL takes no NUL.
    return identifier.isascii() and identifier.isprintable()


class ActionsStore(Store):
    def action(self, action_id: str, eyes: Eyes, *, lock: bool = False) -> WorkerAction:
        """
        Raises:
            ActionNotFound: this company has no such action, or these eyes may not see it.
        """
        statement = select(WorkerAction).where(
            WorkerAction.company_id == self.company_id, WorkerAction.id == action_id, *_visible(eyes)
        )
        found = None
        if _names_something(action_id):
            found = self.session.scalars(statement.with_for_update() if lock else statement).one_or_none()
        if found is None:
            raise ActionNotFound()
        return found

    def add_action(self, fields: dict[str, Any]) -> WorkerAction:
        now = clock.now()
        action = WorkerAction(
            id=new_id("act"), company_id=self.company_id, created_at=now, reminder_on=None, reminded_for=None,
            reminded_at=None,
        )  # fmt: skip
        self.change_action(action, fields)
        self.session.add(action)
        return action

    @staticmethod
    def change_action(action: WorkerAction, fields: dict[str, Any]) -> None:
        for name, value in fields.items():
            setattr(action, name, value)
        action.updated_at = clock.now()
        action.arm()

    def actions_page(self, query: ActionQuery, eyes: Eyes, after: Position | None) -> Sequence[WorkerAction]:
        """At most one action more than a page, in order."""
        wanted = [WorkerAction.company_id == self.company_id, *_visible(eyes), *_filters(query)]
        statement = select(WorkerAction).where(*wanted)
        if query.sort == "newest":
            # Ids begin with their time, so they are the order of writing.
            if after is not None:
                statement = statement.where(WorkerAction.id < after.worker_id)
            statement = statement.order_by(WorkerAction.id.desc())
        else:
            if after is not None:
                statement = statement.where(tuple_(WorkerAction.due_key, WorkerAction.id) > tuple_(*after))
            statement = statement.order_by(WorkerAction.due_key, WorkerAction.id)
        return self.session.scalars(statement.limit(query.limit + 1)).all()

    def claim_reminders(self, day: date, limit: int) -> Sequence[WorkerAction]:
        """Actions of all companies whose reminder has come, and that no other replica has in hand."""
        due = select(WorkerAction).where(WorkerAction.reminder_on <= day)
        return self.claim_due(due.order_by(WorkerAction.reminder_on, WorkerAction.id).limit(limit))

    # Templates

    def template(self, template_id: str) -> ActionTemplate:
        """
        Raises:
            TemplateNotFound: this company has no such template.
        """
        found = None
        if _names_something(template_id):
            found = self.session.scalars(
                select(ActionTemplate).where(
                    ActionTemplate.company_id == self.company_id, ActionTemplate.id == template_id
                )
            ).one_or_none()
        if found is None:
            raise TemplateNotFound()
        return found

    def templates(self) -> Sequence[ActionTemplate]:
        statement = select(ActionTemplate).where(ActionTemplate.company_id == self.company_id)
        return self.session.scalars(statement.order_by(ActionTemplate.id)).all()

    def count_templates(self) -> int:
        statement = select(func.count()).select_from(ActionTemplate)
        return self.session.scalars(statement.where(ActionTemplate.company_id == self.company_id)).one()

    def add_template(self, fields: dict[str, Any]) -> ActionTemplate:
        template = ActionTemplate(id=new_id("tpl"), company_id=self.company_id, created_at=clock.now())
        for name, value in fields.items():
            setattr(template, name, value)
        self.session.add(template)
        return template

    def delete_template(self, template: ActionTemplate) -> None:
        self.session.execute(
            delete(ActionTemplate).where(
                ActionTemplate.company_id == self.company_id, ActionTemplate.id == template.id
            )
        )


def _visible(eyes: Eyes) -> list[ColumnElement[bool]]:
    if eyes is None:
        return []
    theirs = (WorkerAction.owner_id == eyes, WorkerAction.author_id == eyes)
    return [or_(WorkerAction.visibility == "everybody", *theirs)]


def _filters(query: ActionQuery) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    for name in ("worker_id", "owner_id", "kind", "state"):
        value = getattr(query, name)
        if value is not None:
            wanted.append(getattr(WorkerAction, name) == value)
    if query.due_by is not None:
        wanted.append(WorkerAction.due_on <= query.due_by)
    return wanted

"""What the workers service offers about actions."""

from typing import Any

from actiontrac import clock, context, schemas
from actiontrac.contracts import worker_actions as contract
from actiontrac.contracts.workers import ActionDue, WorkerArchived
from actiontrac.errors import Invalid, NotFound
from actiontrac.failpoints import failpoint, register
from actiontrac.service import Caller, Opener, RpcClient, every, rpc
from services.workers import cursors
from services.workers.actions import rules
from services.workers.actions.views import action_view, template_view
from services.workers.cursors import Position
from services.workers.repository import WorkersStore

#: Reminders told in one transaction; few enough that nobody waits long for it.
BATCH = 100

register("workers.reminders.after_one", "an action marked as reminded with its event in the outbox, and the commit")


class ActionMethods:
    """Part of ``WorkersService``."""

    store: Opener[WorkersStore]
    accounts: Caller = RpcClient("accounts")

    @rpc(requires="workers.write", write=True)
    def create_action(self, *, company_id: str, worker_id: str, action: dict[str, Any]) -> contract.ActionView:
        """
        Write an action down about a worker (W15); whoever does so owns it, unless it says who does.

        Raises:
            ForbiddenData: a field holds what ActionTrac does not hold (S23).
            Invalid: a field is missing, unknown or wrong; the owner is no member.
            WorkerNotFound, TemplateNotFound: this company has no such worker or template.
            WorkerArchived: the worker's profile is only readable.
            AccountReadOnly: nothing is paid at the moment (B12).
        """
        wanted = schemas.parse(contract.ActionInput, action)
        self._require_member(company_id, wanted.owner_id)
        author_id = _asking()
        with self.store(company_id) as store:
            store.require_writable()
            if store.worker(worker_id).status == "archived":
                raise WorkerArchived()
            template = template_view(store.template(wanted.template_id)) if wanted.template_id else None
            fields = rules.action_of(wanted, dict(template) if template else None, clock.today())
            people = {"author_id": author_id, "owner_id": wanted.owner_id or author_id}
            return store.answer(action_view(store.add_action({**fields, **people, "worker_id": worker_id})))

    @rpc(requires="workers.read")
    def get_action(self, *, company_id: str, action_id: str) -> contract.ActionView:
        """
        Raises:
            ActionNotFound: this company has no such action, or it is for managers only.
        """
        with self.store(company_id) as store:
            return action_view(store.action(action_id, _eyes()))

    @rpc(requires="workers.read")
    def list_actions(self, *, company_id: str, query: dict[str, Any]) -> contract.ActionList:
        """
        A page of actions that the caller may see; what is for managers only is as if it were not there.

        Raises:
            Invalid: a field of the query is wrong, or the cursor is of another list.
        """
        wanted = schemas.parse(contract.ActionQuery, query)
        with self.store(company_id) as store:
            return _page(store, wanted)

    @rpc(requires="workers.read")
    def list_worker_actions(self, *, company_id: str, worker_id: str, query: dict[str, Any]) -> contract.ActionList:
        """
        The same for one worker.

        Raises:
            WorkerNotFound: this company has no such worker.
        """
        wanted = schemas.parse(contract.ActionQuery, query)
        with self.store(company_id) as store:
            store.worker(worker_id)
            return _page(store, wanted.model_copy(update={"worker_id": worker_id}))

    @rpc(requires="workers.write", write=True)
    def update_action(self, *, company_id: str, action_id: str, change: dict[str, Any]) -> contract.ActionView:
        """
        Change the fields that were sent, and no others; another day of reminding is told anew.

        Raises:
            ForbiddenData: a field holds what ActionTrac does not hold (S23).
            Invalid: a field is unknown or wrong; the owner is no member.
            ActionNotFound: this company has no such action.
            AccountReadOnly: nothing is paid at the moment (B12).
        """
        wanted = schemas.parse(contract.ActionChange, change).model_dump(exclude_unset=True)
        rules.require_filled(wanted)
        self._require_member(company_id, wanted.get("owner_id"))
        with self.store(company_id) as store:
            store.require_writable()
            action = store.action(action_id, _eyes(), lock=True)
            changed = {name: value for name, value in wanted.items() if getattr(action, name) != value}
            if changed:
                store.change_action(action, changed)
            return store.answer(action_view(action))

    @rpc(requires="workers.write", write=True)
    def create_action_template(self, *, company_id: str, template: dict[str, Any]) -> contract.TemplateView:
        """
        Raises:
            ForbiddenData: a field holds what ActionTrac does not hold (S23).
            Invalid: a field is missing, unknown or wrong.
            TooManyTemplates: there are 200 already.
            AccountReadOnly: nothing is paid at the moment (B12).
        """
        wanted = schemas.parse(contract.TemplateInput, template)
        with self.store(company_id) as store:
            store.require_writable()
            store.lock_count()
            if store.count_templates() >= contract.TEMPLATES:
                raise contract.TooManyTemplates()
            return store.answer(template_view(store.add_template(wanted.model_dump())))

    @rpc(requires="workers.write")
    def list_action_templates(self, *, company_id: str) -> contract.TemplateList:
        """Every template of the company, the oldest first."""
        with self.store(company_id) as store:
            return {"items": [template_view(template) for template in store.templates()]}

    @rpc(requires="workers.write", write=True)
    def delete_action_template(self, *, company_id: str, template_id: str) -> None:
        """
        Actions that began with it stay as they are.

        Raises:
            TemplateNotFound: this company has no such template.
        """
        with self.store(company_id) as store:
            store.delete_template(store.template(template_id))
            return store.answer(None)

    @every(seconds=10.0)
    def remind(self) -> None:
        """
        Tell each reminder whose day has come, once, however many replicas there are and
        wherever they are cut short: the mark and the event are one transaction.
        """
        while self._remind_some():
            pass

    def _remind_some(self) -> bool:
        today = clock.today()
        with self.store.across_companies() as store:
            due = store.claim_reminders(today, BATCH)
            for action in due:
                store.publish(
                    ActionDue(
                        company_id=action.company_id,
                        action_id=action.id,
                        worker_id=action.worker_id,
                        owner_id=action.owner_id or "",
                        days_left=(action.due_on - today).days if action.due_on else 0,
                    )
                )
                action.reminded_for, action.reminder_on = action.reminder_on, None
                action.reminded_at = clock.now()
                failpoint("workers.reminders.after_one")
            return len(due) == BATCH

    def _require_member(self, company_id: str, user_id: str | None) -> None:
        """
        Raises:
            Invalid: there is no such member.
        """
        if user_id is None or user_id == _asking():
            return
        try:
            found = user_id.startswith("usr_") and self.accounts.get_recipient(recipient_id=user_id)
        except NotFound:
            found = None
        if not found or found["company_id"] != company_id:
            raise Invalid.at("owner_id", rules.NO_MEMBER)


def _asking() -> str | None:
    principal = context.current().principal
    return principal.user_id or None if principal else None


def _eyes() -> str | None:
    return rules.eyes_of(context.current().principal)


def _page(store: WorkersStore, wanted: contract.ActionQuery) -> contract.ActionList:
    order = f"actions {wanted.sort}"
    cipher = store.cipher(store.company_id)
    after = cursors.read(cipher, order, wanted.cursor) if wanted.cursor else None
    found = store.actions_page(wanted, _eyes(), after)
    page = found[: wanted.limit]
    cursor = None
    if len(found) > wanted.limit:
        cursor = cursors.write(cipher, order, Position(page[-1].due_key, page[-1].id))
    return {"items": [action_view(action) for action in page], "next_cursor": cursor}

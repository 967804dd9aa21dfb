"""From rows of actions to what the contract shows."""

from actiontrac import clock
from actiontrac.contracts.worker_actions import ActionView, TemplateView
from services.workers.actions.models import ActionTemplate, WorkerAction


def action_view(action: WorkerAction) -> ActionView:
    return {
        "id": action.id,
        "worker_id": action.worker_id,
        "kind": action.kind,
        "text": action.text,
        "happened_on": action.happened_on.isoformat(),
        "author_id": action.author_id,
        "owner_id": action.owner_id,
        "due_on": action.due_on.isoformat() if action.due_on else None,
        "remind_on": action.remind_on.isoformat() if action.remind_on else None,
        "reminded_at": clock.iso(action.reminded_at) if action.reminded_at else None,
        "overdue": action.state == "open" and action.due_on is not None and action.due_on < clock.today(),
        "state": action.state,
        "visibility": action.visibility,
        "created_at": clock.iso(action.created_at),
        "updated_at": clock.iso(action.updated_at),
    }


def template_view(template: ActionTemplate) -> TemplateView:
    return {
        "id": template.id,
        "name": template.name,
        "kind": template.kind,
        "text": template.text,
        "due_in_days": template.due_in_days,
        "visibility": template.visibility,
        "created_at": clock.iso(template.created_at),
    }

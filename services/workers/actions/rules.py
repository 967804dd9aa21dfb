"""What an action is made of, and who may see it."""

from datetime import date, timedelta
from typing import Any

from actiontrac.context import Principal
from actiontrac.contracts.worker_actions import ActionInput
from actiontrac.errors import Invalid

#: Who may change workers sees what is for managers only.
MANAGES = "workers.write"

#: Fields that an action always has.
FILLED = ("kind", "text", "happened_on", "state", "visibility")

NO_MEMBER = "is not a member of this company"
NEEDED = "is needed, because no template is named"
NO_DAY_LEFT = "lies beyond every calendar"


def eyes_of(principal: Principal | None) -> str | None:
    """Whose eyes look: None for managers and for our own services, else the member's id."""
    if principal is None or principal.may(MANAGES):
        return None
    return principal.user_id


def action_of(wanted: ActionInput, template: dict[str, Any] | None, today: date) -> dict[str, Any]:
    """
    All fields of a new action but its worker, owner and author.

    Raises:
        Invalid: kind or text are missing, and no template has them.
    """
    begun = template or {}
    sent = wanted.model_dump(exclude={"template_id", "owner_id"})
    fields: dict[str, Any] = {name: begun.get(name) if value is None else value for name, value in sent.items()}
    missing = [name for name in ("kind", "text") if fields[name] is None]
    if missing:
        raise Invalid.fields_of([{"field": name, "problem": NEEDED} for name in missing])
    fields["happened_on"] = fields["happened_on"] or today
    if fields["due_on"] is None and begun.get("due_in_days") is not None:
        try:
            fields["due_on"] = fields["happened_on"] + timedelta(days=begun["due_in_days"])
        except OverflowError:
            raise Invalid.at("happened_on", NO_DAY_LEFT) from None
    fields["state"] = fields["state"] or _first_state(fields)
    fields["visibility"] = fields["visibility"] or "managers"
    return fields


def _first_state(fields: dict[str, Any]) -> str:
    to_do = fields["kind"] == "task" or fields["due_on"] is not None or fields["remind_on"] is not None
    return "open" if to_do else "done"


def require_filled(change: dict[str, Any]) -> None:
    """
    Raises:
        Invalid: null was sent for a field that an action always has.
    """
    empty = [name for name in FILLED if name in change and change[name] is None]
    if empty:
        raise Invalid.fields_of([{"field": name, "problem": "cannot be emptied"} for name in empty])

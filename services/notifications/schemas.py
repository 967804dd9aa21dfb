"""From rows to what callers see."""

from collections.abc import Mapping, Sequence

from actiontrac import clock
from actiontrac.contracts import notifications as contract
from actiontrac.errors import Invalid
from services.notifications import policies
from services.notifications.models import Campaign, Message, Ticket, TicketEntry

MOST_ITEMS = 200


def page_size(limit: int) -> int:
    """
    Raises:
        Invalid: a page has at least one and at most 200 items.
    """
    if not isinstance(limit, int) or not 1 <= limit <= MOST_ITEMS:
        raise Invalid.at("limit", f"must be between 1 and {MOST_ITEMS}.")
    return limit


def preferences_view(choices: Mapping[str, bool]) -> contract.PreferencesView:
    """Every category, with its default where nothing was chosen."""
    return {
        "items": [
            {
                "category": code,
                "name": name,
                "on": choices.get(code, starts_on) if can_switch_off else True,
                "can_switch_off": can_switch_off,
            }
            for code, (name, can_switch_off, starts_on) in contract.CATEGORIES.items()
        ]
    }


def unsubscribe_view(category: str, subscribed: bool) -> contract.UnsubscribeView:
    return {
        "category": category,
        "name": contract.CATEGORIES[policies.require_category(category)][0],
        "subscribed": subscribed,
    }


def campaign_view(campaign: Campaign, counts: Mapping[str, int]) -> contract.CampaignView:
    return {
        "id": campaign.id,
        "name": campaign.name,
        "category": campaign.category,
        "subject": campaign.subject,
        "status": campaign.status,  # type: ignore[typeddict-item]
        "queued": counts.get("queued", 0) + counts.get("sending", 0),
        "sent": counts.get("sent", 0),
        "suppressed": counts.get("suppressed", 0),
        "failed": counts.get("failed", 0) + counts.get("dead", 0),
        "unknown": counts.get("unknown", 0),
        "created_at": clock.iso(campaign.created_at),
    }


def dead_message_view(message: Message) -> contract.DeadMessageView:
    return {
        "id": message.id,
        "company_id": message.company_id,
        "template": message.template,
        "category": message.category,
        "reason": message.reason,
        "attempts": message.attempts,
        "created_at": clock.iso(message.created_at),
    }


def ticket_view(ticket: Ticket) -> contract.TicketView:
    return {
        "id": ticket.id,
        "kind": ticket.kind,  # type: ignore[typeddict-item]
        "state": ticket.state,  # type: ignore[typeddict-item]
        "certain": ticket.user_id is not None,
        "subject": ticket.subject or "",
        "address": ticket.address or "",
        "company_id": ticket.company_id or None,
        "user_id": ticket.user_id,
        "due_at": clock.iso(ticket.due_at),
        "overdue": ticket.state == "open" and ticket.due_at < clock.now(),
        "created_at": clock.iso(ticket.created_at),
        "closed_at": clock.iso(ticket.closed_at) if ticket.closed_at else None,
    }


def ticket_thread_view(ticket: Ticket, entries: Sequence[TicketEntry]) -> contract.TicketThreadView:
    return {
        **ticket_view(ticket),
        "entries": [
            {
                "direction": entry.direction,  # type: ignore[typeddict-item]
                "text": entry.text or "",
                "attachments": entry.attachments,
                "at": clock.iso(entry.created_at),
            }
            for entry in entries
        ],
    }

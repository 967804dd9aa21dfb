"""Addresses that must not be mailed, and what staff do with them (N08)."""

from typing import Any

from actiontrac import clock, context
from actiontrac.contracts import notifications as contract
from actiontrac.errors import Invalid
from actiontrac.schemas import parse
from actiontrac.service import Opener, rpc
from services.notifications.models import Suppression
from services.notifications.repository import NotificationsStore
from services.notifications.schemas import page_size


class Suppressions:
    """The part of the notifications service that is about suppressed addresses."""

    store: Opener[NotificationsStore]

    @rpc(requires="staff")
    def list_suppressions(
        self, *, reason: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> contract.SuppressionList:
        """The whole list, page by page; hashes only, so that it can be handed on."""
        size = page_size(limit)
        if cursor is not None and not _is_hash(cursor):
            raise Invalid.at("cursor", "is not one that we gave out.")
        with self.store.across_companies() as store:
            found = store.suppressions(reason, size + 1, cursor)
            page = found[:size]
            return {
                "items": [suppression_view(one) for one in page],
                "next_cursor": page[-1].address_index if len(found) > size else None,
            }

    @rpc(requires="staff", write=True)
    def find_suppression(self, *, search: dict[str, Any]) -> contract.SuppressionHistoryView:
        """
        Whether an address is on the list, and who put it there or took it off by hand.

        Raises:
            SuppressionNotFound: it is not, and never was by hand.
        """
        asked = parse(contract.SuppressionSearch, search)
        with self.store.across_companies() as store:
            found = store.suppression_of(asked.address)
            changes = store.suppression_changes(asked.address)
            if found is None and not changes:
                raise contract.SuppressionNotFound()
            view: contract.SuppressionHistoryView = {
                "suppression": suppression_view(found) if found else None,
                "changes": [
                    {
                        "change": one.change,  # type: ignore[typeddict-item]
                        "reason": one.reason,
                        "changed_by": one.changed_by,
                        "changed_at": clock.iso(one.changed_at),
                    }
                    for one in changes
                ],
            }
            return store.answer(view)

    @rpc(requires="staff", write=True)
    def add_suppression(self, *, suppression: dict[str, Any]) -> contract.SuppressionView:
        """Put an address on the list; where it is already, the first reason stands."""
        asked = parse(contract.SuppressionChange, suppression)
        with self.store.across_companies() as store:
            if store.suppress(asked.address, "manual"):
                store.note_suppression_change(asked.address, "added", asked.reason, _who())
            found = store.suppression_of(asked.address)
            assert found is not None
            view: contract.SuppressionView = store.answer(suppression_view(found))
            return view

    @rpc(requires="staff", write=True)
    def remove_suppression(self, *, suppression: dict[str, Any]) -> None:
        """
        Take an address off the list, with a reason.

        Raises:
            SuppressionNotFound: it is not on it.
        """
        asked = parse(contract.SuppressionChange, suppression)
        with self.store.across_companies() as store:
            if not store.lift_suppression(asked.address):
                raise contract.SuppressionNotFound()
            store.note_suppression_change(asked.address, "removed", asked.reason, _who())
            store.answer(None)


def suppression_view(suppression: Suppression) -> contract.SuppressionView:
    return {
        "address_hash": suppression.address_index,
        "reason": suppression.reason,
        "created_at": clock.iso(suppression.created_at),
    }


def _is_hash(text: str) -> bool:
    return len(text) == 64 and all(char in "0123456789abcdef" for char in text)


def _who() -> str:
    principal = context.current().principal
    return principal.user_id if principal is not None else ""

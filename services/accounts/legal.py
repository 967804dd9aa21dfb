"""The legal documents, as they are or were in force (P01)."""

from datetime import date

from actiontrac import clock
from actiontrac.contracts import accounts as contract
from actiontrac.errors import Invalid
from actiontrac.service import PUBLIC, rpc
from services.accounts import documents
from services.accounts.entrypoints import Entrypoints
from services.accounts.schemas import policy_view


class Legal(Entrypoints):
    @rpc(requires=PUBLIC)
    def list_policies(self, *, on: str | None = None) -> contract.PolicyList:
        """
        Every document in force on a day (YYYY-MM-DD, UTC), today unless said.

        Raises:
            Invalid: that is not a day.
        """
        found = documents.in_force(_day(on))
        return {"items": [policy_view(document) for document in found], "next_cursor": None}

    @rpc(requires=PUBLIC)
    def get_policy(self, *, slug: str, on: str | None = None) -> contract.PolicyView:
        """
        One document as it is in force on a day.

        Raises:
            PolicyNotFound: there is none of this name, or there was none yet.
        """
        return policy_view(documents.document_in_force(slug, _day(on)))


def _day(on: str | None) -> date:
    if on is None:
        return clock.today()
    try:
        return date.fromisoformat(on)
    except ValueError:
        raise Invalid.at("on", "must be a day such as 2016-11-12.") from None

"""What was handed to a processor, listed for the company whose hand-over it was (S28, S32)."""

from actiontrac.contracts.contractor_bills import DisclosureList
from actiontrac.service import rpc
from services.billing.base import Billing
from services.billing.contractor.views import disclosure_view


class Disclosures(Billing):
    @rpc(requires="billing.read")
    def list_disclosures(self, *, company_id: str, limit: int = 50, cursor: str | None = None) -> DisclosureList:
        """Every hand-over, newest first: to whom, which fields, why and when; never a value."""
        with self.store(company_id) as store:
            found, next_cursor = store.disclosures(limit=limit, cursor=cursor)
            return {"items": [disclosure_view(one) for one in found], "next_cursor": next_cursor}

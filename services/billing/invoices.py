"""Invoices and credit notes, as they were issued (B23)."""

from actiontrac.contracts.billing import InvoiceList, InvoiceView
from actiontrac.service import rpc
from services.billing.base import Billing
from services.billing.schemas import invoice_view


class Invoices(Billing):
    @rpc(requires="billing.read")
    def list_invoices(self, *, company_id: str, limit: int = 50, cursor: str | None = None) -> InvoiceList:
        """The company's documents, newest first."""
        with self.store(company_id) as store:
            found, next_cursor = store.invoices(limit=limit, cursor=cursor)
        return {"items": [invoice_view(invoice) for invoice in found], "next_cursor": next_cursor}

    @rpc(requires="billing.read")
    def get_invoice(self, *, company_id: str, invoice_id: str) -> InvoiceView:
        """
        Raises:
            InvoiceNotFound: this company has no such document.
        """
        with self.store(company_id) as store:
            return invoice_view(store.invoice(invoice_id))

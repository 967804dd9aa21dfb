"""Invoices and credit notes, as they were issued (B23)."""

import base64

from actiontrac.contracts.billing import InvoiceFile, InvoiceList, InvoiceView
from actiontrac.service import rpc
from services.billing.base import Billing
from services.billing.schemas import document_of, invoice_view


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

    @rpc(requires="billing.read")
    def get_invoice_pdf(self, *, company_id: str, invoice_id: str) -> InvoiceFile:
        """
        The document to file: drawn from what was written when it was issued, the same every time.

        Raises:
            InvoiceNotFound: this company has no such document.
        """
        with self.store(company_id) as store:
            invoice = store.invoice(invoice_id)
            checkout = store.checkout(invoice.checkout_id)
            payment = store.payment(invoice.checkout_id)
            refund = store.refund(invoice.refund_id) if invoice.refund_id is not None else None
            document = document_of(invoice, checkout, payment, refund)
        # Fonts take a third of a start's time; who starts need not wait for them.
        from services.billing.paper import pdf_of

        return {"filename": f"{invoice.number}.pdf", "content": base64.b64encode(pdf_of(document)).decode()}

"""
Mail to the clients of companies that sell (T13): the bill, a reminder, the receipt, a refund.

A client is no user. Whom a mail goes to is asked of billing at the moment of sending and
kept nowhere here; the message names the bill. It is mail about one's own payment, so
there is nothing to opt out of, but an address that bounced or complained gets none.
"""

from typing import Any

from actiontrac.contracts import accounts as people
from actiontrac.contracts import billing
from actiontrac.contracts.contractor_bills import BillContactView
from actiontrac.events import Event
from actiontrac.service import Opener, handle
from services.notifications import mails
from services.notifications.repository import NotificationsStore

#: How the recipient of such a mail begins: a bill stands for its client.
BILL = "bil_"

#: Mail that has no point any more once a bill is paid or withdrawn.
WHILE_OPEN = frozenset({"bill", "bill_reminder"})


class Bills:
    """Handlers of everything that billing says about a contractor's bill."""

    store: Opener[NotificationsStore]

    @handle(billing.BillIssued)
    def on_bill_issued(self, event: billing.BillIssued) -> None:
        self._tell_client(event, event.bill_id, "bill", event.bill_id, _bill(event))

    @handle(billing.BillOverdue)
    def on_bill_overdue(self, event: billing.BillOverdue) -> None:
        self._tell_client(event, event.bill_id, "bill_reminder", event.bill_id, _bill(event))

    @handle(billing.BillPaid)
    def on_bill_paid(self, event: billing.BillPaid) -> None:
        params = {
            "bill_number": event.bill_number, "amount_minor": event.amount_minor, "currency": event.currency,
            "method": event.method, "paid_on": event.occurred_at[:10],
        }  # fmt: skip
        self._tell_client(event, event.bill_id, "bill_receipt", event.checkout_id, params)

    @handle(billing.BillRefunded)
    def on_bill_refunded(self, event: billing.BillRefunded) -> None:
        params = {
            "bill_number": event.bill_number, "amount_minor": event.amount_minor, "currency": event.currency,
            "whole": event.whole, "credit_note": event.credit_note, "cause": event.cause,
            "refunded_on": event.occurred_at[:10],
        }  # fmt: skip
        # Of a dispute that they won the client hears from their bank; nobody sent them anything back.
        template = None if event.cause == "dispute_lost" else "bill_refund"
        self._tell_client(event, event.bill_id, template, event.refund_id, params)

    def _tell_client(self, event: Event, bill_id: str, template: str | None, key: str, params: dict[str, Any]) -> None:
        with self.store(event.company_id) as store:
            if store.claim(event) and template is not None:
                store.queue(mails.named(template), recipient_id=bill_id, event_key=key, params=params)


def _bill(event: billing.BillIssued | billing.BillOverdue) -> dict[str, Any]:
    return {
        "bill_number": event.bill_number, "amount_minor": event.amount_minor, "currency": event.currency,
        "due_on": event.due_on,
    }  # fmt: skip


def recipient_of(contact: BillContactView) -> people.RecipientView:
    """A bill's client as the recipient of a mail; the company is the one that sent the bill."""
    return {
        "recipient_id": contact["bill_id"],
        "company_id": contact["company_id"],
        "company_name": contact["seller_name"],
        "email": contact["email"],
        "first_name": contact["client_name"],
        "language": "en",
        "verified": True,
        "role": "",
    }

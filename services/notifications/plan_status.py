"""
Mail about where a company's plan stands, from billing's events (N13; S53, S39).

Billing says each thing once; the event's own identity keeps each mail to one, however
often the event arrives.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from actiontrac.contracts import accounts as people
from actiontrac.contracts import billing
from actiontrac.events import Event
from actiontrac.service import Opener, handle
from services.notifications import mails
from services.notifications.repository import NotificationsStore

#: Who hears about plans and money (S53).
ACCOUNT_ROLES = ["owner", "billing"]


def _figures(event: Event) -> dict[str, Any]:
    """The event's own fields, as what its mail is written from."""
    own = {field.name for field in fields(event)} - {field.name for field in fields(Event)}
    return {name: getattr(event, name) for name in sorted(own)}


class PlanStatus:
    """Handlers of everything that billing says about a plan."""

    store: Opener[NotificationsStore]
    accounts: people.Rpc

    @handle(billing.SubscriptionActivated)
    def on_subscription_activated(self, event: billing.SubscriptionActivated) -> None:
        """Welcome a company to its first year; of a further year the receipt tells."""
        self.tell(event, "welcome" if event.first else None, event.subscription_id, _figures(event))

    @handle(billing.SubscriptionTrialStarted)
    def on_subscription_trial_started(self, event: billing.SubscriptionTrialStarted) -> None:
        self.tell(event, "trial_started", event.event_id, _figures(event))

    @handle(billing.SubscriptionRenewalDue)
    def on_subscription_renewal_due(self, event: billing.SubscriptionRenewalDue) -> None:
        """60, 30, 14, 7, 1 and 0 days before the end of the year, once each."""
        self.tell(event, "renewal_due", f"{event.ends_on}:{event.reminder}", _figures(event))

    @handle(billing.SubscriptionGraceStarted)
    def on_subscription_grace_started(self, event: billing.SubscriptionGraceStarted) -> None:
        self.tell(event, "grace_started", event.event_id, _figures(event))

    @handle(billing.SubscriptionReadOnly)
    def on_subscription_read_only(self, event: billing.SubscriptionReadOnly) -> None:
        self.tell(event, "read_only", event.event_id, _figures(event))

    @handle(billing.SubscriptionLapsed)
    def on_subscription_lapsed(self, event: billing.SubscriptionLapsed) -> None:
        self.tell(event, "lapsed", event.event_id, _figures(event))

    @handle(billing.SubscriptionTerminated)
    def on_subscription_terminated(self, event: billing.SubscriptionTerminated) -> None:
        self.tell(event, "terminated", event.event_id, _figures(event))

    @handle(billing.SubscriptionPlanChanged)
    def on_subscription_plan_changed(self, event: billing.SubscriptionPlanChanged) -> None:
        self.tell(event, "plan_changed", event.event_id, _figures(event))

    @handle(billing.PaymentReceived)
    def on_payment_received(self, event: billing.PaymentReceived) -> None:
        params = {**_figures(event), "paid_on": event.occurred_at[:10]}
        self.tell(event, "receipt", event.checkout_id, params)

    @handle(billing.PaymentRefunded)
    def on_payment_refunded(self, event: billing.PaymentRefunded) -> None:
        params = {**_figures(event), "refunded_on": event.occurred_at[:10]}
        # Of what the bank took after a dispute the mail about the dispute tells.
        self.tell(event, None if event.cause == "dispute_lost" else "refund", event.refund_id, params)

    @handle(billing.PaymentDisputed)
    def on_payment_disputed(self, event: billing.PaymentDisputed) -> None:
        params = {**_figures(event), "disputed_on": event.occurred_at[:10]}
        self.tell(event, "payment_disputed", event.dispute_id, params)

    @handle(billing.DisputeClosed)
    def on_dispute_closed(self, event: billing.DisputeClosed) -> None:
        params = {**_figures(event), "closed_on": event.occurred_at[:10]}
        self.tell(event, f"dispute_{event.outcome}", f"{event.dispute_id}:closed", params)

    @handle(billing.UsageWarned)
    def on_usage_warned(self, event: billing.UsageWarned) -> None:
        """80 %, full, over the limit, and no more to be added; billing says each once until it heals (S38)."""
        self.tell(event, f"usage_{event.level}", event.event_id, _figures(event))

    @handle(billing.PlanAdvised)
    def on_plan_advised(self, event: billing.PlanAdvised) -> None:
        """Another plan fits better, a cheaper one included (S39)."""
        self.tell(event, f"plan_advice_{event.direction}", event.event_id, _figures(event))

    def tell(self, event: Event, template: str | None, event_key: str, params: Mapping[str, Any]) -> None:
        """Queue a mail to everybody who looks after the company's account, once each (N11)."""
        recipients: list[people.RecipientView] = []
        if template is not None:
            recipients = self.accounts.list_recipients(company_id=event.company_id, roles=ACCOUNT_ROLES)
        with self.store(event.company_id) as store:
            if not store.claim(event) or template is None:
                return
            for recipient in recipients:
                store.queue(
                    mails.named(template),
                    recipient_id=recipient["recipient_id"],
                    event_key=event_key,
                    params=params,
                )

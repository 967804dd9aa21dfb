"""The notifications service: what happened becomes mail, once each, if it is wanted."""

from collections.abc import Mapping
from typing import Any

from nameko.extensions import DependencyProvider

from actiontrac import clock, context
from actiontrac.config import Settings
from actiontrac.contracts import accounts as people
from actiontrac.contracts import billing
from actiontrac.contracts import notifications as contract
from actiontrac.errors import NotFound
from actiontrac.events import Event
from actiontrac.schemas import parse
from actiontrac.service import (
    PUBLIC,
    SIGNED_IN,
    Opener,
    RpcClient,
    Service,
    SettingsProvider,
    Stores,
    every,
    handle,
    rpc,
)
from services.notifications import links, mails, policies
from services.notifications.campaigns import Campaigns
from services.notifications.handover import HandOver
from services.notifications.repository import PURGE_BATCH, NotificationsStore
from services.notifications.schemas import (
    dead_message_view,
    page_size,
    preferences_view,
    unsubscribe_view,
)
from services.notifications.support import Support
from services.notifications.suppressions import Suppressions
from services.notifications.transports import Transport, transport_for

#: Who hears about plans and money (S53).
ACCOUNT_ROLES = ["owner", "billing"]

#: The security mails that accounts may ask for.
SECURITY_MAILS = frozenset(mail.name for mail in mails.ALL if mail.category == "security")


class MailTransport(DependencyProvider):
    """``transport = MailTransport()``: the way out that the settings name."""

    def setup(self) -> None:
        # A wrong URL is found at the start, not at the first mail.
        self._transport = transport_for(self.container.config["settings"])

    def get_dependency(self, worker_ctx: Any) -> Transport:
        return self._transport


class NotificationsService(Campaigns, Support, Suppressions, Service):
    name = contract.SERVICE
    store: Opener[NotificationsStore] = Stores(NotificationsStore)
    settings: Settings = SettingsProvider()
    accounts: people.Rpc = RpcClient("accounts")
    transport: Transport = MailTransport()

    # What happened

    @handle(people.CompanyRegistered)
    def on_company_registered(self, event: people.CompanyRegistered) -> None:
        """Keep what the owner chose about promotions, with the policy it was chosen under (A04)."""
        self._record_first_choice(event, event.owner_id, event.promotions, event.policy_version)

    @handle(people.MemberJoined)
    def on_member_joined(self, event: people.MemberJoined) -> None:
        """Whoever was invited starts without promotions (S26)."""
        self._record_first_choice(event, event.user_id, False, event.policy_version)

    @handle(people.SecurityMailRequested)
    def on_security_mail_requested(self, event: people.SecurityMailRequested) -> None:
        """Queue a security mail; its link is made only when it is handed over."""
        if event.kind not in SECURITY_MAILS:
            raise ValueError("accounts asked for a security mail that does not exist")
        with self._store_of(event) as store:
            if store.claim(event):
                store.queue(
                    mails.named(event.kind),
                    recipient_id=event.recipient_id,
                    event_key=event.event_id,
                    params={"subject_id": event.subject_id},
                )

    @handle(billing.SubscriptionActivated)
    def on_subscription_activated(self, event: billing.SubscriptionActivated) -> None:
        """Welcome a company to its first year; of a further year the receipt tells."""
        params = {
            "plan": event.plan,
            "worker_limit": event.worker_limit,
            "starts_on": event.starts_on,
            "ends_on": event.ends_on,
        }
        self._tell(event, "welcome" if event.first else None, event.subscription_id, params)

    @handle(billing.PaymentReceived)
    def on_payment_received(self, event: billing.PaymentReceived) -> None:
        params = {
            "invoice_number": event.invoice_number,
            "amount_minor": event.amount_minor,
            "currency": event.currency,
            "method": event.method,
            "plan": event.plan,
            "paid_on": event.occurred_at[:10],
        }
        self._tell(event, "receipt", event.checkout_id, params)

    @handle(billing.PaymentRefunded)
    def on_payment_refunded(self, event: billing.PaymentRefunded) -> None:
        params = {
            "invoice_number": event.invoice_number,
            "amount_minor": event.amount_minor,
            "currency": event.currency,
            "whole": event.whole,
            "cause": event.cause,
            "refunded_on": event.occurred_at[:10],
        }
        self._tell(event, "refund", event.refund_id, params)

    @handle(billing.UsageWarned)
    def on_usage_warned(self, event: billing.UsageWarned) -> None:
        """80 % and over the limit; billing says it once per level until it heals (S38)."""
        params = {"managed": event.managed, "worker_limit": event.worker_limit, "plan": event.plan}
        self._tell(event, "usage_80" if event.level == "80" else "usage_over", event.event_id, params)

    @handle(billing.PlanAdvised)
    def on_plan_advised(self, event: billing.PlanAdvised) -> None:
        """Another plan fits better, a cheaper one included (S39)."""
        params = {
            "current_plan": event.current_plan,
            "advised_plan": event.advised_plan,
            "managed": event.managed,
            "worker_limit": event.worker_limit,
            "saving_minor": event.saving_minor,
            "currency": event.currency,
        }
        self._tell(event, f"plan_advice_{event.direction}", event.event_id, params)

    def _tell(self, event: Event, template: str | None, event_key: str, params: Mapping[str, Any]) -> None:
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

    def _record_first_choice(self, event: Event, user_id: str, wanted: bool, policy_version: str) -> None:
        with self.store(event.company_id) as store:
            if store.claim(event):
                store.record_first_choice(user_id, "promotions", wanted=wanted, policy_version=policy_version)

    def _store_of(self, event: Event) -> NotificationsStore:
        # A mail to somebody whose registration led nowhere belongs to no company.
        return self.store(event.company_id) if event.company_id else self.store.across_companies()

    # What people want

    @rpc(requires=SIGNED_IN)
    def get_preferences(self, *, company_id: str, user_id: str) -> contract.PreferencesView:
        """Every category, and whether this person gets it (N02)."""
        _require_oneself(user_id)
        with self.store(company_id) as store:
            return preferences_view(store.choices(user_id))

    @rpc(requires=SIGNED_IN, write=True)
    def update_preferences(self, *, company_id: str, user_id: str, change: dict[str, Any]) -> contract.PreferencesView:
        """
        Switch categories on or off; those not named stay as they are. It holds for
        everything that has not been handed over yet, also for what is queued (N03).

        Raises:
            UnknownCategory: nothing was changed.
            CategoryNotOptional: nothing was changed.
        """
        _require_oneself(user_id)
        categories = parse(contract.PreferencesChange, change).categories
        for category, wanted in categories.items():
            policies.require_choice(category, wanted)
        with self.store(company_id) as store:
            for category, wanted in categories.items():
                store.choose(user_id, category, wanted=wanted, source="preferences")
            view: contract.PreferencesView = store.answer(preferences_view(store.choices(user_id)))
            return view

    @rpc(requires=PUBLIC)
    def show_unsubscribe(self, *, token: str) -> contract.UnsubscribeView:
        """
        What a link is about. It changes nothing, because mail scanners open every link (N04).

        Raises:
            LinkInvalid: we did not make this link.
        """
        about = self._subscription(token)
        with self.store(about.company_id) as store:
            return unsubscribe_view(about.category, store.wants(about.user_id, about.category))

    @rpc(requires=PUBLIC, write=True)
    def unsubscribe(self, *, token: str, one_click: bool = False) -> contract.UnsubscribeView:
        """
        Switch the category of a link off for its person; safe to repeat.

        Raises:
            LinkInvalid: we did not make this link.
        """
        about = self._subscription(token)
        policies.require_choice(about.category, False)
        with self.store(about.company_id) as store:
            store.choose(about.user_id, about.category, wanted=False, source="one_click" if one_click else "link")
            view: contract.UnsubscribeView = store.answer(unsubscribe_view(about.category, False))
            return view

    def _subscription(self, token: str) -> links.Subscription:
        return links.subscription_of(token, self.store.keys.derive(links.PURPOSE))

    # What goes out

    @every(seconds=0.5)
    def hand_over(self) -> None:
        """Send what is due; see ``HandOver``."""
        HandOver(store=self.store, accounts=self.accounts, transport=self.transport, settings=self.settings).run()

    @every(seconds=60)
    def forget_old_messages(self) -> None:
        """
        Keep the delivery log for 14 days where mail arrived and 90 days where not (N21),
        closed tickets for 90 days (N19).
        """
        while True:
            with self.store.across_companies() as store:
                if store.forget_finished() < PURGE_BATCH:
                    break
        with self.store.across_companies() as store:
            store.forget_support()
            store.forget_bounces()

    @rpc(requires="staff")
    def list_dead_messages(self, *, limit: int = 50) -> contract.DeadMessageList:
        """Mail that was tried often enough, oldest first (N12)."""
        with self.store.across_companies() as store:
            dead = store.dead_messages(page_size(limit))
            return {"items": [dead_message_view(message) for message in dead], "next_cursor": None}

    @rpc(requires="staff", write=True)
    def requeue_message(self, *, message_id: str) -> None:
        """
        Try a dead message again, from the first attempt on; on any other it does nothing.

        Raises:
            MessageNotFound
        """
        with self.store.across_companies() as store:
            message = store.message(message_id)
            if message.state == "dead":
                message.state, message.attempts, message.finished_at = "queued", 0, None
                message.due_at = clock.now()
            store.answer(None)


def _require_oneself(user_id: str) -> None:
    """
    Raises:
        NotFound: one member does not read or change another's choices.
    """
    principal = context.current().principal
    if principal is not None and principal.user_id != user_id:
        raise NotFound()

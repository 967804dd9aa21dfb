"""The notifications service: what happened becomes mail, once each, if it is wanted."""

from typing import Any

from nameko.extensions import DependencyProvider

from actiontrac import clock, context
from actiontrac.config import Settings
from actiontrac.contracts import accounts as people
from actiontrac.contracts import billing as payments
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
from services.notifications.bills import Bills
from services.notifications.campaigns import Campaigns
from services.notifications.handover import HandOver
from services.notifications.plan_status import PlanStatus
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

#: The security mails that accounts may ask for.
SECURITY_MAILS = frozenset(mail.name for mail in mails.ALL if mail.category == "security")


class MailTransport(DependencyProvider):
    """``transport = MailTransport()``: the way out that the settings name."""

    def setup(self) -> None:
        # A wrong URL is found at the start, not at the first mail.
        self._transport = transport_for(self.container.config["settings"])

    def get_dependency(self, worker_ctx: Any) -> Transport:
        return self._transport


class NotificationsService(PlanStatus, Bills, Campaigns, Support, Suppressions, Service):
    name = contract.SERVICE
    store: Opener[NotificationsStore] = Stores(NotificationsStore)
    settings: Settings = SettingsProvider()
    accounts: people.Rpc = RpcClient("accounts")
    billing: payments.Rpc = RpcClient("billing")
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
        HandOver(
            store=self.store,
            accounts=self.accounts,
            billing=self.billing,
            transport=self.transport,
            settings=self.settings,
        ).run()

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

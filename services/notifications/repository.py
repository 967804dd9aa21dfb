"""Every query of notifications."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from actiontrac import clock, context
from actiontrac.contracts.accounts import AudienceMember
from actiontrac.contracts.notifications import CampaignNotFound, MessageNotFound
from actiontrac.ids import new_id
from actiontrac.storage import Store
from services.notifications import policies
from services.notifications.mails import Mail
from services.notifications.models import (
    Base,
    Bounce,
    Campaign,
    Consent,
    Message,
    Preference,
    Suppression,
    SuppressionChange,
)
from services.notifications.tickets import TicketQueries

_ID = re.compile(r"[a-z]{2,5}_[a-z0-9]{1,34}")

#: Rows that one purge changes at most: short transactions, as everywhere.
PURGE_BATCH = 500

KEEP_BOUNCES = timedelta(days=30)


def looks_like_id(text: str) -> bool:
    """Whether to ask the database at all: it cannot be asked for every text that a URL can hold."""
    return _ID.fullmatch(text) is not None


class NotificationsStore(TicketQueries, Store):
    base = Base

    # Messages

    def queue(
        self,
        mail: Mail,
        *,
        recipient_id: str,
        event_key: str,
        params: Mapping[str, Any],
        company_id: str | None = None,
    ) -> bool:
        """
        Queue a mail; False when this person has one from this template about this event (N11).
        ``company_id`` only where the store is open across companies.
        """
        company_id = self.company_id if company_id is None else company_id
        return self._insert_once(Message, **self._message(mail, company_id, recipient_id, event_key, params))

    def queue_campaign(self, mail: Mail, campaign: Campaign, audience: Sequence[AudienceMember]) -> int:
        """
        Queue a page of an audience: those who agreed to the category; how many were new.
        Whoever changes their mind until hand-over gets nothing either (N03).
        """
        wanted = self._who_want(campaign.category, [person["user_id"] for person in audience])
        rows = [
            {
                **self._message(mail, person["company_id"], person["user_id"], campaign.id, {}),
                "category": campaign.category,
                "priority": policies.priority_of(campaign.category),
                "campaign_id": campaign.id,
            }
            for person in audience
            if person["user_id"] in wanted
        ]
        if not rows:
            return 0
        dialect = sqlite if self._database.is_sqlite else postgresql
        statement = dialect.insert(Message).values(rows).on_conflict_do_nothing()
        return int(self.session.execute(statement).rowcount)  # type: ignore[attr-defined]

    def _message(
        self, mail: Mail, company_id: str, recipient_id: str, event_key: str, params: Mapping[str, Any]
    ) -> dict[str, Any]:
        now = clock.now()
        return {
            "id": new_id("msg"),
            "company_id": company_id,
            "recipient_id": recipient_id,
            "category": mail.category,
            "template": mail.name,
            "version": mail.version,
            "event_key": event_key,
            "params": orjson.dumps(dict(params)).decode(),
            "priority": policies.priority_of(mail.category),
            "state": "queued",
            "attempts": 0,
            "due_at": now,
            "request_id": context.current().request_id,
            "created_at": now,
        }

    def claim_messages(self, limit: int) -> Sequence[Message]:
        """Take what is due, most urgent first, for the length of a claim's lease."""
        wall = clock.machine_now()
        due = (
            select(Message)
            .where(
                Message.state == "queued",
                Message.due_at <= clock.now(),
                or_(Message.lease_until.is_(None), Message.lease_until <= wall),
            )
            .order_by(Message.priority, Message.due_at, Message.id)
            .limit(limit)
        )
        rows: Sequence[Message] = self.claim_due(due)
        for row in rows:
            row.lease_until = wall + timedelta(seconds=policies.CLAIM_LEASE_SECONDS)
        return rows

    def resolve_abandoned(self, limit: int = 100) -> Sequence[Message]:
        """
        Settle what a process left in ``sending`` when it died: promotions become
        ``unknown``, everything else is due again under the same Message-ID.
        """
        abandoned = (
            select(Message).where(Message.state == "sending", Message.lease_until <= clock.machine_now()).limit(limit)
        )
        rows: Sequence[Message] = self.claim_due(abandoned)
        for row in rows:
            if policies.may_repeat(row.category):
                row.state, row.lease_until, row.due_at = "queued", None, clock.now()
            else:
                row.finish("unknown", clock.now(), "sender_died")
        return rows

    def held(self, claimed: Message) -> Message | None:
        """The message as it is now, locked, if this process still holds it."""
        found = self.session.get(Message, claimed.id, with_for_update=True, populate_existing=True)
        if found is None or found.state not in ("queued", "sending"):
            return None
        return found if found.lease_until == claimed.lease_until else None

    def start_sending(self, message: Message, lease_seconds: float) -> None:
        message.state = "sending"
        message.attempts += 1
        message.lease_until = clock.machine_now() + timedelta(seconds=lease_seconds)

    def release(self, claimed: Sequence[Message], pause_seconds: float) -> None:
        """Give back what was taken and not tried, for a little later; it costs no attempt."""
        for one in claimed:
            message = self.held(one)
            if message is not None and message.state == "queued":
                message.lease_until = None
                message.due_at = clock.now() + timedelta(seconds=pause_seconds)

    def dead_messages(self, limit: int) -> Sequence[Message]:
        dead = select(Message).where(Message.state == "dead").order_by(Message.id).limit(limit)
        return self.session.scalars(dead).all()

    def message(self, message_id: str) -> Message:
        """
        Raises:
            MessageNotFound
        """
        found = self.session.get(Message, message_id, with_for_update=True) if looks_like_id(message_id) else None
        if found is None:
            raise MessageNotFound()
        return found

    def forget_finished(self) -> int:
        """Blank what is older than the delivery log may be (N21); how many rows."""
        now = clock.now()
        old = (
            select(Message)
            .where(
                Message.finished_at <= now - policies.KEEP_SENT,
                or_(Message.state == "sent", Message.finished_at <= now - policies.KEEP_OTHERS),
            )
            .limit(PURGE_BATCH)
        )
        rows: Sequence[Message] = self.claim_due(old)
        for row in rows:
            row.forget_details()
        return len(rows)

    # Preferences and consent

    def wants(self, user_id: str, category: str) -> bool:
        found = self.session.get(Preference, (user_id, category))
        return policies.starts_on(category) if found is None else found.wanted

    def _who_want(self, category: str, user_ids: Sequence[str]) -> set[str]:
        chosen: Select[str, bool] = select(Preference.user_id, Preference.wanted).where(
            Preference.category == category, Preference.user_id.in_(user_ids)
        )
        choices = {user_id: wanted for user_id, wanted in self.session.execute(chosen)}
        default = policies.starts_on(category)
        return {user_id for user_id in user_ids if choices.get(user_id, default)}

    def choices(self, user_id: str) -> dict[str, bool]:
        rows = self.session.scalars(select(Preference).where(Preference.user_id == user_id)).all()
        return {row.category: row.wanted for row in rows}

    def record_first_choice(self, user_id: str, category: str, *, wanted: bool, policy_version: str) -> None:
        """What was chosen at registration; it never overrules a choice made since (A04)."""
        self._insert_once(
            Preference,
            company_id=self.company_id,
            user_id=user_id,
            category=category,
            wanted=wanted,
            source="registration",
            policy_version=policy_version,
            changed_at=clock.now(),
        )
        self._record(self.company_id, user_id, category, wanted, "registration", policy_version)

    def choose(self, user_id: str, category: str, *, wanted: bool, source: str, company_id: str | None = None) -> bool:
        """
        Change one choice and write it into the ledger; False when it was so already.
        ``company_id`` only where the store is open across companies.
        """
        company_id = self.company_id if company_id is None else company_id
        if self.choices(user_id).get(category, policies.starts_on(category)) == wanted:
            return False
        # Nobody agrees to a policy by a click in a mail: the version is the one agreed to before.
        version = self._last_policy_version(user_id)
        self._insert_once(
            Preference,
            company_id=company_id,
            user_id=user_id,
            category=category,
            wanted=wanted,
            source=source,
            policy_version=version,
            changed_at=clock.now(),
        )
        self.session.execute(
            update(Preference)
            .where(Preference.user_id == user_id, Preference.category == category)
            .values(wanted=wanted, source=source, changed_at=clock.now())
        )
        self._record(company_id, user_id, category, wanted, source, version)
        return True

    def _record(
        self, company_id: str, user_id: str, category: str, wanted: bool, source: str, policy_version: str
    ) -> None:
        self.session.add(
            Consent(
                id=new_id("cns"),
                company_id=company_id,
                user_id=user_id,
                category=category,
                wanted=wanted,
                source=source,
                policy_version=policy_version,
                recorded_at=clock.now(),
            )
        )

    def _last_policy_version(self, user_id: str) -> str:
        latest = (
            select(Consent.policy_version)
            .where(Consent.user_id == user_id)
            .order_by(Consent.recorded_at.desc(), Consent.id.desc())
            .limit(1)
        )
        return self.session.scalar(latest) or ""

    def consents(self, user_id: str) -> Sequence[Consent]:
        return self.session.scalars(select(Consent).where(Consent.user_id == user_id).order_by(Consent.id)).all()

    # Suppression

    def _address(self, address: str) -> str:
        return self.index(address, "suppressions.address")

    def is_suppressed(self, address: str) -> bool:
        return self.session.get(Suppression, self._address(address)) is not None

    def suppress(self, address: str, reason: str) -> bool:
        """Put an address on the list; the first reason stands."""
        return self._insert_once(
            Suppression, address_index=self._address(address), reason=reason, created_at=clock.now()
        )

    def lift_suppression(self, address: str) -> bool:
        found = self.session.get(Suppression, self._address(address))
        if found is not None:
            self.session.delete(found)
            self.session.flush()
        return found is not None

    def suppression_of(self, address: str) -> Suppression | None:
        return self.session.get(Suppression, self._address(address))

    def suppressions(self, reason: str | None, limit: int, cursor: str | None) -> Sequence[Suppression]:
        statement = select(Suppression).order_by(Suppression.address_index).limit(limit)
        if reason is not None:
            statement = statement.where(Suppression.reason == reason)
        if cursor is not None:
            statement = statement.where(Suppression.address_index > cursor)
        return self.session.scalars(statement).all()

    def note_suppression_change(self, address: str, change: str, reason: str, changed_by: str) -> None:
        self.session.add(
            SuppressionChange(
                id=new_id("spc"),
                address_index=self._address(address),
                change=change,
                reason=reason,
                changed_by=changed_by,
                changed_at=clock.now(),
            )
        )

    def suppression_changes(self, address: str) -> Sequence[SuppressionChange]:
        about = SuppressionChange.address_index == self._address(address)
        return self.session.scalars(select(SuppressionChange).where(about).order_by(SuppressionChange.id)).all()

    def count_bounce(self, message_id: str, address: str) -> int:
        """How many mails to this address came back within a month, this one included once."""
        index, now = self._address(address), clock.now()
        self._insert_once(Bounce, message_id=message_id, address_index=index, reported_at=now)
        recent = select(func.count()).where(Bounce.address_index == index, Bounce.reported_at > now - KEEP_BOUNCES)
        return self.session.scalar(recent) or 0

    def forget_bounces(self) -> None:
        self.session.execute(delete(Bounce).where(Bounce.reported_at <= clock.now() - KEEP_BOUNCES))

    # Campaigns

    def campaign(self, campaign_id: str) -> Campaign:
        """
        Raises:
            CampaignNotFound
        """
        found = self.session.get(Campaign, campaign_id) if looks_like_id(campaign_id) else None
        if found is None:
            raise CampaignNotFound()
        return found

    def campaigns_of(self, messages: Sequence[Message]) -> dict[str, Campaign]:
        ids = {message.campaign_id for message in messages if message.campaign_id}
        if not ids:
            return {}
        found = self.session.scalars(select(Campaign).where(Campaign.id.in_(ids))).all()
        return {campaign.id: campaign for campaign in found}

    def campaigns(self, limit: int, cursor: str | None) -> Sequence[Campaign]:
        """Newest first."""
        statement = select(Campaign).order_by(Campaign.id.desc()).limit(limit)
        if cursor is not None:
            statement = statement.where(Campaign.id < cursor)
        return self.session.scalars(statement).all()

    def claim_queueing_campaign(self, lease_seconds: float) -> Campaign | None:
        wall = clock.machine_now()
        waiting = (
            select(Campaign)
            .where(
                Campaign.status == "queueing",
                or_(Campaign.lease_until.is_(None), Campaign.lease_until <= wall),
            )
            .order_by(Campaign.id)
            .limit(1)
        )
        found: Sequence[Campaign] = self.claim_due(waiting)
        for campaign in found:
            campaign.lease_until = wall + timedelta(seconds=lease_seconds)
            return campaign
        return None

    def finish_campaigns(self) -> None:
        """A campaign is sent when it is queued as a whole and nothing of it waits any more."""
        open_messages = (
            select(Message.id)
            .where(Message.campaign_id == Campaign.id, Message.state.not_in(policies.FINAL_STATES))
            .exists()
        )
        self.session.execute(
            update(Campaign)
            .where(Campaign.status == "sending", ~open_messages)
            .values(status="sent")
            .execution_options(synchronize_session=False)
        )

    def counts(self, campaign_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """How many messages of each campaign are in each state."""
        counted: Select[str | None, str, int] = (
            select(Message.campaign_id, Message.state, func.count())
            .where(Message.campaign_id.in_(campaign_ids))
            .group_by(Message.campaign_id, Message.state)
        )
        counts: dict[str, dict[str, int]] = {campaign_id: {} for campaign_id in campaign_ids}
        for campaign_id, state, number in self.session.execute(counted):
            if campaign_id is not None:
                counts[campaign_id][state] = number
        return counts

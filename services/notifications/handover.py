"""
The way of a message out of the queue: take it, ask whose it is, look once more whether
it is wanted, send it, and write down what became of it.

Every step is a unit of work of its own, with nothing outside inside it. What a crash
between two of them leads to is written in docs/mail/README.md.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from actiontrac import clock, log
from actiontrac.config import Settings
from actiontrac.contracts import accounts as people
from actiontrac.contracts import billing as payments
from actiontrac.contracts.contractor_bills import BillContactView
from actiontrac.errors import Conflict, Invalid, NotFound, ServiceError, Unavailable
from actiontrac.failpoints import failpoint, register
from actiontrac.service import Opener
from services.notifications import bills, links, mails, policies, signing
from services.notifications.composing import (
    AddressNotSupported,
    address_of,
    composed,
    sender_of,
    written,
)
from services.notifications.models import Campaign, Message
from services.notifications.rendering import CannotRender
from services.notifications.repository import NotificationsStore
from services.notifications.transports import Deferred, Refused, Transport

_log = log.get(__name__)

#: Few enough that none of a batch waits for longer than its claim's lease.
BATCH = 20

#: How long one round may go on before the timer gives way, so that a stop need not wait.
ROUND_SECONDS = 2.0

#: What was taken while somebody whom we need was away comes back after this.
PAUSE_SECONDS = 5.0

#: How often the mark behind the server's 250 is tried; each waits for the database by itself.
MARK_ATTEMPTS = 5
MARK_PAUSE_SECONDS = 0.2

register("mail.after_claim", "a message taken from the queue, and the check whether it is wanted")
register("mail.before_transport", "the note that a message is being sent, and the mail server")
register("mail.after_transport", "the mail server's 250, and our note of it")


@dataclass(frozen=True)
class Answer:
    """An answer to somebody who wrote to us."""

    subject: str
    text: str
    #: The Message-ID of what it answers.
    mail_id: str | None

    @property
    def subject_line(self) -> str:
        bare = re.sub(r"^(?:(?:re|aw|sv|rv)\s*:\s*)+", "", self.subject, flags=re.IGNORECASE)
        return f"Re: {bare[:140]}"


class StopRound(Exception):
    """Somebody whom every message needs is away: the rest of the batch waits."""


class ContactAway(Exception):
    """Billing cannot say now whom a bill's mail goes to; other mail need not wait for that."""


class HandOver:
    """One replica's part in emptying the queue."""

    def __init__(
        self,
        *,
        store: Opener[NotificationsStore],
        accounts: people.Rpc,
        billing: payments.Rpc,
        transport: Transport,
        settings: Settings,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._billing = billing
        self._transport = transport
        self._settings = settings
        self._campaigns: dict[str, Campaign] = {}
        #: What a person of ours wrote: read from its sealed place right before it is sent.
        self._answers: dict[str, Answer] = {}
        #: A bill's client, asked for right before the mail is sent.
        self._contacts: dict[str, BillContactView] = {}

    def run(self) -> int:
        """Hand over what is due, for a short while; how many messages were taken."""
        until = time.monotonic() + ROUND_SECONDS
        taken = 0
        try:
            while True:
                claimed, batch = self._claim()
                taken += claimed
                for done, message in enumerate(batch):
                    try:
                        self._hand_over(message)
                    except StopRound:
                        self._release(batch[done:])
                        return taken
                if claimed < BATCH or time.monotonic() > until:
                    return taken
        finally:
            self._transport.rest()

    def _claim(self) -> tuple[int, Sequence[Message]]:
        """How many were taken, and those of them that are still wanted; see also ``_start``."""
        with self._store.across_companies() as store:
            abandoned = store.resolve_abandoned()
            claimed = store.claim_messages(BATCH)
            # Most who opted out did so long ago: nobody is asked for their address any more.
            unwanted = [
                message
                for message in claimed
                if policies.can_switch_off(message.category) and not store.wants(message.recipient_id, message.category)
            ]
            for message in unwanted:
                message.finish("suppressed", clock.now(), "opted_out")
            self._campaigns = store.campaigns_of(claimed)
        for message in abandoned:
            _log.warning("mail_fate_unknown", message_id=message.id, state=message.state)
        for message in unwanted:
            self._say(message, "suppressed", "opted_out")
        failpoint("mail.after_claim")
        return len(claimed), [message for message in claimed if message.state == "queued"]

    def _release(self, rest: Sequence[Message]) -> None:
        with self._store.across_companies() as store:
            store.release(rest, PAUSE_SECONDS)

    def _hand_over(self, message: Message) -> None:
        """One message, so that whatever is wrong with it is nobody else's trouble (N12)."""
        try:
            self._try(message)
        except StopRound:
            raise
        except Unavailable as problem:
            _log.warning("mail_waits", message_id=message.id, code=problem.code)
            raise StopRound from problem
        except ServiceError as problem:
            self._failed(message, problem.code)
        except (CannotRender, KeyError):
            self._finish(message, "dead", "cannot_render")
        except AddressNotSupported:
            self._finish(message, "failed", "address_not_supported")
        except Exception as problem:
            # A mistake of ours: it must not stand at the head of the queue for ever.
            _log.error("mail_broke", message_id=message.id, exc_info=problem)
            self._deferred(message, Deferred("unexpected", fate_unknown=message.state == "sending"))

    def _try(self, message: Message) -> None:
        mail = mails.named(message.template)
        try:
            recipient = self._recipient(message)
        except NotFound:
            # Whoever has left gets nothing more (T5).
            self._finish(message, "suppressed", "recipient_gone")
            return
        except ContactAway:
            self._failed(message, "billing_away")
            return
        link = None
        if mail.linked:
            try:
                link = self._link(message)
            except (NotFound, Invalid, Conflict):
                # The account was confirmed, the invitation revoked: the mail has no point any more.
                self._finish(message, "suppressed", "no_longer_needed")
                return
        raw = self._compose(mail, message, recipient, link)
        if not self._start(message, recipient):
            return
        failpoint("mail.before_transport")
        try:
            self._transport.send(
                sender=sender_of(self._settings).addr_spec,
                recipient=address_of(recipient["email"]).addr_spec,
                raw=raw,
            )
        except Refused as problem:
            self._refused(message, recipient, problem)
            return
        except Deferred as problem:
            self._deferred(message, problem)
            return
        failpoint("mail.after_transport")
        self._mark_sent(message)

    def _mark_sent(self, message: Message) -> None:
        """The server has it: a busy database must not be the reason to send it twice."""
        for attempt in range(1, MARK_ATTEMPTS + 1):
            try:
                self._finish(message, "sent", None)
                return
            except Unavailable:
                if attempt == MARK_ATTEMPTS:
                    raise
                time.sleep(MARK_PAUSE_SECONDS)

    def _recipient(self, message: Message) -> people.RecipientView:
        """
        Raises:
            NotFound: there is nobody any more.
        """
        if message.recipient_id.startswith(bills.BILL):
            try:
                contact = self._billing.get_bill_contact(bill_id=message.recipient_id)
            except Unavailable as problem:
                raise ContactAway from problem
            self._contacts[message.id] = contact
            return bills.recipient_of(contact)
        if not message.recipient_id.startswith("tkt_"):
            return self._accounts.get_recipient(recipient_id=message.recipient_id)
        # An answer goes to whoever wrote, member or not.
        with self._store.across_companies() as store:
            ticket = store.ticket(message.recipient_id)
            entry = store.entry(str(orjson.loads(message.params)["entry_id"]))
            self._answers[message.id] = Answer(ticket.subject or "", entry.text or "", ticket.mail_id or None)
            return {
                "recipient_id": ticket.id,
                "company_id": ticket.company_id,
                "company_name": "",
                "email": ticket.address or "",
                "first_name": "",
                "language": "en",
                "verified": True,
                "role": "",
            }

    def _link(self, message: Message) -> str:
        """
        The secret link: made now, put into the mail, kept nowhere.

        Raises:
            NotFound, Invalid, Conflict: nobody needs it any more.
        """
        contact = self._contacts.pop(message.id, None)
        if contact is not None:
            if message.template in bills.WHILE_OPEN and contact["state"] != "open":
                raise NotFound()
            return contact["page_url"]
        subject_id = str(orjson.loads(message.params)["subject_id"])
        return self._accounts.mail_link(kind=message.template, subject_id=subject_id)

    def _compose(self, mail: mails.Mail, message: Message, recipient: people.RecipientView, link: str | None) -> bytes:
        params: dict[str, Any] = orjson.loads(message.params)
        if message.campaign_id:
            campaign = self._campaigns[message.campaign_id]
            params |= {"subject": campaign.subject, "title": campaign.heading, "body": campaign.body}
        answer = self._answers.pop(message.id, None)
        if answer is not None:
            params |= {"subject": answer.subject_line, "body": answer.text}
        stop = self._unsubscribe_url(message)
        rendered = written(
            mail,
            message.category,
            params=params,
            recipient=recipient,
            settings=self._settings,
            link=link,
            unsubscribe_url=stop,
        )
        return composed(
            rendered,
            message_id=message.id,
            template=message.template,
            category=message.category,
            to=address_of(recipient["email"]),
            settings=self._settings,
            at=clock.now(),
            unsubscribe_url=stop,
            request_id="" if message.campaign_id else message.request_id,
            reply_token=self._reply_token(message) if stop or answer else None,
            in_reply_to=answer.mail_id if answer else None,
        )

    def _reply_token(self, message: Message) -> str:
        return signing.reply_token(message.id, self._store.keys.derive(signing.REPLY_PURPOSE))

    def _unsubscribe_url(self, message: Message) -> str | None:
        if not policies.can_switch_off(message.category):
            return None
        subscription = links.Subscription(message.company_id, message.recipient_id, message.category)
        token = links.token_for(subscription, self._store.keys.derive(links.PURPOSE))
        return f"{self._settings.public_url}/unsubscribe/{token}"

    def _start(self, message: Message, recipient: people.RecipientView) -> bool:
        """
        The last look, right before sending: still ours, still wanted, not suppressed (N03).
        From its commit on the message counts as being sent.
        """
        with self._store.across_companies() as store:
            held = store.held(message)
            if held is None:
                return False
            reason = policies.why_not(
                held.category,
                wanted=store.wants(held.recipient_id, held.category),
                suppressed=store.is_suppressed(recipient["email"]),
                verified=recipient["verified"],
                stranger=held.recipient_id.startswith(bills.BILL),
            )
            if reason is not None:
                held.finish("suppressed", clock.now(), reason)
            else:
                store.start_sending(held, self._transport.longest_seconds)
            message.state, message.lease_until, message.attempts = held.state, held.lease_until, held.attempts
        if reason is not None:
            self._say(message, "suppressed", reason)
        return reason is None

    def _refused(self, message: Message, recipient: people.RecipientView, problem: Refused) -> None:
        if problem.bad_address:
            with self._store.across_companies() as store:
                store.suppress(recipient["email"], "hard_bounce")
        self._finish(message, "failed", problem.reason)

    def _deferred(self, message: Message, problem: Deferred) -> None:
        if problem.fate_unknown and not policies.may_repeat(message.category):
            self._finish(message, "unknown", problem.reason)
        else:
            self._failed(message, problem.reason)
        if problem.away:
            raise StopRound

    def _failed(self, message: Message, reason: str) -> None:
        """Try again later, or no more."""
        with self._store.across_companies() as store:
            held = store.held(message)
            if held is None:
                return
            if held.state == "queued":
                # It failed before it could be sent; that counts as well, or it would go on for ever.
                held.attempts += 1
            again = policies.next_attempt(held.attempts, clock.now())
            if again is None:
                held.finish("dead", clock.now(), reason)
            else:
                held.state, held.reason, held.due_at, held.lease_until = "queued", reason, again, None
            state = held.state
        self._say(message, state, reason)

    def _finish(self, message: Message, state: str, reason: str | None) -> None:
        with self._store.across_companies() as store:
            held = store.held(message)
            if held is None:
                return
            held.finish(state, clock.now(), reason)
        self._say(message, state, reason)

    def _say(self, message: Message, state: str, reason: str | None) -> None:
        _log.info(
            f"mail_{'deferred' if state == 'queued' else state}",
            request_id=message.request_id,
            message_id=message.id,
            company_id=message.company_id,
            template=message.template,
            attempts=message.attempts,
            reason=reason,
        )

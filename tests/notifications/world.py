"""What the tests of notifications share: a service on a real database, a fake accounts, a fake mail server."""

import base64
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from sqlalchemy import select

from actiontrac import clock
from actiontrac.contracts import accounts, billing
from actiontrac.errors import NotFound, Unavailable
from actiontrac.events import Event
from actiontrac.testing import FakeAccounts, as_request, service_of, settings_for
from services.notifications.models import Campaign, Message, Preference
from services.notifications.service import NotificationsService
from services.notifications.signing import signature_of

ACME = "com_acme"
OLIVE = "usr_olive"


class Transport:
    """A mail server that takes everything, unless it was told otherwise."""

    longest_seconds = 10.0

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        #: Raised for the next mails, one each.
        self.problems: list[Exception] = []
        self.before: Callable[[], None] = lambda: None
        self.rested = 0

    def send(self, *, sender: str, recipient: str, raw: bytes) -> None:
        self.before()
        if self.problems:
            raise self.problems.pop(0)
        self.taken.append((recipient, raw))

    def rest(self) -> None:
        self.rested += 1

    @property
    def mails(self) -> list[EmailMessage]:
        return [read(raw) for _, raw in self.taken]

    @property
    def subjects(self) -> list[str]:
        return [str(mail["Subject"]) for mail in self.mails]


def read(raw: bytes) -> EmailMessage:
    """Parse a mail; any defect is an error."""
    found = message_from_bytes(raw, policy=policy.strict)
    assert isinstance(found, EmailMessage)
    return found


class FakeBilling:
    """billing as notifications sees it: whom a contractor's bill goes to."""

    def __init__(self) -> None:
        self.state = "open"
        self.away = False
        self.asked = 0

    def get_bill_contact(self, *, bill_id: str) -> dict[str, str]:
        self.asked += 1
        if self.away:
            raise Unavailable()
        if bill_id == "bil_gone":
            raise NotFound()
        return {
            "bill_id": bill_id,
            "company_id": ACME,
            "email": "clara@client.example",
            "client_name": "Clara Finch",
            "seller_name": "Acme Tools",
            "page_url": "http://127.0.0.1:8000/pay/the-token",
            "state": self.state,
        }


class World:
    def __init__(self, home: Path, *, transport: Any = None, **environment: str) -> None:
        self.people = FakeAccounts(ACME, OLIVE)
        self.billing = FakeBilling()
        self.transport = transport or Transport()
        self.settings = settings_for(home, **environment)
        self.service = service_of(
            NotificationsService,
            home,
            settings=self.settings,
            accounts=self.people,
            billing=self.billing,
            transport=self.transport,
        )

    # What happens

    def happens(self, event: Event) -> Event:
        """An event arrives at its handler, as the chassis would bring it."""
        name = "on_" + event.type.replace(".", "_")
        arrived = type(event).from_wire(event.to_wire(), handler=f"notifications.{name}")
        as_request()
        getattr(self.service, name)(arrived)
        return arrived

    def registered(self, *, promotions: bool = False, owner_id: str = OLIVE) -> Event:
        return self.happens(
            accounts.CompanyRegistered(
                company_id=ACME, owner_id=owner_id, promotions=promotions, policy_version="2016-11-12"
            )
        )

    def paid(self, checkout_id: str = "chk_1") -> Event:
        return self.happens(
            billing.PaymentReceived(
                company_id=ACME,
                checkout_id=checkout_id,
                invoice_id="inv_1",
                invoice_number="2026-000042",
                amount_minor=48000,
                currency="USD",
                method="card",
                plan="team",
            )
        )

    def security_mail(self, kind: str = "reset_password", recipient_id: str = OLIVE) -> Event:
        return self.happens(
            accounts.SecurityMailRequested(company_id=ACME, kind=kind, recipient_id=recipient_id, subject_id="sub_1")
        )

    def campaign(self, **fields: Any) -> str:
        as_request(key=None)
        asked = {
            "name": "Winter",
            "subject": "A webinar",
            "heading": "Come and see",
            "body": "On December 3.\n\nSee you there.",
            **fields,
        }
        made: str = self.service.create_campaign(campaign=asked)["id"]
        return made

    def crowd(self, number: int, *, promotions: bool = True) -> list[str]:
        """Members who agreed to promotions."""
        users = [f"usr_{index:05}" for index in range(number)]
        for user_id in users:
            self.people.add(user_id, ACME)
        with self.service.store(ACME) as store:
            now = clock.now()
            store.session.add_all(
                Preference(
                    user_id=user_id,
                    category="promotions",
                    wanted=promotions,
                    source="preferences",
                    policy_version="2016-11-12",
                    changed_at=now,
                )
                for user_id in users
            )
        return users

    def comes_in(self, raw: bytes) -> str:
        """A mail server hands in a mail; what became of it."""
        as_request()
        signature = signature_of(raw, self.settings.secret("INBOUND_KEY"), int(clock.machine_now().timestamp()))
        taken = self.service.receive_mail(signature=signature, raw=base64.b64encode(raw).decode())
        outcome: str = taken["outcome"]
        return outcome

    def hand_over(self) -> list[EmailMessage]:
        """Everything that is due goes out; the mails of this round."""
        before = len(self.transport.taken)
        self.service.hand_over()
        found: list[EmailMessage] = self.transport.mails[before:]
        return found

    # What is seen

    def messages(self, **where: Any) -> list[Message]:
        with self.service.store.across_companies() as store:
            return list(store.session.scalars(select(Message).filter_by(**where).order_by(Message.id)))

    def states(self) -> list[str]:
        return [message.state for message in self.messages()]

    def campaign_row(self, campaign_id: str) -> Campaign:
        with self.service.store.across_companies() as store:
            found: Campaign = store.campaign(campaign_id)
            return found

    def consents(self, user_id: str = OLIVE) -> list[tuple[str, bool, str, str]]:
        with self.service.store(ACME) as store:
            return [(one.category, one.wanted, one.source, one.policy_version) for one in store.consents(user_id)]

    def unsubscribe_token(self, mail: EmailMessage) -> str:
        return str(mail["List-Unsubscribe"]).strip("<>").rsplit("/", 1)[1]

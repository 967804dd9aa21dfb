"""What really happened: read from the databases and from the sandboxes' ledger, not asked of the product."""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import psycopg2
import psycopg2.extras

from actiontrac.config import SERVICES_WITH_DATA
from actiontrac.contracts.topology import SUBSCRIPTIONS
from services.notifications.policies import FINAL_STATES, may_repeat
from tests.servers.servers import Servers
from tests.stack import Product

Row = dict[str, Any]

#: How the processors' ledgers call money that came, money that went, and the start of a checkout.
CHARGES = ("charge", "capture")
STARTS = ("session", "order")


@dataclass(frozen=True, kw_only=True)
class Books:
    """One company in figures: what must hold, and what is found."""

    checkouts: dict[str, int] = field(default_factory=dict)
    starts: int = 0
    charges: int = 0
    refunds: int = 0
    payments: int = 0
    years: int = 0
    invoices: int = 0
    credit_notes: int = 0
    #: Of a company that sells: its bills by state, and their credit notes.
    bills: dict[str, int] = field(default_factory=dict)
    bill_credits: int = 0
    #: Mails that the catcher accepted, by template.
    mails: dict[str, int] = field(default_factory=dict)

    def against(self, found: "Books") -> list[str]:
        names = [name for name in self.__dataclass_fields__ if getattr(self, name) != getattr(found, name)]
        return [f"{name}: {getattr(found, name)} instead of {getattr(self, name)}" for name in names]


@dataclass(frozen=True)
class InDoubt:
    """A mail that was being sent when its process ended: nobody of ours can know how far it came."""

    message_id: str
    company_id: str
    template: str
    category: str
    arrived: int

    @property
    def arrives_in_the_end(self) -> int:
        """As docs/mail says: repeated with the same Message-ID, or for good left as it was."""
        return self.arrived + 1 if may_repeat(self.category) else self.arrived


class Truth:
    """Of one product, running or not."""

    def __init__(self, product: Product) -> None:
        self._product = product

    def rows(self, service: str, sql: str, **given: Any) -> list[Row]:
        """``:name`` in the statement stands for a value."""
        if self._product.mode == "embedded" or service == "sandbox":
            return self._sqlite(service, sql, given)
        return self._postgres(service, sql, given)

    def _sqlite(self, service: str, sql: str, given: dict[str, Any]) -> list[Row]:
        path = self._product.home / f"{service}.db"
        with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql, given).fetchall()]

    def _postgres(self, service: str, sql: str, given: dict[str, Any]) -> list[Row]:
        name = self._product.settings.database_url_for(service).rsplit("/", 1)[1]
        # A superuser is not held by row-level security: nothing is hidden from this look.
        superuser = Servers.shared().postgres_url.rsplit("/", 1)[0]
        with closing(psycopg2.connect(f"{superuser}/{name}")) as database:
            database.autocommit = True
            with database.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
                cursor.execute(re.sub(r":(\w+)", r"%(\1)s", sql), given)
                return [dict(row) for row in cursor.fetchall()] if cursor.description else []

    def ledger(self, *kinds: str) -> list[Row]:
        """What the processors and the mail catcher accepted, oldest first."""
        found = self.rows("sandbox", "SELECT * FROM ledger ORDER BY sequence")
        return [
            {**json.loads(row["detail"]), "kind": row["kind"], "ref": row["ref"]}
            for row in found
            if row["kind"] in kinds
        ]

    def company_of(self, user_id: str) -> str | None:
        """The company of whoever signs in under this name; an assertion that it is one at most."""
        found = self.rows("accounts", "SELECT company_id FROM users WHERE login_key = :name", name=user_id.casefold())
        assert len(found) < 2, f"{len(found)} people are called {user_id}"
        return found[0]["company_id"] if found else None

    # One company

    def books(self, company_id: str) -> Books:
        checkouts = self._of("billing", "checkouts", company_id)
        ids = {row["id"] for row in checkouts}
        charges = [entry for entry in self.ledger(*CHARGES) if entry["payment_id"] in ids]
        invoices = self._of("billing", "invoices", company_id)
        return Books(
            checkouts=dict(Counter(row["state"] for row in checkouts)),
            starts=sum(entry["payment_id"] in ids for entry in self.ledger(*STARTS)),
            charges=len(charges),
            refunds=len(self._refunds_of(charges)),
            payments=len(self._of("billing", "payments", company_id)),
            years=sum(row["refunded_at"] is None for row in self._of("billing", "subscription_years", company_id)),
            invoices=sum(row["kind"] == "invoice" for row in invoices),
            credit_notes=sum(row["kind"] == "credit_note" for row in invoices),
            bills=dict(Counter(row["state"] for row in self._of("billing", "bills", company_id))),
            bill_credits=len(self._of("billing", "bill_credits", company_id)),
            mails=dict(self.mails(company_id)),
        )

    def _of(self, service: str, table: str, company_id: str) -> list[Row]:
        return self.rows(service, f"SELECT * FROM {table} WHERE company_id = :company_id", company_id=company_id)

    def _refunds_of(self, charges: Iterable[Row]) -> list[Row]:
        refs = {entry["ref"] for entry in charges}
        return [entry for entry in self.ledger("refund") if entry.get("charge", entry.get("capture")) in refs]

    def mails(self, company_id: str) -> Counter[str]:
        """Arrived mails by template."""
        templates = {row["id"]: row["template"] for row in self._of("notifications", "messages", company_id)}
        arrived = [_message_id(entry) for entry in self.ledger("mail")]
        return Counter(templates[message_id] for message_id in arrived if message_id in templates)

    def in_doubt(self) -> list[InDoubt]:
        """Mails that are being sent at this moment."""
        arrived = Counter(_message_id(entry) for entry in self.ledger("mail"))
        sending = self.rows("notifications", "SELECT * FROM messages WHERE state = 'sending'")
        return [
            InDoubt(row["id"], row["company_id"], row["template"], row["category"], arrived[row["id"]])
            for row in sending
        ]

    def problems(self, company_id: str, expected: Books | None, in_doubt: Iterable[InDoubt] = ()) -> list[str]:
        """Everything about a company that is not as it must be in the end."""
        return [
            *(self._figures(company_id, expected, in_doubt) if expected else []),
            *self._money(company_id),
            *self._events(company_id),
            *self._unfinished(company_id),
        ]

    def _figures(self, company_id: str, expected: Books, in_doubt: Iterable[InDoubt]) -> list[str]:
        found = self.books(company_id)
        return [
            *replace(expected, mails={}).against(replace(found, mails={})),
            *self._mail(expected, found, [mail for mail in in_doubt if mail.company_id == company_id], company_id),
        ]

    def _mail(self, expected: Books, found: Books, in_doubt: Sequence[InDoubt], company_id: str) -> list[str]:
        """Mails that are named came as often as that; whatever else a company is told, it is told once."""
        wanted = Counter({template: 1 for template in found.mails} | expected.mails)
        # Somebody used the link of the first copy: the second one has no point any more.
        used = "SELECT id FROM messages WHERE company_id = :id AND reason IN ('no_longer_needed', 'recipient_gone')"
        pointless = {row["id"] for row in self.rows("notifications", used, id=company_id)}
        for mail in in_doubt:
            arrives = mail.arrived if mail.message_id in pointless else mail.arrives_in_the_end
            wanted[mail.template] += arrives - 1
        return Books(mails={name: number for name, number in wanted.items() if number}).against(
            Books(mails=found.mails)
        )

    def _money(self, company_id: str) -> list[str]:
        """What the processors took and gave back is what the documents say, to the cent."""
        ids = {row["id"] for row in self._of("billing", "checkouts", company_id)}
        charges = [entry for entry in self.ledger(*CHARGES) if entry["payment_id"] in ids]
        theirs = sum(map(_minor, charges)) - sum(map(_minor, self._refunds_of(charges)))
        lost = {entry.get("charge", entry.get("capture")) for entry in self.ledger("dispute_lost")}
        theirs -= sum(_minor(entry) for entry in charges if entry["ref"] in lost)
        ours = sum(row["total_minor"] for row in self._of("billing", "invoices", company_id))
        bills = [row for row in self._of("billing", "bills", company_id) if row["paid_at"] is not None]
        ours += sum(row["total_minor"] - row["refunded_minor"] for row in bills)
        return [f"the processors hold {theirs} and the documents say {ours}"] if theirs != ours else []

    def _events(self, company_id: str) -> list[str]:
        """Every event was published, and whoever waits for it has dealt with it."""
        problems = []
        inboxes = {
            (row["event_id"], row["handler"])
            for service in SERVICES_WITH_DATA
            for row in self.rows(service, "SELECT event_id, handler FROM inbox")
        }
        for service in SERVICES_WITH_DATA:
            for row in self._of(service, "outbox", company_id):
                if row["published_at"] is None:
                    problems.append(f"{row['type']} is not published")
                for handler in SUBSCRIPTIONS[row["type"]]:
                    if (row["event_id"], handler) not in inboxes:
                        problems.append(f"{handler} has not handled {row['type']}")
            for row in self.rows(service, "SELECT handler, reason FROM failed_events"):
                problems.append(f"{row['handler']} failed: {row['reason']}")
        return problems

    def _unfinished(self, company_id: str) -> list[str]:
        problems = [
            f"the mail {row['template']} is {row['state']}"
            for row in self._of("notifications", "messages", company_id)
            if row["state"] not in FINAL_STATES
        ]
        for service in SERVICES_WITH_DATA:
            held = "SELECT key FROM idempotency_keys WHERE state = 'running' AND scope = :scope"
            problems += [f"{service} still holds a request's key" for _ in self.rows(service, held, scope=company_id)]
        waiting = self.rows(
            "billing", "SELECT kind, provider_ref, payment_id FROM webhook_notices WHERE due_at IS NOT NULL"
        )
        checkouts = self._of("billing", "checkouts", company_id)
        ours = {row[name] for row in checkouts for name in ("id", "provider_ref")} - {None}
        problems += [
            f"the webhook {row['kind']} waits" for row in waiting if ours & {row["provider_ref"], row["payment_id"]}
        ]
        return problems


def _message_id(entry: Row) -> str:
    return str(entry["message_id"]).lstrip("<").partition("@")[0]


def _minor(entry: Row) -> int:
    return int(entry["amount_minor"]) if "amount_minor" in entry else int(Decimal(entry["value"]) * 100)

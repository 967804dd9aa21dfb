"""
The count after the storm: what the processors and the catcher accepted, against what the product knows.

Pure: it gets the ledgers, the databases and what the clients were answered, as plain
rows, and says for every figure of the last line which ones were wrong.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]

#: The figures of the last line that must be zero, in its order.
ZEROS = (
    "paid_without_subscription",
    "charged_twice",
    "subscription_without_payment",
    "worker_writes_lost",
    "count_mismatch",
    "events_lost",
    "mails_twice",
    "mails_missing",
)
#: And of the line before it.
FURTHER = ("money_returned", "approved_not_charged", "choices_lost", "dead_letters", "clients_failed")

#: Mail that a company gets without being asked anything, and how its subject begins.
SUBJECTS = {"verify_email": "Confirm", "welcome": "Welcome", "receipt": "Receipt "}

#: States of a message in which nothing more happens, and which mean that it was not sent although it should be.
UNSENT = ("failed", "dead", "unknown")

#: How long before a first copy something may have been hit that kept its mark from being written:
#: a frozen process, a database that is away.
HIT_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Hit:
    """Something that was done to the product, by the machine's clock."""

    kind: str
    target: str
    began: float
    ended: float


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything that is counted; rows as the databases and ledgers have them."""

    #: What the clients were answered.
    notes: Sequence[Row] = ()
    #: What the processors accepted, and the mail catcher, from their files.
    processors: Sequence[Row] = ()
    catcher: Sequence[Row] = ()
    #: Of the databases, by ``service.table``.
    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    #: event type → handlers (contracts/topology.py).
    subscriptions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Messages in the broker's queues, by queue.
    queues: Mapping[str, int] = field(default_factory=dict)
    hits: Sequence[Hit] = ()
    complaints: Sequence[str] = ()

    def rows(self, table: str) -> Sequence[Row]:
        return self.tables.get(table, ())

    def noted(self, what: str) -> list[Row]:
        return [note for note in self.notes if note["what"] == what]

    def accepted(self, *kinds: str) -> list[Row]:
        return [entry for entry in self.processors if entry["kind"] in kinds]


@dataclass
class Verdict:
    """Each figure as the list of what makes it up."""

    purchases: int = 0
    wrong: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in (*ZEROS, *FURTHER)})
    #: Mails that came again under their Message-ID, where the one window that allows it was hit (docs/mail).
    copies: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not any(self.wrong.values())

    def figures(self, names: Iterable[str]) -> str:
        return " ".join(f"{name}={len(self.wrong[name])}" for name in names)


def count(evidence: Evidence) -> Verdict:
    """All figures; nothing is changed."""
    verdict = Verdict()
    _count_money(evidence, verdict)
    _count_workers(evidence, verdict)
    _count_events(evidence, verdict)
    _count_mails(evidence, verdict)
    _count_choices(evidence, verdict)
    verdict.wrong["clients_failed"] = list(evidence.complaints)
    return verdict


# Money


def _count_money(evidence: Evidence, verdict: Verdict) -> None:
    wrong = verdict.wrong
    charges = evidence.accepted("charge", "capture")
    returned = {entry.get("charge", entry.get("capture")) for entry in evidence.accepted("refund")}
    taken = Counter(str(entry["payment_id"]) for entry in charges)
    verdict.purchases = len(taken)
    for checkout_id, times in taken.items():
        wrong["charged_twice"] += [checkout_id] * (times - 1)
    wrong["money_returned"] = [str(entry["payment_id"]) for entry in charges if entry["ref"] in returned]
    companies = {str(row["id"]): str(row["company_id"]) for row in evidence.rows("billing.checkouts")}
    bought = Counter(companies.get(checkout_id, "nobody") for checkout_id in taken)
    wanted = Counter(str(note["company_id"]) for note in evidence.noted("paid"))
    for company_id, times in bought.items():
        # Two checkouts of a buyer who decided once: to the buyer that is a double charge as well.
        wrong["charged_twice"] += [company_id] * (times - max(wanted[company_id], 1))

    years = Counter(str(row["checkout_id"]) for row in evidence.rows("billing.subscription_years"))
    payments = Counter(str(row["checkout_id"]) for row in evidence.rows("billing.payments"))
    paid = {str(row["id"]) for row in evidence.rows("billing.checkouts") if row["state"] == "paid"}
    invoices = Counter(str(row["checkout_id"]) for row in evidence.rows("billing.invoices"))
    for checkout_id in taken:
        found = (checkout_id in paid, years[checkout_id], payments[checkout_id], invoices[checkout_id])
        if found != (True, 1, 1, 1):
            wrong["paid_without_subscription"].append(
                f"{checkout_id} (paid, years, payments, invoices: {found})"
            )
    for checkout_id in {*years, *payments, *paid} - set(taken):
        wrong["subscription_without_payment"].append(checkout_id)
    orders = {entry["ref"]: entry["payment_id"] for entry in evidence.accepted("order")}
    for entry in evidence.accepted("approval"):
        if orders.get(entry["ref"]) not in taken:
            wrong["approved_not_charged"].append(str(orders.get(entry["ref"])))
    for note in evidence.noted("paid"):
        if note["checkout_id"] not in taken:
            wrong["approved_not_charged"].append(str(note["checkout_id"]))


# Workers


def _count_workers(evidence: Evidence, verdict: Verdict) -> None:
    lost, mismatched = verdict.wrong["worker_writes_lost"], verdict.wrong["count_mismatch"]
    workers = {str(row["id"]): row for row in evidence.rows("workers.workers")}
    archived = {note["worker_id"] for note in evidence.noted("archived")}
    titles = {note["worker_id"]: note["title"] for note in evidence.noted("changed")}
    for note in evidence.noted("hired"):
        found = workers.get(note["worker_id"])
        if found is None or found["company_id"] != note["company_id"] or found["department"] != note["mark"]:
            lost.append(f"hired {note['worker_id']}")
    for worker_id, title in titles.items():
        if worker_id in workers and workers[worker_id]["title"] != title:
            lost.append(f"changed {worker_id}")
    for worker_id in archived:
        if worker_id in workers and workers[worker_id]["status"] != "archived":
            lost.append(f"archived {worker_id}")

    hired = Counter(note["company_id"] for note in evidence.noted("hired"))
    gone = Counter(note["company_id"] for note in evidence.noted("archived"))
    there = Counter(row["company_id"] for row in workers.values())
    managed = Counter(row["company_id"] for row in workers.values() if row["status"] != "archived")
    kept = {row["company_id"]: row["managed"] for row in evidence.rows("workers.managed_counts")}
    billed = {row["company_id"]: row["managed"] for row in evidence.rows("billing.meters")}
    for company_id in {*hired, *there}:
        figures = (
            hired[company_id] - gone[company_id], managed[company_id], kept.get(company_id, 0),
            billed.get(company_id, 0),
        )  # fmt: skip
        if len(set(figures)) > 1 or hired[company_id] != there[company_id]:
            mismatched.append(f"{company_id} (promised, there, counted, billed: {figures})")


# Events


def _count_events(evidence: Evidence, verdict: Verdict) -> None:
    lost = verdict.wrong["events_lost"]
    handled: dict[str, set[str]] = defaultdict(set)
    for name, rows in evidence.tables.items():
        if name.endswith(".inbox"):
            for row in rows:
                handled[str(row["event_id"])].add(str(row["handler"]))
    for name, rows in evidence.tables.items():
        if name.endswith(".outbox"):
            for row in rows:
                if row["published_at"] is None:
                    lost.append(f"{row['type']} {row['event_id']} is not published")
                for handler in evidence.subscriptions.get(row["type"], ()):
                    if handler not in handled[str(row["event_id"])]:
                        lost.append(f"{row['type']} {row['event_id']} was not handled by {handler}")
        if name.endswith(".failed_events"):
            verdict.wrong["dead_letters"] += [f"{row['handler']} {row['event_id']}: {row['state']}" for row in rows]
    verdict.wrong["dead_letters"] += [
        f"{number} in {queue}" for queue, number in evidence.queues.items() if queue.startswith("dead.") and number
    ]


# Mail


def message_id(entry: Row) -> str:
    """The product's own name of a mail, out of its Message-ID."""
    return str(entry["message_id"]).lstrip("<").partition("@")[0]


def _count_mails(evidence: Evidence, verdict: Verdict) -> None:
    twice, missing = verdict.wrong["mails_twice"], verdict.wrong["mails_missing"]
    arrived: dict[str, list[Row]] = defaultdict(list)
    for entry in evidence.catcher:
        arrived[message_id(entry)].append(entry)
    messages = {str(row["id"]): row for row in evidence.rows("notifications.messages")}
    for name, row in messages.items():
        # What everybody gets is counted by address below, and no loss twice.
        unsent = row["state"] in UNSENT or (row["state"] == "sent" and name not in arrived)
        if unsent and row["template"] not in SUBJECTS:
            missing.append(f"{row['template']} {name} is {row['state']}")
    for name, copies in arrived.items():
        category = messages[name]["category"] if name in messages else ""
        for again in copies[1:]:
            said = f"{again['subject']!r} to {again['to'][0]} as {name}"
            allowed = category in ("security", "plan_status", "legal_notice")
            (verdict.copies if allowed and _was_hit(evidence.hits, copies[0], again) else twice).append(said)

    # By address and subject alone: a second message about the same thing has another Message-ID.
    told: dict[str, Counter[str]] = defaultdict(Counter)
    for copies in arrived.values():
        for address in copies[0]["to"]:
            told[address].update(_template(copies[0]["subject"]))
    for address, wanted in _wanted(evidence).items():
        for template, number in wanted.items():
            missing += [f"{template} to {address}"] * (number - told[address][template])
            twice += [f"{template} to {address}"] * (told[address][template] - number)


def _template(subject: str) -> list[str]:
    return [template for template, words in SUBJECTS.items() if subject.startswith(words)]


def _wanted(evidence: Evidence) -> dict[str, Counter[str]]:
    """Address → what must have come to it, from the notes of who joined and the processors' charges."""
    addresses = {note["company_id"]: note["email"] for note in evidence.noted("joined")}
    wanted = {note["email"]: Counter({"verify_email": 1}) for note in evidence.noted("registered")}
    companies = {row["id"]: row["company_id"] for row in evidence.rows("billing.checkouts")}
    for checkout_id in {entry["payment_id"] for entry in evidence.accepted("charge", "capture")}:
        address = addresses.get(companies.get(checkout_id, ""))
        if address is not None:
            wanted[address].update(receipt=1)
            wanted[address]["welcome"] = 1
    return wanted


def _was_hit(hits: Sequence[Hit], first: Row, again: Row) -> bool:
    """
    Whether the process that sent the first copy, or its database, was hit before it could note that.

    Nobody can know then whether the mail arrived; docs/mail says for which mail we rather repeat it.
    """
    senders = ("notifications", "database")
    return any(
        hit.target in senders and hit.began - HIT_SECONDS <= first["wall"] <= hit.ended + HIT_SECONDS
        for hit in hits
        if hit.began <= again["wall"]
    )


# Preferences


def _count_choices(evidence: Evidence, verdict: Verdict) -> None:
    chosen = {(note["user_id"], note["category"]): note["wanted"] for note in evidence.noted("chosen")}
    rows = evidence.rows("notifications.preferences")
    kept = {(row["user_id"], row["category"]): bool(row["wanted"]) for row in rows}
    for key, wanted in chosen.items():
        # Without a row what a category starts with holds, and promotions start switched off.
        if kept.get(key, False) != wanted:
            verdict.wrong["choices_lost"].append(f"{key[0]} {key[1]}")


# What is under way


def unfinished(evidence: Evidence) -> list[str]:
    """What still has to happen before a count means anything; empty when the product has drained."""
    left = []
    verdict = count(evidence)
    left += verdict.wrong["events_lost"]
    for name, rows in evidence.tables.items():
        if name.endswith(".failed_events"):
            left += [f"{row['handler']} will be tried again" for row in rows if row["state"] == "retry"]
        if name.endswith(".idempotency_keys"):
            left += [f"{name} holds the key of a request" for row in rows if row["state"] == "running"]
    left += [
        f"the mail {row['template']} {row['id']} is {row['state']}"
        for row in evidence.rows("notifications.messages")
        if row["state"] in ("queued", "sending")
    ]
    left += [
        f"the webhook {row['kind']} waits"
        for row in evidence.rows("billing.webhook_notices")
        if row["due_at"] is not None
    ]
    # An order that nobody paid stays open for hours, and nothing has to happen to it.
    charged = {entry["payment_id"] for entry in evidence.accepted("charge", "capture")}
    wanted = charged | {note["checkout_id"] for note in evidence.noted("paid")}
    left += [
        f"the checkout {row['id']} is {row['state']}"
        for row in evidence.rows("billing.checkouts")
        if row["state"] in ("unknown", "processing") or (row["id"] in wanted and row["state"] == "open")
    ]
    left += [f"{number} wait in {queue}" for queue, number in evidence.queues.items() if number and _flows(queue)]
    return left


def _flows(queue: str) -> bool:
    return not queue.startswith("dead.")

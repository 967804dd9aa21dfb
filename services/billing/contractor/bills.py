"""Bills of a company that sells: written once, sent, withdrawn, and filed (T13)."""

import base64
import secrets
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import orjson

from actiontrac import clock
from actiontrac.contracts.billing import BillIssued, BillOverdue, BillVoided, InvoiceFile, MembershipTerminated
from actiontrac.contracts.contractor_bills import (
    LEAST_BILL,
    MOST_BILL,
    BillContactView,
    BillList,
    BillNotVoidable,
    BillRequest,
    BillTotalWrong,
    BillView,
    DueDateWrong,
    NotASeller,
    last_due_day,
)
from actiontrac.ids import new_id
from actiontrac.schemas import parse
from actiontrac.service import every, rpc
from services.billing.contractor.accounts import SellerAccounts
from services.billing.contractor.models import Bill
from services.billing.contractor.paid import next_number
from services.billing.contractor.repository import hash_of
from services.billing.contractor.views import bill_view, document_of, page_url, sums_of, written_lines
from services.billing.providers.money import Money
from services.billing.repository import BillingStore, request_key
from services.billing.taxes import Sums

#: Few at a time; other replicas take their share.
AT_A_TIME = 50


class Bills(SellerAccounts):
    @rpc(requires="billing.write", write=True)
    def issue_bill(self, *, company_id: str, user_id: str, bill: dict[str, Any]) -> BillView:
        """
        Write a bill and mail it to the client; it gets the seller's next number and never changes.

        However often a request with one Idempotency-Key arrives there is one bill.

        Raises:
            NotASeller: no account is connected that it could be paid into.
            BillTotalWrong, DueDateWrong: it could not be paid as it is.
            MembershipTerminated: the company left for good.
        """
        wanted = parse(BillRequest, bill)
        today = clock.today()
        comes_to = sums_of(wanted, self.tax_rules.rounding)
        if not LEAST_BILL <= comes_to.total <= MOST_BILL:
            least, most = Money(LEAST_BILL, wanted.currency), Money(MOST_BILL, wanted.currency)
            raise BillTotalWrong.at("lines", f"must add up to between {least} and {most}.")
        if not today <= wanted.due_on <= last_due_day(today):
            raise DueDateWrong.at("due_on", f"must lie between {today} and {last_due_day(today)}.")
        self.look_at_accounts(company_id)
        company = self.company_of(company_id)
        now = clock.now()
        with self.store(company_id) as store:
            seller = orjson.loads(self.parties_of(store, company))["buyer"]
            written = store.bill_of_key(request_key()) or self._write(store, wanted, user_id, comes_to, seller, now)
            return store.answer(bill_view(written, store.credits_of(written.id), self.settings.public_url, today))

    def _write(
        self, store: BillingStore, wanted: BillRequest, user_id: str, comes_to: Sums, seller: list[str], now: datetime
    ) -> Bill:
        life = store.subscription()
        if life is not None and life.terminated_on is not None:
            raise MembershipTerminated()
        ready = [account for account in store.seller_accounts() if account.ready and account.provider in self.providers]
        if not ready:
            raise NotASeller()
        token = secrets.token_urlsafe(32)
        environment = ready[0].environment
        written = Bill(
            id=new_id("bil"),
            company_id=store.company_id,
            number=next_number(store, "bill", store.company_id, environment),
            environment=environment,
            state="open",
            issued_by=user_id,
            request_key=request_key(),
            link_hash=hash_of(token),
            total_minor=comes_to.total,
            refunded_minor=0,
            currency=wanted.currency,
            issued_on=now.date(),
            due_on=wanted.due_on,
            remind_at=datetime.combine(wanted.due_on + timedelta(days=1), time.min, UTC),
        )
        written.token = token
        written.client = orjson.dumps(wanted.client.model_dump()).decode()
        written.seller = orjson.dumps(seller).decode()
        written.lines = written_lines(wanted, comes_to)
        written.note = wanted.note or None
        store.session.add(written)
        store.session.flush()
        store.publish(BillIssued(company_id=store.company_id, **_facts(written), due_on=written.due_on.isoformat()))
        return written

    @rpc(requires="billing.read")
    def list_bills(self, *, company_id: str, limit: int = 50, cursor: str | None = None) -> BillList:
        """The company's bills, newest first."""
        with self.store(company_id) as store:
            found, next_cursor = store.bills(limit=limit, cursor=cursor)
            return {"items": [self.shown(store, bill) for bill in found], "next_cursor": next_cursor}

    @rpc(requires="billing.read")
    def get_bill(self, *, company_id: str, bill_id: str) -> BillView:
        """
        Raises:
            BillNotFound: this company has no such bill.
        """
        with self.store(company_id) as store:
            return self.shown(store, store.bill(bill_id))

    @rpc(requires="billing.read")
    def get_bill_pdf(self, *, company_id: str, bill_id: str) -> InvoiceFile:
        """
        Raises:
            BillNotFound: this company has no such bill.
        """
        with self.store(company_id) as store:
            bill = store.bill(bill_id)
            return self.drawn(store, bill)

    def drawn(self, store: BillingStore, bill: Bill) -> InvoiceFile:
        payment = store.payment(bill.checkout_id) if bill.checkout_id is not None else None
        document = document_of(bill, store.credits_of(bill.id), payment.provider_ref if payment is not None else None)
        # Fonts take a third of a start's time; who starts need not wait for them.
        from services.billing.paper import pdf_of

        return {"filename": f"{bill.number}.pdf", "content": base64.b64encode(pdf_of(document)).decode()}

    def shown(self, store: BillingStore, bill: Bill) -> BillView:
        return bill_view(bill, store.credits_of(bill.id), self.settings.public_url, clock.today())

    @rpc(requires="billing.write", write=True)
    def void_bill(self, *, company_id: str, bill_id: str) -> BillView:
        """
        Withdraw a bill that nobody has paid: its pages at the processors are closed, and a
        payment that arrives all the same goes back. The number stays used. Safe to repeat.

        Raises:
            BillNotFound: this company has no such bill.
            BillNotVoidable: it is paid, or is just being paid.
        """
        now = clock.now()
        with self.store(company_id) as store:
            bill = store.bill(bill_id, lock=True)
            if bill.state != "void":
                if not bill.payable or any(one.state == "processing" for one in store.checkouts_of_bill(bill.id)):
                    raise BillNotVoidable()
                bill.state, bill.voided_at, bill.remind_at = "void", now, None
                for attempt in store.open_bill_checkouts(bill_id=bill.id):
                    attempt.next_check_at = now
                store.publish(BillVoided(company_id=company_id, bill_id=bill.id, bill_number=bill.number))
            return store.answer(self.shown(store, bill))

    # Services only

    @rpc()
    def get_bill_contact(self, *, bill_id: str) -> BillContactView:
        """
        Whom a bill's mail goes to, asked at the moment of sending; kept nowhere else.

        Raises:
            BillNotFound: there is none.
        """
        with self.store.across_companies() as store:
            bill = store.bill(bill_id)
            client = orjson.loads(bill.client or "{}")
            return {
                "bill_id": bill.id,
                "company_id": bill.company_id,
                "email": client["email"],
                "client_name": client["name"],
                "seller_name": orjson.loads(bill.seller or "[]")[0],
                "page_url": page_url(self.settings.public_url, bill),
                "state": bill.state,  # type: ignore[typeddict-item]
            }

    @every(seconds=30)
    def tell_overdue_bills(self) -> None:
        """Tell once that a bill was not paid by its day; the client is reminded by mail."""
        now, today = clock.now(), clock.today()
        with self.store.across_companies() as store:
            due = store.claim_overdue_bills(today, now, AT_A_TIME)
        for company_id, bill_id in due:
            self._tell_overdue(company_id, bill_id, today)

    def _tell_overdue(self, company_id: str, bill_id: str, today: date) -> None:
        with self.store(company_id) as store:
            bill = store.bill(bill_id, lock=True)
            if bill.remind_at is None:
                return
            bill.remind_at = None
            if bill.is_overdue(today):
                store.publish(BillOverdue(company_id=company_id, **_facts(bill), due_on=bill.due_on.isoformat()))


def _facts(bill: Bill) -> dict[str, Any]:
    return {
        "bill_id": bill.id, "bill_number": bill.number, "amount_minor": bill.total_minor, "currency": bill.currency,
    }  # fmt: skip

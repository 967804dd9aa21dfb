"""Every query about a company that sells."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select

from actiontrac.contracts.billing import CheckoutNotFound
from actiontrac.contracts.contractor_bills import BillNotFound, SellerAccountNotFound
from actiontrac.ids import new_id
from actiontrac.storage import Store
from services.billing.contractor.models import Bill, BillCredit, SellerAccount
from services.billing.models import Checkout, Disclosure

#: Claimed by a timer and not finished: taken up again after this.
CLAIM_SECONDS = 60


def hash_of(token: str) -> str:
    """Links are found by a hash, so that the table gives none of them away."""
    return hashlib.sha256(token.encode()).hexdigest()


class ContractorStore(Store):
    # Accounts

    def seller_accounts(self) -> Sequence[SellerAccount]:
        return self.session.scalars(
            select(SellerAccount).where(SellerAccount.company_id == self.company_id).order_by(SellerAccount.provider)
        ).all()

    def seller_account(self, provider: str, *, lock: bool = False) -> SellerAccount:
        """
        Raises:
            SellerAccountNotFound: this company never connected one.
        """
        statement = select(SellerAccount).where(
            SellerAccount.company_id == self.company_id, SellerAccount.provider == provider
        )
        found: SellerAccount | None = self.session.scalar(statement.with_for_update() if lock else statement)
        if found is None:
            raise SellerAccountNotFound()
        return found

    def seller_account_for_change(self, provider: str, environment: str, user_id: str, now: datetime) -> SellerAccount:
        """The company's row of a processor, locked; made when it is first needed."""
        self._insert_once(
            SellerAccount, id=new_id("sel"), company_id=self.company_id, provider=provider, account=None,
            environment=environment, state="disconnected", connected_by=user_id, created_at=now,
        )  # fmt: skip
        return self.seller_account(provider, lock=True)

    # Bills

    def bill(self, bill_id: str, *, lock: bool = False) -> Bill:
        """
        Raises:
            BillNotFound: there is none, or it is another company's.
        """
        statement = select(Bill).where(Bill.id == bill_id)
        found: Bill | None = self.session.scalar(statement.with_for_update() if lock else statement)
        if found is None:
            raise BillNotFound()
        return found

    def bill_behind(self, token: str) -> Bill:
        """
        The bill of a client's link.

        Raises:
            BillNotFound: we did not make this link.
        """
        found: Bill | None = self.session.scalar(select(Bill).where(Bill.link_hash == hash_of(token)))
        if found is None:
            raise BillNotFound()
        return found

    def bill_of_key(self, key: str | None) -> Bill | None:
        """What an earlier, interrupted run of a request wrote."""
        if key is None:
            return None
        return self.session.scalar(select(Bill).where(Bill.company_id == self.company_id, Bill.request_key == key))

    def bills(self, *, limit: int, cursor: str | None) -> tuple[list[Bill], str | None]:
        return self.newest(Bill, limit, cursor, Bill.company_id == self.company_id)

    def credits_of(self, bill_id: str) -> Sequence[BillCredit]:
        return self.session.scalars(
            select(BillCredit).where(BillCredit.bill_id == bill_id).order_by(BillCredit.id)
        ).all()

    def claim_overdue_bills(self, today: date, now: datetime, limit: int) -> list[tuple[str, str]]:
        """Company and id of bills whose client must be reminded; no other replica gets them for a while."""
        due = select(Bill).where(Bill.remind_at <= now).order_by(Bill.remind_at).limit(limit)
        rows = self.claim_due(due)
        for row in rows:
            row.remind_at = now + timedelta(seconds=CLAIM_SECONDS)
        return [(row.company_id, row.id) for row in rows]

    # Payments of bills

    def purchase(self, checkout_id: str, *, lock: bool = False) -> Checkout:
        """
        A checkout of the company's own, not one of a client who pays its bill.

        Raises:
            CheckoutNotFound: there is none, or it is another company's.
        """
        statement = select(Checkout).where(Checkout.id == checkout_id, Checkout.bill_id.is_(None))
        found: Checkout | None = self.session.scalar(statement.with_for_update() if lock else statement)
        if found is None:
            raise CheckoutNotFound()
        return found

    def checkouts_of_bill(self, bill_id: str) -> Sequence[Checkout]:
        """Every attempt to pay a bill, newest first."""
        return self.session.scalars(
            select(Checkout).where(Checkout.bill_id == bill_id).order_by(Checkout.id.desc())
        ).all()

    def open_bill_checkouts(self, *, bill_id: str | None = None, provider: str | None = None) -> Sequence[Checkout]:
        """
        Attempts to pay one bill, or by one processor, that could still be paid. One that is
        being settled right now is left out: waiting for it here could be waiting for each other.
        """
        which = Checkout.bill_id == bill_id if bill_id is not None else Checkout.provider == provider
        return self.claim_due(
            select(Checkout).where(
                Checkout.company_id == self.company_id, Checkout.bill_id.is_not(None), which,
                Checkout.state.in_(("open", "processing", "unknown")),
            )
        )  # fmt: skip

    # Disclosures

    def disclosures(self, *, limit: int, cursor: str | None) -> tuple[list[Disclosure], str | None]:
        return self.newest(Disclosure, limit, cursor, Disclosure.company_id == self.company_id)

"""Tables of a company that sells: its processor accounts, its bills, and its credit notes."""

from datetime import date, datetime

from sqlalchemy import Date, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped

from actiontrac.storage import CompanyOwned, Sealed, UTCDateTime, column, sealed_column
from services.billing.tables import ID, REF, Base, billed


class SellerAccount(CompanyOwned, Base):
    """The company's own account at a processor; ``id`` is the key under which it was opened there."""

    __tablename__ = "seller_accounts"
    __table_args__ = (UniqueConstraint("company_id", "provider"),)
    id: Mapped[str] = column(ID, "corporate", primary_key=True, purpose="identity")
    provider: Mapped[str] = column(String(10), "corporate", purpose="which processor", nullable=False)
    account: Mapped[str | None] = column(
        REF, "corporate", purpose="where the company's money goes, as the processor names it", nullable=True
    )
    environment: Mapped[str] = column(String(10), "corporate", purpose="sandbox money is nobody's", nullable=False)
    state: Mapped[str] = column(String(12), "corporate", purpose="whether it can be paid into", nullable=False)
    connected_by: Mapped[str] = column(ID, "personal", purpose="who connected it", nullable=False)
    created_at: Mapped[datetime] = column(UTCDateTime, "corporate", purpose="order", nullable=False)
    connected_at: Mapped[datetime | None] = column(
        UTCDateTime, "corporate", purpose="since when it can be paid into", nullable=True
    )

    @property
    def ready(self) -> bool:
        return self.state == "ready" and self.account is not None


class Bill(CompanyOwned, Base):
    """A bill to a client: numbered without gaps for each seller; what stands on it never changes."""

    __tablename__ = "bills"
    __table_args__ = (UniqueConstraint("company_id", "number"), UniqueConstraint("company_id", "request_key"))
    id: Mapped[str] = billed(ID, "corporate", primary_key=True, purpose="identity")
    number: Mapped[str] = billed(String(40), "corporate", purpose="gapless number of this seller")
    environment: Mapped[str] = billed(String(10), "corporate", purpose="sandbox money is nobody's")
    state: Mapped[str] = billed(String(14), "corporate", purpose="where it stands")
    issued_by: Mapped[str] = billed(ID, "personal", purpose="who wrote it")
    request_key: Mapped[str | None] = billed(
        String(64), "corporate", purpose="a repeated request continues this one", nullable=True
    )
    link_hash: Mapped[str] = billed(
        String(64), "corporate", purpose="finds the bill of a link", unique=True, index=True
    )
    total_minor: Mapped[int] = billed(Integer, "corporate", purpose="sum of the lines")
    refunded_minor: Mapped[int] = billed(Integer, "corporate", purpose="a refund never exceeds the payment", default=0)
    currency: Mapped[str] = billed(String(3), "corporate", purpose="of the amounts")
    issued_on: Mapped[date] = billed(Date, "corporate", purpose="date of the document")
    due_on: Mapped[date] = billed(Date, "corporate", purpose="until when it should be paid")
    checkout_id: Mapped[str | None] = billed(ID, "corporate", purpose="which payment paid it", nullable=True)
    method: Mapped[str | None] = billed(String(10), "corporate", purpose="kind of method (T2)", nullable=True)
    paid_at: Mapped[datetime | None] = billed(UTCDateTime, "corporate", purpose="when money arrived", nullable=True)
    voided_at: Mapped[datetime | None] = billed(UTCDateTime, "corporate", purpose="when withdrawn", nullable=True)
    remind_at: Mapped[datetime | None] = column(
        UTCDateTime, "corporate", purpose="when the client is told that it is overdue", nullable=True, index=True
    )
    link_sealed: Mapped[bytes | None] = sealed_column(purpose="the client's link", retention="invoice")
    client_sealed: Mapped[bytes | None] = sealed_column(
        purpose="the client's name, e-mail and postal address, for this bill only", retention="invoice"
    )
    seller_sealed: Mapped[bytes | None] = sealed_column(
        purpose="the seller's name and address as they stand on it", retention="invoice"
    )
    lines_sealed: Mapped[bytes | None] = sealed_column(
        purpose="what was sold, in the seller's words", retention="invoice"
    )
    note_sealed: Mapped[bytes | None] = sealed_column(purpose="a note to the client", retention="invoice")
    token = Sealed("link_sealed")
    client = Sealed("client_sealed")
    seller = Sealed("seller_sealed")
    lines = Sealed("lines_sealed")
    note = Sealed("note_sealed")

    @property
    def payable(self) -> bool:
        return self.state == "open"

    def is_overdue(self, today: date) -> bool:
        return self.payable and today > self.due_on


class BillCredit(CompanyOwned, Base):
    """A credit note of a bill: numbered without gaps for each seller, never changed."""

    __tablename__ = "bill_credits"
    __table_args__ = (UniqueConstraint("company_id", "number"), UniqueConstraint("company_id", "refund_id"))
    id: Mapped[str] = billed(ID, "corporate", primary_key=True, purpose="identity")
    number: Mapped[str] = billed(String(40), "corporate", purpose="gapless number of this seller")
    bill_id: Mapped[str] = billed(ID, "corporate", purpose="what it is about", index=True)
    refund_id: Mapped[str] = billed(ID, "corporate", purpose="the money that went back")
    amount_minor: Mapped[int] = billed(Integer, "corporate", purpose="how much")
    currency: Mapped[str] = billed(String(3), "corporate", purpose="of the amount")
    issued_on: Mapped[date] = billed(Date, "corporate", purpose="date of the document")

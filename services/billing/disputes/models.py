"""The table of disputes: ids, words of the processor and amounts; nothing about a person."""

from datetime import datetime

from sqlalchemy import Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped

from actiontrac.storage import CompanyOwned, UTCDateTime
from services.billing.tables import ID, REF, Base, billed


class Dispute(CompanyOwned, Base):
    """A buyer's objection to a payment at the bank or processor (B27); the processor says how it ends."""

    __tablename__ = "disputes"
    __table_args__ = (UniqueConstraint("company_id", "provider_ref"),)
    id: Mapped[str] = billed(ID, "corporate", primary_key=True, purpose="identity")
    checkout_id: Mapped[str] = billed(ID, "corporate", purpose="which payment is disputed", index=True)
    provider: Mapped[str] = billed(String(10), "corporate", purpose="which processor")
    provider_ref: Mapped[str] = billed(REF, "corporate", purpose="the processor's reference")
    reason: Mapped[str] = billed(String(60), "corporate", purpose="why, in the processor's word")
    amount_minor: Mapped[int] = billed(Integer, "corporate", purpose="how much is disputed")
    currency: Mapped[str] = billed(String(3), "corporate", purpose="of the amounts")
    fee_minor: Mapped[int] = billed(Integer, "corporate", purpose="what the processor took for it", default=0)
    state: Mapped[str] = billed(String(10), "corporate", purpose="open, won or lost")
    opened_at: Mapped[datetime] = billed(UTCDateTime, "corporate", purpose="when we heard of it")
    closed_at: Mapped[datetime | None] = billed(UTCDateTime, "corporate", purpose="when it was decided", nullable=True)

"""Every query about disputes, and about refunds that were made at the processor."""

from collections.abc import Sequence

from sqlalchemy import select

from actiontrac.storage import Store
from services.billing.models import Checkout, Dispute, Refund


class DisputesStore(Store):
    def refund_at(self, provider_ref: str, ours: str | None) -> Refund | None:
        """The refund that the processor means: by the id that we gave it, or by its own."""
        statement = select(Refund).where((Refund.provider_ref == provider_ref) | (Refund.id == (ours or "")))
        return self.session.scalar(statement.with_for_update())

    def dispute_at(self, provider_ref: str) -> Dispute | None:
        return self.session.scalar(select(Dispute).where(Dispute.provider_ref == provider_ref).with_for_update())

    def has_open_dispute(self) -> bool:
        """Whether a payment of the company is disputed now."""
        disputed = select(Checkout.id).where(Checkout.company_id == self.company_id, Checkout.dispute == "open")
        return self.session.scalar(disputed.limit(1)) is not None

    def disputes_of(self, checkout_id: str) -> Sequence[Dispute]:
        return self.session.scalars(select(Dispute).where(Dispute.checkout_id == checkout_id)).all()

    def disputes(self, *, state: str | None, limit: int, cursor: str | None) -> tuple[list[Dispute], str | None]:
        """Of every company, newest first; for the staff."""
        which = [] if state is None else [Dispute.state == state]
        return self.newest(Dispute, limit, cursor, *which)

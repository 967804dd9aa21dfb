"""Disputes as other services and the staff see them."""

from typing import Any, cast

from actiontrac import clock
from actiontrac.contracts.billing import DisputeView
from services.billing.models import Dispute


def dispute_view(dispute: Dispute) -> DisputeView:
    return {
        "id": dispute.id,
        "company_id": dispute.company_id,
        "checkout_id": dispute.checkout_id,
        "provider": cast(Any, dispute.provider),
        "provider_ref": dispute.provider_ref,
        "state": cast(Any, dispute.state),
        "reason": dispute.reason,
        "amount_minor": dispute.amount_minor,
        "fee_minor": dispute.fee_minor,
        "currency": dispute.currency,
        "opened_at": clock.iso(dispute.opened_at),
        "closed_at": clock.iso(dispute.closed_at) if dispute.closed_at else None,
    }

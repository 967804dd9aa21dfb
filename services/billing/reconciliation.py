"""What nobody came back for: open, pending and unknown outcomes are looked up at the processor (B10)."""

from actiontrac import clock, log
from actiontrac.errors import Unavailable
from actiontrac.service import every
from services.billing.disputes.methods import AfterPayment
from services.billing.providers import ProviderUnavailable

_log = log.get(__name__)

#: Few at a time: each is a call to a processor, and other replicas take their share.
AT_A_TIME = 10


class Reconciliation(AfterPayment):
    @every(seconds=2)
    def reconcile_checkouts(self) -> None:
        """
        Find out about checkouts that are due: an unknown outcome, a lost webhook, a buyer
        who did not come back, a page whose time is over; and once a day about what was
        paid, because a dispute or a refund at the processor may come without a webhook.
        """
        with self.store.across_companies() as store:
            due = store.claim_due_checkouts(clock.now(), AT_A_TIME)
        for checkout_id in due:
            try:
                self.look_after(checkout_id)
            except (ProviderUnavailable, Unavailable) as problem:
                _log.warning("checkout_postponed", checkout_id=checkout_id, error=type(problem).__name__)
            except Exception as problem:
                # One that cannot be worked on must not keep the others waiting.
                _log.error("checkout_not_reconciled", checkout_id=checkout_id, exc_info=problem)

    @every(seconds=2)
    def reconcile_refunds(self) -> None:
        """Begin refunds that a rule decided, and repeat those whose outcome is not known."""
        with self.store.across_companies() as store:
            due = store.claim_due_refunds(clock.now(), AT_A_TIME)
        for refund_id in due:
            try:
                self.give_back_if_possible(refund_id)
            except Exception as problem:
                _log.error("refund_not_reconciled", refund_id=refund_id, exc_info=problem)

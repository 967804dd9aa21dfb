"""The client's side of a bill: the page, the payment, the way back; the link's token is the proof (T13)."""

from typing import Any

import orjson

from actiontrac import clock
from actiontrac.contracts.billing import CheckoutNotFound, InvoiceFile, RefundTooLarge
from actiontrac.contracts.contractor_bills import (
    BillClosed,
    BillMethod,
    BillNotRefundable,
    BillPageView,
    BillPaymentView,
    BillRefundRequest,
    BillRefundView,
    MethodNotOffered,
)
from actiontrac.schemas import parse
from actiontrac.service import PUBLIC, rpc
from services.billing import policies
from services.billing.checkouts import PROVIDERS, Checkouts, ContractorShare
from services.billing.contractor.bills import Bills
from services.billing.contractor.models import Bill
from services.billing.contractor.views import page_view, refund_view
from services.billing.handoff import WayBack
from services.billing.models import Checkout, Refund
from services.billing.providers import Money, PaymentProvider
from services.billing.refunds import Refunds, add_refund
from services.billing.repository import BillingStore
from services.billing.taxes import Sums
from services.billing.taxing import Bill as Amount

METHODS: dict[str, BillMethod] = {"stripe": "card", "paypal": "paypal"}


class BillPayments(Bills, Checkouts, Refunds):
    @rpc(requires=PUBLIC)
    def show_bill(self, *, token: str) -> BillPageView:
        """
        What the client's page shows; looking changes nothing.

        Raises:
            BillNotFound: we did not make this link.
        """
        with self.store.across_companies() as store:
            company_id = store.bill_behind(token).company_id
        with self.store(company_id) as store:
            return self._page(store, store.bill_behind(token))

    @rpc(requires=PUBLIC)
    def show_bill_pdf(self, *, token: str) -> InvoiceFile:
        """
        The same as a document to file.

        Raises:
            BillNotFound: we did not make this link.
        """
        with self.store.across_companies() as store:
            return self.drawn(store, store.bill_behind(token))

    @rpc(requires=PUBLIC, write=True)
    def pay_bill(self, *, token: str, method: BillMethod) -> BillPaymentView:
        """
        Where the client pays: the processor's page, on the seller's own account. Clicking
        twice leads to the same page; nothing is charged before the client approves there.

        Raises:
            BillNotFound: we did not make this link.
            BillClosed: it is paid already, or was withdrawn.
            MethodNotOffered: the seller takes no money this way now.
            ProviderAway: the processor is down; nothing was charged.
        """
        provider = self.processor(PROVIDERS.get(method, method))
        with self.store.across_companies() as store:
            company_id = store.bill_behind(token).company_id
        with self.store(company_id) as store:
            bill = store.bill(store.bill_behind(token).id, lock=True)
            opened = self._open_attempt(store, bill, method, provider)
            # Read while the bill is open: the address is passed on and kept nowhere else.
            email = orjson.loads(bill.client)["email"]
            disclosure = store.disclosure_for(opened.id)
        if opened.approval_url is None and self._may_start(opened, clock.now()):
            back = WayBack(self.settings.public_url, token)
            started = self._start(provider, opened, disclosure, email, back)
            with self.store(company_id) as store:
                opened = store.checkout(opened.id, lock=True)
                if started is not None:
                    opened.started(started.ref, started.redirect_url, now=clock.now())
        return {"approval_url": opened.approval_url}

    def _open_attempt(self, store: BillingStore, bill: Bill, method: BillMethod, provider: PaymentProvider) -> Checkout:
        """The attempt that goes on, or a new one; under the bill's lock, so that two clicks make one."""
        if not bill.payable:
            raise BillClosed()
        now = clock.now()
        account = next((one for one in store.seller_accounts() if one.provider == provider.name), None)
        if account is None or not account.ready or account.environment != bill.environment:
            raise MethodNotOffered()
        seller = account.account or ""
        attempts = store.checkouts_of_bill(bill.id)
        if any(attempt.state == "processing" for attempt in attempts):
            raise BillClosed("A payment of this bill is on its way already; wait until it has arrived.")
        for attempt in attempts:
            going_on = attempt.waiting and attempt.expires_at > now
            if going_on and attempt.provider == provider.name and attempt.seller == seller:
                return attempt
        fee = bill.total_minor * self.fee_basis_points(provider.name) // 10_000
        return self.add_checkout(
            store,
            user_id=bill.id,
            method=method,
            provider=provider,
            now=now,
            minutes=policies.CHECKOUT_HOURS * 60,
            bill=Amount(Sums((bill.total_minor,), ()), "", bill.currency),
            plan=("", 0, bill.number, 0),
            contractor=ContractorShare(bill.id, seller, fee),
        )

    @rpc(requires=PUBLIC)
    def return_to_bill(self, *, token: str, checkout_id: str) -> BillPageView:
        """
        The client's browser is back: go and look, because the address proves nothing.

        Raises:
            BillNotFound: we did not make this link.
            CheckoutNotFound: that was no attempt to pay this bill.
        """
        with self.store.across_companies() as store:
            bill = store.bill_behind(token)
            if store.checkout(checkout_id).bill_id != bill.id:
                raise CheckoutNotFound()
        self.settle_if_possible(checkout_id)
        with self.store(bill.company_id) as store:
            return self._page(store, store.bill(bill.id))

    def _page(self, store: BillingStore, bill: Bill) -> BillPageView:
        methods = [
            METHODS[account.provider]
            for account in store.seller_accounts()
            if account.ready and account.environment == bill.environment and account.provider in self.providers
        ]
        attempts = store.checkouts_of_bill(bill.id)
        return page_view(bill, store.credits_of(bill.id), attempts[0] if attempts else None, methods, clock.today())

    # Money on its way back

    @rpc(requires="billing.write", write=True)
    def refund_bill(self, *, company_id: str, user_id: str, bill_id: str, refund: dict[str, Any]) -> BillRefundView:
        """
        Give a bill's payment back from the seller's account, or part of it; a credit note follows.

        Safe to repeat with the same Idempotency-Key: one refund. Where the processor's
        answer is lost the state is ``unknown`` and the reconciler finds out.

        Raises:
            BillNotFound: this company has no such bill.
            BillNotRefundable: it was not paid, or a refund is under way.
            RefundTooLarge: more than what is left of the payment.
        """
        wanted = parse(BillRefundRequest, refund)
        with self.store(company_id) as store:
            decided = store.refund_of_request() or self._decide_for_bill(store, bill_id, wanted, user_id)
            store.reserve()
        if decided.running:
            self.give_back_if_possible(decided.id)
        with self.store(company_id) as store:
            found = store.refund(decided.id)
            assert found is not None
            return store.answer(refund_view(found, bill_id))

    def _decide_for_bill(self, store: BillingStore, bill_id: str, wanted: BillRefundRequest, user_id: str) -> Refund:
        bill = store.bill(bill_id)
        if bill.checkout_id is None:
            raise BillNotRefundable()
        # The lock lets two requests for one bill see each other.
        checkout = store.checkout(bill.checkout_id, lock=True)
        left = checkout.amount_minor - checkout.refunded_minor
        if left == 0 or any(other.running for other in store.refunds(checkout.id)):
            raise BillNotRefundable()
        amount = left if wanted.amount_minor is None else wanted.amount_minor
        if amount > left:
            raise RefundTooLarge.at("amount_minor", f"At most {Money(left, checkout.currency)} is left to refund.")
        return add_refund(store, checkout, amount, user_id, wanted.reason, clock.now())

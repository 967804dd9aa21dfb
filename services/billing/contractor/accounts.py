"""A company's own account at a processor: connected, looked at, disconnected (T13)."""

from typing import Any

from actiontrac import clock, log
from actiontrac.contracts.contractor_bills import (
    MerchantIdNeeded,
    SellerAccountList,
    SellerAccountRefused,
    SellerAccountRequest,
    SellerAccountView,
)
from actiontrac.failpoints import failpoint, register
from actiontrac.schemas import parse
from actiontrac.service import rpc
from services.billing.base import Billing, away
from services.billing.contractor.models import SellerAccount
from services.billing.contractor.views import account_view
from services.billing.handoff import disclosure_of_account, open_account
from services.billing.models import Disclosure
from services.billing.providers import PaymentProvider, ProviderRefused, ProviderUnavailable

_log = log.get(__name__)

register("billing.connect.before_provider", "the row of a seller's account, and its opening at the processor")
register("billing.connect.after_provider", "an account that was opened at the processor, and our record of it")

#: A platform fee is given in hundredths of a percent, and never more than this.
MOST_FEE = 3000


class SellerAccounts(Billing):
    @rpc(requires="billing.read")
    def list_seller_accounts(self, *, company_id: str) -> SellerAccountList:
        """The company's own processor accounts; one that is still being connected is looked up there first."""
        self.look_at_accounts(company_id)
        with self.store(company_id) as store:
            found = store.seller_accounts()
        return {"items": [self._account_view(account) for account in found]}

    @rpc(requires="billing.write", write=True)
    def connect_seller_account(self, *, company_id: str, user_id: str, account: dict[str, Any]) -> SellerAccountView:
        """
        Connect the company's own account: for Stripe the answer leads to the page of its
        onboarding, for PayPal the merchant id is all. Safe to repeat: one account.

        Raises:
            MerchantIdNeeded: PayPal, and no merchant id.
            SellerAccountRefused: the processor will not have it.
            ProviderAway: the processor is down or not offered here; nothing was connected.
        """
        wanted = parse(SellerAccountRequest, account)
        if wanted.provider == "paypal" and wanted.merchant_id is None:
            raise MerchantIdNeeded.at("merchant_id", "is needed for PayPal.")
        provider = self.processor(wanted.provider)
        now = clock.now()
        with self.store(company_id) as store:
            row = store.seller_account_for_change(provider.name, provider.environment, user_id, now)
            if wanted.provider == "paypal":
                row.account, row.state, row.connected_at = wanted.merchant_id, "ready", now
                row.connected_by = user_id
                return store.answer(self._account_view(row))
            disclosure = store.disclosure_for(row.id)
            if disclosure is None:
                disclosure = disclosure_of_account(row, now)
                store.session.add(disclosure)
            store.reserve()
        opened, page = self._onboard(provider, row, disclosure)
        with self.store(company_id) as store:
            row = store.seller_account(provider.name, lock=True)
            row.account = row.account or opened
            row.state, row.connected_by = "connecting", user_id
            return store.answer(self._account_view(row, page))

    def _onboard(self, provider: PaymentProvider, row: SellerAccount, disclosure: Disclosure) -> tuple[str, str]:
        """The account at the processor and the page on which its owner goes on; the same account every time."""
        try:
            opened = row.account
            if opened is None:
                failpoint("billing.connect.before_provider")
                opened = open_account(provider, row, disclosure)
                failpoint("billing.connect.after_provider")
            return opened, provider.account_page(opened, f"{self.settings.public_url}/contractor/connected")
        except ProviderRefused as refusal:
            _log.warning("seller_account_refused", company_id=row.company_id, code=refusal.code)
            self._release(row.company_id)
            raise SellerAccountRefused(f"The processor refused to connect this account: {refusal.code}.") from None
        except ProviderUnavailable as problem:
            self._release(row.company_id)
            raise away() from problem

    def _release(self, company_id: str) -> None:
        # A repetition finds the same account: the key of its opening is the row's id.
        with self.store(company_id) as store:
            store.release()

    @rpc(requires="billing.write", write=True)
    def disconnect_seller_account(self, *, company_id: str, provider: str) -> SellerAccountView:
        """
        Take no more money into this account. Open pages of its bills are closed; what was
        paid into it can still be refunded from it. Safe to repeat.

        Raises:
            SellerAccountNotFound: none was connected.
        """
        now = clock.now()
        with self.store(company_id) as store:
            row = store.seller_account(provider, lock=True)
            row.state, row.connected_at = "disconnected", None
            for checkout in store.open_bill_checkouts(provider=provider):
                checkout.next_check_at = now
            return store.answer(self._account_view(row))

    def look_at_accounts(self, company_id: str) -> None:
        """Ask the processors about accounts whose onboarding was not finished when we last looked."""
        with self.store(company_id) as store:
            waiting = [row for row in store.seller_accounts() if row.state == "connecting" and row.account]
        for row in waiting:
            try:
                ready = self.processor(row.provider).can_be_paid(row.account or "")
            except (ProviderRefused, ProviderUnavailable) as problem:
                _log.warning("seller_account_unknown", company_id=company_id, error=type(problem).__name__)
                continue
            if ready:
                with self.store(company_id) as store:
                    found = store.seller_account(row.provider, lock=True)
                    if found.state == "connecting":
                        found.state, found.connected_at = "ready", clock.now()

    def fee_basis_points(self, provider: str) -> int:
        """
        What this installation keeps of a contractor's payment, in hundredths of a percent.
        At PayPal only where it is switched on, because PayPal must approve it first.
        """
        if provider == "paypal" and self.settings.option("CONTRACTOR_PAYPAL_FEE", "off") != "on":
            return 0
        told = self.settings.option("CONTRACTOR_FEE_BASIS_POINTS", "0")
        return min(int(told), MOST_FEE) if told.isdecimal() else 0

    def _account_view(self, row: SellerAccount, onboarding_url: str | None = None) -> SellerAccountView:
        fee = self.fee_basis_points(row.provider)
        return account_view(row, fee_basis_points=fee, onboarding_url=onboarding_url)

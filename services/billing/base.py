"""What every part of the billing service has at hand."""

from collections.abc import Mapping

import orjson

from actiontrac import clock, log
from actiontrac.config import Settings
from actiontrac.context import current
from actiontrac.contracts.billing import ProviderAway
from actiontrac.service import Caller, Opener, RpcClient, Service, SettingsProvider, Stores
from services.billing.dependencies import Catalogue, Plans, Providers
from services.billing.handoff import WayBack
from services.billing.policies import AUTHENTICATION_RULES
from services.billing.providers import PaymentProvider
from services.billing.repository import BillingStore

__all__ = ["Billing", "clock", "current", "log"]

#: Seconds after which a caller may try a processor again that was away.
RETRY_AFTER_SECONDS = 5


class Billing(Service):
    """Base of the parts; the class in service.py is the sum of them."""

    store: Opener[BillingStore] = Stores(BillingStore)
    settings: Settings = SettingsProvider()
    accounts: Caller = RpcClient("accounts")
    providers: Mapping[str, PaymentProvider] = Providers()
    catalogue: Catalogue = Plans()

    def processor(self, name: str) -> PaymentProvider:
        """
        Raises:
            ProviderAway: this installation has no keys of that processor.
        """
        if name not in self.providers:
            raise away()
        return self.providers[name]

    @property
    def way_back(self) -> WayBack:
        return WayBack(self.settings.public_url)

    @property
    def authentication_rule(self) -> str:
        """
        What ACTIONTRAC_BILLING_REQUIRE_3DS says: ``authenticated``, ``attempted`` or
        ``off``. A word that nobody knows counts as the strictest.
        """
        rule = self.settings.option("BILLING_REQUIRE_3DS", "attempted")
        return rule if rule in AUTHENTICATION_RULES else "authenticated"

    def parties_of(self, company_id: str) -> str:
        """Who sells and who buys, as it will stand on the documents: names and addresses, a line each, as JSON."""
        company = self.accounts.get_company(company_id=company_id)
        place = f"{company['city']}, {company['state']} {company['zip']}"
        seller = self.settings.option("BILLING_SELLER", "ActionTrac")
        return orjson.dumps(
            {
                "seller": [line.strip() for line in seller.split("|")],
                "buyer": [company["display_name"], company["company_address"], place, company["country"]],
            }
        ).decode()

    def keep_plans(self) -> None:
        """
        Bring the versions of the operator's file into the database, once per process.

        Safe on any number of replicas. A version that was changed without a new number
        is told to the operator and stays as it was: somebody may have bought it (B01).
        """
        if self.catalogue.kept:
            return
        with self.store.across_companies() as store:
            differing = store.keep_plans(self.catalogue.offers)
        self.catalogue.kept = True
        if differing:
            log.get(__name__).error("plan_changed_without_new_version", plans=differing)


def away() -> ProviderAway:
    error = ProviderAway()
    error.retry_after = RETRY_AFTER_SECONDS
    return error

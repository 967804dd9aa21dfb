"""What every part of the billing service has at hand."""

from collections.abc import Mapping

import orjson

from actiontrac import clock, log
from actiontrac.config import Settings
from actiontrac.context import current
from actiontrac.contracts.accounts import CompanyView
from actiontrac.contracts.billing import ProviderAway
from actiontrac.service import Caller, Opener, RpcClient, Service, SettingsProvider, Stores
from services.billing.dependencies import Catalogue, Plans, Providers
from services.billing.handoff import WayBack
from services.billing.models import Plan
from services.billing.plans import OnSale
from services.billing.policies import AUTHENTICATION_RULES
from services.billing.providers import PaymentProvider
from services.billing.repository import BillingStore
from services.billing.tax_table import TaxTable
from services.billing.taxing import Bill, TaxRules, bill_of, buyer_of, rules_of

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
        What ACTIONTRAC_BILLING_REQUIRE_3DS says: ``authenticated`` (by default: a payer
        who did not prove who they are is refused and refunded, S33), ``attempted`` or
        ``off``. A word that nobody knows counts as the strictest.
        """
        rule = self.settings.option("BILLING_REQUIRE_3DS", "authenticated")
        return rule if rule in AUTHENTICATION_RULES else "authenticated"

    @property
    def tax_rules(self) -> TaxRules:
        return rules_of(self.settings)

    def company_of(self, company_id: str) -> CompanyView:
        """Who buys, as it is now; asked before a unit of work begins."""
        found: CompanyView = self.accounts.get_company(company_id=company_id)
        return found

    def parties_of(self, store: BillingStore, company: CompanyView) -> str:
        """Who sells and who buys, as it will stand on the documents: names and addresses, a line each, as JSON."""
        place = f"{company['city']}, {company['state']} {company['zip']}"
        seller = [line.strip() for line in self.settings.option("BILLING_SELLER", "ActionTrac").split("|")]
        own = self.tax_rules.seller.vat_id
        if own and not any(own in line.replace(" ", "") for line in seller):
            seller.append(f"VAT id {own}")
        buyer = [company["display_name"], company["company_address"], place, company["country"]]
        vat_id = buyer_of(company, store.tax_profile()).vat_id
        return orjson.dumps({"seller": seller, "buyer": [*buyer, *([f"VAT id {vat_id}"] if vat_id else [])]}).decode()

    def bill(self, store: BillingStore, company: CompanyView, lines: list[int], currency: str) -> Bill:
        """What these lines come to for a company, by the taxes that hold today (B22)."""
        return bill_of(
            lines,
            currency,
            table=self.tax_table(store),
            rules=self.tax_rules,
            buyer=buyer_of(company, store.tax_profile()),
            today=clock.today(),
        )

    def keep_plans(self) -> None:
        """
        Bring the operator's files into the database, once per process: new versions of
        plans, and what holds from now on where a file says what none said before.

        Safe on any number of replicas. A version that was changed without a new number
        is told to the operator and stays as it was: somebody may have bought it (B01).
        """
        files = self.catalogue
        if files.kept:
            return
        now = clock.now()
        with self.store.across_companies() as store:
            differing = store.keep_plans(files.plans.contents.offers)
            if not differing:
                store.apply_unseen("plans", files.plans.text, files.plans.digest, now)
            held = files.taxes.newest(store.applied_file("taxes"))
            new = files.taxes.contents
            if new.version > held.version or store.applied_file("taxes") is None:
                store.apply_unseen("taxes", files.taxes.text, files.taxes.digest, now)
            elif new.version == held.version and new != held:
                differing.append("taxes")
            late = self.on_sale(store) != files.plans.contents or self.tax_table(store) != new
        files.kept = True
        if late:
            hint = "actiontrac billing plans --apply, actiontrac billing taxes --apply"
            log.get(__name__).warning("another_file_holds", hint=hint)
        if differing:
            log.get(__name__).error("file_changed_without_new_version", entries=differing)

    def on_sale(self, store: BillingStore) -> OnSale:
        """What can be bought now: as it was applied last."""
        return self.catalogue.plans.newest(store.applied_file("plans"))

    def plans_on_sale(self, store: BillingStore) -> list[Plan]:
        return store.plans(self.on_sale(store).versions)

    def tax_table(self, store: BillingStore) -> TaxTable:
        """Which tax is added now: as it was applied last."""
        return self.catalogue.taxes.newest(store.applied_file("taxes"))


def away() -> ProviderAway:
    error = ProviderAway()
    error.retry_after = RETRY_AFTER_SECONDS
    return error

"""What decides a company's tax beside its address: its VAT id, and whether it is exempt (B22)."""

from typing import Any

from actiontrac import clock
from actiontrac.contracts.billing import TaxExemptionChange, TaxProfileChange, TaxProfileView, VatIdRefused
from actiontrac.schemas import parse
from actiontrac.service import rpc
from services.billing import vat_ids
from services.billing.base import Billing
from services.billing.schemas import tax_profile_view


class TaxProfiles(Billing):
    @rpc(requires="billing.read")
    def get_tax_profile(self, *, company_id: str) -> TaxProfileView:
        """What the company told about its tax, and whether staff exempted it."""
        with self.store(company_id) as store:
            return tax_profile_view(store.tax_profile())

    @rpc(requires="billing.write", write=True)
    def change_tax_profile(self, *, company_id: str, change: dict[str, Any]) -> TaxProfileView:
        """
        Keep the company's VAT id, or take it away; it holds for what is quoted from now on.

        Its form and check digits are checked for the country of the company's address.
        Whether it is in force is not: nobody outside is told of it.

        Raises:
            VatIdRefused: it is not one of that country, or it is a person's identity number.
        """
        wanted = parse(TaxProfileChange, change)
        country = self.company_of(company_id)["country"]
        vat_id = None
        if wanted.vat_id is not None:
            try:
                vat_id = vat_ids.checked(wanted.vat_id, country)
            except vat_ids.VatIdWrong as problem:
                raise VatIdRefused.at("vat_id", str(problem)) from None
        with self.store(company_id) as store:
            profile = store.tax_profile_for_change(clock.now())
            profile.vat_id, profile.vat_country = vat_id, country if vat_id else None
            return store.answer(tax_profile_view(profile))

    @rpc(requires="staff", write=True)
    def set_tax_exemption(self, *, company_id: str, exemption: dict[str, Any]) -> TaxProfileView:
        """Staff: no tax is added to what this company is quoted from now on, or it is again. Safe to repeat."""
        wanted = parse(TaxExemptionChange, exemption)
        self.company_of(company_id)
        with self.store(company_id) as store:
            profile = store.tax_profile_for_change(clock.now())
            profile.exempt, profile.exempt_reason = wanted.exempt, wanted.reason
            return store.answer(tax_profile_view(profile))

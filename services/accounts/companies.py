"""The person's own data, and the company's."""

from actiontrac.contracts import accounts as contract
from actiontrac.service import SIGNED_IN, rpc
from services.accounts.entrypoints import Entrypoints
from services.accounts.schemas import acceptance_view, company_view, me_view, parse


class Companies(Entrypoints):
    @rpc(requires=SIGNED_IN)
    def get_me(self, *, company_id: str, user_id: str) -> contract.MeView:
        with self._open_own(company_id, user_id) as store:
            return me_view(store.member(user_id))

    @rpc(requires=SIGNED_IN, write=True)
    def update_me(self, *, company_id: str, user_id: str, change: dict[str, object]) -> contract.MeView:
        """Change what is named; a phone of null is forgotten. Address and User ID stay as they are."""
        asked = parse(contract.MeChange, change)
        with self._open_own(company_id, user_id) as store:
            user = store.member(user_id, lock=True)
            user.first_name = asked.first_name or user.first_name
            user.last_name = asked.last_name or user.last_name
            user.language = asked.language or user.language
            if "phone" in asked.model_fields_set:
                user.phone = asked.phone or None
            return store.answer(me_view(user))

    @rpc(requires=SIGNED_IN)
    def list_acceptances(self, *, company_id: str, user_id: str) -> contract.AcceptanceList:
        """What the person agreed to and when, newest first (P06)."""
        with self._open_own(company_id, user_id) as store:
            items = [acceptance_view(line) for line in store.acceptances_of(user_id)]
            return {"items": items, "next_cursor": None}

    @rpc(requires="company.read")
    def get_company(self, *, company_id: str) -> contract.CompanyView:
        with self._open(company_id) as store:
            company = store.company(company_id)
            return company_view(company, store.display_name(company))

    @rpc(requires="company.write", write=True)
    def update_company(self, *, company_id: str, change: dict[str, object]) -> contract.CompanyView:
        """Change what is named; without a company name the owner's name is shown (T14)."""
        asked = parse(contract.CompanyChange, change)
        with self._open(company_id) as store:
            company = store.company(company_id, lock=True)
            if "company_name" in asked.model_fields_set:
                company.name = asked.company_name or None
            company.address = asked.company_address or company.address
            company.city = asked.city or company.city
            company.state = asked.state or company.state
            company.zip = asked.zip or company.zip
            company.country = asked.country or company.country
            if asked.phone:
                company.phone = asked.phone
            return store.answer(company_view(company, store.display_name(company)))

    @rpc()
    def get_company_status(self, *, company_id: str) -> contract.CompanyStatusView:
        with self._open(company_id) as store:
            company = store.company(company_id)
            return {
                "company_id": company.id,
                "status": "active" if company.status == "active" else "unverified",
                "country": company.country,
                "state": company.state,
            }

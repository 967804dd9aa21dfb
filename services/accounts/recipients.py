"""What other services ask at the moment of mailing: who, where to, and the secret link."""

from actiontrac import clock
from actiontrac.contracts import accounts as contract
from actiontrac.service import rpc
from services.accounts.entrypoints import Entrypoints
from services.accounts.models import Company
from services.accounts.repository import AccountsStore
from services.accounts.schemas import cut, is_id, page_bounds, recipient_view
from services.accounts.tokens import PAGES, link_token

#: Audiences are worked on in larger pages than people read.
MOST_AT_ONCE = 1000


class Recipients(Entrypoints):
    @rpc()
    def get_recipient(self, *, recipient_id: str) -> contract.RecipientView:
        """
        How to reach a member, an invited person, or somebody whose User ID was taken.

        Raises:
            RecipientNotFound: there is nobody with this id any more, so no mail is due.
        """
        if not is_id(recipient_id, "usr", "inv", "pnd"):
            raise contract.RecipientNotFound()
        with self.store.across_companies() as store:
            if recipient_id.startswith("inv"):
                return _invited(store, recipient_id)
            if recipient_id.startswith("pnd"):
                return _pending(store, recipient_id)
            user = store.find_user(recipient_id)
            if user is None:
                raise contract.RecipientNotFound()
            return recipient_view(user, store.display_name(store.company(user.company_id)))

    @rpc()
    def list_recipients(self, *, company_id: str, roles: list[str]) -> list[contract.RecipientView]:
        """The members of a company who hold one of these roles; ``verified`` says whose address is confirmed."""
        with self._open(company_id) as store:
            name = store.display_name(store.company(company_id))
            return [recipient_view(user, name) for user in store.members_with_roles(roles)]

    @rpc()
    def list_audience(self, *, limit: int = 500, cursor: str | None = None) -> contract.AudienceView:
        """Everybody with a confirmed address, page by page, as ids only."""
        limit, cursor = page_bounds(limit, cursor, "usr", most=MOST_AT_ONCE)
        with self.store.across_companies() as store:
            users, next_cursor = cut(store.verified_users(limit, cursor), limit)
            return {
                "items": [{"user_id": user.id, "company_id": user.company_id} for user in users],
                "next_cursor": next_cursor,
            }

    @rpc()
    def mail_link(self, *, kind: str, subject_id: str) -> str:
        """
        The link for a security mail, with its secret computed anew; for kinds without a
        secret the site's own address.

        Raises:
            TokenInvalid: it was used, withdrawn or is too old, so no mail is due.
        """
        page = PAGES.get(kind)
        if page is None:
            return f"{self.settings.public_url}/"
        with self.store.across_companies() as store:
            if not _is_good(store, kind, subject_id):
                raise contract.TokenInvalid()
        token = link_token(self.store.keys, kind, subject_id)
        return f"{self.settings.public_url}/{page}?token={token}"


def _is_good(store: AccountsStore, kind: str, subject_id: str) -> bool:
    if not is_id(subject_id, "lnk", "inv"):
        return False
    at = clock.now()
    if kind == "invitation":
        invitation = store.invitation(subject_id)
        return invitation is not None and invitation.status(at) == "open"
    link = store.link(subject_id, kind)
    return link is not None and link.usable(at)


def _invited(store: AccountsStore, invitation_id: str) -> contract.RecipientView:
    invitation = store.invitation(invitation_id)
    if invitation is None or invitation.status(clock.now()) != "open":
        raise contract.RecipientNotFound()
    company: Company = store.company(invitation.company_id)
    return {
        "recipient_id": invitation.id,
        "company_id": company.id,
        "company_name": store.display_name(company),
        "email": invitation.email,
        "first_name": "",
        "language": "en",
        "verified": False,
        "role": invitation.role,
    }


def _pending(store: AccountsStore, contact_id: str) -> contract.RecipientView:
    contact = store.pending_contact(contact_id)
    if contact is None:
        raise contract.RecipientNotFound()
    return {
        "recipient_id": contact.id,
        "company_id": contact.company_id,
        "company_name": "",
        "email": contact.email,
        "first_name": "",
        "language": contact.language,
        "verified": False,
        "role": "",
    }

"""What all entrypoints of accounts share: the store, the settings, and who is asking."""

from datetime import timedelta

from actiontrac import context
from actiontrac.config import Settings
from actiontrac.contracts import accounts as contract
from actiontrac.errors import Forbidden
from actiontrac.service import Opener, Service, SettingsProvider, Stores
from services.accounts.models import User
from services.accounts.passwords import Passwords, passwords_for
from services.accounts.policies import permissions_of
from services.accounts.repository import AccountsStore
from services.accounts.schemas import is_id


class Entrypoints(Service):
    store: Opener[AccountsStore] = Stores(AccountsStore)
    settings: Settings = SettingsProvider()

    @property
    def passwords(self) -> Passwords:
        return passwords_for(self.settings)

    @property
    def idle(self) -> timedelta:
        """A session that is not used for this long is over (S45)."""
        return timedelta(seconds=float(self.settings.option("SESSION_IDLE_SECONDS", "1800")))

    @property
    def absolute(self) -> timedelta:
        """A session is over after this long in any case (S45)."""
        return timedelta(seconds=float(self.settings.option("SESSION_ABSOLUTE_SECONDS", "43200")))

    def _open(self, company_id: str) -> AccountsStore:
        """
        Raises:
            CompanyNotFound: this cannot be a company; an operator's token has none.
        """
        if not is_id(company_id, "com"):
            raise contract.CompanyNotFound()
        return self.store(company_id)

    def _open_own(self, company_id: str, user_id: str) -> AccountsStore:
        """
        The company's store, for something that a person does to what is their own.

        Raises:
            CompanyNotFound, MemberNotFound: it is somebody else's, which does not exist for them.
        """
        principal = context.current().principal
        if principal is not None and principal.user_id != user_id:
            raise contract.MemberNotFound()
        if not is_id(user_id, "usr"):
            raise contract.MemberNotFound()
        return self._open(company_id)


def require_still_may(store: AccountsStore, permission: str) -> None:
    """
    Whether the person who asks still has the right, read in the transaction that uses it.

    A gateway remembers rights for up to 30 seconds; what hands out or takes away rights
    does not rely on that.

    Raises:
        Forbidden: the right ended meanwhile.
    """
    principal = context.current().principal
    if principal is None:
        return
    actor = store.find_user(principal.user_id)
    if actor is None or permission not in rights_of(actor):
        raise Forbidden()


def rights_of(user: User) -> tuple[str, ...]:
    return permissions_of(user.role, email_verified=user.email_verified_at is not None)

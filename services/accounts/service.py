"""The accounts service: the list of what it offers."""

from services.accounts.companies import Companies
from services.accounts.credentials import CredentialChanges
from services.accounts.housekeeping import Housekeeping
from services.accounts.invitations import Invitations
from services.accounts.legal import Legal
from services.accounts.members import Members
from services.accounts.recipients import Recipients
from services.accounts.registrations import Registrations
from services.accounts.sessions import Sessions


class AccountsService(
    Registrations,
    Sessions,
    CredentialChanges,
    Companies,
    Members,
    Invitations,
    Recipients,
    Legal,
    Housekeeping,
):
    name = "accounts"

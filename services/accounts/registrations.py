"""Becoming a customer: registration, and the proof that the e-mail address is one's own."""

from sqlalchemy.exc import IntegrityError

from actiontrac import clock
from actiontrac.contracts import accounts as contract
from actiontrac.errors import Conflict
from actiontrac.failpoints import failpoint, register
from actiontrac.ids import new_id
from actiontrac.service import PUBLIC, rpc
from services.accounts import documents
from services.accounts.entrypoints import Entrypoints
from services.accounts.models import Company, PendingContact, User
from services.accounts.policies import MAIL_TO_ONE_ADDRESS, require_good_password
from services.accounts.repository import AccountsStore
from services.accounts.schemas import parse
from services.accounts.tokens import open_link_token

register("accounts.register.between", "the company's row, and its owner and consent")
register("accounts.verify.between", "the mark on the link, and the confirmed address")

REGISTERED: contract.RegistrationView = {
    "status": "verification_sent",
    "message": "We have sent you a mail. Follow the link in it to confirm your address.",
}

VERIFIED: contract.VerifiedView = {"status": "verified"}


class Registrations(Entrypoints):
    @rpc(requires=PUBLIC, write=True)
    def register_company(self, *, registration: dict[str, object]) -> contract.RegistrationView:
        """
        Make a company and its owner, with consent to the documents in force (A01, A06; S15, S24).

        The answer and the work are the same whether or not the address or User ID was
        known (A19): the mail says which. Promotions stay off unless chosen (S26).

        Raises:
            Invalid, ForbiddenData, PasswordTooCommon: by what was typed alone.
        """
        asked = parse(contract.Registration, registration)
        password = asked.password.get_secret_value()
        personal = (asked.first_name, asked.last_name, asked.user_id, asked.email)
        require_good_password(password, field="password", personal=personal)
        password_hash = self.passwords.hash(password)
        for _ in range(3):
            try:
                with self.store.across_companies() as store:
                    _register(store, asked, password_hash)
                    return store.answer(REGISTERED)
            except IntegrityError:
                # Somebody took the address or the User ID at this very moment: now it is
                # known, and the next round says so by mail.
                continue
        raise Conflict()

    @rpc(requires=PUBLIC, write=True)
    def verify_email(self, *, token: str) -> contract.VerifiedView:
        """
        Confirm an address by the link that was mailed to it; an owner's activates the company (A07).

        Raises:
            TokenInvalid: not our link, used before, or older than three days.
        """
        link_id = open_link_token(self.store.keys, "verify_email", token)
        with self.store.across_companies() as store:
            link = store.link(link_id, "verify_email", lock=True)
            user = store.find_user(link.user_id, lock=True) if link else None
            if link is None or user is None or not link.usable(clock.now()):
                raise contract.TokenInvalid()
            link.used_at = clock.now()
            failpoint("accounts.verify.between")
            confirm_email(store, user)
            return store.answer(VERIFIED)


def confirm_email(store: AccountsStore, user: User) -> None:
    """The person has shown to read this mailbox: full rights, and an active company for an owner."""
    if not user.confirm_email(clock.now()):
        return
    store.publish(contract.RightsChanged(company_id=user.company_id, user_id=user.id))
    if user.role == "owner" and store.company(user.company_id, lock=True).activate():
        store.publish(contract.CompanyActivated(company_id=user.company_id, owner_id=user.id))


def record_consent(store: AccountsStore, user: User, *, promotions: bool) -> str:
    """
    Write down what the person agreed to: every document in force, and the choice about
    promotions (A04, A06); returns the privacy policy's version.
    """
    today = clock.today()
    policy = documents.document_in_force(documents.PRIVACY_POLICY, today)
    for document in documents.in_force(today):
        store.accept(user, slug=document.slug, version=document.version, document_hash=document.hash, kind="agreed")
    store.accept(
        user,
        slug="promotions",
        version=policy.version,
        document_hash=policy.hash,
        kind="agreed" if promotions else "declined",
    )
    return policy.version


def _register(store: AccountsStore, asked: contract.Registration, password_hash: str) -> None:
    known = store.user_by_email(asked.email)
    taken = store.user_by_login(asked.user_id)
    may_mail = store.count_one(store.bucket("mail", asked.email), MAIL_TO_ONE_ADDRESS)
    if known is None and taken is None:
        _make_company(store, asked, password_hash)
    elif known is not None and may_mail:
        _ask_for_mail(store, known.company_id, "already_registered", known.id)
    elif may_mail:
        contact = PendingContact(id=new_id("pnd"), language=asked.language, created_at=clock.now())
        contact.company_id = contact.id
        contact.email = asked.email
        store.session.add(contact)
        _ask_for_mail(store, contact.id, "user_id_taken", contact.id)


def _make_company(store: AccountsStore, asked: contract.Registration, password_hash: str) -> None:
    at = clock.now()
    company_id = new_id("com")
    company = Company(
        id=company_id,
        company_id=company_id,
        name=asked.company_name or None,
        address=asked.company_address,
        city=asked.city,
        state=asked.state,
        zip=asked.zip,
        country=asked.country,
        status="unverified",
        created_at=at,
    )
    company.phone = asked.phone
    store.session.add(company)
    store.session.flush()
    failpoint("accounts.register.between")
    owner = User(
        id=new_id("usr"),
        company_id=company_id,
        login_name=asked.user_id,
        login_key=asked.user_id.casefold(),
        email_index=store.email_index(asked.email),
        first_name=asked.first_name,
        last_name=asked.last_name,
        language=asked.language,
        role="owner",
        password_hash=password_hash,
        created_at=at,
    )
    owner.email = asked.email
    owner.phone = asked.phone
    store.session.add(owner)
    store.session.flush()
    version = record_consent(store, owner, promotions=asked.receives_promotions)
    store.publish(
        contract.CompanyRegistered(
            company_id=company_id,
            owner_id=owner.id,
            promotions=asked.receives_promotions,
            policy_version=version,
        )
    )
    link = store.new_link(owner, "verify_email")
    _ask_for_mail(store, company_id, "verify_email", owner.id, link.id)


def _ask_for_mail(store: AccountsStore, company_id: str, kind: str, recipient: str, subject: str = "") -> None:
    store.publish(
        contract.SecurityMailRequested(company_id=company_id, kind=kind, recipient_id=recipient, subject_id=subject)
    )

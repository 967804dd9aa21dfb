"""Connected accounts of the fake Stripe: made by a platform, onboarded by their owner on a page of Stripe's."""

import secrets
from collections.abc import Iterator

from werkzeug.wrappers import Request, Response

from actiontrac.sandbox import pages
from actiontrac.sandbox.database import Database, Document, Objects
from actiontrac.sandbox.pages import escape
from actiontrac.sandbox.stripe import errors, objects
from actiontrac.sandbox.stripe.book import StripeBook
from actiontrac.sandbox.web import Rule, as_html, see_other

#: Stripe's links work for some minutes and once.
LINK_SECONDS = 300


class StripeAccounts:
    """What a platform may do with accounts; every method runs inside the caller's transaction."""

    def __init__(self, store: Objects, book: StripeBook, public_url: str) -> None:
        self._store = store
        self._book = book
        self._public_url = public_url

    def create(self, parameters: Document) -> Document:
        if parameters.get("type") != "standard":
            raise errors.refuse("The sandbox knows only type=standard.", parameter="type")
        account = {
            "id": f"acct_{secrets.token_hex(8)}",
            "object": "account",
            "type": "standard",
            "created": objects.seconds_now(),
            "charges_enabled": False,
            "payouts_enabled": False,
            "details_submitted": False,
            "metadata": parameters.get("metadata", {}),
        }
        return self._store.put("account", account)

    def found(self, identifier: str) -> Document:
        account = self._store.get("account", identifier)
        if account is None:
            raise errors.refuse(
                "The provided key does not have access to that account.", status=403, code="account_invalid", kept=False
            )
        return account

    def link(self, parameters: Document) -> Document:
        account = self.found(parameters["account"])
        for name in ("refresh_url", "return_url"):
            if not parameters.get(name):
                raise errors.refuse(f"Missing required param: {name}.", code="parameter_missing", parameter=name)
        if parameters["type"] != "account_onboarding":
            raise errors.refuse("This account manages itself: only account_onboarding.", parameter="type")
        made = {
            "id": secrets.token_hex(16),
            "account": account["id"],
            "expires_at": objects.seconds_now() + LINK_SECONDS,
        }
        kept = {**made, "refresh_url": parameters["refresh_url"], "return_url": parameters["return_url"]}
        self._store.put("account_link", kept)
        return {
            "object": "account_link",
            "created": objects.seconds_now(),
            "expires_at": made["expires_at"],
            "url": f"{self._public_url}/stripe/setup/{made['id']}",
        }

    def opened(self, identifier: str) -> Document | None:
        """A link that still works."""
        link = self._store.get("account_link", identifier)
        return link if link is not None and link["expires_at"] > objects.seconds_now() else None

    def known(self, identifier: str) -> Document | None:
        return self._store.get("account_link", identifier)

    def finish(self, link: Document) -> None:
        """The owner told Stripe everything: the account can be paid."""
        account = self.found(link["account"])
        account.update(charges_enabled=True, payouts_enabled=True, details_submitted=True)
        self._store.put("account", account)
        self._book.emit("account.updated", account, account["id"])

    def used(self, link: Document) -> None:
        self._store.put("account_link", {**link, "expires_at": 0})


class StripeSetup:
    """The page on which the owner of a connected account tells Stripe about themselves."""

    def __init__(self, database: Database, accounts: StripeAccounts) -> None:
        self._database = database
        self._accounts = accounts

    def rules(self) -> Iterator[Rule]:
        yield Rule("/stripe/setup/<identifier>", self.show, "GET")
        yield Rule("/stripe/setup/<identifier>", self.act, "POST")

    def show(self, request: Request, identifier: str) -> Response:
        with self._database.transaction():
            link = self._accounts.opened(identifier)
            known = self._accounts.known(identifier)
        if link is None:
            return see_other(known["refresh_url"]) if known else _unknown()
        content = f"""<div class="brand">Stripe-like onboarding</div>
<form method="post" class="card"><h1>Connect your account</h1>
<p class="soft">A real Stripe asks here who you are and where your money goes.
Account <code>{escape(link["account"])}</code></p>
<button class="main" name="act" value="finish">Finish: the account can take payments</button>
<button class="stack" name="act" value="later">Leave for later</button></form>"""
        return as_html(pages.page("Connect your account", content, narrow=True))

    def act(self, request: Request, identifier: str) -> Response:
        """``act`` is ``finish`` or ``later``."""
        with self._database.transaction():
            link = self._accounts.opened(identifier)
            known = self._accounts.known(identifier)
            if link is not None:
                if request.form.get("act") == "finish":
                    self._accounts.finish(link)
                self._accounts.used(link)
        if link is None:
            return see_other(known["refresh_url"]) if known else _unknown()
        return see_other(link["return_url"])


def _unknown() -> Response:
    return as_html(pages.page("No such link", "<h1>No such link</h1>", narrow=True), 404)

"""The sandbox as one WSGI application: the same under threads and under eventlet."""

from collections.abc import Callable, Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from actiontrac.sandbox import pages
from actiontrac.sandbox.clock_page import ClockPages
from actiontrac.sandbox.control import Control
from actiontrac.sandbox.database import Database, Ledger, Objects
from actiontrac.sandbox.exchange import Exchange
from actiontrac.sandbox.faults import Faults
from actiontrac.sandbox.idempotency import Keys
from actiontrac.sandbox.mail import Mailbox, MailPages
from actiontrac.sandbox.pages import escape
from actiontrac.sandbox.paypal.api import WORDS as PAYPAL_WORDS
from actiontrac.sandbox.paypal.api import PayPalApi
from actiontrac.sandbox.paypal.approval import PayPalApproval
from actiontrac.sandbox.paypal.book import PayPalBook
from actiontrac.sandbox.paypal.signing import PayPalSigner
from actiontrac.sandbox.settings import SandboxSettings
from actiontrac.sandbox.stripe.accounts import StripeAccounts, StripeSetup
from actiontrac.sandbox.stripe.api import WORDS as STRIPE_WORDS
from actiontrac.sandbox.stripe.api import StripeApi
from actiontrac.sandbox.stripe.book import StripeBook
from actiontrac.sandbox.stripe.checkout import StripeCheckout
from actiontrac.sandbox.stripe.signing import StripeSigner
from actiontrac.sandbox.web import LARGEST_BODY, Router, Rule, as_html, as_json
from actiontrac.sandbox.webhooks import Sender, Webhooks

MOST_ON_THE_HOME_PAGE = 50


class SandboxRequest(Request):
    max_content_length = LARGEST_BODY


class Sandbox:
    """Everything that one sandbox consists of; several can live in one process."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.database = Database(settings.database)
        self.ledger = Ledger(self.database, settings.ledger_file)
        self.faults = Faults(self.database)
        self.webhooks = Webhooks(self.database)
        self.mailbox = Mailbox(self.database, self.ledger)
        keys = Keys(self.database)
        stripe_store, paypal_store = Objects(self.database, "stripe"), Objects(self.database, "paypal")
        self._stripe = StripeBook(stripe_store, self.ledger, self.webhooks, settings.public_url)
        self._paypal = PayPalBook(paypal_store, self.ledger, self.webhooks, settings.public_url, settings.internal)
        signer = PayPalSigner(self.database, settings.paypal_webhook_id, settings.internal)
        stripe_exchange = Exchange("stripe", self.database, self.faults, keys, STRIPE_WORDS)
        paypal_exchange = Exchange("paypal", self.database, self.faults, keys, PAYPAL_WORDS)
        accounts = StripeAccounts(stripe_store, self._stripe, settings.public_url)
        stripe_api = StripeApi(
            settings.stripe_secret_key, self._stripe, accounts, stripe_store, self.webhooks, stripe_exchange
        )
        paypal_api = PayPalApi(settings, self._paypal, paypal_store, paypal_exchange, signer)
        control = Control(
            self.ledger,
            self.faults,
            self.webhooks,
            (self._stripe, stripe_store),
            (self._paypal, paypal_api),
            self._in_transaction,
        )
        self._router = Router(
            [
                stripe_api,
                StripeCheckout(self.database, self._stripe),
                StripeSetup(self.database, accounts),
                paypal_api,
                PayPalApproval(self.database, self._paypal),
                MailPages(self.mailbox, self.faults),
                ClockPages(on_moved=self.sweep),
                control,
                Home(self.ledger, settings.public_url),
            ]
        )
        self._sender = Sender(
            self.database,
            self.webhooks,
            targets={name: f"{settings.gateway}/webhooks/{name}" for name in ("stripe", "paypal")},
            signers={"stripe": StripeSigner(settings.stripe_webhook_secret), "paypal": signer},
            on_tick=self.sweep,
        )

    def start(self) -> None:
        """Begin to send webhooks, first of all those that were left over."""
        self._sender.start()

    def close(self) -> None:
        self._sender.stop()
        self.database.close()

    def sweep(self) -> None:
        """Let the calendar have its effects: sessions expire, approvals are given back, refunds settle."""
        with self.database.transaction():
            self._stripe.sweep()
            self._paypal.sweep()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._respond(SandboxRequest(environ))(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if request.method in ("POST", "DELETE") and request.headers.get("Sec-Fetch-Site") == "cross-site":
            # A page elsewhere on the web must not be able to move the clock or empty the mail.
            return as_json({"error": "This does not take requests from other sites."}, 403)
        try:
            handler, names = self._router.find(request)
            response = handler(request, **names)
        except HTTPException as refusal:
            return as_json({"error": refusal.description or refusal.name}, refusal.code or 500)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        return response

    def _in_transaction(self, work: Callable[[], Response]) -> Response:
        with self.database.transaction():
            return work()


class Home:
    """Where to find what, and the last things that happened."""

    def __init__(self, ledger: Ledger, public_url: str) -> None:
        self._ledger = ledger
        self._public_url = public_url

    def rules(self) -> Iterator[Rule]:
        yield Rule("/", self.show, "GET")
        yield Rule("/healthz", self.health, "GET")

    def health(self, request: Request) -> Response:
        return as_json({"status": "ok"})

    def show(self, request: Request) -> Response:
        # Absolute addresses, because this page is served with and without a slash at its end.
        links = "".join(
            f'<a href="{escape(self._public_url)}/{path}">{label}</a>'
            for path, label in (("mail", "Mail"), ("clock", "Clock"))
        )
        rows = [
            [
                pages.moment(each["at"]),
                escape(each["provider"]),
                escape(each["kind"].replace("_", " ")),
                f"<code>{escape(each['ref'])}</code>",
            ]
            for each in self._ledger.entries()[: -MOST_ON_THE_HOME_PAGE - 1 : -1]
        ]
        content = (
            "<h1>Sandbox</h1><p>Stand-ins for Stripe, PayPal, a mailbox and the calendar.</p>"
            f"<nav>{links}</nav><h2>What happened last</h2>"
            + pages.table(["When (UTC)", "Where", "What", "Id"], rows, "Nothing yet.")
        )
        return as_html(pages.page("Sandbox", content))


def create_app(settings: SandboxSettings) -> Sandbox:
    """A started sandbox; call ``close`` when it is not needed any more."""
    sandbox = Sandbox(settings)
    sandbox.start()
    return sandbox

"""Who may come in: kind of connection, rate, session, and whether our own page sent it."""

import time
from collections.abc import Callable

from actiontrac import clock
from actiontrac.config import ConfigurationError, Settings
from actiontrac.context import RequestContext
from actiontrac.contracts.accounts import PrincipalView
from actiontrac.errors import RateLimited, Unauthenticated
from actiontrac.http.addresses import AddressTokens, behind_proxies, networks
from actiontrac.http.exchange import Exchange
from actiontrac.http.limits import Buckets
from actiontrac.http.problems import CrossSiteRefused, TlsRequired
from actiontrac.http.routes import PUBLIC, Route
from services.gateway import policies
from services.gateway.sessions import Session, Sessions

Resolve = Callable[[RequestContext, str], PrincipalView]


class SiteGate:
    """
    The gateway's ``Gate``.

    Raises, when it is made:
        ConfigurationError: a setting is malformed.
    """

    def __init__(self, settings: Settings, sessions: Sessions, resolve: Resolve) -> None:
        self._settings = settings
        self.sessions = sessions
        self._resolve = resolve
        self._tokens = AddressTokens()
        self._buckets = Buckets()
        try:
            self._trusted = networks(settings.trusted_proxies)
        except ValueError:
            raise ConfigurationError("ACTIONTRAC_TRUSTED_PROXIES must be addresses or CIDR ranges.") from None
        try:
            self._rates = policies.rates(settings.option("RATE_LIMITS", "on"))
        except ValueError:
            raise ConfigurationError("ACTIONTRAC_RATE_LIMITS must be on, off or a factor such as x10.") from None

    def address_token(self, exchange: Exchange) -> str:
        """Stands for the visitor's address for one day, in this process only."""
        return self._tokens.token(exchange.request.address, clock.today())

    def receive(self, exchange: Exchange, route: Route | None) -> None:
        """
        Raises:
            TlsRequired: a plain connection in live mode.
            RateLimited: too many from this address.
        """
        request = exchange.request
        request.address, request.scheme = behind_proxies(request.peer, request.scheme, request.headers, self._trusted)
        if not self._settings.sandbox and request.scheme != "https":
            raise TlsRequired()
        # Members are counted one by one once they are known; an office shares its address.
        if route is None or route.requires == PUBLIC:
            self._count("read" if route is None else route.rate, f"address:{self.address_token(exchange)}")

    def recognise(self, exchange: Exchange, route: Route) -> None:
        """
        Raises:
            Unauthenticated: there is no session, or it is over.
            RateLimited: too many from this person, or too many guesses from this address.
        """
        if route.requires == PUBLIC:
            return
        headers = exchange.request.headers
        token = policies.bearer_in(headers.get("authorization", ""))
        by_cookie = token is None
        if token is None:
            token = policies.cookie_in(headers.get("cookie", ""))
        if token is None:
            raise Unauthenticated()
        session = self._session(exchange, token)
        exchange.session = session
        exchange.asked.principal = session.principal
        exchange.csrf_token = session.csrf_token if by_cookie else None
        self._count(route.rate, f"user:{session.principal.user_id}")

    def _session(self, exchange: Exchange, token: str) -> Session:
        try:
            return self.sessions.find(token, lambda unknown: self._resolve(exchange.asked, unknown))
        except Unauthenticated:
            self._count("sign_in", f"guess:{self.address_token(exchange)}")
            raise

    def check_site(self, exchange: Exchange, route: Route) -> None:
        """
        Refuse what another site made a browser send (D6). Bearer tokens cannot be sent that way.

        Raises:
            CrossSiteRefused.
        """
        if not route.writes or route.raw:
            return
        headers = exchange.request.headers
        by_cookie = exchange.session is not None and exchange.csrf_token is not None
        if exchange.session is not None and not by_cookie:
            return
        if route.page:
            # Our pages send no referrer, so browsers say "Origin: null" for their own forms.
            if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
                raise CrossSiteRefused()
            return
        if not policies.from_our_pages(headers, public_url=self._settings.public_url, any_host=self._settings.sandbox):
            raise CrossSiteRefused()
        if not by_cookie:
            return
        media_type = exchange.request.media_type
        has_body = media_type or exchange.request.length != 0 or route.body is not None
        # A form can send other types across sites without asking first.
        if has_body and media_type not in ("application/json", *route.also_accepts):
            raise CrossSiteRefused()
        if not policies.same_token(exchange.csrf_token or "", headers.get("x-csrf-token", "")):
            raise CrossSiteRefused()

    def _count(self, kind: str, asker: str) -> None:
        if self._rates is None:
            return
        wait = self._buckets.take(kind, asker, self._rates[kind], time.monotonic())
        if wait > 0:
            error = RateLimited()
            error.retry_after = max(1, int(wait) + 1)
            raise error

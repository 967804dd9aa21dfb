"""A sandbox, a receiver of its webhooks, and the hands of a test, all on loopback and on threads."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from actiontrac import clock
from actiontrac.sandbox.server import Running
from actiontrac.sandbox.settings import SandboxSettings

STRIPE_KEY = "sk_test_0123456789abcdef"
STRIPE_WEBHOOK_SECRET = "whsec_0123456789abcdef"
PAYPAL_CLIENT_ID = "sandbox-client"
PAYPAL_CLIENT_SECRET = "sandbox-secret"
PAYPAL_WEBHOOK_ID = "8PT597110X687430L"

#: Long enough for a busy machine; the things waited for take milliseconds.
PATIENCE_SECONDS = 15.0


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """What the condition found, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain until {what}")


@dataclass(frozen=True)
class Received:
    """One webhook as it came over the wire."""

    provider: str
    headers: Mapping[str, str]
    raw: bytes


class QuietServer(ThreadingHTTPServer):
    """Prints nothing when a client has gone: some of our tests do just that."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        return


@dataclass
class Receiver:
    """Stands where the gateway would: takes webhooks and answers as told."""

    status: int = 200
    received: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                provider = self.path.removeprefix("/webhooks/")
                outer.received.append(Received(provider, dict(self.headers.items()), raw))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def of(self, provider: str) -> list[Received]:
        return [each for each in self.received if each.provider == provider]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class World:
    """One sandbox with its surroundings; ``restart`` keeps the data."""

    def __init__(self, home: Path) -> None:
        self.home = home
        clock.configure(home / "clock")
        self.receiver = Receiver()
        self.running = self._start()

    @property
    def url(self) -> str:
        return self.running.url

    def _start(self, port: int = 0) -> Running:
        settings = SandboxSettings(
            home=self.home,
            public_url="http://127.0.0.1:9/sandbox",
            gateway=self.receiver.url,
            stripe_secret_key=STRIPE_KEY,
            stripe_webhook_secret=STRIPE_WEBHOOK_SECRET,
            paypal_client_id=PAYPAL_CLIENT_ID,
            paypal_client_secret=PAYPAL_CLIENT_SECRET,
            paypal_webhook_id=PAYPAL_WEBHOOK_ID,
        )
        return Running(settings, port=port, poll_seconds=0.01)

    def restart(self) -> None:
        port = int(self.url.rsplit(":", 1)[1])
        self.running.close()
        self.running = self._start(port)

    def close(self) -> None:
        self.running.close()
        self.receiver.close()
        clock.configure(None)

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=10, allow_redirects=False, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return requests.post(self.url + path, timeout=10, allow_redirects=False, **options)

    def control(self, path: str, **body: Any) -> Any:
        answer = self.post(f"/_control/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fail_next(self, provider: str, kind: str, operation: str = "", *, count: int = 1, seconds: float = 1.0) -> None:
        self.control("faults", provider=provider, kind=kind, operation=operation, count=count, seconds=seconds)

    def ledger(self, provider: str | None = None, kind: str | None = None) -> list[dict[str, Any]]:
        wanted = {name: value for name, value in (("provider", provider), ("kind", kind)) if value}
        found: list[dict[str, Any]] = self.get("/_control/ledger", params=wanted).json()
        return found

    def deliveries(self, provider: str | None = None) -> list[dict[str, Any]]:
        wanted = {"provider": provider} if provider else {}
        found: list[dict[str, Any]] = self.get("/_control/webhooks", params=wanted).json()
        return found

    def here(self, public_url: str) -> str:
        """The hosted page's address without the gateway in front."""
        assert public_url.startswith("http://127.0.0.1:9/sandbox/"), public_url
        return public_url.replace("http://127.0.0.1:9/sandbox", self.url)

    def buyer(self, page: str, **form: str) -> requests.Response:
        """A browser that sends a form of the hosted page."""
        return requests.post(self.here(page), data=form, timeout=10, allow_redirects=False)

    def stripe(
        self, method: str, path: str, params: Mapping[str, Any] | None = None, **headers: str
    ) -> requests.Response:
        """A call by somebody who does not use the SDK."""
        sent = {
            "Authorization": f"Bearer {STRIPE_KEY}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        where = {"params": params} if method == "GET" else {"data": params}
        return requests.request(method, f"{self.url}/stripe/v1/{path}", headers=sent, timeout=10, **where)  # type: ignore[arg-type]

    def paypal_token(self) -> str:
        answer = self.post(
            "/paypal/v1/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=(PAYPAL_CLIENT_ID, PAYPAL_CLIENT_SECRET),
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def paypal(
        self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str
    ) -> requests.Response:
        sent = {
            "Authorization": f"Bearer {token or self.paypal_token()}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return requests.request(method, f"{self.url}/paypal/{path}", json=body, headers=sent, timeout=10)


#: A session as small as Stripe allows, in the form encoding of the wire.
SESSION = {
    "mode": "payment",
    "client_reference_id": "pay_1",
    "success_url": "http://127.0.0.1/ok?sid={CHECKOUT_SESSION_ID}",
    "cancel_url": "http://127.0.0.1/no",
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "usd",
    "line_items[0][price_data][unit_amount]": "12000",
    "line_items[0][price_data][product_data][name]": "Annual subscription",
    "payment_method_options[card][request_three_d_secure]": "any",
    "payment_intent_data[metadata][payment_id]": "pay_1",
}

ORDER = {
    "intent": "CAPTURE",
    "purchase_units": [
        {"amount": {"currency_code": "USD", "value": "120.00"}, "custom_id": "pay_1", "invoice_id": "pay_1-1"}
    ],
    "payment_source": {
        "paypal": {"experience_context": {"return_url": "http://127.0.0.1/ok?a=b", "cancel_url": "http://127.0.0.1/no"}}
    },
}

"""Every defect of the retired SDK that was found (payments.md, section 3.4) stays closed."""

import http.server
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from paypalrestsdk import Api, exceptions

from services.billing.providers import ProviderRefused, ProviderUnavailable
from services.billing.providers.paypal_api import PayPalApi
from tests.sandbox.world import QuietServer

TOKEN = b'{"access_token": "A21AAsecret", "token_type": "Bearer", "expires_in": 32400}'


class Server:
    """Answers with what the test put in, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answer: Callable[[str], tuple[int, bytes, dict[str, str]]] = lambda path: (200, b"{}", {})
        self.pause = 0.0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _serve(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((self.command, self.path, dict(self.headers.items()), raw))
                status, body, headers = (200, TOKEN, {}) if "oauth2" in self.path else outer.answer(self.path)
                if "oauth2" not in self.path:
                    time.sleep(outer.pause)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _serve

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = QuietServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def calls(self) -> list[tuple[str, str, dict[str, str], bytes]]:
        return [each for each in self.asked if "oauth2" not in each[1]]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def door(server: Server) -> PayPalApi:
    return PayPalApi(server.url, "client-id", "client-secret", (1.0, 0.4))


class TestDoor:
    def test_does_not_wait_for_ever(self, server: Server, door: PayPalApi) -> None:
        server.pause = 1.5
        started = time.monotonic()

        with pytest.raises(ProviderUnavailable) as failure:
            door.ask("POST", "/v2/checkout/orders", {})

        assert failure.value.outcome_unknown
        assert time.monotonic() - started < 10

    def test_asks_twice_at_most_when_it_is_unauthorised(self, server: Server, door: PayPalApi) -> None:
        server.answer = lambda path: (401, b'{"name": "AUTHENTICATION_FAILURE"}', {})

        with pytest.raises(ProviderRefused, match="authentication"):
            door.ask("GET", "/v2/checkout/orders/X")

        assert len(server.calls()) == 2

    def test_takes_a_400_for_a_refusal(self, server: Server, door: PayPalApi) -> None:
        server.answer = lambda path: (400, b'{"details": [{"issue": "BAD", "field": "/x"}]}', {})

        with pytest.raises(ProviderRefused) as refusal:
            door.ask("POST", "/v2/checkout/orders", {})

        assert (refusal.value.code, refusal.value.field) == ("BAD", "/x")

    def test_takes_no_endpoint_with_a_slash_at_its_end(self, server: Server) -> None:
        with pytest.raises(ValueError, match="slash"):
            PayPalApi(server.url + "/", "c", "s", (1, 1))

    @pytest.mark.parametrize(
        "path",
        [
            "/v2/checkout/orders/../../v1/x",
            "/v2/orders/X?y=z",
            "/v2/orders/\\g<0>",
            "v2/orders",
            "/v3/x",
            "/v2/a b",
            "",
        ],
    )
    def test_sends_no_path_that_could_be_another(self, server: Server, door: PayPalApi, path: str) -> None:
        with pytest.raises(ProviderRefused, match="bad_reference"):
            door.ask("GET", path)

        assert server.asked == []

    def test_sends_no_body_with_a_get(self, server: Server, door: PayPalApi) -> None:
        door.ask("GET", "/v2/checkout/orders/X")

        [(method, path, headers, raw)] = server.calls()
        assert (method, path, raw) == ("GET", "/v2/checkout/orders/X", b"")
        assert "Content-Length" not in headers

    def test_keeps_the_callers_headers_away_from_the_token(self, server: Server, door: PayPalApi) -> None:
        door.ask("POST", "/v2/checkout/orders", {}, {"PayPal-Request-Id": "k1", "Content-Type": "application/json"})

        token, order = server.asked
        assert token[2]["Content-Type"] == "application/x-www-form-urlencoded"
        assert "PayPal-Request-Id" not in token[2]
        assert order[2]["PayPal-Request-Id"] == "k1"

    def test_logs_no_credentials(self, server: Server, door: PayPalApi, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        logging.getLogger("paypalrestsdk").setLevel(logging.DEBUG)
        try:
            door.ask("POST", "/v2/checkout/orders", {"email_address": "ada@acme.example"})
        finally:
            logging.getLogger("paypalrestsdk").setLevel(logging.WARNING)

        for secret in ("A21AAsecret", "client-secret", door.basic_auth(), "ada@acme.example"):
            assert secret not in caplog.text

    def test_follows_no_redirect(self, server: Server, door: PayPalApi) -> None:
        server.answer = lambda path: (302, b"", {"Location": f"{server.url}/v2/elsewhere"})

        with pytest.raises(ProviderUnavailable):
            door.ask("GET", "/v2/checkout/orders/X")

        assert {each[1] for each in server.calls()} == {"/v2/checkout/orders/X"}

    def test_leaves_the_processs_certificates_alone(self, server: Server) -> None:
        before = os.environ.get("REQUESTS_CA_BUNDLE")

        PayPalApi(server.url, "c", "s", (1, 1)).ask("GET", "/v2/x")

        assert os.environ.get("REQUESTS_CA_BUNDLE") == before

    def test_asks_no_proxy_for_the_sandbox(
        self, server: Server, door: PayPalApi, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")

        assert door.ask("GET", "/v2/x") == {}

    def test_sends_bytes_as_they_are(self, server: Server, door: PayPalApi) -> None:
        door.ask("POST", "/v1/x", b'{"b":  1, "a":2}')

        assert server.calls()[0][3] == b'{"b":  1, "a":2}'

    @pytest.mark.parametrize("body", [b"<html>", b"[1]", b"\xff", b'"text"'])
    def test_does_not_believe_what_is_no_object(self, server: Server, door: PayPalApi, body: bytes) -> None:
        server.answer = lambda path: (200, body, {})

        with pytest.raises(ProviderUnavailable) as failure:
            door.ask("POST", "/v2/checkout/orders", {})

        assert failure.value.outcome_unknown

    @pytest.mark.parametrize("body", [b"<html>", b"[1]", b"{}", b'{"details": "x"}', b'{"details": [5], "links": 5}'])
    def test_survives_any_form_of_refusal(self, server: Server, door: PayPalApi, body: bytes) -> None:
        server.answer = lambda path: (422, body, {})

        with pytest.raises(ProviderRefused):
            door.ask("POST", "/v2/checkout/orders", {})

    def test_closes_the_sdks_own_way(self, door: PayPalApi) -> None:
        with pytest.raises(AssertionError, match="ask"):
            door.get("v2/x")


class TestTheSdkItself:
    """Why all this: when one of these fails, the SDK was mended and a guard may go."""

    def test_still_hides_a_400(self, server: Server) -> None:
        server.answer = lambda path: (400, b'{"name": "BAD"}', {})

        found = Api(mode="live", endpoint=server.url, client_id="c", client_secret="s").get("v2/x")

        assert found == {"error": {"name": "BAD"}}

    def test_still_doubles_the_path_after_a_slash(self, server: Server) -> None:
        Api(mode="live", endpoint=server.url + "/", client_id="c", client_secret="s", token="t").get("v2/x")

        assert server.calls()[0][1] == "/v2/x/v2/x"

    def test_still_recurses_on_401(self, server: Server) -> None:
        answers = iter([401] * 30)
        server.answer = lambda path: (next(answers, 200), b"{}", {})

        Api(mode="live", endpoint=server.url, client_id="c", client_secret="s").get("v2/x")

        assert len(server.calls()) == 31
        assert issubclass(exceptions.UnauthorizedAccess, exceptions.ConnectionError)

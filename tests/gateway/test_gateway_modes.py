"""Live mode asks for TLS; the sandbox shows its own pages; a taken port is one sentence."""

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from services.gateway import policies
from tests.gateway.conftest import OWNER, ROOT, Gateway, Start

LIVE = {
    "ACTIONTRAC_MODE": "live",
    "ACTIONTRAC_PUBLIC_URL": "https://actiontrac.example",
    "ACTIONTRAC_MASTER_KEY": "ab" * 32,
    "ACTIONTRAC_BUS_KEY": "cd" * 32,
}


class TestLive:
    def test_refuses_plain_connections_but_for_probes(self, start: Start) -> None:
        gateway = start(**LIVE)
        for path in ("/v1/plans", "/", "/privacy", "/nothing", "/webhooks/stripe"):
            answer = gateway.get(path)
            assert answer.status_code in (403, 405)
            assert answer.headers["Strict-Transport-Security"]
        assert gateway.get("/v1/plans").json()["code"] == "tls_required"
        assert gateway.get("/v1/plans", headers={"X-Forwarded-Proto": "https"}).status_code == 403
        assert gateway.get("/healthz").status_code == 200
        assert gateway.get("/readyz").status_code == 200
        assert gateway.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 404
        assert gateway.get("/sandbox/mail", headers=OWNER).status_code in (403, 404)

    def test_believes_a_trusted_proxy_about_tls(self, start: Start) -> None:
        gateway = start(**LIVE, ACTIONTRAC_TRUSTED_PROXIES="127.0.0.1/32,10.0.0.0/8")
        assert gateway.get("/v1/plans", headers={"X-Forwarded-Proto": "https"}).status_code == 200
        assert gateway.get("/v1/plans", headers={"X-Forwarded-Proto": "http"}).status_code == 403
        assert gateway.get("/sandbox/mail", headers={"X-Forwarded-Proto": "https"}).status_code == 404
        # In live mode only the public address is this site.
        origin = {"X-Forwarded-Proto": "https", "Origin": gateway.url}
        assert gateway.post("/v1/sessions", json={}, headers=origin).status_code == 403
        origin["Origin"] = "https://actiontrac.example"
        assert gateway.post("/v1/sessions", json={}, headers=origin).status_code == 422

    def test_speaks_tls_itself(self, start: Start, certificate: tuple[str, str]) -> None:
        gateway = start("https", **LIVE, ACTIONTRAC_TLS_CERTIFICATE=certificate[0], ACTIONTRAC_TLS_KEY=certificate[1])
        answer = gateway.get("/v1/plans", verify=certificate[0])
        assert answer.status_code == 200
        with requests.Session() as session:
            for _ in range(3):
                url = f"{gateway.url}/v1/workers/wrk_1"
                assert session.get(url, headers=OWNER, verify=certificate[0], timeout=5).status_code == 200
        assert gateway.raw(b"GET /v1/plans HTTP/1.1\r\nHost: x\r\n\r\n", wait=2) == b""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(certificate[0])
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with gateway.connection() as sock, pytest.raises((ssl.SSLError, ConnectionError, ValueError)):
            context.wrap_socket(sock, server_hostname="127.0.0.1")
        assert gateway.get("/healthz", verify=certificate[0]).status_code == 200


class Echo(BaseHTTPRequestHandler):
    """Stands for the sandbox: says what it was asked."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))  # type: ignore[attr-defined]
        if self.path == "/moved":
            self.send_response(303)
            self.send_header("Location", "mail")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        text = b"x" * 300_000 if self.path == "/large" else b"<p>sandbox</p>"
        self.send_response(404 if self.path == "/absent" else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Set-Cookie", "a=b")
        if self.path != "/plain":
            self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_DELETE = do_HEAD = _answer

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.seen = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture(scope="module")
def fronted(sandbox: ThreadingHTTPServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    url = f"http://127.0.0.1:{sandbox.server_address[1]}"
    started = Gateway(tmp_path_factory.mktemp("fronted"), {"ACTIONTRAC_SANDBOX_URL": url})
    started.start()
    yield started
    started.stop()


class TestSandbox:
    def test_passes_requests_on_without_cookies_and_credentials(
        self, fronted: Gateway, sandbox: ThreadingHTTPServer
    ) -> None:
        answer = fronted.post(
            "/sandbox/stripe/pay/cs_1?x=1%20&y",
            data=b"number=4242424242424242",
            headers={"Cookie": "a=b", **OWNER, "Content-Type": "application/x-www-form-urlencoded"},
        )
        assert (answer.status_code, answer.text) == (200, "<p>sandbox</p>")
        method, path, headers, body = sandbox.seen[-1]  # type: ignore[attr-defined]
        assert (method, path) == ("POST", "/stripe/pay/cs_1?x=1%20&y")
        assert body == b"number=4242424242424242"
        assert headers["content-type"] == "application/x-www-form-urlencoded"
        assert not {"cookie", "authorization"} & {name.lower() for name in headers}
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers

    def test_passes_other_answers_back(self, fronted: Gateway) -> None:
        assert fronted.get("/sandbox/absent").status_code == 404
        assert fronted.get("/sandbox/moved").headers["Location"] == "mail"
        assert len(fronted.get("/sandbox/large").content) == 300_000
        assert "default-src 'none'" in fronted.get("/sandbox/plain").headers["Content-Security-Policy"]
        assert fronted.request("HEAD", "/sandbox/mail").status_code == 200
        assert fronted.request("DELETE", "/sandbox/mail/messages").status_code == 200
        assert fronted.get("/sandbox").headers["Location"] == "/sandbox/"

    def test_limits_what_is_passed_on(self, fronted: Gateway) -> None:
        assert fronted.post("/sandbox/mail", data=b"a" * 1_100_000).status_code == 413

    def test_says_when_it_is_away(self, gateway: Gateway) -> None:
        answer = gateway.get("/sandbox/mail")
        assert (answer.status_code, answer.json()["code"]) == (503, "server_away")


def test_a_taken_port_ends_the_start(tmp_path: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = {
            "ACTIONTRAC_HOME": str(tmp_path),
            "ACTIONTRAC_HTTP_PORT": str(taken.getsockname()[1]),
            "PATH": "/usr/bin:/bin",
        }
        ended = subprocess.run(
            [sys.executable, "-m", "tests.gateway.host"], cwd=ROOT, env=environment, capture_output=True, timeout=60
        )
    assert ended.returncode != 0
    assert b"Address already in use" in ended.stderr


@pytest.mark.parametrize("setting", ["ACTIONTRAC_RATE_LIMITS", "ACTIONTRAC_TRUSTED_PROXIES"])
def test_a_malformed_setting_ends_the_start_with_a_sentence(tmp_path: Any, setting: str) -> None:
    environment = {
        "ACTIONTRAC_HOME": str(tmp_path),
        "ACTIONTRAC_HTTP_PORT": "0",
        "PATH": "/usr/bin:/bin",
        setting: "nonsense",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "tests.gateway.host"], cwd=ROOT, env=environment, capture_output=True, timeout=60
    )
    assert ended.returncode != 0
    assert f"{setting} must be".encode() in ended.stderr


class TestPolicies:
    @pytest.mark.parametrize(
        ("agent", "expected"),
        [
            ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
             "Chrome 131"),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.51", "Edge 131"),
            ("Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
             "Safari 18"),
            ("Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148 Safari/604.1", "Safari 18"),
            ("curl/7.88.1", "curl 7"),
            ("python-requests/2.34.2", "Python 2"),
            ("4111111111111111", "Other"),
            ("", "Other"),
        ],
    )  # fmt: skip
    def test_knows_a_browser_coarsely(self, agent: str, expected: str) -> None:
        assert policies.browser_of(agent) == expected

    @pytest.mark.parametrize(
        ("origin", "any_host", "expected"),
        [
            ("https://a.example", False, True),
            ("https://A.example", False, True),
            ("http://a.example", False, False),
            ("https://a.example:444", False, False),
            ("https://a.example.evil.example", False, False),
            ("null", True, False),
            ("", True, False),
            ("http://localhost:8000", False, False),
            ("http://localhost:8000", True, True),
            ("http://evil.example", True, False),
        ],
    )
    def test_knows_its_own_origin(self, origin: str, any_host: bool, expected: bool) -> None:
        found = policies.same_origin(origin, public_url="https://a.example", host="localhost:8000", any_host=any_host)
        assert found == expected

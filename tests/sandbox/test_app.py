"""The sandbox as a whole: safe, light, the same under threads and green threads, and not to be killed."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from actiontrac import config
from actiontrac.sandbox.database import SandboxDataBroken
from actiontrac.sandbox.server import Running
from actiontrac.sandbox.settings import SandboxSettings, UnsafeAddress, require_safe_host
from tests.sandbox.test_stripe import paid, start
from tests.sandbox.world import SESSION, STRIPE_KEY, World, wait_until

PROGRAM = """
import sys
if sys.argv[1] == "green":
    import eventlet
    eventlet.monkey_patch()
from pathlib import Path
from actiontrac import clock
from actiontrac.sandbox.settings import SandboxSettings
home, port, gateway = Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
clock.configure(home / "clock")
settings = SandboxSettings(
    home=home, public_url="http://127.0.0.1:9/sandbox", gateway=gateway, internal=f"http://127.0.0.1:{port}",
    stripe_secret_key="sk_test_0123456789abcdef", stripe_webhook_secret="whsec_0123456789abcdef",
    paypal_client_id="sandbox-client", paypal_client_secret="sandbox-secret", paypal_webhook_id="8PT597110X687430L",
)
if sys.argv[1] == "green":
    import eventlet.wsgi
    from actiontrac.sandbox.app import create_app
    app = create_app(settings)
    eventlet.wsgi.server(eventlet.listen(("127.0.0.1", port)), app, log_output=False)
else:
    from actiontrac.sandbox.server import serve
    serve(settings, "127.0.0.1", port)
"""


class Outside:
    """A sandbox in a process of its own, which can be killed."""

    def __init__(self, world: World, kind: str) -> None:
        world.running.close()
        port = world.url.rsplit(":", 1)[1]
        command = [sys.executable, "-W", "ignore", "-c", PROGRAM, kind, str(world.home), port, world.receiver.url]
        self.process = subprocess.Popen(command, cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONPATH": "."})
        wait_until(lambda: self._answers(world), "the sandbox answers")

    @staticmethod
    def _answers(world: World) -> bool:
        try:
            return world.get("/healthz").ok
        except requests.ConnectionError:
            return False

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=10)


class TestProcesses:
    @pytest.mark.parametrize("kind", ["threads", "green"])
    def test_loses_nothing_when_it_is_killed(self, world: World, kind: str) -> None:
        world.receiver.status = 503
        outside = Outside(world, kind)
        try:
            session = start(world, Idempotency_Key="k1")
            world.buyer(session["url"], card="visa")
            world.fail_next("stripe", "reset_after", "refunds.create")
            shown = world.stripe("GET", f"checkout/sessions/{session['id']}").json()
            with pytest.raises(requests.ConnectionError):
                world.stripe("POST", "refunds", {"payment_intent": shown["payment_intent"]}, Idempotency_Key="r1")
            before = world.ledger()
            outside.end(signal.SIGKILL)
            world.receiver.status = 200

            outside = Outside(world, kind)

            assert start(world, Idempotency_Key="k1")["id"] == session["id"]
            refund = world.stripe("POST", "refunds", {"payment_intent": shown["payment_intent"]}, Idempotency_Key="r1")
            assert refund.headers["Idempotent-Replayed"] == "true"
            assert world.ledger() == before
            wait_until(
                lambda: all(each["state"] == "delivered" for each in world.deliveries()), "the rest is delivered"
            )
            assert {"refund.created", "checkout.session.completed"} <= {
                json.loads(each.raw)["type"] for each in world.receiver.of("stripe")
            }
        finally:
            outside.end(signal.SIGKILL)
            world.restart()

    def test_stops_cleanly_when_it_is_asked_to(self, world: World) -> None:
        outside = Outside(world, "threads")

        assert outside.end(signal.SIGTERM) == 0
        world.restart()

    def test_says_that_its_port_is_taken(self, world: World) -> None:
        port = int(world.url.rsplit(":", 1)[1])

        with pytest.raises(OSError, match="in use"):
            Running(world.running.app.settings, port=port)

    def test_starts_without_the_providers_sdks(self) -> None:
        code = (
            "import sys, actiontrac.sandbox.app, actiontrac.sandbox.server; "
            "heavy = ('stripe', 'paypalrestsdk', 'requests', 'asyncio', 'aiosmtpd', 'nameko', 'eventlet'); "
            "print([name for name in heavy if name in sys.modules])"
        )
        found = subprocess.run(
            [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
        )

        assert found.stdout.strip() == "[]"


class TestSafety:
    def test_takes_nothing_from_other_sites(self, world: World) -> None:
        answer = world.post("/clock", json={"advance": "30d"}, headers={"Sec-Fetch-Site": "cross-site"})

        assert answer.status_code == 403
        assert world.get("/clock").json()["offset_seconds"] == 0

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "8.8.8.8", "example.com"])
    def test_is_not_served_to_strangers(self, host: str) -> None:
        with pytest.raises(UnsafeAddress):
            require_safe_host(host)

    def test_may_be_served_inside_a_private_network(self) -> None:
        require_safe_host("0.0.0.0", inside_a_private_network=True)
        require_safe_host("127.0.0.1")
        with pytest.raises(UnsafeAddress):
            require_safe_host("8.8.8.8", inside_a_private_network=True)

    def test_refuses_live_keys(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="test key"):
            SandboxSettings(
                home=tmp_path,
                public_url="http://127.0.0.1/sandbox",
                gateway="http://127.0.0.1",
                stripe_secret_key="sk_live_x",
                stripe_webhook_secret="w",
                paypal_client_id="c",
                paypal_client_secret="s",
                paypal_webhook_id="W",
            )

    def test_is_made_from_the_products_settings(self, tmp_path: Path) -> None:
        settings = config.load({"ACTIONTRAC_HOME": str(tmp_path), "ACTIONTRAC_HTTP_PORT": "8123"})

        made = SandboxSettings.of(settings)

        assert made.public_url == "http://127.0.0.1:8123/sandbox"
        assert made.gateway == "http://127.0.0.1:8123"
        assert made.stripe_secret_key == settings.secret("STRIPE_SECRET_KEY")

    def test_says_what_to_do_about_a_broken_file(self, world: World) -> None:
        world.running.close()
        for path in world.home.glob("sandbox.db*"):
            path.unlink()
        (world.home / "sandbox.db").write_bytes(b"this is no database, however long it may be" * 100)

        with pytest.raises(SandboxDataBroken, match="move it away"):
            world.restart()

        (world.home / "sandbox.db").unlink()
        world.restart()

    def test_shows_no_secret_in_its_settings(self, world: World) -> None:
        assert STRIPE_KEY not in repr(world.running.app.settings)

    @pytest.mark.parametrize("path", ["/", "/mail", "/clock", "/stripe/c/pay/cs_test_x", "/paypal/checkoutnow?token=X"])
    def test_pages_run_no_scripts_and_load_nothing(self, world: World, path: str) -> None:
        page = world.get(path, headers={"Accept": "text/html"})

        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "<script" not in page.text
        assert not re.search(r'(src|href)="https?://(?!127\.0\.0\.1)', page.text)
        assert not re.search(r"\son\w+=", page.text)
        assert "Sandbox —" in page.text

    def test_answers_unknown_addresses_in_json(self, world: World) -> None:
        assert world.get("/stripe/v1/customers").status_code == 404
        assert world.post("/healthz").status_code == 405
        assert "error" in world.get("/nowhere").json()

    def test_refuses_bodies_without_end(self, world: World) -> None:
        answer = world.post("/mail/messages", data=b"x" * (12 * 1024 * 1024 + 1))

        assert answer.status_code == 413


class TestLedger:
    def test_names_what_was_asked_for_without_the_values(self, world: World) -> None:
        paid(world)

        [session] = world.ledger("stripe", "session")

        assert "line_items[][price_data][unit_amount]" in session["parameters"]
        assert "http" not in json.dumps(session["parameters"])
        assert SESSION["success_url"] not in json.dumps(session)

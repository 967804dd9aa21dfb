"""Sandbox and live are kept apart at the start, and the SDKs stay behind their doors."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.billing.providers.factory import (
    PAYPAL_LIVE,
    PAYPAL_TEST,
    STRIPE_LIVE,
    ProviderMisconfigured,
    ProviderSettings,
    build,
)

ROOT = Path(__file__).parents[3]

SANDBOX = ProviderSettings(
    mode="sandbox",
    sandbox_url="http://127.0.0.1:8025",
    stripe_secret_key="sk_test_1",
    stripe_webhook_secret="whsec_1",
    paypal_client_id="client",
    paypal_client_secret="secret",
    paypal_webhook_id="WEBHOOK1",
)
LIVE = replace(SANDBOX, mode="live", sandbox_url="", stripe_secret_key="sk_live_1")


class TestGuards:
    def test_let_the_sandbox_and_live_through(self) -> None:
        assert {name: each.environment for name, each in build(SANDBOX).items()} == {
            "stripe": "sandbox",
            "paypal": "sandbox",
        }
        assert {each.environment for each in build(LIVE).values()} == {"live"}

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"stripe_base": "http://127.0.0.1:8025/stripe"}, "no other address for Stripe"),
            ({"stripe_base": STRIPE_LIVE}, "no other address for Stripe"),
            ({"paypal_endpoint": "http://127.0.0.1:8025/paypal"}, "no other address for PayPal"),
            ({"paypal_endpoint": PAYPAL_TEST}, "no other address for PayPal"),
            ({"stripe_secret_key": "sk_test_1"}, "live Stripe key"),
            ({"stripe_secret_key": "rk_test_1"}, "live Stripe key"),
            ({"stripe_secret_key": "secret"}, "live Stripe key"),
            ({"stripe_webhook_secret": ""}, "Stripe are incomplete"),
            ({"stripe_webhook_secret": "   "}, "Stripe are incomplete"),
            ({"paypal_webhook_id": ""}, "PayPal are incomplete"),
            ({"mode": "production"}, "sandbox or live"),
        ],
    )
    def test_stop_a_dangerous_live_mode(self, changes: dict[str, Any], sentence: str) -> None:
        with pytest.raises(ProviderMisconfigured, match=sentence):
            build(replace(LIVE, **changes))

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"stripe_secret_key": "sk_live_1"}, "test key"),
            ({"stripe_secret_key": "rk_live_1"}, "test key"),
            ({"stripe_base": "https://stripe.evil.example"}, "neither"),
            ({"stripe_base": "http://api.stripe.com"}, "neither"),
            ({"stripe_base": "http://8.8.8.8"}, "neither"),
            ({"stripe_base": "http://127.0.0.1:8025/stripe/"}, "slash"),
            ({"stripe_base": "ftp://127.0.0.1"}, "neither"),
            ({"paypal_endpoint": PAYPAL_LIVE}, "neither"),
            ({"paypal_endpoint": "https://api-m.paypal.com.evil.example"}, "neither"),
            ({"sandbox_url": ""}, "ACTIONTRAC_SANDBOX_URL"),
        ],
    )
    def test_stop_a_sandbox_that_would_reach_outside(self, changes: dict[str, Any], sentence: str) -> None:
        with pytest.raises(ProviderMisconfigured, match=sentence):
            build(replace(SANDBOX, **changes))

    def test_know_the_processors_own_test_modes(self) -> None:
        made = build(replace(SANDBOX, stripe_base=STRIPE_LIVE, paypal_endpoint=PAYPAL_TEST))

        assert {each.environment for each in made.values()} == {"test"}

    @pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "sandbox", "10.1.2.3", "sandbox.internal"])
    def test_let_private_networks_through(self, host: str) -> None:
        made = build(replace(SANDBOX, sandbox_url=f"http://{host}:8025"))

        assert made["paypal"].environment == "sandbox"

    def test_let_one_processor_do(self) -> None:
        assert list(build(replace(LIVE, stripe_secret_key="", stripe_webhook_secret=""))) == ["paypal"]

    def test_want_at_least_one_processor(self) -> None:
        nothing = ProviderSettings(mode="live")

        with pytest.raises(ProviderMisconfigured, match="Nobody could pay"):
            build(nothing)

    def test_show_no_secret(self) -> None:
        assert not re.search(r"sk_test_1|whsec_1|secret'", repr(SANDBOX))


class TestImports:
    @pytest.mark.parametrize(
        ("package", "only"),
        [
            ("paypalrestsdk", {"services/billing/providers/paypal_api.py"}),
            ("stripe", {"services/billing/providers/stripe.py"}),
        ],
    )
    def test_each_sdk_has_one_door(self, package: str, only: set[str]) -> None:
        pattern = re.compile(rf"^\s*(import {package}\b|from {package}\b)", re.MULTILINE)
        sources = [*ROOT.glob("actiontrac/**/*.py"), *ROOT.glob("services/**/*.py")]

        found = {str(path.relative_to(ROOT)) for path in sources if pattern.search(path.read_text())}

        assert found == only

    def test_a_start_waits_for_no_sdk(self) -> None:
        code = (
            "import sys; from services.billing.providers.factory import ProviderSettings, build; "
            "build(ProviderSettings(mode='live', stripe_secret_key='sk_live_1', stripe_webhook_secret='w')); "
            "print([name for name in ('stripe', 'paypalrestsdk', 'nameko', 'eventlet') if name in sys.modules])"
        )
        found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

        assert found.stdout.strip() == "[]"

    def test_providers_read_no_other_clock(self) -> None:
        pattern = re.compile(r"datetime\.now|utcnow|time\.time\(|date\.today")
        folders = ("services/billing/providers", "actiontrac/sandbox")
        sources = [path for folder in folders for path in ROOT.glob(f"{folder}/**/*.py")]

        assert [path.name for path in sources if pattern.search(path.read_text())] == []

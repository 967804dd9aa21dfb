"""
Which processors this installation has, and the guards that keep sandbox and live apart.

A mistake here would send real keys to a stranger, or let pretended money buy a
real subscription: every doubt is a refusal to start.
"""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from services.billing.providers import PaymentProvider
from services.billing.providers.paypal import PayPalProvider
from services.billing.providers.stripe import StripeProvider
from services.billing.providers.wire import is_private

STRIPE_LIVE = "https://api.stripe.com"
PAYPAL_LIVE = "https://api-m.paypal.com"
#: PayPal's own sandbox, for real test accounts.
PAYPAL_TEST = "https://api-m.sandbox.paypal.com"


class ProviderMisconfigured(ValueError):
    """The payment settings contradict themselves; the sentence says how to mend them."""


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """
    ``mode`` is ``sandbox`` or ``live``. In sandbox mode the addresses are those of
    our own sandbox under ``sandbox_url``, unless ``stripe_base`` or
    ``paypal_endpoint`` names another one, such as the processors' test modes.
    """

    mode: str
    sandbox_url: str = ""
    stripe_secret_key: str = field(default="", repr=False)
    stripe_webhook_secret: str = field(default="", repr=False)
    #: Of the endpoint for events of connected accounts (T13); only where bills are sent.
    stripe_connect_webhook_secret: str = field(default="", repr=False)
    stripe_base: str = ""
    paypal_client_id: str = field(default="", repr=False)
    paypal_client_secret: str = field(default="", repr=False)
    paypal_webhook_id: str = ""
    paypal_endpoint: str = ""
    connect_seconds: float = 5.0
    #: Shorter than the RPC of the one who waits for the answer.
    answer_seconds: float = 8.0


def build(settings: ProviderSettings) -> dict[str, PaymentProvider]:
    """
    The processors by name; calls nobody and imports no SDK.

    Raises:
        ProviderMisconfigured: the settings are incomplete, contradictory or dangerous.
    """
    if settings.mode not in ("sandbox", "live"):
        raise ProviderMisconfigured("The mode of payments is sandbox or live.")
    providers: dict[str, PaymentProvider] = {}
    if _given("Stripe", settings.stripe_secret_key, settings.stripe_webhook_secret):
        providers["stripe"] = _stripe(settings)
    if _given("PayPal", settings.paypal_client_id, settings.paypal_client_secret, settings.paypal_webhook_id):
        providers["paypal"] = _paypal(settings)
    if not providers:
        raise ProviderMisconfigured(
            "Nobody could pay: set the keys of Stripe (ACTIONTRAC_STRIPE_…) or of PayPal (ACTIONTRAC_PAYPAL_…)."
        )
    return providers


def _given(name: str, *values: str) -> bool:
    if any(value.strip() for value in values) and not all(value.strip() for value in values):
        raise ProviderMisconfigured(f"The keys of {name} are incomplete: set all of them or none.")
    return bool(values[0].strip())


def _stripe(settings: ProviderSettings) -> StripeProvider:
    key = settings.stripe_secret_key
    if settings.mode == "live":
        if not key.startswith(("sk_live_", "rk_live_")):
            raise ProviderMisconfigured("Live mode needs a live Stripe key (sk_live_… or rk_live_…).")
        if settings.stripe_base:
            raise ProviderMisconfigured("Live mode takes no other address for Stripe: remove ACTIONTRAC_STRIPE_BASE.")
        base, environment = "", "live"
    else:
        if not key.startswith(("sk_test_", "rk_test_")):
            raise ProviderMisconfigured(
                "Sandbox mode takes only a Stripe test key (sk_test_…): this may be a live one."
            )
        base = settings.stripe_base or _sandbox(settings, "stripe")
        environment = _environment("ACTIONTRAC_STRIPE_BASE", base, STRIPE_LIVE)
    return StripeProvider(
        key,
        settings.stripe_webhook_secret,
        connect_secret=settings.stripe_connect_webhook_secret,
        environment=environment,
        base=base,
        timeout=(settings.connect_seconds, settings.answer_seconds),
    )


def _paypal(settings: ProviderSettings) -> PayPalProvider:
    if settings.mode == "live":
        if settings.paypal_endpoint not in ("", PAYPAL_LIVE):
            raise ProviderMisconfigured(
                "Live mode takes no other address for PayPal: remove ACTIONTRAC_PAYPAL_ENDPOINT."
            )
        endpoint, environment = PAYPAL_LIVE, "live"
    else:
        endpoint = settings.paypal_endpoint or _sandbox(settings, "paypal")
        environment = _environment("ACTIONTRAC_PAYPAL_ENDPOINT", endpoint, PAYPAL_TEST)
    return PayPalProvider(
        settings.paypal_client_id,
        settings.paypal_client_secret,
        settings.paypal_webhook_id,
        environment=environment,
        endpoint=endpoint,
        timeout=(settings.connect_seconds, settings.answer_seconds),
    )


def _sandbox(settings: ProviderSettings, mount: str) -> str:
    if not settings.sandbox_url:
        raise ProviderMisconfigured("Sandbox mode needs the sandbox: set ACTIONTRAC_SANDBOX_URL.")
    return f"{settings.sandbox_url.rstrip('/')}/{mount}"


def _environment(name: str, base: str, test_mode: str) -> str:
    """``test`` at the processor's own test mode, ``sandbox`` at ours; nowhere else do keys go."""
    if base.endswith("/"):
        raise ProviderMisconfigured(f"{name} must not end with a slash.")
    if base == test_mode:
        return "test"
    if urlsplit(base).scheme not in ("http", "https") or not is_private(base):
        raise ProviderMisconfigured(f"{name} is neither {test_mode} nor on this machine or a private network.")
    return "sandbox"

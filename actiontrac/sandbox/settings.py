"""What the sandbox needs to know, filled by whoever starts it."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from actiontrac.config import Settings


class UnsafeAddress(ValueError):
    """The sandbox would answer to strangers."""


@dataclass(frozen=True, kw_only=True)
class SandboxSettings:
    """
    Addresses and the made-up keys of the sandbox.

    ``public_url`` is where a browser finds the hosted pages (the gateway's
    ``/sandbox``); ``internal`` is where services find the APIs; ``gateway`` is
    where webhooks go. None ends with a slash.
    """

    home: Path
    public_url: str
    gateway: str
    internal: str = ""
    stripe_secret_key: str = field(repr=False)
    stripe_webhook_secret: str = field(repr=False)
    paypal_client_id: str = field(repr=False)
    paypal_client_secret: str = field(repr=False)
    paypal_webhook_id: str
    #: PayPal's own value is nine hours.
    paypal_token_seconds: int = 32400
    #: A file to which everything that is accepted is appended, a JSON object a line.
    ledger_file: Path | None = None

    def __post_init__(self) -> None:
        for name in ("public_url", "gateway", "internal"):
            if getattr(self, name).endswith("/"):
                raise ValueError(f"{name} must not end with a slash")
        if not self.stripe_secret_key.startswith(("sk_test_", "rk_test_")):
            raise ValueError("the sandbox takes only a Stripe test key")

    @classmethod
    def of(cls, settings: Settings) -> "SandboxSettings":
        """The sandbox of this installation: its keys, its folder, the gateway in front of it."""
        return cls(
            home=settings.home,
            public_url=f"{settings.public_url}/sandbox",
            gateway=settings.gateway_url,
            internal=settings.sandbox_url,
            stripe_secret_key=settings.secret("STRIPE_SECRET_KEY"),
            stripe_webhook_secret=settings.secret("STRIPE_WEBHOOK_SECRET"),
            paypal_client_id=settings.secret("PAYPAL_CLIENT_ID"),
            paypal_client_secret=settings.secret("PAYPAL_CLIENT_SECRET"),
            paypal_webhook_id=settings.secret("PAYPAL_WEBHOOK_ID"),
            ledger_file=Path(named) if (named := settings.option("SANDBOX_LEDGER_FILE", "")) else None,
        )

    @property
    def database(self) -> Path:
        return self.home / "sandbox.db"


def require_safe_host(host: str, *, inside_a_private_network: bool = False) -> None:
    """
    Refuse to serve the sandbox on an address that the outside can reach.

    ``inside_a_private_network`` is for a container, where 0.0.0.0 is the
    internal network and nothing else.

    Raises:
        UnsafeAddress: the address is public, or everything without that promise.
    """
    if host == "localhost":
        return
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise UnsafeAddress(f"{host!r} is not an IP address") from None
    if address.is_loopback:
        return
    if inside_a_private_network and (address.is_private or address.is_unspecified):
        return
    raise UnsafeAddress(f"The sandbox does not listen on {host}: anybody could read its mail. Use 127.0.0.1.")

"""
Settings, read once from the environment.

The embedded default needs none of them: what is secret is made on the first start
and kept in ``secrets.json`` in the data folder. Any secret ``NAME`` may be given
as ``NAME_FILE`` instead, which is how containers hand secrets over.
"""

import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

SERVICES = ("accounts", "workers", "billing", "notifications", "gateway")
SERVICES_WITH_DATA = SERVICES[:-1]

#: Settings that only a person or the first start of a sandbox can know.
SECRETS = (
    "MASTER_KEY",
    "BUS_KEY",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "STRIPE_CONNECT_WEBHOOK_SECRET",
    "PAYPAL_CLIENT_ID",
    "PAYPAL_CLIENT_SECRET",
    "PAYPAL_WEBHOOK_ID",
    "STAFF_TOKEN",
    "INBOUND_KEY",
)


class ConfigurationError(Exception):
    """A setting is missing or wrong; the sentence says which and how to mend it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that an operator can set; the environment variable is ACTIONTRAC_ + the upper-case name."""

    mode: str
    home: Path
    http_host: str
    http_port: int
    public_url: str
    bus_url: str
    database_url: str
    database_owner_url: str
    sandbox_url: str
    sandbox_host: str
    sandbox_port: int
    gateway_url: str
    mail_url: str
    mail_from: str
    mail_postal_address: str
    mail_reply_to: str
    clock_file: Path | None
    log_file: str
    log_level: str
    health_port: int
    max_workers: int
    rpc_timeout_seconds: float
    drain_seconds: float
    http_drain_delay_seconds: float
    dead_letter_days: float
    stripe_base: str
    paypal_endpoint: str
    tls_certificate: str
    tls_key: str
    trusted_proxies: tuple[str, ...]
    reuse_port: bool
    secrets: Mapping[str, str] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)

    @property
    def embedded(self) -> bool:
        """Whether all services share this process and its memory instead of a broker."""
        return self.bus_url.startswith("memory:")

    @property
    def sandbox(self) -> bool:
        return self.mode == "sandbox"

    def secret(self, name: str) -> str:
        """
        A secret by its name without the prefix, such as ``MASTER_KEY``.

        Raises:
            ConfigurationError: nobody set it.
        """
        try:
            return self.secrets[name]
        except KeyError:
            raise ConfigurationError(
                f"Set ACTIONTRAC_{name} (or ACTIONTRAC_{name}_FILE): in this mode ActionTrac does not invent it."
            ) from None

    def of_service(self, service: str) -> "Settings":
        """The same with the bus address of one service, where it has one of its own."""
        own = _read(self.environment, f"{service.upper()}_BUS_URL")
        password = _read(self.environment, f"{service.upper()}_BUS_PASSWORD") or ""
        address = self.bus_url.replace("{service}", service).replace("{password}", quote(password, safe=""))
        return replace(self, bus_url=own or address)

    def database_url_for(self, service: str) -> str:
        return self._database(service, "DATABASE_URL", self.database_url)

    def database_owner_url_for(self, service: str) -> str:
        """The URL with the rights to change tables; only migrations use it."""
        return self._database(service, "DATABASE_OWNER_URL", self.database_owner_url)

    def _database(self, service: str, name: str, template: str) -> str:
        own = _read(self.environment, f"{service.upper()}_{name}")
        if own:
            return own
        if not template:
            return self._database(service, "DATABASE_URL", self.database_url)
        password = _read(self.environment, f"{service.upper()}_DATABASE_PASSWORD") or ""
        return template.format(service=service, home=self.home, password=quote(password, safe=""))

    def option(self, name: str, default: str) -> str:
        """A setting that only one service knows, by its name without the prefix."""
        return self.environment.get(f"ACTIONTRAC_{name}") or default


def _read(environment: Mapping[str, str], name: str) -> str | None:
    """A setting's value, or what stands in the file that NAME_FILE points to."""
    value = environment.get(f"ACTIONTRAC_{name}")
    if value:
        return value
    path = environment.get(f"ACTIONTRAC_{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text().strip()
    except OSError as problem:
        raise ConfigurationError(f"ACTIONTRAC_{name}_FILE cannot be read: {problem.strerror}.") from None


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    value = environment.get(f"ACTIONTRAC_{name}")
    if value is None or value == "":
        return default
    try:
        return float(value)
    except ValueError:
        raise ConfigurationError(f"ACTIONTRAC_{name} must be a number.") from None


def prepare_home(home: Path) -> None:
    """
    Make the data folder, and see that it can be written.

    Raises:
        ConfigurationError: it cannot.
    """
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = home / f".probe-{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as problem:
        raise ConfigurationError(
            f"The data folder {home} cannot be used ({problem.strerror}); "
            "set ACTIONTRAC_HOME to a folder that this user can write to."
        ) from None


def _invented() -> dict[str, str]:
    return {
        "MASTER_KEY": secrets.token_hex(32),
        "BUS_KEY": secrets.token_hex(32),
        "STRIPE_SECRET_KEY": f"sk_test_{secrets.token_hex(16)}",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(16)}",
        "PAYPAL_CLIENT_ID": f"sandbox-{secrets.token_hex(8)}",
        "PAYPAL_CLIENT_SECRET": secrets.token_hex(16),
        "PAYPAL_WEBHOOK_ID": secrets.token_hex(8).upper(),
        "STAFF_TOKEN": secrets.token_hex(32),
        "INBOUND_KEY": secrets.token_hex(32),
    }


def _sandbox_secrets(home: Path) -> dict[str, str]:
    """
    The secrets of this sandbox, made once.

    Several processes may start at the same moment; the first link wins and all
    read the same file.
    """
    path = home / "secrets.json"
    # First, so that a folder of another user is one sentence and not a traceback.
    prepare_home(home)
    if not path.exists():
        beside = home / f".secrets-{os.getpid()}-{secrets.token_hex(4)}"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(_invented(), file, indent=1)
        try:
            os.link(beside, path)
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    try:
        found: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError):
        raise ConfigurationError(
            f"{path} is damaged; restore it from a backup, because without it sealed data cannot be read."
        ) from None
    if "MASTER_KEY" in found:
        # A sandbox of an older release; the same in every process, and nothing has to be written.
        mac = hmac.new(found["MASTER_KEY"].encode(), b"inbound mail", "sha256")
        found.setdefault("INBOUND_KEY", mac.hexdigest())
    return found


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """
    Read the settings, once, at the start of a process.

    Raises:
        ConfigurationError: with the one sentence that the operator needs.
    """
    env = dict(os.environ if environment is None else environment)

    def text(name: str, default: str) -> str:
        return _read(env, name) or default

    mode = text("MODE", "sandbox")
    if mode not in ("sandbox", "live"):
        raise ConfigurationError("ACTIONTRAC_MODE must be sandbox or live.")
    home = Path(text("HOME", ".actiontrac")).absolute()
    host = text("HTTP_HOST", "127.0.0.1")
    port = int(_number(env, "HTTP_PORT", 8000))
    public_url = text("PUBLIC_URL", f"http://127.0.0.1:{port}").rstrip("/")
    if mode == "live" and urlsplit(public_url).scheme != "https":
        raise ConfigurationError(
            "ACTIONTRAC_PUBLIC_URL must start with https:// in live mode: "
            "pages with personal data are served over TLS only."
        )
    dead_letter_days = _number(env, "DEAD_LETTER_DAYS", 90)
    if not 0 < dead_letter_days <= 90:
        raise ConfigurationError("ACTIONTRAC_DEAD_LETTER_DAYS must be at most 90: the inventory promises no more.")
    known = {name: value for name in SECRETS if (value := _read(env, name))}
    if mode == "sandbox":
        known = {**_sandbox_secrets(home), **known}
    sandbox_port = int(_number(env, "SANDBOX_PORT", 0))
    clock_file = Path(text("CLOCK_FILE", str(home / "clock"))) if mode == "sandbox" else None
    database_url = text("DATABASE_URL", "sqlite:///{home}/{service}.db")
    return Settings(
        mode=mode,
        home=home,
        http_host=host,
        http_port=port,
        public_url=public_url,
        bus_url=text("BUS_URL", "memory://"),
        database_url=database_url,
        database_owner_url=text("DATABASE_OWNER_URL", ""),
        sandbox_url=text("SANDBOX_URL", f"http://127.0.0.1:{sandbox_port}" if sandbox_port else "").rstrip("/"),
        sandbox_host=text("SANDBOX_HOST", "127.0.0.1"),
        sandbox_port=sandbox_port,
        gateway_url=text("GATEWAY_URL", f"http://127.0.0.1:{port}").rstrip("/"),
        mail_url=text("MAIL_URL", "sandbox:" if mode == "sandbox" else "smtp://localhost:25"),
        mail_from=text("MAIL_FROM", "ActionTrac <no-reply@actiontrac.example>"),
        mail_postal_address=text("MAIL_POSTAL_ADDRESS", "ActionTrac, 1 Example Street, Springfield"),
        mail_reply_to=text("MAIL_REPLY_TO", "support@actiontrac.example"),
        clock_file=clock_file,
        log_file=text("LOG_FILE", ""),
        log_level=text("LOG_LEVEL", "info"),
        health_port=int(_number(env, "HEALTH_PORT", 0)),
        max_workers=int(_number(env, "MAX_WORKERS", 20)),
        rpc_timeout_seconds=_number(env, "RPC_TIMEOUT_SECONDS", 10),
        # With what a stop takes beside it, a process is gone within ten.
        drain_seconds=_number(env, "DRAIN_SECONDS", 8),
        http_drain_delay_seconds=_number(env, "HTTP_DRAIN_DELAY_SECONDS", 0),
        dead_letter_days=dead_letter_days,
        stripe_base=text("STRIPE_BASE", ""),
        paypal_endpoint=text("PAYPAL_ENDPOINT", ""),
        tls_certificate=text("TLS_CERTIFICATE", ""),
        tls_key=text("TLS_KEY", ""),
        trusted_proxies=tuple(p for p in text("TRUSTED_PROXIES", "").split(",") if p),
        reuse_port=text("HTTP_REUSE_PORT", "") == "1",
        secrets=known,
        environment=env,
    )

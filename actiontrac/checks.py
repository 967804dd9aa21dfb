"""``actiontrac check``: is everything there that the product needs, and if not, how to mend it."""

from collections.abc import Callable

import requests
from sqlalchemy import create_engine, text

from actiontrac import bus
from actiontrac.config import SERVICES, SERVICES_WITH_DATA, ConfigurationError, Settings, prepare_home
from actiontrac.storage.migration import current, head

TIMEOUT_SECONDS = 3


class Wrong(Exception):
    """What is wrong, and after a semicolon how to mend it."""


def _home(settings: Settings) -> str:
    prepare_home(settings.home)
    return "can be written"


def _secrets(settings: Settings) -> str:
    needed = (
        "MASTER_KEY",
        "BUS_KEY",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "PAYPAL_CLIENT_ID",
        "PAYPAL_CLIENT_SECRET",
        "PAYPAL_WEBHOOK_ID",
    )
    for name in needed:
        settings.secret(name)
    return "all set"


def _bus(settings: Settings) -> str:
    if settings.embedded:
        return "in the process's own memory"
    for service in SERVICES:
        try:
            with bus.connect(settings.of_service(service)) as connection:
                connection.ensure_connection(max_retries=1, timeout=TIMEOUT_SECONDS)
        except Exception as problem:
            raise Wrong(
                f"not reachable for {service} ({type(problem).__name__}); start RabbitMQ, mend ACTIONTRAC_BUS_URL, "
                "or give the services their users: actiontrac broker setup"
            ) from None
    return "reachable"


def _database(service: str) -> Callable[[Settings], str]:
    def look(settings: Settings) -> str:
        url = settings.database_url_for(service).replace("postgresql://", "postgresql+psycopg2://", 1)
        try:
            at, newest = current(service, settings), head(service)
            engine = create_engine(url)
            with engine.connect() as connection:
                if connection.dialect.name == "postgresql":
                    bypass = connection.execute(
                        text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
                    ).scalar_one()
                    if bypass:
                        raise Wrong(
                            "its role can bypass row-level security; "
                            "use a role of its own without SUPERUSER and BYPASSRLS"
                        )
            engine.dispose()
        except Wrong:
            raise
        except Exception as problem:
            raise Wrong(
                f"not reachable ({type(problem).__name__}); start the database or mend ACTIONTRAC_DATABASE_URL"
            ) from None
        if at != newest:
            raise Wrong(f"at revision {at or 'none'} instead of {newest}; run: actiontrac migrate {service}")
        return f"reachable, at revision {at}"

    return look


def _gateway(settings: Settings) -> str:
    try:
        answer = requests.get(f"{settings.gateway_url}/readyz", timeout=TIMEOUT_SECONDS)
    except requests.RequestException:
        raise Wrong(f"does not answer on {settings.gateway_url}; start it with: make run") from None
    if answer.status_code != 200:
        raise Wrong("answers, but not every service is ready; see its /readyz")
    return "ready"


def run(settings: Settings) -> int:
    """Print one line for each thing; 1 when one of them is wrong."""
    looks: dict[str, Callable[[Settings], str]] = {"data folder": _home, "secrets": _secrets, "bus": _bus}
    looks |= {f"database of {service}": _database(service) for service in SERVICES_WITH_DATA}
    looks["gateway"] = _gateway
    failed = 0
    for name, look in looks.items():
        try:
            print(f"ok     {name}: {look(settings)}")
        except (Wrong, ConfigurationError) as problem:
            failed = 1
            print(f"WRONG  {name}: {problem}")
    return failed

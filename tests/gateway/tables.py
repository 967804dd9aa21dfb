"""The gateway's table without a running gateway."""

import tempfile
from pathlib import Path
from typing import Any

from actiontrac import config
from actiontrac.http import Table
from services.gateway import routes
from services.gateway.desk import Desk
from services.gateway.gate import SiteGate
from services.gateway.service import with_documentation
from services.gateway.sessions import Sessions


def nobody(*_: Any) -> Any:
    raise AssertionError("a table asks nobody")


def settings_of(mode: str = "sandbox", **more: str) -> config.Settings:
    with tempfile.TemporaryDirectory() as home:
        environment = {"ACTIONTRAC_HOME": str(Path(home)), "ACTIONTRAC_MODE": mode, **more}
        if mode == "live":
            environment.setdefault("ACTIONTRAC_PUBLIC_URL", "https://actiontrac.example")
        return config.load(environment)


def table_of(mode: str = "sandbox") -> Table:
    settings = settings_of(mode)
    sessions = Sessions(lambda: 1)
    desk = Desk(settings, sessions, SiteGate(settings, sessions, nobody), nobody, {"version": "0"})
    return with_documentation(routes.table(desk), settings)

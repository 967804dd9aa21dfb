"""What the routes' own code needs of the process: settings, sessions, the gate, and a way to ask."""

from dataclasses import dataclass
from typing import Any

from actiontrac.config import Settings
from actiontrac.http.exchange import Asker
from services.gateway.gate import SiteGate
from services.gateway.sessions import Sessions


@dataclass(frozen=True)
class Desk:
    settings: Settings
    sessions: Sessions
    gate: SiteGate
    #: Reaches a service at once, for probes; with a short timeout.
    ask_briefly: Asker
    #: ``version`` and whatever else pages show about the product.
    about: dict[str, Any]

"""The one theatre of a run; CHAOS_ALL=1 plays the exhaustive enumeration, CHAOS_LANES says on how many products."""

import os
from collections.abc import Iterator

import pytest

from tests.chaos.scene import Scenario
from tests.chaos.theatre import Theatre

THEATRE = pytest.StashKey[Theatre]()

LANES = int(os.environ.get("CHAOS_LANES", "4"))


@pytest.fixture(scope="session")
def theatre(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    called = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    scenarios = [given["scenario"] for given in called if isinstance(given.get("scenario"), Scenario)]
    needs_servers = any(scenario.mode == "full" for scenario in scenarios)
    servers = request.getfixturevalue("servers") if needs_servers else None
    with pytest.MonkeyPatch.context() as patch:
        # Everything is on loopback; and pytest changes the environment while a lane would look for a proxy in it.
        patch.setattr("requests.sessions.get_environ_proxies", lambda *_, **__: {})
        opened = Theatre(scenarios, tmp_path_factory.mktemp("chaos"), servers, LANES)
        request.config.stash[THEATRE] = opened
        yield opened
        opened.afterwards()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    played = config.stash.get(THEATRE, None)
    if played is None:
        return
    longest = sorted(played.seconds.items(), key=lambda pair: -pair[1])[:5]
    terminalreporter.write_line(f"chaos: {len(played.seconds)} scenarios converged after {played.deaths} ends")
    for name, seconds in longest:
        terminalreporter.write_line(f"  {seconds:5.1f} s  {name}")

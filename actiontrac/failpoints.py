"""
Named places where a test can end the process (A3).

A failpoint stands between two side effects: before a commit and after it, before
a call to a provider and after it. ``ACTIONTRAC_FAILPOINT=name`` ends the process
the first time it passes there, ``name:2`` the second time, with no clean-up at
all, as a power cut would.
"""

import os

_REGISTERED: dict[str, str] = {}
_passes: dict[str, int] = {}

#: What a shell reports for a process that was killed with -9.
EXIT_CODE = 137


def register(name: str, between: str) -> str:
    """Declare a failpoint and the two effects that it stands between."""
    _REGISTERED[name] = between
    return name


def registered() -> dict[str, str]:
    return dict(_REGISTERED)


def failpoint(name: str) -> None:
    """
    End the process here, if the environment says so.

    Raises:
        KeyError: nobody registered this name, so no test would ever reach it.
    """
    _REGISTERED[name]
    wanted = os.environ.get("ACTIONTRAC_FAILPOINT")
    if wanted is None:
        return
    wanted_name, _, wanted_pass = wanted.partition(":")
    if wanted_name != name:
        return
    _passes[name] = _passes.get(name, 0) + 1
    if _passes[name] == int(wanted_pass or 1):
        os._exit(EXIT_CODE)

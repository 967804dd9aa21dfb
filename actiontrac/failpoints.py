"""
Named places where a test can end the process (A3).

A failpoint stands between two side effects: before a commit and after it, before
a call to a provider and after it. ``ACTIONTRAC_FAILPOINT=name`` ends the process
the first time it passes there, ``name:2`` the second time, with no clean-up at
all, as a power cut would.

``ACTIONTRAC_FAILPOINT_PROCESS=billing`` limits it to one process of several, and
``ACTIONTRAC_FAILPOINT_FIRED=path`` to one time altogether: the file is made when it
fires, and while it exists nothing fires, so that a supervisor's restart goes well.
"""

import os
from pathlib import Path

#: Which process this is, such as ``billing`` or ``billing-relay``; set at its start.
process = ""

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
    if wanted_name != name or os.environ.get("ACTIONTRAC_FAILPOINT_PROCESS", process) != process:
        return
    fired = os.environ.get("ACTIONTRAC_FAILPOINT_FIRED")
    if fired and Path(fired).exists():
        return
    _passes[name] = _passes.get(name, 0) + 1
    if _passes[name] == int(wanted_pass or 1):
        if fired:
            Path(fired).write_text(name)
        os._exit(EXIT_CODE)

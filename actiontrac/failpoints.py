"""
Named places where a test can end the process (A3).

A failpoint stands between two side effects: before a commit and after it, before
a call to a provider and after it. ``ACTIONTRAC_FAILPOINT=name`` ends the process
the first time it passes there, ``name:2`` the second time, with no clean-up at
all, as a power cut would.

``ACTIONTRAC_FAILPOINT_PROCESS=billing`` limits it to one process of several, and
``ACTIONTRAC_FAILPOINT_FIRED=path`` to one time altogether: the file is made when it
fires, and while it exists nothing fires, so that a supervisor's restart goes well.

``ACTIONTRAC_FAILPOINT=@path`` reads the same from a file at every pass, ``name:2 billing``
for one process of several, so that a running product can be told where to end next.
Whoever ends there renames the file to ``path.fired``, and nobody else does.
"""

import os
from pathlib import Path

#: Which process this is, such as ``billing`` or ``billing-relay``; set at its start.
process = ""

_REGISTERED: dict[str, str] = {}
_passes: dict[str, int] = {}
#: Passes at what the file asks for, since it was written.
_file_passes: tuple[int, int] = (0, 0)

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
    if wanted.startswith("@"):
        _failpoint_of_file(name, Path(wanted[1:]))
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


def _failpoint_of_file(name: str, path: Path) -> None:
    global _file_passes
    try:
        written, words = path.stat().st_mtime_ns, path.read_text().split()
    except FileNotFoundError:
        return
    wanted_name, _, wanted_pass = words[0].partition(":")
    if wanted_name != name or process not in (words[1:] or [process]):
        return
    since, passes = _file_passes
    _file_passes = (written, passes + 1 if since == written else 1)
    if _file_passes[1] != int(wanted_pass or 1):
        return
    try:
        path.rename(f"{path}.fired")
    except FileNotFoundError:
        # Another process was there first.
        return
    os._exit(EXIT_CODE)

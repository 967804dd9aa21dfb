"""No failpoint without a scenario, and no effect on the outside without a failpoint on both sides of it."""

import ast
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from actiontrac.failpoints import EXIT_CODE
from services.billing.providers import PaymentProvider
from services.notifications.transports import Transport
from tests.chaos import scenarios
from tests.stack import ROOT

REGISTRY = """
from importlib import import_module
from actiontrac import config, failpoints, outbox
for service in config.SERVICES:
    import_module(f"services.{service}.service")
print("\\n".join(sorted(failpoints.registered())))
"""


def registered() -> set[str]:
    """As the running product has them: everything that any service imports."""
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import eventlet; eventlet.monkey_patch()\n" + REGISTRY],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return set(found.stdout.split())


class TestScenarios:
    def test_every_registered_failpoint_ends_a_process_in_every_run_of_the_tests(self) -> None:
        certain = {scenario.name for scenario in scenarios.default() if scenario.certain}

        assert registered() - certain == set(), "these failpoints are in no scenario"
        assert certain - registered() == set(), "these scenarios wait for what nobody registered"

    def test_points_beside_a_processor_end_with_both_methods(self) -> None:
        beside = ("checkout", "settle", "refund", "resume", "webhook")
        points = {name for name in registered() if name.startswith(tuple(f"billing.{what}." for what in beside))}
        played = {(s.name, s.given.get("method")) for s in scenarios.default()}

        assert {(name, method) for name in points for method in scenarios.METHODS} - played == set()

    def test_no_two_scenarios_are_the_same(self) -> None:
        for found in (scenarios.default(), scenarios.everything()):
            assert len({str(scenario) for scenario in found}) == len(found)

    def test_the_exhaustive_enumeration_holds_every_scenario_of_every_run(self) -> None:
        assert {str(s) for s in scenarios.default()} <= {str(s) for s in scenarios.everything()}


# Effects


@dataclass(frozen=True)
class Effect:
    """A call that changes something outside of our databases, or a commit."""

    #: As it is written: the last names of what is called.
    call: str
    #: Where such calls are looked for.
    folder: str
    #: The failpoints that must stand around it, directly or around every caller: both sides, or ``before`` only.
    sides: str = "both"


EFFECTS = (
    Effect("provider.start", "services/billing"),
    Effect("provider.open_account", "services/billing"),
    Effect("provider.settle", "services/billing"),
    Effect("provider.cancel", "services/billing"),
    Effect("provider.refund", "services/billing"),
    Effect("_transport.send", "services/notifications"),
    Effect("bus.publish", "actiontrac/outbox.py"),
    Effect("_session.commit", "actiontrac/storage/store.py"),
    Effect("connection.commit", "actiontrac/storage/store.py"),
    # The relay's mark is its own last step: what follows it is the next round, which begins with a failpoint.
    Effect("session.commit", "actiontrac/outbox.py", "before"),
    Effect("delivery.ack", "actiontrac/messaging.py", "before"),
)

#: Functions whose calls need no failpoint, each with its reason.
NOT_AN_EFFECT = {
    "actiontrac/messaging.py _park": "a message that nobody can read: kept first, acknowledged then",
    "actiontrac/messaging.py keep": "a failure: recorded in a unit of work with its own failpoints, acknowledged then",
    "actiontrac/messaging.py _bury": "a message that the broker gave up: kept first, acknowledged then",
}


#: What processors and mail servers can be asked that changes nothing there, each with its reason.
HARMLESS = {
    "fetch": "reads",
    "aftermath": "reads",
    "received": "reads",
    "can_be_paid": "reads",
    "account_page": "an address that works for minutes and moves nothing; the next is as good",
    "notice": "verifies bytes that are here",
    "check": "looks at the settings",
    "rest": "lets an idle connection go",
}


def test_whatever_else_can_be_asked_outside_is_looked_at() -> None:
    """A new method of a processor's or a mail server's is an effect, or somebody says why it is none."""
    asked = {name for door in (PaymentProvider, Transport) for name in vars(door) if not name.startswith("_")}
    asked &= {name for door in (PaymentProvider, Transport) for name, each in vars(door).items() if callable(each)}
    known = {effect.call.rpartition(".")[2] for effect in EFFECTS}

    assert asked - known - set(HARMLESS) == set()
    assert set(HARMLESS) <= asked, "this table is out of date"


def test_nothing_else_commits() -> None:
    """Every commit of the product but a migration's stands among the effects."""
    found = {
        path
        for folder in ("actiontrac", "services")
        for path, tree in _sources(folder)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    }
    outside = {path for path in found if not path.startswith("actiontrac/sandbox/")}

    assert outside == {e.folder for e in EFFECTS if e.call.endswith(".commit")} | {"actiontrac/storage/migration.py"}


@dataclass(frozen=True)
class Call:
    path: str
    #: Methods of the class around it; none for a plain function.
    methods: frozenset[str]
    function: ast.FunctionDef
    node: ast.Call

    @property
    def place(self) -> str:
        return f"{self.path} {self.function.name}"


def _sources(folder: str) -> Iterator[tuple[str, ast.Module]]:
    where = ROOT / folder
    for path in [where] if where.is_file() else sorted(where.rglob("*.py")):
        if "providers" not in path.parts and "migrations" not in path.parts:
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def _calls(folder: str, wanted: str) -> list[Call]:
    """Calls whose name ends with these words, with the function that they stand in."""
    return [
        Call(path, methods, function, node)
        for path, tree in _sources(folder)
        for methods, function in _functions(tree)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and f".{ast.unparse(node.func)}".endswith(f".{wanted}")
    ]


def _functions(tree: ast.Module) -> Iterator[tuple[frozenset[str], ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield frozenset(), node
        if isinstance(node, ast.ClassDef):
            own = [inner for inner in node.body if isinstance(inner, ast.FunctionDef)]
            for function in own:
                yield frozenset(other.name for other in own), function


def _failpoints_in(function: ast.FunctionDef) -> list[int]:
    called = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    return [node.lineno for node in called if isinstance(node.func, ast.Name) and node.func.id == "failpoint"]


def _is_guarded(call: Call, folder: str, sides: str, seen: frozenset[str] = frozenset()) -> bool:
    """Whether failpoints stand around the call in its function, or around every call of that function."""
    lines = _failpoints_in(call.function)
    if sides == "before":
        lines += _lines_of_helpers(call, folder)
    before = any(line < call.node.lineno for line in lines)
    after = any(line > (call.node.end_lineno or 0) for line in lines)
    if before and (after or sides == "before"):
        return True
    if call.function.name in seen:
        return False
    callers = _callers(call, folder)
    return bool(callers) and all(_is_guarded(one, folder, sides, seen | {call.function.name}) for one in callers)


def _lines_of_helpers(call: Call, folder: str) -> list[int]:
    """Where the function calls others of the folder that pass a failpoint themselves."""
    helpers = {f.name for _, tree in _sources(folder) for _, f in _functions(tree) if _failpoints_in(f)}
    called = [node for node in ast.walk(call.function) if isinstance(node, ast.Call)]
    return [node.lineno for node in called if ast.unparse(node.func).rpartition(".")[2] in helpers]


def _callers(call: Call, folder: str) -> list[Call]:
    """Who calls the function; ``self.name`` is one's own method where there is one of that name."""
    name = call.function.name
    found = [one for one in _calls(folder, name) if one.function.name != name]
    return [
        one
        for one in found
        if not (ast.unparse(one.node.func) == f"self.{name}" and name in one.methods and one.methods != call.methods)
    ]


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: f"{effect.call} in {effect.folder}")
def test_failpoints_stand_around_every_effect(effect: Effect) -> None:
    calls = [call for call in _calls(effect.folder, effect.call) if call.place not in NOT_AN_EFFECT]
    bare = [call.place for call in calls if not _is_guarded(call, effect.folder, effect.sides)]

    assert calls, f"nobody calls {effect.call} any more: this table is out of date"
    assert bare == []


def test_an_effect_without_failpoints_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look itself works: a bare call, one behind a helper, and a guarded one."""
    tmp_path.joinpath("bare.py").write_text(
        "def bare(provider):\n    provider.refund()\n"
        "def helper(provider):\n    provider.settle()\n"
        "def guarded(provider):\n    failpoint('a')\n    helper(provider)\n    failpoint('b')\n"
        "def half(provider):\n    failpoint('a')\n    provider.start()\n"
    )
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)

    guarded = {
        name: [_is_guarded(call, "bare.py", "both") for call in _calls("bare.py", f"provider.{name}")]
        for name in ("refund", "settle", "start")
    }

    assert guarded == {"refund": [False], "settle": [True], "start": [False]}


# The way in which these tests name a point while the product runs

ENDS = """
import os, sys
from actiontrac import failpoints
failpoints.process = sys.argv[1]
failpoints.register("here", "two effects")
failpoints.register("elsewhere", "two others")
for name in sys.argv[2:]:
    failpoints.failpoint(name)
"""


class TestNamingAPointWhileTheProductRuns:
    def ends(self, wish: Path, *passes: str, process: str = "billing") -> bool:
        done = subprocess.run(
            [sys.executable, "-c", ENDS, process, *passes],
            env={"ACTIONTRAC_FAILPOINT": f"@{wish}"}, cwd=ROOT, check=False, timeout=30,
        )  # fmt: skip
        assert done.returncode in (0, EXIT_CODE)
        return done.returncode == EXIT_CODE

    def test_nothing_ends_while_nothing_is_asked_for(self, tmp_path: Path) -> None:
        assert not self.ends(tmp_path / "wish", "here", "here")

    @pytest.mark.parametrize(
        ("asked", "passes", "ends"),
        [
            ("here", ["here"], True),
            ("here", ["elsewhere"], False),
            ("here:2", ["here"], False),
            ("here:2", ["here", "elsewhere", "here"], True),
            ("here billing", ["here"], True),
            ("here workers", ["here"], False),
        ],
    )
    def test_ends_at_the_pass_and_in_the_process_that_were_asked_for(
        self, tmp_path: Path, asked: str, passes: list[str], ends: bool
    ) -> None:
        wish = tmp_path / "wish"
        wish.write_text(asked)

        assert self.ends(wish, *passes) is ends
        assert wish.exists() is not ends
        assert tmp_path.joinpath("wish.fired").exists() is ends

    def test_ends_once(self, tmp_path: Path) -> None:
        wish = tmp_path / "wish"
        wish.write_text("here")

        assert [self.ends(wish, "here") for _ in range(2)] == [True, False]

    def test_passes_count_from_the_moment_it_was_asked_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from actiontrac import failpoints

        wish = tmp_path / "wish"
        ended: list[int] = []
        monkeypatch.setenv("ACTIONTRAC_FAILPOINT", f"@{wish}")
        monkeypatch.setattr("os._exit", ended.append)
        failpoints.register("test.counted", "two effects")
        for asked in ("test.counted:2", "test.counted:3"):
            wish.write_text(asked)
            failpoints.failpoint("test.counted")
            time.sleep(0.02)

        failpoints.failpoint("test.counted")
        assert ended == []
        failpoints.failpoint("test.counted")
        assert ended == [EXIT_CODE]

import ast
import subprocess
import sys

import pytest

from actiontrac import clock, failpoints
from actiontrac.ids import new_id


class TestClock:
    @pytest.fixture(autouse=True)
    def own_file(self, tmp_path):
        clock.configure(tmp_path / "clock")
        yield
        clock.configure(None)

    def test_moves_for_every_process(self, tmp_path):
        before = clock.now()
        clock.advance(clock.duration("30d"))
        script = (
            "from pathlib import Path; from actiontrac import clock;"
            f"clock.configure(Path({str(tmp_path / 'clock')!r})); print(clock.offset_seconds())"
        )
        seen = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

        assert (clock.now() - before).days == 30
        assert float(seen.stdout) == 30 * 86400

    def test_does_not_run_backwards(self):
        with pytest.raises(ValueError, match="backwards"):
            clock.advance(-1)

    def test_stands_still_in_live_mode(self):
        clock.configure(None)
        with pytest.raises(clock.ClockNotMovable):
            clock.advance(1)

    def test_deadlines_do_not_jump_with_it(self):
        before = clock.wall()
        clock.advance(86400)

        assert clock.wall() - before < 60

    @pytest.mark.parametrize(("text", "seconds"), [("30d", 2592000), ("1d12h", 129600), ("45m", 2700), ("0.5h", 1800)])
    def test_reads_durations(self, text, seconds):
        assert clock.duration(text) == seconds

    @pytest.mark.parametrize("text", ["", "30", "d", "30 days", "1w", "-1d", "1d 2h"])
    def test_refuses_what_is_no_duration(self, text):
        with pytest.raises(ValueError, match="30d"):
            clock.duration(text)

    def test_times_are_written_one_way(self):
        assert clock.iso(clock.parse("2026-11-23T14:00:00+01:00")) == "2026-11-23T13:00:00Z"


class TestIds:
    def test_sort_by_time_and_never_repeat(self, tmp_path):
        clock.configure(tmp_path / "clock")
        first = new_id("wrk")
        clock.advance(1)
        later = [new_id("wrk") for _ in range(1000)]

        assert all(first < other for other in later)
        assert len(set(later)) == 1000
        clock.configure(None)


class TestFailpoints:
    def test_an_unregistered_name_is_a_mistake(self):
        with pytest.raises(KeyError):
            failpoints.failpoint("nobody.knows.it")

    @pytest.mark.parametrize(("wanted", "process", "code"), [
        ("test.point", "", 137), ("test.point:2", "", 137), ("test.point:3", "", 0), ("other", "", 0),
        ("test.point", "elsewhere", 0),
    ])
    def test_ends_the_process_at_the_wanted_pass(self, wanted, process, code):
        script = (
            "from actiontrac.failpoints import *; register('test.point', 'two effects');"
            "failpoint('test.point'); failpoint('test.point')"
        )
        environment = {"ACTIONTRAC_FAILPOINT": wanted, **({"ACTIONTRAC_FAILPOINT_PROCESS": process} if process else {})}
        ended = subprocess.run([sys.executable, "-c", script], env=environment, check=False)

        assert ended.returncode == code

    def test_fires_once_altogether_where_that_is_asked(self, tmp_path):
        script = "from actiontrac.failpoints import *; register('p', 'x'); failpoint('p')"
        environment = {"ACTIONTRAC_FAILPOINT": "p", "ACTIONTRAC_FAILPOINT_FIRED": str(tmp_path / "fired")}
        codes = [subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode for _ in "12"]

        assert codes == [137, 0]

    def test_every_failpoint_in_the_code_is_registered_there(self):
        from tests.contracts.test_house_rules import sources

        used, registered = set(), set()
        for folder in ("actiontrac", "services"):
            for _, tree in sources(folder):
                for node in ast.walk(tree):
                    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                        continue
                    if node.func.id in ("failpoint", "register") and isinstance(node.args[0], ast.Constant):
                        (used if node.func.id == "failpoint" else registered).add(node.args[0].value)

        assert used - registered == set()

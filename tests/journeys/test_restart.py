"""Ends of every kind: a kill -9 loses nothing, a stop is clean, and what cannot start says why in one sentence."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actiontrac.config import SERVICES
from actiontrac.demo.client import Customer, pay, wait_for
from tests.journeys.conftest import Start, running
from tests.journeys.load import Load
from tests.journeys.people import joined
from tests.servers.ports import free_ports
from tests.stack import ROOT, Product, command_line, descendants, embedded_product

# Many starts and stops: on a busy machine they may take longer together than one test usually may.
pytestmark = pytest.mark.timeout(300)

#: make run takes two seconds on a machine that counts to ten million in half a second. A busy
#: machine is slower at both, so that what is measured is the start and not its neighbours.
SECOND_START_COUNTS = 8


@pytest.fixture(scope="module")
def embedded(products: Start) -> Product:
    return products("embedded")


@pytest.fixture(scope="module")
def full(products: Start) -> Product:
    return products("full")


def buy_and_leave(customer: Customer) -> dict[str, Any]:
    """Pay on the provider's page and close the browser there."""
    checkout = customer.buy("business", "card")
    pay(checkout, come_back=False)
    return checkout


def check_paid_once(product: Product, customer: Customer, checkout: dict[str, Any]) -> None:
    paid = customer.wait_paid(checkout["id"], 60)
    assert paid["amount_minor"] == checkout["amount_minor"]
    charges = [
        one
        for one in product.control("GET", "ledger", params={"kind": "charge"})
        if one.get("payment_id") == checkout["id"]
    ]
    assert len(charges) == 1
    invoices = wait_for("the invoice", lambda: customer.http.json("GET", "/v1/invoices")["items"])
    assert [one["checkout_id"] for one in invoices] == [checkout["id"]]
    customer.mailbox.wait(invoices[0]["number"], 40)
    customer.mailbox.wait("welcome", 40)
    for words in ("confirm", "welcome", invoices[0]["number"]):
        # Who gets a mail twice in the window that nobody can close sees it once by its Message-ID.
        sent = {one["headers"]["Message-ID"] for one in customer.mailbox.all() if words in one["subject"].lower()}
        assert len(sent) == 1 or words not in ("confirm", "welcome"), words


def check_counted(customer: Customer, load: Load) -> None:
    """The event of every worker arrived at billing."""
    expected = len(load.acknowledged)
    wait_for(
        f"{expected} workers at billing",
        lambda: customer.http.json("GET", "/v1/usage")["managed"] == expected,
        40,
    )


class TestKillingEverything:
    """Embedded: one process, one kill."""

    def test_nothing_that_was_acknowledged_is_lost(self, embedded: Product) -> None:
        customer = joined(embedded)
        load = Load(customer)
        load.start()
        checkout = {}
        for _ in range(2):
            load.wait_for_more()
            if not checkout:
                checkout = buy_and_leave(customer)
            embedded.kill()
            embedded.start()
        load.wait_for_more()
        load.stop()
        load.repeat_what_was_not_answered()
        load.check()
        check_paid_once(embedded, customer, checkout)
        check_counted(customer, load)

    def test_a_registration_that_was_accepted_gets_its_mail(self, embedded: Product) -> None:
        newcomer = Customer(embedded.url)
        newcomer.register()
        embedded.kill()
        embedded.start()
        newcomer.verify()
        newcomer.sign_in()

    def test_a_session_outlives_the_process(self, embedded: Product) -> None:
        customer = joined(embedded)
        embedded.kill()
        embedded.start()
        customer.http.request("GET", "/v1/me")

    def test_the_second_start_is_quick(self, embedded: Product) -> None:
        assert embedded.stop() == 0
        embedded.start(cold=True)
        started = cpu_seconds(embedded)
        assert started < SECOND_START_COUNTS * max(seconds_to_count(), seconds_to_count())


def seconds_to_count() -> float:
    began, total = time.process_time(), 0
    for number in range(10_000_000):
        total += number
    return time.process_time() - began


def cpu_seconds(product: Product) -> float:
    fields = Path(f"/proc/{product.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.full
class TestKillingOneProcess:
    """Full: each service in turn, while the others work."""

    def test_nothing_that_was_acknowledged_is_lost(self, full: Product) -> None:
        customer = joined(full)
        load = Load(customer)
        load.start()
        checkout = buy_and_leave(customer)
        for victim in [f"serve {service}" for service in SERVICES] + ["relay workers", "relay billing"]:
            load.wait_for_more()
            (pid,) = full.pids(victim)
            os.kill(pid, signal.SIGKILL)
            wait_for(f"a new {victim}", lambda victim=victim, pid=pid: set(full.pids(victim)) - {pid}, 20)
        load.wait_for_more()
        load.stop()
        load.repeat_what_was_not_answered()
        load.check()
        check_paid_once(full, customer, checkout)
        check_counted(customer, load)

    def test_the_relay_of_a_service_that_runs_alone_ends_with_it(self, full: Product) -> None:
        service = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "actiontrac", "serve", "notifications"],
            cwd=ROOT,
            env=full.environment,
        )
        (relay,) = wait_for("the relay", lambda: [one for one in descendants(service.pid) if command_line(one)], 30)
        assert "relay notifications" in command_line(relay)
        service.kill()
        service.wait()
        wait_for("the end of the relay", lambda: command_line(relay) == "", 10)

    def test_everything_ends_with_the_supervisor(self, full: Product) -> None:
        everyone = descendants(full.pid)
        assert len([one for one in everyone if "serve" in command_line(one)]) == len(SERVICES)
        os.kill(full.pid, signal.SIGKILL)
        wait_for("the end of all", lambda: not any(map(command_line, everyone)), 30)
        full.start(wait=False)
        full.wait_ready(90)

    def test_each_process_waits_for_its_own_sockets_alone(self, full: Product) -> None:
        for service in full.pids("serve"):
            folder = Path(f"/proc/{service}")
            own = {one.stat().st_ino for one in (folder / "fd").iterdir()}
            waiting = [one.name for one in (folder / "fd").iterdir() if "eventpoll" in str(one.readlink())]
            told = "".join((folder / "fdinfo" / name).read_text() for name in waiting)
            awaited = {int(number, 16) for number in re.findall(r"^tfd:.* ino:(\w+)", told, re.MULTILINE)}
            assert awaited
            assert awaited <= own, command_line(service)

    @pytest.mark.parametrize("parent", ["warm green", "warm plain"])
    def test_when_a_warm_parent_ends_its_children_are_started_anew(self, full: Product, parent: str) -> None:
        victim = "serve billing" if parent == "warm green" else "relay billing"
        (pid,), (before,) = full.pids(parent), full.pids(victim)
        os.kill(pid, signal.SIGKILL)
        wait_for("the end of the old one", lambda: not command_line(before), 20)
        wait_for("a new one", lambda: full.pids(victim), 20)
        full.wait_ready(60)


STOPS = [
    pytest.param("embedded", signal.SIGINT, id="embedded, Ctrl-C"),
    pytest.param("embedded", signal.SIGTERM, id="embedded, SIGTERM"),
    pytest.param("full", signal.SIGINT, id="full, Ctrl-C", marks=pytest.mark.full),
]


class TestStopping:
    @pytest.mark.parametrize(("mode", "number"), STOPS)
    def test_a_signal_ends_it_with_success_and_without_a_word_of_trouble(
        self, request: pytest.FixtureRequest, mode: str, number: signal.Signals
    ) -> None:
        product: Product = request.getfixturevalue(mode)
        customer = joined(product)
        load = Load(customer)
        load.start()
        load.wait_for_more()
        before = len(product.output())
        everyone = descendants(product.pid)
        os.kill(product.pid, number)
        assert product.wait_ended(40) == 0
        assert "Traceback" not in product.output()[before:]
        assert not [pid for pid in everyone if "actiontrac" in command_line(pid)], "a process was left behind"
        product.start(wait=False)
        product.wait_ready(90)
        load.wait_for_more()
        load.stop()
        load.repeat_what_was_not_answered()
        load.check()

    def test_a_terminal_that_presses_ctrl_c_twice_is_not_kept_waiting(self, embedded: Product) -> None:
        os.kill(embedded.pid, signal.SIGINT)
        os.kill(embedded.pid, signal.SIGINT)
        assert embedded.wait_ended(10) in (0, 130)
        embedded.start()


def started_and_stopped(home: Path) -> Product:
    product = embedded_product(home)
    with running(product):
        pass
    return product


def garbage(home: Path, name: str) -> None:
    (home / name).write_bytes(b"This is no database. " * 4000)
    for beside in ("-wal", "-shm"):
        (home / f"{name}{beside}").unlink(missing_ok=True)


def damaged(name: str) -> Callable[[Path], Path]:
    def damage(folder: Path) -> Path:
        home = started_and_stopped(folder / "home").home
        files = {path.stem: path.name for path in home.glob("*.db")}
        garbage(home, files[name])
        return home

    return damage


def a_file(folder: Path) -> Path:
    (folder / "home").write_text("not a folder")
    return folder / "home"


def not_writable(folder: Path) -> Path:
    home = folder / "home"
    home.mkdir(mode=0o500)
    # Nothing is closed to root but what the kernel itself keeps.
    return home if os.geteuid() else Path("/proc/sys/actiontrac")


def below_a_file(folder: Path) -> Path:
    return a_file(folder) / "below"


def database_is_a_folder(folder: Path) -> Path:
    home = folder / "home"
    (home / "workers.db").mkdir(parents=True)
    return home


def broken_secrets(folder: Path) -> Path:
    home = folder / "home"
    home.mkdir()
    (home / "secrets.json").write_text("{")
    return home


class TestWhatCannotStart:
    """Exit code 2 and one sentence that says what to do."""

    @pytest.mark.parametrize(
        "broken",
        [
            a_file,
            not_writable,
            below_a_file,
            database_is_a_folder,
            broken_secrets,
            damaged("accounts"),
            damaged("sandbox"),
        ],
        ids=[
            "a file",
            "not writable",
            "below a file",
            "a folder for a database",
            "broken secrets",
            "a damaged database",
            "a damaged sandbox",
        ],
    )
    def test_a_broken_data_folder(self, tmp_path: Path, broken: Callable[[Path], Path]) -> None:
        said = one_sentence(up(home=broken(tmp_path)))
        assert "home" in said or "ACTIONTRAC_HOME" in said or "/proc" in said

    def test_a_taken_port(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            said = one_sentence(up(home=tmp_path / "home", ACTIONTRAC_HTTP_PORT=str(port)))
        assert str(port) in said
        assert "ACTIONTRAC_HTTP_PORT" in said

    def test_a_wrong_setting(self, tmp_path: Path) -> None:
        assert "ACTIONTRAC_HTTP_PORT" in one_sentence(up(home=tmp_path / "home", ACTIONTRAC_HTTP_PORT="eighty"))
        assert "ACTIONTRAC_MODE" in one_sentence(up(home=tmp_path / "home", ACTIONTRAC_MODE="liveish"))

    def test_a_database_that_nobody_answers_for(self, tmp_path: Path) -> None:
        (port,) = free_ports(1)
        said = one_sentence(
            up(
                home=tmp_path / "home",
                ACTIONTRAC_BUS_URL=f"amqp://guest:guest@127.0.0.1:{port}/",
                ACTIONTRAC_DATABASE_URL=f"postgresql://a:secret-word@127.0.0.1:{port}/{{service}}",
            )
        )
        assert "secret-word" not in said

    def test_live_mode_without_its_secrets(self, tmp_path: Path) -> None:
        one_sentence(up(home=tmp_path / "home", ACTIONTRAC_MODE="live"))


def up(*, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ACTIONTRAC_")}
    (port,) = free_ports(1)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "actiontrac", "up"],
        cwd=ROOT,
        env={**inherited, "ACTIONTRAC_HOME": str(home), "ACTIONTRAC_HTTP_PORT": str(port), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def one_sentence(ended: subprocess.CompletedProcess[str]) -> str:
    assert ended.returncode == 2, ended.stderr[-1500:]
    assert ended.stdout == ""
    said = ended.stderr.removeprefix("actiontrac: ")
    assert said != ended.stderr, ended.stderr[-1500:]
    assert said.count("\n") == 1, said
    assert said.endswith(".\n"), said
    return said

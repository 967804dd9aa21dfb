"""
From the commit to a handler's effect of one row: our outbox, relay, quorum queue and inbox
beside a bare kombu loop that confirms, consumes and inserts.
"""

import contextlib
import json
import os
import secrets
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2

from actiontrac import config
from actiontrac.storage import Database
from actiontrac.vault import LocalKeyProvider
from tests.bench.registry import Round, bench
from tests.bench.stage import COMPANIES, Stage
from tests.bench.writes import Counter
from tests.chassis import sample
from tests.stack import ROOT

#: Events for one second of a round: enough that both sides are busy for a while.
EVENTS_PER_SECOND = 400
PER_SECOND = 50
EFFECTS_SECONDS = 120

#: Tells the moment of an effect's commit, the same way on both sides.
_TELL = """
CREATE FUNCTION tell_effect() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_notify('bench_effects', NEW.id); RETURN NULL; END $$;
CREATE TRIGGER tell_effect AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION tell_effect();
"""
_TELL_NO_MORE = "DROP TRIGGER tell_effect ON {table}; DROP FUNCTION tell_effect();"


class Chassis:
    """The sample's ``alpha`` with its relay, and ``beta`` with its handler, a process each."""

    def __init__(self, stage: Stage) -> None:
        sample.install()
        name = f"e{secrets.token_hex(4)}"
        urls = stage.servers.create_databases(name)
        sample.create_tables(urls["workers"][1], sample.AlphaBase, ("things",))
        sample.create_tables(urls["billing"][1], sample.BetaBase, ("counts",))
        self.effects_url = urls["billing"][0]
        home = stage.home / "chassis"
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("ACTIONTRAC_")},
            "ACTIONTRAC_HOME": str(home),
            "ACTIONTRAC_BUS_URL": stage.servers.create_vhost(name),
            "ACTIONTRAC_ALPHA_DATABASE_URL": urls["workers"][0],
            "ACTIONTRAC_BETA_DATABASE_URL": self.effects_url,
        }
        home.mkdir(parents=True, exist_ok=True)
        settings = config.load(self._environment)
        self._keys = LocalKeyProvider(settings.secret("MASTER_KEY"))
        self._database = Database(urls["workers"][0], pool_size=2)
        self._processes = [
            _start([sys.executable, "-m", "tests.bench.event_host"], self._environment, home / "beta.log"),
            _start([sys.executable, "-m", "tests.integration.relay_host"], self._environment, home / "relay.log"),
        ]
        _wait_for_ready(self._processes[0])

    def commit(self, numbers: range) -> tuple[list[str], float]:
        """Events in one transaction: their ids, and the moment after the commit."""
        made = [sample.ThingMade(company_id=f"cmp_{number % COMPANIES}", number=number) for number in numbers]
        with sample.AlphaStore(self._database, self._keys, None, write=False) as store:
            for event in made:
                store.publish(event)
        return [event.event_id for event in made], time.time()

    def close(self) -> None:
        self._database.dispose()
        for process in self._processes:
            _end(process)


class Bare:
    """The bare loop: a consumer that stays, a publisher for each round."""

    def __init__(self, stage: Stage) -> None:
        self._environment = {**stage.peer_environment(), "BENCH_AMQP_URL": stage.servers.create_vhost("bare")}
        self.effects_url = stage.peers_database
        self._log = stage.home / "bare.log"
        self._consumer = self._run("consume")
        _wait_for_ready(self._consumer)

    def _run(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-W", "ignore", "-m", "tests.bench.peers.bare_kombu", *arguments]
        return _start(command, self._environment, self._log)

    def publisher(self, count: int, per_second: float = 0) -> "subprocess.Popen[str]":
        """Waits for a line on its input."""
        process = self._run("publish", str(count), str(per_second))
        _wait_for_ready(process)
        return process

    def close(self) -> None:
        _end(self._consumer)


def _start(command: list[str], environment: dict[str, str], log: Path) -> "subprocess.Popen[str]":
    with log.open("ab") as file:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file
        )


def _wait_for_ready(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        raise RuntimeError(f"{process.args} did not start")


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)


class Sides:
    def __init__(self, stage: Stage) -> None:
        self.chassis = Chassis(stage)
        stage.on_close(self.chassis.close)
        self.bare = Bare(stage)
        stage.on_close(self.bare.close)


_sides: dict[Stage, Sides] = {}


def sides(stage: Stage) -> Sides:
    if stage not in _sides:
        stage.say("starting the chassis with one handler, and the bare loop")
        _sides[stage] = Sides(stage)
    return _sides[stage]


def _until(count: Any, wanted: int) -> None:
    deadline = time.monotonic() + EFFECTS_SECONDS
    while (seen := count()) < wanted:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{wanted - seen} effects are missing")
        time.sleep(0.01)


# Sustained


def _sustained_ours(stage: Stage, count: int) -> float:
    chassis = sides(stage).chassis
    counter = Counter(stage, chassis.effects_url, "SELECT count(*) FROM counts")
    with contextlib.closing(counter):
        before = counter()
        _, committed = chassis.commit(range(count))
        _until(counter, before + count)
        return count / (time.time() - committed)


def _sustained_theirs(stage: Stage, count: int) -> float:
    bare = sides(stage).bare
    counter = Counter(stage, bare.effects_url, "SELECT count(*) FROM effects")
    with contextlib.closing(counter):
        before = counter()
        publisher = bare.publisher(count)
        # Its answer is read beside the counting: it does not fit into a pipe.
        reader = threading.Thread(target=publisher.communicate, args=("go\n",))
        began = time.time()
        reader.start()
        _until(counter, before + count)
        took = time.time() - began
        reader.join()
        return count / took


@bench(
    "events_vs_bare",
    what="outbox to a handler's effect of one row, sustained; a bare kombu loop with confirms",
    unit="events/s",
    to_reach=0.6,
)
def events_vs_bare(stage: Stage, number: int) -> Round:
    sides(stage)
    count = int(EVENTS_PER_SECOND * stage.seconds)
    if number % 2:
        theirs = _sustained_theirs(stage, count)
        ours = _sustained_ours(stage, count)
    else:
        ours = _sustained_ours(stage, count)
        theirs = _sustained_theirs(stage, count)
    return Round(ours, theirs, ours / theirs)


# Latency


@contextlib.contextmanager
def _told(stage: Stage, url: str, table: str) -> Iterator[dict[str, float]]:
    """Every effect's moment by its event's id, while this is open."""
    moments: dict[str, float] = {}
    connection = psycopg2.connect(stage.as_superuser(url))
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(_TELL.format(table=table))
    cursor.execute("LISTEN bench_effects")
    stop = threading.Event()

    def listen() -> None:
        while not stop.is_set():
            if select.select([connection], [], [], 0.1)[0]:
                connection.poll()
                at = time.time()
                while connection.notifies:
                    moments[connection.notifies.pop(0).payload] = at

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield moments
    finally:
        stop.set()
        thread.join()
        cursor.execute(_TELL_NO_MORE.format(table=table))
        connection.close()


def _p99_ms(sent: list[tuple[str, float]], moments: dict[str, float]) -> float:
    deadline = time.monotonic() + 30
    while any(event_id not in moments for event_id, _ in sent):
        if time.monotonic() > deadline:
            raise RuntimeError("effects are missing")
        time.sleep(0.05)
    # The first second warms both up: connections are opened, statements are compiled.
    took = sorted(moments[event_id] - at for event_id, at in sent[PER_SECOND:])
    return 1000 * took[len(took) * 99 // 100]


def _latency_ours(stage: Stage, count: int) -> float:
    chassis = sides(stage).chassis
    sent = []
    with _told(stage, chassis.effects_url, "counts") as moments:
        begin = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, begin + number / PER_SECOND - time.monotonic()))
            [event_id], at = chassis.commit(range(number, number + 1))
            sent.append((event_id, at))
        return _p99_ms(sent, moments)


def _latency_theirs(stage: Stage, count: int) -> float:
    bare = sides(stage).bare
    with _told(stage, bare.effects_url, "effects") as moments:
        told = bare.publisher(count, PER_SECOND).communicate("go\n")[0]
        return _p99_ms([(event_id, at) for event_id, at in json.loads(told)], moments)


@bench(
    "event_latency_vs_bare",
    what="p99 from the commit to the effect at 50 events a second; a bare kombu loop",
    unit="ms",
    to_reach=0.5,
)
def event_latency_vs_bare(stage: Stage, number: int) -> Round:
    sides(stage)
    count = int(PER_SECOND * (stage.seconds + 1))
    if number % 2:
        theirs = _latency_theirs(stage, count)
        ours = _latency_ours(stage, count)
    else:
        ours = _latency_ours(stage, count)
        theirs = _latency_theirs(stage, count)
    return Round(ours, theirs, theirs / ours)

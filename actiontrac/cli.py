"""What ``actiontrac`` understands. Every command says in one sentence what is wrong."""

import argparse
import sys
import threading
from pathlib import Path
from typing import TextIO

from actiontrac import __version__, clock, config, failpoints, log
from actiontrac.config import SERVICES, SERVICES_WITH_DATA, ConfigurationError, Settings

_RAW = argparse.RawDescriptionHelpFormatter


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="actiontrac",
        description="The administrative side of a company's workers, with an executable privacy policy.",
        epilog="""examples:
  actiontrac up                        everything in one process, on http://127.0.0.1:8000
  actiontrac demo                      do the main job against the running product
  actiontrac clock advance 30d         move the sandbox's clock
  ACTIONTRAC_BUS_URL=amqp://… actiontrac up --replicas 2

settings are environment variables; .env.example lists them all""",
        formatter_class=_RAW,
    )
    parser.add_argument("--version", action="version", version=f"actiontrac {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    up = commands.add_parser(
        "up",
        help="run everything: in one process, or one per service where ACTIONTRAC_BUS_URL is amqp://",
        epilog="""examples:
  actiontrac up
  ACTIONTRAC_HTTP_PORT=9000 ACTIONTRAC_HOME=./data actiontrac up
  ACTIONTRAC_BUS_URL=amqp://… actiontrac up --replicas workers=3 --replicas gateway=2""",
        formatter_class=_RAW,
    )
    up.add_argument(
        "--replicas",
        action="append",
        default=[],
        metavar="N|SERVICE=N",
        help="how many processes of every service, or of one (on a broker)",
    )

    serve = commands.add_parser(
        "serve",
        help="run one service on a broker",
        epilog="examples:\n  actiontrac serve accounts\n  actiontrac serve billing --no-relay",
        formatter_class=_RAW,
    )
    serve.add_argument("service", choices=SERVICES)
    serve.add_argument(
        "--no-relay",
        action="store_true",
        help="do not start the outbox relay beside it; run `actiontrac relay` yourself",
    )

    relay = commands.add_parser(
        "relay",
        help="publish what waits in one service's outbox",
        epilog="example:\n  actiontrac relay billing",
        formatter_class=_RAW,
    )
    relay.add_argument("service", choices=SERVICES_WITH_DATA)

    commands.add_parser(
        "sandbox",
        help="run the payment sandboxes and the mail catcher",
        epilog="example:\n  ACTIONTRAC_SANDBOX_PORT=8430 actiontrac sandbox",
        formatter_class=_RAW,
    )

    migrate = commands.add_parser(
        "migrate",
        help="bring the databases up to date",
        epilog="examples:\n  actiontrac migrate\n  actiontrac migrate billing",
        formatter_class=_RAW,
    )
    migrate.add_argument("services", nargs="*", metavar="SERVICE", help="all of them by default")

    demo = commands.add_parser(
        "demo",
        help="do the main job over HTTP, step by step; non-zero at the first wrong answer",
        epilog="""examples:
  actiontrac demo
  actiontrac demo --url http://127.0.0.1:9000
  actiontrac demo --full      start one process per service on ACTIONTRAC_TEST_SERVERS first""",
        formatter_class=_RAW,
    )
    demo.add_argument("--url", help="where the product runs (ACTIONTRAC_PUBLIC_URL)")
    demo.add_argument("--full", action="store_true", help="start and stop the full mode around it")
    demo.add_argument("--replicas", type=int, default=1, help="processes of each service with --full")

    moving = commands.add_parser(
        "clock",
        help="show or move the sandbox's clock",
        epilog="examples:\n  actiontrac clock\n  actiontrac clock advance 30d\n  actiontrac clock advance 1d12h",
        formatter_class=_RAW,
    )
    moving.add_argument("action", nargs="?", choices=["advance"])
    moving.add_argument("duration", nargs="?", metavar="30d|12h|45m|10s")

    letters = commands.add_parser(
        "dead-letters", help="events that could not be handled: look, try again, give up",
        epilog="""examples:
  actiontrac dead-letters list --service billing
  actiontrac dead-letters show evt_1m84…
  actiontrac dead-letters replay evt_1m84…
  actiontrac dead-letters replay --all --service notifications
  actiontrac dead-letters drop evt_1m84…""",
        formatter_class=_RAW,
    )
    letters.add_argument("action", choices=["list", "show", "replay", "drop"])
    letters.add_argument("event_id", nargs="?")
    letters.add_argument("--service", choices=SERVICES_WITH_DATA, help="of this consumer only")
    letters.add_argument("--all", action="store_true", help="all of them")

    billing = commands.add_parser(
        "billing",
        help="what is sold, and whether our records and the processors agree",
        epilog="""examples:
  actiontrac billing plans             show what the file of plans would change
  actiontrac billing plans --apply     sell by it from now on, without a restart
  actiontrac billing taxes --apply     the same for the file of taxes
  actiontrac billing ledger > books.csv
  actiontrac billing reconcile         exit code 0: all agrees, 1: it does not, 3: a processor did not answer
  actiontrac billing reconcile --days 90   go through all that the processors received in 90 days""",
        formatter_class=_RAW,
    )
    billing.add_argument("action", choices=["plans", "taxes", "reconcile", "ledger"])
    billing.add_argument("--apply", action="store_true", help="let the file hold from now on")
    billing.add_argument(
        "--days", type=int, default=31, help="reconcile: list what the processors received so far back (default 31)"
    )

    documents = commands.add_parser(
        "docs", help="write the event catalogue from the contracts (for developers)",
        epilog="example:\n  actiontrac docs --folder docs", formatter_class=_RAW,
    )
    documents.add_argument("--folder", type=Path, default=Path("docs"))

    broker = commands.add_parser(
        "broker",
        help="a user of RabbitMQ for each service, with its own rights only; queues that a release has changed",
        epilog="""examples:
  actiontrac broker setup > definitions.json
  rabbitmqctl import_definitions definitions.json
  actiontrac broker migrate

migrate makes queues anew whose arguments an upgrade has changed (the services log queue_differs and
work on), and keeps what is in them; a queue with a running consumer is left, so stop the services first.

Users and passwords are those of ACTIONTRAC_<SERVICE>_BUS_URL, or of ACTIONTRAC_BUS_URL with
{service} and {password} in it. Delete the user guest afterwards, where there is one.""",
        formatter_class=_RAW,
    )
    broker.add_argument("action", choices=["setup", "migrate"])
    broker.add_argument("--output", type=Path, help="a file to write the definitions to, instead of printing them")

    # Without a help text it is not listed: only the supervisor and tests use it.
    warm = commands.add_parser("warm")
    warm.add_argument("kind", choices=["green", "plain"])
    warm.add_argument("program")
    warm.add_argument("descriptor", type=int)

    commands.add_parser(
        "check",
        help="look at the configuration and every connection, one line each",
        epilog="example:\n  actiontrac check",
        formatter_class=_RAW,
    )
    return parser


def _replicas(texts: list[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for text in texts:
        service, _, number = text.rpartition("=")
        if not number.isdigit() or int(number) < 1 or (service and service not in SERVICES):
            raise ConfigurationError(
                f"--replicas takes a number or SERVICE=NUMBER; services are {', '.join(SERVICES)}."
            )
        for name in [service] if service else SERVICES:
            counts[name] = int(number)
    return counts


def _log_stream(settings: Settings) -> TextIO:
    if not settings.log_file:
        return sys.stderr
    path = Path(settings.log_file)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("a", buffering=1)


def _announce(settings: Settings) -> None:
    lines = [
        "",
        f"  ActionTrac is ready:  {settings.public_url}",
        f"  API documentation:    {settings.public_url}/docs",
    ]
    if settings.sandbox:
        lines += [
            f"  Mail it sends:        {settings.public_url}/sandbox/mail",
            "  Sandbox: no money moves and no mail leaves this machine.",
        ]
    lines += [
        f"  Data and log:         {settings.home}",
        "  Try it:               make demo   (in another terminal)",
        "  Stop it:              Ctrl-C",
        "",
    ]
    print("\n".join(lines), flush=True)


def _up(arguments: argparse.Namespace, settings: Settings) -> int:
    if not settings.embedded:
        from actiontrac.supervisor import Supervisor

        log.configure(service="supervisor", level=settings.log_level, stream=_log_stream(settings))
        clock.configure(settings.clock_file)
        return Supervisor(settings, _replicas(arguments.replicas)).run()
    if arguments.replicas:
        raise ConfigurationError("Replicas need a broker: set ACTIONTRAC_BUS_URL to your RabbitMQ.")
    config.prepare_home(settings.home)
    stream = _log_stream(settings) if settings.log_file else (settings.home / "actiontrac.log").open("a", buffering=1)
    log.configure(service="embedded", level=settings.log_level, stream=stream)
    from actiontrac.runner import run_embedded

    return run_embedded(settings, _announce)


def _serve(arguments: argparse.Namespace, settings: Settings) -> int:
    log.configure(service=arguments.service, level=settings.log_level, stream=_log_stream(settings))
    from actiontrac.runner import serve

    return serve(arguments.service, settings, with_relay=not arguments.no_relay)


def _relay(arguments: argparse.Namespace, settings: Settings) -> int:
    import signal

    from actiontrac.outbox import run_process

    log.configure(service=f"{arguments.service}-relay", level=settings.log_level, stream=_log_stream(settings))
    clock.configure(settings.clock_file)
    failpoints.process = f"{arguments.service}-relay"
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if not sys.stdin.isatty():

        def follow_parent() -> None:
            sys.stdin.read()
            stop.set()

        threading.Thread(target=follow_parent, daemon=True).start()
    run_process(arguments.service, settings, stop)
    return 0


def _sandbox(_: argparse.Namespace, settings: Settings) -> int:
    if not settings.sandbox:
        raise ConfigurationError("The sandboxes run only with ACTIONTRAC_MODE=sandbox.")
    log.configure(service="sandbox", level=settings.log_level, stream=_log_stream(settings))
    config.prepare_home(settings.home)
    clock.configure(settings.clock_file)
    from actiontrac.sandbox.server import serve
    from actiontrac.sandbox.settings import SandboxSettings

    smtp_port = settings.option("SANDBOX_SMTP_PORT", "")
    serve(
        SandboxSettings.of(settings),
        settings.sandbox_host,
        settings.sandbox_port or 8430,
        smtp_port=int(smtp_port) if smtp_port else None,
        # In a container every interface is the private network.
        inside_a_private_network=settings.option("SANDBOX_PRIVATE_NETWORK", "") == "1",
    )
    return 0


def _migrate(arguments: argparse.Namespace, settings: Settings) -> int:
    from actiontrac.storage.migration import head, migrate

    log.configure(service="migrate", level=settings.log_level)
    unknown = set(arguments.services) - set(SERVICES_WITH_DATA)
    if unknown:
        raise ConfigurationError(
            f"{', '.join(sorted(unknown))} has no database; choose from {', '.join(SERVICES_WITH_DATA)}."
        )
    config.prepare_home(settings.home)
    for service in arguments.services or SERVICES_WITH_DATA:
        changed = migrate(service, settings)
        print(f"{service}: {'brought' if changed else 'is'} up to date ({head(service)})")
    return 0


def _demo(arguments: argparse.Namespace, settings: Settings) -> int:
    from actiontrac.demo import run, run_full

    if arguments.full:
        return run_full(arguments.replicas)
    return run(arguments.url or settings.public_url, settings)


def _clock(arguments: argparse.Namespace, settings: Settings) -> int:
    clock.configure(settings.clock_file)
    if arguments.action == "advance":
        if not arguments.duration:
            raise ConfigurationError("Say by how much: actiontrac clock advance 30d")
        try:
            clock.advance(clock.duration(arguments.duration))
        except (ValueError, clock.ClockNotMovable) as problem:
            raise ConfigurationError(f"{problem}".capitalize().rstrip(".") + ".") from None
    ahead = clock.offset_seconds() / 86400
    print(f"{clock.iso(clock.now())} ({ahead:.4g} days ahead of the machine)")
    return 0


def _dead_letters(arguments: argparse.Namespace, settings: Settings) -> int:
    from actiontrac.commands import dead_letters

    log.configure(service="dead-letters", level="critical")
    clock.configure(settings.clock_file)
    if arguments.action == "list":
        return dead_letters.listing(settings, arguments.service)
    if arguments.action == "show":
        if not arguments.event_id:
            raise ConfigurationError("Name the event: actiontrac dead-letters show evt_…")
        return dead_letters.show(settings, arguments.event_id)
    change = dead_letters.replay if arguments.action == "replay" else dead_letters.drop
    return change(settings, arguments.event_id, arguments.service, every=arguments.all)


def _billing(arguments: argparse.Namespace, settings: Settings) -> int:
    from importlib import import_module

    log.configure(service="billing-command", level="critical")
    clock.configure(settings.clock_file)
    commands = import_module("services.billing.commands")
    if arguments.action in ("plans", "taxes"):
        change = commands.plans if arguments.action == "plans" else commands.taxes
        found: int = change(settings, apply=arguments.apply)
        return found
    result: int = (
        commands.ledger(settings) if arguments.action == "ledger" else commands.reconcile(settings, arguments.days)
    )
    return result


def _broker(arguments: argparse.Namespace, settings: Settings) -> int:
    from actiontrac.commands import broker, queues

    if arguments.action == "migrate":
        log.configure(service="broker", level="critical")
        return queues.migrate(settings)
    return broker.setup(settings, arguments.output)


def _warm(arguments: argparse.Namespace, _: Settings) -> int:
    from actiontrac import warm

    return warm.run(arguments.kind, arguments.program, arguments.descriptor)


def _docs(arguments: argparse.Namespace, _: Settings) -> int:
    from actiontrac.commands import catalogue

    return catalogue.write(arguments.folder)


def _check(_: argparse.Namespace, settings: Settings) -> int:
    from actiontrac.checks import run

    log.configure(service="check", level="critical")
    clock.configure(settings.clock_file)
    return run(settings)


_COMMANDS = {
    "up": _up,
    "serve": _serve,
    "relay": _relay,
    "sandbox": _sandbox,
    "migrate": _migrate,
    "demo": _demo,
    "clock": _clock,
    "dead-letters": _dead_letters,
    "billing": _billing,
    "docs": _docs,
    "broker": _broker,
    "warm": _warm,
    "check": _check,
}


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        return _COMMANDS[arguments.command](arguments, config.load())
    except ConfigurationError as problem:
        print(f"actiontrac: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130

"""One private RabbitMQ node, with a port mapper of its own."""

import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

from tests.servers import processes
from tests.servers.ports import HOST, end_of, free_ports, is_open, speaks_amqp, wait_for
from tests.servers.problems import ServersUnavailable

USER = "actiontrac"

#: A node starts in 4 s on two free cores; this is for the same cores under load.
START_SECONDS = 90


class PrivateBroker:
    """
    RabbitMQ in a folder: own node name, cookie, data, logs, users and ports.

    ``node`` tells several nodes on one port mapper apart.
    """

    kind = "private"

    def __init__(
        self,
        folder: Path,
        programs: Path,
        *,
        port: int,
        distribution_port: int,
        mapper_port: int,
        password: str,
        node: str = "rabbit",
    ) -> None:
        self.folder = folder / node
        self.programs = programs
        self.port = port
        self.distribution_port = distribution_port
        self.mapper_port = mapper_port
        self.mapper_folder = folder / "epmd"
        self.password = password
        self.node = f"actiontrac-{node}@localhost"

    @classmethod
    def create(cls, folder: Path, programs: Path) -> "PrivateBroker":
        """A new node in an empty folder; not started."""
        port, distribution_port, mapper_port = free_ports(3)
        broker = cls(
            folder,
            programs,
            port=port,
            distribution_port=distribution_port,
            mapper_port=mapper_port,
            password=secrets.token_hex(12),
        )
        broker.write_configuration()
        return broker

    @classmethod
    def restore(cls, folder: Path, state: dict[str, str]) -> "PrivateBroker":
        """The node that another process started here."""
        return cls(
            folder,
            Path(state["programs"]),
            port=int(state["port"]),
            distribution_port=int(state["distribution_port"]),
            mapper_port=int(state["mapper_port"]),
            password=state["password"],
        )

    def state(self) -> dict[str, str]:
        """What another process needs to take over."""
        return {
            "programs": str(self.programs),
            "port": str(self.port),
            "distribution_port": str(self.distribution_port),
            "mapper_port": str(self.mapper_port),
            "password": self.password,
        }

    @property
    def url(self) -> str:
        return self.url_of("%2F")

    def url_of(self, vhost: str) -> str:
        """The address of one virtual host; the user may do everything in it."""
        return f"amqp://{USER}:{self.password}@{HOST}:{self.port}/{vhost}"

    def start(self) -> None:
        """Start the node, with the data that it left; returns when it accepts clients."""
        self._start_mapper()
        process = processes.start(
            [self.programs / "rabbitmq-server"],
            folder=self.folder,
            log=self._log,
            environment=self._environment(),
        )

        def is_up() -> bool:
            if process.poll() is not None:
                raise ServersUnavailable(f"RabbitMQ ended while it started:{end_of(self._log)}")
            return speaks_amqp(self.port)

        wait_for(is_up, seconds=START_SECONDS, what="The start of RabbitMQ", log=self._log)

    def kill(self) -> None:
        """End the node as a power cut would; its data stays."""
        processes.kill(processes.with_descendants(processes.marked(self.folder)))

    def pause(self) -> None:
        """Freeze the node: its connections stay open, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen node run on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End the node and its port mapper; the folder is removed by the caller, so nothing needs saving."""
        self.kill()
        processes.kill(processes.marked(self.mapper_folder))

    def control(self, *arguments: str) -> str:
        """
        What ``rabbitmqctl`` says; takes one to two seconds.

        Raises:
            ServersUnavailable: it failed; with its last words.
        """
        result = subprocess.run(
            [self.programs / "rabbitmqctl", "--quiet", "--node", self.node, *arguments],
            env=self._environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if result.returncode:
            raise ServersUnavailable(f"rabbitmqctl {' '.join(arguments)} failed: {result.stderr or result.stdout}")
        return result.stdout

    def add_vhost(self, name: str) -> str:
        """A new, empty virtual host; returns its URL."""
        self._evaluate(_ADD_VHOST.format(name=name, user=USER))
        return self.url_of(name)

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with all its queues and messages."""
        self.control("delete_vhost", name)

    def _evaluate(self, expressions: str) -> None:
        program = shutil.which("erl_call")
        if program is None:
            self.control("eval", expressions)
            return
        # rabbitmqctl starts an Erlang machine, which takes fifty times as long as what it does here.
        result = subprocess.run(
            [program, "-sname", self.node, "-R", "-e"],
            input=expressions,
            env=self._environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if result.returncode or not result.stdout.startswith("{ok"):
            raise ServersUnavailable(f"The broker did not do what it was told: {result.stderr or result.stdout}")

    @property
    def _log(self) -> Path:
        return self.folder / "output.log"

    def _signal(self, number: signal.Signals) -> None:
        for process in processes.with_descendants(processes.marked(self.folder)):
            processes.send(process, number)

    def _start_mapper(self) -> None:
        # In the foreground, unlike the one that Erlang would start: so it carries our mark, and we end it.
        if is_open(self.mapper_port):
            return
        self.mapper_folder.mkdir(parents=True, exist_ok=True)
        processes.start(
            ["epmd", "-port", str(self.mapper_port), "-address", HOST],
            folder=self.mapper_folder,
            log=self.mapper_folder / "output.log",
            environment={"PATH": os.environ.get("PATH", os.defpath)},
        )
        wait_for(lambda: is_open(self.mapper_port), seconds=10, what="The start of Erlang's port mapper (epmd)")

    def _environment(self) -> dict[str, str]:
        # Nothing of the caller's environment but PATH: a RABBITMQ_ variable of a system service would win.
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            # Here lies the node's cookie.
            "HOME": str(self.folder),
            "ERL_INETRC": str(self.folder / "inetrc"),
            "ERL_EPMD_PORT": str(self.mapper_port),
            "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none-of-the-system.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            # Makes the script replace itself by the node, so that the node is our child; otherwise a shell
            # stands between us that outlives a kill and leaves the node uncollected.
            "RUNNING_UNDER_SYSTEMD": "true",
            # The node would otherwise offer itself to other nodes on every interface. Erlang's schedulers
            # wait actively by default, which on two shared cores takes time from what is tested.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
        }

    def write_configuration(self, more: str = "", *, cookie: str = "") -> None:
        """Before the first start; nodes of a cluster have ``more`` to say and one cookie."""
        self.folder.mkdir(parents=True)
        own = self.folder / ".erlang.cookie"
        own.write_text(cookie or secrets.token_hex(20))
        own.chmod(0o400)
        self.folder.joinpath("inetrc").write_text(_NAMES)
        self.folder.joinpath("enabled_plugins").write_text("[].\n")
        self.folder.joinpath("rabbitmq.conf").write_text(
            _CONFIGURATION.format(host=HOST, port=self.port, user=USER, password=self.password) + more
        )


_CONFIGURATION = """\
listeners.tcp.1 = {host}:{port}
default_user = {user}
default_pass = {password}
# Tests raise the alarms themselves; a nearly full disk must not.
disk_free_limit.absolute = 50MB
# The write-ahead log of quorum queues, 512 MB by default.
raft.wal_max_size_bytes = 32000000
# A client that died is noticed within two of these.
heartbeat = 10
log.file.level = info
log.console = false
# Otherwise the node looks its own host name up in the DNS, which takes seconds where there is none.
cluster_name = actiontrac-tests
"""

# Host names come from the hosts file only: on a machine without a name server each look-up of
# the machine's own full name would take seconds.
_NAMES = """\
{lookup, [file]}.
{host, {127,0,0,1}, ["localhost"]}.
"""

_ADD_VHOST = """
Name = <<"{name}">>, User = <<"{user}">>, All = <<".*">>,
rabbit_vhost:add(Name, User),
ok = rabbit_auth_backend_internal:set_permissions(User, Name, All, All, All, User).
"""

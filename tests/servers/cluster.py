"""Three private RabbitMQ nodes that are one broker, on one port mapper."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.servers import processes
from tests.servers.ports import free_ports, wait_for
from tests.servers.rabbitmq import PrivateBroker

NODES = 3

#: Three nodes start beside each other on two cores, and one waits for another.
FORMED_SECONDS = 120


class BrokerCluster:
    """
    What ``PrivateBroker`` is, of several nodes: quorum queues have a replica on each.

    ``url`` names the first node only; whoever shall survive its death connects through
    something that knows all ``ports``, as behind a load balancer.
    """

    kind = "cluster"

    def __init__(self, nodes: list[PrivateBroker]) -> None:
        self.nodes = nodes

    @classmethod
    def create(cls, folder: Path, programs: Path) -> "BrokerCluster":
        """New nodes in an empty folder; not started."""
        mapper_port, *others = free_ports(1 + 2 * NODES)
        password, cookie = secrets.token_hex(12), secrets.token_hex(20)
        nodes = [
            PrivateBroker(
                folder,
                programs,
                port=others[2 * number],
                distribution_port=others[2 * number + 1],
                mapper_port=mapper_port,
                password=password,
                node=f"rabbit{number + 1}",
            )
            for number in range(NODES)
        ]
        members = "".join(
            f"cluster_formation.classic_config.nodes.{number} = {node.node}\n"
            for number, node in enumerate(nodes, start=1)
        )
        for node in nodes:
            node.write_configuration(_CLUSTERED + members, cookie=cookie)
        return cls(nodes)

    def state(self) -> dict[str, str]:
        """Nobody takes over a cluster: it ends with the run that made it."""
        return {}

    @property
    def ports(self) -> list[int]:
        return [node.port for node in self.nodes]

    @property
    def url(self) -> str:
        return self.nodes[0].url

    def start(self) -> None:
        """Start all nodes; returns when each of them knows the others."""
        first, *others = self.nodes
        # The port mapper is the first one's to start.
        first.start()
        with ThreadPoolExecutor() as pool:
            for starting in [pool.submit(node.start) for node in others]:
                starting.result()
        wait_for(self._is_formed, seconds=FORMED_SECONDS, what="The forming of a cluster of RabbitMQ")

    def _is_formed(self) -> bool:
        # A node that did not join is not connected; each has opened its port, so it runs.
        return self.nodes[0].control("eval", "1 + length(nodes()).").strip() == str(NODES)

    def kill(self) -> None:
        """End all nodes as a power cut would."""
        processes.kill(
            processes.with_descendants([one for node in self.nodes for one in processes.marked(node.folder)])
        )

    def pause(self) -> None:
        """Freeze all nodes."""
        for node in self.nodes:
            node.pause()

    def resume(self) -> None:
        """Let frozen nodes run on."""
        for node in self.nodes:
            node.resume()

    def stop(self) -> None:
        """End all of it, the port mapper too."""
        self.kill()
        self.nodes[0].stop()

    def control(self, *arguments: str) -> str:
        """What ``rabbitmqctl`` says about the first node that is up."""
        return self.nodes[0].control(*arguments)

    def url_of(self, vhost: str) -> str:
        return self.nodes[0].url_of(vhost)

    def add_vhost(self, name: str) -> str:
        return self.nodes[0].add_vhost(name)

    def delete_vhost(self, name: str) -> None:
        self.nodes[0].delete_vhost(name)


_CLUSTERED = """\
cluster_formation.peer_discovery_backend = classic_config
# The first node is up before the others begin: nobody has to wait by chance.
cluster_formation.randomized_startup_delay_range.min = 0
cluster_formation.randomized_startup_delay_range.max = 1
# Who is alone stops serving instead of going on by itself.
cluster_partition_handling = pause_minority
"""

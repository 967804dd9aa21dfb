"""Where questions wait must not be bound to one node of a cluster (ADR 13)."""

from actiontrac import bus
from actiontrac.config import SERVICES


def test_questions_wait_where_any_node_of_a_cluster_can_keep_them() -> None:
    for service in SERVICES:
        queue = bus.rpc_queue(service)

        assert queue.durable is False, "its home node's death would cut every replica off"
        assert queue.auto_delete is False, "a restart of the only replica would turn questions away"
        assert queue.exclusive is False, "the replicas share it"


def test_events_wait_in_durable_quorum_queues() -> None:
    queue = bus.event_queue("billing", "payment.received", "notifications", "on_payment_received")

    assert queue.durable is True
    assert queue.queue_arguments["x-queue-type"] == "quorum"

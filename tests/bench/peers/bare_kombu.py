"""
A bare kombu loop: a publisher that waits for each confirm, a consumer that inserts one row a message.

``python -m tests.bench.peers.bare_kombu consume | publish COUNT [PER_SECOND]``; the publisher
begins when a line arrives on its standard input and then prints each message's id and moment.
"""

import json
import sys
import time
from typing import Any
from uuid import uuid4

import psycopg2
from kombu import Connection, Consumer, Exchange, Queue

from tests.bench.peers import tables

exchange = Exchange("bench.events", "topic", durable=True)
queue = Queue("bench-effects", exchange, routing_key="thing.made", durable=True)


def consume() -> None:
    database = psycopg2.connect(tables.DATABASE_URL)
    cursor = database.cursor()

    def on_message(body: dict[str, Any], message: Any) -> None:
        cursor.execute("INSERT INTO effects (id, company_id) VALUES (%s, %s)", (body["event_id"], body["company_id"]))
        database.commit()
        message.ack()

    with (
        Connection(tables.AMQP_URL) as connection,
        Consumer(connection, queues=[queue], callbacks=[on_message], accept=["json"], prefetch_count=10),
    ):
        print("ready", flush=True)
        while True:
            connection.drain_events()


def publish(count: int, per_second: float) -> None:
    with Connection(tables.AMQP_URL, transport_options={"confirm_publish": True}) as connection:
        queue(connection.channel()).declare()
        producer = connection.Producer(serializer="json")
        print("ready", flush=True)
        sys.stdin.readline()
        sent = []
        begin = time.monotonic()
        for number in range(count):
            if per_second:
                time.sleep(max(0.0, begin + number / per_second - time.monotonic()))
            event_id, at = uuid4().hex, time.time()
            producer.publish(
                {"event_id": event_id, "company_id": f"cmp_{number % 16}", "number": number},
                exchange=exchange, routing_key="thing.made", delivery_mode=2,
            )  # fmt: skip
            sent.append((event_id, at))
        json.dump(sent, sys.stdout)


if __name__ == "__main__":
    if sys.argv[1] == "consume":
        consume()
    else:
        publish(int(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 0.0)

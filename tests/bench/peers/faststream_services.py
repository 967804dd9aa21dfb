"""
FastStream services that answer over RabbitMQ: ``faststream run``'s application, one process each.

``python -m tests.bench.peers.faststream_services accounts | workers``
"""

import asyncio
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from faststream import FastStream
from faststream.rabbit import RabbitBroker
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from tests.bench.peers import tables
from tests.bench.peers.tables import Session, Worker

engine = create_async_engine(tables.DATABASE_URL.replace("postgresql://", "postgresql+asyncpg://", 1))
sessions = async_sessionmaker(engine, expire_on_commit=False)
broker = RabbitBroker(tables.AMQP_URL)


class ResolveSession(BaseModel):
    token: str


class GetWorker(BaseModel):
    company_id: str
    worker_id: str


async def resolve_session(asked: ResolveSession) -> dict[str, Any]:
    async with sessions() as db:
        session = await db.get(Session, tables.token_hash(asked.token))
    if session is None or session.expires_at < datetime.now(UTC):
        return {"error": 401}
    return {"user_id": session.user_id, "company_id": session.company_id, "permissions": session.permissions}


async def get_worker(asked: GetWorker) -> dict[str, Any]:
    async with sessions() as db:
        statement = select(Worker).where(Worker.id == asked.worker_id, Worker.company_id == asked.company_id)
        worker = (await db.scalars(statement)).one_or_none()
    return tables.view(worker) if worker else {"error": 404}


HANDLERS = {"accounts": ("accounts.resolve_session", resolve_session), "workers": ("workers.get_worker", get_worker)}


async def main() -> None:
    queue, handler = HANDLERS[sys.argv[1]]
    broker.subscriber(queue)(handler)
    # Every message at INFO, as ``faststream run`` has it.
    await FastStream(broker).run(log_level=logging.INFO)


if __name__ == "__main__":
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main())

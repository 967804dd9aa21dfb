"""The monolith in FastAPI's other way: asynchronous functions, SQLAlchemy's asyncio extension, asyncpg."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from tests.bench.peers import tables
from tests.bench.peers.schemas import WorkerOut
from tests.bench.peers.tables import Session, Worker

engine = create_async_engine(
    tables.DATABASE_URL.replace("postgresql://", "postgresql+asyncpg://", 1), pool_size=20, max_overflow=0
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()
bearer = HTTPBearer()


async def database() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


Database = Annotated[AsyncSession, Depends(database)]


async def signed_in(given: Annotated[HTTPAuthorizationCredentials, Depends(bearer)], db: Database) -> Session:
    session = await db.get(Session, tables.token_hash(given.credentials))
    if session is None or session.expires_at < datetime.now(UTC):
        raise HTTPException(401)
    return session


@app.get("/v1/workers/{worker_id}", response_model=WorkerOut)
async def get_worker(worker_id: str, session: Annotated[Session, Depends(signed_in)], db: Database) -> dict[str, Any]:
    statement = select(Worker).where(Worker.id == worker_id, Worker.company_id == session.company_id)
    worker = (await db.scalars(statement)).one_or_none()
    if worker is None:
        raise HTTPException(404)
    return tables.view(worker)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=tables.PORT)

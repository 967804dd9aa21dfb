"""FastAPI and SQLAlchemy in one process without a bus, as FastAPI's tutorial has it: plain functions."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session as DatabaseSession

from tests.bench.peers import tables
from tests.bench.peers.schemas import WorkerOut
from tests.bench.peers.tables import Session, Worker

engine = create_engine(
    tables.DATABASE_URL.replace("postgresql://", "postgresql+psycopg2://", 1), pool_size=20, max_overflow=0
)
app = FastAPI()
bearer = HTTPBearer()


def database() -> Iterator[DatabaseSession]:
    with DatabaseSession(engine) as session:
        yield session


Database = Annotated[DatabaseSession, Depends(database)]


def signed_in(given: Annotated[HTTPAuthorizationCredentials, Depends(bearer)], db: Database) -> Session:
    session = db.get(Session, tables.token_hash(given.credentials))
    if session is None or session.expires_at < datetime.now(UTC):
        raise HTTPException(401)
    return session


@app.get("/v1/workers/{worker_id}", response_model=WorkerOut)
def get_worker(worker_id: str, session: Annotated[Session, Depends(signed_in)], db: Database) -> dict[str, Any]:
    statement = select(Worker).where(Worker.id == worker_id, Worker.company_id == session.company_id)
    worker = db.scalars(statement).one_or_none()
    if worker is None:
        raise HTTPException(404)
    return tables.view(worker)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=tables.PORT)

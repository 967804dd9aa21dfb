"""FastAPI in front of FastStream services: each request asks them over RabbitMQ and waits for the answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from faststream.rabbit import RabbitBroker

from tests.bench.peers import tables
from tests.bench.peers.schemas import WorkerOut

broker = RabbitBroker(tables.AMQP_URL)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with broker:
        await broker.start()
        yield


app = FastAPI(lifespan=lifespan)
bearer = HTTPBearer()


async def ask(queue: str, question: dict[str, Any]) -> dict[str, Any]:
    answer: Any = await (await broker.request(question, queue, timeout=5)).decode()
    if "error" in answer:
        raise HTTPException(answer["error"])
    found: dict[str, Any] = answer
    return found


async def signed_in(given: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> dict[str, Any]:
    return await ask("accounts.resolve_session", {"token": given.credentials})


@app.get("/v1/workers/{worker_id}", response_model=WorkerOut)
async def get_worker(worker_id: str, principal: Annotated[dict[str, Any], Depends(signed_in)]) -> dict[str, Any]:
    return await ask("workers.get_worker", {"company_id": principal["company_id"], "worker_id": worker_id})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=tables.PORT)

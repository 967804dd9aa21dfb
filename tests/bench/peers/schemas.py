"""The answer's model of the FastAPI peers."""

from pydantic import BaseModel


class WorkerOut(BaseModel):
    id: str
    worker_number: str
    first_name: str
    last_name: str
    work_email: str | None
    work_phone: str | None
    title: str | None
    department: str | None
    site: str | None
    manager_id: str | None
    kind: str
    status: str
    started_on: str | None
    ended_on: str | None
    tags: list[str]
    notes: str | None
    created_at: str
    updated_at: str

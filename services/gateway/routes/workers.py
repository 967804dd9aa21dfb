"""Worker profiles and files of them."""

from typing import Any

from actiontrac.contracts import worker_exports, worker_history
from actiontrac.contracts import workers as contract
from actiontrac.http import Ask, Exchange, Response, Route, body, by_handler, company, path, query
from actiontrac.http.validation import text_of
from services.gateway.desk import Desk
from services.gateway.schemas import ImportQuery, ImportRequest

WORKERS = "workers"

#: Why what adds or changes workers may be refused although it is right (B12, B16).
NO_ROOM = (contract.SeatLimitReached, contract.AccountReadOnly)

#: Room for 5,000 full profiles with long notes, the most that one file may hold.
IMPORT_LIMIT = 8 * 1024 * 1024


def import_file(exchange: Exchange) -> Any:
    """A CSV file as the body, or as a text in JSON with its options."""
    if exchange.body is not None:
        text, options = exchange.body["text"], exchange.body.get("options", {})
    else:
        text, options = text_of(exchange.request.read(IMPORT_LIMIT)), {}
    return exchange.ask(
        Ask(
            WORKERS,
            "import_workers",
            {"company_id": company, "text": lambda _: text, "options": lambda one: {**options, **one.query}},
        )
    )


def export(format: str, media_type: str, answer: Any) -> Route:
    question = Ask(WORKERS, "export_workers", {"company_id": company, "format": lambda _: format, "query": query})

    def send(exchange: Exchange) -> Response:
        return Response(
            exchange.ask(question).encode(),
            content_type=media_type,
            headers=[("Content-Disposition", f'attachment; filename="workers.{format}"')],
        )

    return Route(
        method="GET", path=f"/v1/workers.{format}", name=f"export_workers_{format}", tag="Workers",
        summary=f"Workers as a {format.upper()} file",
        description="Sorted by worker number, at most 5,000 workers or 4 MB in one file: the next one follows "
        "`after_number`, the last number of this one; a file without rows is behind the last. An import of the CSV "
        "file changes nothing. Cells that a spreadsheet would take for formulas begin with an apostrophe.",
        requires="workers.import", query=worker_exports.ExportQuery, answer=answer, answers=media_type, handler=send,
        ask=question,
    )  # fmt: skip


def routes(_: Desk) -> list[Route]:
    one = {"company_id": company, "worker_id": path("id")}
    return [
        Route(
            method="GET", path="/v1/workers", name="list_workers", tag="Workers",
            summary="Find workers",
            description="Search, filter, sort; page by page with `limit` and `cursor`.",
            requires="workers.read", query=contract.WorkerQuery, answer=contract.WorkerList,
            ask=Ask(WORKERS, "list_workers", {"company_id": company, "query": query}),
        ),
        Route(
            method="POST", path="/v1/workers", name="create_worker", tag="Workers", status=201,
            summary="Add a worker",
            description="Only the name is required. A birth date, identity number, card or bank account in any field "
            "is refused by that field's name. Over the plan's limit workers can be added for 14 days (`/v1/usage` "
            "says how it stands), then not; in a read-only account workers are read, exported and archived.",
            requires="workers.write", rate="write", body=contract.WorkerInput, answer=contract.WorkerView,
            errors=(contract.WorkerNumberTaken, *NO_ROOM),
            ask=Ask(WORKERS, "create_worker", {"company_id": company, "worker": body}),
            example={"first_name": "Wanda", "last_name": "Rivers", "title": "Fitter", "department": "Assembly"},
        ),
        Route(
            method="GET", path="/v1/workers/{id}", name="get_worker", tag="Workers", summary="One worker",
            requires="workers.read", answer=contract.WorkerView, errors=(contract.WorkerNotFound,),
            ask=Ask(WORKERS, "get_worker", one),
        ),
        Route(
            method="PATCH", path="/v1/workers/{id}", name="update_worker", tag="Workers", summary="Change a worker",
            description="Only the fields that are sent change; null empties a field that may be empty.",
            requires="workers.write", rate="write", body=contract.WorkerChange, answer=contract.WorkerView,
            errors=(
                contract.WorkerNotFound, contract.WorkerNumberTaken, contract.ManagerLoop, contract.StatusMoveRefused,
                contract.WorkerArchived, contract.ReportsNotReassigned, *NO_ROOM,
            ),
            ask=Ask(WORKERS, "update_worker", {**one, "change": body}),
            example={"title": "Lead fitter"},
        ),
        Route(
            method="DELETE", path="/v1/workers/{id}", name="archive_worker", tag="Workers", summary="Archive a worker",
            description="The profile stays readable and no longer counts.",
            requires="workers.write", rate="write", answer=contract.WorkerView,
            errors=(contract.WorkerNotFound, contract.ReportsNotReassigned),
            ask=Ask(WORKERS, "archive_worker", one),
        ),
        Route(
            method="GET", path="/v1/workers/{id}/history", name="list_history", tag="Workers",
            summary="What a profile was before",
            description="Every change of every field, by whom and when; the newest first.",
            requires="workers.write", query=worker_history.HistoryQuery, answer=worker_history.History,
            errors=(contract.WorkerNotFound,), ask=Ask(WORKERS, "list_history", {**one, "query": query}),
        ),
        Route(
            method="POST", path="/v1/workers/{id}/restorations", name="restore_worker", tag="Workers",
            summary="Go back to a version of a profile",
            description="Under all rules of a change. It is a new version, so that it can be gone back on too.",
            requires="workers.write", rate="write", body=worker_history.Restoration, answer=contract.WorkerView,
            errors=(
                contract.WorkerNotFound, worker_history.VersionNotFound, contract.WorkerNumberTaken,
                contract.ManagerLoop, contract.StatusMoveRefused, contract.WorkerArchived,
                contract.ReportsNotReassigned, *NO_ROOM,
            ),
            ask=Ask(WORKERS, "restore_worker", {**one, "restoration": body}),
            example={"version": 1},
        ),
        Route(
            method="POST", path="/v1/worker-imports", name="import_workers", tag="Workers", status=201,
            summary="Import a file of workers",
            description="The CSV file itself with its options in the query, or JSON with the file as a text. Rows with "
            "forbidden data are refused one by one; `dry_run` only says what would happen. At most 5,000 rows at once. "
            "A file with more new workers than the plan has room for is refused as a whole.",
            requires="workers.import", rate="write", body=ImportRequest, body_limit=IMPORT_LIMIT,
            also_accepts=("text/csv",), unguarded=frozenset(("text",)), query=ImportQuery, answer=contract.ImportView,
            handler=import_file, errors=NO_ROOM,
            ask=Ask(WORKERS, "import_workers", {"company_id": company, "text": by_handler, "options": by_handler}),
            example={"text": "First name,Surname\nWanda,Rivers\n", "options": {"dry_run": True}},
        ),
        export("csv", "text/csv; charset=utf-8", str),
        export("json", "application/json", list[worker_exports.ExportedWorker]),
        Route(
            method="GET", path="/v1/worker-imports/{id}", name="get_import", tag="Workers",
            summary="What an import did",
            requires="workers.read", answer=contract.ImportView, errors=(contract.ImportNotFound,),
            ask=Ask(WORKERS, "get_import", {"company_id": company, "import_id": path("id")}),
        ),
        Route(
            method="GET", path="/v1/forbidden-data-sweep", name="get_sweep", tag="Documents",
            summary="What the last nightly sweep found",
            description="All stored text of all companies is checked every night for data that we do not hold. "
            "Figures only; `quarantined` is zero as long as every door is shut.",
            answer=contract.SweepView, errors=(contract.NoSweepYet,), ask=Ask(WORKERS, "get_sweep"),
        ),
    ]  # fmt: skip

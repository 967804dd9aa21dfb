"""Who reports to whom, as data and as a picture, and what a worker was when."""

from actiontrac.contracts import worker_chart as contract
from actiontrac.contracts.workers import AccountReadOnly, WorkerNotFound
from actiontrac.http import Ask, Exchange, Response, Route, body, company, path, query
from services.gateway.desk import Desk

WORKERS = "workers"

SVG = "image/svg+xml"

DRAWING = Ask(WORKERS, "draw_org_chart", {"company_id": company, "query": query})


def draw(exchange: Exchange) -> Response:
    return Response(exchange.ask(DRAWING).encode(), content_type=SVG)


def routes(_: Desk) -> list[Route]:
    refusals = (WorkerNotFound, contract.ChartTooLarge)
    return [
        Route(
            method="GET", path="/v1/org-chart", name="get_org_chart", tag="Org chart", summary="Who reports to whom",
            description="Active and suspended workers and vacant positions, each once, each after the one it stands "
            "below. `on` shows a day before. At most 5,000 positions: ask for less with `depth`, `root_id` or "
            "`department`.",
            requires="workers.read", query=contract.ChartQuery, answer=contract.ChartView, errors=refusals,
            ask=Ask(WORKERS, "get_org_chart", {"company_id": company, "query": query}),
        ),
        Route(
            method="GET", path="/v1/org-chart.svg", name="draw_org_chart", tag="Org chart",
            summary="The same as a picture", description="An SVG document; departments have colours.",
            requires="workers.read", query=contract.ChartQuery, answer=str, answers=SVG, errors=refusals,
            handler=draw, ask=DRAWING,
        ),
        Route(
            method="GET", path="/v1/workers/{id}/positions", name="list_positions", tag="Org chart",
            summary="What a worker was, from when until when",
            description="The newest first. A change says since when it holds with `effective_on`.",
            requires="workers.read", answer=contract.PositionList, errors=(WorkerNotFound,),
            ask=Ask(WORKERS, "list_positions", {"company_id": company, "worker_id": path("id")}),
        ),
        Route(
            method="POST", path="/v1/vacant-positions", name="create_vacancy", tag="Org chart", status=201,
            summary="Put a vacant position into the chart",
            requires="workers.write", rate="write", body=contract.VacancyInput, answer=contract.VacancyView,
            errors=(contract.TooManyVacancies, AccountReadOnly),
            ask=Ask(WORKERS, "create_vacancy", {"company_id": company, "vacancy": body}),
            example={"title": "Fitter", "department": "Assembly"},
        ),
        Route(
            method="GET", path="/v1/vacant-positions", name="list_vacancies", tag="Org chart",
            summary="Every vacant position", requires="workers.read", answer=contract.VacancyList,
            ask=Ask(WORKERS, "list_vacancies", {"company_id": company}),
        ),
        Route(
            method="DELETE", path="/v1/vacant-positions/{id}", name="delete_vacancy", tag="Org chart", status=204,
            summary="Take a vacant position out of the chart",
            requires="workers.write", rate="write", errors=(contract.VacancyNotFound,),
            ask=Ask(WORKERS, "delete_vacancy", {"company_id": company, "vacancy_id": path("id")}),
        ),
    ]  # fmt: skip

"""What a company writes down about a worker, and sees through."""

from actiontrac.contracts import worker_actions as contract
from actiontrac.contracts.workers import AccountReadOnly, WorkerArchived, WorkerNotFound
from actiontrac.http import Ask, Route, body, company, path, query
from services.gateway.desk import Desk

WORKERS = "workers"


def routes(_: Desk) -> list[Route]:
    one = {"company_id": company, "action_id": path("id")}
    return [
        Route(
            method="POST", path="/v1/workers/{id}/actions", name="create_action", tag="Actions", status=201,
            summary="Write an action down about a worker",
            description="A dated note, praise, coaching, warning, incident or task. What is left out comes from the "
            "template that is named. While it is open, `action.due` is told once on its day of reminding.",
            requires="workers.write", rate="write", body=contract.ActionInput, answer=contract.ActionView,
            errors=(WorkerNotFound, WorkerArchived, contract.TemplateNotFound, AccountReadOnly),
            ask=Ask(WORKERS, "create_action", {"company_id": company, "worker_id": path("id"), "action": body}),
            example={"kind": "task", "text": "Hand over the keys of the workshop.", "due_on": "2026-12-01"},
        ),
        Route(
            method="GET", path="/v1/workers/{id}/actions", name="list_worker_actions", tag="Actions",
            summary="What was written down about a worker",
            description="What is for managers only is shown to those who may change workers, its author and its owner.",
            requires="workers.read", query=contract.ActionQuery, answer=contract.ActionList, errors=(WorkerNotFound,),
            ask=Ask(WORKERS, "list_worker_actions", {"company_id": company, "worker_id": path("id"), "query": query}),
        ),
        Route(
            method="GET", path="/v1/actions", name="list_actions", tag="Actions",
            summary="Actions of all workers",
            description="What is to be done this week: `state=open`, `due_by` the last day of it, `sort=due`.",
            requires="workers.read", query=contract.ActionQuery, answer=contract.ActionList,
            ask=Ask(WORKERS, "list_actions", {"company_id": company, "query": query}),
        ),
        Route(
            method="GET", path="/v1/actions/{id}", name="get_action", tag="Actions", summary="One action",
            requires="workers.read", answer=contract.ActionView, errors=(contract.ActionNotFound,),
            ask=Ask(WORKERS, "get_action", one),
        ),
        Route(
            method="PATCH", path="/v1/actions/{id}", name="update_action", tag="Actions", summary="Change an action",
            description="Only the fields that are sent change; null empties a field that may be empty.",
            requires="workers.write", rate="write", body=contract.ActionChange, answer=contract.ActionView,
            errors=(contract.ActionNotFound, AccountReadOnly),
            ask=Ask(WORKERS, "update_action", {**one, "change": body}),
            example={"state": "done"},
        ),
        Route(
            method="POST", path="/v1/action-templates", name="create_action_template", tag="Actions", status=201,
            summary="Add a template for actions",
            requires="workers.write", rate="write", body=contract.TemplateInput, answer=contract.TemplateView,
            errors=(contract.TooManyTemplates, AccountReadOnly),
            ask=Ask(WORKERS, "create_action_template", {"company_id": company, "template": body}),
            example={"name": "First week", "kind": "task", "text": "Show the fire exits.", "due_in_days": 5},
        ),
        Route(
            method="GET", path="/v1/action-templates", name="list_action_templates", tag="Actions",
            summary="Every template for actions", requires="workers.write", answer=contract.TemplateList,
            ask=Ask(WORKERS, "list_action_templates", {"company_id": company}),
        ),
        Route(
            method="DELETE", path="/v1/action-templates/{id}", name="delete_action_template", tag="Actions",
            status=204, summary="Delete a template", description="Actions that began with it stay as they are.",
            requires="workers.write", rate="write", errors=(contract.TemplateNotFound,),
            ask=Ask(WORKERS, "delete_action_template", {"company_id": company, "template_id": path("id")}),
        ),
    ]  # fmt: skip

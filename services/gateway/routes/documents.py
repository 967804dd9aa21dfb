"""The legal documents, for programs; people read them at /privacy and /terms."""

from actiontrac.contracts import accounts as contract
from actiontrac.http import Ask, Route, parameter, path
from services.gateway.desk import Desk
from services.gateway.schemas import PolicyQuery


def routes(_: Desk) -> list[Route]:
    return [
        Route(
            method="GET", path="/v1/policies", name="list_policies", tag="Documents",
            summary="The documents in force", query=PolicyQuery, answer=contract.PolicyList,
            ask=Ask("accounts", "list_policies", {"on": parameter("on")}),
        ),
        Route(
            method="GET", path="/v1/policies/{slug}", name="get_policy", tag="Documents",
            summary="One document", query=PolicyQuery, answer=contract.PolicyView,
            errors=(contract.PolicyNotFound,),
            ask=Ask("accounts", "get_policy", {"slug": path("slug"), "on": parameter("on")}),
        ),
    ]  # fmt: skip

"""Which mail a person wants, and the operators' mailings."""

from actiontrac.contracts import notifications as contract
from actiontrac.http import SIGNED_IN, Ask, Route, body, company, parameter, path, user
from services.gateway.desk import Desk
from services.gateway.schemas import LimitQuery, PageQuery

NOTIFICATIONS = "notifications"


def routes(_: Desk) -> list[Route]:
    person = {"company_id": company, "user_id": user}
    return [
        Route(
            method="GET", path="/v1/me/email-preferences", name="get_email_preferences", tag="Me",
            summary="Which mail you get", requires=SIGNED_IN, answer=contract.PreferencesView,
            ask=Ask(NOTIFICATIONS, "get_preferences", person),
        ),
        Route(
            method="PATCH", path="/v1/me/email-preferences", name="update_email_preferences", tag="Me",
            summary="Choose which mail you get",
            description="Only the categories that are named change; security mail and legal notices stay on.",
            requires=SIGNED_IN, rate="write", body=contract.PreferencesChange, answer=contract.PreferencesView,
            errors=(contract.UnknownCategory, contract.CategoryNotOptional),
            ask=Ask(NOTIFICATIONS, "update_preferences", {**person, "change": body}),
            example={"categories": {"promotions": True}},
        ),
        Route(
            method="POST", path="/v1/campaigns", name="create_campaign", tag="Operators", status=201,
            summary="Send a mailing to everybody who agreed to its category",
            requires="campaigns.write", rate="write", body=contract.CampaignRequest, answer=contract.CampaignView,
            ask=Ask(NOTIFICATIONS, "create_campaign", {"campaign": body}),
            example={
                "name": "Autumn webinar", "category": "promotions", "subject": "An hour about onboarding",
                "heading": "An hour about onboarding", "body": "On Tuesday at ten.\n\nNo slides, only practice.",
            },
        ),
        Route(
            method="GET", path="/v1/campaigns", name="list_campaigns", tag="Operators", summary="Mailings",
            requires="campaigns.read", query=PageQuery, answer=contract.CampaignList,
            ask=Ask(
                NOTIFICATIONS, "list_campaigns", {"limit": parameter("limit", 50), "cursor": parameter("cursor")}
            ),
        ),
        Route(
            method="GET", path="/v1/campaigns/{id}", name="get_campaign", tag="Operators",
            summary="How far a mailing is", requires="campaigns.read", answer=contract.CampaignView,
            errors=(contract.CampaignNotFound,),
            ask=Ask(NOTIFICATIONS, "get_campaign", {"campaign_id": path("id")}),
        ),
        Route(
            method="GET", path="/v1/staff/dead-messages", name="list_dead_messages", tag="Operators",
            summary="Mail that was tried often enough", requires="staff", query=LimitQuery,
            answer=contract.DeadMessageList,
            ask=Ask(NOTIFICATIONS, "list_dead_messages", {"limit": parameter("limit", 50)}),
        ),
        Route(
            method="POST", path="/v1/staff/dead-messages/{id}/retries", name="requeue_message", tag="Operators",
            status=204, summary="Try such a mail again", requires="staff", rate="write",
            errors=(contract.MessageNotFound,),
            ask=Ask(NOTIFICATIONS, "requeue_message", {"message_id": path("id")}),
        ),
    ]  # fmt: skip

"""Which mail a person wants, the operators' mailings, and mail that comes in."""

import base64
from typing import Annotated, Literal

from pydantic import Field

from actiontrac.contracts import notifications as contract
from actiontrac.http import SIGNED_IN, Ask, Exchange, Route, body, by_handler, company, parameter, path, user
from services.gateway.desk import Desk
from services.gateway.schemas import LimitQuery, PageQuery

NOTIFICATIONS = "notifications"

#: One mail with its attachments.
MAIL_LIMIT = 2 * 1024 * 1024


class TicketQuery(PageQuery):
    state: Annotated[Literal["open", "closed"], Field()] = "open"
    kind: Annotated[contract.TicketKind | None, Field()] = None


class SuppressionQuery(PageQuery):
    reason: Annotated[
        Literal["hard_bounce", "soft_bounces", "complaint", "opt_out", "manual"] | None, Field()
    ] = None


def receive_mail(exchange: Exchange) -> object:
    raw = base64.b64encode(exchange.request.read(MAIL_LIMIT)).decode()
    signature = exchange.request.headers.get("x-actiontrac-signature", "")
    return exchange.service(NOTIFICATIONS).receive_mail(signature=signature, raw=raw)


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
        Route(
            method="POST", path="/inbound/email", name="receive_mail", tag="Operations",
            summary="For your mail server: a mail that came in, as it came",
            description="The raw message, signed: `X-ActionTrac-Signature: t=<unix seconds>,v1=<hex>`, the HMAC-SHA256 "
            "of the seconds, a dot and the bytes, with ACTIONTRAC_INBOUND_KEY. At most 2 MiB. The same mail twice is "
            "one; what machines wrote is ignored.",
            answer=contract.InboundView, rate="webhook", raw=True, handler=receive_mail,
            errors=(contract.MailSignatureRefused, contract.MailTooLarge),
            ask=Ask(NOTIFICATIONS, "receive_mail", {"signature": by_handler, "raw": by_handler}),
        ),
        Route(
            method="GET", path="/v1/support-tickets", name="list_support_tickets", tag="Operators",
            summary="Mail that waits for a person, oldest first", requires="staff", query=TicketQuery,
            answer=contract.TicketList,
            ask=Ask(
                NOTIFICATIONS, "list_support_tickets",
                {
                    "state": parameter("state", "open"), "kind": parameter("kind"),
                    "limit": parameter("limit", 50), "cursor": parameter("cursor"),
                },
            ),
        ),
        Route(
            method="GET", path="/v1/support-tickets/{id}", name="get_support_ticket", tag="Operators",
            summary="One ticket with its thread", requires="staff", answer=contract.TicketThreadView,
            errors=(contract.TicketNotFound,),
            ask=Ask(NOTIFICATIONS, "get_support_ticket", {"ticket_id": path("id")}),
        ),
        Route(
            method="POST", path="/v1/support-tickets/{id}/answers", name="answer_support_ticket", tag="Operators",
            summary="Answer, confirm an opt-out, file it under another kind, close it",
            requires="staff", rate="write", body=contract.TicketAnswer, answer=contract.TicketThreadView,
            errors=(contract.TicketNotFound,),
            ask=Ask(NOTIFICATIONS, "answer_support_ticket", {"ticket_id": path("id"), "answer": body}),
            example={"text": "Done: you get no more promotions.", "opt_out": True, "close": True},
        ),
        Route(
            method="GET", path="/v1/suppressions", name="list_suppressions", tag="Operators",
            summary="Addresses that are not mailed, as keyed hashes", requires="staff", query=SuppressionQuery,
            answer=contract.SuppressionList,
            ask=Ask(
                NOTIFICATIONS, "list_suppressions",
                {"reason": parameter("reason"), "limit": parameter("limit", 50), "cursor": parameter("cursor")},
            ),
        ),
        Route(
            method="POST", path="/v1/suppressions", name="add_suppression", tag="Operators", status=201,
            summary="Mail nothing to an address that can be switched off", requires="staff", rate="write",
            body=contract.SuppressionChange, answer=contract.SuppressionView,
            ask=Ask(NOTIFICATIONS, "add_suppression", {"suppression": body}),
            example={"address": "olive@acme.example", "reason": "Asked on the phone"},
        ),
        Route(
            method="POST", path="/v1/suppressions/searches", name="find_suppression", tag="Operators",
            summary="Whether an address is on the list, and who changed that by hand",
            description="The address stands in the body, so that no log on the way has it.",
            requires="staff", rate="write", body=contract.SuppressionSearch, answer=contract.SuppressionHistoryView,
            errors=(contract.SuppressionNotFound,),
            ask=Ask(NOTIFICATIONS, "find_suppression", {"search": body}),
            example={"address": "olive@acme.example"},
        ),
        Route(
            method="POST", path="/v1/suppressions/removals", name="remove_suppression", tag="Operators", status=204,
            summary="Mail an address again, with a reason", requires="staff", rate="write",
            body=contract.SuppressionChange, errors=(contract.SuppressionNotFound,),
            ask=Ask(NOTIFICATIONS, "remove_suppression", {"suppression": body}),
            example={"address": "olive@acme.example", "reason": "The mailbox was mended"},
        ),
    ]  # fmt: skip

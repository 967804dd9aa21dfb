"""For a company that sells: its own processor accounts, bills to clients, and what was disclosed to whom (T13)."""

import base64

from actiontrac.contracts import billing
from actiontrac.contracts import contractor_bills as contract
from actiontrac.http import Ask, Exchange, Response, Route, body, company, parameter, path, user
from services.gateway.desk import Desk
from services.gateway.routes.billing import PDF
from services.gateway.schemas import PageQuery

BILLING = "billing"
TAG = "Contractor bills"

BILL_PDF = Ask(BILLING, "get_bill_pdf", {"company_id": company, "bill_id": path("id")})


def bill_pdf(exchange: Exchange) -> Response:
    found = exchange.ask(BILL_PDF)
    shown = ("Content-Disposition", f'inline; filename="{found["filename"]}"')
    return Response(base64.b64decode(found["content"]), content_type=PDF, headers=[shown])


def routes(_: Desk) -> list[Route]:
    listed = {"company_id": company, "limit": parameter("limit", 50), "cursor": parameter("cursor")}
    one = {"company_id": company, "bill_id": path("id")}
    return [
        Route(
            method="GET", path="/v1/contractor/account", name="list_seller_accounts", tag=TAG,
            summary="Your own accounts at the processors", requires="billing.read",
            answer=contract.SellerAccountList, ask=Ask(BILLING, "list_seller_accounts", {"company_id": company}),
        ),
        Route(
            method="POST", path="/v1/contractor/account", name="connect_seller_account", tag=TAG, status=201,
            summary="Connect your own Stripe or PayPal account",
            description="Bills are paid into it directly; none of that money ever passes through ours. Stripe: open "
            "`onboarding_url` and tell Stripe about yourself. PayPal: give the merchant id of your account.",
            requires="billing.write", rate="write", body=contract.SellerAccountRequest,
            answer=contract.SellerAccountView,
            errors=(contract.MerchantIdNeeded, contract.SellerAccountRefused, billing.ProviderAway),
            ask=Ask(BILLING, "connect_seller_account", {"company_id": company, "user_id": user, "account": body}),
            example={"provider": "stripe"},
        ),
        Route(
            method="DELETE", path="/v1/contractor/account/{provider}", name="disconnect_seller_account", tag=TAG,
            summary="Take no more money into an account",
            description="`stripe` or `paypal`. Open payment pages are closed; what was paid can still be refunded.",
            requires="billing.write", rate="write", answer=contract.SellerAccountView,
            errors=(contract.SellerAccountNotFound,),
            ask=Ask(BILLING, "disconnect_seller_account", {"company_id": company, "provider": path("provider")}),
        ),
        Route(
            method="POST", path="/v1/contractor/bills", name="issue_bill", tag=TAG, status=201,
            summary="Bill a client",
            description="The client gets it by mail with a page of its own, where it can be paid by card or PayPal "
            "without an account here. Needs an `Idempotency-Key`, so that a repeat cannot bill twice.",
            requires="billing.write", rate="write", critical=True, needs_idempotency_key=True,
            body=contract.BillRequest, answer=contract.BillView,
            errors=(
                contract.NotASeller, contract.BillTotalWrong, contract.DueDateWrong, billing.MembershipTerminated,
            ),
            ask=Ask(BILLING, "issue_bill", {"company_id": company, "user_id": user, "bill": body}),
            example={
                "client": {"name": "Clara Finch", "email": "clara@client.example", "address": ["4 Quay Road"]},
                "lines": [{"description": "Fitting of two presses", "quantity": 2, "unit_minor": 62500}],
                "currency": "USD",
                "due_on": "2026-12-23",
            },
        ),
        Route(
            method="GET", path="/v1/contractor/bills", name="list_bills", tag=TAG, summary="Bills, newest first",
            requires="billing.read", query=PageQuery, answer=contract.BillList, ask=Ask(BILLING, "list_bills", listed),
        ),
        Route(
            method="GET", path="/v1/contractor/bills/{id}", name="get_bill", tag=TAG, summary="One bill",
            requires="billing.read", answer=contract.BillView, errors=(contract.BillNotFound,),
            ask=Ask(BILLING, "get_bill", one),
        ),
        Route(
            method="GET", path="/v1/contractor/bills/{id}/pdf", name="get_bill_pdf", tag=TAG,
            summary="One bill, to file", requires="billing.read", answer=str, answers=PDF,
            errors=(contract.BillNotFound,), handler=bill_pdf, ask=BILL_PDF,
        ),
        Route(
            method="POST", path="/v1/contractor/bills/{id}/void", name="void_bill", tag=TAG, status=200,
            summary="Withdraw a bill before it is paid", requires="billing.write", rate="write",
            answer=contract.BillView, errors=(contract.BillNotFound, contract.BillNotVoidable),
            ask=Ask(BILLING, "void_bill", one),
        ),
        Route(
            method="POST", path="/v1/contractor/bills/{id}/refunds", name="refund_bill", tag=TAG, status=201,
            summary="Give a bill's payment back",
            description="From your own account, all that is left or a part; a credit note follows. "
            "Needs an `Idempotency-Key`.",
            requires="billing.write", rate="write", critical=True, needs_idempotency_key=True,
            body=contract.BillRefundRequest, answer=contract.BillRefundView,
            errors=(
                contract.BillNotFound, contract.BillNotRefundable, billing.RefundTooLarge, billing.ProviderAway,
            ),
            ask=Ask(
                BILLING, "refund_bill",
                {"company_id": company, "user_id": user, "bill_id": path("id"), "refund": body},
            ),
            example={"amount_minor": 62500, "reason": "Only one press was fitted"},
        ),
        Route(
            method="GET", path="/v1/disclosures", name="list_disclosures", tag="Documents",
            summary="What was handed to a payment processor",
            description="To whom, which fields, why and when, for every hand-over; never a value (S28, S32).",
            requires="billing.read", query=PageQuery, answer=contract.DisclosureList,
            ask=Ask(BILLING, "list_disclosures", listed),
        ),
    ]  # fmt: skip

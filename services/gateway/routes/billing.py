"""Plans, the year that was bought, payments, and what the providers report."""

import base64

from actiontrac.contracts import billing as contract
from actiontrac.contracts.accounts import CompanyNotFound
from actiontrac.http import Ask, Exchange, Response, Route, body, by_handler, company, parameter, path, user
from actiontrac.http.routes import BODY_LIMIT
from services.gateway.desk import Desk
from services.gateway.schemas import DisputeQuery, PageQuery

BILLING = "billing"

#: What of a webhook's headers says who sent it; the rest stays here.
_SIGNATURES = ("stripe-signature", "content-type")


def webhook(provider: str) -> Route:
    def receive(exchange: Exchange) -> object:
        request = exchange.request
        headers = {
            name: value for name, value in request.headers.items() if name in _SIGNATURES or name.startswith("paypal-")
        }
        raw = base64.b64encode(request.read(BODY_LIMIT)).decode()
        return exchange.service(BILLING).receive_webhook(provider=provider, headers=headers, raw=raw)

    return Route(
        method="POST", path=f"/webhooks/{provider}", name=f"receive_{provider}_webhook", tag="Operations",
        summary=f"For {provider.title()}: what happened to a payment",
        description="Signed by the provider over the bytes as they came; anything else is refused with 400.",
        answer=contract.WebhookView, rate="webhook", raw=True, critical=True, handler=receive,
        errors=(contract.SignatureRefused, contract.ProviderAway),
        ask=Ask(BILLING, "receive_webhook", {"provider": by_handler, "headers": by_handler, "raw": by_handler}),
    )  # fmt: skip


PDF = "application/pdf"

INVOICE_PDF = Ask(BILLING, "get_invoice_pdf", {"company_id": company, "invoice_id": path("id")})


def invoice_pdf(exchange: Exchange) -> Response:
    found = exchange.ask(INVOICE_PDF)
    shown = ("Content-Disposition", f'inline; filename="{found["filename"]}"')
    return Response(base64.b64decode(found["content"]), content_type=PDF, headers=[shown])


NOT_SOLD = (
    contract.PlanNotFound, contract.CurrencyNotOffered, contract.PlanTooSmall, contract.AlreadyPaid,
    contract.MembershipTerminated,
)  # fmt: skip
COUPON_REFUSED = (
    contract.CouponUnknown, contract.CouponExpired, contract.CouponUsedUp, contract.CouponNotForPlan,
    contract.CouponNotForCurrency, contract.CouponTooLarge,
)  # fmt: skip


def routes(_: Desk) -> list[Route]:
    listed_by_staff = {"limit": parameter("limit", 50), "cursor": parameter("cursor")}
    listed = {"company_id": company, **listed_by_staff}
    return [
        Route(
            method="GET", path="/v1/plans", name="list_plans", tag="Plans and payments", summary="What a year costs",
            answer=contract.PlanList, ask=Ask(BILLING, "list_plans"),
        ),
        Route(
            method="GET", path="/v1/subscription", name="get_subscription", tag="Plans and payments",
            summary="What is paid, until when, and what to do next", requires="billing.read",
            answer=contract.SubscriptionView, ask=Ask(BILLING, "get_subscription", {"company_id": company}),
        ),
        Route(
            method="POST", path="/v1/trials", name="start_trial", tag="Plans and payments", status=201,
            summary="Try a plan without a card",
            description="Once for a company that has not bought before. It ends by itself and nothing is charged.",
            requires="billing.write", rate="write", answer=contract.SubscriptionView,
            errors=(contract.TrialNotOffered, contract.TrialUsed),
            ask=Ask(BILLING, "start_trial", {"company_id": company}),
        ),
        Route(
            method="GET", path="/v1/usage", name="get_usage", tag="Plans and payments",
            summary="How many workers are managed, and whether the plan fits",
            description="The figure is the company's own. Warned of at 80 and 100 percent; above, more can be added "
            "until `grace_ends_on`, then none; nothing else changes. Fewer workers or a larger plan heal it at once.",
            requires="billing.read",
            answer=contract.UsageView, ask=Ask(BILLING, "get_usage", {"company_id": company}),
        ),
        Route(
            method="GET", path="/v1/tax-profile", name="get_tax_profile", tag="Plans and payments",
            summary="What decides your tax beside your address", requires="billing.read",
            answer=contract.TaxProfileView, ask=Ask(BILLING, "get_tax_profile", {"company_id": company}),
        ),
        Route(
            method="PATCH", path="/v1/tax-profile", name="change_tax_profile", tag="Plans and payments",
            summary="Give your VAT id, or take it away",
            description="Checked for the country of your address by its form and check digits. It stands on invoices, "
            "and within the European Union it can mean that you account for the VAT yourself.",
            requires="billing.write", rate="write", body=contract.TaxProfileChange, answer=contract.TaxProfileView,
            errors=(contract.VatIdRefused,),
            ask=Ask(BILLING, "change_tax_profile", {"company_id": company, "change": body}),
            example={"vat_id": "DE136695976"},
        ),
        Route(
            method="POST", path="/v1/staff/companies/{id}/tax-exemption", name="set_tax_exemption", tag="Operators",
            summary="Add no tax to what a company buys, or add it again", requires="staff", rate="write",
            body=contract.TaxExemptionChange, answer=contract.TaxProfileView, errors=(CompanyNotFound,),
            ask=Ask(BILLING, "set_tax_exemption", {"company_id": path("id"), "exemption": body}),
            example={"exempt": True, "reason": "Certificate of exemption seen on 2026-11-20"},
        ),
        Route(
            method="POST", path="/v1/staff/coupons", name="create_coupon", tag="Operators", status=201,
            summary="Offer a coupon",
            description="A percentage of a year's price, or an amount by currency; for all plans or some, for some "
            "days, so often in all and by each company. Without a code one is made up.",
            requires="staff", rate="write", body=contract.CouponCreate, answer=contract.CouponView,
            errors=(contract.CouponExists,),
            ask=Ask(BILLING, "create_coupon", {"coupon": body}),
            example={"code": "SPRING-2027", "percent": 20, "ends_on": "2027-05-31", "total_limit": 100},
        ),
        Route(
            method="GET", path="/v1/staff/coupons", name="list_coupons", tag="Operators",
            summary="Coupons, and how often each was used", requires="staff", query=PageQuery,
            answer=contract.CouponList,
            ask=Ask(BILLING, "list_coupons", {"limit": parameter("limit", 50), "cursor": parameter("cursor")}),
        ),
        Route(
            method="POST", path="/v1/staff/coupons/{code}/end", name="end_coupon", tag="Operators",
            summary="Let nobody use a coupon from now on",
            description="Checkouts that are open keep it.",
            requires="staff", rate="write", answer=contract.CouponView, errors=(contract.CouponUnknown,),
            ask=Ask(BILLING, "end_coupon", {"code": path("code")}),
        ),
        Route(
            method="POST", path="/v1/checkouts/quotes", name="quote_checkout", tag="Plans and payments",
            summary="What a year would cost, with tax",
            description="A checkout that is opened now charges exactly this. Nothing is kept.",
            requires="billing.write", rate="write", body=contract.CheckoutQuoteRequest,
            answer=contract.CheckoutQuoteView,
            errors=(*NOT_SOLD, *COUPON_REFUSED),
            ask=Ask(BILLING, "quote_checkout", {"company_id": company, "checkout": body}),
            example={"plan": "starter"},
        ),
        Route(
            method="POST", path="/v1/checkouts", name="create_checkout", tag="Plans and payments", status=201,
            summary="Buy a year",
            description="One charge, by card or PayPal, on the provider's own page at `approval_url`: no card number "
            "ever comes to us. Needs an `Idempotency-Key`, so that a repeat cannot buy twice.",
            requires="billing.write", rate="write", critical=True, needs_idempotency_key=True,
            body=contract.CheckoutRequest, answer=contract.CheckoutView,
            errors=(*NOT_SOLD, *COUPON_REFUSED, contract.ProviderAway),
            ask=Ask(BILLING, "create_checkout", {"company_id": company, "user_id": user, "checkout": body}),
            example={"plan": "starter", "method": "card"},
        ),
        Route(
            method="POST", path="/v1/plan-changes/quotes", name="quote_plan_change", tag="Plans and payments",
            status=201, summary="What another plan would cost for the rest of the year",
            description="To the day; binds for an hour. A larger plan is charged exactly as quoted; by your choice the "
            "year keeps its end, or a whole year begins today and the rest of the old one is credited. A smaller plan "
            "waits for the year's end and costs nothing.",
            requires="billing.write", rate="write", body=contract.QuoteRequest, answer=contract.QuoteView,
            errors=(
                contract.NoYearToChange, contract.PlanNotFound, contract.SamePlan, contract.CurrencyNotOffered,
                contract.PlanTooSmall, contract.AlreadyPaid, contract.NothingToCharge,
            ),
            ask=Ask(BILLING, "quote_plan_change", {"company_id": company, "change": body}),
            example={"plan": "business"},
        ),
        Route(
            method="POST", path="/v1/plan-changes", name="change_plan", tag="Plans and payments", status=201,
            summary="Take a quote",
            description="An upgrade is paid at `checkout.approval_url`. Needs an `Idempotency-Key`.",
            requires="billing.write", rate="write", critical=True, needs_idempotency_key=True,
            body=contract.PlanChangeRequest, answer=contract.PlanChangeView,
            errors=(
                contract.QuoteNotFound, contract.QuoteExpired, contract.QuoteOutdated, contract.PlanTooSmall,
                contract.ProviderAway,
            ),
            ask=Ask(BILLING, "change_plan", {"company_id": company, "user_id": user, "change": body}),
            example={"quote_id": "quo_01jd8m3x2kq7v0c4n5r9t1w8ey", "method": "card"},
        ),
        Route(
            method="GET", path="/v1/checkouts", name="list_checkouts", tag="Plans and payments", summary="Purchases",
            requires="billing.read", query=PageQuery, answer=contract.CheckoutList,
            ask=Ask(BILLING, "list_checkouts", listed),
        ),
        Route(
            method="GET", path="/v1/checkouts/{id}", name="get_checkout", tag="Plans and payments",
            summary="Where a payment stands", requires="billing.read", answer=contract.CheckoutView,
            errors=(contract.CheckoutNotFound,),
            ask=Ask(BILLING, "get_checkout", {"company_id": company, "checkout_id": path("id")}),
        ),
        Route(
            method="GET", path="/v1/invoices", name="list_invoices", tag="Plans and payments",
            summary="Invoices and credit notes", requires="billing.read", query=PageQuery,
            answer=contract.InvoiceList, ask=Ask(BILLING, "list_invoices", listed),
        ),
        Route(
            method="GET", path="/v1/invoices/{id}", name="get_invoice", tag="Plans and payments", summary="One invoice",
            requires="billing.read", answer=contract.InvoiceView, errors=(contract.InvoiceNotFound,),
            ask=Ask(BILLING, "get_invoice", {"company_id": company, "invoice_id": path("id")}),
        ),
        Route(
            method="GET", path="/v1/invoices/{id}/pdf", name="get_invoice_pdf", tag="Plans and payments",
            summary="One invoice, receipt or credit note, to file", requires="billing.read", answer=str,
            answers=PDF, errors=(contract.InvoiceNotFound,), handler=invoice_pdf,
            ask=INVOICE_PDF,
        ),
        Route(
            method="POST", path="/v1/refunds", name="create_refund", tag="Plans and payments", status=201,
            summary="Give money back",
            description="All that is left, or a part. Needs an `Idempotency-Key`.",
            requires="billing.write", rate="write", critical=True, needs_idempotency_key=True,
            body=contract.RefundRequest, answer=contract.RefundView,
            errors=(
                contract.CheckoutNotFound, contract.NotRefundable, contract.RefundTooLarge, contract.ProviderAway,
            ),
            ask=Ask(BILLING, "create_refund", {"company_id": company, "user_id": user, "refund": body}),
            example={"checkout_id": "chk_01jd8m3x2kq7v0c4n5r9t1w8ey", "reason": "Bought twice by mistake"},
        ),
        Route(
            method="GET", path="/v1/staff/disputes", name="list_disputes", tag="Operators",
            summary="Payments that buyers dispute at their bank or at PayPal, newest first", requires="staff",
            query=DisputeQuery, answer=contract.DisputeList,
            ask=Ask(BILLING, "list_disputes", {**listed_by_staff, "state": parameter("state")}),
        ),
        webhook("stripe"),
        webhook("paypal"),
    ]  # fmt: skip

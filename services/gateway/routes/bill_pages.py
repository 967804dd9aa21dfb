"""The page of a bill: its client looks at it, pays it and comes back to it; the link is the proof."""

import base64
from collections.abc import Callable
from typing import Any

from actiontrac.contracts import billing
from actiontrac.contracts import contractor_bills as contract
from actiontrac.errors import ServiceError
from actiontrac.http import Ask, Exchange, Response, Route, by_handler, path
from actiontrac.http.problems import PathNotFound
from services.gateway import pages
from services.gateway.desk import Desk
from services.gateway.routes.billing import PDF

FORM_LIMIT = 8 * 1024

#: The page asks again by itself this often; then the client does.
MOST_REFRESHES = 20
REFRESH_SECONDS = 3

#: How the ways to pay are called on the page.
METHODS = {"card": "Pay by card", "paypal": "Pay with PayPal"}

#: Where a bill stands: heading and sentence.
STATES = {
    "open": ("Bill {number}", ""),
    "paid": ("Paid: thank you", "The payment has arrived, and nothing is left to pay. This page is your receipt."),
    "part_refunded": ("Paid, and partly given back", "A part of your payment is on its way back to you."),
    "refunded": ("Given back", "The whole payment is on its way back to you."),
    "void": ("This bill was withdrawn", "Nothing is owed. Whoever sent it does not want it paid any more."),
}
UNDER_WAY = "Your payment is being checked. You are charged once at most; this page looks again."
DECLINED = "The last attempt did not go through, and nothing was charged. You can try again."


def amount_of(minor: int, currency: str) -> str:
    """Bills are in currencies with two decimals."""
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100:,}.{abs(minor) % 100:02} {currency}"


def _shown(
    exchange: Exchange,
    bill: contract.BillPageView,
    *,
    problem: str = "",
    again: str = "",
    times: int = 0,
    status: int = 200,
) -> Response:
    heading, sentence = STATES[bill["state"]]
    waiting = bill["payment"] in ("processing", "unknown")
    if bill["state"] == "open" and waiting:
        sentence = UNDER_WAY
    elif bill["state"] == "open" and not problem and bill["last_error"]:
        problem = DECLINED
    refresh = f"{again}again={times + 1}" if again and waiting and times < MOST_REFRESHES else ""
    return pages.show(
        "bill.html", status=status, bill=bill, heading=heading.format(number=bill["number"]), sentence=sentence,
        problem=problem, refresh=refresh, seconds=REFRESH_SECONDS, methods=METHODS, amount_of=amount_of,
        document=f"/pay/{exchange.params['token']}/pdf",
        payable=bill["state"] == "open" and bill["payment"] != "processing",
    )  # fmt: skip


def _page(method: Any, where: str, name: str, handler: Callable[[Exchange], Any], **options: Any) -> Route:
    return Route(method=method, path=where, name=name, summary=name, handler=handler, page=True, hidden=True, **options)


def routes(_: Desk) -> list[Route]:
    asked = {"token": path("token")}
    look_at = Ask("billing", "show_bill", asked)

    def look(exchange: Exchange) -> Response:
        return _shown(exchange, exchange.ask(look_at))

    def pay(exchange: Exchange) -> Response:
        method = pages.form_of(exchange.request.read(FORM_LIMIT)).get("method", "")
        if method not in METHODS:
            return _shown(exchange, exchange.ask(look_at), problem="Choose how to pay.", status=422)
        try:
            found = exchange.ask(Ask("billing", "pay_bill", {**asked, "method": lambda _: method}))
        except (contract.BillClosed, contract.MethodNotOffered, billing.ProviderAway) as refused:
            return _shown(exchange, exchange.ask(look_at), problem=refused.message, status=refused.status)
        if found["approval_url"] is None:
            return _shown(exchange, exchange.ask(look_at))
        # No redirect: a page may send its forms only to this site, redirects included, and the
        # processor's addresses are its own affair.
        return pages.show("bill-leaving.html", url=found["approval_url"], method=METHODS[method])

    def come_back(exchange: Exchange) -> Response:
        query = pages.query_of(exchange.request)
        checkout_id, told = query.get("checkout", ""), query.get("again", "")
        if not pages.is_id(checkout_id):
            raise PathNotFound()
        question = Ask("billing", "return_to_bill", {**asked, "checkout_id": lambda _: checkout_id})
        times = int(told) if told.isdecimal() and len(told) < 3 else 0
        return _shown(exchange, exchange.ask(question), again=f"?checkout={checkout_id}&", times=times)

    def document(exchange: Exchange) -> Response:
        found = exchange.ask(Ask("billing", "show_bill_pdf", asked))
        shown = ("Content-Disposition", f'inline; filename="{found["filename"]}"')
        return Response(base64.b64decode(found["content"]), content_type=PDF, headers=[shown])

    def connected(exchange: Exchange) -> Response:
        again = "again" in pages.query_of(exchange.request)
        return pages.show("connected.html", again=again)

    unknown: tuple[type[ServiceError], ...] = (contract.BillNotFound,)
    return [
        _page("GET", "/pay/{token}", "show_bill", look, ask=look_at, critical=True, errors=unknown),
        _page(
            "POST", "/pay/{token}", "pay_bill", pay, rate="write", critical=True,
            ask=Ask("billing", "pay_bill", {**asked, "method": by_handler}), errors=unknown,
        ),
        _page(
            "GET", "/pay/{token}/return", "return_to_bill", come_back, critical=True,
            ask=Ask("billing", "return_to_bill", {**asked, "checkout_id": by_handler}),
            errors=(*unknown, billing.CheckoutNotFound),
        ),
        _page(
            "GET", "/pay/{token}/pdf", "show_bill_pdf", document, ask=Ask("billing", "show_bill_pdf", asked),
            errors=unknown,
        ),
        _page("GET", "/contractor/connected", "seller_account_connected", connected),
    ]  # fmt: skip

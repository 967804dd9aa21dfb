"""The page where the buyer approves an order."""

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from werkzeug.wrappers import Request, Response

from actiontrac.sandbox import pages
from actiontrac.sandbox.database import Database, Document
from actiontrac.sandbox.exchange import ApiError
from actiontrac.sandbox.pages import escape
from actiontrac.sandbox.paypal.book import FUNDINGS, PAYER, OrderClosed, PayPalBook
from actiontrac.sandbox.web import Rule, as_html, see_other


class PayPalApproval:
    """Plain forms that post to their own address; no password, because there is no account."""

    def __init__(self, database: Database, book: PayPalBook) -> None:
        self._database = database
        self._book = book

    def rules(self) -> Iterator[Rule]:
        yield Rule("/paypal/checkoutnow", self.show, "GET")
        yield Rule("/paypal/checkoutnow", self.act, "POST")

    def show(self, request: Request) -> Response:
        try:
            with self._database.transaction():
                order = self._book.order(request.args.get("token", ""))
                context = self._book.context(order)
        except ApiError:
            return _unknown()
        if order["status"] not in ("CREATED", "PAYER_ACTION_REQUIRED", "APPROVED"):
            return _closed(order, context)
        return as_html(_page(order))

    def act(self, request: Request) -> Response:
        """``act`` is ``cancel``, or one of the ways to pay of ``FUNDINGS``."""
        funding = request.form.get("act", "")
        try:
            with self._database.transaction():
                order = self._book.order(request.args.get("token", ""))
                context = self._book.context(order)
                if funding == "cancel":
                    return _back(context.get("cancel_url"), token=order["id"])
                if funding not in {each.slug for each in FUNDINGS}:
                    return as_html(_page(order), 400)
                self._book.approve(order, funding)
        except ApiError:
            return _unknown()
        except OrderClosed:
            return _closed(order, context)
        return _back(context.get("return_url"), token=order["id"], PayerID=PAYER["payer_id"])


def _back(address: str | None, **told: object) -> Response:
    if not address:
        return as_html(pages.page("Done", "<h1>Done</h1><p>Nobody said where to go next.</p>", narrow=True))
    parts = urlsplit(address)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *((key, str(told[key])) for key in told)])
    return see_other(urlunsplit(parts._replace(query=query)))


def _unknown() -> Response:
    text = '<h1>No such order</h1><p class="soft">The link is wrong, or the sandbox was emptied.</p>'
    return as_html(pages.page("No such order", text, narrow=True), 404)


def _closed(order: Document, context: Document) -> Response:
    paid = order["status"] == "COMPLETED"
    title = "This order is paid" if paid else "This order can no longer be paid"
    link = escape(str(context.get("return_url" if paid else "cancel_url") or ""))
    content = f'<div class="card"><h1>{title}</h1><p class="soft">Nothing more can be done here.</p>'
    content += f'<p><a href="{link}">Back to the shop</a></p></div>' if link else "</div>"
    return as_html(pages.page(title, content, narrow=True), 410)


def _page(order: Document) -> str:
    unit = order["purchase_units"][0]
    first, *others = FUNDINGS
    choices = "".join(
        f'<button class="choice" name="act" value="{each.slug}"><b>{escape(each.label)}</b>'
        f"<span>{escape(each.explains)}</span></button>"
        for each in others
    )
    seller = unit.get("payee", {}).get("merchant_id")
    to = f'<p class="soft">To the seller {escape(seller)}</p>' if seller else ""
    content = f"""<div class="brand blue">PayPal-like approval</div>
<p class="soft">{escape(unit.get("description", ""))}</p>
<div class="sum">{escape(unit["amount"]["value"])} {escape(unit["amount"]["currency_code"])}</div>{to}
<form method="post" class="card"><h1>Hello, test buyer</h1>
<p class="soft">You are {escape(str(PAYER["email_address"]))}. There is nothing to sign in to.</p>
<button class="gold" name="act" value="{first.slug}">Pay now</button>
<h2>Or see what happens with</h2>{choices}
<button class="plain" name="act" value="cancel">Cancel and go back</button></form>"""
    return pages.page("Approve the payment", content, narrow=True)

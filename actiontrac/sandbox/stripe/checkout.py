"""The page where the buyer pays by card, and the bank's 3-D Secure question."""

from collections.abc import Iterator

from werkzeug.wrappers import Request, Response

from actiontrac.sandbox import pages
from actiontrac.sandbox.database import Database, Document
from actiontrac.sandbox.exchange import ApiError
from actiontrac.sandbox.pages import escape
from actiontrac.sandbox.stripe import cards
from actiontrac.sandbox.stripe.book import SessionClosed, StripeBook
from actiontrac.sandbox.web import Rule, as_html, see_other

NOT_A_TEST_CARD = (
    "This is not one of the published test numbers, so it was thrown away unread. Never enter a real card here."
)
#: How many cards stand on the page before "more".
FIRST_CARDS = 4


class StripeCheckout:
    """Plain forms that post to their own address."""

    def __init__(self, database: Database, book: StripeBook) -> None:
        self._database = database
        self._book = book

    def rules(self) -> Iterator[Rule]:
        yield Rule("/stripe/c/pay/<identifier>", self.show, "GET")
        yield Rule("/stripe/c/pay/<identifier>", self.act, "POST")

    def show(self, request: Request, identifier: str) -> Response:
        try:
            with self._database.transaction():
                session = self._book.session(identifier, None)
                intent = self._book.intent_of(session)
                name = self._book.name_of(session)
                asked = self._book.card_in_challenge(intent)
        except ApiError:
            return _unknown()
        if session["status"] != "open":
            return _closed(session)
        if asked is not None:
            return as_html(_challenge_page(session))
        error = (intent or {}).get("last_payment_error")
        return as_html(_card_page(session, name, error["message"] if error else ""))

    def act(self, request: Request, identifier: str) -> Response:
        """
        ``card`` is a test card's short name or ``number`` its number; ``auth`` is
        ``pass``, ``fail`` or ``abandon``, at the bank's question or together with the card.
        """
        entered = request.form.get("card") or request.form.get("number", "")
        card = cards.find(entered) if entered else None
        if entered and card is None:
            return self._refused(identifier)
        try:
            with self._database.transaction():
                session = self._book.session(identifier, None)
                if request.form.get("auth") == "abandon":
                    return _leave(session)
                if request.form.get("again"):
                    return as_html(_card_page(session, self._book.name_of(session), ""))
                self._pay(session, card, request.form.get("auth"))
        except ApiError:
            return _unknown()
        except SessionClosed:
            return see_other(identifier)
        if session["payment_status"] == "paid":
            return see_other(str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"]))
        # A relative address leads back here, with and without the gateway in front.
        return see_other(identifier)

    def _pay(self, session: Document, card: cards.Card | None, answer: str | None) -> None:
        if card is not None:
            self._book.use_card(session, card)
        slug = self._book.card_in_challenge(self._book.intent_of(session))
        asked = cards.find(slug) if slug else None
        if asked is not None and answer in ("pass", "fail"):
            self._book.answer_challenge(session, asked, answer == "pass")

    def _refused(self, identifier: str) -> Response:
        try:
            with self._database.transaction():
                session = self._book.session(identifier, None)
                name = self._book.name_of(session)
        except ApiError:
            return _unknown()
        if session["status"] != "open":
            return _closed(session)
        return as_html(_card_page(session, name, NOT_A_TEST_CARD), 400)


def _leave(session: Document) -> Response:
    if not session["cancel_url"]:
        return as_html(pages.page("Left", "<h1>You left the payment</h1>", narrow=True))
    return see_other(session["cancel_url"])


def _unknown() -> Response:
    text = '<h1>No such payment</h1><p class="soft">The link is wrong, or the sandbox was emptied.</p>'
    return as_html(pages.page("No such payment", text, narrow=True), 404)


def _closed(session: Document) -> Response:
    paid = session["payment_status"] == "paid"
    title = "This payment is complete" if paid else "This payment link has expired"
    back = session["success_url"] if paid else session["cancel_url"]
    link = escape(str(back or "").replace("{CHECKOUT_SESSION_ID}", session["id"]))
    content = f'<div class="card"><h1>{title}</h1><p class="soft">Nothing more can be paid here.</p>'
    content += f'<p><a href="{link}">Back to the shop</a></p></div>' if link else "</div>"
    return as_html(pages.page(title, content, narrow=True), 410)


def _summary(session: Document, name: str) -> str:
    return (
        '<div class="brand">Stripe-like checkout</div>'
        f'<p class="soft">{escape(name)}</p>'
        f'<div class="sum">{pages.amount(session["amount_total"], session["currency"])}</div>'
    )


def _choice(card: cards.Card) -> str:
    return (
        f'<button class="choice" name="card" value="{card.slug}"><code>{card.spaced}</code>'
        f"<span>{escape(card.explains)}</span></button>"
    )


def _card_page(session: Document, name: str, message: str) -> str:
    email = f'<p class="soft">Receipt to {escape(session["customer_email"])}</p>' if session["customer_email"] else ""
    first = "".join(_choice(card) for card in cards.CARDS[:FIRST_CARDS])
    more = "".join(_choice(card) for card in cards.CARDS[FIRST_CARDS:])
    content = f"""{_summary(session, name)}{email}{pages.notice(message)}
<form method="post" class="card" autocomplete="off">
<h1>Pay with a test card</h1><p class="soft">One click uses the card.</p>
{first}
<details><summary>More test cards</summary>{more}</details>
</form>
<form method="post" class="card" autocomplete="off">
<label for="number">Or type a published test number</label>
<div class="row"><input type="text" id="number" name="number" inputmode="numeric" autocomplete="off" maxlength="30"
placeholder="4242 4242 4242 4242"><button>Pay</button></div>
<p class="soft">Any other number is refused, and neither kept nor logged.</p>
</form>
<form method="post"><button class="plain" name="auth" value="abandon">Leave without paying</button></form>"""
    return pages.page("Pay by card", content, narrow=True)


def _challenge_page(session: Document) -> str:
    content = f"""{_summary(session, "3-D Secure")}
<form method="post" class="card"><h1>Your bank asks: is this you?</h1>
<p class="soft">A real bank would send you a code. Here you decide how it ends.</p>
<button class="main" name="auth" value="pass">Yes: authentication succeeds</button>
<button class="stack" name="auth" value="fail">No: authentication fails</button>
<button class="stack" name="auth" value="abandon">Walk away without an answer</button>
<button class="plain" name="again" value="1">Use another card</button></form>"""
    return pages.page("3-D Secure", content, narrow=True)

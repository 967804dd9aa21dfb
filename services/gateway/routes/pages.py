"""Pages for people: where links in mail lead, where a payment returns to, and what we promise."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from actiontrac import forbidden
from actiontrac.contracts import accounts, billing, notifications
from actiontrac.errors import FieldProblem, Invalid, ServiceError
from actiontrac.http import Ask, Exchange, Response, Route, by_handler, path
from actiontrac.http.headers import PUBLIC_PAGE
from actiontrac.http.problems import PathNotFound
from actiontrac.schemas import parse
from services.gateway import pages
from services.gateway.desk import Desk

FORM_LIMIT = 64 * 1024

_STATIC = Path(__file__).parent.parent / "static"

#: The page asks again by itself this often; then the buyer does.
MOST_REFRESHES = 20
REFRESH_SECONDS = 3

#: Where a payment stands, in words: heading, sentence, and whether to look again.
STATES: dict[str, tuple[str, str, bool]] = {
    "open": ("Not paid yet", "The payment page was left before the payment was made. Nothing was charged.", False),
    "processing": ("Your payment is on its way", "The provider is still working on it; this page looks again.", True),
    "unknown": (
        "Your payment is being checked",
        "The provider has not said yet how it ended; we keep asking, and you are charged once at most.",
        True,
    ),
    "paid": ("Paid: thank you", "Your year has begun. A receipt is on its way by mail.", False),
    "failed": ("The payment did not go through", "Nothing was charged. You can try again with a new checkout.", False),
    "canceled": ("The payment was canceled", "Nothing was charged.", False),
    "expired": ("This payment page has expired", "Nothing was charged. Start a new checkout to try again.", False),
    "refunded": ("This payment was refunded", "The money is on its way back to you.", False),
}


@cache
def _file(name: str) -> bytes:
    return (_STATIC / name).read_bytes()


def _static(name: str, content_type: str) -> Callable[[Exchange], Response]:
    def send(_: Exchange) -> Response:
        return Response(_file(name), content_type=content_type, policy=PUBLIC_PAGE)

    return send


def routes(desk: Desk) -> list[Route]:
    return [*_welcome(desk), *_unsubscribe(), *_links(), *_payments(), *_documents()]


def _welcome(desk: Desk) -> list[Route]:
    def welcome(_: Exchange) -> Response:
        return pages.show("welcome.html", policy=PUBLIC_PAGE, settings=desk.settings, about=desk.about)

    def security(_: Exchange) -> Response:
        return Response(pages.security_txt(desk.settings).encode(), content_type="text/plain; charset=utf-8")

    return [
        _page("GET", "/", "welcome", welcome),
        _page("GET", "/assets/site.css", "stylesheet", _static("site.css", "text/css; charset=utf-8")),
        _page("GET", "/assets/icon.svg", "icon", _static("icon.svg", "image/svg+xml")),
        _page("GET", "/favicon.ico", "favicon", _static("icon.svg", "image/svg+xml")),
        _page("GET", "/.well-known/security.txt", "security_txt", security),
    ]


def _page(method: Any, where: str, name: str, handler: Callable[[Exchange], Any], **options: Any) -> Route:
    return Route(method=method, path=where, name=name, summary=name, handler=handler, page=True, hidden=True, **options)


def _unsubscribe() -> list[Route]:
    def look(exchange: Exchange) -> Response:
        about: notifications.UnsubscribeView = exchange.ask(
            Ask("notifications", "show_unsubscribe", {"token": path("token")})
        )
        return pages.show("unsubscribe.html", about=about, done=False)

    def leave(exchange: Exchange) -> Response:
        form = pages.form_of(exchange.request.read(FORM_LIMIT))
        one_click = form.get("List-Unsubscribe") == "One-Click"
        question = Ask("notifications", "unsubscribe", {"token": path("token"), "one_click": lambda _: one_click})
        return pages.show("unsubscribe.html", about=exchange.ask(question), done=True)

    asked = {"token": path("token")}
    return [
        _page(
            "GET", "/unsubscribe/{token}", "show_unsubscribe", look,
            ask=Ask("notifications", "show_unsubscribe", asked),
        ),
        # Mail programs send this from anywhere, without cookie or token of ours (RFC 8058):
        # the link itself is the proof.
        _page(
            "POST", "/unsubscribe/{token}", "unsubscribe", leave, raw=True, rate="write",
            ask=Ask("notifications", "unsubscribe", {**asked, "one_click": by_handler}),
        ),
    ]  # fmt: skip


def _links() -> list[Route]:
    return [
        *_form_pages(
            "/verify-email", "verify-email.html", accounts.VerificationToken,
            Ask("accounts", "verify_email", {"token": lambda one: one.body["token"]}),
        ),
        *_form_pages(
            "/reset-password", "reset-password.html", accounts.PasswordReset,
            Ask("accounts", "reset_password", {"reset": lambda one: one.body}),
        ),
        *_form_pages(
            "/accept-invitation", "accept-invitation.html", accounts.InvitationAcceptance,
            Ask("accounts", "accept_invitation", {"acceptance": lambda one: one.body}), rate="registration",
        ),
    ]  # fmt: skip


def _form_pages(where: str, template: str, model: type[BaseModel], question: Ask, rate: str = "reset") -> list[Route]:
    """A page whose form is sent to the same address; looking at it changes nothing."""

    def look(exchange: Exchange) -> Response:
        token = pages.query_of(exchange.request).get("token", "")
        return pages.show(
            template, token=_repeatable({"token": token}).get("token", ""), sent={}, problems={}, message="", done=False
        )

    def send(exchange: Exchange) -> Response:
        form = pages.form_of(exchange.request.read(FORM_LIMIT))
        try:
            parse(model, form)
            exchange.body = form
            exchange.ask(question)
        except Invalid as error:
            return _again(template, form, error)
        return pages.show(template, token="", sent={}, problems={}, message="", done=True)

    name = where.strip("/").replace("-", "_")
    return [
        _page("GET", where, f"show_{name}_page", look),
        _page("POST", where, f"send_{name}_page", send, ask=question, rate=rate),
    ]


def _again(template: str, form: dict[str, str], error: ServiceError) -> Response:
    """The same form with what is wrong beside its fields; a password is typed anew."""
    sent = _repeatable(form)
    return pages.show(
        template,
        status=error.status,
        token=sent.get("token", ""),
        sent={name: value for name, value in sent.items() if name not in ("password", "new_password")},
        problems=_by_field(error.fields),
        message="" if error.fields else error.message,
        done=False,
    )


def _repeatable(form: dict[str, str]) -> dict[str, str]:
    """What a page may show again: a refusal never repeats what must not be here (S23)."""
    return {name: value for name, value in form.items() if not forbidden.find(value, field=name)}


def _by_field(problems: list[FieldProblem]) -> dict[str, str]:
    return {one["field"]: one["problem"] for one in problems}


def _payments() -> list[Route]:
    def come_back(exchange: Exchange) -> Response:
        provider = exchange.params["provider"]
        query = pages.query_of(exchange.request)
        checkout_id = query.get("checkout", "")
        if provider not in ("stripe", "paypal") or not pages.is_id(checkout_id):
            raise PathNotFound()
        found = exchange.service("billing").return_from_provider(provider=provider, checkout_id=checkout_id)
        heading, sentence, again = STATES.get(found["state"], STATES["unknown"])
        times = int(query["again"]) if query.get("again", "").isdecimal() and len(query["again"]) < 3 else 0
        refresh = f"?checkout={checkout_id}&again={times + 1}" if again and times < MOST_REFRESHES else ""
        return pages.show(
            "payment.html", heading=heading, sentence=sentence, state=found["state"], checkout_id=checkout_id,
            refresh=refresh, seconds=REFRESH_SECONDS, again=again,
        )  # fmt: skip

    def leave(exchange: Exchange) -> Response:
        return pages.show(
            "payment.html", heading="You left the payment page", state="left", refresh="", seconds=0, again=False,
            sentence="If you did not pay, nothing was charged, and the checkout ends by itself.",
            checkout_id=exchange.params["id"],
        )  # fmt: skip

    return [
        _page(
            "GET", "/billing/return/{provider}", "return_from_provider", come_back, critical=True,
            ask=Ask("billing", "return_from_provider", {"provider": path("provider"), "checkout_id": by_handler}),
            errors=(billing.CheckoutNotFound,),
        ),
        _page("GET", "/billing/cancel/{id}", "leave_payment", leave),
    ]  # fmt: skip


def _documents() -> list[Route]:
    def document(slug: str) -> Callable[[Exchange], Response]:
        def read(exchange: Exchange) -> Response:
            view: accounts.PolicyView = exchange.service("accounts").get_policy(slug=slug)
            return pages.show("document.html", policy=PUBLIC_PAGE, document=view, blocks=pages.blocks_of(view))

        return read

    def listed(slug: str) -> Ask:
        return Ask("accounts", "get_policy", {"slug": lambda _: slug})

    return [
        _page("GET", "/privacy", "read_privacy", document("privacy-policy"), ask=listed("privacy-policy")),
        _page("GET", "/terms", "read_terms", document("terms-of-service"), ask=listed("terms-of-service")),
    ]

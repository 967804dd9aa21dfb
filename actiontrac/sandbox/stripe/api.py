"""Stripe's HTTP interface, under ``/stripe/v1``."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from werkzeug.wrappers import Request, Response

from actiontrac.sandbox.database import Document, Objects
from actiontrac.sandbox.exchange import ApiError, Call, Effect, Exchange, Words
from actiontrac.sandbox.stripe import errors, forms, objects
from actiontrac.sandbox.stripe.accounts import StripeAccounts
from actiontrac.sandbox.stripe.book import StripeBook
from actiontrac.sandbox.stripe.contract import Contract
from actiontrac.sandbox.web import Handler, Rule, as_json
from actiontrac.sandbox.webhooks import Webhooks

LONGEST_KEY = 255

#: What a name in ``expand`` leads to.
EXPANDABLE = {"payment_intent": "payment_intent", "latest_charge": "charge", "charge": "charge"}

Work = Callable[["Asked"], Document]


class Asked:
    """One authorised request, decoded."""

    def __init__(self, parameters: Document, account: str, key: str | None, identifier: str) -> None:
        self.parameters = parameters
        self.account = account
        self.key = key
        self.identifier = identifier


def _failure(status: int) -> Document:
    kinds = {401: "invalid_request_error", 429: "invalid_request_error"}
    code = {"code": "rate_limit"} if status == 429 else {}
    return {"error": {"type": kinds.get(status, "api_error"), "message": "A failure was asked for.", **code}}


WORDS = Words(
    failure=_failure,
    in_use=lambda: errors.refuse(
        "There is currently another in-progress request using this Idempotency-Key.",
        status=409,
        kind="idempotency_error",
        code="idempotency_key_in_use",
        kept=False,
    ),
    reused=lambda key: errors.refuse(
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request.",
        kind="idempotency_error",
        kept=False,
    ),
)


class StripeApi:
    """Authorises, checks against the SDK's types, and hands on."""

    def __init__(
        self,
        secret_key: str,
        book: StripeBook,
        accounts: StripeAccounts,
        store: Objects,
        webhooks: Webhooks,
        exchange: Exchange,
    ) -> None:
        self._secret_key = secret_key
        self._book = book
        self._accounts = accounts
        self._store = store
        self._webhooks = webhooks
        self._exchange = exchange
        self._contract = Contract()

    def rules(self) -> Iterator[Rule]:
        for method, path, operation, work in self._table():
            yield Rule(f"/stripe/v1/{path}", self._handler(operation, work), method)

    def _table(self) -> list[tuple[str, str, str, Work]]:
        book = self._book
        return [
            (
                "POST",
                "checkout/sessions",
                "checkout.sessions.create",
                lambda asked: book.create_session(asked.parameters, asked.account, asked.key),
            ),
            ("GET", "checkout/sessions", "checkout.sessions.list", self._sessions),
            (
                "GET",
                "checkout/sessions/<identifier>",
                "checkout.sessions.retrieve",
                lambda asked: book.session(asked.identifier, asked.account),
            ),
            (
                "POST",
                "checkout/sessions/<identifier>/expire",
                "checkout.sessions.expire",
                lambda asked: book.expire(book.session(asked.identifier, asked.account), asked.key),
            ),
            (
                "GET",
                "payment_intents/<identifier>",
                "payment_intents.retrieve",
                lambda asked: self._found("payment_intent", asked),
            ),
            ("GET", "charges", "charges.list", lambda asked: self._listed("charge", "/v1/charges", asked)),
            ("GET", "charges/<identifier>", "charges.retrieve", lambda asked: self._found("charge", asked)),
            (
                "POST",
                "refunds",
                "refunds.create",
                lambda asked: book.refund(asked.parameters, asked.account, asked.key),
            ),
            ("GET", "refunds", "refunds.list", lambda asked: self._listed("refund", "/v1/refunds", asked)),
            ("GET", "refunds/<identifier>", "refunds.retrieve", lambda asked: self._found("refund", asked)),
            ("GET", "disputes", "disputes.list", lambda asked: self._listed("dispute", "/v1/disputes", asked)),
            ("GET", "disputes/<identifier>", "disputes.retrieve", lambda asked: self._found("dispute", asked)),
            ("GET", "events", "events.list", self._events),
            ("GET", "events/<identifier>", "events.retrieve", lambda asked: self._found("event", asked)),
            ("GET", "balance", "balance.retrieve", self._balance),
            ("POST", "accounts", "accounts.create", lambda asked: self._accounts.create(asked.parameters)),
            ("GET", "accounts/<identifier>", "accounts.retrieve", lambda asked: self._accounts.found(asked.identifier)),
            ("POST", "account_links", "account_links.create", lambda asked: self._accounts.link(asked.parameters)),
        ]

    def _handler(self, operation: str, work: Work) -> Handler:
        def handle(request: Request, identifier: str = "") -> Response:
            request_id = objects.new_id("req")
            headers = {"Request-Id": request_id, "Stripe-Version": objects.API_VERSION}
            try:
                call = self._call(request, operation, work, identifier, request_id)
                answer, replayed = self._exchange.run(request, call)
            except ApiError as refusal:
                return as_json(refusal.body, refusal.status, headers)
            if replayed:
                headers |= {"Idempotent-Replayed": "true", "Original-Request": answer.request_id}
            return Response(answer.body, answer.status, headers, mimetype="application/json")

        return handle

    def _call(self, request: Request, operation: str, work: Work, identifier: str, request_id: str) -> Call:
        self._authorise(request)
        _require_version(request)
        account = request.headers.get("Stripe-Account", "")
        if account and not re.fullmatch(r"acct_[A-Za-z0-9]+", account):
            raise errors.refuse(
                "The provided key does not have access to that account.", status=403, code="account_invalid", kept=False
            )
        owned = self._store.get("account", account) if account else None
        if owned is not None and not owned["charges_enabled"] and request.method == "POST":
            raise errors.refuse("Your account cannot currently make charges.", code="account_invalid", kept=False)
        writes = request.method == "POST"
        source = request.form if writes else request.args
        parameters = forms.decode(source.items(multi=True))
        key = request.headers.get("Idempotency-Key") if writes else None
        if key is not None and len(key) > LONGEST_KEY:
            raise errors.refuse("The idempotency key is too long.", kind="idempotency_error", kept=False)
        problem = self._contract.problem(operation, parameters)
        if problem is not None:
            raise errors.refuse(problem.sentence, code=problem.code, parameter=problem.parameter, kept=False)
        asked = Asked(parameters, account, key, identifier)
        return Call(
            operation=operation,
            work=lambda: Effect(200, self._expanded(work(asked), parameters.get("expand", []))),
            key=key,
            scope=f"stripe:{account}",
            fingerprint=_fingerprint(request, parameters),
            request_id=request_id,
        )

    def _authorise(self, request: Request) -> None:
        header = request.headers.get("Authorization", "")
        key = header.removeprefix("Bearer ")
        if header.startswith("Basic "):
            key = base64.b64decode(header.removeprefix("Basic ")).decode(errors="replace").split(":")[0]
        if not hmac.compare_digest(key.encode(), self._secret_key.encode()):
            raise errors.refuse("Invalid API Key provided", status=401, kept=False)

    def _expanded(self, found: Document, names: list[str]) -> Document:
        for name in names:
            head, _, rest = name.partition(".")
            if head == "data" and rest:
                found["data"] = [self._expanded(each, [rest]) for each in found["data"]]
                continue
            if head not in EXPANDABLE or head not in found:
                raise errors.refuse(f"This property cannot be expanded ({name}).", parameter="expand")
            inner = found[head]
            if isinstance(inner, str):
                inner = self._store.get(EXPANDABLE[head], inner)
            if inner is not None:
                found[head] = self._expanded(inner, [rest] if rest else [])
        return found

    def _found(self, kind: str, asked: Asked) -> Document:
        found = self._store.get(kind, asked.identifier, asked.account)
        if found is None:
            raise errors.missing(kind, asked.identifier)
        return found

    def _sessions(self, asked: Asked) -> Document:
        wanted = asked.parameters.get("payment_intent")
        rows = self._store.of("session", asked.account)
        return _list(asked, "/v1/checkout/sessions", [row for row in rows if wanted in (None, row["payment_intent"])])

    def _listed(self, kind: str, url: str, asked: Asked) -> Document:
        """Newest first; ``payment_intent``, ``created[gte]`` and ``[lte]`` narrow it."""
        wanted, (since, until) = asked.parameters.get("payment_intent"), _created(asked)
        rows = [row for row in self._store.of(kind, asked.account) if since <= row["created"] <= until]
        return _list(asked, url, [row for row in rows if wanted in (None, row["payment_intent"])])

    def _events(self, asked: Asked) -> Document:
        since, until = _created(asked)
        rows = [row for row in self._store.of("event", asked.account) if since <= row["created"] <= until]
        if "type" in asked.parameters:
            rows = [row for row in rows if row["type"] == asked.parameters["type"]]
        if "delivery_success" in asked.parameters:
            wanted = asked.parameters["delivery_success"] == "true"
            missing = self._webhooks.undelivered("stripe")
            rows = [row for row in rows if (row["id"] not in missing) == wanted]
        return _list(asked, "/v1/events", rows)

    def _balance(self, asked: Asked) -> Document:
        nothing = [{"amount": 0, "currency": "usd", "source_types": {"card": 0}}]
        return {"object": "balance", "available": nothing, "livemode": False, "pending": nothing}


def _created(asked: Asked) -> tuple[int, int]:
    """Between which seconds, both included, what is listed was made."""
    created: Any = asked.parameters.get("created", {})
    if not isinstance(created, dict):
        return int(created), int(created)
    return int(created.get("gte", 0)), int(created.get("lte", 2**53))


def _list(asked: Asked, url: str, rows: list[Document]) -> Document:
    limit = int(asked.parameters.get("limit", 10))
    after = asked.parameters.get("starting_after")
    identifiers = [row["id"] for row in rows]
    start = identifiers.index(after) + 1 if after in identifiers else 0
    return {
        "object": "list",
        "url": url,
        "has_more": len(rows) > start + limit,
        "data": rows[start : start + limit],
    }


def _require_version(request: Request) -> None:
    version = request.headers.get("Stripe-Version", objects.API_VERSION)
    if version != objects.API_VERSION:
        raise errors.refuse(f"Invalid Stripe API version: {version}", kept=False)


def _fingerprint(request: Request, parameters: Document) -> str:
    told = json.dumps([request.method, request.path, parameters], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()

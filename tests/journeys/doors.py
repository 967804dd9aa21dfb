"""Every door through which a text can come in, found from the OpenAPI document and the table of routes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import requests

from actiontrac.demo.client import Http
from actiontrac.forbidden.names import is_secret_name
from tests.journeys.document import Operation, Place, Schema, operations, text_places

#: What a door may answer: a refusal that says why, or (an address that names nothing) that there is no such thing.
REFUSED = 422
NOTHING_THERE = 404

Send = Callable[[str], requests.Response]

IMPORT_NAME = "import_workers"


@dataclass(frozen=True)
class Door:
    name: str
    send: Send
    #: The field that the refusal must name; None where there is no name that could be told.
    field: str | None
    status: int = REFUSED

    @property
    def secret(self) -> bool:
        """
        Whether what comes in here is chance, or a password that is only kept as a hash: then
        any digits may look like a number of nine of them, and only card numbers can be told.
        """
        return is_secret_name(self.name.rstrip("=").split()[-1])


def document_of(http: Http) -> Schema:
    found: Schema = http.json("GET", "/openapi.json")
    return found


def all_doors(url: str, callers: dict[str, str]) -> list[Door]:
    """``callers`` are the bearer tokens of an ``owner`` and of ``staff``."""
    doorways = _Doorways(url, callers)
    document = document_of(Http(url))
    found = [door for operation in operations(document) for door in doorways.of(operation, document)]
    return [*found, *doorways.files(), *doorways.forms()]


class _Doorways:
    def __init__(self, url: str, callers: dict[str, str]) -> None:
        self._url = url
        self._callers = callers
        self._session = requests.Session()

    def of(self, operation: Operation, document: Schema) -> Iterator[Door]:
        if operation.path.startswith("/webhooks/"):
            yield Door(f"{operation.operation_id} body", self._raw_body(operation), None, 400)
            return
        if not operation.path.startswith("/v1/"):
            return
        where = operation.operation_id
        example = document["paths"][operation.path][operation.method.lower()].get("requestBody", {})
        example = example.get("content", {}).get("application/json", {}).get("example", {})
        if operation.body is not None:
            for place in dict.fromkeys(text_places(operation.body)):
                yield self._body_door(operation, place, example)
            yield Door(f"{where} name of an unknown field", self._body(operation, Place(("{key}",)), {}), None)
        for parameter in operation.query:
            if _takes_text(parameter["schema"]):
                name = parameter["name"]
                yield Door(f"{where} ?{name}=", self._query(operation, name), name)
        yield Door(f"{where} name of an unknown parameter", self._query_name(operation), None)
        if operation.method != "GET":
            yield Door(f"{where} Idempotency-Key", self._key(operation, example), "Idempotency-Key")
        for name in operation.path_parameters:
            yield Door(f"{where} {{{name}}}", self._address(operation, name, example), None, NOTHING_THERE)

    def _body_door(self, operation: Operation, place: Place, example: Schema) -> Door:
        field: str | None = place.path
        if "{key}" in place.steps or "{}" in place.steps:
            field = None
        elif operation.operation_id == IMPORT_NAME and place.steps == ("text",):
            # The text is a file: its first line names columns.
            field = "column 1"
        return Door(f"{operation.operation_id} {'.'.join(place.steps)}", self._body(operation, place, example), field)

    def files(self) -> Iterator[Door]:
        """A file as the body itself: in a column's name."""
        for kind in ("text/csv", "text/csv; charset=utf-8"):

            def send(value: str, kind: str = kind) -> requests.Response:
                file = f'First name,Surname,"{value}"\nIda,Lund,x\n'
                return self._ask(
                    "POST", "/v1/worker-imports", "owner", data=file.encode(), headers={"Content-Type": kind}
                )

            yield Door(f"a column's name in {kind}", send, "column 3")

    def forms(self) -> Iterator[Door]:
        """The pages behind the links in mail, which no document names."""
        for page, fields in {
            "/verify-email": ("token",),
            "/reset-password": ("token", "new_password"),
            "/accept-invitation": ("token", "first_name", "last_name", "user_id", "password"),
        }.items():
            yield Door(f"the address of {page}, token", self._page(page), None, 200)
            for field in fields:

                def send(
                    value: str, page: str = page, field: str = field, fields: tuple[str, ...] = fields
                ) -> requests.Response:
                    form = {**dict.fromkeys(fields, "somebody-else-1"), field: value}
                    return self._ask("POST", page, "", data=form)

                yield Door(f"the form of {page}, {field}", send, None)

    def _page(self, page: str) -> Send:
        return lambda value: self._ask("GET", page, "", params={"token": value})

    def _ask(self, method: str, path: str, caller: str, **options: object) -> requests.Response:
        headers = dict(options.pop("headers", {}))  # type: ignore[call-overload]
        if caller:
            headers["Authorization"] = f"Bearer {self._callers[caller]}"
        return self._session.request(method, self._url + path, headers=headers, timeout=30, **options)  # type: ignore[arg-type]

    def _caller(self, operation: Operation) -> str:
        if not operation.signed_in:
            return ""
        return "staff" if operation.needs_staff else "owner"

    def _path(self, operation: Operation, **values: str) -> str:
        path = operation.path
        for name in operation.path_parameters:
            path = path.replace(f"{{{name}}}", values.get(name, "nothing"))
        return path

    def _headers(self, operation: Operation) -> dict[str, str]:
        return dict.fromkeys(operation.required_headers, "a-key-of-the-gauntlet")

    def _body(self, operation: Operation, place: Place, example: Schema) -> Send:
        return lambda value: self._ask(
            operation.method,
            self._path(operation),
            self._caller(operation),
            json=place.put(example, value),
            headers=self._headers(operation),
        )

    def _raw_body(self, operation: Operation) -> Send:
        return lambda value: self._ask(
            operation.method,
            operation.path,
            "",
            json={"id": "evt_1", "note": value},
            headers={"Stripe-Signature": value},
        )

    def _query(self, operation: Operation, name: str) -> Send:
        return lambda value: self._ask(
            operation.method, self._path(operation), self._caller(operation), params={name: value}
        )

    def _query_name(self, operation: Operation) -> Send:
        return lambda value: self._ask(
            operation.method,
            self._path(operation),
            self._caller(operation),
            params={value: "x"},
            headers=self._headers(operation),
        )

    def _key(self, operation: Operation, example: Schema) -> Send:
        return lambda value: self._ask(
            operation.method,
            self._path(operation),
            self._caller(operation),
            json=example,
            headers={"Idempotency-Key": value},
        )

    def _address(self, operation: Operation, name: str, example: Schema) -> Send:
        return lambda value: self._ask(
            operation.method,
            self._path(operation, **{name: "".join(c for c in value if c.isalnum() or c == "-")}),
            self._caller(operation),
            headers=self._headers(operation),
            **({"json": example} if operation.body is not None else {}),
        )


def _takes_text(schema: Schema) -> bool:
    return any(choice.get("type") == "string" for choice in [schema, *schema.get("anyOf", [])])

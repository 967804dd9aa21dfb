"""
The product's HTTP edge: a strict server, a table of routes and what follows from it.

No business word lives here; the gateway brings the routes and says who may come in.
"""

from actiontrac.http.exchange import Exchange, body, by_handler, company, field, parameter, path, query, session, user
from actiontrac.http.messages import HTML, Request, Response, as_json
from actiontrac.http.routes import PUBLIC, SIGNED_IN, Ask, Route, Table

__all__ = [
    "HTML",
    "PUBLIC",
    "SIGNED_IN",
    "Ask",
    "Exchange",
    "Request",
    "Response",
    "Route",
    "Table",
    "as_json",
    "body",
    "by_handler",
    "company",
    "field",
    "parameter",
    "path",
    "query",
    "session",
    "user",
]

"""
The only door to paypalrestsdk, which PayPal has retired.

Only its token and HTTP core is used, and every defect of it that was found is
closed here: no time-out, endless recursion on 401, a 400 that looks like success,
paths joined by regular expression, redirects, credentials in the debug log. To
replace the SDK means to replace this file.
"""

import json
import logging
import re
from typing import Any
from urllib.parse import urlencode

import paypalrestsdk
import requests
from paypalrestsdk import exceptions

from services.billing.providers import ProviderRefused, ProviderUnavailable
from services.billing.providers.wire import is_private, never_sent, patiently

#: INFO logs every address; DEBUG logs credentials.
logging.getLogger("paypalrestsdk").setLevel(logging.WARNING)

PATH = re.compile(r"/v[12](/[A-Za-z0-9-]+)+")


class PayPalRefusal(ProviderRefused):
    """PayPal's no: ``code`` is the issue, ``links`` what it offers instead, by relation."""

    def __init__(self, code: str, *, field: str | None = None, links: dict[str, str] | None = None) -> None:
        super().__init__(code, field=field)
        self.links = links or {}


class PayPalApi(paypalrestsdk.Api):
    """One per process: it caches the access token."""

    def __init__(self, endpoint: str, client_id: str, client_secret: str, timeout: tuple[float, float]) -> None:
        if endpoint.endswith("/"):
            # The SDK would double the path.
            raise ValueError("the endpoint must not end with a slash")
        # ``live`` is only the SDK's word for "do not log credentials"; the endpoint says where we are.
        super().__init__(mode="live", endpoint=endpoint, client_id=client_id, client_secret=client_secret)
        self._timeout = timeout
        if is_private(endpoint):
            # A proxy from the environment is for the internet, not for the sandbox beside us.
            self.proxies = {"http": None, "https": None}

    def http_call(self, url: str, method: str, **options: Any) -> Any:
        options.setdefault("timeout", self._timeout)
        options.setdefault("allow_redirects", False)
        return super().http_call(url, method, **options)

    def request(
        self,
        url: str,
        method: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        refresh_token: str | None = None,
    ) -> Any:
        """Closed: the SDK's own version recurses and swallows. ``ask`` is the way."""
        raise AssertionError("use ask")

    def ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        query: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """
        One call, repeated only while that is safe; bytes go out exactly as they are.

        Raises:
            PayPalRefusal: a definite no.
            ProviderUnavailable: no usable answer; unknown only where something may have happened.
        """
        if not PATH.fullmatch(path):
            raise ProviderRefused("bad_reference")
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        path = f"{path}?{urlencode(query)}" if query else path
        return patiently(lambda: self._ask_once(method, path, data, headers or {}))

    def _ask_once(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> dict[str, Any]:
        writes = method != "GET"
        try:
            return self._with_token(method, path, data, headers, writes)
        except exceptions.UnauthorizedAccess:
            # The token was taken back before its time; a second refusal is about the credentials.
            self.token_hash = None
        try:
            return self._with_token(method, path, data, headers, writes)
        except exceptions.UnauthorizedAccess as problem:
            raise PayPalRefusal("authentication") from problem

    def _with_token(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str], writes: bool
    ) -> dict[str, Any]:
        # The caller's headers must not reach the token call, which has a content type of its own.
        authorised = {**self._authorisation(), **headers}
        try:
            found = self.http_call(self.endpoint + path, method, data=data, headers=authorised)
        except exceptions.UnauthorizedAccess:
            raise
        except (requests.RequestException, exceptions.ConnectionError, ValueError) as problem:
            raise _translated(problem, writes) from problem
        if not isinstance(found, dict):
            raise ProviderUnavailable("PayPal answered in no known form.", outcome_unknown=writes)
        return found

    def _authorisation(self) -> dict[str, str]:
        try:
            return dict(self.headers())
        except exceptions.UnauthorizedAccess as problem:
            raise PayPalRefusal("authentication") from problem
        except (requests.RequestException, exceptions.ConnectionError, ValueError, KeyError) as problem:
            # Only the token was asked for, so nothing has happened.
            raise ProviderUnavailable("PayPal gave us no access token.", outcome_unknown=False) from problem


def _translated(problem: Exception, writes: bool) -> ProviderRefused | ProviderUnavailable:
    """
    Our error for the SDK's or the network's.

    All of the SDK's exceptions derive from its ConnectionError, whatever they mean.
    """
    if isinstance(problem, requests.RequestException):
        unknown = writes and not never_sent(problem)
        return ProviderUnavailable("PayPal could not be reached.", outcome_unknown=unknown)
    response = getattr(problem, "response", None)
    status = int(getattr(response, "status_code", 0) or 0)
    if status == 429:
        return ProviderUnavailable("PayPal asks us to slow down.", outcome_unknown=False)
    if status == 409 or not 400 <= status < 500:
        # Still being worked, failed, redirected or not JSON: nobody knows what happened.
        return ProviderUnavailable("PayPal failed to answer.", outcome_unknown=writes)
    return _refusal(getattr(problem, "content", "") or "", status)


def _refusal(content: str, status: int) -> PayPalRefusal:
    try:
        told = json.loads(content)
        details = (told.get("details") or [{}])[0]
        links = {link["rel"]: link["href"] for link in told.get("links", []) if "rel" in link and "href" in link}
        return PayPalRefusal(
            str(details.get("issue") or told.get("name") or status), field=details.get("field"), links=links
        )
    except (ValueError, AttributeError, TypeError, IndexError):
        return PayPalRefusal(str(status))

"""The gateway's own rules: cookies, cross-site requests, rates. Nothing here asks anybody."""

import hmac
import re
from urllib.parse import urlsplit

from actiontrac.http.limits import Rate

#: ``__Host-`` makes browsers refuse the cookie unless it is Secure, for this host only and
#: for every path. curl and Chromium keep Secure cookies of http://127.0.0.1 and
#: http://localhost too (both were tried), so the sandbox needs no weaker one.
COOKIE = "__Host-actiontrac"

_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict"

#: By address for strangers, by person for members. Generous: accounts slows guessing itself;
#: these only keep one asker from being everybody's load.
RATES: dict[str, Rate] = {
    "sign_in": Rate(per_minute=60, burst=60),
    "registration": Rate(per_minute=30, burst=60),
    "reset": Rate(per_minute=20, burst=30),
    "webhook": Rate(per_minute=12_000, burst=4_000),
    "read": Rate(per_minute=6_000, burst=1_500),
    "write": Rate(per_minute=1_800, burst=600),
    "sandbox": Rate(per_minute=60_000, burst=10_000),
}

#: The kinds of request that a stranger sends; their address is what is counted.
STRANGERS = frozenset(("sign_in", "registration", "reset", "webhook"))


def session_cookie(token: str) -> str:
    """Without Max-Age and Expires: it ends with the browser's session (S45, T11)."""
    return f"{COOKIE}={token}; {_ATTRIBUTES}"


def ended_cookie() -> str:
    return f"{COOKIE}=; Max-Age=0; {_ATTRIBUTES}"


def cookie_in(header: str) -> str | None:
    """The session's token in a Cookie header."""
    for pair in header.split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE:
            return value or None
    return None


def bearer_in(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def rates(option: str) -> dict[str, Rate] | None:
    """
    The rates for a setting: as they are, times a factor (``x10``), or none (``off``).

    Raises:
        ValueError: the setting is neither.
    """
    text = option.strip().lower()
    if text == "off":
        return None
    if text in ("", "on"):
        return RATES
    factor = float(text.removeprefix("x").removeprefix("×"))
    if factor <= 0:
        raise ValueError("a factor is above zero")
    return {name: rate.times(factor) for name, rate in RATES.items()}


def same_origin(origin: str, *, public_url: str, host: str, any_host: bool) -> bool:
    """
    Whether an Origin header names this site.

    With ``any_host`` (the sandbox) also under whichever name the browser reached it.
    """
    sent = urlsplit(origin)
    if not sent.scheme or not sent.netloc:
        return False
    public = urlsplit(public_url)
    if (sent.scheme, sent.netloc.lower()) == (public.scheme, public.netloc.lower()):
        return True
    return any_host and bool(host) and sent.netloc.lower() == host.lower()


def from_our_pages(headers: dict[str, str], *, public_url: str, any_host: bool) -> bool:
    """
    Whether nothing in the request says that another site made the browser send it.

    What browsers say with every request (Sec-Fetch-Site) and with every unsafe one
    (Origin); programs say neither.
    """
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    return same_origin(origin, public_url=public_url, host=headers.get("host", ""), any_host=any_host)


def same_token(expected: str, sent: str) -> bool:
    return bool(expected) and hmac.compare_digest(expected.encode(), sent.encode("utf-8", "replace"))


_BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/(\d+)"),
    ("Opera", r"OPR/(\d+)"),
    ("Samsung Internet", r"SamsungBrowser/(\d+)"),
    ("Firefox", r"(?:Firefox|FxiOS)/(\d+)"),
    ("Chrome", r"(?:Chrome|CriOS)/(\d+)"),
    ("Safari", r"Version/(\d+)[\d.]* (?:Mobile/\w+ )?Safari/"),
    ("curl", r"curl/(\d+)"),
    ("Python", r"[Pp]ython-(?:requests|urllib|httpx)/(\d+)"),
)
_COMPILED = tuple((name, re.compile(pattern)) for name, pattern in _BROWSERS)


def browser_of(user_agent: str) -> str:
    """Family and major version, nothing finer (S34): what a person recognises in the list of sessions."""
    for name, pattern in _COMPILED:
        found = pattern.search(user_agent[:500])
        if found is not None:
            return f"{name} {found[1][:4]}"
    return "Other"

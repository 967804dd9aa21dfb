"""
The headers that every answer carries, errors included (reliability.md, D5).

Two policies: what a program reads may load and embed nothing at all; a page may
load this site's own style sheet and send its own forms.
"""

from dataclasses import dataclass

#: Two years, as browsers' preload lists ask; ignored by browsers on plain http.
_STRICT_TRANSPORT = "max-age=63072000; includeSubDomains"

_COMMON = (
    ("Strict-Transport-Security", _STRICT_TRANSPORT),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)

_API_CONTENT = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_PAGE_CONTENT = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)


@dataclass(frozen=True)
class Policy:
    """A set of security headers, encoded once."""

    name: str
    encoded: tuple[tuple[bytes, bytes], ...]


def _policy(name: str, content: str | None, cache: str | None) -> Policy:
    fixed = list(_COMMON)
    if content is not None:
        fixed.append(("Content-Security-Policy", content))
    if cache is not None:
        fixed.append(("Cache-Control", cache))
    return Policy(name, tuple((name.encode("ascii"), value.encode("ascii")) for name, value in fixed))


#: Answers for programs; private, so never kept by anybody on the way.
API = _policy("api", _API_CONTENT, "no-store")
#: Pages for people.
PAGE = _policy("page", _PAGE_CONTENT, "no-store")
#: The same for everybody: documents, style sheets.
PUBLIC_PAGE = _policy("public page", _PAGE_CONTENT, "public, max-age=60")
PUBLIC_API = _policy("public api", _API_CONTENT, "public, max-age=60")
#: What another server answered and only passes through; it brings its own content policy.
PASSED_ON = _policy("passed on", None, None)

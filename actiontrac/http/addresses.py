"""
Where a request comes from, without keeping it.

An address becomes a token under a key that lives for one day in this process's memory:
good enough to count attempts by, useless to find out who it was (S36, T7).
"""

import hmac
import ipaddress
import secrets
from datetime import date

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """
    The networks that these addresses or CIDR ranges name.

    Raises:
        ValueError: one of them is neither.
    """
    return tuple(ipaddress.ip_network(text.strip(), strict=False) for text in texts if text.strip())


def _inside(address: str, trusted: tuple[Network, ...]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found.version == network.version and found in network for network in trusted)


def behind_proxies(peer: str, scheme: str, headers: dict[str, str], trusted: tuple[Network, ...]) -> tuple[str, str]:
    """
    The visitor's address and scheme.

    Only a trusted proxy is believed, and of its list only the last address that is
    not itself a trusted proxy: everything before it can be made up.
    """
    if not trusted or not _inside(peer, trusted):
        return peer, scheme
    forwarded = [part.strip() for part in headers.get("x-forwarded-for", "").split(",") if part.strip()]
    address = next((part for part in reversed(forwarded) if not _inside(part, trusted)), peer)
    said = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
    return address, said if said in ("http", "https") else scheme


def is_private(address: str) -> bool:
    """Whether an address belongs to this machine or its own network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return found.is_loopback or found.is_private


def _network_of(address: str) -> str:
    """A whole IPv6 /64 belongs to one household, so it counts as one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 6:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return address


class AddressTokens:
    """Tokens for addresses; the key is forgotten every day, and no address is kept."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._key = b""

    def token(self, address: str, today: date) -> str:
        if today != self._day:
            self._day, self._key = today, secrets.token_bytes(32)
        return hmac.digest(self._key, _network_of(address).encode(), "sha256").hex()[:32]

"""
Sealing personal data at rest: envelope encryption with a key per company (P34's ground).

Every company has a data key of its own in each service's database, wrapped by a
key that is not in the database. Whoever destroys the wrapped key makes everything
sealed under it unreadable, in backups too.
"""

import hashlib
import hmac
import os
from collections import OrderedDict
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
_KEY_BYTES = 32

#: Company keys that a process keeps open; a few hundred bytes each.
_MOST_UNWRAPPED = 10_000


class SealBroken(Exception):
    """Sealed data cannot be opened: another key, another row, or damage."""


class KeyProvider(Protocol):
    """Who holds the key that wraps the company keys: a file here, a KMS elsewhere."""

    def wrap(self, key: bytes, label: str) -> bytes: ...

    def unwrap(self, wrapped: bytes, label: str) -> bytes: ...

    def derive(self, purpose: str) -> bytes:
        """A key for one purpose, the same on every replica: tokens, blind indexes."""
        ...


def _encrypt(key: bytes, plain: bytes, label: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, label.encode())


def _decrypt(key: bytes, sealed: bytes, label: str) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], label.encode())
    except InvalidTag:
        raise SealBroken("sealed data cannot be opened with this key") from None


class LocalKeyProvider:
    """A master key from the settings; what small installations use."""

    def __init__(self, master_key_hex: str) -> None:
        self._master = bytes.fromhex(master_key_hex)
        if len(self._master) != _KEY_BYTES:
            raise ValueError("the master key is 64 hexadecimal digits")
        self._derived: dict[str, bytes] = {}
        # By what is wrapped: who destroys a wrapped key makes what is kept here unreachable, at once.
        self._unwrapped: OrderedDict[tuple[bytes, str], bytes] = OrderedDict()

    def wrap(self, key: bytes, label: str) -> bytes:
        return _encrypt(self.derive("wrap"), key, label)

    def unwrap(self, wrapped: bytes, label: str) -> bytes:
        place = (bytes(wrapped), label)
        found = self._unwrapped.get(place)
        if found is None:
            found = self._unwrapped[place] = _decrypt(self.derive("wrap"), wrapped, label)
            if len(self._unwrapped) > _MOST_UNWRAPPED:
                self._unwrapped.popitem(last=False)
        return found

    def derive(self, purpose: str) -> bytes:
        found = self._derived.get(purpose)
        if found is None:
            # Purposes are names in our own code: a handful.
            found = HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose.encode()).derive(self._master)
            self._derived[purpose] = found
        return found


def new_key() -> bytes:
    return os.urandom(_KEY_BYTES)


class Cipher:
    """Seals and opens the values of one company with its data key."""

    def __init__(self, key: bytes, company_id: str) -> None:
        self._key = key
        self._company_id = company_id

    def seal(self, value: str, place: str) -> bytes:
        """``place`` is table|column|row: a sealed value moved elsewhere does not open."""
        return _encrypt(self._key, value.encode(), f"{self._company_id}|{place}")

    def open(self, sealed: bytes, place: str) -> str:
        return _decrypt(self._key, sealed, f"{self._company_id}|{place}").decode()


class BlindIndex:
    """Finds a sealed value by equality without holding it: a keyed hash of its normal form."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, value: str, place: str) -> str:
        normal = f"{place}|{value.strip().casefold()}"
        return hmac.new(self._key, normal.encode(), hashlib.sha256).hexdigest()

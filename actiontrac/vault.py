"""
Sealing personal data at rest: envelope encryption with a key per company (P34's ground).

Every company has a data key of its own in each service's database, wrapped by a
key that is not in the database. Whoever destroys the wrapped key makes everything
sealed under it unreadable, in backups too.
"""

import hashlib
import hmac
import os
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
_KEY_BYTES = 32


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

    def wrap(self, key: bytes, label: str) -> bytes:
        return _encrypt(self.derive("wrap"), key, label)

    def unwrap(self, wrapped: bytes, label: str) -> bytes:
        return _decrypt(self.derive("wrap"), wrapped, label)

    def derive(self, purpose: str) -> bytes:
        return HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose.encode()).derive(self._master)


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

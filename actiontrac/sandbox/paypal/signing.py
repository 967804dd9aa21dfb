"""
PayPal's webhook signature and the call that verifies it.

The signature covers the CRC of the bytes that were sent. The verification compares
the bytes of the event as they stand in the verifying request, so a caller that
decodes and writes them again is refused, as users of the real service report.
"""

import base64
import binascii
import json
import re
import uuid
from datetime import timedelta
from typing import Any

from actiontrac import clock
from actiontrac.sandbox.database import Database

CERTIFICATE_PATH = "/paypal/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77"
COMMON_NAME = "messageverificationcerts.paypal.com"


class PayPalSigner:
    """Has one RSA key a sandbox, made when it is first needed and kept in its file."""

    def __init__(self, database: Database, webhook_id: str, internal_url: str) -> None:
        self._database = database
        self._webhook_id = webhook_id
        self._internal_url = internal_url
        self._loaded: Any = None

    def headers(self, body: bytes, delivery: int) -> dict[str, str]:
        moment = clock.iso(clock.now())
        transmission = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._webhook_id}/{delivery}"))
        signature = self._sign(self._message(transmission, moment, self._webhook_id, body))
        return {
            "Content-Type": "application/json",
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-TIME": moment,
            "PAYPAL-TRANSMISSION-SIG": base64.b64encode(signature).decode(),
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
            "PAYPAL-CERT-URL": f"{self._internal_url}{CERTIFICATE_PATH}",
            "PAYPAL-AUTH-VERSION": "v2",
            "User-Agent": "PayPal/AUHD-214.0-58843886",
        }

    def verify(self, raw_request: bytes) -> bool:
        """
        Whether the event inside was signed by us, for the webhook id that is named.

        Raises:
            ValueError: the request is not what the call takes.
        """
        told = json.loads(raw_request)
        event = _event_bytes(raw_request)
        if not isinstance(told, dict) or event is None or told.get("webhook_id") != self._webhook_id:
            return False
        try:
            signature = base64.b64decode(told["transmission_sig"], validate=True)
            message = self._message(told["transmission_id"], told["transmission_time"], told["webhook_id"], event)
        except KeyError as missing:
            raise ValueError(f"{missing.args[0]} is missing") from None
        except (binascii.Error, TypeError):
            return False
        return self._is_ours(signature, message)

    def certificate(self) -> str:
        """A PEM certificate with our public key, for those who look at the address in the header."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.x509.oid import NameOID

        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, COMMON_NAME)])
        made = x509.CertificateBuilder(
            subject_name=name,
            issuer_name=name,
            public_key=self._key().public_key(),
            serial_number=1,
            not_valid_before=clock.now() - timedelta(days=1),
            not_valid_after=clock.now() + timedelta(days=365),
        ).sign(self._key(), hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM).decode()

    def _message(self, transmission: str, moment: str, webhook_id: str, body: bytes) -> bytes:
        return f"{transmission}|{moment}|{webhook_id}|{binascii.crc32(body)}".encode()

    def _sign(self, message: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        return bytes(self._key().sign(message, padding.PKCS1v15(), hashes.SHA256()))

    def _is_ours(self, signature: bytes, message: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        try:
            self._key().public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    def _key(self) -> Any:
        """Imported and made here, because a start must not wait for either."""
        if self._loaded is None:
            from cryptography.hazmat.primitives import serialization
            from cryptography.hazmat.primitives.asymmetric import rsa

            found = self._database.row("SELECT value FROM made_once WHERE name = 'paypal_key'")
            if found is None:
                fresh = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
                pem = self._database.made_once("paypal_key", fresh.decode())
            else:
                pem = found["value"]
            self._loaded = serialization.load_pem_private_key(pem.encode(), None)
        return self._loaded


def _event_bytes(raw_request: bytes) -> bytes | None:
    """The event exactly as it stands in the request."""
    found = re.search(rb'"webhook_event"\s*:\s*', raw_request)
    if found is None:
        return None
    text = raw_request[found.end() :].decode()
    _, end = json.JSONDecoder().raw_decode(text)
    return text[:end].encode()

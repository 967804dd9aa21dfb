"""A gateway before fake services, in a process of its own."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.servers.ports import free_ports

ROOT = Path(__file__).resolve().parents[2]

OWNER = {"Authorization": "Bearer owner.x"}


class Gateway:
    """One running gateway and what its fake services were asked."""

    def __init__(self, home: Path, environment: dict[str, str], scheme: str = "http") -> None:
        self.home = home
        (self.port,) = free_ports(1)
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ACTIONTRAC_")},
            "ACTIONTRAC_HOME": str(home),
            "ACTIONTRAC_HTTP_PORT": str(self.port),
            "ACTIONTRAC_RATE_LIMITS": "off",
            "PYTHONWARNINGS": "ignore",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.home / "out").open("wb") as out, (self.home / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.gateway.host"], cwd=ROOT, env=self._environment, stdout=out, stderr=log
            )
        deadline = time.monotonic() + 30
        while b"ready" not in (self.home / "out").read_bytes():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.home / "log").read_text()[-3000:])
            time.sleep(0.05)

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(method, self.url + path, timeout=20, allow_redirects=False, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.request("POST", path, **options)

    def calls(self, method: str = "") -> list[dict[str, Any]]:
        """What the fake services were asked, in order."""
        path = self.home / "calls.jsonl"
        if not path.exists():
            return []
        found = [json.loads(line) for line in path.read_text().splitlines()]
        return [call for call in found if not method or call["method"] == method]

    def log(self) -> str:
        return (self.home / "log").read_text()

    def raw(self, sent: bytes, *, wait: float = 5) -> bytes:
        """Whatever comes back for these bytes until the gateway closes, or for a while."""
        with self.connection() as sock:
            sock.settimeout(wait)
            sock.sendall(sent)
            return read_all(sock)

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as sock:
            yield sock


def read_all(sock: socket.socket) -> bytes:
    found = b""
    try:
        while part := sock.recv(65536):
            found += part
    except (TimeoutError, ConnectionResetError):
        pass
    return found


Start = Callable[..., Gateway]


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Shared by the tests that leave it as it was."""
    started = Gateway(tmp_path_factory.mktemp("gateway"), {})
    started.start()
    yield started
    assert started.stop() == 0


@pytest.fixture
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """A gateway of the test's own, with settings of its own."""
    started: list[Gateway] = []

    def make(scheme: str = "http", **environment: str) -> Gateway:
        one = Gateway(tmp_path_factory.mktemp("gateway"), environment, scheme)
        one.start()
        started.append(one)
        return one

    yield make
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    import ipaddress
    from datetime import timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    from actiontrac import clock

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    assert ssl.create_default_context(cafile=str(folder / "certificate.pem"))
    return str(folder / "certificate.pem"), str(folder / "key.pem")

"""A product that is cut off at a named point and comes back, as often as a test wants."""

import time
from collections.abc import Callable
from pathlib import Path

import requests

from actiontrac.demo.client import WrongAnswer
from actiontrac.failpoints import EXIT_CODE
from tests.chaos.truth import Books, InDoubt, Truth
from tests.servers.servers import Servers
from tests.stack import NotReady, Product, embedded_product, full_product

#: Every status: the caller looks for himself.
ANY = tuple(range(100, 600))

#: A request whose process died is told for so long that it is still running (storage.LEASE_SECONDS).
KEY_LEASE = "61s"

PATIENCE_SECONDS = 60.0
READY_SECONDS = 120.0


class Lane:
    """One running product, the file that tells it where to end, and everybody who used it."""

    def __init__(self, product: Product, wish: Path) -> None:
        self.product = product
        self.truth = Truth(product)
        self.deaths = 0
        #: Mails that were being sent at a death; what becomes of them is written in docs/mail.
        self.in_doubt: list[InDoubt] = []
        #: Companies that have converged, and to what: it must be so for ever.
        self.settled: list[tuple[str, Books]] = []
        self._wish = wish
        self._fired = Path(f"{wish}.fired")
        self._noticed = True

    @classmethod
    def embedded(cls, home: Path) -> "Lane":
        wish = home / "failpoint"
        lane = cls(embedded_product(home, ACTIONTRAC_FAILPOINT=f"@{wish}"), wish)
        lane._start()
        return lane

    @classmethod
    def full(cls, home: Path, servers: Servers) -> "Lane":
        wish = home / "failpoint"
        lane = cls(full_product(home, servers, ACTIONTRAC_FAILPOINT=f"@{wish}"), wish)
        lane._start()
        return lane

    def _start(self) -> None:
        while True:
            try:
                self.product.start(wait=False)
                break
            except KeyError:
                # pytest renames the current test in the environment that was being copied.
                continue
        # Several start at once here, on a machine that may have other work.
        self.product.wait_ready(READY_SECONDS)

    def arm(self, point: str, process: str = "") -> None:
        """The next process that passes this point ends there; once."""
        self._fired.unlink(missing_ok=True)
        self._noticed = False
        beside = self._wish.with_suffix(".new")
        beside.write_text(f"{point} {process}")
        beside.rename(self._wish)

    def disarm(self) -> None:
        self._wish.unlink(missing_ok=True)

    @property
    def fired(self) -> bool:
        return self._fired.exists()

    def mend(self) -> None:
        """Start again what has ended; in the full mode the supervisor does."""
        if self.product.mode == "embedded" and not self.product.running:
            code = self.product.wait_ended(5)
            assert code == EXIT_CODE, f"it ended by itself with {code}\n{self.product.output()[-2000:]}"
            assert self.fired, "it was killed by somebody else"
            self._notice()
            self._start()
        elif self.product.mode == "full" and self.fired and not self._noticed:
            self._notice()

    def _notice(self) -> None:
        if not self._noticed:
            self._noticed = True
            self.deaths += 1
            self.in_doubt += self.truth.in_doubt()

    def advance(self, duration: str) -> None:
        try:
            self.product.advance(duration)
        except (requests.RequestException, WrongAnswer):
            self.mend()

    def insist(self, ask: Callable[[], requests.Response], wanted: tuple[int, ...]) -> requests.Response:
        """
        Send the same request again until it is answered, as a client does that lost the answer.

        Raises:
            AssertionError: another answer than the wanted ones, or none for a minute.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        said = "nothing"
        while time.monotonic() < deadline:
            try:
                answer = ask()
            except requests.RequestException as problem:
                said = type(problem).__name__
                time.sleep(0.05)
                self.mend()
                continue
            if answer.status_code in wanted:
                return answer
            said = f"{answer.status_code} {answer.text[:300]}"
            if answer.status_code == 409 and "idempotency_key_in_use" in answer.text:
                self.advance(KEY_LEASE)
            elif answer.status_code not in (503, 504):
                break
            time.sleep(0.2)
            self.mend()
        raise AssertionError(f"answered {said} instead of {wanted}")

    def wait_back(self) -> None:
        """Until all of it runs again; what has just broken a connection may only be about to end."""
        while True:
            self.mend()
            try:
                self.product.wait_ready(READY_SECONDS)
                return
            except NotReady:
                if self.product.running:
                    raise

    def stop(self) -> int:
        """The exit code."""
        return self.product.stop()

    def abandon(self) -> None:
        self.product.kill()

"""
One API call as both processors work it: failures on request, keys, effect, answer.

The order matters and is what the product's recovery is tested against: the key is
held before anything waits, the effect and the stored answer are one transaction,
and an answer is lost only after that transaction.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.wrappers import Request

from actiontrac.sandbox import faults
from actiontrac.sandbox.database import Database, Document
from actiontrac.sandbox.faults import FaultKind, Faults
from actiontrac.sandbox.idempotency import Answer, KeyInUse, KeyReused, Keys
from actiontrac.sandbox.web import hang_up


class ApiError(Exception):
    """An answer that is a refusal: everything the effect wrote is rolled back."""

    def __init__(self, status: int, body: Document, *, kept: bool = False) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.kept = kept


@dataclass(frozen=True)
class Effect:
    """What an effect answers; ``kept`` is whether the key remembers it."""

    status: int
    body: Document
    kept: bool = True


@dataclass(frozen=True)
class Call:
    """One request: what it wants, and the key that makes it happen once."""

    operation: str
    work: Callable[[], Effect]
    key: str | None = None
    scope: str = ""
    fingerprint: str = ""
    #: How long the processor remembers the key.
    key_seconds: float = 86400
    request_id: str = ""


@dataclass(frozen=True)
class Words:
    """How a processor says the things that have nothing to do with the call."""

    failure: Callable[[int], Document]
    in_use: Callable[[], ApiError]
    reused: Callable[[str], ApiError]


class Exchange:
    """The door of one processor."""

    def __init__(self, provider: str, database: Database, queue: Faults, keys: Keys, words: Words) -> None:
        self._provider = provider
        self._database = database
        self._faults = queue
        self._keys = keys
        self._words = words

    def run(self, request: Request, call: Call) -> tuple[Answer, bool]:
        """The answer, and whether it is a repeated one."""
        fault = self._faults.take(self._provider, call.operation)
        self._before(request, fault)
        answer, replayed = self._held(call, fault)
        if faults.is_one_of(fault, FaultKind.ERROR_AFTER):
            raise ApiError(500, self._words.failure(500))
        faults.wait(fault, FaultKind.TIMEOUT_AFTER)
        if faults.is_one_of(fault, FaultKind.RESET_AFTER):
            hang_up(request.environ)
        return answer, replayed

    def _before(self, request: Request, fault: faults.Fault | None) -> None:
        statuses = {FaultKind.ERROR_BEFORE: 500, FaultKind.UNAUTHORIZED: 401, FaultKind.RATE_LIMITED: 429}
        if fault is None:
            return
        if fault.kind is FaultKind.RESET_BEFORE:
            hang_up(request.environ)
            raise ApiError(500, self._words.failure(500))
        if fault.kind in statuses:
            raise ApiError(statuses[fault.kind], self._words.failure(statuses[fault.kind]))

    def _held(self, call: Call, fault: faults.Fault | None) -> tuple[Answer, bool]:
        if call.key is None:
            faults.wait(fault, FaultKind.LATE)
            return self._perform(call, fault), False
        try:
            with self._keys.hold(call.scope, call.key):
                known = self._keys.find(call.scope, call.key, call.fingerprint, call.key_seconds)
                faults.wait(fault, FaultKind.LATE)
                return (known, True) if known is not None else (self._perform(call, fault), False)
        except KeyInUse:
            raise self._words.in_use() from None
        except KeyReused:
            raise self._words.reused(call.key) from None

    def _perform(self, call: Call, fault: faults.Fault | None) -> Answer:
        try:
            if faults.is_one_of(fault, FaultKind.ERROR_KEPT):
                raise ApiError(500, self._words.failure(500), kept=True)
            with self._database.transaction():
                effect = call.work()
                answer = Answer(effect.status, json.dumps(effect.body, indent=1).encode(), call.request_id)
                if effect.kept:
                    self._remember(call, answer)
            return answer
        except ApiError as refusal:
            if refusal.kept:
                self._remember(call, Answer(refusal.status, json.dumps(refusal.body).encode(), call.request_id))
            raise

    def _remember(self, call: Call, answer: Answer) -> None:
        if call.key is not None:
            self._keys.store(call.scope, call.key, call.fingerprint, answer)

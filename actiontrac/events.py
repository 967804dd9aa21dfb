"""
Facts that a service tells the others: a class in the past tense each.

Events carry ids and figures, never personal fields; who needs more asks by RPC.
A reader ignores fields that it does not know, so that a newer sender does no harm;
a breaking change gets a new type ending in ``.v2``.
"""

import dataclasses
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import orjson

from actiontrac import clock
from actiontrac.ids import new_id

#: Ids of ours are shorter, and of letters, digits and underscores.
_PLAIN_ID = re.compile(r"[\w.\-]{1,64}", re.ASCII)


class MalformedEvent(Exception):
    """A message that is not the event it says it is."""


def is_plain_id(found: Any) -> bool:
    """Whether something can be an id: short, and of plain characters."""
    return isinstance(found, str) and _PLAIN_ID.fullmatch(found) is not None


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of every event; ``source`` and ``type`` are set by the class."""

    source: ClassVar[str] = ""
    type: ClassVar[str] = ""

    company_id: str = ""
    event_id: str = field(default_factory=lambda: new_id("evt"))
    occurred_at: str = field(default_factory=lambda: clock.iso(clock.now()))
    #: Which handler has it in hand; set on arrival, never sent.
    handler: str = field(default="", compare=False)

    _ENVELOPE: ClassVar[tuple[str, ...]] = ("company_id", "event_id", "occurred_at")

    def to_wire(self) -> str:
        """The event as JSON: an envelope, and the class's own fields under ``data``."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        fields.pop("handler")
        envelope = {name: fields.pop(name) for name in self._ENVELOPE}
        return orjson.dumps({**envelope, "type": self.type, "data": fields}).decode()

    @classmethod
    def from_wire(cls, body: bytes | str, *, handler: str = "") -> Self:
        """
        Read an event, ignoring fields that this release does not know.

        Raises:
            MalformedEvent: not JSON, another type, or a field is missing.
        """
        try:
            wire = orjson.loads(body)
            if wire["type"] != cls.type:
                raise MalformedEvent("another type")
            known = {f.name for f in dataclasses.fields(cls)} - {*cls._ENVELOPE, "handler"}
            own = {name: value for name, value in wire["data"].items() if name in known}
            envelope = {name: wire[name] for name in cls._ENVELOPE}
            if not is_plain_id(envelope["event_id"]):
                raise MalformedEvent("no plain event_id")
            if not isinstance(envelope["company_id"], str) or not isinstance(envelope["occurred_at"], str):
                raise MalformedEvent("no plain envelope")
            return cls(**own, **envelope, handler=handler)
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise MalformedEvent(type(problem).__name__) from problem


def events_of(module: Any) -> list[type[Event]]:
    """Every event that a contract module defines."""
    return [
        value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Event) and value.type
    ]

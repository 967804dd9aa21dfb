"""Events on the wire: what was sent by an earlier release is read, what is sent is what was promised."""

import dataclasses
import json
from pathlib import Path

import pytest

from actiontrac.events import Event, MalformedEvent
from tests.contracts.test_house_rules import all_events

GOLDEN = Path(__file__).parent / "golden"

#: A value of each type that events carry; figures and ids only.
SAMPLES = {"str": "text", "int": 7, "bool": True, "list[str]": ["one", "two"]}


def sample(event: type[Event]) -> Event:
    own = {
        field.name: SAMPLES.get(str(field.type), "text")
        for field in dataclasses.fields(event)
        if field.name not in (*Event._ENVELOPE, "handler")
    }
    return event(company_id="com_1", event_id="evt_1", occurred_at="2026-11-23T13:00:00Z", **own)


class TestGoldenEvents:
    @pytest.mark.parametrize("event", all_events(), ids=lambda event: event.type)
    def test_an_event_is_written_as_it_was_promised(self, event):
        # A change here is a change of the contract: add fields with a default, or a new type ending in .v2.
        golden = (GOLDEN / f"{event.type}.json").read_text()

        assert json.loads(sample(event).to_wire()) == json.loads(golden)

    @pytest.mark.parametrize("event", all_events(), ids=lambda event: event.type)
    def test_an_event_of_the_last_release_is_read(self, event):
        golden = (GOLDEN / f"{event.type}.json").read_text()

        assert event.from_wire(golden) == sample(event)

    @pytest.mark.parametrize("event", all_events(), ids=lambda event: event.type)
    def test_fields_of_a_newer_release_are_ignored(self, event):
        wire = json.loads(sample(event).to_wire())
        wire["data"]["from_the_future"] = 1
        wire["also_new"] = 2

        assert event.from_wire(json.dumps(wire)) == sample(event)

    def test_there_is_no_golden_event_that_nobody_sends(self):
        assert {path.stem for path in GOLDEN.glob("*.json")} == {event.type for event in all_events()}

    @pytest.mark.parametrize("body", ["", "[]", "null", "{}", '{"type": "x", "data": {}}', '{"data": 1}'])
    def test_what_is_no_event_is_called_malformed(self, body):
        for event in all_events():
            with pytest.raises(MalformedEvent):
                event.from_wire(body)

    def test_every_event_of_a_contract_has_its_own_type(self):
        types = [event.type for event in all_events()]

        assert len(types) == len(set(types))

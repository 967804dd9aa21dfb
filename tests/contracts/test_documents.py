"""Documents that are written from the code say what the code says."""

from actiontrac.commands import catalogue
from tests.contracts.test_house_rules import ROOT


def test_the_event_catalogue_is_up_to_date():
    # After a change of an event: actiontrac docs
    for name, text in catalogue.documents().items():
        assert (ROOT / "docs" / name).read_text() == text, name


def test_every_event_is_in_the_catalogue():
    document = catalogue.asyncapi()

    assert set(document["channels"]) == {event.type for event in catalogue.events()}
    for event in catalogue.events():
        schema = document["components"]["messages"][event.__name__]["payload"]["properties"]["data"]
        assert set(schema["properties"]) == {field.name for field in catalogue.own_fields(event)}

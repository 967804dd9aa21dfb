"""The guard names the field and never repeats the value (S23, S30)."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiontrac import forbidden
from actiontrac.errors import Invalid, from_wire
from actiontrac.forbidden import ForbiddenData, check

CARD = "4242 4242 4242 4242"
VALUES = {
    "card_number": "4242 4242 4242 4242",
    "social_security_number": "123-45-6789",
    "birth_date": "born 12/03/1984",
    "iban": "GB82 WEST 1234 5698 7654 32",
    "bank_account": "account no. 12345678",
    "national_id": "390.533.447-05",
}


def refusal(value: object, *arguments, **options) -> ForbiddenData:
    with pytest.raises(ForbiddenData) as caught:
        check(value, *arguments, **options)
    return caught.value


def fields(error: ForbiddenData) -> list[str]:
    return [problem["field"] for problem in error.fields]


def everything_said(error: ForbiddenData) -> str:
    return f"{error} {error.message} {error.args} {json.dumps(error.to_wire())} {error!r}"


class TestPaths:
    @pytest.mark.parametrize(
        ("value", "path"),
        [
            ({"worker": {"notes": CARD}}, "worker.notes"),
            ({"items": [{}, {}, {"tags": [CARD]}]}, "items[2].tags[0]"),
            ([{"a": 1}, {"a": CARD}], "body[1].a"),
            (CARD, "body"),
            ({"n": 4242424242424242}, "n"),
            ({"n": -4242424242424242}, "n"),
            ({"n": 4242424242424242.0}, "n"),
            ({"n": Decimal("4242424242424242")}, "n"),
            ({"t": ("x", CARD)}, "t[1]"),
            ({"b": CARD.encode()}, "b"),
        ],
    )
    def test_names_the_path(self, value, path):
        assert fields(refusal(value)) == [path]

    def test_begins_with_the_given_field(self):
        assert fields(refusal(CARD, "notes")) == ["notes"]
        assert fields(refusal({"notes": CARD}, "worker")) == ["worker.notes"]
        assert fields(refusal({"notes": CARD}, field="")) == ["notes"]

    def test_names_every_field_that_offends(self):
        error = refusal({"notes": CARD, "tags": ["fine", "SSN 123-45-6789"], "title": "fine"})
        assert fields(error) == ["notes", "tags[1]"]

    def test_names_the_parent_of_an_offending_field_name(self):
        error = refusal({"worker": {"custom": {CARD: "x"}}})
        assert fields(error) == ["a field name in worker.custom"]
        assert fields(refusal({CARD: "x"})) == ["a field name in body"]


def test_the_sentence_says_what_it_is_and_what_to_do():
    assert str(refusal(CARD, "notes")) == (
        "notes looks like it contains a card number. ActionTrac does not hold payment data; remove it and try again."
    )


def test_is_an_invalid_request_with_its_own_code_and_survives_the_bus():
    error = refusal(CARD, "notes")
    assert isinstance(error, Invalid)
    assert (error.code, error.status) == ("forbidden_data", 422)
    again = from_wire(error.to_wire())
    assert isinstance(again, ForbiddenData)
    assert (again.message, again.fields) == (error.message, error.fields)


class TestNeverEchoes:
    @pytest.mark.parametrize("kind", sorted(VALUES))
    @pytest.mark.parametrize("place", ["value", "key", "nested", "list", "field"])
    def test_no_refusal_repeats_the_value(self, kind, place):
        value = VALUES[kind]
        digits = "".join(char for char in value if char.isdigit())
        body, field = {
            "value": ({"notes": value}, "body"),
            "key": ({"custom": {value: "x"}}, "body"),
            "nested": ({"a": {value: {value: [value]}}}, "body"),
            "list": ([value], "body"),
            "field": (value, value),
        }[place]
        said = everything_said(refusal(body, field))
        assert value not in said
        assert digits not in "".join(char for char in said if char.isdigit())
        assert digits[-4:] not in said

    def test_a_path_that_is_part_of_the_value_is_left_out(self):
        assert fields(refusal({"4242": {"4242": {"4242": {"4242": CARD}}}})) == ["body"]
        assert fields(refusal({"6789": "123-45-6789"})) == ["body"]
        assert "1984" not in everything_said(refusal({"12/03/1984": "born 12/03/1984"}))

    def test_a_name_made_to_break_out_of_the_sentence_is_left_out(self):
        said = everything_said(refusal({"x\n2026 INFO <script>": CARD}))
        assert "script" not in said
        assert "\n" not in said

    @given(st.sampled_from(sorted(VALUES)), st.text(max_size=20), st.text("abc_.", max_size=12))
    def test_whatever_surrounds_it(self, kind, noise, name):
        digits = "".join(char for char in VALUES[kind] if char.isdigit())
        error = refusal({name or "a": f"{noise} | {VALUES[kind]} | x"})
        assert digits not in "".join(char for char in everything_said(error) if char.isdigit())


class TestForbiddenNames:
    @pytest.mark.parametrize(
        "body",
        [
            {"dob": "1984-03-12"},
            {"worker": {"ssn": 123456789}},
            {"card_number": "1"},
            {"iban": ["x"]},
            {"Birth Date": "yes"},
            {"cvv": 123},
        ],
    )
    def test_a_field_for_forbidden_data_is_refused_whatever_it_holds(self, body):
        assert "does not hold" in str(refusal(body))

    @pytest.mark.parametrize("empty", [None, "", "  ", [], {}, False])
    def test_an_empty_one_is_let_through(self, empty):
        check({"dob": empty})

    def test_the_checked_field_itself_may_have_such_a_name(self):
        assert fields(refusal("1984-03-12", "worker.date_of_birth")) == ["worker.date_of_birth"]


class TestLetsThrough:
    @pytest.mark.parametrize(
        "body",
        [
            None,
            True,
            0,
            42,
            1_700_000_000_000,
            3.14,
            0.4242424242424242,
            "",
            "hello",
            {"phone": "+4915112345678"},
            {"phone": "4915112345678"},
            {"hired_on": "2019-03-12", "amount_minor": 12000, "currency": "EUR", "kind": "card"},
            {"id": "wrk_01hx4242424242424242abcdef"},
            {"created_ms": 1700000000000, "trace": "550e8400-e29b-41d4-a716-446655440000"},
            float("nan"),
            float("inf"),
            Decimal("NaN"),
        ],
    )
    def test_ordinary_requests(self, body):
        check(body)

    def test_kinds_that_the_caller_allows(self):
        check({"reference": CARD}, allow={"card_number"})


def test_nesting_without_end_is_refused_and_does_not_exhaust_the_stack():
    body: object = CARD
    for _ in range(5_000):
        body = [body]
    assert "nested too deeply" in str(refusal(body))


def test_many_offences_are_named_up_to_twenty():
    assert len(refusal({f"field_{chr(97 + index)}": CARD for index in range(26)}).fields) == 20


class TestMask:
    def test_says_what_was_removed(self):
        assert forbidden.mask(f"pay {CARD} now") == "pay [removed: card number] now"
        assert (
            forbidden.mask("SSN 123-45-6789, born 12/03/1984")
            == "SSN [removed: social security number], born [removed: birth date]"
        )

    @given(
        st.lists(
            st.sampled_from([*VALUES.values(), "12", "word", "\u200b", "é", "2019-03-12", "account no."]), max_size=6
        )
    )
    def test_leaves_nothing_to_be_found(self, parts):
        assert forbidden.find(forbidden.mask(" , ".join(parts))) == []

    @given(st.text())
    def test_never_fails_and_positions_are_within_the_text(self, text):
        for finding in forbidden.find(text):
            assert 0 <= finding.start < finding.end <= len(text)
        forbidden.mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "1 " * 100_000,
        "1" * 200_000,
        "12-" * 60_000,
        "born " * 40_000,
        "born in a b c " * 15_000 + "12",
        "4242 " * 40_000,
        "DOB " + " " * 200_000 + "1",
        "GB82" * 40_000,
        "account no. " * 15_000 + "1",
        "a1" * 100_000,
        "né le " * 30_000 + "1",
        "1.2.3/4-" * 20_000,
        "ssn " * 30_000 + "123456",
    ],
    ids=lambda text: text[:12],
)
@pytest.mark.timeout(20)
def test_text_made_to_be_slow_is_not(text):
    forbidden.find(text)

"""Card numbers: found however they are written, and nothing else taken for one (S30, B03)."""

import re
import uuid

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum import luhn

from actiontrac import forbidden

PUBLISHED_TEST_NUMBERS = [
    "122000000000003",
    "38520000023237",
    "4242424242424242",
    "4000056655665556",
    "4111111111111111",
    "4012888888881881",
    "4222222222222",
    "5555555555554444",
    "5105105105105100",
    "2223003122003222",
    "2221000000000009",
    "2720999999999996",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "6011000990139424",
    "30569309025904",
    "36227206271667",
    "3566002020360505",
    "3530111333300000",
    "6200000000000005",
    "6205500000000000004",
    "6759649826438453",
    "6799990100000000019",
    "5019717010103742",
    "2200000000000053",
]

#: Everything that people, office programs and PDF files put between digits.
MARKS = [
    "",
    " ",
    "-",
    ".",
    "\u00a0",
    "\u2009",
    "\u202f",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u00ad",
    "\u2011",
    "\u2013",
    "\u2212",
    "\t",
    "\n",
    " - ",
]
DIGITS = [
    "0123456789",
    "０１２３４５６７８９",
    "٠١٢٣٤٥٦٧٨٩",
    "۰۱۲۳۴۵۶۷۸۹",
    "०१२३४५६७८९",
    "০১২৩৪৫৬৭৮৯",
    "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
    "⁰¹²³⁴⁵⁶⁷⁸⁹",
]
RANGES = [
    ("4", 16),
    ("4", 19),
    ("51", 16),
    ("2221", 16),
    ("2720", 16),
    ("37", 15),
    ("34", 15),
    ("6011", 16),
    ("62", 16),
    ("62", 18),
    ("62", 19),
    ("36", 14),
    ("3528", 16),
    ("6759", 16),
    ("6304", 19),
    ("5018", 13),
    ("2200", 16),
]


def kinds(text: str, **options) -> list[str]:
    return [finding.kind for finding in forbidden.find(text, **options)]


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    prefix, length = draw(st.sampled_from(RANGES))
    body = prefix + draw(st.text("0123456789", min_size=length - 1 - len(prefix), max_size=length - 1 - len(prefix)))
    return body + luhn.calc_check_digit(body)


@pytest.mark.parametrize("number", PUBLISHED_TEST_NUMBERS)
def test_finds_the_published_test_numbers(number):
    assert kinds(number) == ["card_number"]
    assert kinds(f"please charge {number}, thanks") == ["card_number"]


@given(card_numbers(), st.lists(st.sampled_from(MARKS), min_size=19, max_size=19), st.sampled_from(DIGITS))
def test_finds_a_card_with_any_marks_between_its_digits_and_digits_of_any_script(number, marks, script):
    written = "".join(script[int(digit)] + mark for digit, mark in zip(number, marks, strict=False)).rstrip()
    assume(not re.match(r"\w{1,3}\.\w{6}|.*\W\w{1,3}\.\w{6}", written))  # then it reads as a decimal fraction
    found = forbidden.find(f"note {written} end")
    assert [finding.kind for finding in found] == ["card_number"]
    assert found[0].start == 5


@given(card_numbers(), st.sampled_from([" ", "-", ".", "\u00a0", "\u2011"]))
def test_finds_a_card_written_in_fours_among_other_numbers(number, mark):
    written = (
        mark.join(number[index : index + 4] for index in range(0, len(number), 4)) if len(number) == 16 else number
    )
    assert "card_number" in kinds(f"2 boxes, 14:30, {written} exp 12/29, code 123")


@given(card_numbers(), st.integers(1, 9))
def test_never_takes_a_wrong_check_digit_for_a_card(number, offset):
    wrong = number[:-1] + str((int(number[-1]) + offset) % 10)
    assert "card_number" not in kinds(wrong)
    assert "card_number" not in kinds(f"order {wrong} shipped")


@given(st.integers(1_000_000_000_000, 1_999_999_999_999), st.sampled_from([1, 1_000, 1_000_000]))
def test_never_takes_a_timestamp_for_a_card(milliseconds, finer):
    assert kinds(str(milliseconds * finer)) == []
    assert kinds(f'{{"at": {milliseconds * finer}}}') == []


@given(st.uuids())
def test_never_takes_a_uuid_or_a_digest_for_a_card(identifier):
    assert kinds(str(identifier)) == []
    assert kinds(identifier.hex) == []
    assert kinds(f"see {identifier} and {uuid.uuid5(identifier, 'x')}") == []


def test_a_uuid_that_contains_a_card_number_is_still_a_uuid():
    assert kinds("550e8400-e29b-41d4-a424-242424242424") == []
    assert kinds("a4242424242424242" + "0" * 15) == []


def test_our_own_identifiers_are_never_cards():
    assert kinds("wrk_01hx4242424242424242abcdef") == []
    assert kinds("pi_3Mtw4242424242424242KrfA") == []
    assert kinds("wrk_4242424242424242") == ["card_number"]


@pytest.mark.parametrize(
    "text",
    [
        "+49 151 23456789012",
        "+4915123456789",
        "(+44) 20 7946 0958",
        "0044 20 7946 0958 33",
        "415-555-2671 415-555-2672",
        "42424242424242424242",
        "42424242424242424242424242424242",
        "0.4242424242424242",
        "357.6269734709404",
        "-66.9848114 92.6871747",
        "+44 20 1312 7364 / 523-4882 ext 579",
        "codes 6776 4361 1450 6872 4093",
        "24.12.2023 08.00 16.30",
        "30/03/2024 12/04/2024",
        "EAN 4006381333931",
        "ISBN 978-3-16-148410-0",
        "20240312083000123",
        "0000 0000 0000 0000",
        "192.168.100.200",
        "IMEI 490154203237518",
        "4242 4242 4242 4241",
        "4411 4412 4413 4414 4415 4416 4417 4418 4419",
    ],
)
def test_leaves_what_only_looks_like_a_card(text):
    assert "card_number" not in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "4242 4242 4242 4242 12/29 123",
        "4242 4242 4242 4242 1229 123",
        "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
        "42-42-42-42-42-42-42-42",
        "Visa4242424242424242",
        "x4242424242424242x",
        "No.4242424242424242",
        "4242/4242/4242/4242",
        "4242_4242_4242_4242",
        "4242\n4242\n4242\n4242",
        "3782 822463 10005",
        "4️⃣2️⃣4️⃣2️⃣4️⃣2️⃣4️⃣2️⃣4️⃣2️⃣4️⃣2️⃣4️⃣2️⃣4️⃣2️⃣",
        "①②".replace("①", "④").replace("②", "②") * 8,
        "room 12 4242424242424242",
        '{"n":4242424242424242}',
    ],
)
def test_finds_a_card_in_every_disguise(text):
    assert kinds(text) == ["card_number"]


def test_finds_every_way_of_writing_one_number_in_one_line():
    assert kinds("4012888888881881 4012-8888-8888-1881 4012 8888 8888 1881") == ["card_number"] * 3


def test_finds_two_cards_beside_each_other():
    assert kinds("4242 4242 4242 4242 5555 5555 5555 4444") == ["card_number", "card_number"]


class TestTelephoneFields:
    def test_a_field_for_telephone_numbers_may_hold_any_telephone_number(self):
        assert kinds("4915112345678", field="worker.phone") == []
        assert kinds("4222222222222", field="mobile_number") == []
        assert kinds("+4222222222222") == []

    @pytest.mark.parametrize(
        "number", ["4242424242424242", "+4242424242424242", "378282246310005", "5555 5555 5555 4444"]
    )
    def test_a_card_in_a_field_for_telephone_numbers_is_a_card(self, number):
        assert kinds(number, field="phone") == ["card_number"]


def test_a_secret_is_looked_at_for_cards_only():
    assert kinds("x12345678Z 12345678Z", field="password") == []
    assert kinds("my4242424242424242", field="password") == ["card_number"]


def test_kinds_can_be_let_through():
    assert kinds("4242424242424242", allow={"card_number"}) == []

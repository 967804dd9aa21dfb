"""Card numbers in bodies, logs and files (B03)."""

import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiontrac.forbidden import find_in_bytes

CARD = "4242424242424242"


@pytest.mark.parametrize(
    "raw",
    [
        CARD.encode(),
        b'{"n": 4242424242424242}',
        b"number=4242+4242+4242+4242&x=1",
        quote("4242 4242 4242 4242").encode(),
        quote_plus("4242-4242-4242-4242").encode(),
        "４２４２４２４２４２４２４２４２".encode(),
        json.dumps("４２４２４２４２４２４２４２４２").encode(),
        json.dumps("4242\u200b4242\u200b4242\u200b4242").encode(),
        b"\x00\xff\xfe" + CARD.encode() + b"\xff\x80",
        b"".join(b"%%%02x" % byte for byte in CARD.encode()),
        b"<card>5555-5555-5555-4444</card>",
        b"name,card\nAnn,378282246310005\n",
    ],
)
def test_finds_a_card_in_any_encoding_of_a_body(raw):
    assert [finding.kind for finding in find_in_bytes(raw)] == ["card_number"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        b'{"at": 1700000000000, "id": "550e8400-e29b-41d4-a716-446655440000"}',
        b"+4915112345678",
        b"4242424242424241",
        b'{"amount": 0.4242424242424242}',
        bytes(range(256)) * 8,
        b"424242\xff4242\xff424242",
    ],
)
def test_leaves_every_other_body(raw):
    assert find_in_bytes(raw) == []


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_positions_are_bytes_of_the_body(before, after):
    raw = before + b" x " + CARD.encode() + b" y " + after
    assert CARD.encode() in [raw[finding.start : finding.end] for finding in find_in_bytes(raw)]


def test_any_issuer_can_be_asked_for():
    unknown = b"9999999999999995"
    assert find_in_bytes(unknown) == []
    assert find_in_bytes(unknown, known_issuers=False)

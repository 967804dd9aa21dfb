"""Opting out by reply: a labelled corpus, and what is cut away before a reply is read (N05)."""

from collections import Counter

import pytest

from services.notifications import inbound, replies, wishes
from tests.notifications.replies_corpus import Labelled, corpus, mail

OURS = "no-reply@actiontrac.example"


def said(one: Labelled) -> str:
    """What the product would do with a reply to a mail of ours."""
    read = inbound.read(one.raw, own_address=OURS)
    if read.kind != "person":
        return "machine"
    asked = wishes.asked_in(read.text, subject=read.subject, sender=read.sender)
    if asked.opts_out:
        return "stop" if asked.ticket is None else f"stop and {asked.ticket}"
    assert asked.ticket is not None
    return asked.ticket


@pytest.fixture(scope="module")
def judged() -> list[tuple[Labelled, str]]:
    return [(one, said(one)) for one in corpus("0" * 42)]


def test_the_corpus_is_large_and_of_every_kind(judged: list[tuple[Labelled, str]]) -> None:
    labels = Counter(one.label for one, _ in judged)

    assert sum(labels.values()) >= 300
    assert labels["stop"] >= 300
    assert labels["machine"] >= 100
    assert min(labels.values()) >= 15


def test_nothing_that_a_machine_wrote_counts(judged: list[tuple[Labelled, str]]) -> None:
    assert [one.name for one, got in judged if one.label == "machine" and got != "machine"] == []


def test_clear_requests_are_recognised(judged: list[tuple[Labelled, str]]) -> None:
    clear = [(one.name, got) for one, got in judged if one.label == "stop"]
    missed = [(name, got) for name, got in clear if got != "stop"]

    assert len(missed) <= 0.02 * len(clear), missed


def test_nobody_is_switched_off_who_did_not_clearly_ask(judged: list[tuple[Labelled, str]]) -> None:
    assert [(one.name, got) for one, got in judged if one.label != "stop" and got.split()[0] == "stop"] == []


def test_other_requests_are_told_apart(judged: list[tuple[Labelled, str]]) -> None:
    kinds = ("cancel", "stop_use", "access", "opt_out", "other")

    assert [(one.name, got) for one, got in judged if one.label in kinds and got != one.label] == []


def test_people_are_not_taken_for_machines(judged: list[tuple[Labelled, str]]) -> None:
    assert [one.name for one, got in judged if one.label != "machine" and got == "machine"] == []


def test_two_wishes_are_two() -> None:
    asked = wishes.asked_in("Please cancel our account and stop sending me emails.")

    assert (asked.opts_out, asked.ticket) == (True, "cancel")


def test_a_subject_of_their_own_counts_where_the_text_is_empty() -> None:
    assert wishes.asked_in("", subject="Unsubscribe").opts_out
    assert not wishes.asked_in("", subject="Re: How to unsubscribe from anything").opts_out


def test_a_long_text_is_read_by_a_person() -> None:
    assert not wishes.asked_in("Please unsubscribe me. " + "There is more to say about it. " * 20).opts_out


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"From: \r\nSubject: =?utf-8?b?////?=\r\n\r\nSTOP",
        b"From: a@b.example\r\nContent-Type: multipart/mixed\r\n\r\nno boundary",
        b"From: a@b.example\r\nContent-Type: text/plain; charset=klingon\r\n\r\nSTOP",
        b"From: a@b.example\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        b"From: " + b"a" * 5000 + b"\r\nMessage-ID: <<<>>>\r\n\r\nhello",
        b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n" + b"<div>" * 3000 + b"STOP",
    ],
)
def test_a_broken_mail_does_no_harm(raw: bytes) -> None:
    read = inbound.read(raw, own_address=OURS)

    wishes.asked_in(read.text, subject=read.subject, sender=read.sender)


def test_hostile_texts_do_not_take_long() -> None:
    import time

    began = time.process_time()
    for text in ("on " * 6000 + "wrote", "a <b@c " * 3000, "ne " * 6000, "(" * 20000, "remove me from " * 1300):
        wishes.asked_in(replies.fresh(text))
        inbound.read(mail(text), own_address=OURS)

    assert time.process_time() - began < 4


def test_our_own_mail_that_comes_back_is_a_loop() -> None:
    ours = mail("STOP", sender=f"ActionTrac <{OURS}>")
    forwarded = mail("STOP", headers=(("Feedback-ID", "receipt:plan_status:actiontrac"),))
    circling = mail("STOP", headers=tuple(("Received", f"from a by b; {hop}") for hop in range(60)))

    assert {inbound.read(raw, own_address=OURS).kind for raw in (ours, forwarded, circling)} == {"loop"}

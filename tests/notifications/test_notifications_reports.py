"""Bounces and complaints that come in, and the list of suppressed addresses (N08, N09)."""

from email.message import EmailMessage
from typing import Any

import pytest

from actiontrac.contracts import notifications as contract
from actiontrac.errors import Invalid
from actiontrac.forbidden import ForbiddenData
from actiontrac.testing import as_principal
from tests.notifications.world import ACME, OLIVE, World

DSN = """\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example>
To: no-reply@actiontrac.example
Subject: Undelivered Mail Returned to Sender
Message-ID: <{chance}@mx.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind}; boundary="b"

--b
Content-Type: text/plain

This is the mail system. STOP.

--b
Content-Type: {part}

{fields}

--b
Content-Type: {original}

From: ActionTrac <no-reply@actiontrac.example>
Message-ID: {message_id}
Subject: A webinar

unsubscribe
--b--
"""


def bounce(sent: EmailMessage, *, action: str = "failed", status: str = "5.1.1", **options: Any) -> bytes:
    fields = (
        f"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; x@acme.example\nAction: {action}\nStatus: {status}"
    )
    return _report(sent, "delivery-status", "message/delivery-status", fields, **options)


def complaint(sent: EmailMessage, kind: str = "abuse") -> bytes:
    fields = f"Feedback-Type: {kind}\nUser-Agent: SomeGenerator/1.0\nVersion: 1"
    return _report(sent, "feedback-report", "message/feedback-report", fields)


def _report(
    sent: EmailMessage, kind: str, part: str, fields: str, *, original: str = "message/rfc822", message_id: str = ""
) -> bytes:
    return DSN.format(
        kind=kind,
        part=part,
        fields=fields,
        original=original,
        message_id=message_id or sent["Message-ID"],
        chance=abs(hash((fields, str(sent["Message-ID"])))),
    ).encode()


def promotion(world: World, name: str = "Winter") -> EmailMessage:
    world.registered(promotions=True)
    world.campaign(name=name)
    world.service.queue_campaigns()
    return world.hand_over()[0]


def suppressed(world: World) -> list[str]:
    return [one["reason"] for one in world.service.list_suppressions()["items"]]


def wants(world: World, category: str) -> bool:
    with world.service.store(ACME) as store:
        found: bool = store.wants(OLIVE, category)
        return found


class TestBounces:
    @pytest.mark.parametrize("original", ["message/rfc822", "text/rfc822-headers"])
    def test_a_hard_bounce_suppresses_the_address(self, world: World, original: str) -> None:
        sent = promotion(world)

        assert world.comes_in(bounce(sent, original=original)) == "report"
        assert suppressed(world) == ["hard_bounce"]
        assert [(one.state, one.reason) for one in world.messages()] == [("failed", "bounced_5.1.1")]

    def test_transactional_mail_counts_too_and_security_mail_still_goes_out(self, world: World) -> None:
        world.paid()
        world.comes_in(bounce(world.hand_over()[0]))
        world.paid("chk_2")
        world.security_mail()

        assert suppressed(world) == ["hard_bounce"]
        assert [str(one["Subject"]) for one in world.hand_over()] == ["Choose a new password"]

    @pytest.mark.parametrize(("action", "status"), [("failed", "5.2.2"), ("failed", "5.7.1"), ("delayed", "4.4.1")])
    def test_soft_bounces_are_counted_once_a_mail(self, world: World, action: str, status: str) -> None:
        for number in range(4):
            sent = promotion(world, f"Mail {number}")
            for _ in range(2):
                world.comes_in(bounce(sent, action=action, status=status))
        assert suppressed(world) == []

        world.comes_in(bounce(promotion(world, "The fifth"), action=action, status=status))
        assert suppressed(world) == ["soft_bounces"]

    def test_a_report_about_nothing_of_ours_does_nothing(self, world: World) -> None:
        sent = promotion(world)
        forged = "<msg_01jd8m3x2kabcdefghjkmnpqrs@actiontrac.example>"

        assert world.comes_in(bounce(sent, message_id=forged)) == "ignored"
        assert world.comes_in(bounce(sent, message_id="<somebody@else.example>")) == "ignored"
        assert world.comes_in(bounce(sent, action="delivered", status="2.0.0")) == "ignored"
        assert suppressed(world) == []
        assert wants(world, "promotions")


class TestComplaints:
    def test_a_complaint_opts_out_of_all_advertising_at_once(self, world: World) -> None:
        sent = promotion(world)
        world.campaign(name="Spring")
        world.service.queue_campaigns()

        assert world.comes_in(complaint(sent)) == "report"
        assert not wants(world, "promotions")
        assert ("promotions", False, "complaint", "2016-11-12") in world.consents()
        assert world.hand_over() == []
        assert suppressed(world) == []

    def test_a_complaint_about_a_receipt_counts_and_receipts_go_on(self, world: World) -> None:
        world.registered(promotions=True)
        world.paid()
        world.comes_in(complaint(world.hand_over()[0]))

        assert (wants(world, "promotions"), wants(world, "plan_status")) == (False, True)

    def test_that_it_is_no_spam_is_no_complaint(self, world: World) -> None:
        assert world.comes_in(complaint(promotion(world), "not-spam")) == "ignored"
        assert wants(world, "promotions")


class TestTheList:
    def test_is_changed_by_hand_with_a_reason(self, world: World) -> None:
        as_principal("", "staff", user_id="staff")
        change = {"address": "Eve@Elsewhere.example", "reason": "Asked on the phone"}
        world.service.add_suppression(suppression=change)
        world.service.add_suppression(suppression=change)
        search = {"address": "eve@elsewhere.example"}

        found = world.service.find_suppression(search=search)
        assert found["suppression"]["reason"] == "manual"
        assert [(one["change"], one["changed_by"]) for one in found["changes"]] == [("added", "staff")]
        world.service.remove_suppression(suppression={**search, "reason": "Mended"})
        assert world.service.find_suppression(search=search)["suppression"] is None
        with pytest.raises(contract.SuppressionNotFound):
            world.service.remove_suppression(suppression={**search, "reason": "Mended"})

    def test_holds_and_shows_no_address(self, world: World) -> None:
        world.service.add_suppression(suppression={"address": "eve@elsewhere.example", "reason": "x"})

        assert "eve" not in str(world.service.list_suppressions())

    def test_goes_on_page_by_page(self, world: World) -> None:
        for number in range(3):
            world.service.add_suppression(suppression={"address": f"eve{number}@elsewhere.example", "reason": "x"})

        first = world.service.list_suppressions(limit=2, reason="manual")
        rest = world.service.list_suppressions(limit=2, cursor=first["next_cursor"])
        assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)
        with pytest.raises(Invalid):
            world.service.list_suppressions(cursor="nothing")

    def test_refuses_forbidden_data_and_unknown_addresses(self, world: World) -> None:
        with pytest.raises(ForbiddenData):
            world.service.add_suppression(
                suppression={"address": "eve@elsewhere.example", "reason": "card 4111 1111 1111 1111"}
            )
        with pytest.raises(contract.SuppressionNotFound):
            world.service.find_suppression(search={"address": "nobody@elsewhere.example"})

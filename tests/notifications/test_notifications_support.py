"""Mail that comes in: the signed door, opting out by reply, tickets and their answers (N05, N19)."""

import base64
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import select, text

from actiontrac import clock
from actiontrac.contracts import notifications as contract
from actiontrac.errors import Invalid
from actiontrac.forbidden import ForbiddenData
from actiontrac.testing import as_principal, as_request
from services.notifications.models import InboundMail, Ticket
from services.notifications.signing import message_of, reply_token, signature_of
from tests.notifications.replies_corpus import mail
from tests.notifications.world import ACME, OLIVE, World

CARD = "4111 1111 1111 1111"


def campaign_mail(world: World) -> EmailMessage:
    """A promotion that Olive agreed to, as it reached her."""
    world.registered(promotions=True)
    world.campaign()
    world.service.queue_campaigns()
    return world.hand_over()[0]


def answer(sent: EmailMessage, text: str, **options: Any) -> bytes:
    return mail(text, to=str(sent["Reply-To"]), **options)


def tickets(world: World, **query: Any) -> list[contract.TicketView]:
    as_principal("", "staff")
    found: list[contract.TicketView] = world.service.list_support_tickets(**query)["items"]
    return found


def decide(world: World, ticket_id: str, **decision: Any) -> contract.TicketThreadView:
    as_request()
    view: contract.TicketThreadView = world.service.answer_support_ticket(ticket_id=ticket_id, answer=decision)
    return view


def wants(world: World, category: str) -> bool:
    with world.service.store(ACME) as store:
        found: bool = store.wants(OLIVE, category)
        return found


class TestTheDoor:
    def test_refuses_what_is_not_signed(self, world: World) -> None:
        raw = mail("STOP")
        encoded = base64.b64encode(raw).decode()
        now = int(clock.machine_now().timestamp())
        key = world.settings.secret("INBOUND_KEY")
        for signature in (
            "",
            "t=1,v1=00",
            signature_of(raw, "another key", now),
            signature_of(raw + b" ", key, now),
            signature_of(raw, key, now - 400),
            signature_of(raw, key, now).replace(f"t={now}", f"t={now - 1}"),
        ):
            with pytest.raises(contract.MailSignatureRefused):
                world.service.receive_mail(signature=signature, raw=encoded)

        assert tickets(world) == []

    def test_takes_nothing_in_without_a_key(self, home: Any) -> None:
        world = World(home)
        world.settings.secrets.pop("INBOUND_KEY")  # type: ignore[attr-defined]
        raw = mail("STOP")

        with pytest.raises(contract.MailSignatureRefused):
            signature = signature_of(raw, "", int(clock.machine_now().timestamp()))
            world.service.receive_mail(signature=signature, raw=base64.b64encode(raw).decode())

    def test_refuses_what_is_too_large(self, world: World) -> None:
        with pytest.raises(contract.MailTooLarge):
            world.comes_in(b"Subject: x\r\n\r\n" + b"a" * (2 * 1024 * 1024))

    def test_takes_the_same_mail_once(self, world: World) -> None:
        raw = mail("How do I import workers?", subject="A question")

        assert [world.comes_in(raw), world.comes_in(b"Received: again\r\n" + raw)] == ["ticket", "duplicate"]
        assert len(tickets(world)) == 1


class TestReplyTokens:
    def test_every_mail_that_can_be_switched_off_carries_one(self, world: World) -> None:
        sent = campaign_mail(world)
        world.security_mail("password_changed")
        security = world.hand_over()[0]

        assert str(sent["Reply-To"]).startswith("reply+")
        assert len(str(sent["Reply-To"]).partition("@")[0]) <= 64
        assert str(security["Reply-To"]) == "support@actiontrac.example"

    def test_a_forged_token_names_nothing(self) -> None:
        token = reply_token("msg_01jd8m3x2kabcdefghjkmnpqrs", b"key")

        assert message_of(token.upper(), b"key") == "msg_01jd8m3x2kabcdefghjkmnpqrs"
        assert message_of(token, b"other key") is None
        assert message_of(token[:-1] + "0", b"key") is None or token.endswith("0")
        assert message_of("x", b"key") is None


class TestOptingOutByReply:
    def test_a_clear_wish_is_carried_out_and_confirmed_once(self, world: World) -> None:
        sent = campaign_mail(world)

        assert world.comes_in(answer(sent, "Please unsubscribe me.")) == "opted_out"
        assert world.comes_in(answer(sent, "Stop now!")) == "opted_out"
        confirmations = world.hand_over()

        assert not wants(world, "promotions")
        assert ("promotions", False, "reply", "2016-11-12") in world.consents()
        assert [str(one["Subject"]) for one in confirmations] == ["You get no more mail of this kind"]
        assert "Promotions and webinars" in confirmations[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert confirmations[0]["List-Unsubscribe"] is None

    def test_a_machine_that_answers_the_confirmation_starts_nothing(self, world: World) -> None:
        sent = campaign_mail(world)
        world.comes_in(answer(sent, "STOP"))
        confirmation = world.hand_over()[0]

        vacation = answer(confirmation, "I am out of the office. STOP", subject="Automatic reply")
        assert world.comes_in(vacation) == "ignored"
        assert world.hand_over() == []

    def test_a_reply_to_a_receipt_stops_promotions_and_that_kind(self, world: World) -> None:
        world.registered(promotions=True)
        world.paid()
        receipt = world.hand_over()[0]

        world.comes_in(answer(receipt, "Abmelden"))

        assert (wants(world, "plan_status"), wants(world, "promotions")) == (False, False)

    def test_security_mail_goes_on(self, world: World) -> None:
        world.comes_in(answer(campaign_mail(world), "STOP"))
        world.hand_over()
        world.security_mail()

        assert [str(one["Subject"]) for one in world.hand_over()] == ["Choose a new password"]

    def test_what_is_queued_is_not_sent_after_it(self, world: World) -> None:
        sent = campaign_mail(world)
        world.campaign(name="Spring")
        world.service.queue_campaigns()
        world.comes_in(answer(sent, "No more of these emails please"))

        assert [str(one["Subject"]) for one in world.hand_over()] == ["You get no more mail of this kind"]

    @pytest.mark.parametrize(
        "headers", [(("Auto-Submitted", "auto-replied"),), (("Return-Path", "<>"),), (("Precedence", "bulk"),)]
    )
    def test_auto_replies_and_bounces_never_count(self, world: World, headers: Any) -> None:
        sent = campaign_mail(world)

        assert world.comes_in(answer(sent, "STOP", headers=headers)) == "ignored"
        assert wants(world, "promotions")

    def test_without_a_token_a_person_decides(self, world: World) -> None:
        world.registered(promotions=True)

        assert world.comes_in(mail("Please unsubscribe me", to="support@actiontrac.example")) == "ticket"
        assert wants(world, "promotions")
        assert [(one["kind"], one["certain"]) for one in tickets(world)] == [("opt_out", False)]


class TestTickets:
    def test_an_unclear_reply_waits_for_a_person_for_a_day(self, world: World) -> None:
        sent = campaign_mail(world)
        world.comes_in(answer(sent, "How do I unsubscribe?"))

        ticket = tickets(world)[0]
        assert (ticket["kind"], ticket["certain"], ticket["user_id"]) == ("opt_out", True, OLIVE)
        assert clock.parse(ticket["due_at"]) - clock.parse(ticket["created_at"]) == timedelta(days=1)
        assert not ticket["overdue"]
        clock.advance(86_500)
        assert tickets(world)[0]["overdue"]

    @pytest.mark.parametrize(
        ("said", "kind"),
        [
            ("Please cancel our account.", "cancel"),
            ("Stop using my information.", "stop_use"),
            ("What data do you hold about me?", "access"),
            ("Do you have a plan for 500 people?", "other"),
        ],
    )
    def test_requests_are_recognised(self, world: World, said: str, kind: str) -> None:
        world.comes_in(mail(said, subject="Hello", to="support@actiontrac.example"))

        assert [one["kind"] for one in tickets(world)] == [kind]
        assert tickets(world, kind=kind, state="closed") == []

    def test_a_person_confirms_an_opt_out(self, world: World) -> None:
        sent = campaign_mail(world)
        world.comes_in(answer(sent, "How do I unsubscribe?"))
        ticket = tickets(world)[0]

        closed = decide(world, ticket["id"], opt_out=True, kind="opt_out")

        assert closed["state"] == "closed"
        assert not wants(world, "promotions")
        assert ("promotions", False, "support", "2016-11-12") in world.consents()
        assert [str(one["Subject"]) for one in world.hand_over()] == ["You get no more mail of this kind"]

    def test_a_stranger_is_opted_out_by_address(self, world: World) -> None:
        world.comes_in(mail("unsubscribe", sender="eve@elsewhere.example", to="support@actiontrac.example"))
        decide(world, tickets(world)[0]["id"], opt_out=True)

        with world.service.store.across_companies() as store:
            assert store.is_suppressed("Eve@elsewhere.example")

    def test_an_answer_is_mailed_in_the_thread_and_the_reply_to_it_comes_back(self, world: World) -> None:
        world.comes_in(mail("How do I import workers?", subject="RE: A question", to="support@actiontrac.example"))
        ticket = tickets(world)[0]
        decide(world, ticket["id"], text="Under “Workers”, “Import”.\n\nTell us if it fails.")
        sent = world.hand_over()[0]

        assert sent["To"] == "olive@acme.example"
        assert sent["Subject"] == "Re: A question"
        assert sent["In-Reply-To"].endswith("@acme.example>")
        assert "Tell us if it fails." in sent.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert tickets(world) == []

        world.comes_in(answer(sent, "It fails in line 3."))
        assert [one["id"] for one in tickets(world)] == [ticket["id"]]
        thread = world.service.get_support_ticket(ticket_id=ticket["id"])
        assert [one["direction"] for one in thread["entries"]] == ["in", "out", "in"]

    def test_an_answer_goes_out_once_however_often_it_is_asked_for(self, world: World) -> None:
        world.comes_in(mail("Hello?", to="support@actiontrac.example"))
        ticket = tickets(world)[0]
        from actiontrac.storage import Replayed

        as_request(key="k-1")
        world.service.answer_support_ticket(ticket_id=ticket["id"], answer={"text": "Hello!"})
        as_request(key="k-1")
        with pytest.raises(Replayed):
            world.service.answer_support_ticket(ticket_id=ticket["id"], answer={"text": "Hello!"})

        assert len(world.hand_over()) == 1

    def test_forbidden_data_is_masked_before_it_is_stored(self, world: World) -> None:
        raw = mail(f"My card is {CARD}, please charge it.", subject=f"Card {CARD}", to="support@actiontrac.example")
        world.comes_in(raw)

        thread = world.service.get_support_ticket(ticket_id=tickets(world)[0]["id"])
        assert CARD not in thread["subject"] + thread["entries"][0]["text"]
        assert "please charge it" in thread["entries"][0]["text"]

    def test_forbidden_data_is_not_mailed_either(self, world: World) -> None:
        world.comes_in(mail("Hello?", to="support@actiontrac.example"))

        with pytest.raises(ForbiddenData):
            decide(world, tickets(world)[0]["id"], text=f"We charged {CARD}.")
        assert world.hand_over() == []

    def test_what_people_write_is_sealed(self, world: World) -> None:
        world.comes_in(mail("My dog is called Rex.", subject="About Rex", to="support@actiontrac.example"))

        with world.service.store.across_companies() as store:
            for table in ("support_tickets", "support_entries", "inbound_mails", "messages"):
                stored = store.session.execute(text(f"SELECT * FROM {table}")).all()
                assert not any(word in str(row) for row in stored for word in ("Rex", "olive@")), table

    def test_closed_tickets_are_forgotten_after_90_days_and_open_ones_are_not(self, world: World) -> None:
        world.comes_in(mail("First?", to="support@actiontrac.example"))
        decide(world, tickets(world)[0]["id"], text="Yes.")
        world.hand_over()
        world.comes_in(mail("Second?", to="support@actiontrac.example"))
        clock.advance(91 * 86_400)
        world.service.forget_old_messages()

        with world.service.store.across_companies() as store:
            assert [one.state for one in store.session.scalars(select(Ticket))] == ["open"]
            assert list(store.session.scalars(select(InboundMail))) == []

    def test_attachments_are_counted_and_not_kept(self, world: World) -> None:
        message = EmailMessage()
        message["From"], message["Subject"] = "olive@acme.example", "A picture"
        message.set_content("See the picture.")
        message.add_attachment(b"GIF89a", maintype="image", subtype="gif", filename="a.gif")
        world.comes_in(message.as_bytes())

        thread = world.service.get_support_ticket(ticket_id=tickets(world)[0]["id"])
        assert (thread["entries"][0]["text"], thread["entries"][0]["attachments"]) == ("See the picture.", 1)

    def test_a_list_goes_on_page_by_page(self, world: World) -> None:
        for number in range(3):
            world.comes_in(mail(f"Question {number}?", to="support@actiontrac.example"))

        first = world.service.list_support_tickets(limit=2)
        rest = world.service.list_support_tickets(limit=2, cursor=first["next_cursor"])
        assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)

    def test_refuses_what_names_nothing(self, world: World) -> None:
        for ticket_id in ("tkt_nothing", "nothing", "tkt_\x00"):
            with pytest.raises(contract.TicketNotFound):
                world.service.get_support_ticket(ticket_id=ticket_id)
        with pytest.raises(Invalid):
            world.service.list_support_tickets(cursor="'; DROP")

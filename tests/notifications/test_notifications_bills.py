"""Mail to the clients of companies that sell: once each, to an address that nobody here keeps."""

import pytest

from actiontrac import clock
from actiontrac.contracts import billing
from services.notifications.models import Base
from tests.notifications.world import ACME

BILL = {"company_id": ACME, "bill_id": "bil_1", "bill_number": "BILL-000042", "amount_minor": 12000, "currency": "USD"}


def issued(**more):
    return billing.BillIssued(**{**BILL, "due_on": "2026-12-23", **more})


def paid():
    return billing.BillPaid(**BILL, checkout_id="chk_1", method="card")


def refunded(**more):
    return billing.BillRefunded(**{**BILL, "refund_id": "ref_1", "credit_note": "CN-000001", "whole": True, **more})


class TestTellingTheClient:
    @pytest.mark.parametrize(
        ("event", "subject"),
        [
            (issued(), "Bill BILL-000042 from Acme Tools: $120.00"),
            (
                billing.BillOverdue(**BILL, due_on="2026-12-23"),
                "Reminder: bill BILL-000042 from Acme Tools, $120.00",
            ),
            (paid(), "Receipt: bill BILL-000042 from Acme Tools, $120.00"),
            (refunded(), "Refund of $120.00 from Acme Tools"),
        ],
        ids=["bill", "reminder", "receipt", "refund"],
    )
    def test_each_step_is_one_mail_with_the_link_and_nothing_to_opt_out_of(self, world, event, subject):
        arrived = world.happens(event)
        world.happens(arrived)
        world.service.hand_over()

        [mail] = world.transport.mails
        text = mail.get_body(("plain",)).get_content()
        assert (mail["To"], mail["Subject"]) == ("clara@client.example", subject)
        assert "http://127.0.0.1:8000/pay/the-token" in text
        assert "Clara Finch" in text
        assert mail["List-Unsubscribe"] is None

    def test_a_payment_that_went_back_by_itself_says_why(self, world):
        world.happens(refunded(credit_note="", cause="already_paid"))
        world.service.hand_over()

        text = " ".join(world.transport.mails[0].get_body(("plain",)).get_content().split())
        assert "had been paid already or was withdrawn" in text

    def test_of_a_lost_dispute_the_bank_tells(self, world):
        world.happens(refunded(cause="dispute_lost"))

        assert world.messages() == []

    @pytest.mark.parametrize("state", ["paid", "void"])
    def test_a_bill_that_is_closed_meanwhile_is_not_sent(self, world, state):
        world.happens(issued())
        world.billing.state = state
        world.service.hand_over()

        assert world.transport.taken == []
        assert [message.reason for message in world.messages()] == ["no_longer_needed"]

    def test_an_address_that_bounced_gets_nothing(self, world):
        with world.service.store.across_companies() as store:
            store.suppress("clara@client.example", "hard_bounce")
        world.happens(paid())
        world.service.hand_over()

        assert world.transport.taken == []
        assert [message.reason for message in world.messages()] == ["address_suppressed"]

    def test_whoever_has_gone_gets_nothing(self, world):
        world.happens(issued(bill_id="bil_gone"))
        world.service.hand_over()

        assert [message.reason for message in world.messages()] == ["recipient_gone"]

    def test_while_billing_is_away_other_mail_goes_on_and_this_one_comes_later(self, world):
        world.billing.away = True
        world.happens(issued())
        world.paid("chk_1")
        world.service.hand_over()
        assert world.transport.subjects == ["Receipt 2026-000042: $480.00"]

        world.billing.away = False
        clock.advance(60)
        world.service.hand_over()
        assert "Bill BILL-000042 from Acme Tools: $120.00" in world.transport.subjects

    def test_nothing_of_the_client_is_kept(self, world):
        world.happens(issued())
        world.service.hand_over()
        with world.service.store.across_companies() as store:
            kept = [
                str(value)
                for table in Base.metadata.sorted_tables
                for row in store.session.execute(table.select())
                for value in row
            ]

        assert kept
        assert not [value for value in kept if "clara" in value.lower() or "the-token" in value]

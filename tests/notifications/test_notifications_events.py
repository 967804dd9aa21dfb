"""What happens becomes mail: once each, to the right people, and nothing personal is kept."""

import pytest

from actiontrac import clock
from actiontrac.contracts import accounts, billing
from services.notifications.models import Base
from tests.notifications.world import ACME, OLIVE


def activated(*, first=True):
    return billing.SubscriptionActivated(
        company_id=ACME,
        subscription_id="sub_1",
        checkout_id="chk_1",
        plan="team",
        worker_limit=50,
        starts_on="2026-11-23",
        ends_on="2027-11-22",
        first=first,
    )


class TestPlanStatus:
    def test_welcomes_a_company_to_its_first_year(self, world):
        world.happens(activated())
        world.service.hand_over()

        [mail] = world.transport.mails
        assert mail["Subject"] == "Welcome to ActionTrac: your year has begun"
        assert "November 22, 2027" in mail.get_body(("plain",)).get_content()

    def test_does_not_welcome_to_a_second_year(self, world):
        world.happens(activated(first=False))

        assert world.messages() == []

    def test_writes_a_receipt_for_every_payment(self, world):
        world.paid("chk_1")
        world.paid("chk_2")
        world.service.hand_over()

        assert world.transport.subjects == ["Receipt 2026-000042: $480.00"] * 2

    def test_writes_one_receipt_however_often_the_event_arrives(self, world):
        event = world.paid()
        world.happens(event)
        world.service.hand_over()

        assert len(world.transport.taken) == 1

    def test_writes_one_receipt_when_two_events_tell_of_the_same_payment(self, world):
        world.paid("chk_1")
        world.paid("chk_1")

        assert len(world.messages()) == 1

    def test_tells_of_a_refund(self, world):
        world.happens(
            billing.PaymentRefunded(
                company_id=ACME,
                refund_id="rfd_1",
                checkout_id="chk_1",
                invoice_number="2026-000042",
                amount_minor=1050,
                currency="EUR",
                whole=False,
            )
        )
        world.service.hand_over()

        [mail] = world.transport.mails
        assert mail["Subject"] == "Refund of €10.50"
        assert "a part of the amount" in " ".join(mail.get_body(("plain",)).get_content().split())

    @pytest.mark.parametrize(
        ("cause", "why"),
        [
            ("already_paid", "because this year had been paid already"),
            ("not_authenticated", "because the processor could not confirm that it was you who paid"),
        ],
    )
    def test_says_why_money_went_back_by_itself_before_there_was_an_invoice(self, world, cause, why):
        world.happens(
            billing.PaymentRefunded(
                company_id=ACME,
                refund_id="rfd_1",
                checkout_id="chk_1",
                invoice_number="",
                amount_minor=48000,
                currency="USD",
                whole=True,
                cause=cause,
            )
        )
        world.service.hand_over()

        text = " ".join(world.transport.mails[0].get_body(("plain",)).get_content().split())
        assert why in text
        assert "Invoice" not in text

    @pytest.mark.parametrize(
        ("level", "subject"),
        [
            ("80", "You use 41 of 50 workers in your plan"),
            ("100", "All 50 workers of your plan are in use"),
            ("over", "You manage more workers than your plan allows"),
            ("blocked", "No more workers can be added to your plan"),
        ],
    )
    def test_warns_of_a_plan_that_fills_up_and_of_one_that_is_full(self, world, level, subject):
        world.happens(billing.UsageWarned(company_id=ACME, level=level, managed=41, worker_limit=50, plan="team"))
        world.service.hand_over()

        assert world.transport.subjects == [subject]

    @pytest.mark.parametrize(
        ("level", "text"),
        [
            ("over", "more workers can be added until February 14, 2027"),
            ("blocked", "The days for more than that are up."),
        ],
    )
    def test_says_until_when_more_can_be_added(self, world, level, text):
        warned = {"managed": 53, "worker_limit": 50, "plan": "team", "grace_ends_on": "2027-02-14"}
        world.happens(billing.UsageWarned(company_id=ACME, level=level, **warned))
        world.service.hand_over()

        [mail] = world.transport.mails
        assert text in " ".join(mail.get_body(("plain",)).get_content().split())

    def test_warns_again_when_the_same_level_is_reached_anew(self, world):
        for _ in range(2):
            world.happens(billing.UsageWarned(company_id=ACME, level="80", managed=41, worker_limit=50, plan="team"))

        assert len(world.messages()) == 2

    @pytest.mark.parametrize(
        ("direction", "text"), [("up", "Business is the right plan"), ("down", "it costs $1,320.00 less a year")]
    )
    def test_suggests_a_better_plan(self, world, direction, text):
        world.happens(
            billing.PlanAdvised(
                company_id=ACME,
                direction=direction,
                current_plan="team",
                advised_plan="business",
                managed=60,
                worker_limit=250,
                saving_minor=132000,
                currency="USD",
            )
        )
        world.service.hand_over()

        [mail] = world.transport.mails
        assert text in " ".join(mail.get_body(("plain",)).get_content().split())

    def test_writes_to_owners_and_to_those_who_pay_and_to_nobody_else(self, world):
        world.people.add("usr_bill", ACME, role="billing")
        world.people.add("usr_vera", ACME, role="viewer")
        world.people.add("usr_rival", "com_rival", role="owner")
        world.paid()

        assert {message.recipient_id for message in world.messages()} == {OLIVE, "usr_bill"}


class TestSecurityMail:
    @pytest.mark.parametrize(
        "kind",
        ["verify_email", "already_registered", "user_id_taken", "reset_password", "password_changed", "invitation"],
    )
    def test_sends_each_kind(self, world, kind):
        world.security_mail(kind)
        world.service.hand_over()

        [mail] = world.transport.mails
        assert mail["List-Unsubscribe"] is None

    def test_makes_the_secret_link_at_hand_over_and_keeps_it_nowhere(self, world, tmp_path, capfd):
        world.security_mail("reset_password")
        world.service.hand_over()

        [mail] = world.transport.mails
        assert "reset_password?token=sub_1.secret" in mail.get_body(("plain",)).get_content()
        kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert b"sub_1.secret" not in kept
        assert "sub_1.secret" not in "".join(capfd.readouterr())

    def test_does_not_send_a_link_that_is_not_needed_any_more(self, world, monkeypatch):
        def gone(**_):
            raise accounts.TokenInvalid()

        monkeypatch.setattr(world.people, "mail_link", gone)
        world.security_mail("verify_email")
        world.service.hand_over()

        [message] = world.messages()
        assert (message.state, message.reason) == ("suppressed", "no_longer_needed")

    def test_refuses_a_kind_that_has_no_template(self, world):
        with pytest.raises(ValueError, match="does not exist"):
            world.security_mail("receipt")

        assert world.messages() == []

    def test_writes_to_somebody_who_belongs_to_no_company(self, world):
        world.people.add("ctc_1", "", verified=False)
        world.happens(accounts.SecurityMailRequested(kind="user_id_taken", recipient_id="ctc_1"))
        world.service.hand_over()

        assert [recipient for recipient, _ in world.transport.taken] == ["ctc_1@acme.example"]

    def test_goes_before_everything_else(self, world):
        world.paid()
        world.security_mail()
        world.service.hand_over()

        assert world.transport.subjects == ["Choose a new password", "Receipt 2026-000042: $480.00"]


class TestWhatIsKept:
    def test_no_address_and_no_name_of_anybody_is_stored(self, world, tmp_path):
        world.registered(promotions=True)
        world.paid()
        world.security_mail()
        world.service.hand_over()
        with world.service.store.across_companies() as store:
            store.suppress("olive@acme.example", "manual")

        kept = b"".join(path.read_bytes() for path in tmp_path.rglob("notifications.db*"))
        for personal in (b"olive@acme.example", b"Acme Tools", b"Olive"):
            assert personal not in kept

    def test_the_delivery_log_forgets_what_arrived_after_14_days_and_the_rest_after_90(self, world):
        world.paid("chk_1")
        world.service.hand_over()
        world.people.people.clear()
        world.happens(accounts.SecurityMailRequested(company_id=ACME, kind="password_changed", recipient_id=OLIVE))
        world.service.hand_over()
        clock.advance(15 * 86400)

        world.service.forget_old_messages()
        assert [(one.state, one.params == "{}", one.reason) for one in world.messages()] == [
            ("sent", True, None),
            ("suppressed", False, "recipient_gone"),
        ]

        clock.advance(76 * 86400)
        world.service.forget_old_messages()
        assert [one.params for one in world.messages()] == ["{}", "{}"]

    def test_what_was_forgotten_is_still_not_sent_a_second_time(self, world):
        world.paid("chk_1")
        world.service.hand_over()
        clock.advance(200 * 86400)
        world.service.forget_old_messages()

        world.paid("chk_1")
        world.service.hand_over()

        assert len(world.transport.taken) == 1

    def test_every_column_says_what_it_is(self):
        from actiontrac import inventory

        assert inventory.untagged(Base.metadata) == []

    def test_one_companys_messages_are_not_seen_in_anothers_store(self, world):
        world.paid()
        [message] = world.messages()

        with world.service.store("com_rival") as store:
            assert store.session.get(type(message), message.id) is None
            assert store.dead_messages(10) == []
            assert store.choices(OLIVE) == {}


class TestTheLifeOfAPlan:
    EVENTS = (
        billing.SubscriptionTrialStarted(company_id=ACME, plan="team", worker_limit=50, ends_on="2026-12-07"),
        billing.SubscriptionRenewalDue(
            company_id=ACME, plan="team", ends_on="2027-11-22", reminder=14, days_left=14, next_plan="starter"
        ),
        billing.SubscriptionGraceStarted(
            company_id=ACME, plan="team", ended_on="2027-11-22", grace_ends_on="2027-12-06"
        ),
        billing.SubscriptionReadOnly(company_id=ACME, plan="team", ended_on="2027-11-22", after="year"),
        billing.SubscriptionLapsed(company_id=ACME, plan="team", ended_on="2027-11-22", after="trial"),
        billing.SubscriptionTerminated(company_id=ACME, terminated_on="2027-11-22"),
        billing.SubscriptionPlanChanged(
            company_id=ACME, subscription_id="sub_1", checkout_id="chk_1", from_plan="starter", plan="team",
            worker_limit=50, effective_on="2027-03-01", ends_on="2027-11-22",
        ),
    )

    @pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
    def test_each_step_is_told_once_however_often_the_event_arrives(self, world, event):
        for _ in range(3):
            world.happens(event)
        world.service.hand_over()

        assert len(world.transport.mails) == 1

    def test_every_reminder_is_a_mail_of_its_own(self, world):
        for reminder in (60, 30, 14, 7, 1, 0):
            world.happens(
                billing.SubscriptionRenewalDue(
                    company_id=ACME, plan="team", ends_on="2027-11-22", reminder=reminder, days_left=reminder
                )
            )
        world.service.hand_over()

        assert len(world.transport.mails) == 6

"""Hand-over: once each across crashes and replicas, later if need be, and never what is not wanted."""

import threading

import pytest
from sqlalchemy import update

from actiontrac import clock
from actiontrac.contracts import notifications as contract
from actiontrac.errors import Unavailable
from actiontrac.testing import as_request
from services.notifications import policies
from services.notifications.models import Message, Preference
from services.notifications.transports import Deferred, Refused
from tests.notifications.conftest import PowerCut
from tests.notifications.world import ACME, OLIVE


def hand_over_with_power_cut(world):
    with pytest.raises(PowerCut):
        world.service.hand_over()


class TestCrashes:
    @pytest.mark.parametrize("point", ["mail.after_claim", "mail.before_transport"])
    def test_nothing_is_lost_and_nothing_doubled_before_the_server_has_it(
        self, world, cut_power_at, let_leases_lapse, point
    ):
        world.paid()
        cut_power_at(point)
        hand_over_with_power_cut(world)
        assert world.transport.taken == []

        world.service.hand_over()
        assert world.transport.taken == [], "its lease is not over yet"
        let_leases_lapse()
        world.service.hand_over()
        world.service.hand_over()

        assert len(world.transport.taken) == 1
        assert world.states() == ["sent"]

    def test_between_the_servers_250_and_our_mark_a_receipt_is_repeated_under_its_message_id(
        self, world, cut_power_at, let_leases_lapse
    ):
        world.paid()
        cut_power_at("mail.after_transport")
        hand_over_with_power_cut(world)
        let_leases_lapse()
        world.service.hand_over()
        world.service.hand_over()

        first, second = world.transport.mails
        assert first["Message-ID"] == second["Message-ID"]
        assert world.states() == ["sent"]

    @pytest.mark.parametrize(("point", "sent"), [("mail.before_transport", 0), ("mail.after_transport", 1)])
    def test_from_the_note_of_sending_on_a_promotion_is_never_repeated(
        self, world, cut_power_at, let_leases_lapse, point, sent
    ):
        world.crowd(1)
        campaign = world.campaign()
        world.service.queue_campaigns()
        cut_power_at(point)
        hand_over_with_power_cut(world)
        let_leases_lapse()
        world.service.hand_over()
        world.service.queue_campaigns()

        assert len(world.transport.taken) == sent
        view = world.service.get_campaign(campaign_id=campaign)
        assert (view["unknown"], view["sent"], view["status"]) == (1, 0, "sent")

    def test_a_promotion_that_was_only_claimed_is_sent_after_a_crash(self, world, cut_power_at, let_leases_lapse):
        world.crowd(1)
        world.campaign()
        world.service.queue_campaigns()
        cut_power_at("mail.after_claim")
        hand_over_with_power_cut(world)
        let_leases_lapse()
        world.service.hand_over()

        assert len(world.transport.taken) == 1

    def test_a_jump_of_the_sandbox_clock_does_not_hand_over_twice(self, world):
        world.paid()

        def jump_and_look_again():
            world.transport.before = lambda: None
            clock.advance(30 * 86400)
            with world.service.store.across_companies() as store:
                assert store.resolve_abandoned() == []
                assert store.claim_messages(10) == []

        world.transport.before = jump_and_look_again
        world.service.hand_over()

        assert len(world.transport.taken) == 1

    def test_a_process_that_was_away_too_long_does_not_send_what_another_took_over(
        self, world, monkeypatch, let_leases_lapse
    ):
        world.paid()
        asked = world.people.get_recipient

        def slow(**call):
            monkeypatch.setattr(world.people, "get_recipient", asked)
            let_leases_lapse()
            world.service.hand_over()
            return asked(**call)

        monkeypatch.setattr(world.people, "get_recipient", slow)
        world.service.hand_over()

        assert len(world.transport.taken) == 1


class TestReplicas:
    def test_three_at_once_send_every_mail_once(self, world):
        for number in range(60):
            world.paid(f"chk_{number}")

        def run():
            as_request()
            world.service.hand_over()

        replicas = [threading.Thread(target=run) for _ in range(3)]
        for replica in replicas:
            replica.start()
        for replica in replicas:
            replica.join()
        while "queued" in world.states():
            world.service.hand_over()

        ids = [mail["Message-ID"] for mail in world.transport.mails]
        assert len(ids) == len(set(ids)) == 60


class TestFailures:
    def test_a_temporary_failure_is_tried_again_after_a_pause(self, world):
        world.paid()
        world.transport.problems = [Deferred("content_451")]
        world.service.hand_over()
        world.service.hand_over()
        assert world.states() == ["queued"]

        clock.advance(12)
        world.service.hand_over()

        assert world.states() == ["sent"]
        assert world.messages()[0].attempts == 2

    def test_after_many_attempts_a_message_is_dead_and_can_be_queued_again(self, world):
        world.paid()
        world.transport.problems = [Deferred("content_451")] * (len(policies.BACK_OFF_SECONDS) + 1)
        for _ in range(len(policies.BACK_OFF_SECONDS) + 3):
            world.service.hand_over()
            clock.advance(2 * 86400)

        [dead] = world.service.list_dead_messages()["items"]
        assert (dead["template"], dead["reason"], dead["attempts"]) == ("receipt", "content_451", 9)

        as_request(key="again")
        world.service.requeue_message(message_id=dead["id"])
        world.service.hand_over()
        assert world.states() == ["sent"]
        assert len(world.transport.taken) == 1

    def test_nobody_can_requeue_what_does_not_exist(self, world):
        for message_id in ("msg_none", "", "\x00", "msg'"):
            with pytest.raises(contract.MessageNotFound):
                world.service.requeue_message(message_id=message_id)

    def test_pauses_grow(self):
        now = clock.now()
        pauses = [(policies.next_attempt(number, now) - now).total_seconds() for number in range(1, 9)]

        assert pauses == sorted(pauses)
        assert policies.next_attempt(9, now) is None

    def test_a_refused_address_is_not_written_to_again_but_for_security(self, world):
        world.paid("chk_1")
        world.transport.problems = [Refused("recipient_550", bad_address=True)]
        world.service.hand_over()
        world.paid("chk_2")
        world.security_mail()
        world.service.hand_over()

        assert [(one.template, one.state, one.reason) for one in world.messages()] == [
            ("receipt", "failed", "recipient_550"),
            ("receipt", "suppressed", "address_suppressed"),
            ("reset_password", "sent", None),
        ]

    def test_a_refusal_for_another_reason_suppresses_nobody(self, world):
        world.paid("chk_1")
        world.transport.problems = [Refused("content_554")]
        world.service.hand_over()
        world.paid("chk_2")
        world.service.hand_over()

        assert world.states() == ["failed", "sent"]

    def test_one_poisoned_message_does_not_hold_up_its_neighbours(self, world, monkeypatch):
        world.paid("chk_1")
        with world.service.store.across_companies() as store:
            store.session.execute(update(Message).values(params="{}"))
        world.paid("chk_2")
        world.service.hand_over()

        assert [(one.state, one.reason) for one in world.messages()] == [
            ("dead", "cannot_render"),
            ("sent", None),
        ]

    def test_a_mistake_of_ours_stops_one_message_and_not_the_queue(self, world):
        world.paid("chk_1")
        world.paid("chk_2")
        world.transport.problems = [TypeError("a mistake")]
        world.service.hand_over()

        assert [(one.state, one.reason) for one in world.messages()] == [("queued", "unexpected"), ("sent", None)]

    def test_a_busy_database_is_no_reason_to_send_twice(self, world, monkeypatch):
        from actiontrac.storage.store import StorageUnavailable
        from services.notifications.handover import HandOver

        finish = HandOver._finish
        busy = [StorageUnavailable(), StorageUnavailable()]

        def finish_late(*call):
            if busy:
                raise busy.pop()
            finish(*call)

        monkeypatch.setattr(HandOver, "_finish", finish_late)
        monkeypatch.setattr("services.notifications.handover.MARK_PAUSE_SECONDS", 0)
        world.paid()
        world.service.hand_over()

        assert world.states() == ["sent"]
        assert len(world.transport.taken) == 1

    def test_mail_waits_without_losing_attempts_while_accounts_is_away(self, world, monkeypatch):
        def away(**_):
            raise Unavailable()

        world.paid("chk_1")
        world.paid("chk_2")
        with monkeypatch.context() as patched:
            patched.setattr(world.people, "get_recipient", away)
            world.service.hand_over()
        assert [(one.state, one.attempts) for one in world.messages()] == [("queued", 0)] * 2

        clock.advance(6)
        world.service.hand_over()
        assert world.states() == ["sent", "sent"]

    def test_while_the_server_is_away_only_one_message_of_a_batch_tries_it(self, world):
        for number in range(5):
            world.paid(f"chk_{number}")
        world.transport.problems = [Deferred("connect_failed", away=True)]
        world.service.hand_over()

        assert sorted(one.attempts for one in world.messages()) == [0, 0, 0, 0, 1]
        assert world.transport.taken == []
        assert world.transport.rested == 1

    def test_a_lost_answer_repeats_a_receipt_and_not_a_promotion(self, world):
        world.crowd(1)
        world.campaign()
        world.service.queue_campaigns()
        world.paid()
        world.transport.problems = [Deferred("content_failed", fate_unknown=True)] * 2
        world.service.hand_over()

        assert {one.template: one.state for one in world.messages()} == {"campaign": "unknown", "receipt": "queued"}

    def test_an_address_that_no_header_can_carry_fails_for_good(self, world):
        world.people.people[OLIVE]["email"] = "ölive@acme.example"
        world.paid()
        world.service.hand_over()

        assert [(one.state, one.reason) for one in world.messages()] == [("failed", "address_not_supported")]

    def test_whoever_has_left_gets_nothing_more(self, world):
        world.paid()
        world.people.people.clear()
        world.service.hand_over()

        assert [(one.state, one.reason) for one in world.messages()] == [("suppressed", "recipient_gone")]

    def test_only_security_mail_goes_to_an_address_that_is_not_proved(self, world):
        world.people.people[OLIVE]["verified"] = False
        world.paid()
        world.security_mail("verify_email")
        world.service.hand_over()

        assert world.transport.subjects == ["Confirm your e-mail address"]


class TestConsentAtHandOver:
    def test_after_opting_out_none_of_a_thousand_queued_promotions_is_sent(self, world):
        world.crowd(1000)
        campaign = world.campaign()
        world.service.queue_campaigns()
        assert world.service.get_campaign(campaign_id=campaign)["queued"] == 1000
        with world.service.store(ACME) as store:
            store.session.execute(update(Preference).values(wanted=False))

        while any(one == "queued" for one in world.states()):
            world.service.hand_over()
        world.service.queue_campaigns()

        assert world.transport.taken == []
        view = world.service.get_campaign(campaign_id=campaign)
        assert (view["queued"], view["sent"], view["suppressed"], view["status"]) == (0, 0, 1000, "sent")

    def test_opting_out_in_the_middle_of_a_batch_stops_the_very_next_mail(self, world):
        """One person, many campaigns: the opt-out comes while the first one is being sent."""
        world.crowd(1)
        for number in range(10):
            world.campaign(name=f"Campaign {number}")
        world.service.queue_campaigns()

        def opt_out():
            with world.service.store(ACME) as store:
                store.choose("usr_00000", "promotions", wanted=False, source="link")

        world.transport.before = opt_out
        world.service.hand_over()

        assert len(world.transport.taken) == 1
        assert sorted(world.states()) == ["sent"] + ["suppressed"] * 9

    def test_opting_out_of_everything_leaves_security_mail(self, world):
        as_request()
        world.service.update_preferences(
            company_id=ACME,
            user_id=OLIVE,
            change={"categories": {code: False for code, row in contract.CATEGORIES.items() if row[1]}},
        )
        world.paid()
        world.security_mail("reset_password")
        world.service.hand_over()

        assert world.transport.subjects == ["Choose a new password"]

    def test_a_suppression_can_be_lifted(self, world):
        with world.service.store.across_companies() as store:
            assert store.suppress("olive@acme.example", "manual")
            assert not store.suppress("OLIVE@acme.example ", "complaint")
            assert store.is_suppressed("Olive@ACME.example")
            assert store.lift_suppression("olive@acme.example")
            assert not store.is_suppressed("olive@acme.example")

    @pytest.mark.parametrize("category", list(contract.CATEGORIES))
    def test_only_what_can_be_switched_off_is_ever_held_back(self, category):
        reason = policies.why_not(category, wanted=False, suppressed=True, verified=False)

        assert (reason is None) == (not policies.can_switch_off(category))

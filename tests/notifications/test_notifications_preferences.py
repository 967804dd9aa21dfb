"""What people want: choices, the ledger of consent, and links that end a subscription."""

import pytest

from actiontrac.contracts import accounts
from actiontrac.contracts import notifications as contract
from actiontrac.errors import Invalid, NotFound
from actiontrac.testing import as_principal, as_request
from services.notifications import links, policies
from services.notifications.mails import Mail
from tests.notifications.world import ACME, OLIVE


def preferences(world, user_id=OLIVE):
    as_request()
    items = world.service.get_preferences(company_id=ACME, user_id=user_id)["items"]
    return {item["category"]: item["on"] for item in items}


def change(world, categories, user_id=OLIVE):
    as_request()
    return world.service.update_preferences(company_id=ACME, user_id=user_id, change={"categories": categories})


def token_in_receipt(world):
    world.paid()
    world.service.hand_over()
    return world.unsubscribe_token(world.transport.mails[-1])


class TestCategories:
    def test_only_security_and_legal_notices_cannot_be_switched_off(self):
        fixed = [code for code in contract.CATEGORIES if not policies.can_switch_off(code)]

        assert fixed == ["security", "legal_notice"]

    def test_a_new_mail_can_be_switched_off_unless_it_says_otherwise(self):
        assert policies.can_switch_off(Mail(name="new").category)

    def test_a_mail_of_an_unknown_category_does_not_exist(self):
        with pytest.raises(contract.UnknownCategory):
            Mail(name="new", category="gossip")


class TestChoices:
    def test_a_stranger_to_choices_has_the_defaults(self, world):
        assert preferences(world) == {code: row[2] for code, row in contract.CATEGORIES.items()}

    @pytest.mark.parametrize("wanted", [True, False])
    def test_registration_records_what_was_chosen_and_under_which_policy(self, world, wanted):
        world.registered(promotions=wanted)

        assert preferences(world)["promotions"] is wanted
        assert world.consents() == [("promotions", wanted, "registration", "2016-11-12")]

    def test_an_invited_member_starts_without_promotions(self, world):
        world.happens(accounts.MemberJoined(company_id=ACME, user_id="usr_new", policy_version="2016-11-12"))

        assert preferences(world, "usr_new")["promotions"] is False
        assert world.consents("usr_new") == [("promotions", False, "registration", "2016-11-12")]

    def test_a_registration_that_arrives_late_does_not_overrule_a_later_choice(self, world):
        change(world, {"promotions": False, "educational": True})
        change(world, {"promotions": True})
        change(world, {"promotions": False})
        world.registered(promotions=True)

        assert preferences(world)["promotions"] is False

    def test_a_change_is_kept_with_its_source_and_the_policy_agreed_to_before(self, world):
        world.registered(promotions=True)
        change(world, {"promotions": False, "plan_status": False})

        assert world.consents()[1:] == [
            ("promotions", False, "preferences", "2016-11-12"),
            ("plan_status", False, "preferences", "2016-11-12"),
        ]
        assert preferences(world)["plan_status"] is False

    def test_categories_that_are_not_named_stay(self, world):
        change(world, {"educational": True})
        change(world, {"promotions": True})

        assert preferences(world)["educational"] is True

    def test_repeating_a_choice_adds_nothing_to_the_ledger(self, world):
        change(world, {"promotions": True})
        change(world, {"promotions": True})

        assert len(world.consents()) == 1

    def test_a_request_that_is_repeated_under_its_key_is_answered_alike(self, world):
        from actiontrac.storage import Replayed

        for attempt in (1, 2):
            as_request(key="once")
            if attempt == 1:
                first = world.service.update_preferences(
                    company_id=ACME, user_id=OLIVE, change={"categories": {"promotions": True}}
                )
            else:
                with pytest.raises(Replayed) as replayed:
                    world.service.update_preferences(
                        company_id=ACME, user_id=OLIVE, change={"categories": {"promotions": True}}
                    )
                assert replayed.value.response == first

    @pytest.mark.parametrize("category", ["security", "legal_notice"])
    def test_what_is_not_optional_cannot_be_switched_off_and_nothing_else_changes(self, world, category):
        with pytest.raises(contract.CategoryNotOptional):
            change(world, {"promotions": True, category: False})

        assert preferences(world)["promotions"] is False

    def test_an_unknown_category_is_refused(self, world):
        with pytest.raises(contract.UnknownCategory):
            change(world, {"gossip": True})

    @pytest.mark.parametrize("payload", [{}, {"categories": {"promotions": "perhaps"}}, {"categories": []}, {"x": 1}])
    def test_a_malformed_change_is_refused_by_field(self, world, payload):
        as_request()
        with pytest.raises(Invalid) as refused:
            world.service.update_preferences(company_id=ACME, user_id=OLIVE, change=payload)

        assert refused.value.fields

    def test_a_member_cannot_see_or_change_anothers_choices(self, world):
        as_principal(ACME, user_id="usr_mallory")
        with pytest.raises(NotFound):
            world.service.get_preferences(company_id=ACME, user_id=OLIVE)
        with pytest.raises(NotFound):
            world.service.update_preferences(company_id=ACME, user_id=OLIVE, change={"categories": {}})


class TestUnsubscribing:
    def test_showing_a_link_changes_nothing(self, world):
        token = token_in_receipt(world)

        for _ in range(3):
            shown = world.service.show_unsubscribe(token=token)

        assert shown == {"category": "plan_status", "name": "Your account and plan status", "subscribed": True}
        assert preferences(world)["plan_status"] is True
        assert world.consents() == []

    @pytest.mark.parametrize(("one_click", "source"), [(True, "one_click"), (False, "link")])
    def test_a_post_ends_the_subscription(self, world, one_click, source):
        token = token_in_receipt(world)
        as_request()

        assert world.service.unsubscribe(token=token, one_click=one_click)["subscribed"] is False
        assert preferences(world)["plan_status"] is False
        assert world.consents() == [("plan_status", False, source, "")]
        assert world.service.show_unsubscribe(token=token)["subscribed"] is False

    def test_a_second_post_changes_nothing(self, world):
        token = token_in_receipt(world)
        for _ in range(2):
            as_request()
            world.service.unsubscribe(token=token)

        assert len(world.consents()) == 1

    def test_it_stops_this_category_of_this_person_only(self, world):
        world.people.add("usr_bill", ACME, role="billing")
        world.registered(promotions=True)
        token = token_in_receipt(world)
        tokens = {
            recipient: world.unsubscribe_token(mail)
            for (recipient, _), mail in zip(world.transport.taken, world.transport.mails, strict=True)
        }
        as_request()
        world.service.unsubscribe(token=tokens["olive@acme.example"])

        assert token in tokens.values()
        assert preferences(world)["promotions"] is True
        assert preferences(world, "usr_bill")["plan_status"] is True

    def test_a_link_works_for_ever(self, world):
        from actiontrac import clock

        token = token_in_receipt(world)
        clock.advance(10 * 365 * 86400)
        as_request()

        assert world.service.unsubscribe(token=token)["subscribed"] is False

    def test_a_link_that_we_did_not_make_is_refused(self, world):
        token = token_in_receipt(world)
        forged = links.token_for(links.Subscription(ACME, OLIVE, "promotions"), b"another key")
        damaged = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")

        for wrong in (forged, damaged, token[:20], "", "ünïcode", "a" * 5000, "\x00", "====", token + "\n"):
            with pytest.raises(contract.LinkInvalid):
                world.service.show_unsubscribe(token=wrong)
            as_request()
            with pytest.raises(contract.LinkInvalid):
                world.service.unsubscribe(token=wrong)

    def test_the_link_names_nobody_in_the_clear(self, world):
        token = token_in_receipt(world)

        assert OLIVE not in token
        assert ACME not in token

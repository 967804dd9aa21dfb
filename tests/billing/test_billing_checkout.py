"""Buying a year: what may be bought, what is handed over, and one checkout for one request."""

from datetime import timedelta

import pytest

from actiontrac import clock
from actiontrac.contracts.billing import (
    AlreadyPaid,
    CheckoutNotFound,
    CurrencyNotOffered,
    PlanNotFound,
    PlanTooSmall,
    ProviderAway,
)
from actiontrac.errors import IdempotencyKeyInUse, Invalid
from actiontrac.forbidden import ForbiddenData
from services.billing.handoff import NotDisclosed, hand_over
from services.billing.models import Checkout, Disclosure
from tests.billing.conftest import ACME, OLIVE, RIVAL


class TestWhatCanBeBought:
    def test_a_checkout_costs_what_the_plan_costs_and_leads_to_the_processors_page(self, shop):
        checkout = shop.create("team", "card", currency="EUR")

        assert checkout["state"] == "open"
        assert (checkout["amount_minor"], checkout["currency"]) == (44000, "EUR")
        assert checkout["approval_url"] == "https://pay.example/stripe_1"
        assert checkout["environment"] == "sandbox"

    def test_dollars_are_taken_where_no_currency_is_named(self, shop):
        assert shop.create("starter", "paypal")["currency"] == "USD"

    def test_the_processor_is_told_where_the_browser_goes_afterwards(self, shop):
        checkout = shop.create("team", "paypal")

        asked = shop.paypal.requests[0]
        base = shop.settings.public_url
        assert asked.success_url == f"{base}/billing/return/paypal?checkout={checkout['id']}"
        assert asked.cancel_url == f"{base}/billing/cancel/{checkout['id']}"

    def test_our_own_id_is_the_processors_key(self, shop):
        checkout = shop.create()

        assert shop.stripe.requests[0].payment_id == checkout["id"]

    def test_an_unknown_plan_cannot_be_bought(self, shop):
        with pytest.raises(PlanNotFound):
            shop.create("galaxy")

    def test_a_currency_that_is_not_offered_names_those_that_are(self, shop):
        with pytest.raises(CurrencyNotOffered) as refused:
            shop.create("team", currency="JPY")

        assert refused.value.fields[0]["field"] == "currency"
        assert "EUR, GBP, USD" in refused.value.message

    def test_a_plan_below_the_managed_count_cannot_be_bought(self, shop):
        shop.count(11)

        with pytest.raises(PlanTooSmall):
            shop.create("starter")
        assert shop.create("team")["state"] == "open"

    def test_a_plan_exactly_at_the_managed_count_can_be_bought(self, shop):
        shop.count(10)

        assert shop.create("starter")["state"] == "open"

    def test_only_card_and_paypal_are_methods(self, shop):
        with pytest.raises(Invalid):
            shop.create("team", "invoice")

    def test_a_card_number_is_refused_at_the_door_and_not_repeated(self, shop):
        with pytest.raises(ForbiddenData) as refused:
            shop.create("4242424242424242")

        assert "4242" not in refused.value.message
        assert shop.rows(Checkout) == []


class TestHandOver:
    @pytest.mark.parametrize(("method", "recipient"), [("card", "Stripe"), ("paypal", "PayPal")])
    def test_every_hand_over_is_written_down_before_it_happens(self, shop, method, recipient):
        written = []
        provider = shop.stripe if method == "card" else shop.paypal
        provider.when_asked = lambda what: written.extend(shop.rows(Disclosure))

        checkout = shop.create("team", method)

        [entry] = written
        assert (entry.recipient, entry.checkout_id, entry.subject_id) == (recipient, checkout["id"], OLIVE)
        assert "e-mail" in entry.fields
        assert "S32" in entry.basis

    def test_without_the_entry_the_hand_over_cannot_happen(self, shop):
        shop.create()
        [checkout], [entry] = shop.rows(Checkout), shop.rows(Disclosure)
        shop.stripe.calls.clear()

        for missing in (None, Disclosure(checkout_id="chk_other", recipient="Stripe"),
                        Disclosure(checkout_id=entry.checkout_id, recipient="PayPal")):  # fmt: skip
            with pytest.raises(NotDisclosed):
                hand_over(shop.stripe, checkout, missing, email="o@acme.example", back=shop.service.way_back)
        assert shop.stripe.calls == []

    def test_the_buyers_address_is_passed_on_and_not_kept(self, shop):
        shop.create()

        assert shop.stripe.requests[0].email == "olive@acme.example"
        stored = b"".join(path.read_bytes() for path in shop.settings.home.glob("billing.db*"))
        assert b"olive@acme.example" not in stored

    def test_no_transaction_is_open_while_the_processor_is_asked(self, shop):
        from actiontrac.storage import in_unit_of_work

        seen = []
        shop.stripe.when_asked = lambda what: seen.append(in_unit_of_work())
        shop.buy()

        assert len(seen) >= 2
        assert not any(seen)


class TestOneRequestOneCheckout:
    def test_fifty_at_once_with_one_key_make_one_checkout(self, shop):
        came = shop.at_once(50, lambda number: shop.create(key="k1"))

        answers = [answer for answer in came if isinstance(answer, dict)]
        assert len({answer["id"] for answer in answers}) == 1
        assert all(isinstance(other, (dict, IdempotencyKeyInUse)) for other in came)
        assert len(shop.rows(Checkout)) == len(shop.stripe.orders) == 1

    def test_a_repeated_request_is_answered_alike(self, shop):
        first = shop.create(key="k1")
        [again] = shop.at_once(1, lambda number: shop.create(key="k1"))

        assert again == first
        assert len(shop.stripe.orders) == 1

    def test_two_keys_make_two_checkouts(self, shop):
        assert shop.create(key="k1")["id"] != shop.create(key="k2")["id"]

    def test_the_same_key_of_another_company_is_another_request(self, shop):
        ours = shop.create(key="k1")
        theirs = shop.create(key="k1", company=RIVAL, user="usr_ron")

        assert ours["id"] != theirs["id"]


class TestWhenTheProcessorIsAway:
    def test_nothing_was_started_and_the_buyer_is_told_to_try_again(self, shop):
        shop.stripe.down.add("start")

        with pytest.raises(ProviderAway) as away:
            shop.create(key="k1")
        assert away.value.retry_after

    def test_the_same_request_can_be_repeated_at_once_and_continues_the_same_checkout(self, shop):
        shop.stripe.down.add("start")
        with pytest.raises(ProviderAway):
            shop.create(key="k1")
        shop.stripe.down.clear()

        again = shop.create(key="k1")

        assert again["state"] == "open"
        assert [row.id for row in shop.rows(Checkout)] == [again["id"]]

    def test_a_lost_answer_is_unknown_and_then_found_out_with_the_same_key(self, shop):
        shop.stripe.lose.add("start")
        checkout = shop.create(key="k1")
        shop.stripe.lose.clear()

        assert (checkout["state"], checkout["approval_url"]) == ("unknown", None)
        shop.wait(10)

        assert shop.row(checkout)["state"] == "open"
        assert shop.row(checkout)["approval_url"]
        assert len(shop.stripe.orders) == 1
        assert shop.stripe.requests[0] == shop.stripe.requests[1]

    def test_an_unknown_one_is_found_out_when_somebody_looks(self, shop):
        shop.stripe.lose.add("start")
        checkout = shop.create()
        shop.stripe.lose.clear()
        clock.advance(5)

        assert shop.service.get_checkout(company_id=ACME, checkout_id=checkout["id"])["state"] == "open"

    def test_a_start_is_not_repeated_when_the_processor_may_have_forgotten_its_key(self, shop):
        shop.stripe.lose.add("start")
        checkout = shop.create()
        shop.wait(6 * 3600)
        shop.stripe.lose.clear()
        asked = len(shop.stripe.requests)
        shop.settle_down()

        assert shop.row(checkout)["state"] == "expired"
        assert len(shop.stripe.requests) == asked

    def test_a_refusal_is_told_in_the_processors_code(self, shop):
        shop.stripe._start = lambda request: shop.stripe._order("none")
        checkout = shop.create()

        assert (checkout["state"], checkout["last_error"]) == ("failed", "resource_missing")


class TestOneYearAtATime:
    def test_a_paid_year_is_not_sold_again(self, shop):
        shop.buy()

        with pytest.raises(AlreadyPaid):
            shop.create()

    def test_a_renewal_can_be_bought_in_the_last_sixty_days_and_begins_where_the_year_ends(self, shop):
        shop.buy()
        first = shop.subscription()
        clock.advance(timedelta(days=310).total_seconds())

        shop.buy()

        renewed = shop.rows_of_years()[-1]
        assert renewed.starts_on.isoformat() > first["ends_on"]
        assert (renewed.starts_on - timedelta(days=1)).isoformat() == first["ends_on"]
        assert shop.subscription()["ends_on"] == first["ends_on"]

    def test_after_a_renewal_no_third_year_is_sold(self, shop):
        shop.buy()
        clock.advance(timedelta(days=310).total_seconds())
        shop.buy()

        with pytest.raises(AlreadyPaid):
            shop.create()

    def test_nothing_is_charged_when_the_year_ends(self, shop):
        shop.buy()
        calls = list(shop.stripe.calls)
        shop.wait(timedelta(days=366).total_seconds())
        shop.wait(timedelta(days=366).total_seconds())

        assert shop.stripe.charges() == 1
        # It is only read: somebody may have disputed the payment.
        assert set(shop.stripe.calls[len(calls) :]) <= {"aftermath"}
        assert shop.subscription()["state"] == "lapsed"
        assert shop.subscription()["renews_automatically"] is False

    def test_a_new_year_after_a_lapse_begins_today(self, shop):
        shop.buy()
        clock.advance(timedelta(days=400).total_seconds())
        shop.buy()

        assert shop.subscription()["starts_on"] == clock.today().isoformat()


class TestLooking:
    def test_another_companys_checkout_does_not_exist(self, shop):
        checkout = shop.create()

        with pytest.raises(CheckoutNotFound):
            shop.service.get_checkout(company_id=RIVAL, checkout_id=checkout["id"])
        assert shop.service.list_checkouts(company_id=RIVAL)["items"] == []

    def test_looking_settles_a_checkout_that_was_paid_meanwhile(self, shop):
        checkout = shop.create()
        shop.approve(checkout)
        clock.advance(5)

        assert shop.service.get_checkout(company_id=ACME, checkout_id=checkout["id"])["state"] == "paid"

    def test_looking_again_and_again_does_not_bother_the_processor(self, shop):
        checkout = shop.create()
        shop.stripe.calls.clear()
        clock.advance(5)
        for _ in range(20):
            shop.service.get_checkout(company_id=ACME, checkout_id=checkout["id"])

        assert len(shop.stripe.calls) == 1

    def test_the_list_goes_page_by_page_newest_first(self, shop):
        made = []
        for _ in range(5):
            made.append(shop.create()["id"])
            clock.advance(1)
        seen, cursor = [], None
        while True:
            page = shop.service.list_checkouts(company_id=ACME, limit=2, cursor=cursor)
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break

        assert seen == list(reversed(made))

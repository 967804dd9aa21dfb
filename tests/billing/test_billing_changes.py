"""The price of a change of plan: to the day, to the cent, and never more credit than was paid (B18 to B20)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.changes import Held, after_refund, after_upgrade, price_of_new_year, price_of_upgrade
from services.billing.policies import last_day_of_year

FIRST = date(2026, 11, 23)
LAST = last_day_of_year(FIRST)
YEAR = (FIRST, LAST)


class TestPrice:
    def test_on_the_first_day_the_whole_price_is_credited(self):
        price = price_of_upgrade(Held(12000, FIRST, LAST), YEAR, 48000, FIRST)

        assert (price.cost, price.credit, price.charge) == (48000, 12000, 36000)

    def test_on_the_last_day_one_day_of_the_year_is_left(self):
        price = price_of_upgrade(Held(12000, FIRST, LAST), YEAR, 48000, LAST)

        assert (price.days_left, price.days_in_year) == (1, 365)
        assert (price.cost, price.credit, price.charge) == (132, 32, 100)

    def test_half_way_it_is_the_days_that_are_left(self):
        price = price_of_upgrade(Held(36500, FIRST, LAST), YEAR, 73000, FIRST + timedelta(days=165))

        assert (price.days_left, price.cost, price.credit) == (200, 40000, 20000)

    def test_what_went_back_is_not_credited(self):
        held = after_refund(Held(36500, FIRST, LAST), 36500)

        assert price_of_upgrade(held, YEAR, 73000, FIRST).credit == 0


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["keep", "reset"]), st.integers(0, 120), st.integers(1, 2_000_000)),
        st.tuples(st.just("refund"), st.integers(0, 120), st.integers(1, 100_000)),
    ),
    max_size=12,
)


@pytest.mark.money
@given(paid=st.integers(1, 2_000_000), steps=STEPS)
def test_credits_never_exceed_what_was_paid_over_any_chain(paid, steps):
    held, today, in_hand, year = Held(paid, FIRST, LAST), FIRST, paid, YEAR
    for what, days, figure in steps:
        today = min(today + timedelta(days=days), year[1])
        if what == "refund":
            amount = min(figure, in_hand)
            held, in_hand = after_refund(held, amount), in_hand - amount
            continue
        reset = what == "reset"
        price = price_of_new_year(held, figure, today) if reset else price_of_upgrade(held, year, figure, today)
        assert 0 <= price.credit <= held.value
        assert price.credit <= in_hand, "more was credited than is in our hands"
        assert price.cost - price.credit == price.charge
        if price.charge > 0:
            year = (today, last_day_of_year(today)) if reset else year
            held, in_hand = after_upgrade(held, price, today, year[1]), in_hand + price.charge
        assert 0 <= held.value <= in_hand


@pytest.mark.money
@given(paid=st.integers(0, 2_000_000), yearly=st.integers(1, 2_000_000), day=st.integers(0, 364))
def test_a_new_year_costs_its_whole_price_less_what_is_left_of_the_old(paid, yearly, day):
    today = FIRST + timedelta(days=day)
    price = price_of_new_year(Held(paid, FIRST, LAST), yearly, today)

    assert price.cost == yearly
    assert price.credit == paid * (365 - day) // 365
    assert price.days_left == price.days_in_year in (365, 366)

"""The rules by themselves."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing import policies
from services.billing.circuit import FAILURES, PAUSE_SECONDS, SLOW_SECONDS, Guarded
from services.billing.policies import Choice
from services.billing.providers import Money, ProviderRefused, ProviderUnavailable
from tests.billing.fakes import FakeProvider

DAYS = st.dates(date(2024, 1, 1), date(2100, 12, 31))


class TestYears:
    @pytest.mark.parametrize(
        ("first", "last"),
        [
            (date(2026, 11, 23), date(2027, 11, 22)),
            (date(2027, 1, 1), date(2027, 12, 31)),
            (date(2027, 3, 1), date(2028, 2, 29)),
            (date(2028, 2, 29), date(2029, 2, 28)),
            (date(2028, 3, 1), date(2029, 2, 28)),
        ],
    )
    def test_a_year_ends_the_day_before_its_anniversary(self, first, last):
        assert policies.last_day_of_year(first) == last

    @given(first=DAYS)
    def test_a_year_has_as_many_days_as_a_year_has(self, first):
        days = (policies.last_day_of_year(first) - first).days + 1

        assert days in (365, 366)

    @given(last=st.none() | DAYS, today=DAYS)
    def test_the_next_year_never_begins_in_the_past_or_inside_a_paid_one(self, last, today):
        starts = policies.first_day_of_next(last, today)

        assert starts >= today
        assert last is None or starts > last
        assert starts == today or (last is not None and starts == last + timedelta(days=1))

    @pytest.mark.parametrize(("left", "may"), [(365, False), (61, False), (60, True), (0, True), (-1, True)])
    def test_a_renewal_can_be_bought_in_the_last_sixty_days(self, left, may):
        today = date(2026, 11, 23)

        assert policies.may_buy_a_year(today + timedelta(days=left), today) is may

    def test_a_plan_is_looked_at_on_its_first_day_and_when_it_has_settled_in(self):
        starts = date(2026, 12, 1)

        def moment(month, day):
            return datetime(2026, month, day, tzinfo=UTC)

        assert policies.review_after(starts, moment(11, 1)) == moment(12, 1)
        assert policies.review_after(starts, moment(12, 1)) == moment(12, 31)
        assert policies.review_after(starts, moment(12, 31)) is None


class TestWarningLevels:
    @pytest.mark.parametrize(
        ("managed", "limit", "level"),
        [
            (0, 10, ""), (7, 10, ""), (8, 10, "80"), (9, 10, "80"), (10, 10, "100"), (11, 10, "over"),
            (39, 50, ""), (40, 50, "80"),
        ],
    )
    def test_at_the_limit_is_allowed_and_above_is_over(self, managed, limit, level):
        assert policies.warning_level(managed, limit) == level

    @pytest.mark.parametrize(("managed", "level"), [(9, "80"), (10, "100"), (11, "blocked")])
    def test_without_days_that_are_left_above_is_blocked_and_nothing_else(self, managed, level):
        assert policies.warning_level(managed, 10, room=False) == level


PLANS = [
    Choice("starter", "Starter", 10, Money(12000, "USD")),
    Choice("team", "Team", 50, Money(48000, "USD")),
    Choice("business", "Business", 250, Money(180000, "USD")),
    Choice("enterprise", "Enterprise", 1000, Money(540000, "USD")),
]


class TestAdvice:
    @pytest.mark.parametrize(
        ("current", "managed", "high_water", "direction", "plan"),
        [
            (0, 10, 10, "fits", "starter"),
            (0, 11, 11, "up", "team"),
            (0, 50, 50, "up", "team"),
            (0, 51, 51, "up", "business"),
            (1, 10, 10, "down", "starter"),
            (1, 10, 11, "fits", "team"),
            (1, 0, 0, "fits", "team"),
            (3, 251, 251, "fits", "enterprise"),
            (3, 250, 250, "down", "business"),
            (3, 5000, 5000, "fits", "enterprise"),
            (0, 5000, 5000, "up", "enterprise"),
        ],
    )
    def test_table(self, current, managed, high_water, direction, plan):
        advice = policies.advise(PLANS[current], PLANS, managed=managed, high_water=high_water)

        assert (advice.direction, advice.plan) == (direction, plan)

    @given(
        current=st.sampled_from(PLANS),
        on_sale=st.lists(
            st.builds(
                Choice, st.sampled_from("abcd"), st.just("Plan"), st.integers(1, 2000),
                st.integers(1, 10**6).map(lambda minor: Money(minor, "USD")),
            ),
            max_size=6, unique_by=lambda plan: plan.code,
        ),
        managed=st.integers(0, 3000), high_water=st.integers(0, 3000),
    )  # fmt: skip
    def test_it_never_recommends_dearer_than_needed(self, current, on_sale, managed, high_water):
        advice = policies.advise(current, on_sale, managed=managed, high_water=high_water)
        most = max(managed, high_water)
        price = {plan.code: plan.price.minor for plan in on_sale}
        limit = {plan.code: plan.worker_limit for plan in on_sale}

        if advice.direction == "down":
            assert limit[advice.plan] >= most
            assert advice.saving.minor == current.price.minor - price[advice.plan] > 0
            assert all(price[advice.plan] <= plan.price.minor for plan in on_sale if plan.worker_limit >= most)
        elif advice.direction == "up":
            assert managed > current.worker_limit
            fitting = [plan.price.minor for plan in on_sale if plan.worker_limit >= managed]
            assert not fitting or price[advice.plan] == min(fitting)
        else:
            assert advice.plan == current.code
            assert advice.saving.minor == 0


class TestCircuit:
    def test_after_some_failures_nobody_waits_until_the_pause_is_over(self):
        now = [0.0]
        provider = FakeProvider("stripe")
        guarded = Guarded(provider, lambda: now[0])
        provider.down.add("fetch")
        for _ in range(FAILURES + 3):
            with pytest.raises(ProviderUnavailable) as away:
                guarded.fetch("x")
        assert provider.calls.count("fetch") == FAILURES
        assert away.value.outcome_unknown is False

        provider.down.clear()
        now[0] += PAUSE_SECONDS
        with pytest.raises(ProviderRefused):
            guarded.fetch("x")

    def test_after_the_pause_one_finds_out_while_the_others_still_do_not_ask(self):
        now = [0.0]
        provider = FakeProvider("stripe")
        guarded = Guarded(provider, lambda: now[0])
        provider.down.add("fetch")
        for _ in range(FAILURES):
            with pytest.raises(ProviderUnavailable):
                guarded.fetch("x")
        now[0] += PAUSE_SECONDS
        asked = []

        def while_it_waits(ref, seller=None):
            asked.append(ref)
            if len(asked) == 1:
                with pytest.raises(ProviderUnavailable):
                    guarded.fetch("another")
            raise ProviderUnavailable("still away", outcome_unknown=True)

        provider.fetch = while_it_waits
        with pytest.raises(ProviderUnavailable):
            guarded.fetch("one")
        assert asked == ["one"]

    def test_calls_that_hang_count_before_they_fail(self):
        now = [0.0]
        provider = FakeProvider("stripe")
        guarded = Guarded(provider, lambda: now[0])
        hanging = []

        def hang(ref, seller=None):
            hanging.append(ref)
            now[0] += SLOW_SECONDS
            guarded.fetch(f"{ref}+")

        provider.fetch = hang
        with pytest.raises(ProviderUnavailable) as away:
            guarded.fetch("x")
        assert len(hanging) == FAILURES
        assert away.value.outcome_unknown is False

    def test_a_refusal_is_an_answer(self):
        guarded = Guarded(FakeProvider("stripe"))
        for _ in range(FAILURES * 2):
            with pytest.raises(ProviderRefused):
                guarded.fetch("x")

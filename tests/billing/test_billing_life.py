"""The life of a subscription as a model: every happening in every stage, day by day (B11 to B13, B26)."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.billing import life
from services.billing.life import TRANSITIONS, Facts, Happening, IllegalMove, Span, Stage, position, require
from services.billing.policies import first_day_of_next, last_day_of_year, may_buy_a_year

FIRST = date(2026, 11, 23)
YEAR = Span(FIRST, last_day_of_year(FIRST))


def day(number: int) -> date:
    return YEAR.last + timedelta(days=number)


class Company(RuleBasedStateMachine):
    """One company; the calendar's answer must always be a move that the table allows."""

    def __init__(self) -> None:
        super().__init__()
        self.today = FIRST
        self.facts = Facts()
        self.told: list[tuple[date, str]] = []

    @property
    def here(self) -> life.Position:
        return position(self.facts, self.today)

    def move(self, happening: Happening, **changes: object) -> None:
        """The table must allow it, and where the calendar says the company then stands must be among its ends."""
        before = self.here.stage
        require(before, happening)
        self.facts = replace(self.facts, **changes)  # type: ignore[arg-type]
        assert self.here.stage in TRANSITIONS[before][happening], (before, happening, self.here.stage)

    def look(self) -> None:
        here = self.here
        if here.notice is not None and here.end is not None and (here.end, here.notice) not in self.told:
            self.told.append((here.end, here.notice))

    def standing(self) -> list[Span]:
        return [year for year in self.facts.years if year.returned_on is None]

    def paid_until(self) -> date | None:
        return max((year.last for year in self.standing()), default=None)

    def may(self, happening: Happening) -> bool:
        return happening in TRANSITIONS[self.here.stage]

    @precondition(lambda self: self.may(Happening.CHECKOUT_OPENED))
    @rule()
    def open_a_checkout(self) -> None:
        self.move(Happening.CHECKOUT_OPENED, waiting=True)

    @precondition(lambda self: self.facts.waiting)
    @rule()
    def leave_the_checkout(self) -> None:
        self.move(Happening.CHECKOUT_CLOSED, waiting=False)

    @precondition(lambda self: self.facts.waiting and may_buy_a_year(self.paid_until(), self.today))
    @precondition(lambda self: self.may(Happening.YEAR_PAID))
    @rule()
    def pay(self) -> None:
        first = first_day_of_next(self.paid_until(), self.today)
        year = Span(first, last_day_of_year(first))
        self.move(Happening.YEAR_PAID, years=(*self.facts.years, year), waiting=False)

    @precondition(lambda self: not self.facts.years and self.may(Happening.TRIAL_STARTED))
    @rule()
    def try_it(self) -> None:
        self.move(Happening.TRIAL_STARTED, trial=Span(self.today, self.today + timedelta(days=14)))

    @precondition(lambda self: self.standing())
    @rule()
    def take_the_money_back(self) -> None:
        """As we refund: the last year first."""
        self._return(max(self.standing(), key=lambda year: year.first))

    @precondition(lambda self: self.standing())
    @rule(which=st.integers(0, 5))
    def give_a_year_back_at_the_processor(self, which: int) -> None:
        """Nobody asked us: any year, an earlier or ended one too."""
        standing = self.standing()
        self._return(standing[which % len(standing)])

    @precondition(lambda self: self.facts.years and not self.facts.disputed)
    @rule()
    def dispute_a_payment(self) -> None:
        before = self.here
        self.move(Happening.PAYMENT_DISPUTED, disputed=True)
        assert replace(self.here, disputed=False) == before, "a dispute only marks"

    @precondition(lambda self: self.facts.disputed)
    @rule()
    def win_the_dispute(self) -> None:
        before = self.here
        self.move(Happening.DISPUTE_WON, disputed=False)
        assert self.here == replace(before, disputed=False), "a dispute that is won leaves nothing behind"

    @precondition(lambda self: self.facts.disputed and self.standing())
    @rule(which=st.integers(0, 5))
    def lose_the_dispute(self, which: int) -> None:
        standing = self.standing()
        self._return(standing[which % len(standing)], disputed=False)

    def _return(self, year: Span, **changes: object) -> None:
        years = tuple(replace(y, returned_on=self.today) if y == year else y for y in self.facts.years)
        self.move(Happening.MONEY_RETURNED, years=years, **changes)

    @precondition(lambda self: self.may(Happening.TERMINATED))
    @rule(sure=st.integers(0, 4))
    def leave_for_good(self, sure: int) -> None:
        """Now and then, from anywhere; otherwise every life would be short."""
        if sure == 0:
            self.move(Happening.TERMINATED, terminated_on=self.today)

    @precondition(lambda self: self.here.stage is Stage.TERMINATED and self.facts.waiting)
    @rule()
    def pay_after_the_end(self) -> None:
        """The money arrives, buys nothing and goes back; the checkout is over."""
        with pytest.raises(IllegalMove):
            require(self.here.stage, Happening.YEAR_PAID)
        self.move(Happening.CHECKOUT_CLOSED, waiting=False)

    @rule(happening=st.sampled_from(list(Happening)))
    def attempt_anything(self, happening: Happening) -> None:
        """A move that the table does not name is refused, and the company stands where it stood."""
        before = self.here
        if happening not in TRANSITIONS[before.stage]:
            with pytest.raises(IllegalMove):
                require(before.stage, happening)
        assert self.here == before

    @rule(days=st.sampled_from([1, 2, 7, 20, 45, 100, 300]), looks=st.booleans())
    def time_passes(self, days: int, looks: bool) -> None:
        for _ in range(days):
            before, noted = self.here, (self.here.changes_on, self.here.look_on)
            self.today += timedelta(days=1)
            assert self.here.stage in TRANSITIONS[before.stage][Happening.DAY_PASSED], (before, self.here)
            # A timer that sleeps until these days misses nothing.
            assert self.here.stage == before.stage or noted[0] == self.today
            assert self.here.notice == before.notice or noted[1] == self.today
            if looks:
                self.look()
        self.look()

    @invariant()
    def a_paid_day_is_honoured(self) -> None:
        """Whatever else is unpaid, disputed, or was given back (B13, B27)."""
        paid = any(year.covers(self.today) for year in self.facts.years)
        if paid and self.facts.terminated_on is None:
            assert self.here.stage in (Stage.ACTIVE, Stage.RENEWAL_DUE)
            assert not self.here.read_only

    @invariant()
    def the_marks_say_what_happened(self) -> None:
        assert self.here.disputed is self.facts.disputed
        latest = max(self.facts.years, key=lambda year: year.first, default=None)
        if self.here.stage not in (Stage.NONE, Stage.PENDING_PAYMENT):
            assert self.here.refunded is (latest is not None and latest.returned_on is not None)

    @invariant()
    def nobody_is_told_twice(self) -> None:
        assert len(self.told) == len(set(self.told))

    @invariant()
    def what_the_table_does_not_name_is_refused(self) -> None:
        for happening in Happening:
            if not self.may(happening):
                with pytest.raises(IllegalMove):
                    require(self.here.stage, happening)


TestCompany = Company.TestCase
# The number of companies is the profile's; each lives through so many happenings.
TestCompany.settings = settings(stateful_step_count=25, deadline=None)


class TestPosition:
    @pytest.mark.parametrize(
        ("number", "stage", "notice"),
        [
            (-61, Stage.ACTIVE, None),
            (-60, Stage.RENEWAL_DUE, "renewal_60"),
            (-30, Stage.RENEWAL_DUE, "renewal_30"),
            (-14, Stage.RENEWAL_DUE, "renewal_14"),
            (-7, Stage.RENEWAL_DUE, "renewal_7"),
            (-1, Stage.RENEWAL_DUE, "renewal_1"),
            (0, Stage.RENEWAL_DUE, "renewal_0"),
            (1, Stage.GRACE, "grace"),
            (14, Stage.GRACE, "grace"),
            (15, Stage.READ_ONLY, "read_only"),
            (90, Stage.READ_ONLY, "read_only"),
            (91, Stage.LAPSED, "lapsed"),
            (4000, Stage.LAPSED, "lapsed"),
        ],
    )
    def test_every_date_of_a_year_that_is_not_renewed(self, number, stage, notice):
        here = position(Facts(years=(YEAR,)), day(number))

        assert (here.stage, here.notice, here.end) == (stage, notice, YEAR.last)

    def test_a_day_between_two_reminders_belongs_to_the_earlier_one(self):
        assert position(Facts(years=(YEAR,)), day(-45)).notice == "renewal_60"
        assert position(Facts(years=(YEAR,)), day(-2)).notice == "renewal_7"

    def test_a_renewal_silences_the_reminders(self):
        renewal = Span(day(1), last_day_of_year(day(1)))

        assert position(Facts(years=(YEAR, renewal)), day(-3)).stage is Stage.ACTIVE

    def test_an_open_checkout_changes_nothing_about_a_paid_year(self):
        assert position(Facts(years=(YEAR,), waiting=True), day(-100)).stage is Stage.ACTIVE

    def test_a_trial_ends_by_itself_without_grace(self):
        trial = Facts(trial=Span(FIRST, FIRST + timedelta(days=14)))

        assert position(trial, FIRST + timedelta(days=14)).stage is Stage.TRIAL
        assert position(trial, FIRST + timedelta(days=15)).stage is Stage.READ_ONLY

    def test_a_year_whose_money_went_back_ends_that_day(self):
        returned = replace(YEAR, returned_on=FIRST + timedelta(days=9))
        here = position(Facts(years=(returned,)), FIRST + timedelta(days=9))

        assert (here.stage, here.after, here.refunded) == (Stage.READ_ONLY, "refund", True)

    @pytest.mark.parametrize("stage", list(Stage))
    def test_every_stage_lets_a_day_pass_and_names_only_known_stages(self, stage):
        assert Happening.DAY_PASSED in TRANSITIONS[stage]
        assert set().union(*TRANSITIONS[stage].values()) <= set(Stage)

    def test_nothing_begins_after_the_end_of_a_membership(self):
        for happening in (Happening.CHECKOUT_OPENED, Happening.TRIAL_STARTED, Happening.YEAR_PAID):
            with pytest.raises(IllegalMove):
                require(Stage.TERMINATED, happening)

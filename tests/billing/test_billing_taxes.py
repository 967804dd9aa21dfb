"""Tax and sums, pure: lines and taxes come to the total in every way of rounding, refunds to the invoice (B21, B22)."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.taxes import (
    MODES,
    SCOPES,
    Buyer,
    Place,
    Rate,
    Rounding,
    Row,
    Seller,
    apportion,
    rates_at,
    rounded,
    sums,
    treat,
)

TODAY = date(2026, 11, 23)
PERCENT = st.decimals(min_value=0, max_value=40, places=3)
RATES = st.lists(PERCENT.map(lambda percent: Rate("Tax", percent)), max_size=3)
ROUNDINGS = st.builds(Rounding, st.sampled_from(MODES), st.sampled_from(SCOPES))
BUYS_IN_PARTS = st.lists(st.integers(min_value=0, max_value=10**7), min_size=1, max_size=6)


def row(country: str, percent: str, *, name: str = "VAT", states: tuple[str, ...] = (), since: date = TODAY) -> Row:
    return Row(country, frozenset(state.casefold() for state in states), Rate(name, Decimal(percent)), since)


TABLE = [
    row("DE", "19"),
    row("FR", "20"),
    row("US", "6.25", name="Sales tax", states=("TX", "Texas")),
    row("CA", "5", name="GST"),
    row("CA", "5", name="GST", states=("BC",)),
    row("CA", "7", name="PST", states=("BC",)),
]


class TestSums:
    @pytest.mark.money
    @given(st.lists(st.integers(-(10**9), 10**9), max_size=12), RATES, ROUNDINGS)
    def test_lines_and_taxes_come_to_the_total_in_every_way_of_rounding(self, lines, rates, rounding):
        found = sums(lines, rates, rounding)

        assert found.total == sum(lines) + sum(tax.amount_minor for tax in found.taxes)
        for tax, rate in zip(found.taxes, rates, strict=True):
            off = abs(tax.amount_minor - sum(lines) * Fraction(rate.percent) / 100)
            roundings = max(1, len(lines)) if rounding.per == "line" else 1
            assert off < roundings if rounding.mode == "down" else off <= Fraction(roundings, 2)

    @pytest.mark.money
    @given(st.fractions(-1000, 1000), st.sampled_from(MODES))
    def test_what_is_credited_is_rounded_as_what_is_paid(self, exact, mode):
        assert rounded(exact, mode) == -rounded(-exact, mode)

    @pytest.mark.parametrize(("mode", "expected"), [("half_up", 3), ("half_even", 2), ("down", 2)])
    def test_half_a_cent_goes_as_the_mode_says(self, mode, expected):
        assert rounded(Fraction(5, 2), mode) == expected
        assert rounded(Fraction(7, 2), "half_even") == 4

    def test_rounding_each_line_and_the_document_differ_and_both_add_up(self):
        each = sums([3, 3, 3], [Rate("VAT", Decimal("19"))], Rounding("half_up", "line"))
        once = sums([3, 3, 3], [Rate("VAT", Decimal("19"))], Rounding("half_up", "document"))

        assert (each.tax, once.tax) == (3, 2)
        assert (each.total, once.total) == (12, 11)


class TestApportion:
    @pytest.mark.money
    @given(BUYS_IN_PARTS, st.lists(st.integers(0, 10**7), max_size=12))
    def test_any_chain_of_refunds_gives_back_exactly_the_parts_of_the_invoice(self, parts, wanted):
        left = list(parts)
        for want in [*wanted, sum(parts)]:
            amount = min(want, sum(left))
            shares = apportion(amount, left)
            assert sum(shares) == amount
            left = [before - share for before, share in zip(left, shares, strict=True)]
            assert min(left) >= 0

        assert left == [0 for _ in parts]

    @pytest.mark.money
    @given(BUYS_IN_PARTS)
    def test_all_of_it_is_every_part_whole(self, parts):
        assert apportion(sum(parts), parts) == parts

    def test_more_than_is_left_is_refused(self):
        with pytest.raises(ValueError, match="what is left"):
            apportion(3, [1, 1])


class TestTreatment:
    def test_the_states_rates_stand_for_the_countrys(self):
        def names(place):
            return [(rate.name, str(rate.percent)) for rate in rates_at(TABLE, place, TODAY)]

        assert names(Place("CA", "BC")) == [("GST", "5"), ("PST", "7")]
        assert names(Place("CA", "Alberta")) == [("GST", "5")]
        assert names(Place("US", " texas ")) == names(Place("US", "TX")) == [("Sales tax", "6.25")]
        assert names(Place("US", "OR")) == []

    def test_the_latest_rate_that_has_begun_holds(self):
        table = [row("EE", "22", since=date(2024, 1, 1)), row("EE", "24", since=date(2025, 7, 1))]

        assert rates_at(table, Place("EE"), date(2025, 6, 30))[0].percent == 22
        assert rates_at(table, Place("EE"), date(2025, 7, 1))[0].percent == 24
        assert rates_at(table, Place("EE"), date(2023, 1, 1)) == ()

    @pytest.mark.parametrize(
        ("seller", "buyer", "expected"),
        [
            (Seller("DE", "DE136695976"), Buyer(Place("FR"), "FR40303265045"), "reverse_charge"),
            (Seller("DE", "DE136695976"), Buyer(Place("FR")), "taxed"),
            (Seller("DE", "DE136695976"), Buyer(Place("DE"), "DE136695976"), "taxed"),
            (Seller("DE"), Buyer(Place("FR"), "FR40303265045"), "taxed"),
            (Seller("US"), Buyer(Place("FR"), "FR40303265045"), "taxed"),
            (Seller("DE", "DE136695976"), Buyer(Place("FR"), "FR40303265045", exempt=True), "exempt"),
            (Seller("DE", "DE136695976"), Buyer(Place("US", "OR")), "no_rate"),
            (Seller(), Buyer(Place("DE")), "taxed"),
        ],
    )
    def test_who_pays_which_tax(self, seller, buyer, expected):
        found = treat(TABLE, seller, buyer, TODAY)

        assert found.treatment == expected
        assert bool(found.rates) == (expected == "taxed")
        assert bool(found.note) == (expected != "taxed")

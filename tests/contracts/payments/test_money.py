"""Money is whole minor units, and each processor writes it its own way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.providers.money import (
    DECIMALS,
    PAYPAL_DECIMALS,
    STRIPE_DECIMALS,
    Money,
    UnsupportedCurrency,
    WrongPrecision,
    as_decimal,
    from_decimal,
    from_stripe,
    to_stripe,
)

ANY_MONEY = st.builds(Money, st.integers(0, 10**12), st.sampled_from(sorted(DECIMALS)))


class TestMoney:
    @pytest.mark.parametrize(
        ("money", "text"),
        [
            (Money(12000, "USD"), "120.00"),
            (Money(5, "EUR"), "0.05"),
            (Money(12000, "JPY"), "12000"),
            (Money(10**11, "GBP"), "1000000000.00"),
        ],
    )
    def test_is_written_with_its_decimals(self, money: Money, text: str) -> None:
        assert as_decimal(money) == text
        assert from_decimal(text, money.currency) == money

    @pytest.mark.money
    @given(ANY_MONEY)
    def test_comes_back_as_it_went_out(self, money: Money) -> None:
        assert from_decimal(as_decimal(money, PAYPAL_DECIMALS), money.currency) == money
        assert from_stripe(to_stripe(money), money.currency.lower()) == money

    @pytest.mark.parametrize("currency", ["KWD", "ISK", "XXX", "usd", "", "US"])
    def test_exists_only_in_currencies_that_we_sell_in(self, currency: str) -> None:
        with pytest.raises(UnsupportedCurrency):
            Money(1, currency)

    @pytest.mark.parametrize(
        ("text", "currency"), [("1.001", "USD"), ("1.5", "JPY"), ("", "USD"), ("NaN", "USD"), ("Infinity", "EUR")]
    )
    def test_is_never_rounded(self, text: str, currency: str) -> None:
        with pytest.raises(WrongPrecision):
            from_decimal(text, currency)

    def test_has_a_table_for_every_processor(self) -> None:
        assert DECIMALS.keys() == STRIPE_DECIMALS.keys() == PAYPAL_DECIMALS.keys()

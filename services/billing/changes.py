"""Changing the plan within a paid year, to the day and to the cent, pure (B18 to B20)."""

from dataclasses import dataclass
from datetime import date

from services.billing.policies import last_day_of_year

#: The smallest amount that the processors take, in minor units.
LEAST_CHARGE = 50

#: How long a quote can be accepted, and then paid. It is priced by the day, so not for long;
#: Stripe keeps no page open for less than half an hour.
QUOTE_MINUTES = 60


@dataclass(frozen=True)
class Held:
    """
    What a company has paid, and not got back, for the days from ``since`` to ``until``.

    An upgrade turns it into what is held for the remaining days on the new terms, and a
    refund takes from it: so however many changes follow each other, what is credited
    was paid before.
    """

    value: int
    since: date
    until: date

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1

    def left_on(self, day: date) -> int:
        """Days that are left, the day itself included."""
        return (self.until - max(day, self.since)).days + 1

    def credit_on(self, day: date) -> int:
        """The part of the days that are left, never rounded in our debt: at most what is held."""
        return self.value * self.left_on(day) // self.days


@dataclass(frozen=True)
class Price:
    """The price of a change: ``cost`` of the days that are left on the new terms, less the ``credit`` for the old."""

    cost: int
    credit: int
    days_left: int
    days_in_year: int

    @property
    def charge(self) -> int:
        return self.cost - self.credit


def price_of_upgrade(held: Held, year: tuple[date, date], yearly_price: int, today: date) -> Price:
    """What the days from today to the year's end cost on the new terms, to the day, half a cent up."""
    first, last = year
    days_in_year = (last - first).days + 1
    left = (last - today).days + 1
    cost = (2 * yearly_price * left + days_in_year) // (2 * days_in_year)
    return Price(cost, held.credit_on(today), left, days_in_year)


def price_of_new_year(held: Held, yearly_price: int, today: date) -> Price:
    """What a whole year from today costs on the new terms, less what is left of the old one."""
    days = (last_day_of_year(today) - today).days + 1
    return Price(yearly_price, held.credit_on(today), days, days)


def after_upgrade(held: Held, price: Price, today: date, until: date | None = None) -> Held:
    """What is held for the days that are left on the new terms; ``until`` where the year ends on another day."""
    return Held(price.credit + price.charge, today, until or held.until)


def after_refund(held: Held, amount: int) -> Held:
    return Held(max(0, held.value - amount), held.since, held.until)

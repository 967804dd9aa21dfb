"""The table of routes: everything that can be asked of ActionTrac over HTTP."""

from actiontrac.http import Table
from services.gateway.desk import Desk
from services.gateway.routes import (
    accounts,
    actions,
    bill_pages,
    billing,
    contractor,
    documents,
    notifications,
    operations,
    org_chart,
    pages,
    sandbox,
    workers,
)

#: The documentation's chapters, in the order in which a newcomer needs them.
TAGS = {
    "Registration": "A company gets an account: register, confirm the address, and you can sign in.",
    "Sessions": "Sign in with a cookie (browsers) or a bearer token (programs); see and end your sessions.",
    "Me": "Your own name, password and which mail you want.",
    "Company": "The company, its members and who is invited.",
    "Plans and payments": "One charge buys one year; nothing is renewed by itself and no card is kept.",
    "Contractor bills": "A company that sells bills its clients; they pay into its own Stripe or PayPal account.",
    "Workers": "The people whom the company manages; none can hold a birth date, identity number or payment data.",
    "Actions": "What a company writes down about a worker and sees through: notes, praise, warnings, tasks.",
    "Org chart": "Who reports to whom, now and on any day before, as data and as a picture.",
    "Documents": "What we promise, in every version.",
    "Operators": "For the operators of the product; no company role has these permissions.",
    "Operations": "Whether it runs, and how well.",
}


def table(desk: Desk) -> Table:
    return Table(
        [
            *accounts.routes(desk),
            *billing.routes(desk),
            *contractor.routes(desk),
            *workers.routes(desk),
            *actions.routes(desk),
            *org_chart.routes(desk),
            *notifications.routes(desk),
            *documents.routes(desk),
            *operations.routes(desk),
            *pages.routes(desk),
            *bill_pages.routes(desk),
            *sandbox.routes(desk),
        ]
    )

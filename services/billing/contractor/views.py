"""From rows to the views of a company that sells: plain JSON, and the document."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, cast

import orjson

from actiontrac import clock
from actiontrac.contracts.contractor_bills import (
    BillContent,
    BillLineView,
    BillMethod,
    BillPageView,
    BillRefundView,
    BillRequest,
    BillTaxView,
    BillView,
    DisclosureView,
    SellerAccountView,
)
from services.billing.contractor.models import Bill, BillCredit, SellerAccount
from services.billing.documents import Document, Line, Tax
from services.billing.models import Checkout, Disclosure, Refund
from services.billing.providers.money import Money
from services.billing.taxes import Rate, Rounding, Sums, sums


def account_view(
    account: SellerAccount, *, fee_basis_points: int, onboarding_url: str | None = None
) -> SellerAccountView:
    return {
        "provider": cast(Any, account.provider),
        "state": cast(Any, account.state),
        "account": account.account,
        "environment": cast(Any, account.environment),
        "fee_basis_points": fee_basis_points,
        "onboarding_url": onboarding_url,
        "connected_at": clock.iso(account.connected_at) if account.connected_at else None,
    }


def sums_of(wanted: BillRequest, rounding: Rounding) -> Sums:
    """What a bill comes to: lines and the seller's taxes on top, to the cent (B21)."""
    rates = [Rate(tax.name, Decimal(tax.percent)) for tax in wanted.taxes]
    return sums([line.quantity * line.unit_minor for line in wanted.lines], rates, rounding)


def written_lines(wanted: BillRequest, bill: Sums) -> str:
    """Lines and taxes of a bill as they are kept: the amounts reckoned once and for all."""
    lines: list[BillLineView] = [
        {
            "description": line.description,
            "quantity": line.quantity,
            "unit_minor": line.unit_minor,
            "amount_minor": amount,
        }
        for line, amount in zip(wanted.lines, bill.lines, strict=True)
    ]
    taxes: list[BillTaxView] = [
        {"name": tax.name, "percent": tax.percent, "amount_minor": tax.amount_minor} for tax in bill.taxes
    ]
    return orjson.dumps({"lines": lines, "taxes": taxes}).decode()


def page_url(public_url: str, bill: Bill) -> str:
    """The client's page: whoever has this address can see and pay the bill."""
    return f"{public_url}/pay/{bill.token}"


def _content(bill: Bill, credits: Sequence[BillCredit], today: date) -> BillContent:
    """What both sides see of a bill."""
    kept = orjson.loads(bill.lines)
    return {
        "number": bill.number,
        "state": cast(Any, bill.state),
        "overdue": bill.is_overdue(today),
        "lines": kept["lines"],
        "taxes": kept["taxes"],
        "total_minor": bill.total_minor,
        "refunded_minor": bill.refunded_minor,
        "currency": bill.currency,
        "note": bill.note,
        "issued_on": bill.issued_on.isoformat(),
        "due_on": bill.due_on.isoformat(),
        "method": cast(Any, bill.method),
        "credits": [
            {"number": one.number, "amount_minor": one.amount_minor, "issued_on": one.issued_on.isoformat()}
            for one in credits
        ],
        "environment": cast(Any, bill.environment),
    }


def bill_view(bill: Bill, credits: Sequence[BillCredit], public_url: str, today: date) -> BillView:
    return {
        **_content(bill, credits, today),
        "id": bill.id,
        "client": orjson.loads(bill.client or "{}"),
        "paid_at": clock.iso(bill.paid_at) if bill.paid_at else None,
        "page_url": page_url(public_url, bill),
    }


def page_view(
    bill: Bill, credits: Sequence[BillCredit], latest: Checkout | None, methods: list[BillMethod], today: date
) -> BillPageView:
    client = orjson.loads(bill.client or "{}")
    tells = latest if bill.payable else None
    return {
        **_content(bill, credits, today),
        "seller": orjson.loads(bill.seller or "[]"),
        "client": [client["name"], *client["address"]],
        "paid_on": bill.paid_at.date().isoformat() if bill.paid_at else None,
        "methods": methods if bill.payable else [],
        "payment": tells.state if tells is not None else None,
        "last_error": tells.last_error if tells is not None else None,
    }


def refund_view(refund: Refund, bill_id: str) -> BillRefundView:
    return {
        "id": refund.id,
        "bill_id": bill_id,
        "state": cast(Any, refund.state),
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "created_at": clock.iso(refund.created_at),
    }


def disclosure_view(disclosure: Disclosure) -> DisclosureView:
    return {
        "id": disclosure.id,
        "recipient": disclosure.recipient,
        "fields": disclosure.fields,
        "basis": disclosure.basis,
        "about_id": disclosure.checkout_id,
        "subject_id": disclosure.subject_id,
        "disclosed_at": clock.iso(disclosure.disclosed_at),
    }


def document_of(bill: Bill, credits: Sequence[BillCredit], reference: str | None) -> Document:
    """The bill as a page to file; until it is paid it says until when it should be."""
    client = orjson.loads(bill.client or "{}")
    kept = orjson.loads(bill.lines)
    lines = [_line(line, bill.currency) for line in kept["lines"]]
    net = Money(sum(line["amount_minor"] for line in kept["lines"]), bill.currency)
    lines += [
        Line(
            f"Given back on {one.issued_on.isoformat()}, credit note {one.number}",
            Money(-one.amount_minor, one.currency),
        )
        for one in credits
    ]
    paid = bill.paid_at is not None
    return Document(
        kind="bill",
        number=bill.number,
        issued_on=bill.issued_on,
        seller=tuple(orjson.loads(bill.seller or "[]")),
        buyer=(client["name"], *client["address"]),
        lines=tuple(lines),
        taxes=tuple(
            Tax(tax["name"], tax["percent"], net, Money(tax["amount_minor"], bill.currency)) for tax in kept["taxes"]
        ),
        total=Money(bill.total_minor - bill.refunded_minor, bill.currency),
        method=bill.method or "",
        reference=reference or bill.id,
        settled_on=bill.paid_at.date() if bill.paid_at else bill.due_on,
        live=bill.environment == "live",
        open=not paid,
        note=bill.note or "",
        withdrawn=bill.state == "void",
    )


def _line(line: BillLineView, currency: str) -> Line:
    many = f"{line['quantity']} x {Money(line['unit_minor'], currency)}: " if line["quantity"] > 1 else ""
    return Line(f"{many}{line['description']}", Money(line["amount_minor"], currency))

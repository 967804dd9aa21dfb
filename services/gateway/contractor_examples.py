"""Examples of the views about contractors' bills, beside those of ``examples.py``."""

from typing import Any

from actiontrac.contracts import contractor_bills as contract

BILL_ID = "bil_01jd8m3x2kq7v0c4n5r9t1w8ey"

ACCOUNT = {
    "provider": "stripe",
    "state": "ready",
    "account": "acct_1QxL2aB3cD4eF5gH",
    "environment": "sandbox",
    "fee_basis_points": 0,
    "onboarding_url": None,
    "connected_at": "2026-11-23T13:00:00Z",
}
LINES = [
    {"description": "Fitting of two presses", "quantity": 2, "unit_minor": 62500, "amount_minor": 125000},
]
BILL = {
    "id": BILL_ID,
    "number": "BILL-000042",
    "state": "open",
    "overdue": False,
    "client": {"name": "Clara Finch", "email": "clara@client.example", "address": ["4 Quay Road", "Astoria"]},
    "lines": LINES,
    "taxes": [],
    "total_minor": 125000,
    "refunded_minor": 0,
    "currency": "USD",
    "note": None,
    "issued_on": "2026-11-23",
    "due_on": "2026-12-23",
    "paid_at": None,
    "method": None,
    "credits": [],
    "page_url": "http://127.0.0.1:8000/pay/the-token-of-the-link",
    "environment": "sandbox",
}
DISCLOSURE = {
    "id": "dis_01jd8m3x2kq7v0c4n5r9t1w8ey",
    "recipient": "Stripe",
    "fields": "e-mail address, amount, currency, plan",
    "basis": "S32: to bill the member, who asked for this checkout",
    "about_id": "chk_01jd8m3x2kq7v0c4n5r9t1w8ey",
    "subject_id": "usr_01jd8kz0a4t6b8d2f4h6k8m0pq",
    "disclosed_at": "2026-11-23T13:00:00Z",
}

VIEWS: dict[Any, Any] = {
    contract.SellerAccountView: ACCOUNT,
    contract.SellerAccountList: {"items": [ACCOUNT]},
    contract.BillView: BILL,
    contract.BillList: {"items": [BILL], "next_cursor": None},
    contract.BillRefundView: {
        "id": "ref_01jd8m3x2kq7v0c4n5r9t1w8ey",
        "bill_id": BILL_ID,
        "state": "done",
        "amount_minor": 62500,
        "currency": "USD",
        "created_at": "2026-11-24T09:00:00Z",
    },
    contract.BillPageView: {
        **{name: BILL[name] for name in (
            "number", "state", "overdue", "lines", "taxes", "total_minor", "refunded_minor", "currency", "note",
            "issued_on", "due_on", "method", "credits", "environment",
        )},
        "seller": ["Acme Tools", "12 Mill Lane", "Portland, OR 97201", "US"],
        "client": ["Clara Finch", "4 Quay Road", "Astoria"],
        "paid_on": None,
        "methods": ["card", "paypal"],
        "payment": None,
        "last_error": None,
    },
    contract.BillPaymentView: {"approval_url": "http://127.0.0.1:8000/sandbox/stripe/c/pay/cs_test_1"},
    contract.DisclosureView: DISCLOSURE,
    contract.DisclosureList: {"items": [DISCLOSURE], "next_cursor": None},
}  # fmt: skip

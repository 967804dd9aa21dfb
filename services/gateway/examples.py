"""One example of every view, for the documentation; a test holds each against its schema."""

from typing import Any

from actiontrac.contracts import accounts, billing, notifications, workers
from services.gateway import contractor_examples, schemas, worker_examples

WORKER = {
    "id": "wrk_01jd8m3x2kq7v0c4n5r9t1w8ey",
    "worker_number": "W-0007",
    "first_name": "Wanda",
    "last_name": "Rivers",
    "work_email": "wanda@acme.example",
    "work_phone": None,
    "title": "Fitter",
    "department": "Assembly",
    "site": "Portland",
    "manager_id": None,
    "kind": "employee",
    "status": "active",
    "started_on": "2026-03-02",
    "ended_on": None,
    "tags": ["forklift"],
    "notes": None,
    "created_at": "2026-11-23T13:00:00Z",
    "updated_at": "2026-11-23T13:00:00Z",
}
SESSION = {
    "id": "ses_01jd8m3x2kq7v0c4n5r9t1w8ey",
    "user_id": "usr_01jd8kz0a4t6b8d2f4h6k8m0pq",
    "company_id": "com_01jd8kz0a4t6b8d2f4h6k8m0pq",
    "role": "owner",
    "mode": "bearer",
    "token": "the-token",
    "csrf_token": None,
    "created_at": "2026-11-23T13:00:00Z",
    "idle_expires_at": "2026-11-23T13:30:00Z",
    "expires_at": "2026-11-24T01:00:00Z",
}
COUPON = {
    "code": "SPRING-2027",
    "percent": 20,
    "amounts": {},
    "plans": [],
    "starts_on": "2026-11-23",
    "ends_on": "2027-05-31",
    "total_limit": 100,
    "company_limit": 1,
    "reserved": 1,
    "redeemed": 7,
    "ended_on": None,
}
NO_TAX = "No tax: no rate is set for US OR."
CHECKOUT = {
    "id": "chk_01jd8m3x2kq7v0c4n5r9t1w8ey",
    "state": "open",
    "plan": "starter",
    "plan_version": 1,
    "method": "card",
    "coupon": None,
    "discount_minor": 0,
    "subtotal_minor": 12000,
    "taxes": [],
    "tax_note": NO_TAX,
    "amount_minor": 12000,
    "currency": "USD",
    "approval_url": "https://checkout.stripe.com/c/pay/cs_test_a1",
    "last_error": None,
    "dispute": None,
    "environment": "sandbox",
    "created_at": "2026-11-23T13:00:00Z",
    "paid_at": None,
}
INVOICE = {
    "id": "inv_01jd8m3x2kq7v0c4n5r9t1w8ey",
    "number": "2026-000001",
    "kind": "invoice",
    "issued_on": "2026-11-23",
    "checkout_id": CHECKOUT["id"],
    "lines": [{"description": "Starter plan, up to 10 workers, one year", "amount_minor": 12000}],
    "subtotal_minor": 12000,
    "taxes": [],
    "tax_note": NO_TAX,
    "total_minor": 12000,
    "currency": "USD",
    "paid": True,
}
MEMBER = {
    "id": SESSION["user_id"],
    "first_name": "Olive",
    "last_name": "Archer",
    "email": "olive@acme.example",
    "role": "owner",
    "since": "2026-11-23T12:58:00Z",
}
INVITATION = {
    "id": "ivt_01jd8m3x2kq7v0c4n5r9t1w8ey",
    "email": "henry@acme.example",
    "role": "hr_manager",
    "status": "open",
    "expires_at": "2026-11-30T13:00:00Z",
}
COMPANY = {
    "id": SESSION["company_id"],
    "display_name": "Acme Tools",
    "company_name": "Acme Tools",
    "company_address": "12 Mill Lane",
    "city": "Portland",
    "state": "OR",
    "zip": "97201",
    "country": "US",
    "phone": "+1 503 555 0142",
    "status": "active",
    "created_at": "2026-11-23T12:58:00Z",
}
POLICY = {
    "slug": "privacy-policy",
    "title": "Privacy Policy",
    "version": "2016-11-12",
    "effective_on": "2016-11-12",
    "hash": "e8cdf8ec74eb47c2",
    "text": "This Privacy Policy hereby incorporates by reference …",
}
CAMPAIGN = {
    "id": "cam_01jd8m3x2kq7v0c4n5r9t1w8ey",
    "name": "Autumn webinar",
    "category": "promotions",
    "subject": "An hour about onboarding",
    "status": "sent",
    "queued": 2,
    "sent": 1,
    "suppressed": 1,
    "failed": 0,
    "unknown": 0,
    "created_at": "2026-11-23T13:00:00Z",
}
SUPPRESSION = {
    "address_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "reason": "hard_bounce",
    "created_at": "2026-11-23T13:00:00Z",
}
TICKET = {
    "id": "tkt_01jd8m3x2kq7v0c4n5r9t1w8ey",
    "kind": "other",
    "state": "open",
    "certain": True,
    "subject": "Re: Welcome to ActionTrac",
    "address": "olive@acme.example",
    "company_id": SESSION["company_id"],
    "user_id": SESSION["user_id"],
    "due_at": "2026-11-24T13:00:00Z",
    "overdue": False,
    "created_at": "2026-11-23T13:00:00Z",
    "closed_at": None,
}
IMPORT = {
    "id": "imp_01jd8m3x2kq7v0c4n5r9t1w8ey",
    "status": "done",
    "dry_run": False,
    "rows": 3,
    "created": 2,
    "updated": 0,
    "unchanged": 0,
    "failed": 1,
    "mapping": {"First name": "first_name", "Surname": "last_name"},
    "ignored_columns": ["Shoe size"],
    "errors": [{"row": 3, "field": "last_name", "problem": "is missing."}],
    "errors_left_off": 0,
    "created_at": "2026-11-23T13:00:00Z",
}


def page(*items: Any) -> dict[str, Any]:
    return {"items": list(items), "next_cursor": None}


QUOTE = {
    "id": "quo_01jd8m3x2kq7v0c4n5r9t1w8ey",
    "direction": "up",
    "from_plan": "starter",
    "plan": "team",
    "worker_limit": 50,
    "cost_minor": 24000,
    "credit_minor": 6000,
    "subtotal_minor": 18000,
    "taxes": [],
    "tax_note": NO_TAX,
    "charge_minor": 18000,
    "currency": "USD",
    "days_left": 183,
    "days_in_year": 365,
    "effective_on": "2027-05-24",
    "anniversary": "keep",
    "year_ends_on": "2027-11-22",
    "expires_at": "2027-05-24T14:00:00Z",
}


VIEWS: dict[Any, Any] = {
    accounts.RegistrationView: {"status": "verification_sent", "message": "We have sent you a mail; follow its link."},
    accounts.VerifiedView: {"status": "verified"},
    accounts.AcceptedView: {"status": "accepted", "message": "If there is such an account, a mail is on its way."},
    accounts.SessionView: SESSION,
    accounts.SessionList: page(
        {
            "id": SESSION["id"],
            "mode": "cookie",
            "browser": "Firefox 132",
            "current": True,
            "created_at": SESSION["created_at"],
            "last_used_at": "2026-11-23T13:04:00Z",
            "expires_at": SESSION["expires_at"],
        }
    ),
    accounts.MeView: {
        "id": SESSION["user_id"],
        "user_id": "olive",
        "first_name": "Olive",
        "last_name": "Archer",
        "email": "olive@acme.example",
        "phone": "+1 503 555 0142",
        "language": "en",
        "email_verified": True,
        "company_id": SESSION["company_id"],
        "role": "owner",
        "permissions": ["company.read", "workers.read", "workers.write"],
    },
    accounts.CompanyView: COMPANY,
    accounts.MemberView: MEMBER,
    accounts.MemberList: page(MEMBER),
    accounts.InvitationView: INVITATION,
    accounts.InvitationList: page(INVITATION),
    accounts.AcceptanceList: page(
        {"slug": "privacy-policy", "version": "2016-11-12", "kind": "agreed", "at": "2026-11-23T12:58:00Z"},
        {"slug": "promotions", "version": "2016-11-12", "kind": "declined", "at": "2026-11-23T12:58:00Z"},
    ),
    accounts.PolicyView: POLICY,
    accounts.PolicyList: page(POLICY),
    workers.WorkerView: WORKER,
    workers.WorkerList: page(WORKER),
    workers.ImportView: IMPORT,
    **worker_examples.VIEWS,
    **contractor_examples.VIEWS,
    billing.PlanList: page(
        {"code": "starter", "name": "Starter", "version": 1, "worker_limit": 10, "prices": {"USD": 12000}}
    ),
    billing.SubscriptionView: {
        "state": "active",
        "marks": [],
        "read_only": False,
        "changes_on": "2027-09-23",
        "plan": "starter",
        "plan_version": 1,
        "worker_limit": 10,
        "next_plan": None,
        "starts_on": "2026-11-23",
        "ends_on": "2027-11-22",
        "days_left": 365,
        "renews_automatically": False,
        "next_step": "Nothing to do; we write to you before it ends.",
    },
    billing.UsageView: {
        "managed": 12,
        "high_water": 12,
        "rule": "Active and suspended workers count; left and archived ones and users do not.",
        "plan": "starter",
        "worker_limit": 10,
        "percent": 120,
        "level": "over",
        "over_since": "2026-11-23",
        "grace_ends_on": "2026-12-06",
        "explanation": "Your plan allows 10 workers. You manage 12. More can be added until 2026-12-06, and then none: "
        "take a larger plan, or archive workers who have left.",
        "advice": {
            "direction": "up",
            "plan": "team",
            "reason": "You manage more workers than Starter allows.",
            "saving_minor": 0,
            "currency": "USD",
        },
    },
    billing.CheckoutView: CHECKOUT,
    billing.CheckoutList: page(CHECKOUT),
    billing.CheckoutQuoteView: {
        "plan": "starter",
        "plan_version": 1,
        "lines": [
            {"description": "Starter plan, up to 10 workers, one year", "amount_minor": 11000},
            {"description": "Coupon SPRING-2027", "amount_minor": -2200},
        ],
        "subtotal_minor": 8800,
        "taxes": [{"name": "VAT", "percent": "19", "base_minor": 8800, "amount_minor": 1672}],
        "tax_note": "",
        "amount_minor": 10472,
        "currency": "EUR",
    },
    billing.CouponView: COUPON,
    billing.CouponList: page(COUPON),
    billing.TaxProfileView: {"vat_id": "DE136695976", "vat_country": "DE", "exempt": False},
    billing.QuoteView: QUOTE,
    billing.PlanChangeView: {"state": "awaiting_payment", "quote": QUOTE, "checkout": CHECKOUT},
    billing.InvoiceView: INVOICE,
    billing.InvoiceList: page(INVOICE),
    billing.InvoiceFile: {"filename": "INV-000001.pdf", "content": "JVBERi0xLjQK"},
    billing.RefundView: {
        "id": "rfd_01jd8m3x2kq7v0c4n5r9t1w8ey",
        "checkout_id": CHECKOUT["id"],
        "state": "done",
        "amount_minor": 12000,
        "currency": "USD",
        "created_at": "2026-11-23T13:05:00Z",
    },
    billing.DisputeList: page(
        {
            "id": "dsp_01jd8m3x2kq7v0c4n5r9t1w8ey",
            "company_id": "com_01jd8m3x2kq7v0c4n5r9t1w8ey",
            "checkout_id": CHECKOUT["id"],
            "provider": "stripe",
            "provider_ref": "dp_1SZa2b3c4d5e6f",
            "state": "open",
            "reason": "fraudulent",
            "amount_minor": 12000,
            "fee_minor": 1500,
            "currency": "USD",
            "opened_at": "2026-12-01T09:00:00Z",
            "closed_at": None,
        }
    ),
    billing.WebhookView: {"status": "accepted"},
    notifications.PreferencesView: {
        "items": [
            {"category": "promotions", "name": "Promotions and webinars", "on": False, "can_switch_off": True},
            {"category": "security", "name": "Security of your account", "on": True, "can_switch_off": False},
        ]
    },
    notifications.CampaignView: CAMPAIGN,
    notifications.CampaignList: page(CAMPAIGN),
    notifications.DeadMessageList: page(
        {
            "id": "msg_01jd8m3x2kq7v0c4n5r9t1w8ey",
            "company_id": SESSION["company_id"],
            "template": "receipt",
            "category": "plan_status",
            "reason": "the mail server refused the address",
            "attempts": 6,
            "created_at": "2026-11-23T13:00:00Z",
        }
    ),
    notifications.InboundView: {"outcome": "opted_out"},
    notifications.SuppressionView: SUPPRESSION,
    notifications.SuppressionList: page(SUPPRESSION),
    notifications.SuppressionHistoryView: {
        "suppression": SUPPRESSION,
        "changes": [
            {
                "change": "added",
                "reason": "Asked on the phone",
                "changed_by": "staff",
                "changed_at": "2026-11-23T13:00:00Z",
            }
        ],
    },
    notifications.TicketList: page(TICKET),
    notifications.TicketThreadView: {
        **TICKET,
        "entries": [
            {
                "direction": "in",
                "text": "How do we add a second owner?",
                "attachments": 0,
                "at": "2026-11-23T13:00:00Z",
            }
        ],
    },
    schemas.CurrentSessionView: {
        "id": SESSION["id"],
        "user_id": SESSION["user_id"],
        "company_id": SESSION["company_id"],
        "role": "owner",
        "permissions": ["company.read", "workers.read", "workers.write"],
        "mode": "cookie",
        "csrf_token": "the-csrf-token",
        "idle_expires_at": SESSION["idle_expires_at"],
        "expires_at": SESSION["expires_at"],
    },
    schemas.HealthView: {"status": "ok"},
    schemas.ReadinessView: {
        "status": "ok",
        "services": {"accounts": "ok", "workers": "ok", "billing": "ok", "notifications": "ok"},
    },
}

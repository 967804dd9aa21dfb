"""
The four services as the gateway sees them, without databases: canned views, and every call written down.

What they do is decided by what they are asked: ``wrk_missing`` is not found,
``wrk_broken`` fails with a text that nobody may see.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import eventlet

from actiontrac import bus, clock, context
from actiontrac.contracts import (
    accounts,
    billing,
    contractor_bills,
    notifications,
    worker_actions,
    worker_chart,
    worker_history,
    workers,
)
from actiontrac.events import Event
from actiontrac.service import PUBLIC, SERVICE_ONLY, SIGNED_IN, Service, SettingsProvider, rpc
from actiontrac.storage import Replayed
from services.gateway import examples

SECRET = "4111111111111111 is what the exception says"

PEOPLE = {
    "owner": "com_acme",
    "billing": "com_acme",
    "hr_manager": "com_acme",
    "viewer": "com_acme",
    "rival": "com_rival",
}


def written(service: Any, name: str, arguments: dict[str, Any]) -> None:
    asked = context.current()
    line = {
        "service": service.name,
        "method": name,
        "arguments": arguments,
        "request_id": asked.request_id,
        "key": asked.idempotency_key,
        "traceparent": asked.traceparent,
        "user_id": asked.principal.user_id if asked.principal else None,
        "deadline": asked.deadline is not None,
    }
    with Path(service.settings.home, "calls.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def view(kind: Any) -> Any:
    return examples.VIEWS[kind]


def _canned(name: str, kind: Any, requires: str, write: bool) -> Callable[..., Any]:
    def method(self: Any, **arguments: Any) -> Any:
        written(self, name, arguments)
        return None if kind is None else view(kind)

    method.__name__ = name
    return rpc(requires=requires, write=write)(method)


def canned(**methods: tuple[Any, str, bool]) -> Callable[[type], type]:
    """Methods that only write down what they were asked: name to (view, permission, whether it writes)."""

    def add(kind: type) -> type:
        for name, (answer, requires, write) in methods.items():
            setattr(kind, name, _canned(name, answer, requires, write))
        return kind

    return add


class Fake(Service):
    settings = SettingsProvider()


def publish(service: Any, event: Event) -> None:
    with bus.connect(service.settings) as connection:
        channel = connection.channel()
        exchange = bus.events_exchange(event.source)
        exchange(channel).declare()
        bus.publish(
            channel,
            event.to_wire().encode(),
            exchange=exchange.name,
            routing_key=event.type,
            headers=context.to_headers(context.current(), service.settings.secret("BUS_KEY")),
        )


@canned(
    register_company=(accounts.RegistrationView, PUBLIC, True),
    verify_email=(accounts.VerifiedView, PUBLIC, True),
    list_sessions=(accounts.SessionList, SIGNED_IN, False),
    get_me=(accounts.MeView, SIGNED_IN, False),
    update_me=(accounts.MeView, SIGNED_IN, True),
    request_password_reset=(accounts.AcceptedView, PUBLIC, True),
    get_company=(accounts.CompanyView, "company.read", False),
    update_company=(accounts.CompanyView, "company.write", True),
    list_members=(accounts.MemberList, "members.read", False),
    change_role=(accounts.MemberView, "members.write", True),
    create_invitation=(accounts.InvitationView, "members.write", True),
    list_invitations=(accounts.InvitationList, "members.read", False),
    revoke_invitation=(None, "members.write", True),
    accept_invitation=(accounts.VerifiedView, PUBLIC, True),
    list_policies=(accounts.PolicyList, PUBLIC, False),
    list_acceptances=(accounts.AcceptanceList, SIGNED_IN, False),
)
class AccountsService(Fake):
    name = "accounts"
    ended: set[str] = set()

    @rpc(requires=PUBLIC, write=True)
    def create_session(self, *, credentials: dict[str, Any], address_token: str, browser: str) -> Any:
        written(self, "create_session", {"address_token": address_token, "browser": browser})
        if credentials["password"] != "correct horse":
            raise accounts.SignInFailed()
        mode = credentials.get("mode", "cookie")
        csrf = "csrf-of-owner" if mode == "cookie" else None
        return {**view(accounts.SessionView), "mode": mode, "token": f"owner.{mode}", "csrf_token": csrf}

    @rpc(requires=SERVICE_ONLY)
    def resolve_session(self, *, token: str) -> Any:
        """``<role>.<anything>``; ``operator`` is the staff's."""
        written(self, "resolve_session", {"token": token})
        role = token.partition(".")[0]
        if token in self.ended or role not in (*PEOPLE, "operator"):
            raise accounts.SessionEnded()
        seconds = 5 if token.endswith(".brief") else 1800
        ends = clock.iso(clock.now().replace(microsecond=0) + _seconds(seconds))
        permissions = (
            accounts.STAFF_PERMISSIONS
            if role == "operator"
            else accounts.PERMISSIONS.get(role, accounts.PERMISSIONS["owner"])
        )
        return {
            "session_id": f"ses_{token}",
            "user_id": f"usr_{role}",
            "company_id": PEOPLE.get(role, ""),
            "role": role,
            "permissions": list(permissions),
            "mode": "bearer",
            "csrf_token": f"csrf-of-{role}",
            "idle_expires_at": ends,
            "expires_at": ends,
        }

    @rpc(requires=SIGNED_IN, write=True)
    def end_session(self, *, company_id: str, user_id: str, session_id: str) -> None:
        written(self, "end_session", {"session_id": session_id})
        self.ended.add(session_id.removeprefix("ses_"))

    @rpc(requires=SIGNED_IN, write=True)
    def change_password(self, *, company_id: str, user_id: str, session_id: str, change: dict[str, Any]) -> None:
        """Ends the session ``owner.other``, as accounts ends a person's other sessions."""
        self.ended.add("owner.other")
        publish(self, accounts.SessionsRevoked(company_id=company_id, session_ids=["ses_owner.other"]))

    @rpc(requires="members.write", write=True)
    def remove_member(self, *, company_id: str, member_id: str) -> None:
        publish(self, accounts.RightsChanged(company_id=company_id, user_id=member_id))

    @rpc(requires=PUBLIC, write=True)
    def reset_password(self, *, reset: dict[str, Any]) -> Any:
        if reset["new_password"] == "password":
            raise accounts.PasswordTooCommon()
        if reset["token"].startswith("bad"):
            raise accounts.TokenInvalid()
        return view(accounts.VerifiedView)

    @rpc(requires=PUBLIC)
    def get_policy(self, *, slug: str, on: str | None = None) -> Any:
        if slug not in ("privacy-policy", "terms-of-service"):
            raise accounts.PolicyNotFound()
        return {**view(accounts.PolicyView), "slug": slug, "text": "Consent\nYou agree to <this>.\n\nAnd to that."}


def _seconds(number: int) -> Any:
    from datetime import timedelta

    return timedelta(seconds=number)


@canned(
    list_workers=(workers.WorkerList, "workers.read", False),
    update_worker=(workers.WorkerView, "workers.write", True),
    archive_worker=(workers.WorkerView, "workers.write", True),
    import_workers=(workers.ImportView, "workers.import", True),
    get_import=(workers.ImportView, "workers.read", False),
    get_sweep=(workers.SweepView, PUBLIC, False),
    create_action=(worker_actions.ActionView, "workers.write", True),
    get_action=(worker_actions.ActionView, "workers.read", False),
    list_actions=(worker_actions.ActionList, "workers.read", False),
    list_worker_actions=(worker_actions.ActionList, "workers.read", False),
    update_action=(worker_actions.ActionView, "workers.write", True),
    create_action_template=(worker_actions.TemplateView, "workers.write", True),
    list_action_templates=(worker_actions.TemplateList, "workers.write", False),
    delete_action_template=(None, "workers.write", True),
    get_org_chart=(worker_chart.ChartView, "workers.read", False),
    draw_org_chart=(None, "workers.read", False),
    list_positions=(worker_chart.PositionList, "workers.read", False),
    create_vacancy=(worker_chart.VacancyView, "workers.write", True),
    list_vacancies=(worker_chart.VacancyList, "workers.read", False),
    delete_vacancy=(None, "workers.write", True),
    export_workers=(None, "workers.import", False),
    list_history=(worker_history.History, "workers.write", False),
    restore_worker=(workers.WorkerView, "workers.write", True),
)
class WorkersService(Fake):
    name = "workers"

    @rpc(requires="workers.read")
    def get_worker(self, *, company_id: str, worker_id: str) -> Any:
        written(self, "get_worker", {"company_id": company_id, "worker_id": worker_id})
        if worker_id == "wrk_missing":
            raise workers.WorkerNotFound()
        if worker_id == "wrk_broken":
            raise RuntimeError(SECRET)
        if worker_id.startswith("wrk_slow"):
            eventlet.sleep(float(worker_id.removeprefix("wrk_slow") or 1))
        return {**view(workers.WorkerView), "id": worker_id}

    @rpc(requires="workers.write", write=True)
    def create_worker(self, *, company_id: str, worker: dict[str, Any]) -> Any:
        written(self, "create_worker", {"worker": worker})
        if context.current().idempotency_key == "seen-before":
            raise Replayed(view(workers.WorkerView))
        refusals = {"no-seat": workers.SeatLimitReached, "read-only": workers.AccountReadOnly}
        if worker["last_name"] in refusals:
            raise refusals[worker["last_name"]]("Starter allows 10 workers. Team allows 50.")
        return view(workers.WorkerView)


@canned(
    list_plans=(billing.PlanList, PUBLIC, False),
    get_subscription=(billing.SubscriptionView, "billing.read", False),
    start_trial=(billing.SubscriptionView, "billing.write", True),
    get_usage=(billing.UsageView, "billing.read", False),
    quote_plan_change=(billing.QuoteView, "billing.write", True),
    change_plan=(billing.PlanChangeView, "billing.write", True),
    quote_checkout=(billing.CheckoutQuoteView, "billing.write", True),
    get_tax_profile=(billing.TaxProfileView, "billing.read", False),
    change_tax_profile=(billing.TaxProfileView, "billing.write", True),
    create_coupon=(billing.CouponView, "staff", True),
    list_coupons=(billing.CouponList, "staff", False),
    end_coupon=(billing.CouponView, "staff", True),
    set_tax_exemption=(billing.TaxProfileView, "staff", True),
    create_checkout=(billing.CheckoutView, "billing.write", True),
    get_checkout=(billing.CheckoutView, "billing.read", False),
    list_checkouts=(billing.CheckoutList, "billing.read", False),
    create_refund=(billing.RefundView, "billing.write", True),
    list_disputes=(billing.DisputeList, "staff", False),
    list_invoices=(billing.InvoiceList, "billing.read", False),
    get_invoice=(billing.InvoiceView, "billing.read", False),
    get_invoice_pdf=(billing.InvoiceFile, "billing.read", False),
    list_seller_accounts=(contractor_bills.SellerAccountList, "billing.read", False),
    connect_seller_account=(contractor_bills.SellerAccountView, "billing.write", True),
    disconnect_seller_account=(contractor_bills.SellerAccountView, "billing.write", True),
    issue_bill=(contractor_bills.BillView, "billing.write", True),
    list_bills=(contractor_bills.BillList, "billing.read", False),
    get_bill=(contractor_bills.BillView, "billing.read", False),
    get_bill_pdf=(billing.InvoiceFile, "billing.read", False),
    void_bill=(contractor_bills.BillView, "billing.write", True),
    refund_bill=(contractor_bills.BillRefundView, "billing.write", True),
    show_bill_pdf=(billing.InvoiceFile, PUBLIC, False),
    list_disclosures=(contractor_bills.DisclosureList, "billing.read", False),
)
class BillingService(Fake):
    name = "billing"

    @rpc(requires=PUBLIC)
    def show_bill(self, *, token: str) -> Any:
        """``<state>``, ``open.<payment>``; ``missing`` is not ours."""
        if token == "missing":
            raise contractor_bills.BillNotFound()
        state, _, payment = token.partition(".")
        paid = {"paid_on": "2026-11-24", "method": "card"} if state not in ("open", "void") else {}
        return {
            **view(contractor_bills.BillPageView), "state": state, "payment": payment or None, **paid,
            "note": "Thank you & <b>good-bye</b>.", "last_error": "card_declined" if payment == "failed" else None,
        }  # fmt: skip

    @rpc(requires=PUBLIC, write=True)
    def pay_bill(self, *, token: str, method: str) -> Any:
        written(self, "pay_bill", {"token": token, "method": method})
        if token != "open":
            raise contractor_bills.BillClosed()
        return view(contractor_bills.BillPaymentView)

    @rpc(requires=PUBLIC)
    def return_to_bill(self, *, token: str, checkout_id: str) -> Any:
        written(self, "return_to_bill", {"token": token, "checkout_id": checkout_id})
        return self.show_bill(token=token)

    @rpc(requires=PUBLIC)
    def return_from_provider(self, *, provider: str, checkout_id: str) -> Any:
        written(self, "return_from_provider", {"provider": provider, "checkout_id": checkout_id})
        if checkout_id == "chk_missing":
            raise billing.CheckoutNotFound()
        return {"state": checkout_id.removeprefix("chk_"), "checkout_id": checkout_id}

    @rpc(requires=PUBLIC)
    def receive_webhook(self, *, provider: str, headers: dict[str, str], raw: str) -> Any:
        written(self, "receive_webhook", {"provider": provider, "headers": headers, "raw": raw})
        if headers.get("stripe-signature") == "forged":
            raise billing.SignatureRefused()
        return view(billing.WebhookView)


@canned(
    get_preferences=(notifications.PreferencesView, SIGNED_IN, False),
    update_preferences=(notifications.PreferencesView, SIGNED_IN, True),
    create_campaign=(notifications.CampaignView, "campaigns.write", True),
    get_campaign=(notifications.CampaignView, "campaigns.read", False),
    list_campaigns=(notifications.CampaignList, "campaigns.read", False),
    list_dead_messages=(notifications.DeadMessageList, "staff", False),
    requeue_message=(None, "staff", True),
    receive_mail=(notifications.InboundView, PUBLIC, False),
    list_suppressions=(notifications.SuppressionList, "staff", False),
    find_suppression=(notifications.SuppressionHistoryView, "staff", True),
    add_suppression=(notifications.SuppressionView, "staff", True),
    remove_suppression=(None, "staff", True),
    list_support_tickets=(notifications.TicketList, "staff", False),
    get_support_ticket=(notifications.TicketThreadView, "staff", False),
    answer_support_ticket=(notifications.TicketThreadView, "staff", True),
)
class NotificationsService(Fake):
    name = "notifications"
    stopped: set[str] = set()

    @rpc(requires=PUBLIC)
    def show_unsubscribe(self, *, token: str) -> Any:
        written(self, "show_unsubscribe", {"token": token})
        if token == "unknown":
            raise notifications.LinkInvalid()
        return {"category": "promotions", "name": "Promotions and webinars", "subscribed": token not in self.stopped}

    @rpc(requires=PUBLIC, write=True)
    def unsubscribe(self, *, token: str, one_click: bool = False) -> Any:
        written(self, "unsubscribe", {"token": token, "one_click": one_click})
        self.stopped.add(token)
        return {"category": "promotions", "name": "Promotions and webinars", "subscribed": False}


SERVICES = (AccountsService, WorkersService, BillingService, NotificationsService)

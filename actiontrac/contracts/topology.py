"""
Every event that the product emits, and who handles it: the whole flow on one screen.

The relay declares these queues before it publishes, so that an event that somebody
waits for cannot be published into nothing. A handler that is missing here does not
start; a test pins the table against the services' code.

Broadcast handlers (the gateway's) are not listed: their queues live as long as a
replica, and what they do is only to forget sooner what would expire anyway.
"""

#: event type → the handlers, as service.method
SUBSCRIPTIONS: dict[str, tuple[str, ...]] = {
    "company.registered": ("notifications.on_company_registered",),
    "member.joined": ("notifications.on_member_joined",),
    "company.activated": (),
    "security_mail.requested": ("notifications.on_security_mail_requested",),
    "sessions.revoked": (),
    "rights.changed": (),
    "worker.count_changed": ("billing.on_worker_count_changed",),
    "action.due": (),
    "subscription.activated": ("notifications.on_subscription_activated",),
    "subscription.trial_started": ("notifications.on_subscription_trial_started",),
    "subscription.renewal_due": ("notifications.on_subscription_renewal_due",),
    "subscription.grace_started": ("notifications.on_subscription_grace_started",),
    "subscription.read_only": ("notifications.on_subscription_read_only",),
    "subscription.lapsed": ("notifications.on_subscription_lapsed",),
    "subscription.terminated": ("notifications.on_subscription_terminated",),
    "subscription.plan_changed": ("notifications.on_subscription_plan_changed",),
    "payment.received": ("notifications.on_payment_received",),
    "payment.disputed": ("notifications.on_payment_disputed",),
    "dispute.closed": ("notifications.on_dispute_closed",),
    "payment.refunded": ("notifications.on_payment_refunded",),
    "usage.warned": ("notifications.on_usage_warned",),
    "allowance.changed": ("workers.on_allowance_changed",),
    "plan.advised": ("notifications.on_plan_advised",),
    "bill.issued": ("notifications.on_bill_issued",),
    "bill.overdue": ("notifications.on_bill_overdue",),
    "bill.paid": ("notifications.on_bill_paid",),
    "bill.refunded": ("notifications.on_bill_refunded",),
    "bill.voided": (),
}

#: service → the services whose events its replicas hear by broadcast
BROADCASTS: dict[str, tuple[str, ...]] = {"gateway": ("accounts",)}

#: service → the services that it asks; a test pins the table against the services' code
CALLS: dict[str, tuple[str, ...]] = {
    "gateway": ("accounts", "workers", "billing", "notifications"),
    "workers": ("accounts",),
    "billing": ("accounts",),
    "notifications": ("accounts", "billing"),
}

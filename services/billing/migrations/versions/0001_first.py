"""Plans, checkouts, payments, paid years, documents, refunds, meters and webhooks."""

import sqlalchemy as sa
from alembic import op

from actiontrac.storage.migration import create_chassis_tables, drop_chassis_tables, enable_company_isolation

revision = "0001"
down_revision = None

COMPANY_TABLES = (
    "checkouts", "dated_notices", "disclosures", "invoices", "ledger_entries", "meters", "payments", "plan_quotes", "refunds",
    "subscription_years", "subscriptions",
)  # fmt: skip


def upgrade() -> None:
    create_chassis_tables(op, "billing")
    op.create_table(
        "checkouts",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("bought_by", sa.String(40), nullable=False),
        sa.Column("request_key", sa.String(64), nullable=True),
        sa.Column("plan_code", sa.String(40), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("plan_name", sa.String(80), nullable=False),
        sa.Column("worker_limit", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("provider", sa.String(10), nullable=False),
        sa.Column("environment", sa.String(10), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("provider_ref", sa.String(255), nullable=True),
        sa.Column("approval_url", sa.Text(), nullable=True),
        sa.Column("capture_attempt", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(120), nullable=True),
        sa.Column("needs_review", sa.Boolean(), nullable=False),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refunded_minor", sa.Integer(), nullable=False),
        sa.Column("quote_id", sa.String(40), nullable=True),
        sa.Column("parties_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkouts")),
        sa.UniqueConstraint("company_id", "request_key", name=op.f("uq_checkouts_company_id_request_key")),
    )
    op.create_index(op.f("ix_checkouts_company_id"), "checkouts", ["company_id"], unique=False)
    op.create_index(op.f("ix_checkouts_next_check_at"), "checkouts", ["next_check_at"], unique=False)
    op.create_index(op.f("ix_checkouts_provider_ref"), "checkouts", ["provider_ref"], unique=False)
    op.create_table(
        "dated_notices",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("about", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dated_notices")),
        sa.UniqueConstraint("company_id", "about", "kind", name=op.f("uq_dated_notices_company_id_about_kind")),
    )
    op.create_index(op.f("ix_dated_notices_company_id"), "dated_notices", ["company_id"], unique=False)
    op.create_table(
        "disclosures",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("checkout_id", sa.String(40), nullable=False),
        sa.Column("subject_id", sa.String(40), nullable=False),
        sa.Column("recipient", sa.String(40), nullable=False),
        sa.Column("fields", sa.String(200), nullable=False),
        sa.Column("basis", sa.String(120), nullable=False),
        sa.Column("disclosed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disclosures")),
    )
    op.create_index(op.f("ix_disclosures_checkout_id"), "disclosures", ["checkout_id"], unique=False)
    op.create_index(op.f("ix_disclosures_company_id"), "disclosures", ["company_id"], unique=False)
    op.create_table(
        "invoices",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("checkout_id", sa.String(40), nullable=False),
        sa.Column("refund_id", sa.String(40), nullable=True),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("parties_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoices")),
        sa.UniqueConstraint("number", name=op.f("uq_invoices_number")),
    )
    op.create_index(op.f("ix_invoices_checkout_id"), "invoices", ["checkout_id"], unique=False)
    op.create_index(op.f("ix_invoices_company_id"), "invoices", ["company_id"], unique=False)
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("transaction_id", sa.String(40), nullable=False),
        sa.Column("checkout_id", sa.String(40), nullable=False),
        sa.Column("account", sa.String(20), nullable=False),
        sa.Column("debit_minor", sa.Integer(), nullable=False),
        sa.Column("credit_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("environment", sa.String(10), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint(
            "company_id", "transaction_id", "account", name=op.f("uq_ledger_entries_company_id_transaction_id_account")
        ),
    )
    op.create_index(op.f("ix_ledger_entries_company_id"), "ledger_entries", ["company_id"], unique=False)
    op.create_table(
        "meters",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("managed", sa.Integer(), nullable=False),
        sa.Column("high_water", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("warned", sa.String(4), nullable=False),
        sa.Column("advised", sa.String(60), nullable=False),
        sa.Column("review_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meters")),
        sa.UniqueConstraint("company_id", name=op.f("uq_meters_company_id")),
    )
    op.create_index(op.f("ix_meters_company_id"), "meters", ["company_id"], unique=False)
    op.create_index(op.f("ix_meters_review_at"), "meters", ["review_at"], unique=False)
    op.create_table(
        "number_series",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_number_series")),
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("checkout_id", sa.String(40), nullable=False),
        sa.Column("provider", sa.String(10), nullable=False),
        sa.Column("provider_ref", sa.String(255), nullable=False),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("environment", sa.String(10), nullable=False),
        sa.Column("authentication", sa.String(40), nullable=True),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("company_id", "checkout_id", name=op.f("uq_payments_company_id_checkout_id")),
    )
    op.create_index(op.f("ix_payments_company_id"), "payments", ["company_id"], unique=False)
    op.create_index(op.f("ix_payments_provider_ref"), "payments", ["provider_ref"], unique=False)
    op.create_table(
        "plan_quotes",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("year_id", sa.String(40), nullable=False),
        sa.Column("direction", sa.String(4), nullable=False),
        sa.Column("from_plan", sa.String(40), nullable=False),
        sa.Column("from_version", sa.Integer(), nullable=False),
        sa.Column("from_limit", sa.Integer(), nullable=False),
        sa.Column("from_price", sa.Integer(), nullable=False),
        sa.Column("held_minor", sa.Integer(), nullable=False),
        sa.Column("held_since", sa.Date(), nullable=False),
        sa.Column("to_plan", sa.String(40), nullable=False),
        sa.Column("to_version", sa.Integer(), nullable=False),
        sa.Column("to_name", sa.String(80), nullable=False),
        sa.Column("to_limit", sa.Integer(), nullable=False),
        sa.Column("to_price", sa.Integer(), nullable=False),
        sa.Column("cost_minor", sa.Integer(), nullable=False),
        sa.Column("credit_minor", sa.Integer(), nullable=False),
        sa.Column("charge_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("days_left", sa.Integer(), nullable=False),
        sa.Column("days_in_year", sa.Integer(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("year_ends_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_quotes")),
    )
    op.create_index(op.f("ix_plan_quotes_company_id"), "plan_quotes", ["company_id"], unique=False)
    op.create_index(op.f("ix_plan_quotes_year_id"), "plan_quotes", ["year_id"], unique=False)
    op.create_table(
        "plans",
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("worker_limit", sa.Integer(), nullable=False),
        sa.Column("prices", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", "version", name=op.f("pk_plans")),
    )
    op.create_table(
        "refunds",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("checkout_id", sa.String(40), nullable=False),
        sa.Column("asked_by", sa.String(40), nullable=True),
        sa.Column("request_key", sa.String(64), nullable=True),
        sa.Column("cause", sa.String(20), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("provider_ref", sa.String(255), nullable=True),
        sa.Column("last_error", sa.String(120), nullable=True),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("company_id", "request_key", name=op.f("uq_refunds_company_id_request_key")),
    )
    op.create_index(op.f("ix_refunds_checkout_id"), "refunds", ["checkout_id"], unique=False)
    op.create_index(op.f("ix_refunds_company_id"), "refunds", ["company_id"], unique=False)
    op.create_index(op.f("ix_refunds_next_check_at"), "refunds", ["next_check_at"], unique=False)
    op.create_table(
        "subscription_years",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("checkout_id", sa.String(40), nullable=False),
        sa.Column("plan_code", sa.String(40), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("worker_limit", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("held_minor", sa.Integer(), nullable=False),
        sa.Column("held_since", sa.Date(), nullable=False),
        sa.Column("high_water", sa.Integer(), nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_years")),
        sa.UniqueConstraint("company_id", "checkout_id", name=op.f("uq_subscription_years_company_id_checkout_id")),
    )
    op.create_index(op.f("ix_subscription_years_company_id"), "subscription_years", ["company_id"], unique=False)
    op.create_index(
        "uq_subscription_years_standing",
        "subscription_years",
        ["company_id", "starts_on"],
        unique=True,
        sqlite_where=sa.text("refunded_at IS NULL"),
        postgresql_where=sa.text("refunded_at IS NULL"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("trial_plan", sa.String(40), nullable=True),
        sa.Column("trial_version", sa.Integer(), nullable=True),
        sa.Column("trial_limit", sa.Integer(), nullable=True),
        sa.Column("trial_starts_on", sa.Date(), nullable=True),
        sa.Column("trial_ends_on", sa.Date(), nullable=True),
        sa.Column("next_plan", sa.String(40), nullable=True),
        sa.Column("terminated_on", sa.Date(), nullable=True),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
        sa.UniqueConstraint("company_id", name=op.f("uq_subscriptions_company_id")),
    )
    op.create_index(op.f("ix_subscriptions_company_id"), "subscriptions", ["company_id"], unique=False)
    op.create_index(op.f("ix_subscriptions_look_at"), "subscriptions", ["look_at"], unique=False)
    op.create_table(
        "webhook_notices",
        sa.Column("provider", sa.String(10), nullable=False),
        sa.Column("event_id", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(80), nullable=False),
        sa.Column("provider_ref", sa.String(255), nullable=True),
        sa.Column("payment_id", sa.String(255), nullable=True),
        sa.Column("charge_ref", sa.String(255), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_webhook_notices")),
    )
    op.create_index(op.f("ix_webhook_notices_due_at"), "webhook_notices", ["due_at"], unique=False)
    op.create_index(op.f("ix_webhook_notices_received_at"), "webhook_notices", ["received_at"], unique=False)

    for table in COMPANY_TABLES:
        enable_company_isolation(op, table)


def downgrade() -> None:
    for table in (*COMPANY_TABLES, "plans", "number_series", "webhook_notices"):
        op.drop_table(table)
    drop_chassis_tables(op, "billing")

"""A company that sells: its accounts, its bills and credit notes, and the checkouts that pay them (T13)."""

import sqlalchemy as sa
from alembic import op

from actiontrac.storage.migration import enable_company_isolation

revision = "0007"
down_revision = "0006"

COMPANY_TABLES = ("seller_accounts", "bills", "bill_credits")


def upgrade() -> None:
    with op.batch_alter_table("checkouts") as checkouts:
        checkouts.add_column(sa.Column("bill_id", sa.String(40), nullable=True))
        checkouts.add_column(sa.Column("seller", sa.String(255), nullable=True))
        checkouts.add_column(sa.Column("fee_minor", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_checkouts_bill_id"), "checkouts", ["bill_id"], unique=False)
    op.create_table(
        "seller_accounts",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("provider", sa.String(10), nullable=False),
        sa.Column("account", sa.String(255), nullable=True),
        sa.Column("environment", sa.String(10), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("connected_by", sa.String(40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seller_accounts")),
        sa.UniqueConstraint("company_id", "provider", name=op.f("uq_seller_accounts_company_id_provider")),
    )
    op.create_index(op.f("ix_seller_accounts_company_id"), "seller_accounts", ["company_id"], unique=False)
    op.create_table(
        "bills",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("environment", sa.String(10), nullable=False),
        sa.Column("state", sa.String(14), nullable=False),
        sa.Column("issued_by", sa.String(40), nullable=False),
        sa.Column("request_key", sa.String(64), nullable=True),
        sa.Column("link_hash", sa.String(64), nullable=False),
        sa.Column("total_minor", sa.Integer(), nullable=False),
        sa.Column("refunded_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("checkout_id", sa.String(40), nullable=True),
        sa.Column("method", sa.String(10), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("link_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("client_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("seller_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("lines_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bills")),
        sa.UniqueConstraint("company_id", "number", name=op.f("uq_bills_company_id_number")),
        sa.UniqueConstraint("company_id", "request_key", name=op.f("uq_bills_company_id_request_key")),
    )
    op.create_index(op.f("ix_bills_company_id"), "bills", ["company_id"], unique=False)
    op.create_index(op.f("ix_bills_remind_at"), "bills", ["remind_at"], unique=False)
    op.create_index(op.f("ix_bills_link_hash"), "bills", ["link_hash"], unique=True)
    op.create_table(
        "bill_credits",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("bill_id", sa.String(40), nullable=False),
        sa.Column("refund_id", sa.String(40), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_credits")),
        sa.UniqueConstraint("company_id", "number", name=op.f("uq_bill_credits_company_id_number")),
        sa.UniqueConstraint("company_id", "refund_id", name=op.f("uq_bill_credits_company_id_refund_id")),
    )
    op.create_index(op.f("ix_bill_credits_company_id"), "bill_credits", ["company_id"], unique=False)
    op.create_index(op.f("ix_bill_credits_bill_id"), "bill_credits", ["bill_id"], unique=False)
    for table in COMPANY_TABLES:
        enable_company_isolation(op, table)


def downgrade() -> None:
    for table in COMPANY_TABLES:
        op.drop_table(table)
    op.drop_index(op.f("ix_checkouts_bill_id"), table_name="checkouts")
    with op.batch_alter_table("checkouts") as checkouts:
        for name in ("bill_id", "seller", "fee_minor"):
            checkouts.drop_column(name)

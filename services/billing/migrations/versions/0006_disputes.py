"""Disputes, their mark on a payment, and refunds that were made at the processor."""

import sqlalchemy as sa
from alembic import op

from actiontrac.storage.migration import enable_company_isolation

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("checkout_id", sa.String(40), nullable=False),
        sa.Column("provider", sa.String(10), nullable=False),
        sa.Column("provider_ref", sa.String(255), nullable=False),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("amount_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("fee_minor", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint("company_id", "provider_ref", name=op.f("uq_disputes_company_id_provider_ref")),
    )
    op.create_index(op.f("ix_disputes_company_id"), "disputes", ["company_id"], unique=False)
    op.create_index(op.f("ix_disputes_checkout_id"), "disputes", ["checkout_id"], unique=False)
    op.add_column("checkouts", sa.Column("dispute", sa.String(10), nullable=True))
    op.create_index("uq_refunds_company_id_provider_ref", "refunds", ["company_id", "provider_ref"], unique=True)
    enable_company_isolation(op, "disputes")


def downgrade() -> None:
    op.drop_index("uq_refunds_company_id_provider_ref", table_name="refunds")
    with op.batch_alter_table("checkouts") as table:
        table.drop_column("dispute")
    op.drop_table("disputes")

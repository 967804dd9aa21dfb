"""Coupons and their uses."""

import sqlalchemy as sa
from alembic import op

from actiontrac.storage.migration import enable_company_isolation

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "coupons",
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("amounts", sa.Text(), nullable=False),
        sa.Column("plans", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("total_limit", sa.Integer(), nullable=True),
        sa.Column("company_limit", sa.Integer(), nullable=True),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("redeemed", sa.Integer(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_coupons")),
    )
    op.create_table(
        "coupon_uses",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("coupon_code", sa.String(40), nullable=False),
        sa.Column("checkout_id", sa.String(40), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupon_uses")),
        sa.UniqueConstraint("company_id", "checkout_id", name=op.f("uq_coupon_uses_company_id_checkout_id")),
    )
    op.create_index(op.f("ix_coupon_uses_company_id"), "coupon_uses", ["company_id"], unique=False)
    op.create_index(op.f("ix_coupon_uses_coupon_code"), "coupon_uses", ["coupon_code"], unique=False)
    enable_company_isolation(op, "coupon_uses")
    op.add_column("checkouts", sa.Column("coupon_code", sa.String(40), nullable=True))
    op.add_column("checkouts", sa.Column("discount_minor", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("checkouts", "discount_minor")
    op.drop_column("checkouts", "coupon_code")
    op.drop_table("coupon_uses")
    op.drop_table("coupons")

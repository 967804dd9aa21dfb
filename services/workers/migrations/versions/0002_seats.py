"""What billing allows a company."""

import sqlalchemy as sa
from alembic import op

from actiontrac.storage.migration import enable_company_isolation

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "seat_allowances",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("plan", sa.String(80), nullable=False),
        sa.Column("worker_limit", sa.Integer(), nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("terms", sa.String(80), nullable=False),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("next_plan", sa.String(80), nullable=False),
        sa.Column("next_limit", sa.Integer(), nullable=False),
        sa.Column("next_terms", sa.String(80), nullable=False),
        sa.Column("read_only_on", sa.Date(), nullable=True),
        sa.Column("read_only_after", sa.String(12), nullable=False),
        sa.Column("larger_plans", sa.JSON(), nullable=False),
        sa.Column("over_since", sa.Date(), nullable=True),
        sa.Column("grace_used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_seat_allowances"),
        sa.UniqueConstraint("company_id", name="uq_seat_allowances_company_id"),
    )
    op.create_index("ix_seat_allowances_company_id", "seat_allowances", ["company_id"])
    enable_company_isolation(op, "seat_allowances")


def downgrade() -> None:
    op.drop_table("seat_allowances")

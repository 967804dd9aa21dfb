"""Upgrades that begin a new year."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("plan_quotes", sa.Column("anniversary", sa.String(5), nullable=False, server_default="keep"))
    op.add_column("plan_quotes", sa.Column("from_starts_on", sa.Date(), nullable=True))
    op.add_column("plan_quotes", sa.Column("from_ends_on", sa.Date(), nullable=True))


def downgrade() -> None:
    for column in ("from_ends_on", "from_starts_on", "anniversary"):
        op.drop_column("plan_quotes", column)

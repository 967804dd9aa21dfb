"""Bounces that are counted, and who changed the list of suppressed addresses and why."""

import sqlalchemy as sa
from alembic import op

from actiontrac.storage.columns import UTCDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "bounces",
        sa.Column("message_id", sa.String(40), nullable=False),
        sa.Column("address_index", sa.String(64), nullable=False),
        sa.Column("reported_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="pk_bounces"),
    )
    op.create_index("ix_bounces_address_index", "bounces", ["address_index"])
    op.create_index("ix_bounces_reported_at", "bounces", ["reported_at"])
    op.create_table(
        "suppression_changes",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("address_index", sa.String(64), nullable=False),
        sa.Column("change", sa.String(8), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.String(40), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_suppression_changes"),
    )
    op.create_index("ix_suppression_changes_address_index", "suppression_changes", ["address_index"])


def downgrade() -> None:
    for table in ("suppression_changes", "bounces"):
        op.drop_table(table)

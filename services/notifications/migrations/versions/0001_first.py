"""The tables of notifications."""

import sqlalchemy as sa
from alembic import op

from actiontrac.storage.columns import UTCDateTime
from actiontrac.storage.migration import (
    create_chassis_tables,
    drop_chassis_tables,
    enable_company_isolation,
)

revision = "0001"
down_revision = None

ISOLATED = ("messages", "preferences", "consents")


def upgrade() -> None:
    create_chassis_tables(op, "notifications")
    op.create_table(
        "campaigns",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("category", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(150), nullable=False),
        sa.Column("heading", sa.String(150), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("lease_until", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
    )
    op.create_index("ix_campaigns_status", "campaigns", ["status"])
    op.create_table(
        "messages",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.Column("recipient_id", sa.String(40), nullable=False),
        sa.Column("category", sa.String(20), nullable=False),
        sa.Column("template", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("event_key", sa.String(80), nullable=False),
        sa.Column("campaign_id", sa.String(40), nullable=True),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("reason", sa.String(40), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("lease_until", UTCDateTime(), nullable=True),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name="fk_messages_campaign_id_campaigns"),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.UniqueConstraint(
            "company_id",
            "recipient_id",
            "template",
            "event_key",
            name="uq_messages_company_id_recipient_id_template_event_key",
        ),
    )
    op.create_index("ix_messages_company_id", "messages", ["company_id"])
    op.create_index("ix_messages_campaign_id", "messages", ["campaign_id"])
    op.create_index("ix_messages_finished_at", "messages", ["finished_at"])
    op.create_index("ix_messages_state_priority_due_at", "messages", ["state", "priority", "due_at"])
    op.create_table(
        "preferences",
        sa.Column("user_id", sa.String(40), nullable=False),
        sa.Column("category", sa.String(20), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("policy_version", sa.String(40), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "category", name="pk_preferences"),
    )
    op.create_index("ix_preferences_company_id", "preferences", ["company_id"])
    op.create_table(
        "consents",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.Column("user_id", sa.String(40), nullable=False),
        sa.Column("category", sa.String(20), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("policy_version", sa.String(40), nullable=False),
        sa.Column("recorded_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
    )
    op.create_index("ix_consents_company_id", "consents", ["company_id"])
    op.create_index("ix_consents_user_id", "consents", ["user_id"])
    op.create_table(
        "suppressions",
        sa.Column("address_index", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("address_index", name="pk_suppressions"),
    )
    for table in ISOLATED:
        enable_company_isolation(op, table)


def downgrade() -> None:
    for table in ("suppressions", "consents", "preferences", "messages", "campaigns"):
        op.drop_table(table)
    drop_chassis_tables(op, "notifications")

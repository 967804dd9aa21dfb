"""Mail that comes in: what was seen, and the tickets of support."""

import sqlalchemy as sa
from alembic import op

from actiontrac.storage.columns import UTCDateTime
from actiontrac.storage.migration import enable_company_isolation

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "inbound_mails",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(12), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_inbound_mails"),
    )
    op.create_index("ix_inbound_mails_received_at", "inbound_mails", ["received_at"])
    op.create_table(
        "support_tickets",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("user_id", sa.String(40), nullable=True),
        sa.Column("category", sa.String(20), nullable=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("subject_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("mail_id_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_support_tickets"),
    )
    op.create_index("ix_support_tickets_company_id", "support_tickets", ["company_id"])
    op.create_index("ix_support_tickets_closed_at", "support_tickets", ["closed_at"])
    op.create_index("ix_support_tickets_state_due_at", "support_tickets", ["state", "due_at"])
    op.create_table(
        "support_entries",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("ticket_id", sa.String(40), nullable=False),
        sa.Column("direction", sa.String(4), nullable=False),
        sa.Column("attachments", sa.Integer(), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["support_tickets.id"], name="fk_support_entries_ticket_id_support_tickets"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_support_entries"),
    )
    op.create_index("ix_support_entries_company_id", "support_entries", ["company_id"])
    op.create_index("ix_support_entries_ticket_id", "support_entries", ["ticket_id"])
    for table in ("support_tickets", "support_entries"):
        enable_company_isolation(op, table)


def downgrade() -> None:
    for table in ("support_entries", "support_tickets", "inbound_mails"):
        op.drop_table(table)

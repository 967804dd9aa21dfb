"""Tax: of a checkout, a quote and a document, and what decides it."""

import sqlalchemy as sa
from alembic import op

from actiontrac.storage.migration import enable_company_isolation

revision = "0003"
down_revision = "0002"

#: What was sold before had no tax.
TAXED = ("checkouts", "plan_quotes", "invoices")


def upgrade() -> None:
    for table in TAXED:
        op.add_column(table, sa.Column("taxes", sa.Text(), nullable=False, server_default="[]"))
        op.add_column(table, sa.Column("tax_note", sa.String(200), nullable=False, server_default=""))
    op.add_column("checkouts", sa.Column("net_minor", sa.Integer(), nullable=False, server_default="0"))
    if op.get_bind().dialect.name == "postgresql":
        # The owner of the tables is bound to one company too, unless it says that it means all.
        op.execute("SELECT set_config('app.company_id', '*', true)")
    op.execute("UPDATE checkouts SET net_minor = amount_minor")
    op.create_table(
        "tax_profiles",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("vat_id_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("vat_country", sa.String(2), nullable=True),
        sa.Column("exempt", sa.Boolean(), nullable=False),
        sa.Column("exempt_reason_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tax_profiles")),
        sa.UniqueConstraint("company_id", name=op.f("uq_tax_profiles_company_id")),
    )
    op.create_index(op.f("ix_tax_profiles_company_id"), "tax_profiles", ["company_id"], unique=False)
    enable_company_isolation(op, "tax_profiles")


def downgrade() -> None:
    op.drop_table("tax_profiles")
    op.drop_column("checkouts", "net_minor")
    for table in TAXED:
        op.drop_column(table, "tax_note")
        op.drop_column(table, "taxes")

"""The tables of workers, beside those that every service has."""

import sqlalchemy as sa
from alembic import op

from actiontrac.storage import UTCDateTime
from actiontrac.storage.migration import create_chassis_tables, drop_chassis_tables, enable_company_isolation

revision = "0001"
down_revision = None

COMPANY_TABLES = (
    "workers", "managed_counts", "count_snapshots", "worker_imports", "quarantined_fields", "worker_actions",
    "action_templates", "worker_positions", "vacancies", "worker_versions",
)

#: Compared byte by byte on every database.
KEY = sa.String(160).with_variant(sa.String(160, collation="C"), "postgresql")


def upgrade() -> None:
    create_chassis_tables(op, "workers")
    op.create_table(
        "workers",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.Column("worker_number", sa.String(40), nullable=False),
        sa.Column("first_name", sa.String(80), nullable=False),
        sa.Column("last_name", sa.String(80), nullable=False),
        sa.Column("title", sa.String(120), nullable=True),
        sa.Column("department", sa.String(80), nullable=True),
        sa.Column("site", sa.String(80), nullable=True),
        sa.Column("manager_id", sa.String(40), nullable=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("work_email_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("work_phone_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("notes_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("work_email_index", sa.String(64), nullable=True),
        sa.Column("name_key", KEY, nullable=False),
        sa.Column("number_key", KEY, nullable=False),
        sa.Column("number_order", KEY, nullable=False),
        sa.Column("start_key", KEY, nullable=False),
        sa.Column("department_key", KEY, nullable=False),
        sa.Column("site_key", KEY, nullable=False),
        sa.Column("tags_key", sa.Text(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
        sa.UniqueConstraint("company_id", "number_key", name="uq_workers_company_id_number_key"),
    )
    for columns in (
        ("name_key", "id"),
        ("number_order", "id"),
        ("created_at", "id"),
        ("start_key", "id"),
        ("manager_id",),
        ("work_email_index",),
    ):
        op.create_index("_".join(("ix_workers_company_id", *columns)), "workers", ["company_id", *columns])
    op.create_table(
        "managed_counts",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.Column("managed", sa.Integer(), nullable=False),
        sa.Column("high_water", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_managed_counts"),
        sa.UniqueConstraint("company_id", name="uq_managed_counts_company_id"),
    )
    op.create_table(
        "count_snapshots",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.Column("taken_on", sa.Date(), nullable=False),
        sa.Column("managed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_count_snapshots"),
        sa.UniqueConstraint("company_id", "taken_on", name="uq_count_snapshots_company_id_taken_on"),
    )
    op.create_table(
        "worker_imports",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("result_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_worker_imports"),
    )
    op.create_index("ix_worker_imports_created_at", "worker_imports", ["created_at"])
    op.create_table(
        "sweep_runs",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("night_of", sa.Date(), nullable=True),
        sa.Column("position", sa.String(40), nullable=False),
        sa.Column("checked", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Integer(), nullable=False),
        sa.Column("unreadable", sa.Integer(), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_sweep_runs"),
        sa.UniqueConstraint("night_of", name="uq_sweep_runs_night_of"),
    )
    op.create_index("ix_sweep_runs_finished_at", "sweep_runs", ["finished_at"])
    op.create_table(
        "quarantined_fields",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.Column("worker_id", sa.String(40), nullable=False),
        sa.Column("field", sa.String(40), nullable=False),
        sa.Column("finding", sa.String(40), nullable=False),
        sa.Column("sweep_id", sa.String(40), nullable=False),
        sa.Column("found_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantined_fields"),
    )
    op.create_table(
        "worker_actions",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.Column("worker_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("visibility", sa.String(20), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_key", KEY, nullable=False),
        sa.Column("remind_on", sa.Date(), nullable=True),
        sa.Column("reminder_on", sa.Date(), nullable=True),
        sa.Column("reminded_for", sa.Date(), nullable=True),
        sa.Column("reminded_at", UTCDateTime(), nullable=True),
        sa.Column("author_id", sa.String(40), nullable=True),
        sa.Column("owner_id", sa.String(40), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_worker_actions"),
    )
    for indexed in (["company_id", "worker_id", "id"], ["company_id", "due_key", "id"], ["reminder_on"]):
        op.create_index("_".join(["ix_worker_actions", *indexed]), "worker_actions", indexed)
    op.create_table(
        "action_templates",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("visibility", sa.String(20), nullable=False),
        sa.Column("due_in_days", sa.Integer(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_action_templates"),
    )
    op.create_table(
        "worker_positions",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.Column("worker_id", sa.String(40), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("title", sa.String(120), nullable=True),
        sa.Column("department", sa.String(80), nullable=True),
        sa.Column("site", sa.String(80), nullable=True),
        sa.Column("manager_id", sa.String(40), nullable=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_worker_positions"),
    )
    op.create_index(
        "ix_worker_positions_company_id_worker_id_effective_on_id",
        "worker_positions",
        ["company_id", "worker_id", "effective_on", "id"],
    )
    op.create_table(
        "vacancies",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("department", sa.String(80), nullable=True),
        sa.Column("site", sa.String(80), nullable=True),
        sa.Column("manager_id", sa.String(40), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_vacancies"),
    )
    op.create_table(
        "worker_versions",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.String(40), nullable=False),
        sa.Column("worker_id", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("author_id", sa.String(40), nullable=True),
        sa.Column("restored_from", sa.Integer(), nullable=True),
        sa.Column("changed", sa.JSON(), nullable=False),
        sa.Column("profile_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_worker_versions"),
        sa.UniqueConstraint(
            "company_id", "worker_id", "version", name="uq_worker_versions_company_id_worker_id_version"
        ),
    )
    for table in COMPANY_TABLES:
        op.create_index(f"ix_{table}_company_id", table, ["company_id"])
        enable_company_isolation(op, table)


def downgrade() -> None:
    for table in (*COMPANY_TABLES, "sweep_runs"):
        op.drop_table(table)
    drop_chassis_tables(op, "workers")

"""What workers was told a company may do, and since when it is over its limit."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from actiontrac.storage import UTCDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    with op.batch_alter_table("subscriptions") as subscriptions:
        subscriptions.add_column(sa.Column("allowance", sa.Text(), nullable=True))
        subscriptions.add_column(sa.Column("allowance_version", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("meters") as meters:
        meters.add_column(sa.Column("over_since", sa.Date(), nullable=True))
        meters.add_column(sa.Column("over_until", sa.Date(), nullable=True))
        meters.alter_column("warned", type_=sa.String(10), existing_type=sa.String(4), existing_nullable=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SELECT set_config('app.company_id', '*', true)")
    # Who bought before this release is looked at soon, and then told to workers.
    subscriptions_now = sa.table("subscriptions", sa.column("look_at", UTCDateTime()))
    op.execute(sa.update(subscriptions_now).values(look_at=datetime(2000, 1, 1, tzinfo=UTC)))


def downgrade() -> None:
    with op.batch_alter_table("meters") as meters:
        meters.alter_column("warned", type_=sa.String(4), existing_type=sa.String(10), existing_nullable=False)
        meters.drop_column("over_until")
        meters.drop_column("over_since")
    with op.batch_alter_table("subscriptions") as subscriptions:
        subscriptions.drop_column("allowance_version")
        subscriptions.drop_column("allowance")

"""The races again on PostgreSQL, where transactions run side by side, as a role that sees one company at a time."""

import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from actiontrac.storage import CompanyOwned
from actiontrac.storage.migration import migrate
from actiontrac.testing import settings_for
from services.billing.models import Base
from tests.billing.test_billing_allowance import TestLevels, TestTelling
from tests.billing.test_billing_checkout import TestOneRequestOneCheckout
from tests.billing.test_billing_coupons import TestLimits
from tests.billing.test_billing_invoices import TestInvoices, TestWhatIsKept
from tests.billing.test_billing_plans import TestApplying, TestVersions
from tests.billing.test_billing_reconciliation import TestReconciling
from tests.billing.test_billing_refunds import TestOnce, TestRefunding
from tests.billing.test_billing_settle import TestPaying, TestTwoPaymentsForOneYear
from tests.billing.test_billing_subscriptions import TestTheYearsEnd
from tests.billing.test_billing_tax import TestAYear, open_taxed
from tests.billing.test_billing_usage import TestTheFigure
from tests.billing.test_billing_webhooks import TestWorking
from tests.servers.servers import Servers

__all__ = [
    "TestAYear",
    "TestApplying",
    "TestInvoices",
    "TestLevels",
    "TestLimits",
    "TestOnce",
    "TestOneRequestOneCheckout",
    "TestPaying",
    "TestReconciling",
    "TestRefunding",
    "TestTelling",
    "TestTheFigure",
    "TestTheYearsEnd",
    "TestTwoPaymentsForOneYear",
    "TestVersions",
    "TestWhatIsKept",
    "TestWorking",
    "open_taxed",
]

pytestmark = pytest.mark.full

#: Every table with a row per company that buying or looking fills or may fill.
COMPANY_TABLES = [
    mapper.local_table.name for mapper in Base.registry.mappers if issubclass(mapper.class_, CompanyOwned)
]


@pytest.fixture(scope="session")
def database(servers: Servers) -> Iterator[dict[str, str]]:
    name = f"b{secrets.token_hex(4)}"
    url, owner_url = servers.create_databases(name)["billing"]
    yield {"ACTIONTRAC_BILLING_DATABASE_URL": url, "ACTIONTRAC_BILLING_DATABASE_OWNER_URL": owner_url}
    servers.drop_databases(name)


def test_the_database_shows_no_company_the_rows_of_another(shop):
    shop.buy()
    with shop.service.store("com_rival") as store:
        for table in COMPANY_TABLES:
            seen = store.session.execute(text(f"SELECT count(*) FROM {table} WHERE company_id = 'com_acme'")).scalar()
            assert seen == 0, table
    with shop.service.store("com_acme") as store:
        assert store.session.execute(text("SELECT count(*) FROM checkouts")).scalar() == 1


def test_what_was_sold_before_there_was_tax_is_all_net(servers, tmp_path):
    name = f"b{secrets.token_hex(4)}"
    url, owner_url = servers.create_databases(name)["billing"]
    settings = settings_for(
        tmp_path, ACTIONTRAC_BILLING_DATABASE_URL=url, ACTIONTRAC_BILLING_DATABASE_OWNER_URL=owner_url
    )
    migrate("billing", settings, "0002")
    owner = create_engine(owner_url.replace("postgresql://", "postgresql+psycopg2://", 1))
    with owner.begin() as connection:
        connection.execute(text("SELECT set_config('app.company_id', 'com_acme', true)"))
        connection.execute(
            text(
                "INSERT INTO checkouts (id, bought_by, plan_code, plan_version, plan_name, worker_limit, method,"
                " provider, environment, amount_minor, currency, state, capture_attempt, needs_review, checks,"
                " checked_at, created_at, expires_at, refunded_minor, company_id) VALUES ('chk_1', 'usr_1', 'team', 1,"
                " 'Team', 50, 'card', 'stripe', 'live', 48000, 'USD', 'paid', 1, false, 0, now(), now(), now(), 0,"
                " 'com_acme')"
            )
        )
    migrate("billing", settings)
    with owner.begin() as connection:
        connection.execute(text("SELECT set_config('app.company_id', 'com_acme', true)"))
        row = connection.execute(text("SELECT net_minor, taxes, discount_minor FROM checkouts")).one()
    owner.dispose()
    servers.drop_databases(name)

    assert tuple(row) == (48000, "[]", 0)

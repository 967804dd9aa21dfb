from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actiontrac.service import Opener
from actiontrac.storage import Database
from actiontrac.testing import as_request, settings_for
from actiontrac.vault import LocalKeyProvider
from tests.chassis import sample
from tests.servers.servers import Servers

sample.install()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.full)])
def alpha(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener[sample.AlphaStore]]:
    """Opens stores of the sample service, on each kind of database."""
    settings = settings_for(tmp_path)
    if request.param == "sqlite":
        url = owner_url = f"sqlite:///{tmp_path}/alpha.db"
    else:
        servers: Servers = request.getfixturevalue("servers")
        # The roles of a real service's database: the app's role owns nothing.
        url, owner_url = servers.create_databases(f"c{abs(hash(tmp_path)) % 10**8}")["workers"]
    sample.create_tables(owner_url, sample.AlphaBase, ("things",))
    database = Database(url)
    as_request()
    yield Opener(sample.AlphaStore, database, LocalKeyProvider(settings.secret("MASTER_KEY")), write=True)
    database.dispose()


@pytest.fixture
def raw(alpha: Opener[sample.AlphaStore]) -> Callable[..., Any]:
    """Run SQL beside the store, as somebody with the service's own database role would."""
    import sqlalchemy as sa

    def run(statement: str, company_id: str | None = None, **values: Any) -> Any:
        database = alpha.across_companies()._database
        with database.engine.begin() as connection:
            if company_id is not None and not database.is_sqlite:
                connection.execute(sa.text("SELECT set_config('app.company_id', :c, true)"), {"c": company_id})
            result = connection.execute(sa.text(statement), values)
            return result.fetchall() if result.returns_rows else result.rowcount

    return run

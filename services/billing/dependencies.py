"""What the service is given beside the chassis' dependencies: processors and plans."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nameko.extensions import DependencyProvider

from actiontrac.config import ConfigurationError, Settings
from services.billing import plans, tax_table, taxing
from services.billing.circuit import Guarded
from services.billing.operator_files import OperatorFile, OperatorFileWrong
from services.billing.plans import OnSale
from services.billing.providers import PaymentProvider, factory
from services.billing.tax_table import TaxTable


class Processors(Mapping[str, PaymentProvider]):
    """The payment processors of this installation, by name; made at their first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[str, PaymentProvider] | None = None

    def __getitem__(self, name: str) -> PaymentProvider:
        return self._providers()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._providers())

    def __len__(self) -> int:
        return len(self._providers())

    def _providers(self) -> dict[str, PaymentProvider]:
        # Late, because the sandbox of the embedded mode has no address before it is started.
        if self._made is None:
            built = factory.build(provider_settings(self._settings))
            self._made = {name: Guarded(provider) for name, provider in built.items()}
        return self._made


def provider_settings(settings: Settings) -> factory.ProviderSettings:
    def secret(name: str) -> str:
        try:
            return settings.secret(name)
        except ConfigurationError:
            # An installation may have only one of the processors; the factory sees what is missing.
            return ""

    return factory.ProviderSettings(
        mode=settings.mode,
        sandbox_url=settings.sandbox_url,
        stripe_secret_key=secret("STRIPE_SECRET_KEY"),
        stripe_webhook_secret=secret("STRIPE_WEBHOOK_SECRET"),
        stripe_connect_webhook_secret=secret("STRIPE_CONNECT_WEBHOOK_SECRET"),
        stripe_base=settings.stripe_base,
        paypal_client_id=secret("PAYPAL_CLIENT_ID"),
        paypal_client_secret=secret("PAYPAL_CLIENT_SECRET"),
        paypal_webhook_id=secret("PAYPAL_WEBHOOK_ID"),
        paypal_endpoint=settings.paypal_endpoint,
    )


class Providers(DependencyProvider):
    """``providers = Providers()``: the processors, by name."""

    def setup(self) -> None:
        self._processors = Processors(self.container.config["settings"])

    def get_dependency(self, worker_ctx: Any) -> Mapping[str, PaymentProvider]:
        return self._processors


class Catalogue:
    """What the operator's files say about what is sold and which tax is added to it."""

    def __init__(self, plans_file: Path, taxes_file: Path) -> None:
        self.plans: OperatorFile[OnSale] = OperatorFile("plans", plans_file, plans.parse)
        self.taxes: OperatorFile[TaxTable] = OperatorFile("taxes", taxes_file, tax_table.parse)
        #: Whether this process has seen to it that the database has them.
        self.kept = False

    def check(self) -> None:
        """
        Raises:
            ConfigurationError: a file cannot be used.
        """
        for file, setting in ((self.plans, "PLANS_FILE"), (self.taxes, "TAXES_FILE")):
            try:
                assert file.contents
            except OperatorFileWrong as problem:
                raise ConfigurationError(f"{problem} Mend the file that ACTIONTRAC_{setting} names.") from None


def catalogue_for(settings: Settings) -> Catalogue:
    return Catalogue(
        Path(settings.option("PLANS_FILE", str(plans.DEFAULT_FILE))),
        Path(settings.option("TAXES_FILE", str(tax_table.DEFAULT_FILE))),
    )


class Plans(DependencyProvider):
    """``catalogue = Plans()``: the operator's files; a wrong one, or a wrong setting about tax, stops the start."""

    def setup(self) -> None:
        settings: Settings = self.container.config["settings"]
        self._catalogue = catalogue_for(settings)
        self._catalogue.check()
        taxing.rules_of(settings)

    def get_dependency(self, worker_ctx: Any) -> Catalogue:
        return self._catalogue

"""What the service is given beside the chassis' dependencies: processors and plans."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nameko.extensions import DependencyProvider

from actiontrac.config import ConfigurationError, Settings
from services.billing import plans
from services.billing.circuit import Guarded
from services.billing.plans import Offer, TrialOffer
from services.billing.providers import PaymentProvider, factory


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
    """The plans on sale, read from the operator's file once per process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offers: list[Offer] | None = None
        self._trial: TrialOffer | None = None
        #: Whether this process has seen to it that the database has them.
        self.kept = False

    @property
    def offers(self) -> list[Offer]:
        if self._offers is None:
            self._trial = plans.read_trial(self._path)
            self._offers = plans.read(self._path)
        return self._offers

    @property
    def trial(self) -> TrialOffer | None:
        """What may be tried without a card; None where the operator offers no trial."""
        assert self.offers
        return self._trial

    @property
    def versions(self) -> list[tuple[str, int]]:
        return [(offer.code, offer.version) for offer in self.offers]


def catalogue_for(settings: Settings) -> Catalogue:
    return Catalogue(Path(settings.option("PLANS_FILE", str(plans.DEFAULT_FILE))))


class Plans(DependencyProvider):
    """``catalogue = Plans()``: the plans on sale; a wrong file stops the service at its start."""

    def setup(self) -> None:
        self._catalogue = catalogue_for(self.container.config["settings"])
        try:
            assert self._catalogue.offers
        except plans.PlanFileWrong as problem:
            raise ConfigurationError(f"{problem} Mend the file that ACTIONTRAC_PLANS_FILE names.") from None

    def get_dependency(self, worker_ctx: Any) -> Catalogue:
        return self._catalogue

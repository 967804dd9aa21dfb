"""
The part of the contract that needs no human, against Stripe's own test mode.

Collected only where ACTIONTRAC_TEST_STRIPE_KEY is set; otherwise the run says "not run".
"""

import os
import uuid

import pytest

from actiontrac import clock
from services.billing.providers import Money, PaymentProvider, ProviderRefused, Request, State
from services.billing.providers.factory import STRIPE_LIVE, ProviderSettings, build


@pytest.fixture
def provider() -> PaymentProvider:
    settings = ProviderSettings(
        mode="sandbox",
        stripe_secret_key=os.environ["ACTIONTRAC_TEST_STRIPE_KEY"],
        stripe_webhook_secret="whsec_unused",
        stripe_base=STRIPE_LIVE,
        answer_seconds=20,
    )
    return build(settings)["stripe"]


@pytest.fixture
def request_to_pay() -> Request:
    return Request(
        payment_id=f"pay_{uuid.uuid4().hex}",
        amount=Money(12000, "USD"),
        description="ActionTrac contract test",
        email="ada@acme.example",
        success_url="https://acme.example/return",
        cancel_url="https://acme.example/cancel",
        expires_at=clock.in_days(0.5),
    )


def test_keys_work(provider: PaymentProvider) -> None:
    provider.check()
    assert provider.environment == "test"


def test_starts_one_checkout_and_closes_it(provider: PaymentProvider, request_to_pay: Request) -> None:
    started = provider.start(request_to_pay)

    assert provider.start(request_to_pay) == started
    found = provider.settle(started.ref)
    assert (found.state, found.amount, found.payment_id) == (
        State.OPEN,
        request_to_pay.amount,
        request_to_pay.payment_id,
    )
    assert provider.cancel(started.ref).state is State.CLOSED


def test_does_not_find_what_is_not_there(provider: PaymentProvider) -> None:
    with pytest.raises(ProviderRefused, match="resource_missing"):
        provider.fetch("cs_test_doesnotexist")

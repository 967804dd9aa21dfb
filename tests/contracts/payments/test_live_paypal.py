"""
The part of the contract that needs no human, against PayPal's own sandbox.

Collected only where ACTIONTRAC_TEST_PAYPAL_CLIENT_ID and …_CLIENT_SECRET are set;
otherwise the run says "not run".
"""

import os
import uuid

import pytest

from services.billing.providers import Money, PaymentProvider, ProviderRefused, Request, State
from services.billing.providers.factory import PAYPAL_TEST, ProviderSettings, build


@pytest.fixture
def provider() -> PaymentProvider:
    settings = ProviderSettings(
        mode="sandbox",
        paypal_client_id=os.environ["ACTIONTRAC_TEST_PAYPAL_CLIENT_ID"],
        paypal_client_secret=os.environ["ACTIONTRAC_TEST_PAYPAL_CLIENT_SECRET"],
        paypal_webhook_id="UNUSED",
        paypal_endpoint=PAYPAL_TEST,
        answer_seconds=20,
    )
    return build(settings)["paypal"]


@pytest.fixture
def request_to_pay() -> Request:
    return Request(
        payment_id=f"pay_{uuid.uuid4().hex}",
        amount=Money(12000, "USD"),
        description="ActionTrac contract test",
        email="ada@acme.example",
        success_url="https://acme.example/return",
        cancel_url="https://acme.example/cancel",
    )


def test_starts_one_order_that_waits_for_the_payer(provider: PaymentProvider, request_to_pay: Request) -> None:
    started = provider.start(request_to_pay)

    assert provider.start(request_to_pay).ref == started.ref
    found = provider.settle(started.ref)
    assert (found.state, found.amount, found.payment_id) == (
        State.OPEN,
        request_to_pay.amount,
        request_to_pay.payment_id,
    )


def test_does_not_find_what_is_not_there(provider: PaymentProvider) -> None:
    with pytest.raises(ProviderRefused):
        provider.fetch("DOESNOTEXIST")

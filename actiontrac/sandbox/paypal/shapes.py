"""
What the sandbox accepts from a caller of PayPal.

PayPal overlooks fields that it does not know. The sandbox refuses them on
purpose: a misspelt field would otherwise look as if it worked.
"""

import re
from typing import Any

from actiontrac.sandbox.database import Document
from actiontrac.sandbox.paypal import errors

#: Currencies of PayPal that take no decimals.
WITHOUT_DECIMALS = ("HUF", "JPY", "TWD")
CURRENCIES = (
    "AUD BRL CAD CNY CZK DKK EUR HKD HUF ILS JPY MYR MXN TWD NZD NOK PHP PLN GBP SGD SEK CHF THB USD".split()  # noqa: SIM905
)
#: Two places before the decimal point of a million and more are beyond any subscription.
VALUE = re.compile(r"\d{1,12}(\.\d+)?")

MONEY = {"currency_code": None, "value": None}
ORDER: Document = {
    "intent": None,
    "purchase_units": [
        {
            "reference_id": None,
            "amount": MONEY,
            "payee": {"merchant_id": None, "email_address": None},
            "payment_instruction": {"disbursement_mode": None, "platform_fees": [{"amount": MONEY}]},
            "custom_id": None,
            "invoice_id": None,
            "description": None,
            "soft_descriptor": None,
        }
    ],
    "payment_source": {
        "paypal": {
            "email_address": None,
            "experience_context": {
                "payment_method_preference": None,
                "shipping_preference": None,
                "user_action": None,
                "return_url": None,
                "cancel_url": None,
                "brand_name": None,
                "locale": None,
                "landing_page": None,
            },
        }
    },
    "application_context": {
        "return_url": None,
        "cancel_url": None,
        "user_action": None,
        "shipping_preference": None,
        "brand_name": None,
        "locale": None,
    },
}
CAPTURE: Document = {}


def case(kept: Document) -> Document:
    """A dispute as PayPal shows it: its number is its only id."""
    return {name: value for name, value in kept.items() if name != "id"}


def transaction(capture: Document) -> Document:
    """A payment as the transaction search tells it; T0006 is what came through a checkout."""
    told = {
        "transaction_id": capture["id"],
        "transaction_event_code": "T0006",
        "transaction_initiation_date": capture["create_time"],
        "transaction_updated_date": capture["create_time"],
        "transaction_amount": capture["amount"],
        "transaction_status": "P" if capture["status"] == "PENDING" else "S",
    }
    for ours, theirs in (("custom_id", "custom_field"), ("invoice_id", "invoice_id")):
        if ours in capture:
            told[theirs] = capture[ours]
    return told


REFUND: Document = {"amount": MONEY, "invoice_id": None, "custom_id": None, "note_to_payer": None}
LONGEST = {"custom_id": 127, "invoice_id": 127, "description": 127, "note_to_payer": 255}


def check(value: Any, shape: Any, path: str = "") -> None:
    """
    Raises:
        ApiError: 400 with the path of the first field that is unknown, misshapen or too long.
    """
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            raise errors.refuse(400, "INVALID_PARAMETER_SYNTAX", field=path or "/")
        for key, inner in value.items():
            if key not in shape:
                raise errors.refuse(400, "UNSUPPORTED_PARAMETER", field=f"{path}/{key}")
            check(inner, shape[key], f"{path}/{key}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise errors.refuse(400, "INVALID_PARAMETER_SYNTAX", field=path)
        for index, inner in enumerate(value):
            check(inner, shape[0], f"{path}/{index}")
    elif not isinstance(value, str):
        raise errors.refuse(400, "INVALID_PARAMETER_SYNTAX", field=path)
    elif len(value) > LONGEST.get(path.rsplit("/", 1)[-1], 3000):
        raise errors.refuse(400, "INVALID_STRING_MAX_LENGTH", field=path)


def check_order(order: Document) -> None:
    """
    Raises:
        ApiError: 400 or 422, as PayPal refuses.
    """
    check(order, ORDER)
    if order.get("intent") != "CAPTURE":
        raise errors.refuse(400, "INVALID_PARAMETER_VALUE", field="/intent")
    units = order.get("purchase_units")
    if not units:
        raise errors.refuse(400, "MISSING_REQUIRED_PARAMETER", field="/purchase_units")
    if len(units) > 1:
        raise errors.refuse(400, "INVALID_ARRAY_MAX_ITEMS", field="/purchase_units")
    check_money(units[0].get("amount"), "/purchase_units/0/amount")
    instruction = units[0].get("payment_instruction", {})
    for fee in instruction.get("platform_fees", []):
        if "merchant_id" not in units[0].get("payee", {}):
            raise errors.unprocessable("PAYEE_ACCOUNT_INVALID", field="/purchase_units/0/payee")
        check_money(fee.get("amount"), "/purchase_units/0/payment_instruction/platform_fees/0/amount")


def check_money(money: Any, path: str) -> None:
    """
    Raises:
        ApiError: 400 or 422.
    """
    if not isinstance(money, dict) or not {"currency_code", "value"} <= money.keys():
        raise errors.refuse(400, "MISSING_REQUIRED_PARAMETER", field=path)
    if not VALUE.fullmatch(money["value"]):
        raise errors.refuse(400, "INVALID_PARAMETER_SYNTAX", field=f"{path}/value")
    if money["currency_code"] not in CURRENCIES:
        raise errors.unprocessable("CURRENCY_NOT_SUPPORTED", field=f"{path}/currency_code")
    decimals = len(money["value"].partition(".")[2])
    if money["currency_code"] in WITHOUT_DECIMALS and decimals:
        raise errors.unprocessable("DECIMALS_NOT_SUPPORTED", field=f"{path}/value")
    if decimals > 2:
        raise errors.unprocessable("DECIMAL_PRECISION", field=f"{path}/value")
    if not money["value"].strip("0."):
        raise errors.unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE", field=f"{path}/value")

"""
What Stripe accepts, taken from the pinned SDK's own types.

The SDK is generated from Stripe's specification, so a parameter that it does not
know is one that Stripe does not know: the sandbox answers 400, as Stripe does.
The SDK is imported at the first check and not before, because a start of the
product must not wait for it.
"""

import importlib
import re
import sys
import types
import typing
from dataclasses import dataclass
from typing import Any

#: Operation → module and class of its parameters. The modules are private to the
#: SDK, which is why its version is pinned exactly.
PARAMETERS = {
    "checkout.sessions.create": ("stripe.params.checkout._session_create_params", "SessionCreateParams"),
    "checkout.sessions.retrieve": ("stripe.params.checkout._session_retrieve_params", "SessionRetrieveParams"),
    "checkout.sessions.list": ("stripe.params.checkout._session_list_params", "SessionListParams"),
    "checkout.sessions.expire": ("stripe.params.checkout._session_expire_params", "SessionExpireParams"),
    "payment_intents.retrieve": ("stripe.params._payment_intent_retrieve_params", "PaymentIntentRetrieveParams"),
    "charges.retrieve": ("stripe.params._charge_retrieve_params", "ChargeRetrieveParams"),
    "refunds.create": ("stripe.params._refund_create_params", "RefundCreateParams"),
    "refunds.retrieve": ("stripe.params._refund_retrieve_params", "RefundRetrieveParams"),
    "refunds.list": ("stripe.params._refund_list_params", "RefundListParams"),
    "charges.list": ("stripe.params._charge_list_params", "ChargeListParams"),
    "disputes.list": ("stripe.params._dispute_list_params", "DisputeListParams"),
    "disputes.retrieve": ("stripe.params._dispute_retrieve_params", "DisputeRetrieveParams"),
    "events.list": ("stripe.params._event_list_params", "EventListParams"),
    "events.retrieve": ("stripe.params._event_retrieve_params", "EventRetrieveParams"),
    "accounts.create": ("stripe.params._account_create_params", "AccountCreateParams"),
    "accounts.retrieve": ("stripe.params._account_retrieve_params", "AccountRetrieveParams"),
    "account_links.create": ("stripe.params._account_link_create_params", "AccountLinkCreateParams"),
    "balance.retrieve": ("stripe.params._balance_retrieve_params", "BalanceRetrieveParams"),
}

#: Removed by Stripe in 2026-10-28.endive with an error code of its own.
NO_LONGER_SUPPORTED = ("payment_method_types",)


@dataclass(frozen=True)
class Problem:
    """The first thing that is wrong with a request, as Stripe would put it."""

    code: str
    parameter: str
    sentence: str


class Contract:
    """Checks decoded form parameters; remembers the types it has resolved."""

    def __init__(self) -> None:
        self._resolved: dict[tuple[Any, str], Any] = {}
        self._options: frozenset[str] | None = None

    def problem(self, operation: str, parameters: dict[str, Any]) -> Problem | None:
        module, name = PARAMETERS[operation]
        shape = getattr(importlib.import_module(module), name)
        return next(self._dictionary(parameters, shape, ""), None)

    def _dictionary(self, value: dict[str, Any], shape: Any, path: str) -> typing.Iterator[Problem]:
        known = shape.__annotations__.keys() - self._request_options(shape)
        for key, inner in value.items():
            where = f"{path}[{key}]" if path else key
            if key not in known:
                yield self._unknown(where)
                continue
            yield from self._value(inner, self._annotation(shape, key), sys.modules[shape.__module__], where)
        for key in sorted((shape.__required_keys__ & known) - value.keys()):
            where = f"{path}[{key}]" if path else key
            yield Problem("parameter_missing", where, f"Missing required param: {where}.")

    def _unknown(self, where: str) -> Problem:
        if where in NO_LONGER_SUPPORTED:
            return Problem("payment_method_types_no_longer_supported", where, f"{where} is no longer supported.")
        return Problem("parameter_unknown", where, f"Received unknown parameter: {where}")

    def _value(self, value: Any, annotation: Any, module: Any, where: str) -> typing.Iterator[Problem]:
        choices = list(self._choices(annotation, module))
        if isinstance(value, dict):
            shapes = [choice for choice in choices if _is_shape(choice)]
            if shapes:
                yield from self._dictionary(value, shapes[0], where)
            elif not any(_is_mapping(choice) for choice in choices):
                yield Problem("parameter_invalid", where, f"Invalid object: {where}")
        elif isinstance(value, list):
            lists = [choice for choice in choices if typing.get_origin(choice) is list]
            if not lists:
                yield Problem("parameter_invalid", where, f"Invalid array: {where}")
                return
            for index, inner in enumerate(value):
                yield from self._value(inner, typing.get_args(lists[0])[0], module, f"{where}[{index}]")
        else:
            sentence = _scalar_problem(value, choices)
            if sentence:
                yield Problem("parameter_invalid", where, f"{sentence}: {where}")

    def _choices(self, annotation: Any, module: Any) -> typing.Iterator[Any]:
        """The members of a union, with forward references looked up and wrappers taken off."""
        resolved = self._resolve(annotation, module)
        origin = typing.get_origin(resolved)
        if origin in (typing.Union, types.UnionType):
            for member in typing.get_args(resolved):
                yield from self._choices(member, module)
        else:
            yield resolved

    def _resolve(self, annotation: Any, module: Any) -> Any:
        while True:
            origin = typing.get_origin(annotation)
            if origin in (typing.NotRequired, typing.Required, typing.Annotated):
                annotation = typing.get_args(annotation)[0]
            elif isinstance(annotation, typing.ForwardRef):
                annotation = annotation.__forward_arg__
            elif isinstance(annotation, str):
                annotation = self._evaluate(annotation, module)
            else:
                return annotation

    def _evaluate(self, text: str, module: Any) -> Any:
        key = (module, text)
        if key not in self._resolved:
            # The text is the SDK's own source, not input.
            self._resolved[key] = eval(text, {**vars(typing), **vars(module)})  # noqa: S307
        return self._resolved[key]

    def _annotation(self, shape: Any, key: str) -> Any:
        return shape.__annotations__[key]

    def _request_options(self, shape: Any) -> frozenset[str]:
        """Names such as ``idempotency_key`` that travel as headers; only the outermost shapes carry them."""
        if self._options is None:
            options = importlib.import_module("stripe._request_options").RequestOptions
            self._options = frozenset(options.__annotations__)
        return self._options if self._options <= shape.__annotations__.keys() else frozenset()


def _is_shape(choice: Any) -> bool:
    # The SDK's are typing_extensions' own TypedDicts, which typing does not recognise.
    return hasattr(choice, "__required_keys__")


def _is_mapping(choice: Any) -> bool:
    return typing.get_origin(choice) is dict or choice is dict


def _scalar_problem(value: Any, choices: list[Any]) -> str | None:
    words = [
        word for choice in choices if typing.get_origin(choice) is typing.Literal for word in typing.get_args(choice)
    ]
    # The SDK adds ``| str`` to every enumeration so that it survives new words; Stripe does not accept unknown ones.
    if words:
        return None if value in words or any(choice in (int, bool) for choice in choices) else "Invalid value"
    if int in choices and str not in choices:
        return None if re.fullmatch(r"-?\d+", str(value)) else "Invalid integer"
    if choices == [bool]:
        return None if value in ("true", "false") else "Invalid boolean"
    if any(choice is str or choice is float or choice.__class__ is type for choice in choices):
        return None
    return "Invalid object"

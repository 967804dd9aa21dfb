"""The fake PayPal answers as the documents say."""

import copy
import threading
from typing import Any

import pytest

from actiontrac import clock
from tests.sandbox.world import ORDER, PAYPAL_CLIENT_ID, World, wait_until


def order_of(value: str = "120.00", invoice: str = "pay_1-1", **unit: Any) -> dict[str, Any]:
    made = copy.deepcopy(ORDER)
    first: dict[str, Any] = made["purchase_units"][0]  # type: ignore[index]
    first["amount"]["value"] = value
    first["invoice_id"] = invoice
    first.update(unit)
    return made


def start(world: World, body: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    answer = world.paypal("POST", "v2/checkout/orders", body or order_of(), **headers)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


def approval_page(world: World, order: dict[str, Any]) -> str:
    return next(link["href"] for link in order["links"] if link["rel"] in ("payer-action", "approve"))


def approved(world: World, how: str = "ok", body: dict[str, Any] | None = None) -> str:
    order = start(world, body)
    world.buyer(approval_page(world, order), act=how)
    return str(order["id"])


def capture(world: World, order_id: str, **headers: str) -> Any:
    return world.paypal("POST", f"v2/checkout/orders/{order_id}/capture", {}, **headers)


def captured(world: World, how: str = "ok", body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = capture(world, approved(world, how, body))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()["purchase_units"][0]["payments"]["captures"][0]
    return found


def issue(answer: Any, status: int = 422) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["details"][0]["issue"])


class TestTokens:
    def test_are_needed_and_expire(self, world: World) -> None:
        token = world.paypal_token()
        order = start(world)

        clock.advance(32401)
        late = world.paypal("GET", f"v2/checkout/orders/{order['id']}", token=token)

        assert late.status_code == 401
        assert world.paypal("GET", f"v2/checkout/orders/{order['id']}", token="made-up").status_code == 401
        assert world.paypal("GET", f"v2/checkout/orders/{order['id']}").status_code == 200

    def test_are_given_for_the_right_secret_only(self, world: World) -> None:
        wrong = world.post("/paypal/v1/oauth2/token", data={"grant_type": "client_credentials"}, auth=("a", "b"))

        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")

    def test_can_be_taken_back(self, world: World) -> None:
        token = world.paypal_token()

        assert world.control("paypal/expire-tokens") == {"expired": 1}
        assert world.paypal("GET", "v2/checkout/orders/X", token=token).status_code == 401


class TestOrders:
    def test_wait_for_the_payer(self, world: World) -> None:
        order = start(world)

        assert order["status"] == "PAYER_ACTION_REQUIRED"
        assert approval_page(world, order).startswith("http://127.0.0.1:9/sandbox/paypal/checkoutnow?token=")
        assert issue(capture(world, order["id"])) == "ORDER_NOT_APPROVED"

    def test_use_the_old_words_with_the_old_context(self, world: World) -> None:
        body = {name: value for name, value in order_of().items() if name != "payment_source"}
        answer = world.paypal("POST", "v2/checkout/orders", {**body, "application_context": {}})

        assert (answer.status_code, answer.json()["status"]) == (201, "CREATED")
        assert "approve" in {link["rel"] for link in answer.json()["links"]}

    @pytest.mark.parametrize(
        ("value", "currency", "status", "word"),
        [
            ("120.001", "USD", 422, "DECIMAL_PRECISION"),
            ("12000.00", "JPY", 422, "DECIMALS_NOT_SUPPORTED"),
            ("120.00", "KWD", 422, "CURRENCY_NOT_SUPPORTED"),
            ("1,20", "USD", 400, "INVALID_PARAMETER_SYNTAX"),
            ("-5.00", "USD", 400, "INVALID_PARAMETER_SYNTAX"),
            ("0.00", "USD", 422, "CANNOT_BE_ZERO_OR_NEGATIVE"),
        ],
    )
    def test_refuse_amounts_that_cannot_be(
        self, world: World, value: str, currency: str, status: int, word: str
    ) -> None:
        body = order_of(amount={"currency_code": currency, "value": value})
        body["purchase_units"][0]["amount"]["value"] = value

        assert issue(world.paypal("POST", "v2/checkout/orders", body), status) == word

    def test_refuse_misspelt_fields(self, world: World) -> None:
        answer = world.paypal("POST", "v2/checkout/orders", order_of(custom_identifier="pay_1"))

        assert issue(answer, 400) == "UNSUPPORTED_PARAMETER"
        assert answer.json()["details"][0]["field"] == "/purchase_units/0/custom_identifier"

    def test_refuse_a_number_where_text_belongs(self, world: World) -> None:
        body = order_of(amount={"currency_code": "USD", "value": "1"})
        body["purchase_units"][0]["amount"]["value"] = 120

        assert issue(world.paypal("POST", "v2/checkout/orders", body), 400) == "INVALID_PARAMETER_SYNTAX"

    def test_are_approved_on_the_page(self, world: World) -> None:
        order = start(world)

        answer = world.buyer(approval_page(world, order), act="ok")

        expected = f"http://127.0.0.1/ok?a=b&token={order['id']}&PayerID=QYR5Z8XDVJNXQ"
        assert (answer.status_code, answer.headers["Location"]) == (303, expected)

    def test_are_not_approved_by_going_back(self, world: World) -> None:
        order = start(world)

        answer = world.buyer(approval_page(world, order), act="cancel")

        assert answer.headers["Location"] == f"http://127.0.0.1/no?token={order['id']}"
        assert world.paypal("GET", f"v2/checkout/orders/{order['id']}").json()["status"] == "PAYER_ACTION_REQUIRED"

    def test_give_the_approval_back_after_three_hours(self, world: World) -> None:
        order_id = approved(world)

        clock.advance(3 * 3600 + 1)

        assert issue(capture(world, order_id)) == "ORDER_NOT_APPROVED"
        assert world.paypal("GET", f"v2/checkout/orders/{order_id}").json()["status"] == "VOIDED"
        wait_until(
            lambda: any(each["event_type"].endswith("REVERSED") for each in world.deliveries("paypal")),
            "the reversal is told",
        )


class TestCaptures:
    def test_move_the_money_once(self, world: World) -> None:
        order_id = approved(world)

        first = capture(world, order_id, PayPal_Request_Id="c1")
        again = capture(world, order_id, PayPal_Request_Id="c1")
        other = capture(world, order_id, PayPal_Request_Id="c2")

        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert issue(other) == "ORDER_ALREADY_CAPTURED"
        [entry] = world.ledger("paypal", "capture")
        assert (entry["value"], entry["payment_id"]) == ("120.00", "pay_1")

    def test_move_the_money_once_when_asked_at_the_same_time(self, world: World) -> None:
        order_id = approved(world)
        threads = [threading.Thread(target=capture, args=(world, order_id)) for _ in range(6)]

        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(world.ledger("paypal", "capture")) == 1

    def test_are_declined_and_lead_back_to_the_page(self, world: World) -> None:
        order_id = approved(world, "declined")

        answer = capture(world, order_id, PayPal_Request_Id="c1")

        assert issue(answer) == "INSTRUMENT_DECLINED"
        [link] = answer.json()["links"]
        assert (link["rel"], link["href"].rpartition("=")[2]) == ("redirect", order_id)

    def test_repeat_a_decline_under_the_same_request_id(self, world: World) -> None:
        order_id = approved(world, "declined")
        page = capture(world, order_id, PayPal_Request_Id="c1").json()["links"][0]["href"]
        world.buyer(page, act="ok")

        assert issue(capture(world, order_id, PayPal_Request_Id="c1")) == "INSTRUMENT_DECLINED"
        assert capture(world, order_id, PayPal_Request_Id="c2").status_code == 201

    @pytest.mark.parametrize(("decision", "event"), [("COMPLETED", "COMPLETED"), ("DECLINED", "DENIED")])
    def test_may_be_pending_until_somebody_decides(self, world: World, decision: str, event: str) -> None:
        found = captured(world, "pending")
        assert found["status"] == "PENDING"

        assert world.control(f"paypal/captures/{found['id']}", status=decision)["status"] == decision

        kinds = [each["event_type"] for each in world.deliveries("paypal")]
        assert kinds[-2:] == ["PAYMENT.CAPTURE.PENDING", f"PAYMENT.CAPTURE.{event}"]
        order_id = found["supplementary_data"]["related_ids"]["order_id"]
        order = world.paypal("GET", f"v2/checkout/orders/{order_id}").json()
        assert order["status"] == "COMPLETED"
        assert order["purchase_units"][0]["payments"]["captures"][0]["status"] == decision

    def test_refuse_an_invoice_that_is_paid(self, world: World) -> None:
        captured(world)

        assert issue(capture(world, approved(world))) == "DUPLICATE_INVOICE_ID"

    def test_want_json(self, world: World) -> None:
        order_id = approved(world)
        headers = {"Authorization": f"Bearer {world.paypal_token()}", "Content-Type": "text/plain"}

        assert world.post(f"/paypal/v2/checkout/orders/{order_id}/capture", headers=headers).status_code == 415


class TestRequestIds:
    def test_answer_a_known_one_with_200(self, world: World) -> None:
        first = world.paypal("POST", "v2/checkout/orders", order_of(), PayPal_Request_Id="o1")
        again = world.paypal("POST", "v2/checkout/orders", order_of(), PayPal_Request_Id="o1")

        assert first.json() == again.json()
        assert again.status_code == 200
        assert len(world.ledger("paypal", "order")) == 1

    def test_refuse_a_known_one_with_another_body(self, world: World) -> None:
        start(world, PayPal_Request_Id="o1")

        answer = world.paypal("POST", "v2/checkout/orders", order_of("99.00"), PayPal_Request_Id="o1")

        assert issue(answer) == "PAYPAL_REQUEST_ID_PREVIOUSLY_USED"

    def test_are_forgotten_after_six_hours_for_orders(self, world: World) -> None:
        first = start(world, PayPal_Request_Id="o1")
        clock.advance(6 * 3600 + 1)

        assert start(world, PayPal_Request_Id="o1")["id"] != first["id"]

    def test_answer_409_while_the_same_one_is_worked(self, world: World) -> None:
        token = world.paypal_token()
        world.fail_next("paypal", "late", "orders.create", seconds=1.0)
        first = threading.Thread(target=start, args=(world,), kwargs={"PayPal_Request_Id": "o1"})
        first.start()
        wait_until(lambda: not world.get("/_control/faults").json()["waiting"], "the first is being worked")

        second = world.paypal("POST", "v2/checkout/orders", order_of(), token=token, PayPal_Request_Id="o1")
        first.join()

        assert issue(second, 409) == "PREVIOUS_REQUEST_IN_PROGRESS"


class TestRefunds:
    def test_give_back_in_parts_and_never_more_than_was_paid(self, world: World) -> None:
        path = f"v2/payments/captures/{captured(world)['id']}/refund"

        def refund(value: str | None) -> Any:
            body = {} if value is None else {"amount": {"currency_code": "USD", "value": value}}
            return world.paypal("POST", path, body)

        assert refund("20.00").json()["amount"]["value"] == "20.00"
        assert issue(refund("100.01")) == "REFUND_AMOUNT_EXCEEDED"
        assert refund(None).json()["amount"]["value"] == "100.00"
        assert issue(refund("0.01")) == "CAPTURE_FULLY_REFUNDED"

    def test_show_in_the_order(self, world: World) -> None:
        found = captured(world)
        body = {"amount": {"currency_code": "USD", "value": "20.00"}}
        world.paypal("POST", f"v2/payments/captures/{found['id']}/refund", body)

        order_id = found["supplementary_data"]["related_ids"]["order_id"]
        payments = world.paypal("GET", f"v2/checkout/orders/{order_id}").json()["purchase_units"][0]["payments"]

        assert payments["captures"][0]["status"] == "PARTIALLY_REFUNDED"
        assert [each["amount"]["value"] for each in payments["refunds"]] == ["20.00"]

    def test_of_a_seller_need_the_sellers_name(self, world: World) -> None:
        found = captured(world, body=order_of(payee={"merchant_id": "WNM9VDLXSZPFW"}))

        answer = world.paypal("POST", f"v2/payments/captures/{found['id']}/refund", {})

        assert issue(answer, 403) == "PERMISSION_DENIED"
        assert PAYPAL_CLIENT_ID not in answer.text

    def test_may_be_pending_first(self, world: World) -> None:
        found = captured(world, "refund_later")
        refund = world.paypal("POST", f"v2/payments/captures/{found['id']}/refund", {}).json()
        assert refund["status"] == "PENDING"

        clock.advance(10)

        path = f"v2/payments/refunds/{refund['id']}"
        wait_until(lambda: world.paypal("GET", path).json()["status"] == "COMPLETED", "the refund is done")

"""The fake Stripe answers as the documents and the pinned SDK's types say."""

import threading
from typing import Any

import pytest
import stripe

from actiontrac import clock
from actiontrac.sandbox.stripe import cards, objects
from tests.sandbox.world import SESSION, World, wait_until


def start(world: World, params: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    answer = world.stripe("POST", "checkout/sessions", {**SESSION, **(params or {})}, **headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def error(answer: Any, status: int = 400) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()["error"]
    return found


def paid(world: World, card: str = "visa", **headers: str) -> dict[str, Any]:
    session = start(world, **headers)
    world.buyer(session["url"], card=card, auth="pass")
    found: dict[str, Any] = world.stripe("GET", f"checkout/sessions/{session['id']}", **headers).json()
    assert found["payment_status"] == "paid", found
    return found


class TestContract:
    def test_speaks_the_version_of_the_pinned_sdk(self) -> None:
        from stripe._api_version import _ApiVersion

        assert objects.API_VERSION == _ApiVersion.CURRENT

    @pytest.mark.parametrize(
        ("extra", "code", "parameter"),
        [
            ({"payment_method_types[0]": "card"}, "payment_method_types_no_longer_supported", "payment_method_types"),
            ({"colour": "red"}, "parameter_unknown", "colour"),
            (
                {"line_items[0][price_data][curency]": "usd"},
                "parameter_unknown",
                "line_items[0][price_data][curency]",
            ),
            ({"idempotency_key": "k"}, "parameter_unknown", "idempotency_key"),
            ({"expires_at": "tomorrow"}, "parameter_invalid", "expires_at"),
            (
                {"payment_method_options[card][request_three_d_secure]": "maybe"},
                "parameter_invalid",
                "payment_method_options[card][request_three_d_secure]",
            ),
            ({"allowed_payment_method_types[0]": "cheque"}, "parameter_invalid", "allowed_payment_method_types[0]"),
        ],
    )
    def test_refuses_what_the_sdk_does_not_know(
        self, world: World, extra: dict[str, str], code: str, parameter: str
    ) -> None:
        refused = error(world.stripe("POST", "checkout/sessions", {**SESSION, **extra}))

        assert (refused["code"], refused["param"]) == (code, parameter)

    def test_refuses_a_price_without_currency(self, world: World) -> None:
        params = {name: value for name, value in SESSION.items() if not name.endswith("[currency]")}

        refused = error(world.stripe("POST", "checkout/sessions", params))

        assert refused["code"] == "parameter_missing"

    def test_refuses_another_api_version(self, world: World) -> None:
        answer = world.stripe("POST", "checkout/sessions", SESSION, Stripe_Version="2020-08-27")

        assert "version" in error(answer)["message"]

    def test_refuses_another_key(self, world: World) -> None:
        answer = world.stripe("POST", "checkout/sessions", SESSION, Authorization="Bearer sk_test_other")

        assert error(answer, 401)["type"] == "invalid_request_error"

    def test_shows_every_field_that_the_sdk_promises(self, world: World) -> None:
        session = paid(world, "disputed")
        expand = {"expand[0]": "payment_intent.latest_charge"}
        shown = world.stripe("GET", f"checkout/sessions/{session['id']}", expand).json()
        intent = shown["payment_intent"]
        other = paid(world, "visa")["payment_intent"]
        refund = world.stripe("POST", "refunds", {"payment_intent": other, "amount": "500"}).json()
        events = world.stripe("GET", "events", {"limit": "100"}).json()["data"]
        dispute = next(each for each in events if each["type"] == "charge.dispute.created")["data"]["object"]

        for found, shape in (
            (shown, stripe.checkout.Session),
            (intent, stripe.PaymentIntent),
            (intent["latest_charge"], stripe.Charge),
            (refund, stripe.Refund),
            (dispute, stripe.Dispute),
            (dispute["balance_transactions"][0], stripe.BalanceTransaction),
            (events[0], stripe.Event),
        ):
            assert missing_fields(found, shape) == []


def missing_fields(found: dict[str, Any], shape: Any) -> list[str]:
    """Attributes that the SDK's class says are always there, and that are not."""
    return [
        name
        for name, annotation in shape.__annotations__.items()
        if not name.startswith("_")
        and name != "OBJECT_NAME"
        and "Optional" not in str(annotation)
        and "None" not in str(annotation)
        and "ClassVar" not in str(annotation)
        and name not in found
    ]


class TestSessions:
    def test_opens_with_a_page_behind_the_public_address(self, world: World) -> None:
        session = start(world)

        assert session["url"] == f"http://127.0.0.1:9/sandbox/stripe/c/pay/{session['id']}"
        assert (session["status"], session["payment_status"], session["payment_intent"]) == ("open", "unpaid", None)

    def test_is_invisible_from_another_account(self, world: World) -> None:
        session = start(world, Stripe_Account="acct_77")

        assert error(world.stripe("GET", f"checkout/sessions/{session['id']}"), 404)["code"] == "resource_missing"
        seen = world.stripe("GET", f"checkout/sessions/{session['id']}", Stripe_Account="acct_77")
        assert seen.status_code == 200

    def test_refuses_a_fee_without_a_connected_account(self, world: World) -> None:
        fee = {"payment_intent_data[application_fee_amount]": "600"}

        assert "fee" in error(world.stripe("POST", "checkout/sessions", {**SESSION, **fee}))["message"]
        assert start(world, fee, Stripe_Account="acct_77")["status"] == "open"

    def test_expires_by_the_calendar(self, world: World) -> None:
        session = start(world)

        clock.advance(86401)

        assert world.stripe("GET", f"checkout/sessions/{session['id']}").json()["status"] == "expired"
        wait_until(lambda: world.receiver.of("stripe"), "the expiry is told")
        assert world.get(f"/stripe/c/pay/{session['id']}").status_code == 410

    def test_expires_on_request_only_while_open(self, world: World) -> None:
        session = start(world)

        assert world.stripe("POST", f"checkout/sessions/{session['id']}/expire").json()["status"] == "expired"
        assert world.stripe("POST", f"checkout/sessions/{session['id']}/expire").status_code == 400
        assert world.buyer(session["url"] or f"http://127.0.0.1:9/sandbox/stripe/c/pay/{session['id']}", card="visa")
        assert world.ledger("stripe", "charge") == []

    def test_lives_between_half_an_hour_and_a_day(self, world: World) -> None:
        soon = {"expires_at": str(int(clock.now().timestamp()) + 60)}

        assert error(world.stripe("POST", "checkout/sessions", {**SESSION, **soon}))["param"] == "expires_at"


class TestCards:
    def test_pays_and_goes_back_to_the_shop(self, world: World) -> None:
        session = start(world)

        answer = world.buyer(session["url"], card="visa")

        assert answer.status_code == 303
        assert answer.headers["Location"] == f"http://127.0.0.1/ok?sid={session['id']}"
        [charge] = world.ledger("stripe", "charge")
        assert (charge["amount_minor"], charge["currency"], charge["payment_id"]) == (12000, "USD", "pay_1")

    @pytest.mark.parametrize(
        "card", [card for card in cards.CARDS if card.outcome is cards.Outcome.DECLINED], ids=lambda card: card.slug
    )
    def test_declines_with_stripes_own_words(self, world: World, card: cards.Card) -> None:
        session = start(world)

        answer = world.buyer(session["url"], number=card.spaced)

        assert answer.headers["Location"] == session["id"]
        shown = world.stripe("GET", f"checkout/sessions/{session['id']}", {"expand[0]": "payment_intent"}).json()
        told = shown["payment_intent"]["last_payment_error"]
        assert (told["code"], told["decline_code"]) == (card.code, card.decline_code)
        assert (shown["status"], shown["payment_status"]) == ("open", "unpaid")
        assert "declined" in world.get(f"/stripe/c/pay/{session['id']}").text

    def test_takes_another_card_after_a_decline(self, world: World) -> None:
        session = start(world)
        world.buyer(session["url"], card="declined")

        world.buyer(session["url"], card="visa")

        assert len(world.ledger("stripe", "charge")) == 1

    @pytest.mark.parametrize("number", ["4111111111111111", "5105105105105101", "no number at all"])
    def test_throws_any_other_number_away(self, world: World, number: str, caplog: pytest.LogCaptureFixture) -> None:
        session = start(world)

        answer = world.buyer(session["url"], number=number)

        assert answer.status_code == 400
        assert "published test numbers" in answer.text
        # The session's id is random and may hold anything.
        kept = b"".join(path.read_bytes() for path in world.home.iterdir())
        assert number.encode() not in kept.replace(session["id"].encode(), b"")
        assert number not in answer.text
        assert number not in caplog.text

    def test_knows_only_numbers_that_nobody_owns(self) -> None:
        numbers = [card.number for card in cards.CARDS]

        assert len(set(numbers)) == len(numbers)
        assert all(number.startswith(("4242", "4000", "5555", "3782")) for number in numbers)

    def test_pays_once_when_two_windows_press_at_the_same_time(self, world: World) -> None:
        session = start(world)
        threads = [
            threading.Thread(target=world.buyer, args=(session["url"],), kwargs={"card": "visa"}) for _ in range(8)
        ]

        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(world.ledger("stripe", "charge")) == 1


class TestThreeDSecure:
    def challenged(self, world: World, card: str = "challenge") -> dict[str, Any]:
        session = start(world)
        world.buyer(session["url"], card=card)
        assert "is this you" in world.get(f"/stripe/c/pay/{session['id']}").text
        return session

    def result(self, world: World, session: dict[str, Any]) -> dict[str, Any]:
        expand = {"expand[0]": "payment_intent.latest_charge"}
        found: dict[str, Any] = world.stripe("GET", f"checkout/sessions/{session['id']}", expand).json()
        return found

    def test_charges_after_it_is_passed(self, world: World) -> None:
        session = self.challenged(world)

        world.buyer(session["url"], auth="pass")

        charge = self.result(world, session)["payment_intent"]["latest_charge"]
        assert charge["payment_method_details"]["card"]["three_d_secure"]["result"] == "authenticated"

    def test_charges_nothing_after_it_is_failed(self, world: World) -> None:
        session = self.challenged(world)

        world.buyer(session["url"], auth="fail")

        intent = self.result(world, session)["payment_intent"]
        assert intent["last_payment_error"]["code"] == "payment_intent_authentication_failure"
        assert intent["status"] == "requires_payment_method"
        assert world.ledger("stripe", "charge") == []

    def test_stays_open_when_the_buyer_walks_away(self, world: World) -> None:
        session = self.challenged(world)

        answer = world.buyer(session["url"], auth="abandon")

        assert answer.headers["Location"] == "http://127.0.0.1/no"
        found = self.result(world, session)
        assert (found["status"], found["payment_intent"]["status"]) == ("open", "requires_action")

    def test_may_be_followed_by_a_decline(self, world: World) -> None:
        session = self.challenged(world, "challenge_no_funds")

        world.buyer(session["url"], auth="pass")

        told = self.result(world, session)["payment_intent"]["last_payment_error"]
        assert told["decline_code"] == "insufficient_funds"

    def test_says_what_a_card_without_it_did(self, world: World) -> None:
        silent, unable = paid(world, "visa"), paid(world, "amex")

        results = []
        for session in (silent, unable):
            charge = self.result(world, session)["payment_intent"]["latest_charge"]
            secure = charge["payment_method_details"]["card"]["three_d_secure"]
            results.append(secure and secure["result"])
        assert results == ["attempt_acknowledged", None]


class TestIdempotency:
    def test_answers_a_known_key_with_the_same_session(self, world: World) -> None:
        first = world.stripe("POST", "checkout/sessions", SESSION, Idempotency_Key="k1")
        again = world.stripe("POST", "checkout/sessions", SESSION, Idempotency_Key="k1")

        assert first.content == again.content
        assert again.headers["Idempotent-Replayed"] == "true"
        assert len(world.ledger("stripe", "session")) == 1

    def test_refuses_a_known_key_with_other_parameters(self, world: World) -> None:
        start(world, Idempotency_Key="k1")

        other = {**SESSION, "line_items[0][price_data][unit_amount]": "13000"}
        refused = error(world.stripe("POST", "checkout/sessions", other, Idempotency_Key="k1"))

        assert refused["type"] == "idempotency_error"

    def test_answers_409_while_the_same_key_is_worked(self, world: World) -> None:
        world.fail_next("stripe", "late", "checkout.sessions.create", seconds=1.0)
        first = threading.Thread(target=start, args=(world,), kwargs={"Idempotency_Key": "k1"})
        first.start()
        wait_until(lambda: not world.get("/_control/faults").json()["waiting"], "the first is being worked")

        second = world.stripe("POST", "checkout/sessions", SESSION, Idempotency_Key="k1")
        first.join()

        assert error(second, 409)["code"] == "idempotency_key_in_use"
        assert len(world.ledger("stripe", "session")) == 1

    def test_forgets_what_was_refused_before_it_was_worked(self, world: World) -> None:
        wrong = world.stripe("POST", "checkout/sessions", {**SESSION, "colour": "red"}, Idempotency_Key="k1")
        right = world.stripe("POST", "checkout/sessions", SESSION, Idempotency_Key="k1")

        assert (wrong.status_code, right.status_code) == (400, 200)

    def test_keeps_what_was_refused_while_it_was_worked(self, world: World) -> None:
        session = paid(world)
        too_much = {"payment_intent": session["payment_intent"], "amount": "99999"}

        first = world.stripe("POST", "refunds", too_much, Idempotency_Key="r1")
        again = world.stripe("POST", "refunds", too_much, Idempotency_Key="r1")

        assert first.json() == again.json()
        assert again.headers["Idempotent-Replayed"] == "true"

    def test_forgets_a_key_after_a_day(self, world: World) -> None:
        first = start(world, Idempotency_Key="k1")
        clock.advance(86401)

        assert start(world, Idempotency_Key="k1")["id"] != first["id"]

    def test_remembers_over_a_restart(self, world: World) -> None:
        first = start(world, Idempotency_Key="k1")

        world.restart()

        assert start(world, Idempotency_Key="k1") == first


class TestRefunds:
    def test_gives_back_in_parts_and_never_more_than_was_paid(self, world: World) -> None:
        intent = paid(world)["payment_intent"]

        first = world.stripe("POST", "refunds", {"payment_intent": intent, "amount": "2000"})
        too_much = world.stripe("POST", "refunds", {"payment_intent": intent, "amount": "10001"})
        rest = world.stripe("POST", "refunds", {"payment_intent": intent})
        nothing_left = world.stripe("POST", "refunds", {"payment_intent": intent})

        assert (first.json()["amount"], rest.json()["amount"]) == (2000, 10000)
        assert error(too_much)["param"] == "amount"
        assert error(nothing_left)["code"] == "charge_already_refunded"

    def test_refuses_what_was_never_paid(self, world: World) -> None:
        session = start(world)
        world.buyer(session["url"], card="declined")
        intent = world.stripe("GET", f"checkout/sessions/{session['id']}").json()["payment_intent"]

        assert world.stripe("POST", "refunds", {"payment_intent": intent}).status_code == 400

    def test_may_fail_afterwards(self, world: World) -> None:
        intent = paid(world, "refund_fails")["payment_intent"]
        refund = world.stripe("POST", "refunds", {"payment_intent": intent}).json()
        assert refund["status"] == "succeeded"

        clock.advance(10)

        wait_until(
            lambda: world.stripe("GET", f"refunds/{refund['id']}").json()["status"] == "failed", "the refund fails"
        )
        charge = world.stripe("GET", f"payment_intents/{intent}", {"expand[0]": "latest_charge"}).json()[
            "latest_charge"
        ]
        assert (charge["amount_refunded"], charge["refunded"]) == (0, False)

    def test_may_be_pending_first(self, world: World) -> None:
        intent = paid(world, "refund_later")["payment_intent"]
        refund = world.stripe("POST", "refunds", {"payment_intent": intent}).json()
        assert refund["status"] == "pending"

        clock.advance(10)

        wait_until(
            lambda: world.stripe("GET", f"refunds/{refund['id']}").json()["status"] == "succeeded", "the refund is done"
        )


class TestDisputes:
    def test_is_opened_by_its_test_card_and_closed_by_the_bank(self, world: World) -> None:
        paid(world, "disputed")
        [dispute] = world.ledger("stripe", "dispute")

        closed = world.control(f"disputes/{dispute['ref']}/close", status="lost")

        assert closed["status"] == "lost"
        kinds = {each["event_type"] for each in world.deliveries("stripe")}
        assert {"charge.dispute.created", "charge.dispute.closed"} <= kinds


class TestLists:
    def test_lists_the_events_of_one_account_that_did_not_arrive(self, world: World) -> None:
        world.control("webhooks", provider="stripe", mode="drop")
        paid(world)
        paid(world, Stripe_Account="acct_77")

        lost = world.stripe("GET", "events", {"delivery_success": "false", "created[gte]": "1", "limit": "100"}).json()

        assert len(lost["data"]) == 3
        assert not any("account" in each for each in lost["data"])

    def test_finds_the_session_of_a_payment(self, world: World) -> None:
        session = paid(world)
        start(world)

        found = world.stripe("GET", "checkout/sessions", {"payment_intent": session["payment_intent"]}).json()

        assert [each["id"] for each in found["data"]] == [session["id"]]

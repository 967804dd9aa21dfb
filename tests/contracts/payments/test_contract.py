"""What billing may expect of any processor (B02); payments.md, section 6."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from actiontrac import clock
from services.billing.providers import (
    Aftermath,
    BadSignature,
    DisputeState,
    Money,
    PaymentProvider,
    ProviderRefused,
    ProviderUnavailable,
    RefundState,
    Snapshot,
    State,
)
from tests.contracts.payments.support import DOLLARS_120, READ, REFUND, SELLERS, START, Case, providers
from tests.sandbox.world import STRIPE_WEBHOOK_SECRET, World, wait_until


class TestStart:
    def test_is_the_same_checkout_however_often_it_is_asked_for(self, case: Case) -> None:
        first, again = case.provider.start(case.request()), case.provider.start(case.request())

        assert first == again
        assert first.redirect_url.startswith("http://127.0.0.1:9/sandbox/")

    def test_is_another_checkout_for_another_attempt(self, case: Case) -> None:
        first = case.provider.start(case.request())

        assert case.provider.start(case.request(attempt=2)).ref != first.ref

    def test_refuses_a_known_attempt_with_another_amount(self, case: Case) -> None:
        case.provider.start(case.request())

        with pytest.raises(ProviderRefused):
            case.provider.start(case.request(amount=Money(13000, "USD")))

    def test_asks_for_nothing_that_could_charge_again(self, plain: Case) -> None:
        plain.provider.start(plain.request())

        [entry] = plain.world.ledger(plain.name, {"stripe": "session", "paypal": "order"}[plain.name])
        forbidden = (
            "customer]",
            "customer_creation",
            "setup_future_usage",
            "saved_payment_method_options",
            "invoice_creation",
            "vault",
            "attributes",
            "off_session",
        )
        assert not [name for name in entry["parameters"] if any(word in name for word in forbidden)]
        assert "customer" not in entry["parameters"]

    @pytest.mark.parametrize(("amount", "expected"), [(Money(500, "JPY"), 500), (Money(999, "EUR"), 999)])
    def test_writes_amounts_as_the_currency_wants(self, plain: Case, amount: Money, expected: int) -> None:
        started = plain.provider.start(plain.request(amount=amount))

        assert plain.provider.fetch(started.ref).amount == Money(expected, amount.currency)


class TestSettle:
    def test_finds_it_open_before_the_buyer_acts(self, case: Case) -> None:
        started = case.provider.start(case.request())

        found = case.provider.settle(started.ref, case.seller)

        assert (found.state, found.charge_ref, found.last_error) == (State.OPEN, None, None)
        assert found.retry_url == started.redirect_url

    def test_finds_it_open_after_the_buyer_left(self, case: Case) -> None:
        started = case.provider.start(case.request())
        case.buyer("leaves", started.redirect_url)

        assert case.provider.settle(started.ref, case.seller).state is State.OPEN

    def test_tells_a_decline_and_where_to_try_again(self, case: Case) -> None:
        started = case.provider.start(case.request())
        case.buyer("is declined", started.redirect_url)

        found = case.provider.settle(started.ref, case.seller)

        assert found.state is State.OPEN
        assert found.last_error in ("insufficient_funds", "INSTRUMENT_DECLINED")
        assert found.retry_url == started.redirect_url
        assert case.charges() == []

    def test_is_paid_when_the_buyer_pays_after_a_decline(self, case: Case) -> None:
        started = case.provider.start(case.request())
        case.buyer("is declined", started.redirect_url)
        declined = case.provider.settle(started.ref, case.seller)
        case.buyer("pays", declined.retry_url)

        attempt = 2 if declined.capture_declined else 1
        found = case.provider.settle(started.ref, case.seller, capture_attempt=attempt)

        assert (found.state, found.last_error) == (State.PAID, None)
        assert len(case.charges()) == 1

    def test_tells_what_was_paid_by_whom_and_how(self, case: Case) -> None:
        found = case.paid()

        assert found.state is State.PAID
        assert (found.amount, found.payment_id) == (DOLLARS_120, "pay_01")
        assert (found.environment, found.seller) == ("sandbox", case.seller)
        assert found.authenticated
        assert found.method == {"stripe": "card", "paypal": "paypal"}[case.name]
        assert found.fee == (Money(600, "USD") if case.seller else None)
        assert found.refunded == Money(0, "USD")

    def test_charges_once_however_often_it_is_called(self, case: Case) -> None:
        first = case.paid()

        again = case.provider.settle(first.ref, case.seller)

        assert again.charge_ref == first.charge_ref
        assert again.state is State.PAID
        assert len(case.charges()) == 1

    def test_does_not_find_the_checkout_of_another(self, plain: Case) -> None:
        unknown = {"stripe": "cs_test_doesnotexist", "paypal": "DOESNOTEXIST"}[plain.name]

        with pytest.raises(ProviderRefused):
            plain.provider.settle(unknown)

    @pytest.mark.parametrize(
        "reference", ["", "../../v1/x", "cs_test_1?x=1", "5O190127TN364715T/capture", "\\g<0>", "a b", "x" * 300]
    )
    def test_sends_no_reference_that_could_not_be_one(self, plain: Case, reference: str) -> None:
        plain.world.running.close()

        for call in (plain.provider.settle, plain.provider.fetch, plain.provider.cancel):
            with pytest.raises(ProviderRefused, match="bad_reference"):
                call(reference)
        plain.world.restart()


class TestCancel:
    def test_closes_what_can_be_closed_and_tells_what_is_left(self, case: Case) -> None:
        started = case.provider.start(case.request())

        found = case.provider.cancel(started.ref, case.seller)

        # PayPal has no way to close an order: it stays open, and the caller knows.
        assert found.state is {"stripe": State.CLOSED, "paypal": State.OPEN}[case.name]

    def test_tells_that_it_was_too_late(self, case: Case) -> None:
        paid = case.paid()

        assert case.provider.cancel(paid.ref, case.seller).state is State.PAID


class TestRefund:
    def test_is_one_refund_however_often_it_is_asked_for(self, case: Case) -> None:
        paid = case.paid()

        first = case.provider.refund(paid, "rfd_1", Money(2000, "USD"), case.seller)
        again = case.provider.refund(paid, "rfd_1", Money(2000, "USD"), case.seller)

        assert first == again
        assert first.state is RefundState.DONE
        assert len(case.refunds()) == 1
        found = case.provider.fetch(paid.ref, case.seller)
        assert (found.state, found.refunded) == (State.PAID, Money(2000, "USD"))

    def test_never_gives_back_more_than_was_paid(self, case: Case) -> None:
        paid = case.paid()
        case.provider.refund(paid, "rfd_1", Money(2000, "USD"), case.seller)

        with pytest.raises(ProviderRefused):
            case.provider.refund(paid, "rfd_2", Money(10001, "USD"), case.seller)
        case.provider.refund(paid, "rfd_3", Money(10000, "USD"), case.seller)
        with pytest.raises(ProviderRefused):
            case.provider.refund(paid, "rfd_4", Money(1, "USD"), case.seller)

        assert case.provider.fetch(paid.ref, case.seller).refunded == DOLLARS_120

    def test_may_be_pending_first(self, case: Case) -> None:
        paid = case.paid("pays, slow refund")

        assert case.provider.refund(paid, "rfd_1", DOLLARS_120, case.seller).state is RefundState.PENDING

    def test_needs_a_charge(self, plain: Case) -> None:
        started = plain.provider.start(plain.request())

        with pytest.raises(ProviderRefused, match="bad_reference"):
            plain.provider.refund(plain.provider.fetch(started.ref), "rfd_1", DOLLARS_120)


class TestLostAnswers:
    """The network fails after the processor acted; the same call again finds what was done."""

    @pytest.mark.parametrize("kind", ["reset_after", "error_after"])
    def test_to_start_are_found_again(self, case: Case, kind: str) -> None:
        case.fail_next(kind, START, count=3)

        with pytest.raises(ProviderUnavailable) as failure:
            case.provider.start(case.request())

        assert failure.value.outcome_unknown
        started = case.provider.start(case.request())
        kinds = {"stripe": "session", "paypal": "order"}
        assert [entry["ref"] for entry in case.world.ledger(case.name, kinds[case.name])] == [started.ref]

    @pytest.mark.parametrize("kind", ["reset_after", "error_after"])
    def test_to_refund_are_found_again(self, case: Case, kind: str) -> None:
        paid = case.paid()
        case.fail_next(kind, REFUND, count=3)

        with pytest.raises(ProviderUnavailable) as failure:
            case.provider.refund(paid, "rfd_1", DOLLARS_120, case.seller)

        assert failure.value.outcome_unknown
        case.provider.refund(paid, "rfd_1", DOLLARS_120, case.seller)
        assert len(case.refunds()) == 1

    @pytest.mark.parametrize("kind", ["reset_after", "error_after", "error_before", "reset_before", "rate_limited"])
    def test_are_made_up_for_at_once_when_they_are_few(self, case: Case, kind: str) -> None:
        case.fail_next(kind, START)

        started = case.provider.start(case.request())

        kinds = {"stripe": "session", "paypal": "order"}
        assert [entry["ref"] for entry in case.world.ledger(case.name, kinds[case.name])] == [started.ref]

    def test_that_come_too_late_are_unknown(self, plain: Case) -> None:
        hasty = providers(plain.world, answer_seconds=0.4)[plain.name]
        # The first answer is quick, so that PayPal's token is there.
        hasty.check()
        plain.fail_next("timeout_after", START, seconds=0.8, count=3)

        with pytest.raises(ProviderUnavailable) as failure:
            hasty.start(plain.request())

        assert failure.value.outcome_unknown
        plain.world.running.app.faults.clear()
        assert hasty.start(plain.request()).ref == plain.provider.start(plain.request()).ref

    def test_that_never_left_are_known_not_to_have_happened(self, plain: Case) -> None:
        plain.world.running.close()

        with pytest.raises(ProviderUnavailable) as failure:
            plain.provider.start(plain.request())

        assert not failure.value.outcome_unknown
        plain.world.restart()

    def test_to_a_read_leave_nothing_unknown(self, case: Case) -> None:
        started = case.provider.start(case.request())
        case.fail_next("error_before", READ, count=3)

        with pytest.raises(ProviderUnavailable) as failure:
            case.provider.fetch(started.ref, case.seller)

        assert not failure.value.outcome_unknown

    def test_that_are_asked_for_twice_at_once_happen_once(self, plain: Case) -> None:
        import threading

        plain.provider.check()
        threads = [threading.Thread(target=plain.provider.start, args=(plain.request(),)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        kinds = {"stripe": "session", "paypal": "order"}
        assert len(plain.world.ledger(plain.name, kinds[plain.name])) == 1


class TestWebhooks:
    def test_lead_back_to_the_checkout(self, case: Case) -> None:
        paid = case.paid()
        case.provider.refund(paid, "rfd_1", Money(2000, "USD"), case.seller)
        count = {"stripe": 6, "paypal": 3}[case.name]

        notices = [case.provider.notice(each.headers, each.raw) for each in case.webhooks(count)]

        assert len({notice.event_id for notice in notices}) == len(notices)
        assert {notice.payment_id for notice in notices} == {"pay_01"}
        assert paid.ref in {notice.ref for notice in notices}
        assert all(notice.ref == paid.ref or notice.charge_ref == paid.charge_ref for notice in notices)
        if case.name == "stripe":
            assert {notice.seller for notice in notices} == {case.seller}

    def test_of_disputes_lead_back_to_the_charge(self, plain: Case) -> None:
        plain.world.control("webhooks", provider=plain.name, mode="drop")
        paid = plain.paid()
        plain.world.control("webhooks", provider=plain.name, mode="normal")
        plain.world.control("disputes", provider=plain.name, charge=paid.charge_ref)

        # Stripe says with another one that it took the money for now.
        each = plain.webhooks(1)[0]

        notice = plain.provider.notice(each.headers, each.raw)
        assert notice.kind in ("charge.dispute.funds_withdrawn", "charge.dispute.created", "CUSTOMER.DISPUTE.CREATED")
        assert notice.charge_ref == paid.charge_ref

    def test_are_refused_when_anything_was_changed(self, plain: Case) -> None:
        plain.paid()
        each = plain.webhooks(1)[0]
        changed = {
            "another amount": each.raw.replace(b"120", b"121"),
            "a space more": each.raw.replace(b":", b": ", 1),
            "nothing": b"",
            "an empty object": b"{}",
            "a list": b"[" + each.raw + b"]",
            "fields of ours": each.raw + b',"webhook_id":"x"',
            "two objects": each.raw + each.raw,
            "no UTF-8": each.raw[:20] + b"\xff\xfe" + each.raw[20:],
        }

        accepted = [what for what, raw in changed.items() if is_accepted(plain, each.headers, raw)]

        assert accepted == []
        assert is_accepted(plain, each.headers, each.raw)

    def test_are_refused_without_their_headers(self, plain: Case) -> None:
        plain.paid()
        each = plain.webhooks(1)[0]
        signed = [name for name in each.headers if name.lower().startswith(("stripe-", "paypal-"))]

        for name in [name for name in signed if name.lower() != "paypal-auth-version"]:
            left = {other: value for other, value in each.headers.items() if other != name}
            with pytest.raises(BadSignature):
                plain.provider.notice(left, each.raw)

    def test_may_come_with_headers_in_any_case(self, plain: Case) -> None:
        plain.paid()
        each = plain.webhooks(1)[0]

        shouted = {name.upper(): value for name, value in each.headers.items()}

        assert plain.provider.notice(shouted, each.raw) == plain.provider.notice(each.headers, each.raw)

    def test_come_twice_with_one_id(self, plain: Case) -> None:
        plain.world.control("webhooks", provider=plain.name, mode="duplicate")
        plain.paid()

        count = {"stripe": 8, "paypal": 4}[plain.name]
        notices = [plain.provider.notice(each.headers, each.raw) for each in plain.webhooks(count)]

        ids = [notice.event_id for notice in notices]
        assert all(ids.count(each) == 2 for each in ids)

    def test_still_hold_when_they_come_late_and_in_reverse(self, plain: Case) -> None:
        plain.world.control("webhooks", provider=plain.name, mode="hold")
        paid = plain.paid()
        plain.world.post("/clock", json={"advance": "2d"})
        released = plain.world.control("webhooks/release", provider=plain.name, order="reversed")["released"]

        notices = [plain.provider.notice(each.headers, each.raw) for each in plain.webhooks(released)]

        assert paid.ref in {notice.ref for notice in notices}


class TestSellers:
    """A seller's own account at the processor (T13)."""

    def stripe(self, world: World) -> PaymentProvider:
        return providers(world)["stripe"]

    def test_stripe_opens_one_account_however_often_it_is_asked(self, world: World) -> None:
        provider = self.stripe(world)

        assert provider.open_account("sel_1") == provider.open_account("sel_1")
        assert provider.open_account("sel_2") != provider.open_account("sel_1")

    def test_stripe_finds_the_account_again_when_the_answer_was_lost(self, world: World) -> None:
        provider = self.stripe(world)
        world.fail_next("stripe", "reset_after", "accounts.create", count=3)
        with pytest.raises(ProviderUnavailable):
            provider.open_account("sel_1")

        assert provider.open_account("sel_1") == provider.open_account("sel_1")

    def test_stripe_takes_money_for_it_only_after_its_owner_finished(self, world: World) -> None:
        provider = self.stripe(world)
        account = provider.open_account("sel_1")
        case = Case(world, provider, account)
        assert not provider.can_be_paid(account)
        with pytest.raises(ProviderRefused):
            provider.start(case.request())

        page = provider.account_page(account, "http://127.0.0.1/contractor/connected")
        assert world.buyer(page, act="later").status_code == 303
        assert not provider.can_be_paid(account)
        page = provider.account_page(account, "http://127.0.0.1/contractor/connected")
        answer = world.buyer(page, act="finish")

        assert answer.headers["Location"] == "http://127.0.0.1/contractor/connected"
        assert provider.can_be_paid(account)
        assert case.paid("pays").seller == account

    def test_a_page_of_stripe_works_once(self, world: World) -> None:
        provider = self.stripe(world)
        page = provider.account_page(provider.open_account("sel_1"), "http://127.0.0.1/contractor/connected")
        world.buyer(page, act="later")

        assert world.buyer(page, act="finish").headers["Location"].endswith("/connected?again=1")

    @pytest.mark.parametrize("account", ["", "acct_", "../v1", "acct_1?x=1", "acct_unknown"])
    def test_stripe_knows_no_other_account(self, world: World, account: str) -> None:
        with pytest.raises(ProviderRefused):
            self.stripe(world).can_be_paid(account)

    def test_paypal_opens_none_and_checks_the_form_of_a_merchant_id(self, world: World) -> None:
        provider = providers(world)["paypal"]
        for ask in (lambda: provider.open_account("sel_1"), lambda: provider.account_page("X", "http://127.0.0.1")):
            with pytest.raises(ProviderRefused, match="merchant_id_needed"):
                ask()

        assert provider.can_be_paid("WNM9VDLXSZPFW")
        assert not provider.can_be_paid("seller@acme.example")

    def test_events_of_connected_accounts_have_a_secret_of_their_own(self, world: World) -> None:
        ours = providers(world, stripe_webhook_secret="whsec_ours")["stripe"]
        both = providers(
            world, stripe_webhook_secret="whsec_ours", stripe_connect_webhook_secret=STRIPE_WEBHOOK_SECRET
        )["stripe"]
        Case(world, self.stripe(world), SELLERS["stripe"]).paid()
        wait_until(lambda: bool(world.receiver.of("stripe")), "a webhook arrives")
        each = world.receiver.of("stripe")[0]

        with pytest.raises(BadSignature):
            ours.notice(each.headers, each.raw)
        assert both.notice(each.headers, each.raw).seller == SELLERS["stripe"]


class TestCheck:
    def test_is_quiet_when_the_keys_work(self, plain: Case) -> None:
        plain.provider.check()

    def test_tells_wrong_keys_from_a_network_that_is_down(self, plain: Case) -> None:
        wrong = providers(plain.world, stripe_secret_key="sk_test_wrong", paypal_client_secret="wrong")[plain.name]
        with pytest.raises(ProviderRefused):
            wrong.check()
        plain.world.running.close()

        with pytest.raises(ProviderUnavailable):
            plain.provider.check()
        plain.world.restart()


def is_accepted(case: Case, headers: Mapping[str, str], raw: bytes) -> bool:
    try:
        case.provider.notice(headers, raw)
    except BadSignature:
        return False
    return True


class TestWhatComesAfter:
    """Refunds and disputes that nobody here asked for, told by the processor itself."""

    def by_hand(self, case: Case, paid: Snapshot, cents: int) -> None:
        amount = {"stripe": cents, "paypal": f"{cents / 100:.2f}"}[case.name]
        case.world.control("refunds", provider=case.name, charge=paid.charge_ref, amount=amount)

    def after(self, case: Case, paid: Snapshot) -> Aftermath:
        return case.provider.aftermath(paid.ref, paid.charge_ref or "", case.seller)

    def test_is_nothing_at_first(self, case: Case) -> None:
        assert self.after(case, case.paid()) == Aftermath()

    def test_tells_our_own_refunds_by_our_id_and_others_by_none(self, case: Case) -> None:
        paid = case.paid()
        case.provider.refund(paid, "ref_1", Money(2000, "USD"), case.seller)
        self.by_hand(case, paid, 500)

        found = sorted(self.after(case, paid).refunds, key=lambda refund: refund.amount.minor)

        assert [(each.ours, each.amount.minor, each.state) for each in found] == [
            (None, 500, RefundState.DONE),
            ("ref_1", 2000, RefundState.DONE),
        ]
        assert len({each.ref for each in found}) == 2

    def test_tells_a_slow_refund_as_pending(self, case: Case) -> None:
        paid = case.paid("pays, slow refund")
        case.provider.refund(paid, "ref_1", Money(2000, "USD"), case.seller)

        [found] = self.after(case, paid).refunds
        assert found.state is RefundState.PENDING

    @pytest.mark.parametrize("end", ["won", "lost"])
    def test_tells_a_dispute_and_how_it_ended(self, case: Case, end: str) -> None:
        paid = case.paid()
        opened = case.world.control("disputes", provider=case.name, charge=paid.charge_ref)
        [found] = self.after(case, paid).disputes
        assert (found.ref, found.amount, found.state) == (opened["id"], paid.amount, DisputeState.OPEN)
        assert found.fee == {"stripe": 1500, "paypal": 0}[case.name]

        case.world.control(f"disputes/{opened['id']}/close", status=end)

        [found] = self.after(case, paid).disputes
        assert found.state.value == end
        assert found.fee == {"stripe": 1500, "paypal": 0}[case.name]

    def test_a_disputed_charge_is_not_refunded(self, case: Case) -> None:
        paid = case.paid()
        case.world.control("disputes", provider=case.name, charge=paid.charge_ref)

        with pytest.raises(ProviderRefused):
            case.provider.refund(paid, "ref_1", Money(2000, "USD"), case.seller)

    def test_every_webhook_about_it_leads_to_the_payment(self, plain: Case) -> None:
        plain.world.control("webhooks", provider=plain.name, mode="drop")
        paid = plain.paid()
        plain.world.control("webhooks", provider=plain.name, mode="normal")
        self.by_hand(plain, paid, 500)
        opened = plain.world.control("disputes", provider=plain.name, charge=paid.charge_ref)
        plain.world.control(f"disputes/{opened['id']}/close", status="won")

        told = plain.webhooks({"stripe": 6, "paypal": 3}[plain.name])
        notices = [plain.provider.notice(each.headers, each.raw) for each in told]

        assert {notice.charge_ref for notice in notices} == {paid.charge_ref}


class TestWhatWasReceived:
    def test_is_listed_with_our_id_and_without_one_where_nobody_ordered(self, plain: Case) -> None:
        paid = plain.paid()
        other = {"stripe": {"amount": 700, "currency": "usd"}, "paypal": {"amount": "7.00", "currency": "USD"}}
        plain.world.control("charges", provider=plain.name, **other[plain.name])
        now = clock.now()

        found = list(plain.provider.received(now - timedelta(days=80), now + timedelta(minutes=1)))

        assert {(each.payment_id, each.amount.minor) for each in found} == {("pay_01", 12000), (None, 700)}
        assert paid.charge_ref in {each.ref for each in found}

    def test_is_limited_to_the_days_that_were_asked_for(self, plain: Case) -> None:
        plain.paid()
        now = clock.now()

        assert list(plain.provider.received(now - timedelta(days=80), now - timedelta(days=1))) == []

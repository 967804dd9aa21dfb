"""A company that sells: its own account, a bill, a client who pays it once, and money on its way back (B30, T13)."""

import json
import secrets

import pytest

from actiontrac import clock
from actiontrac.contracts.billing import CheckoutNotFound, MembershipTerminated, RefundTooLarge
from actiontrac.contracts.contractor_bills import (
    BillClosed,
    BillNotFound,
    BillNotRefundable,
    BillNotVoidable,
    BillTotalWrong,
    DueDateWrong,
    MerchantIdNeeded,
    MethodNotOffered,
    NotASeller,
    SellerAccountNotFound,
)
from actiontrac.errors import Invalid, Unavailable
from actiontrac.forbidden import ForbiddenData
from actiontrac.testing import as_request
from services.billing.models import Bill, Checkout, LedgerEntry, Payment, Refund
from services.billing.providers import DisputeState
from tests.billing.conftest import ACME, RIVAL, RON
from tests.billing.contractor import MERCHANT, METHODS, Seller

DAY = 86400


@pytest.fixture
def seller(shop):
    return Seller(shop).open_for_business()


class TestConnecting:
    def test_stripe_leads_to_its_onboarding_and_is_ready_after_it(self, shop):
        seller = Seller(shop)
        answer = seller.connect("stripe")

        assert (answer["state"], answer["onboarding_url"]) == ("connecting", "https://pay.example/setup/acct_1")
        assert seller.accounts()["stripe"]["state"] == "connecting"
        seller.onboard()
        assert (seller.accounts()["stripe"]["state"], seller.accounts()["stripe"]["account"]) == ("ready", "acct_1")

    def test_paypal_is_named_by_its_merchant_id(self, shop):
        answer = Seller(shop).connect("paypal")

        assert (answer["state"], answer["account"]) == ("ready", MERCHANT)

    def test_paypal_without_a_merchant_id_is_refused_by_field(self, shop):
        with pytest.raises(MerchantIdNeeded) as refused:
            Seller(shop).connect("paypal", merchant_id=None)
        assert refused.value.fields[0]["field"] == "merchant_id"

    def test_an_account_is_opened_once_however_often_it_is_connected(self, shop):
        seller = Seller(shop)
        for _ in range(3):
            seller.connect("stripe")

        assert shop.stripe.calls.count("open_account") == 1

    def test_a_lost_answer_leads_to_the_same_account(self, shop):
        seller = Seller(shop)
        shop.stripe.lose.add("open_account")
        with pytest.raises(Unavailable):
            seller.connect("stripe")
        shop.stripe.lose.clear()

        assert seller.connect("stripe")["account"] == "acct_1"

    def test_disconnecting_ends_payments_and_connecting_again_brings_them_back(self, seller):
        bill = seller.bill()
        assert seller.disconnect("stripe")["state"] == "disconnected"

        with pytest.raises(MethodNotOffered):
            seller.start(bill, "card")
        assert seller.page(bill)["methods"] == ["paypal"]
        seller.connect("stripe")
        seller.accounts()
        assert seller.start(bill, "card")

    def test_disconnecting_closes_open_pages(self, shop, seller):
        bill = seller.bill()
        seller.start(bill, "card")
        seller.disconnect("stripe")
        shop.settle_down()

        assert [order.closed for order in seller.attempts("card")] == [True]

    def test_what_was_never_connected_is_not_disconnected(self, shop):
        with pytest.raises(SellerAccountNotFound):
            Seller(shop).disconnect("stripe")


class TestIssuing:
    def test_a_bill_says_what_was_asked_and_gets_the_next_number(self, seller):
        first, second = seller.bill(), seller.bill(note="Thank you.\nSee you.")

        assert (first["number"], second["number"]) == ("SANDBOX-BILL-000001", "SANDBOX-BILL-000002")
        assert (first["total_minor"], first["currency"], first["state"]) == (12000, "USD", "open")
        assert first["lines"][0]["amount_minor"] == 12000
        assert second["note"] == "Thank you.\nSee you."
        assert [event.bill_number for event in seller.shop.events("bill.issued")] == [first["number"], second["number"]]

    def test_the_sellers_tax_is_added_on_top_to_the_cent(self, seller):
        bill = seller.bill(3333, taxes=[{"name": "Sales tax", "percent": "8.875"}, {"name": "City", "percent": "1"}])

        assert [(tax["name"], tax["amount_minor"]) for tax in bill["taxes"]] == [("Sales tax", 592), ("City", 67)]
        assert bill["total_minor"] == 6666 + 592 + 67
        assert seller.pay(bill)["state"] == "paid"
        assert seller.attempts("card")[0].request.amount.minor == bill["total_minor"]

    def test_one_request_writes_one_bill_however_often_it_arrives(self, seller):
        from actiontrac.storage import Replayed

        bill = seller.bill(key="k1")
        with pytest.raises(Replayed) as before:
            seller.bill(key="k1")

        assert before.value.response["id"] == bill["id"]
        assert len(seller.shop.rows(Bill)) == 1

    def test_numbers_of_twenty_at_once_have_no_gap(self, seller):
        came = seller.shop.at_once(20, lambda _: seller.bill())

        assert sorted(bill["number"] for bill in came) == [f"SANDBOX-BILL-{n:06d}" for n in range(1, 21)]

    def test_each_seller_counts_for_itself(self, shop, seller):
        other = Seller(shop, RIVAL, RON).open_for_business()

        assert (seller.bill()["number"], other.bill()["number"]) == ("SANDBOX-BILL-000001",) * 2

    def test_needs_an_account_to_be_paid_into(self, shop):
        with pytest.raises(NotASeller):
            Seller(shop).bill()

    @pytest.mark.parametrize("unit_minor", [0, 24, 99_999_999])
    def test_a_total_that_nobody_could_pay_is_refused(self, seller, unit_minor):
        with pytest.raises(BillTotalWrong):
            seller.bill(unit_minor)

    @pytest.mark.parametrize("days", [-1, 400])
    def test_a_due_day_in_the_past_or_far_away_is_refused(self, seller, days):
        with pytest.raises(DueDateWrong):
            seller.bill(days=days)

    @pytest.mark.parametrize(
        "wanted",
        [
            {"note": "Pay with 4242 4242 4242 4242"},
            {"lines": [{"description": "SSN 219-09-9999", "unit_minor": 6000}]},
            {"client": {"name": "Clara 4242424242424242", "email": "clara@client.example"}},
        ],
    )
    def test_forbidden_data_is_refused_wherever_it_stands(self, seller, wanted):
        with pytest.raises(ForbiddenData):
            seller.bill(**wanted)
        assert seller.shop.rows(Bill) == []

    @pytest.mark.parametrize("wanted", [{"currency": "JPY"}, {"lines": []}, {"card": "x"}, {"client": {"name": "C"}}])
    def test_a_malformed_bill_is_refused(self, seller, wanted):
        with pytest.raises(Invalid):
            seller.bill(**wanted)

    def test_nothing_personal_is_readable_at_rest(self, seller):
        seller.bill(note="A note to Clara")
        database = seller.shop.settings.home
        kept = b"".join(path.read_bytes() for path in database.rglob("billing*") if path.is_file())

        assert kept
        for text in (b"Clara", b"clara@client.example", b"Quay Road", b"Fitting of presses"):
            assert text not in kept

    def test_the_link_cannot_be_guessed_and_is_not_readable(self, seller):
        bill = seller.bill()
        token = seller.token(bill)

        assert len(token) >= 43
        with pytest.raises(BillNotFound):
            seller.service.show_bill(token=secrets.token_urlsafe(32))
        [row] = seller.shop.rows(Bill)
        assert token not in (row.link_hash, row.link_sealed.decode("latin-1"))


class TestPaying:
    @pytest.mark.parametrize("method", METHODS)
    def test_the_money_goes_to_the_seller_and_both_see_it(self, seller, method):
        bill = seller.bill()
        paid = seller.pay(bill, method)

        [order] = seller.attempts(method)
        assert order.request.seller == {"card": "acct_1", "paypal": MERCHANT}[method]
        assert (order.charges, order.request.fee) == (1, None)
        assert (paid["state"], paid["method"]) == ("paid", method)
        page = seller.page(bill)
        assert (page["state"], page["methods"], page["paid_on"]) == ("paid", [], clock.today().isoformat())

    @pytest.mark.parametrize("method", METHODS)
    def test_return_webhook_and_reconciler_together_pay_it_once(self, shop, seller, method):
        bill = seller.bill()
        seller.start(bill, method)
        checkout = seller.approve(method)
        order = seller.attempts(method)[0]
        for number in range(3):
            as_request()
            body = json.dumps({"id": f"evt_{number}", "ref": order.ref}).encode()
            import base64

            seller.service.receive_webhook(
                provider=seller.provider(method).name,
                headers={"signature": "good"},
                raw=base64.b64encode(body).decode(),
            )
        came = shop.at_once(5, lambda _: seller.come_back(bill, checkout))
        shop.settle_down()

        assert not [problem for problem in came if isinstance(problem, Exception)]
        assert (order.charges, len(shop.rows(Payment)), len(shop.events("bill.paid"))) == (1, 1, 1)
        assert seller.look(bill)["state"] == "paid"

    def test_the_reconciler_alone_finds_it(self, shop, seller):
        bill = seller.bill()
        seller.start(bill)
        seller.approve()
        shop.settle_down()

        assert seller.look(bill)["state"] == "paid"

    def test_two_clicks_lead_to_one_page(self, shop, seller):
        bill = seller.bill()
        urls = shop.at_once(5, lambda _: seller.start(bill))

        assert {url for url in urls if isinstance(url, str)} == {"https://pay.example/stripe_1"}
        assert len(shop.rows(Checkout)) == 1

    def test_paid_by_both_methods_at_once_keeps_one_and_gives_one_back(self, shop, seller):
        bill = seller.bill()
        for method in METHODS:
            seller.start(bill, method)
        for method in METHODS:
            seller.approve(method)
        shop.settle_down()

        assert len(shop.events("bill.paid")) == 1
        kept = [seller.provider(method).money_kept() for method in METHODS]
        assert sorted(kept) in ([0, 12000],)
        assert seller.look(bill)["refunded_minor"] == 0
        assert seller.look(bill)["credits"] == []

    def test_money_that_went_to_somebody_else_pays_nothing(self, shop, seller):
        bill = seller.bill()
        seller.start(bill)
        order = seller.attempts("card")[0]
        checkout = seller.approve()
        import dataclasses

        order.request = dataclasses.replace(order.request, seller="acct_other")
        seller.come_back(bill, checkout)

        assert seller.look(bill)["state"] == "open"
        assert [row.needs_review for row in shop.rows(Checkout)] == [True]

    def test_a_decline_is_told_and_paid_at_the_second_try(self, shop, seller):
        bill = seller.bill()
        seller.start(bill, "paypal")
        order = seller.attempts("paypal")[0]
        shop.paypal.approve_without_money(order.ref)
        page = seller.come_back(bill, order.request.payment_id)

        assert (page["state"], page["last_error"]) == ("open", "INSTRUMENT_DECLINED")
        assert seller.start(bill, "paypal")
        assert seller.pay(bill, "paypal")["state"] == "paid"
        assert order.charges == 1

    def test_an_expired_page_is_followed_by_a_fresh_one(self, shop, seller):
        bill = seller.bill()
        seller.start(bill)
        shop.wait(2 * DAY)

        assert seller.page(bill)["payment"] == "expired"
        assert seller.start(bill)
        assert len(seller.attempts("card")) == 2
        assert seller.pay(bill)["state"] == "paid"

    @pytest.mark.parametrize("method", METHODS)
    def test_a_lost_answer_to_the_start_is_made_up_for(self, shop, seller, method):
        bill = seller.bill()
        seller.provider(method).lose.add("start")
        assert seller.start(bill, method) is None
        assert seller.page(bill)["payment"] == "unknown"
        seller.provider(method).lose.clear()
        shop.wait(60)

        assert len(seller.attempts(method)) == 1
        assert seller.pay(bill, method)["state"] == "paid"

    def test_a_processor_that_is_away_charges_nothing(self, shop, seller):
        bill = seller.bill()
        shop.stripe.down.add("start")
        with pytest.raises(Unavailable):
            seller.start(bill)
        shop.stripe.down.clear()

        assert seller.pay(bill)["state"] == "paid"

    @pytest.mark.parametrize("point", ["billing.checkout.before_provider", "billing.checkout.after_provider"])
    def test_a_crash_beside_the_start_leads_to_one_charge(self, shop, seller, crash_at, point):
        from tests.billing.conftest import Crash

        bill = seller.bill()
        crash_at(point)
        with pytest.raises(Crash):
            seller.start(bill)
        shop.restart()
        shop.wait(120)
        assert seller.pay(bill)["state"] == "paid"

        assert [order.charges for order in seller.attempts("card")] == [1]

    def test_what_is_paid_is_not_paid_again(self, seller):
        bill = seller.bill()
        seller.pay(bill)

        with pytest.raises(BillClosed):
            seller.start(bill, "paypal")

    def test_a_client_who_was_not_authenticated_gets_the_money_back(self, open_shop):
        shop = open_shop(ACTIONTRAC_BILLING_REQUIRE_3DS="authenticated")
        seller = Seller(shop).open_for_business()
        bill = seller.bill()
        seller.start(bill)
        seller.come_back(bill, seller.approve(authentication="not_attempted"))
        shop.settle_down()

        assert seller.look(bill)["state"] == "open"
        assert shop.stripe.money_kept() == 0
        assert [event.cause for event in shop.events("bill.refunded")] == ["not_authenticated"]

    def test_a_bill_is_no_purchase_of_the_seller(self, shop, seller):
        bill = seller.bill()
        seller.start(bill)
        checkout = seller.approve()
        assert shop.subscription()["state"] == "none"
        seller.come_back(bill, checkout)

        assert shop.service.list_checkouts(company_id=ACME)["items"] == []
        assert (shop.invoices(), shop.subscription()["state"]) == ([], "none")
        with pytest.raises(CheckoutNotFound):
            shop.service.get_checkout(company_id=ACME, checkout_id=checkout)
        with pytest.raises(CheckoutNotFound):
            shop.refund({"id": checkout})

    def test_buying_a_year_closes_no_bill(self, shop, seller):
        bill = seller.bill()
        seller.start(bill)
        shop.buy()
        shop.tick(2)

        assert seller.pay(bill)["state"] == "paid"


class TestFee:
    @pytest.fixture
    def shop(self, open_shop):
        return open_shop(ACTIONTRAC_CONTRACTOR_FEE_BASIS_POINTS="150")

    def test_is_kept_of_a_card_payment_and_stands_in_the_books(self, shop, seller):
        seller.pay(seller.bill(), "card")

        assert seller.attempts("card")[0].request.fee.minor == 180
        booked = {(row.account, row.debit_minor, row.credit_minor) for row in shop.rows(LedgerEntry)}
        assert booked == {("cash_stripe", 180, 0), ("contractor_fees", 0, 180)}

    def test_goes_back_with_a_refund_in_parts(self, shop, seller):
        bill = seller.bill()
        seller.pay(bill)
        for part in (1, 5000, None):
            seller.refund(bill, part)

        rows = shop.rows(LedgerEntry)
        assert sum(row.debit_minor - row.credit_minor for row in rows if row.account == "cash_stripe") == 0
        assert sum(row.debit_minor - row.credit_minor for row in rows) == 0

    def test_stays_where_the_seller_gives_back_at_the_processor(self, shop, seller):
        bill = seller.bill()
        seller.pay(bill)
        shop.stripe.refund_by_hand(seller.attempts("card")[0].ref, 12000)
        shop.wait(25 * 3600)

        assert sum(row.debit_minor - row.credit_minor for row in shop.rows(LedgerEntry) if "cash" in row.account) == 180

    def test_is_not_kept_at_paypal_unless_it_is_switched_on(self, seller):
        seller.pay(seller.bill(), "paypal")

        assert seller.attempts("paypal")[0].request.fee is None

    def test_can_be_switched_on_for_paypal(self, open_shop):
        shop = open_shop(ACTIONTRAC_CONTRACTOR_FEE_BASIS_POINTS="150", ACTIONTRAC_CONTRACTOR_PAYPAL_FEE="on")
        seller = Seller(shop).open_for_business()
        assert seller.pay(seller.bill(), "paypal")["state"] == "paid"

        assert seller.attempts("paypal")[0].request.fee.minor == 180


class TestVoiding:
    def test_a_withdrawn_bill_cannot_be_paid(self, shop, seller):
        bill = seller.bill()
        seller.start(bill)
        assert seller.void(bill)["state"] == "void"
        assert seller.void(bill)["state"] == "void"

        with pytest.raises(BillClosed):
            seller.start(bill)
        shop.settle_down()
        assert [order.closed for order in seller.attempts("card")] == [True]
        assert len(shop.events("bill.voided")) == 1

    def test_a_payment_that_arrives_all_the_same_goes_back(self, shop, seller):
        bill = seller.bill()
        seller.start(bill)
        seller.approve()
        order = seller.attempts("card")[0]
        order.charges = 1
        seller.void(bill)
        shop.settle_down()

        assert shop.stripe.money_kept() == 0
        assert seller.look(bill)["state"] == "void"
        assert [row.cause for row in shop.rows(Refund)] == ["already_paid"]

    def test_a_paid_bill_is_not_withdrawn(self, seller):
        bill = seller.bill()
        seller.pay(bill)

        with pytest.raises(BillNotVoidable):
            seller.void(bill)

    def test_its_number_stays_used(self, seller):
        seller.void(seller.bill())

        assert seller.bill()["number"] == "SANDBOX-BILL-000002"


class TestRefunding:
    @pytest.mark.parametrize("method", METHODS)
    def test_parts_and_then_the_rest_go_back_each_with_a_credit_note(self, shop, seller, method):
        bill = seller.bill()
        seller.pay(bill, method)
        seller.refund(bill, 2000)
        assert (seller.look(bill)["state"], seller.look(bill)["refunded_minor"]) == ("part_refunded", 2000)
        seller.refund(bill)

        found = seller.look(bill)
        assert (found["state"], found["refunded_minor"]) == ("refunded", 12000)
        assert [(one["number"], one["amount_minor"]) for one in found["credits"]] == [
            ("SANDBOX-CN-000001", 2000), ("SANDBOX-CN-000002", 10000),
        ]  # fmt: skip
        assert seller.provider(method).money_kept() == 0
        assert [event.whole for event in shop.events("bill.refunded")] == [False, True]
        assert seller.page(bill)["state"] == "refunded"

    def test_one_request_is_one_refund_also_when_the_answer_is_lost(self, shop, seller):
        bill = seller.bill()
        seller.pay(bill)
        shop.stripe.lose.add("refund")
        assert seller.refund(bill, 2000)["state"] == "unknown"
        shop.stripe.lose.clear()
        shop.settle_down()

        assert shop.stripe.money_kept() == 10000
        assert len(seller.look(bill)["credits"]) == 1

    def test_never_more_than_was_paid(self, seller):
        bill = seller.bill()
        seller.pay(bill)
        with pytest.raises(RefundTooLarge):
            seller.refund(bill, 12001)
        seller.refund(bill)

        with pytest.raises(BillNotRefundable):
            seller.refund(bill)

    def test_ten_at_once_give_back_no_more_than_was_paid(self, shop, seller):
        bill = seller.bill()
        seller.pay(bill)
        shop.at_once(10, lambda _: seller.refund(bill, 5000))
        shop.settle_down()

        assert shop.stripe.money_kept() >= 0
        assert seller.look(bill)["refunded_minor"] == 12000 - shop.stripe.money_kept()

    def test_what_was_not_paid_is_not_refunded(self, seller):
        with pytest.raises(BillNotRefundable):
            seller.refund(seller.bill())

    def test_a_disconnected_seller_can_still_refund(self, shop, seller):
        bill = seller.bill()
        seller.pay(bill)
        seller.disconnect("stripe")
        seller.refund(bill)

        assert shop.stripe.money_kept() == 0


class TestAfterwards:
    """What the seller does at the processor itself, and what the bank decides."""

    @pytest.mark.parametrize("method", METHODS)
    def test_what_was_given_back_there_gets_its_credit_note_once(self, shop, seller, method):
        bill = seller.bill()
        seller.pay(bill, method)
        seller.provider(method).refund_by_hand(seller.attempts(method)[0].ref, 5000)
        for _ in range(2):
            shop.wait(25 * 3600)

        found = seller.look(bill)
        assert (found["state"], [one["amount_minor"] for one in found["credits"]]) == ("part_refunded", [5000])
        assert [event.cause for event in shop.events("bill.refunded")] == ["at_provider"]

    def test_a_dispute_that_was_lost_takes_the_money_and_tells_nobody_of_a_plan(self, shop, seller):
        bill = seller.bill()
        seller.pay(bill)
        name = shop.stripe.dispute(seller.attempts("card")[0].ref)
        shop.wait(25 * 3600)
        shop.stripe.decide(name, DisputeState.LOST)
        shop.wait(25 * 3600)

        assert seller.look(bill)["state"] == "refunded"
        assert shop.events("payment.disputed") + shop.events("dispute.closed") == []
        assert shop.rows(LedgerEntry) == []

    def test_a_terminated_contractors_open_bill_can_still_be_paid(self, shop, seller):
        bill = seller.bill()
        as_request()
        shop.service.mark_terminated(company_id=ACME)

        assert seller.pay(bill)["state"] == "paid"
        with pytest.raises(MembershipTerminated):
            seller.bill()


class TestOverdue:
    def test_is_told_once_on_the_day_after(self, shop, seller):
        bill = seller.bill(days=3)
        clock.advance(3 * DAY)
        seller.service.tell_overdue_bills()
        assert (seller.look(bill)["overdue"], shop.events("bill.overdue")) == (False, [])
        clock.advance(DAY)
        for _ in range(3):
            as_request()
            seller.service.tell_overdue_bills()

        assert seller.look(bill)["overdue"]
        assert len(shop.events("bill.overdue")) == 1
        assert seller.pay(bill)["overdue"] is False

    def test_is_not_told_of_what_was_paid(self, shop, seller):
        seller.pay(seller.bill(days=3))
        clock.advance(5 * DAY)
        as_request()
        seller.service.tell_overdue_bills()

        assert shop.events("bill.overdue") == []


class TestIsolation:
    def test_another_company_finds_nothing(self, shop, seller):
        bill = seller.bill()
        other = Seller(shop, RIVAL, RON).open_for_business()

        assert shop.service.list_bills(company_id=RIVAL)["items"] == []
        for ask in (other.look, other.void, other.refund):
            with pytest.raises(BillNotFound):
                ask(bill)
        assert other.accounts()["stripe"]["account"] != seller.accounts()["stripe"]["account"]
        assert {one["subject_id"] for one in shop.service.list_disclosures(company_id=RIVAL)["items"]} == {RIVAL}

    def test_another_bills_attempt_does_not_show_this_bill_paid(self, seller):
        first, second = seller.bill(), seller.bill()
        seller.start(first)
        checkout = seller.approve()

        with pytest.raises(CheckoutNotFound):
            seller.come_back(second, checkout)


class TestDocument:
    @pytest.mark.parametrize("what", ["open", "paid", "refunded", "void"])
    def test_is_a_pdf_that_stays_the_same(self, seller, what):
        import base64

        bill = seller.bill(note="Thank you.")
        if what == "void":
            seller.void(bill)
        elif what != "open":
            seller.pay(bill)
        if what == "refunded":
            seller.refund(bill, 500)
        first = seller.service.get_bill_pdf(company_id=ACME, bill_id=bill["id"])

        assert base64.b64decode(first["content"]).startswith(b"%PDF-")
        assert first == seller.service.show_bill_pdf(token=seller.token(bill))
        assert first["filename"] == "SANDBOX-BILL-000001.pdf"


def test_the_contact_of_a_bill_is_told_to_services(seller):
    bill = seller.bill()
    contact = seller.service.get_bill_contact(bill_id=bill["id"])

    assert (contact["email"], contact["client_name"], contact["seller_name"]) == (
        "clara@client.example", "Clara Finch", "Acme Tools",
    )  # fmt: skip
    assert contact["page_url"] == bill["page_url"]



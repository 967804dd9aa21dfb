"""Documents: numbered without gaps, never changed, adding up."""

import pytest
from sqlalchemy import select

from actiontrac.contracts.billing import InvoiceNotFound
from services.billing.models import Invoice, IssuedForGood, NumberSeries, Plan
from tests.billing.conftest import ACME, RIVAL


class TestInvoices:
    def test_a_paid_year_has_one_with_its_line_and_days(self, shop):
        checkout = shop.buy("team", "card", currency="GBP")
        [invoice] = shop.invoices()
        subscription = shop.subscription()

        assert (invoice["kind"], invoice["checkout_id"], invoice["paid"]) == ("invoice", checkout["id"], True)
        assert (invoice["total_minor"], invoice["currency"]) == (38000, "GBP")
        [line] = invoice["lines"]
        assert line["amount_minor"] == 38000
        assert f"{subscription['starts_on']} to {subscription['ends_on']}" in line["description"]

    def test_it_can_be_read_by_its_id_and_by_no_other_company(self, shop):
        shop.buy()
        [invoice] = shop.invoices()

        assert shop.service.get_invoice(company_id=ACME, invoice_id=invoice["id"]) == invoice
        with pytest.raises(InvoiceNotFound):
            shop.service.get_invoice(company_id=RIVAL, invoice_id=invoice["id"])
        assert shop.invoices(RIVAL) == []

    def test_sandbox_documents_say_so_in_their_number(self, shop):
        shop.refund(shop.buy())

        assert sorted(invoice["number"] for invoice in shop.invoices()) == ["SANDBOX-CN-000001", "SANDBOX-INV-000001"]

    def test_numbers_have_no_gap_and_no_double_when_many_pay_at_once(self, shop):
        companies = [f"com_{number}" for number in range(12)]
        for company in companies:
            shop.accounts.add(f"usr_{company}", company, role="owner")
        checkouts = [shop.create(company=company, user=f"usr_{company}") for company in companies]
        for checkout in checkouts:
            shop.approve(checkout)
        shop.at_once(12, lambda number: shop.come_back(checkouts[number]))

        numbers = sorted(int(invoice.number.rsplit("-", 1)[1]) for invoice in shop.rows(Invoice))
        assert numbers == list(range(1, 13))

    def test_a_number_that_was_given_in_a_failed_transaction_is_given_again(self, shop):
        with pytest.raises(ZeroDivisionError), shop.service.store(ACME) as store:
            assert store.next_number("invoice", "INV-") == "INV-000001"
            1 / 0  # noqa: B018
        with shop.service.store(ACME) as store:
            assert store.next_number("invoice", "INV-") == "INV-000001"
        assert [series.last for series in shop.rows(NumberSeries)] == [1]

    def test_an_issued_document_is_never_changed(self, shop):
        shop.buy()

        with pytest.raises(IssuedForGood), shop.service.store(ACME) as store:
            store.session.scalars(select(Invoice)).one().total_minor = 1
        with pytest.raises(IssuedForGood), shop.service.store(ACME) as store:
            store.session.delete(store.session.scalars(select(Invoice)).one())

    def test_a_version_of_a_plan_is_never_changed(self, shop):
        with pytest.raises(IssuedForGood), shop.service.store.across_companies() as store:
            store.session.scalars(select(Plan)).first().worker_limit = 1


class TestWhatIsKept:
    def test_the_database_itself_refuses_two_standing_years_from_one_day(self, shop):
        from sqlalchemy.exc import IntegrityError

        from services.billing.models import SubscriptionYear

        shop.buy()
        [year] = shop.rows_of_years()
        copied = {c.name: getattr(year, c.name) for c in SubscriptionYear.__table__.columns}
        with pytest.raises(IntegrityError), shop.service.store(ACME) as store:
            store.session.add(SubscriptionYear(**{**copied, "id": "sub_2", "checkout_id": "chk_2"}))

    def test_no_column_could_hold_what_charges_again_or_names_a_payer(self):
        from services.billing.models import Base

        words = {"pan", "cvc", "cvv", "last4", "brand", "expiry", "customer", "mandate", "vault", "token", "iban",
                 "email", "payer", "mail", "holder", "setup", "agreement"}  # fmt: skip
        columns = [
            f"{table.name}.{column.name}"
            for table in Base.metadata.tables.values()
            for column in table.columns
            if words & set(column.name.split("_"))
        ]

        assert columns == []

    def test_events_carry_ids_and_figures_only(self, shop):
        shop.count(9)
        shop.refund(shop.buy("starter"))

        told = " ".join(event.to_wire() for event in shop.events())
        assert "olive" not in told.replace("usr_olive", "")
        assert "@" not in told

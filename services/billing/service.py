"""The billing service: the sum of its parts."""

from actiontrac.contracts import billing
from services.billing.contractor.payments import BillPayments
from services.billing.coupons import Coupons
from services.billing.disclosures import Disclosures
from services.billing.invoices import Invoices
from services.billing.plan_changes import PlanChanges
from services.billing.reconciliation import Reconciliation
from services.billing.subscriptions import Subscriptions
from services.billing.tax_profiles import TaxProfiles
from services.billing.usage import Usage
from services.billing.webhooks import Webhooks


class BillingService(
    PlanChanges,
    Webhooks,
    Reconciliation,
    Subscriptions,
    Usage,
    Invoices,
    TaxProfiles,
    Coupons,
    BillPayments,
    Disclosures,
):
    """
    All of billing: what is sold and to whom, payments and what follows from them, documents,
    tax and coupons; bills of a company that sells; and what was disclosed to whom.
    """

    name = billing.SERVICE

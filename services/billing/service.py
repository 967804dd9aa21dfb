"""The billing service: the sum of its parts."""

from actiontrac.contracts import billing
from services.billing.invoices import Invoices
from services.billing.plan_changes import PlanChanges
from services.billing.reconciliation import Reconciliation
from services.billing.subscriptions import Subscriptions
from services.billing.tax_profiles import TaxProfiles
from services.billing.usage import Usage
from services.billing.webhooks import Webhooks


class BillingService(PlanChanges, Webhooks, Reconciliation, Subscriptions, Usage, Invoices, TaxProfiles):
    """Plans, checkouts, changes of plan, webhooks, refunds and reconciliation, subscriptions, usage, invoices, tax."""

    name = billing.SERVICE

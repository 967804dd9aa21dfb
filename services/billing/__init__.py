"""
Billing owns plans, checkouts, payments, paid years, refunds and invoices, and says
whether a company's plan is the right one (S30 to S33, S38, S39).

It does not own people or workers: whom to bill is asked of accounts at the moment of
use, and how many workers there are is told by workers' events. It holds nothing that
could charge anybody again: every year is a checkout of its own on the processor's page.
"""

"""A Stripe of our own: Checkout Sessions with a hosted page, refunds, events and signed webhooks."""

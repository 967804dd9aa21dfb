"""A PayPal of our own: OAuth, Orders v2 with an approval page, captures, refunds and signed webhooks."""

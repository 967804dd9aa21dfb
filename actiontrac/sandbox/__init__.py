"""
Stand-ins for what ActionTrac meets outside: Stripe, PayPal, a mailbox and the calendar.

They speak the real HTTP protocols, so the product runs the same code against them
and against the live processors. No money moves here, and what is behind them is
the providers' documentation and types, not observation of the real services.
Business code never imports this package; it only has another base address.
"""

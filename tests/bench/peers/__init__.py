"""
What people would use instead: small honest programs, each as its framework's documentation shows.

They do the product's job on the product's data (look the session up, filter by company,
one row, the same JSON) and nothing else: no row-level security, nothing sealed, no
deadlines, no idempotency, no outbox. They import nothing of the product.
"""

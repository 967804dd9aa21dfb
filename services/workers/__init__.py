"""
workers owns the worker profiles of every company, the files they are imported from, and
how many workers each company manages. It cannot hold a birth date, an identity number or
payment data: there is no column for them, every door refuses them, and a nightly sweep
proves it. It knows nothing of plans and prices; billing listens to the count.
"""

"""
The only public door: HTTP in, RPC out.

It owns the table of routes, the sessions' cookie and cache, the rates and the pages
behind links in mail. It owns no table of a database and no business rule: what may
happen is decided by the services that it asks, and checked there again.
"""

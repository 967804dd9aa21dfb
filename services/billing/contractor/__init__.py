"""
A company that sells bills its own clients (T13; S24, S32).

The client pays on the processor's page into the seller's own account: no money of
theirs ever passes through ours. A payment of a bill is a checkout like any other, with
the same ``settle`` behind webhook, return and reconciler; only what follows differs.
"""

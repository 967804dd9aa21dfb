"""
notifications owns what is mailed, to whom, and whether they still want it: messages,
preferences, the ledger of consent, the suppression list and campaigns.

It owns no address and no name: it asks accounts for them at the moment of hand-over
and forgets them again. It decides nothing about plans or money; billing's events do.
"""

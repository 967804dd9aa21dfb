"""
Whether this process has been told to stop.

It says so at its readiness first, so that a load balancer sends it nothing more, and goes on working meanwhile.
"""

_begun = False


def begin() -> None:
    """From now on this process is not ready any more."""
    global _begun
    _begun = True


def begun() -> bool:
    return _begun

"""What can go wrong with the private servers."""


class ServersUnavailable(Exception):
    """The servers cannot be had here; the sentence says what to install or set."""

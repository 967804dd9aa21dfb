"""The command line of ActionTrac: run it, look after it, try it."""

import sys

# Services run on eventlet, which has to be in place before anything else is imported;
# the relay, the sandboxes and the supervisor must not have it (bus.md, facts 8 and 18).
_GREEN = len(sys.argv) > 1 and (
    sys.argv[1] == "serve"
    or sys.argv[1:3] == ["warm", "green"]
    or (sys.argv[1] == "up" and not __import__("os").environ.get("ACTIONTRAC_BUS_URL", "memory://").startswith("amqp"))
)
if _GREEN:
    from actiontrac.green import patch

    patch()

from actiontrac.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())

"""The relay of the sample's ``alpha``, which may be told not to look by itself for so long."""

import os
import sys

from actiontrac import outbox
from tests.integration import relay_host


def main() -> int:
    outbox.POLL_SECONDS = float(os.environ.get("ACTIONTRAC_TEST_POLL_SECONDS", str(outbox.POLL_SECONDS)))
    return relay_host.main()


if __name__ == "__main__":
    sys.exit(main())

"""The relay of the sample's ``alpha``, as the product runs it."""

import signal
import sys
import threading

from actiontrac import clock, config, failpoints, log, outbox
from tests.chassis import sample

sample.install()


def main() -> int:
    settings = config.load()
    log.configure(service="alpha-relay")
    clock.configure(settings.clock_file)
    failpoints.process = "alpha-relay"
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    outbox.run_process("alpha", settings, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())

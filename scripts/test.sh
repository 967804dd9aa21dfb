#!/bin/sh
# Every test, or with arguments what pytest does with them: scripts/test.sh tests/billing -x
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python

# Before the tests, so that no test's time limit counts the installation.
$python -m tests.servers install

if [ $# -gt 0 ]; then
    exec $python -m pytest "$@"
fi
# One pair of servers for all folders; each test takes databases and a virtual host of its own.
if [ -n "${ACTIONTRAC_TEST_SERVERS:-}" ]; then
    exec $python -m tests.everything
fi
exec $python -m tests.servers run --name tests --only-servers -- $python -m tests.everything

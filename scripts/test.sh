#!/bin/sh
# Every test, a folder after the other, each in processes of its own so that none leaves anything
# behind for the next: quick folders first, on both cores, so that a simple mistake shows at once;
# then those that start whole products on the real RabbitMQ and PostgreSQL, which need both cores
# themselves; those that kill processes last. The first folder that fails ends the run.
# Arguments go to pytest instead: scripts/test.sh tests/billing -x
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python

# Before the tests, so that no test's time limit counts the installation.
$python -m tests.servers install

if [ $# -gt 0 ]; then
    exec $python -m pytest "$@"
fi

# One pair of servers for all folders; each test takes databases and a virtual host of its own.
if [ -z "${ACTIONTRAC_TEST_SERVERS:-}" ]; then
    exec $python -m tests.servers run --name tests --only-servers -- scripts/test.sh
fi

last="tests/servers tests/integration tests/journeys tests/chaos"
for entry in tests/test_*.py tests/*/; do
    entry=${entry%/}
    case " $last tests/bench " in
        *" $entry "*) continue ;;
    esac
    # Only what holds tests: pytest ends with an error for a folder without any.
    if [ -f "$entry" ] || [ -d "$entry" ] && [ -n "$(find "$entry" -name 'test_*.py' -print -quit)" ]; then
        set -- "$@" "$entry"
    fi
done
for entry in "$@"; do
    echo "== $entry"
    $python -m pytest -q -n 2 --dist loadfile "$entry"
done
for entry in $last; do
    echo "== $entry"
    # The tests of the servers themselves start their own.
    if [ "$entry" = tests/servers ]; then
        env -u ACTIONTRAC_TEST_SERVERS $python -m pytest -q "$entry"
    else
        $python -m pytest -q "$entry"
    fi
done

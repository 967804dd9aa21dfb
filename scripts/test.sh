#!/bin/sh
# Every test. First the folders that start no product, a file at a time on two cores, so that a
# simple mistake shows at once; then those on the real RabbitMQ and PostgreSQL, one after another;
# those that kill processes last. Arguments go to pytest instead: scripts/test.sh tests/billing -x
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python

# Before the tests, so that no test's time limit counts the installation.
$python -m tests.servers install

if [ $# -gt 0 ]; then
    exec $python -m pytest "$@"
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
$python -m pytest -n 2 --dist loadfile "$@"
# shellcheck disable=SC2086  # a list of folders, split on purpose
exec $python -m pytest $last

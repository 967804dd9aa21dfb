#!/bin/sh
# Every test, in one run of pytest: quick folders first, so that a simple mistake shows at once;
# then those on the real RabbitMQ and PostgreSQL; those that kill processes last.
# Arguments go to pytest instead: scripts/test.sh tests/billing -x
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python

# Before the tests, so that no test's time limit counts the installation.
$python -m tests.servers install

if [ $# -eq 0 ]; then
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
    for entry in $last; do
        if [ -d "$entry" ]; then
            set -- "$@" "$entry"
        fi
    done
fi
exec $python -m pytest "$@"

#!/bin/sh
# Makes .venv from the hashed lock, once; a later start sees the stamp and does nothing.
#
# Usage: scripts/bootstrap.sh [run|test]
#   run   what the product needs (default)
#   test  the same, and what the tests and checks need
#
# Needs Python 3.11 or newer and nothing else; PYTHON=/path/to/python chooses one. POSIX sh.
set -eu
cd "$(dirname "$0")/.."

purpose=${1:-run}
case $purpose in
    run) lock=requirements.lock ;;
    test) lock=requirements-test.lock ;;
    *) echo "Usage: scripts/bootstrap.sh [run|test]" >&2; exit 2 ;;
esac
venv=.venv
stamp=$venv/.installed-$purpose

fail() {
    printf 'ActionTrac: %s\n' "$1" >&2
    exit 1
}

# All that decides what is installed. The folder belongs to it, because the scripts
# of an environment hold absolute paths and break when the clone is moved.
wanted() {
    pwd
    cat "$1" pyproject.toml
}

# The test environment holds the product's with the same pins, so its stamp counts for both.
is_installed() {
    [ -x $venv/bin/python ] && [ -f "$2" ] && wanted "$1" | cmp -s - "$2"
}
if is_installed "$lock" "$stamp" || is_installed requirements-test.lock $venv/.installed-test; then
    # A Python that was upgraded or removed leaves a dangling link behind: -x above sees that.
    exit 0
fi

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if is_new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    found=$(python3 -c 'import platform; print("only Python", platform.python_version(), "was found")' 2>/dev/null) ||
        found="no Python was found"
    fail "Python 3.11 or newer is needed and $found; install it or say where it is: PYTHON=/path/to/python3.11 make run"
}

make_environment() {
    "$python" -m venv --clear $venv >"$log" 2>&1 && return
    if grep -q ensurepip "$log" || ! "$python" -c 'import ensurepip' >/dev/null 2>&1; then
        # Debian and Ubuntu keep ensurepip in a package of its own.
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
            echo "Installing Debian's python$version-venv ..."
            { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y "python$version-venv"; } >>"$log" 2>&1 &&
                "$python" -m venv --clear $venv >>"$log" 2>&1 && return
        fi
        fail "this Python cannot make environments; install its venv package (on Debian and Ubuntu: sudo apt-get install python$version-venv) and try again."
    fi
    tail -n 20 "$log" >&2
    fail "the environment $venv could not be made; the reason stands above."
}

# One moving line on a terminal, a line for every tenth package elsewhere.
show_progress() {
    if [ -t 1 ]; then terminal=1; else terminal=0; fi
    awk -v total="$1" -v terminal="$terminal" '
        /^(Collecting|Processing|Requirement already satisfied)/ {
            count++
            name = $0
            # "Collecting kombu==5.7.0 (from ...)" and "Processing /folder/kombu-5.7.0-py3.whl (from ...)"
            sub(/^Collecting /, "", name); sub(/^Requirement already satisfied: /, "", name)
            sub(/^Processing .*\//, "", name); sub(/(==|-[0-9]).*/, "", name)
            if (terminal) { printf "\r  %d of %d  %-40s", count, total, name; fflush() }
            else if (count % 10 == 0) { printf "  %d of %d\n", count, total; fflush() }
        }
        /^Installing collected packages/ { if (terminal) printf "\r%-60s\r", ""; print "  installing ..."; fflush() }
    '
}

install_packages() {
    total=$(grep -c '^[A-Za-z0-9].*==' "$lock")
    echo "Installing $total packages from $lock into $venv; this happens once and takes about a minute."
    # Only wheels: a source distribution would run its own code and fetch a build tool without a hash.
    {
        PIP_DISABLE_PIP_VERSION_CHECK=1 $venv/bin/python -m pip install --progress-bar off --no-compile \
            --require-hashes --only-binary :all: -r "$lock" 2>"$log.errors" && echo done >"$log.done"
    } | tee "$log" | show_progress "$total"
    [ -f "$log.done" ] || {
        tail -n 20 "$log.errors" >&2
        fail "the packages could not be installed; the reason stands above (a package index must be reachable the first time)."
    }
    # The project itself, built by the locked setuptools, gives the command `actiontrac`.
    PIP_DISABLE_PIP_VERSION_CHECK=1 $venv/bin/python -m pip install --quiet \
        --no-deps --no-build-isolation -e . >>"$log" 2>"$log.errors" || {
        tail -n 20 "$log.errors" >&2
        fail "the project itself could not be installed; the reason stands above."
    }
}

# `make demo` in a second terminal while `make run` still installs must wait instead of mixing in.
take_turn() {
    [ -w . ] || fail "the folder $(pwd) cannot be written to by this user; clone into one that can."
    turn=.venv.lock
    waited=0
    until mkdir $turn 2>/dev/null; do
        holder=$(cat $turn/pid 2>/dev/null) || holder=
        # A killed bootstrap leaves its folder behind, in the worst case before it wrote its number into it.
        if { [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; } || { [ -z "$holder" ] && [ $waited -gt 5 ]; }; then
            rm -rf $turn
            continue
        fi
        [ $waited -gt 0 ] || echo "Another start is making $venv; waiting for it ..."
        waited=$((waited + 1))
        sleep 1
    done
    trap 'rm -rf $turn "${temporary:-}"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    echo $$ >$turn/pid
}

python=$(find_python)
take_turn
if is_installed "$lock" "$stamp"; then
    exit 0
fi
mkdir -p $venv
log=$venv/install.log
if ! is_new_enough $venv/bin/python || ! $venv/bin/python -m pip --version >/dev/null 2>&1; then
    # Outside, because making the environment empties its folder.
    temporary=$(mktemp)
    log=$temporary
    echo "Making $venv with $("$python" --version) ..."
    make_environment
    log=$venv/install.log
fi
rm -f "$log.done"
install_packages
rm -f "$log.done"
wanted "$lock" >"$stamp"

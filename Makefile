# ActionTrac. `make help` lists what there is; everything else is the command `actiontrac --help`.
.DEFAULT_GOAL := help
.PHONY: help run demo demo-full test test-embedded test-deep chaos test-the-tests bench lint lock secrets servers servers-stop clean

ACTIONTRAC := .venv/bin/actiontrac
PYTHON_OF_VENV := .venv/bin/python
# Exactly what the locks were compiled with: universal (every platform and Python from 3.11 on),
# with hashes, and without the name of any index host.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run:  ## Start everything in one process (ACTIONTRAC_HTTP_PORT, ACTIONTRAC_HOME); Ctrl-C stops it
	@scripts/bootstrap.sh run
	@exec $(ACTIONTRAC) up

demo:  ## Do the main job over HTTP against the running product; exits non-zero at the first wrong answer
	@scripts/bootstrap.sh run
	@exec $(ACTIONTRAC) demo

demo-full:  ## The same on a private RabbitMQ and PostgreSQL with one process per service, started and stopped here
	@scripts/bootstrap.sh test
	@exec $(PYTHON_OF_VENV) -m actiontrac demo --full

test:  ## Everything: both modes, with its own private RabbitMQ and PostgreSQL
	@scripts/bootstrap.sh test
	@scripts/test.sh

test-embedded:  ## Only what needs neither RabbitMQ nor PostgreSQL
	@scripts/bootstrap.sh test
	@exec $(PYTHON_OF_VENV) -m pytest -m "not full"

test-deep:  ## A simulated year on a broker that dies; recovery in full size; money with 1,000 examples each (an hour)
	@scripts/bootstrap.sh test
	@env ACTIONTRAC_TEST_PROFILE=deep $(PYTHON_OF_VENV) -m pytest -v tests/chaos/test_simulated_year.py
	@env ACTIONTRAC_TEST_PROFILE=deep $(PYTHON_OF_VENV) -m pytest -v tests/recovery
	@exec env ACTIONTRAC_TEST_PROFILE=deep $(PYTHON_OF_VENV) -m pytest -v -m money --timeout=3600 --capture=sys \
		--hypothesis-show-statistics tests/billing tests/contracts/payments/test_money.py

chaos:  ## A storm on a cluster, counted from outside (CHAOS_PURCHASES=500, CHAOS_WORKER_WRITES, CHAOS_SEED); last line: the zeros
	@scripts/bootstrap.sh test
	@$(PYTHON_OF_VENV) -m tests.servers install
	@exec $(PYTHON_OF_VENV) -W ignore -m tests.storm

test-the-tests:  ## Plant faults in a copy of the code, and see that the tests notice each (ten minutes)
	@scripts/bootstrap.sh test
	@exec $(PYTHON_OF_VENV) -m tests.faults

bench:  ## Beside stock nameko, FastStream, FastAPI and bare kombu (BENCH_ROUNDS, BENCH_SECONDS, BENCH_ONLY)
	@scripts/bootstrap.sh test
	@exec $(PYTHON_OF_VENV) -W ignore -m tests.bench

lint:  ## Style and types
	@scripts/bootstrap.sh test
	.venv/bin/ruff check .
	.venv/bin/mypy

lock:  ## Compile the locks again after a change of requirements*.in (needs uv on PATH)
	@command -v uv >/dev/null || { echo "make lock needs uv on PATH (any Python: pip install uv)." >&2; exit 1; }
	@$(COMPILE) requirements.in -o requirements.lock >/dev/null
	@$(COMPILE) requirements-test.in -o requirements-test.lock >/dev/null
	@$(COMPILE) requirements-bench.in -o requirements-bench.lock >/dev/null
	@! grep -nE '://|file:|^-' requirements.lock requirements-test.lock requirements-bench.lock || { echo "A lock names a host." >&2; exit 1; }

secrets:  ## Make the secrets that docker compose needs, where they do not exist yet
	@scripts/secrets.sh

servers:  ## Start a private RabbitMQ and PostgreSQL and keep them; prints the environment for the tests
	@scripts/bootstrap.sh test
	@$(PYTHON_OF_VENV) -m tests.servers start

servers-stop:  ## Stop them
	@$(PYTHON_OF_VENV) -m tests.servers stop

clean:  ## Remove what tests and builds left; keeps .venv and the data folder .actiontrac
	@if [ -x $(PYTHON_OF_VENV) ] && [ -d .run ]; then $(PYTHON_OF_VENV) -m tests.servers stop --all; fi
	rm -rf .run .pytest_cache .mypy_cache .ruff_cache .hypothesis .schemathesis build dist *.egg-info
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

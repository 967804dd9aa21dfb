"""All tests; `make test` runs them, scripts/test.sh says in which order."""

"""
`make bench`: the product beside what people would use instead, on one machine, in turn.

Measures, not tests: `make test` does not run this folder. Each bench is a module that
registers itself by name (``tests.bench.registry``).
"""

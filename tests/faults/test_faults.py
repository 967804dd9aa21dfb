"""The faults of ``make test-the-tests`` can still be planted, so that they do not rot."""

import ast

import pytest

from tests.faults.catalogue import FAULTS, Fault
from tests.stack import ROOT


def test_there_are_enough_and_no_two_have_one_name() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 20


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_can_be_planted(fault: Fault) -> None:
    text = ROOT.joinpath(fault.path).read_text()
    for before, after in fault.edits:
        assert text.count(before) == 1, f"{fault.path} holds it {text.count(before)} times:\n{before}"
        assert before != after
        text = text.replace(before, after)
    # What does not even compile would be noticed by anybody.
    ast.parse(text)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_tests_that_must_notice_exist(fault: Fault) -> None:
    assert fault.tests
    for test in fault.tests:
        path, *names = test.partition("[")[0].split("::")
        source = ROOT.joinpath(path).read_text()
        for name in names:
            assert f"class {name}" in source or f"def {name}(" in source, test

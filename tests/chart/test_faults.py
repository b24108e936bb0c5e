"""Faults put into a copy of the chart: each is found by the check that is there for it."""

import shutil
from pathlib import Path

import pytest
from chart_faults import FAULTS, Fault
from chart_files import CHART, Chart
from checks import CHECKS


def test_every_check_has_a_fault() -> None:
    """No check is there that was never seen to find anything; of the refusals some are enough."""
    assert {name for name in CHECKS if not name.startswith("refuses")} <= {fault.check for fault in FAULTS}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what.replace(" ", "-"))
def test_the_fault_is_found(fault: Fault, tmp_path: Path) -> None:
    """The check that is there for a fault finds it, and says what it is."""
    copy = tmp_path / "flyte-slack"
    shutil.copytree(CHART, copy)
    file = copy / fault.file
    text = file.read_text()
    assert fault.old in text
    file.write_text(text.replace(fault.old, fault.new, 1))

    problems = CHECKS[fault.check](Chart(copy))

    assert any(fault.problem in problem for problem in problems), problems

"""Faults put into a copy of the chart: each is found by the check that is there for it."""

import functools
import shutil
from pathlib import Path

import pytest
from chart_faults import FAULTS, Fault
from chart_files import CHART, Chart
from checks import CHECKS

MOST = "everything"  # the file of ci/ that shows most faults: it is tried first, as each costs time


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

    found = _found(fault, copy, MOST) or _found(fault, copy, "")
    assert found, CHECKS[fault.check](Chart(copy))


def _found(fault: Fault, folder: Path, only: str) -> bool:
    """Whether the check says so of a chart, and does not say so anyway."""
    return any(fault.problem in problem for problem in CHECKS[fault.check](Chart(folder, only))) and not any(
        fault.problem in problem for problem in _said_anyway(fault.check, only)
    )


@functools.cache
def _said_anyway(check: str, only: str) -> list[str]:
    return CHECKS[check](Chart(only=only))

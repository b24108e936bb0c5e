"""The runner: what is run, what is shown meanwhile, what is left of it."""

import os
import time

from processes import cpu_of
from run import parser
from scenarios import SCENARIOS


def test_every_scenario_can_be_asked_for() -> None:
    """By the name it is shown under."""
    for name in SCENARIOS:
        assert parser().parse_args(["--only", name]).only == [name]


def test_cpu_is_told_finely() -> None:
    """In less than the ticks of 10 ms in which /proc counts."""
    before = time.process_time()
    used = cpu_of(os.getpid())
    assert before <= used <= time.process_time()

"""What a check is, and how it is tried: beside the others, and not for longer than it may last."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from ... import logs

TIMEOUT = 10.0
"""Seconds that a check may last."""


@dataclass(frozen=True, slots=True)
class Check:
    """What came of trying one thing.

    Attributes:
        name: stable, in snake_case.
        ok: whether it holds.
        variable: the setting concerned.
        detail: what was found.
        remedy: what to do, or empty.
    """

    name: str
    ok: bool
    variable: str
    detail: str
    remedy: str = ""

    @property
    def title(self) -> str:
        """The name, for people."""
        return title(self.name)


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing to try.

    Attributes:
        name: of the check.
        variable: the setting concerned.
        waits_for: what is waited for, told where it does not come in time.
        attempt: returns what was found, or raises `Failed`.
    """

    name: str
    variable: str
    waits_for: str
    attempt: Callable[[], Awaitable[str]]


class Failed(Exception):
    """What was tried does not hold.

    Attributes:
        detail: what is wrong.
        remedy: what to do.
        variable: the setting at fault, where it is another than the probe's.
    """

    def __init__(self, detail: str, remedy: str, variable: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy
        self.variable = variable


def title(name: str) -> str:
    """Return a check's name for people."""
    return name.replace("_", " ").capitalize()


def not_tried(first: str) -> Failed:
    """Return the failure of what could not be tried because something else failed.

    Args:
        first: name of the check that has to hold before.
    """
    remedy = f"see to {title(first)!r} first"
    return Failed(f"not tried: {remedy}", remedy)


async def try_all(probes: Sequence[Probe]) -> list[Check]:
    """Try everything at once; return what came of it, in the order of the probes, without secrets."""
    checks = await asyncio.gather(*(_try(probe) for probe in probes))
    return [replace(each, detail=_line(each.detail), remedy=_line(each.remedy)) for each in checks]


async def _try(probe: Probe) -> Check:
    try:
        async with asyncio.timeout(TIMEOUT):
            return Check(probe.name, True, probe.variable, await probe.attempt())
    except Failed as failed:
        return Check(probe.name, False, failed.variable or probe.variable, failed.detail, failed.remedy)
    except TimeoutError:
        detail = f"gave up after {TIMEOUT:g} s, waiting for {probe.waits_for}"
        remedy = f"check {probe.variable}, and that what it names is up and can be reached from here"
        return Check(probe.name, False, probe.variable, detail, remedy)
    except Exception as error:
        detail = f"an unexpected {error.__class__.__name__}: {error}"
        return Check(probe.name, False, probe.variable, detail, f"check {probe.variable}")


def _line(text: str) -> str:
    return logs.redact(" ".join(text.split()))

"""Slack's clock: set by its answers, since the machine's own may be wrong (promises 5 and 11)."""

import time

import pytest

from flyte_slack.slack.api.clock import SlackClock

DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
AT = 1_700_000_000.0


def test_machines_own_time_until_slack_told() -> None:
    """Before Slack was reached the machine's clock is all there is."""
    assert abs(SlackClock().now() - time.time()) < 5


@pytest.mark.parametrize("headers", [{"Date": DATE}, {"date": DATE}, {"DATE": [DATE, "x"]}])
def test_time_is_slacks(headers: dict[str, object]) -> None:
    """The header `Date` of an answer sets the clock, however it is written and given."""
    clock = SlackClock()
    clock.read(headers)
    assert AT <= clock.now() < AT + 5


@pytest.mark.parametrize("headers", [{}, {"Date": ""}, {"Date": "yesterday"}, {"Date": None}])
def test_answer_without_a_time_changes_nothing(headers: dict[str, object]) -> None:
    """An answer whose time cannot be read neither fails nor sets the clock."""
    clock = SlackClock()
    clock.read({"Date": DATE})
    clock.read(headers)
    assert AT <= clock.now() < AT + 5


def test_machine_that_is_set_does_not_set_slacks_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once known, Slack's time goes on evenly, whatever is done to the machine's clock."""
    clock = SlackClock()
    clock.read({"Date": DATE})
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert AT <= clock.now() < AT + 5


def test_newest_answer_holds() -> None:
    """Each answer sets the clock anew."""
    clock = SlackClock()
    clock.read({"Date": "Tue, 14 Nov 2023 21:00:00 GMT"})
    clock.read({"Date": DATE})
    assert clock.now() >= AT

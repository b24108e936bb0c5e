"""The benchmarks' own parts: the arithmetic is right, the peers do what they are told. No times."""

import math
from collections.abc import Iterator

import httpx
import pytest
from figures import Figure, as_markdown, as_text, out_of_order, percentile, slope
from peers import POSTED
from plot import distribution
from processes import Peers
from run import parser
from scenarios import SCENARIOS, first_polls


def test_percentiles_lie_between_the_samples() -> None:
    """The usual linear interpolation; nothing comes of nothing."""
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile([1, 2], 0.5) == 1.5
    assert percentile(range(101), 0.95) == 95
    assert percentile([7], 0.95) == 7
    assert math.isnan(percentile([], 0.5))


def test_what_came_late_is_counted() -> None:
    """Order is looked at within a channel only."""
    assert out_of_order({"C1": [1, 3, 5], "C2": [2, 4]}) == 0
    assert out_of_order({"C1": [1, 5, 3, 4, 6], "C2": [2]}) == 2


def test_a_slope_is_that_of_the_line() -> None:
    """Least squares."""
    assert slope([(0, 1), (1, 3), (2, 5)]) == 2
    assert math.isnan(slope([(0, 1)]))


def test_the_first_poll_after_an_event_is_found() -> None:
    """Of the polls after an event the first counts; an event without one is left out."""
    assert first_polls([1.0, 2.0, 3.0], [1.5, 1.75, 2.0, 4.0]) == [500, 250, 0]


def test_a_figure_sums_up_its_runs() -> None:
    """Medians over the runs; a rate's ratio is of the time for one."""
    trip = Figure("s", "trip", "ms", runs=[[1, 2, 3], [4, 5, 6]], bare=[1, 1], against="a bare POST")
    assert (trip.median, trip.ratio) == (3.5, 3.5)
    rate = Figure("s", "rate", "/s", runs=[[500]], bare=[1], against="a bare POST")
    assert rate.ratio == 2
    assert "trip" in as_text([trip, rate])
    assert "| s | rate | 500 |" in as_markdown([trip, rate])
    assert trip.as_json()["runs"][1]["median"] == 5


def test_the_plot_has_a_line_for_each_kind() -> None:
    """Also where a kind has few samples."""
    plot = distribution({"sqlite, cold": [10, 20, 30], "sqlite, warm": [5]})
    assert plot.count("<polyline") == 2
    assert "sqlite, warm" in plot


def test_every_scenario_can_be_asked_for() -> None:
    """By the name it is shown under."""
    for name in SCENARIOS:
        assert parser().parse_args(["--only", name]).only == [name]


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    with Peers() as running:
        yield running


def test_flyte_hands_out_an_action_once(peers: Peers) -> None:
    """Actions come in the order in which they were made, then nothing."""
    peers.ask("act", number=2, channels=2, pack="Bare")
    take = f"{peers.flyte}/v1/packs/Bare/actions/take"
    inputs = [httpx.post(take).json()["input"]["channelId"] for _ in range(2)]
    assert inputs == ["C000000", "C000001"]
    assert httpx.post(take).status_code == 204


def test_an_event_makes_an_action(peers: Peers) -> None:
    """The pack's event is noted, and the action that answers it is there after its time."""
    peers.ask("reset", answers=1, action_after=0)
    event = {"event": "MessageSent", "payload": {"channelId": "C1", "message": "number 7"}}
    assert httpx.post(f"{peers.flyte}/v1/packs/Slack/events", json=event).status_code == 202
    action = httpx.post(f"{peers.flyte}/v1/packs/Slack/actions/take").json()
    assert action["input"]["message"] == "number 7"
    assert httpx.post(action["links"][0]["href"], json={"event": "MessageSent"}).status_code == 202
    seen = peers.ask("record")
    assert seen["events"] == {"C1": [7]}
    assert seen["counts"][-1] == 1
    assert seen["twice"] == 0


def test_slack_takes_a_burst_and_no_more(peers: Peers) -> None:
    """Posts beyond the burst are answered 429 with Retry-After; another channel is not concerned."""
    peers.ask("reset", limit=1, burst=3, per_second=0.001)
    answers = [
        httpx.post(f"{peers.slack}chat.postMessage", json={"channel": channel, "text": f"number {number}"})
        for number, channel in enumerate(["C1", "C1", "C1", "C1", "C2"])
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 200]
    assert answers[3].headers["Retry-After"] == "1"
    seen = peers.ask("record")
    assert seen["posts"] == {"C1": [0, 1, 2], "C2": [4]}
    assert seen["limited"] == 1
    assert all(times[POSTED] for times in seen["times"].values())


def test_flyte_comes_back_at_its_address(peers: Peers) -> None:
    """Away means that nobody listens."""
    peers.ask("down")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{peers.flyte}/v1")
    peers.ask("up")
    assert httpx.get(f"{peers.flyte}/v1").status_code == 200

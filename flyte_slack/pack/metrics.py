"""What is counted and timed, for Prometheus (contract, section 6)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
"""Upper bounds in seconds: a tenth of a second is the promise, half an hour an outage."""

EVENTS = Counter(
    "flyte_slack_events",
    "Inbound events: delivered to Flyte, put aside as dead, or left out (FLYTE_SLACK_CHANNELS).",
    ["event", "outcome"],
)
EVENT_STORED = Histogram(
    "flyte_slack_event_stored_seconds", "From a message's time in Slack until it is on disk.", buckets=_QUICK
)
EVENT_ACCEPTED = Histogram(
    "flyte_slack_event_accepted_seconds",
    "From a message's time in Slack until Flyte has accepted it.",
    buckets=_QUICK,
)
ACTIONS = Counter(
    "flyte_slack_actions", "Actions executed, by the event they ended in.", ["command", "outcome"]
)
ACTION_FINISHED = Histogram(
    "flyte_slack_action_finished_seconds",
    "From the taking of an action until it was executed (posted).",
    buckets=_QUICK,
)
ACTION_COMPLETED = Histogram(
    "flyte_slack_action_completed_seconds",
    "From the taking of an action until Flyte has accepted its result.",
    buckets=_QUICK,
)
FAILED_TRIES = Counter(
    "flyte_slack_failed_tries",
    "Tries to deliver that failed, by HTTP status, or timeout, no_answer or not_reached.",
    ["kind", "cause"],
)
ADOPTED = Counter(
    "flyte_slack_actions_adopted", "Actions lost on their way from Flyte that are executed after all."
)
POLLS = Counter("flyte_slack_polls", "Polls for actions.", ["outcome"])
RATE_LIMITED = Counter("flyte_slack_rate_limited", "Answers 429 of Slack, by Web API method.", ["method"])

for _outcome in ("action", "none", "failed"):
    POLLS.labels(_outcome)  # there from the start, so that a rate can be told


@dataclass(frozen=True, slots=True)
class Gauge:
    """What is looked up at each scrape.

    Attributes:
        name: without `flyte_slack_`.
        text: what it is.
        values: its value by label; one under `""` where it has no label.
        label: name of the label, or empty.
    """

    name: str
    text: str
    values: Mapping[str, float]
    label: str = ""


class _Gauges(Collector):
    def __init__(self, look: Callable[[], Iterable[Gauge]]) -> None:
        self._look = look

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for gauge in self._look():
            labels = [gauge.label] if gauge.label else []
            family = GaugeMetricFamily(f"flyte_slack_{gauge.name}", gauge.text, labels=labels)
            for label, value in gauge.values.items():
                family.add_metric([label] if labels else [], value)
            yield family


def exposition(look: Callable[[], Iterable[Gauge]]) -> bytes:
    """Return everything in Prometheus' text format.

    Args:
        look: gives the gauges of one pack.
    """
    own = CollectorRegistry(auto_describe=False)
    own.register(_Gauges(look))
    return generate_latest(REGISTRY) + generate_latest(own)

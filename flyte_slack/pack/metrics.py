"""What is counted and timed, for Prometheus (contract, section 6)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
"""Upper bounds in seconds: a tenth of a second is the promise, half an hour an outage."""

OWN = CollectorRegistry()
"""The pack's own metrics, without the prefix that tells packs apart."""

EVENTS = Counter(
    "events",
    "Inbound events: delivered to Flyte, dead, or left out by a filter.",
    ["event", "outcome"],
    registry=OWN,
)
EVENT_STORED = Histogram(
    "event_stored_seconds",
    "From an event's own time until it is on disk.",
    buckets=_QUICK,
    registry=OWN,
)
EVENT_ACCEPTED = Histogram(
    "event_accepted_seconds",
    "From an event's own time until Flyte has accepted it.",
    buckets=_QUICK,
    registry=OWN,
)
ACTIONS = Counter(
    "actions", "Actions executed, by the event they ended in.", ["command", "outcome"], registry=OWN
)
ACTION_FINISHED = Histogram(
    "action_finished_seconds",
    "From the taking of an action until it was executed.",
    buckets=_QUICK,
    registry=OWN,
)
ACTION_COMPLETED = Histogram(
    "action_completed_seconds",
    "From the taking of an action until Flyte has accepted its result.",
    buckets=_QUICK,
    registry=OWN,
)
FAILED_TRIES = Counter(
    "failed_tries",
    "Tries to deliver that failed, by HTTP status, or timeout, no_answer or not_reached.",
    ["kind", "cause"],
    registry=OWN,
)
ADOPTED = Counter(
    "actions_adopted", "Actions lost on their way from Flyte that are executed after all.", registry=OWN
)
POLLS = Counter("polls", "Polls for actions.", ["outcome"], registry=OWN)

for _outcome in ("action", "none", "failed"):
    POLLS.labels(_outcome)  # there from the start, so that a rate can be told


@dataclass(frozen=True, slots=True)
class Gauge:
    """What is looked up at each scrape.

    Attributes:
        name: without the pack's prefix.
        text: what it is.
        values: its value by label; one under `""` where it has no label.
        label: name of the label, or empty.
    """

    name: str
    text: str
    values: Mapping[str, float]
    label: str = ""


class _Prefixed(Collector):
    """The pack's own metrics and gauges, under its prefix."""

    def __init__(self, prefix: str, look: Callable[[], Iterable[Gauge]]) -> None:
        self._prefix = prefix
        self._look = look

    def collect(self) -> Iterator[Metric]:
        for metric in OWN.collect():
            named = Metric(f"{self._prefix}_{metric.name}", metric.documentation, metric.type)
            named.samples = [
                sample._replace(name=f"{self._prefix}_{sample.name}") for sample in metric.samples
            ]
            yield named
        for gauge in self._look():
            labels = [gauge.label] if gauge.label else []
            family = GaugeMetricFamily(f"{self._prefix}_{gauge.name}", gauge.text, labels=labels)
            for label, value in gauge.values.items():
                family.add_metric([label] if labels else [], value)
            yield family


def exposition(prefix: str, look: Callable[[], Iterable[Gauge]]) -> bytes:
    """Return everything in Prometheus' text format.

    Args:
        prefix: begins the name of each of the pack's metrics.
        look: gives the gauges of one pack.
    """
    own = CollectorRegistry(auto_describe=False)
    own.register(_Prefixed(prefix, look))
    return generate_latest(REGISTRY) + generate_latest(own)

"""Checks of the chart's files, before anything is rendered. Each returns problems, none for a good chart."""

import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import readme_table
import yaml
from chart_files import Chart, Json, at, leaves, load_strictly
from prometheus_client.parser import text_string_to_metric_families

from flyte_slack import __version__
from flyte_slack.pack.gauges import look
from flyte_slack.pack.health import Health
from flyte_slack.pack.metrics import exposition
from flyte_slack.slack.api import metrics as slack_metrics
from flyte_slack.slack.receiving import counts
from flyte_slack.slack.receiving.socket_mode import Connections
from flyte_slack.store import Stats

# Values that are handed on as a whole, so that what is in them is nowhere named.
WHOLE = {"resources", "slack.existingSecretKeys", "dashboard.labels"}

PROCESS_METRICS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}
_SERIES = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""]}


def own_metrics() -> dict[str, list[str]]:
    """Return the pack's own metrics, each with the names of its series, as the pack gives them."""
    store: Any = SimpleNamespace(stats=Stats())
    connections: Any = SimpleNamespace(number=2, number_open=2, pong_age=0.0)
    gauges = [*look(Health(), store), *Connections.gauges(connections)]
    assert all((slack_metrics, counts))  # what is imported is counted
    text = exposition("flyte_slack", lambda: gauges).decode()
    return {
        family.name: [family.name + end for end in _SERIES[family.type]]
        for family in text_string_to_metric_families(text)
        if family.name.startswith("flyte_slack_") and not family.name.endswith("_created")
    }


def known_metrics() -> set[str]:
    """Return every name of a series that may be asked for."""
    return {series for names in own_metrics().values() for series in names} | PROCESS_METRICS


def yaml_files_hold_no_key_twice(chart: Chart) -> list[str]:
    """The chart's own YAML files can be read, and no mapping in them holds a key twice."""
    problems = []
    names = [
        "Chart.yaml",
        "values.yaml",
        "files/alerts.yaml",
        *(f"ci/{file.name}" for file in chart.ci_files),
    ]
    for name in names:
        try:
            load_strictly(chart.text(name))
        except yaml.YAMLError as error:
            problems.append(f"{name}: {' '.join(str(error).split())}")
    return problems


def values_are_referenced(chart: Chart) -> list[str]:
    """Every `.Values.x` of a template is in values.yaml, and every value is used by a template."""
    used: dict[str, str] = {}
    for name, text in chart.templates.items():
        for path in re.findall(r"\.Values\.([A-Za-z]\w*(?:\.[A-Za-z]\w*)*)", text):
            used.setdefault(path, name)
    known = set(leaves(chart.values))
    problems = [
        f"{name}: .Values.{path} is not in values.yaml"
        for path, name in used.items()
        if path not in known | WHOLE
    ]
    for path in known:
        whole = next((one for one in WHOLE if path.startswith(f"{one}.")), path)
        if whole not in used:
            problems.append(f"values.yaml: {path} is used by no template")
    return problems


def schema_matches_values(chart: Chart) -> list[str]:
    """The schema describes exactly what is in values.yaml, and every mapping of it is closed."""
    if "global" not in chart.schema.get("properties", {}):
        return ["values.schema.json: `global`, which Helm adds in a chart of charts, is refused"]
    return list(_differences(chart.schema, chart.values, chart.schema, ""))


def _differences(schema: Json, values: Json, root: Json, path: str) -> Iterator[str]:
    schema = _resolved(schema, root)
    if schema.get("additionalProperties") is not False:
        yield f"values.schema.json: {path or 'the top'} takes keys that it does not know"
    properties = schema.get("properties", {})
    for key in sorted(set(properties) ^ set(values) - {"global"}):
        if key != "global":
            where = "values.yaml" if key in properties else "values.schema.json"
            yield f"{where}: {path}.{key} is missing".replace(": .", ": ")
    for key, value in values.items():
        below = _resolved(properties.get(key, {}), root)
        of_any_key = isinstance(below.get("additionalProperties"), dict)
        if isinstance(value, dict) and "properties" in below and not of_any_key:
            yield from _differences(below, value, root, f"{path}.{key}".lstrip("."))


def _resolved(schema: Json, root: Json) -> Json:
    reference = schema.get("$ref")
    return dict(at(root, reference.removeprefix("#/").replace("/", "."))) if reference else schema


def versions_agree(chart: Chart) -> list[str]:
    """The chart's appVersion is the pack's version."""
    version = load_strictly(chart.text("Chart.yaml"))[0].get("appVersion")
    return (
        [] if version == __version__ else [f"Chart.yaml: appVersion is {version}, the pack's {__version__}"]
    )


def readme_is_current(chart: Chart) -> list[str]:
    """The README's table of values is what values.yaml says; every value has a comment."""
    problems = [
        f"values.yaml: {row.path} has no comment"
        for row in readme_table.rows(chart.text("values.yaml"))
        if not row.text
    ]
    if readme_table.with_table(chart.text("README.md"), chart.text("values.yaml")) != chart.text("README.md"):
        problems.append("README.md: the table of values is not current: python tests/chart/readme_table.py")
    return problems


def metrics_are_known(chart: Chart) -> list[str]:
    """Every metric that the dashboard and the alerts ask for is one that the pack shows."""
    known = known_metrics()
    problems = []
    for where, expression in expressions(chart):
        bare = re.sub(r"\{[^}]*\}|\"[^\"]*\"", "", expression)
        for name in re.findall(r"\b(?:flyte_slack|process|python)_\w+", bare):
            if name not in known:
                problems.append(f"{where}: no metric has the name {name}")
    return problems


def expressions(chart: Chart) -> Iterator[tuple[str, str]]:
    """Yield every query of the alerts and of the dashboard, with where it is."""
    for group in load_strictly(chart.text("files/alerts.yaml"))[0]["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    dashboard = json.loads(chart.text("files/dashboard.json"))
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["definition"]


def dashboard_is_whole(chart: Chart) -> list[str]:
    """Every panel has a description, queries and its own place; every metric of the pack is in one."""
    dashboard = json.loads(chart.text("files/dashboard.json"))
    problems = []
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard["panels"]:
        title, place = panel.get("title", "?"), panel["gridPos"]
        if panel["type"] != "row" and not (panel.get("description") and panel.get("targets")):
            problems.append(f"dashboard: {title} lacks a description or a query")
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                other = taken.setdefault((x, y), title)
                if other != title or x >= 24:
                    problems.append(f"dashboard: {title} lies over {other}, or beyond the edge")
    shown = " ".join(expression for _, expression in expressions(chart))
    problems += [f"dashboard: {name} is not shown" for name in sorted(own_metrics()) if name not in shown]
    ids = [panel["id"] for panel in dashboard["panels"]]
    return sorted(set(problems)) + (["dashboard: an id is there twice"] if len(set(ids)) != len(ids) else [])


def alerts_say_what_to_do(chart: Chart) -> list[str]:
    """Every alert has a severity, a summary and a description."""
    problems = []
    for group in load_strictly(chart.text("files/alerts.yaml"))[0]["groups"]:
        for rule in group["rules"]:
            held: dict[str, Any] = {**rule.get("labels", {}), **rule.get("annotations", {})}
            problems += [
                f"{rule['alert']}: no {key}"
                for key in ("severity", "summary", "description")
                if not held.get(key)
            ]
            if held.get("severity") not in {"critical", "warning", None}:
                problems.append(f"{rule['alert']}: {held['severity']} is no severity")
    return problems

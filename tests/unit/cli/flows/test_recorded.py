"""`flows check` against what the real server rendered and refused, and against the flows it ran."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from flow_files import flow

from flyte_slack.cli.flows.check import Checker
from flyte_slack.cli.schema import document

DATA = Path(__file__).parents[3] / "data"
ROWS: list[dict[str, Any]] = [
    row
    for name in ("flyte-templates.json", "flyte-templates-more.json")
    for row in json.loads((DATA / name).read_text())["rows"]
]
FLOWS: list[dict[str, Any]] = json.loads((DATA / "flyte-flows.json").read_text())["rows"]
CHECKER = Checker(document())

DEPENDS_ON_THE_DATA = {
    "{{ Event.Payload.s.x }}",
    "{{ Event.Payload.s|wordwrap:8 }}",
    "{{ Event.Payload.d|date:'2006' }}",
    "{{ Event.Payload.d|time:'15:04' }}",
    "{{ Event.Payload.s|slice }}",
    "{{ unmarshalJson(Event.Payload.s) }}",
    "{{ template('x {{ a }}', Event.Payload.o) }}",
    "{{ datastore('none') }}",
}
"""Templates that can be read, and fail with what the recording had in the payload."""


@pytest.mark.parametrize("row", ROWS, ids=[row["expression"][:60] for row in ROWS])
def test_templates(tmp_path: Path, row: dict[str, Any]) -> None:
    """What the server renders is accepted, and what it cannot read is refused."""
    step = yaml.safe_load(flow(event="packName: T, name: E", command="packName: T, name: C", criteria=""))
    step["steps"][0]["command"]["input"] = {"v": row["expression"]}
    path = tmp_path / "flow.yaml"
    path.write_text(yaml.safe_dump(step))
    renders = row["rendered"] is not None or row["expression"] in DEPENDS_ON_THE_DATA
    errors = [problem for problem in CHECKER.check(path) if problem.severity == "error"]
    assert bool(errors) is not renders


@pytest.mark.parametrize("recorded", FLOWS, ids=[each["name"] for each in FLOWS])
def test_flows(tmp_path: Path, recorded: dict[str, Any]) -> None:
    """Flows that the server ran are right, but for those that were made to be odd."""
    path = tmp_path / "flow.json"
    path.write_text(json.dumps({key: recorded[key] for key in ("name", "steps")}))
    odd = ("there is no step", "template", "needs steps", "two steps have the id")
    for problem in CHECKER.check(path):
        assert problem.severity == "warning" or any(what in problem.problem for what in odd), problem

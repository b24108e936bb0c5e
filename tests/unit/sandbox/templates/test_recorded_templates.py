"""Templates against what the real server rendered (tests/data/flyte-templates*.json)."""

from typing import Any

import pytest
from given import recorded, refused, variables

from flyte_slack.sandbox.templates import render

ROWS = [
    pytest.param(row, variables(recording["payload"], recording.get("context")), id=row["expression"])
    for recording in map(recorded, ("flyte-templates.json", "flyte-templates-more.json"))
    for row in recording["rows"]
]


@pytest.mark.parametrize(("row", "context"), ROWS)
def test_recorded_templates(row: dict[str, Any], context: dict[str, Any]) -> None:
    """A template renders what the real server rendered, and fails where that failed."""
    if row["rendered"] is None:
        refused(row["expression"], context)
    else:
        assert render(row["expression"], context) == row["rendered"]

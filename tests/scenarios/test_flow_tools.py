"""`schema`, `flows check` and `flows test` as an author of flows starts them (section 12)."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import yaml
from harness import PROJECT

EXAMPLES = PROJECT / "examples/flows"
ECHO = (EXAMPLES / "echo/echo.yaml").read_text()


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with nothing set."""
    return subprocess.run(
        [sys.executable, "-m", "flyte_slack", *map(str, arguments)],
        env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_cookbook_is_right_and_runs(tmp_path: Path) -> None:
    """Every flow of the cookbook passes `flows check`, and `flows test` with the test beside it."""
    checked = run("flows", "check", "--strict", EXAMPLES)
    assert (checked.returncode, checked.stdout) == (0, "")
    folders = [each for each in EXAMPLES.iterdir() if each.is_dir()]
    assert all(list(folder.glob("*.test.yaml")) for folder in folders)
    report = tmp_path / "report.xml"
    tested = run("flows", "test", EXAMPLES, "--junit", report)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    suite = ElementTree.parse(report).getroot()
    assert suite.get("failures") == "0"
    assert len(suite) == len(list(EXAMPLES.rglob("*.test.yaml"))) >= len(folders)


def test_a_failure_says_why(tmp_path: Path) -> None:
    """A failing expectation says which criteria was false, with its values, and what was posted instead."""
    (tmp_path / "echo.yaml").write_text(ECHO)
    test = {
        "name": "wrong",
        "given": [{"message": {"text": "ehco hello"}}, {"message": {"text": "echo bye"}}],
        "expect": [{"message": {"channel": "general", "text": "hello"}}],
        "within": 2,
    }
    (tmp_path / "echo.test.yaml").write_text(yaml.safe_dump(test))
    tested = run("flows", "test", tmp_path)
    assert tested.returncode == 1
    for told in (
        "'hello'",
        "criteria was false",
        "ehco hello",
        "posted in general: 'bye'",
        "0 passed, 1 failed",
    ):
        assert told in tested.stdout


def test_what_cannot_be_read(tmp_path: Path) -> None:
    """A test with an unknown key, a missing flow or no test at all is told in a sentence; the status is 2."""
    (tmp_path / "a.test.yaml").write_text("name: a\ngiven: [{massage: {text: x}}]\n")
    ended = run("flows", "test", tmp_path)
    assert ended.returncode == 2
    assert "massage" in ended.stderr
    (tmp_path / "a.test.yaml").unlink()
    (tmp_path / "echo.yaml").write_text(ECHO)
    assert run("flows", "test", tmp_path).returncode == 2


def test_schemas() -> None:
    """Payloads that were recorded, and inputs of the cookbook's flows, validate against the schemas."""
    document: dict[str, Any] = json.loads(run("schema").stdout)
    for schema in [*document["events"].values(), *(each["input"] for each in document["commands"].values())]:
        jsonschema.Draft202012Validator.check_schema(schema)
    payloads = 0
    for path in (PROJECT / "tests/payloads").rglob("*.json"):
        recorded = json.loads(path.read_text())
        for event in recorded["flyte"]:
            jsonschema.validate(event["payload"], document["events"][event["event"]])
            payloads += 1
    assert payloads > 20
    for path in EXAMPLES.rglob("*.yaml"):
        for step in yaml.safe_load(path.read_text()).get("steps", ()):
            if step["command"]["packName"] == "Slack":
                command = document["commands"][step["command"]["name"]]
                jsonschema.validate(step["command"]["input"], command["input"])


def test_flow_file_schema() -> None:
    """The schema for editors accepts the cookbook, and refuses a misspelt input."""
    schema = json.loads(run("schema", "--flow-file").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for path in EXAMPLES.rglob("*.yaml"):
        if ".test" not in path.name:
            assert not list(validator.iter_errors(yaml.safe_load(path.read_text()))), path
    assert list(validator.iter_errors(yaml.safe_load(ECHO.replace("message:", "mesage:", 1))))


def test_every_flow_in_the_documents_is_right(tmp_path: Path) -> None:
    """Every YAML block in README and docs that is a flow passes `flows check`."""
    flows = 0
    for page in (PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")):
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL):
            if "steps:" in block and "jobs:" not in block:
                flows += 1
                (tmp_path / f"{page.stem}-{flows}.yaml").write_text(block)
    assert flows > 5
    checked = run("flows", "check", "--strict", tmp_path)
    assert (checked.returncode, checked.stdout) == (0, "")

"""`flows check`: each problem with its line, and nothing of a good flow (contract, section 12)."""

import json
from pathlib import Path

import pytest
from flow_files import BAD, GOOD, WARNED

from flyte_slack.cli.flows.check import Checker
from flyte_slack.cli.main import main
from flyte_slack.cli.schema import document

CHECKER = Checker(document())


def written(folder: Path, text: str, name: str = "flow.yaml") -> Path:
    """Return the file that holds a flow."""
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(("text", "line", "said"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_bad_flow(tmp_path: Path, text: str, line: int, said: str) -> None:
    """One thing is wrong: it is told once, as an error, with its line and what would be right."""
    errors = [each for each in CHECKER.check(written(tmp_path, text)) if each.severity == "error"]
    assert [each.line for each in errors] == [line], errors
    assert said in errors[0].problem


@pytest.mark.parametrize(
    ("text", "line", "said"), [row[1:] for row in WARNED], ids=[row[0] for row in WARNED]
)
def test_a_doubtful_flow(tmp_path: Path, text: str, line: int, said: str) -> None:
    """What works, but hardly as it is meant, is a warning."""
    (problem,) = CHECKER.check(written(tmp_path, text))
    assert (problem.severity, problem.line) == ("warning", line)
    assert said in problem.problem


@pytest.mark.parametrize("text", GOOD)
def test_a_good_flow(tmp_path: Path, text: str) -> None:
    """Nothing is said of it."""
    assert CHECKER.check(written(tmp_path, text)) == []


def test_the_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 for nothing or warnings, 1 for errors and with --strict for warnings, 2 for what cannot be read."""
    good, doubtful, bad = tmp_path / "good", tmp_path / "doubtful", tmp_path / "bad"
    for folder, text in ((good, GOOD[0]), (doubtful, WARNED[0][1]), (bad, BAD[0][1])):
        folder.mkdir()
        written(folder, text)
    assert main(["flows", "check", str(good)]) == 0
    assert main(["flows", "check", str(doubtful)]) == 0
    assert main(["flows", "check", "--strict", str(doubtful)]) == 1
    assert main(["flows", "check", str(bad), str(good)]) == 1
    assert main(["flows", "check", str(tmp_path / "nothing")]) == 2
    (tmp_path / "empty").mkdir()
    assert main(["flows", "check", str(tmp_path / "empty")]) == 2
    out, err = capsys.readouterr()
    assert f"{doubtful}/flow.yaml:4: warning: " in out
    assert f"{bad}/flow.yaml:1: " in out
    assert "there is no such file" in err


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Editors get every problem as an object."""
    path = written(tmp_path, WARNED[0][1])
    assert main(["flows", "check", "--json", str(path)]) == 0
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["file"] == str(path)
    assert (problem["line"], problem["severity"]) == (4, "warning")
    assert "origin" in problem["problem"]

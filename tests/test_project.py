"""The repository itself: floors, documentation, locks."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import licences
import pytest
import yaml
from environment import load
from prometheus_client import Counter, Histogram

from flyte_slack import __version__
from flyte_slack.cli import check
from flyte_slack.cli import main as cli
from flyte_slack.pack import metrics
from flyte_slack.pack.gauges import look
from flyte_slack.pack.health import Health
from flyte_slack.sandbox.flows import parse_flow
from flyte_slack.settings.slack import Settings, variables
from flyte_slack.slack.api import metrics as slack_metrics
from flyte_slack.slack.app.manifest import manifest
from flyte_slack.slack.offer import COMMANDS, EVENTS, HELP_URL, chosen_commands, chosen_events
from flyte_slack.slack.receiving import counts
from flyte_slack.slack.receiving.socket_mode import Connections
from flyte_slack.store import Stats

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "flyte_slack"
README = (ROOT / "README.md").read_text()
SETTINGS = (ROOT / "docs/settings.md").read_text()
COMMAND_LINE = (ROOT / "docs/cli.md").read_text()
OPERATIONS = (ROOT / "docs/operations.md").read_text()

FLOORS = {
    "errors": 0, "logs": 0, "retries": 0, "proxies": 0, "settings": 0, "": 0,
    "flyte": 1, "store": 1, "pack": 2, "slack": 3, "service": 5, "cli": 6, "__main__": 7,
}  # fmt: skip
NOT_EVEN_BELOW = {("flyte", "store"), ("store", "flyte")}


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    name = relative.parts[0].removesuffix(".py")
    return "" if name == "__init__" else name


def imported_parts(path: Path) -> set[str]:
    """The parts of the package that a module imports, wherever in the module it does."""
    package = ("flyte_slack", *path.relative_to(PACKAGE).parent.parts)
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" if base == "flyte_slack" else base for alias in node.names]
        for name in names:
            if name == "flyte_slack" or name.startswith("flyte_slack."):
                part = [*name.split("."), ""][1]
                found.add(part if part in FLOORS or part == "sandbox" else "")
    return found


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_go_down_only(path: Path) -> None:
    """A floor imports only floors below; the sandbox imports nothing of the pack, so that it can disagree."""
    part = part_of(path)
    imported = imported_parts(path) - {part}
    if part == "sandbox":
        assert imported <= {""}
        return
    assert "sandbox" not in imported or part == "cli"
    for other in imported - {"sandbox"}:
        assert FLOORS[other] < FLOORS[part] or FLOORS[other] == FLOORS[part] == 0, f"{part} imports {other}"
        assert (part, other) not in NOT_EVEN_BELOW


ROOMS = {
    "api": 0, "workspace": 1, "sending": 2, "events": 2, "commands": 3, "classic": 4, "offer": 4,
    "receiving": 5, "app": 5,
}  # fmt: skip
"""The rooms of slack/, from the ground up."""


@pytest.mark.parametrize("path", sorted((PACKAGE / "slack").rglob("*.py")), ids=lambda path: str(path.name))
def test_imports_within_slack_go_down_only(path: Path) -> None:
    """A room of slack/ imports rooms below it; nobody imports the ways in but who wires them."""
    relative = path.relative_to(PACKAGE / "slack")
    room = relative.parts[0].removesuffix(".py")
    package = ("flyte_slack", "slack", *relative.parent.parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = package[: len(package) - node.level + 1]
            names = [*above, *(node.module or "").split(".")]
            if tuple(names[:2]) == ("flyte_slack", "slack") and len(names) > 2 and names[2]:
                assert names[2] == room or ROOMS[names[2]] < ROOMS[room], f"{room} imports {names[2]}"


@pytest.mark.parametrize("part", ["flyte", "store", "pack"])
def test_the_runtime_does_not_know_slack(part: str) -> None:
    """Another pack could be built on it: not even the word is in its code."""
    for path in (PACKAGE / part).rglob("*.py"):
        code = ast.unparse(_without_docstrings(ast.parse(path.read_text())))
        assert "slack" not in code.lower().replace("flyte_slack", "").replace("flyte-slack", ""), path


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            body[0] = ast.Expr(ast.Constant(None))
    return tree


def test_no_file_is_too_long() -> None:
    """Past 350 lines a file holds a second idea."""
    long = {path.name: n for path in PACKAGE.rglob("*.py") if (n := len(path.read_text().splitlines())) > 350}
    assert not long


def test_the_readme_is_short() -> None:
    """It tells what this is and how to begin; reference is in docs/."""
    assert len(README.splitlines()) <= 150


def documented_settings() -> dict[str, str]:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", SETTINGS, re.MULTILINE)
    return dict(rows)


def test_every_setting_is_documented_with_its_default() -> None:
    """The table has every variable and no other, each with the default in force."""
    table = documented_settings()
    aliases = {"FLYTE_SLACK_TOKEN"}
    assert set(table) == set(variables()) - aliases
    assert all(f"`{alias}`" in SETTINGS for alias in aliases)
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        name = alias if isinstance(alias, str) else str(alias.choices[0])  # type: ignore[union-attr]
        if field.is_required():
            assert table[name] == "required"
        elif table[name] not in {
            "none",
            "all",
            "by token",
            "by output",
            "`MessageSent` and the interactive ones",
            "all that need no unusual scope",
        }:
            default = field.default
            text = default.get_secret_value() if hasattr(default, "get_secret_value") else str(default)
            assert table[name].strip("`").lower() == text.lower(), name
        else:
            assert not field.get_default(call_default_factory=True), name


def test_the_command_line_in_the_docs_is_current() -> None:
    """What the page shows of the help is what the program prints."""
    shown = re.search(r"<!-- cli -->\n```console\n\$ flyte-slack --help\n(.*?)```", COMMAND_LINE, re.DOTALL)
    assert shown is not None
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    printed = subprocess.run(
        [sys.executable, "-m", "flyte_slack", "--help"],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert printed.stdout.strip() == shown.group(1).strip()


def test_every_command_and_target_is_documented() -> None:
    """Each command of the program is on its page, and each make target that the README names exists."""
    subcommands = next(a for a in cli.parser()._actions if a.dest == "command" or a.choices)
    assert subcommands.choices is not None
    for command in subcommands.choices:
        assert f"`flyte-slack {command}" in COMMAND_LINE or f"## {command}" in COMMAND_LINE, command
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)`", README)) <= targets


def test_help_links_point_into_the_readme() -> None:
    """The help link of every command and event leads to an anchor that is there."""
    anchors = set(re.findall(r'<a name="([a-z-]+)"></a>', README))
    assert {f"command-{each.name.lower()}" for each in COMMANDS} <= anchors
    assert {f"event-{each.name.lower()}" for each in EVENTS} <= anchors
    assert HELP_URL.startswith("https://")


def test_the_flows_and_the_manifest_of_the_readme_can_be_read() -> None:
    """The example flow is a flow, guarded by origin; the manifest has what the pack uses."""
    blocks = re.findall(r"^( *)```yaml\n(.*?)^ *```", README, re.DOTALL | re.MULTILINE)
    documents = [
        yaml.safe_load(re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)) for indent, text in blocks
    ]
    flows = [document for document in documents if "steps" in document]
    assert len(flows) == 1
    for flow in flows:
        assert "origin == 'channel'" in flow["steps"][0]["criteria"]
        parse_flow(yaml.safe_dump(flow), "yaml")
    link = re.search(r"\(https://api\.slack\.com/apps\?new_app=1&manifest_yaml=([^)&\s]+)\)", README)
    assert link is not None
    assert unquote(link.group(1)) == manifest(chosen_events(), chosen_commands())


def test_the_example_of_check_is_as_printed() -> None:
    """What the page shows of `check` has the shape of what the program prints, and all its names."""
    shown = re.search(
        r"<!-- check -->\n```console\n\$ flyte-slack check\n(.*?)\n```", COMMAND_LINE, re.DOTALL
    )
    assert shown is not None
    *lines, last = shown.group(1).splitlines()
    checks: list[check.Check] = []
    for line in lines:
        if found := re.fullmatch(r"([✓✗]) (\S.*?\S)  +([A-Z_]+)  +(\S.*)", line):
            mark, title, variable, detail = found.groups()
            name = title.lower().replace(" ", "_")
            assert f"`{name}`" in COMMAND_LINE
            assert variable in variables()
            checks.append(check.Check(name, mark == "✓", variable, detail))
        else:
            assert line.startswith("    "), line
            checks[-1] = replace(checks[-1], remedy=line.strip())
    assert check.as_text(checks).splitlines() == [*lines, last]
    settings = load(FLYTE_SLACK_CHANNELS="#ops")
    probes = [*check.FlyteProbes(settings).probes(), *check.SlackProbes(settings).probes()]
    probes += check.local_probes(settings)
    assert [(each.name, each.variable) for each in checks] == [(each.name, each.variable) for each in probes]


def test_reference_pages_are_current() -> None:
    """docs/commands.md, docs/events.md and the README's list are what `make docs` writes."""
    ended = subprocess.run(
        [sys.executable, str(ROOT / "docs/reference.py"), "--check"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout


def test_links_between_the_documents_lead_somewhere() -> None:
    """No link of the README or of a page in docs leads to a file that is not there."""
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_promises_name_the_tests_that_hold_them() -> None:
    """Each section of docs/promises.md names tests that exist and say of themselves what they hold."""
    head, *sections = (ROOT / "docs/promises.md").read_text().split("\n## ")
    assert len(sections) == 13, head
    for section in sections:
        tests = re.findall(r"\]\(\.\./(tests/\S+\.py)\)", section.partition("*Held by:*")[2])
        assert tests, section.splitlines()[0]
        for test in tests:
            assert (ast.get_docstring(ast.parse((ROOT / test).read_text())) or "").strip(), test


def test_every_metric_is_documented() -> None:
    """The table in docs/operations.md has the pack's metrics with their labels, and no other."""
    table = re.search(r"<!-- metrics -->(.*)<!-- /metrics -->", OPERATIONS, re.DOTALL)
    assert table is not None
    documented = {
        re.sub(r"_total$", "", name): re.findall(r"`(\w+)`", labels)
        for name, labels in re.findall(r"^\| `flyte_slack_(\w+)` \|([^|]*)\|", table.group(1), re.MULTILINE)
    }
    store: Any = SimpleNamespace(stats=Stats())
    connections: Any = SimpleNamespace(number=2, number_open=2, pong_age=0.0)
    gauges = {
        gauge.name: [gauge.label] if gauge.label else []
        for gauge in [*look(Health(), store), *Connections.gauges(connections)]
    }
    counted = {
        value._name: list(value._labelnames)
        for module in (metrics, slack_metrics, counts)
        for value in vars(module).values()
        if isinstance(value, Counter | Histogram)
    }
    assert documented == gauges | counted


def test_licences_are_listed() -> None:
    """Each package of the lock is in docs/licences.md, with a licence."""
    listed = re.findall(r"^\| ([\w.-]+) \| (\S.*) \|$", licences.PAGE.read_text(), re.MULTILINE)
    assert [name for name, _ in listed[1:]] == licences.locked()
    assert not [name for name, licence in listed if licence.startswith("not ")]


def test_the_compose_file_fits_the_pack() -> None:
    """docs/docker-compose.yml has keys that Compose knows, and settings that the pack knows."""
    compose = yaml.safe_load((ROOT / "docs/docker-compose.yml").read_text())
    assert compose.keys() == {"services", "volumes"}
    known = {
        "image", "build", "depends_on", "environment", "ports", "volumes", "read_only", "tmpfs", "cap_drop",
        "security_opt", "stop_grace_period",
    }  # fmt: skip
    for part in compose["services"].values():
        assert part.keys() <= known
        assert ("image" in part) != ("build" in part)
        assert set(part.get("depends_on", ())) <= compose["services"].keys()
        assert {name.partition(":")[0] for name in part.get("volumes", ())} <= compose["volumes"].keys()
    pack = compose["services"]["flyte-slack"]
    assert pack["environment"].keys() <= variables().keys()
    assert (ROOT / "docs" / pack["build"] / "Dockerfile").is_file()
    assert pack["environment"]["FLYTE_API"] == "http://flyte:8080"
    assert int(pack["stop_grace_period"].removesuffix("s")) > Settings.model_fields["shutdown_grace"].default


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-build.lock"])
def test_locks_are_hashed_and_name_no_registry(name: str) -> None:
    """Every pin has a hash, none says where it came from, and every dependency is pinned."""
    lock = (ROOT / name).read_text()
    assert "://" not in lock
    assert "--index" not in lock
    assert "--find-links" not in lock
    pins = re.findall(r"^([a-z0-9._-]+)==\S+.*?\\\n((?:    --hash=\S+.*\n)+)", lock, re.MULTILINE)
    pinned = {pin for pin, _ in pins}
    assert len(pins) == len(re.findall(r"^\S+==", lock, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"]
    if "dev" in name:
        wanted = wanted + project["dependency-groups"]["dev"]
    if "build" in name:
        wanted = project["build-system"]["requires"]
    assert {re.split(r"[\[<>=]", line)[0].lower() for line in wanted} <= pinned


def test_the_version_is_said_once() -> None:
    """The changelog's newest entry is the version of the package."""
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest.group(1) == __version__


def test_nothing_of_a_machine_is_in_the_repository() -> None:
    """No tracked text names a path of somebody's machine."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    own = "/" + "work/"
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.suffix not in {".png", ".lock"} and path.is_file():
            text = path.read_text()
            assert own not in text, name
            assert not re.search(r"/(root|home/[a-z]+)/", text), name

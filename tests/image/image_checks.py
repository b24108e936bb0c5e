"""Checks of the Dockerfile and of what the image tells an engine; each returns the problems it found."""

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from typing import Any

from build import ROOT

import flyte_slack

USER = 10001
LIMIT = 200_000_000  # bytes
OWN_LIMIT = 75_000_000

_SECRET = re.compile(r"xox[abeprs]-|xapp-|\beyJ|bearer |(TOKEN|SECRET|PASSWORD|JWT)\s*=", re.IGNORECASE)
_MACHINE = re.compile(r"index-url|find-links|trusted-host|://[^/ ]*@")
_IN_CONTEXT = {
    *("LICENSE", "README.md", "flyte_slack", "pyproject.toml"),
    *("requirements-build.lock", "requirements.lock"),
}


# The Dockerfile as it is written


def of_dockerfile(text: str, ignored: str) -> list[str]:
    """Check what the built image does not show."""
    steps = instructions(text)
    last = max(number for number, (name, _) in enumerate(steps) if name == "FROM")
    problems = []
    for name, rest in steps:
        if name == "FROM" and not re.match(r"docker\.io/library/python:3\.\d+-slim( AS \w+)?$", rest):
            problems.append(f"another base: {rest}")
        if name == "ADD":
            problems.append(f"ADD, which fetches and unpacks: {rest}")
        if name in {"ARG", "ENV"} and _SECRET.search(rest):
            problems.append(f"a secret: {rest}")
        if name == "RUN":
            problems += [
                f"installed without hashes: {part}"
                for part in re.split(r"&&|\|\||;", rest)
                if _unhashed(part)
            ]
    for name, rest in steps[last:]:
        if name == "COPY" and "--from=build" not in rest:
            problems.append(f"copied from the context into the image: {rest}")
        if name == "RUN" and re.search(r"\b(pip|apt-get|apt)\b", rest):
            problems.append(f"installed in the last stage: {rest}")
        if name in {"ENTRYPOINT", "CMD"} and not rest.startswith("["):
            problems.append(f"{name} in shell form: {rest}")
    rules = [line for line in ignored.splitlines() if line and not line.startswith("#")]
    if rules[:1] != ["*"] or not {rule[1:] for rule in rules if rule.startswith("!")} <= _IN_CONTEXT:
        problems.append(f"the context holds more than is needed: {rules}")
    return problems


def instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, each with what follows it, on one line."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
    return [(name.upper(), rest.strip()) for name, rest in pairs]


def _unhashed(line: str) -> bool:
    words = shlex.split(line)
    return "pip" in words and "install" in words and not {"--require-hashes", "--no-index"} & set(words)


# The configuration of the image


def of_configuration(found: dict[str, Any]) -> list[str]:
    """Check what an engine is told by the image."""
    return list(_of_configuration(found))


def _of_configuration(found: dict[str, Any]) -> Iterator[str]:
    config = found["Config"]
    if config.get("User") != f"{USER}:{USER}":
        yield f"USER is {config.get('User')!r}, no number that a cluster can tell from root's"
    if config.get("Entrypoint") != ["flyte-slack"] or config.get("Cmd") != ["run"]:
        yield f"starts {config.get('Entrypoint')} {config.get('Cmd')}"
    if config.get("StopSignal", "SIGTERM") not in {"SIGTERM", "15"}:
        yield f"STOPSIGNAL is {config['StopSignal']}"
    if config.get("WorkingDir") != "/data" or list(config.get("Volumes") or {}) != ["/data"]:
        yield f"works in {config.get('WorkingDir')}, volumes {config.get('Volumes')}"
    if list(config.get("ExposedPorts") or {}) != ["8090/tcp"]:
        yield f"EXPOSE is {config.get('ExposedPorts')}"
    variables = dict(entry.split("=", 1) for entry in config["Env"])
    if not variables.get("FLYTE_SLACK_STORE", "").startswith("sqlite:////data/"):
        yield f"the store is not on the volume: {variables.get('FLYTE_SLACK_STORE')}"
    for name in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONSAFEPATH"):
        if variables.get(name) != "1":
            yield f"{name} is not set"
    health = found.get("Healthcheck") or config.get("Healthcheck") or {}
    if (health.get("Test") or [""])[0] != "CMD":
        yield f"HEALTHCHECK is missing or in shell form: {health.get('Test')}"
    yield from _of_labels(config.get("Labels") or {})
    for entry in [json.dumps(config), *(layer.get("created_by", "") for layer in found["History"])]:
        if match := _SECRET.search(entry) or _MACHINE.search(entry):
            yield f"a secret, or something of the machine that built it: {match.group()}"


def of_size(whole: int, base: int) -> list[str]:
    """Check how much there is to be pulled, and how much of it is the pack's."""
    problems = [] if whole < LIMIT else [f"the image has {whole / 1e6:.0f} MB"]
    if whole - base >= OWN_LIMIT:
        problems.append(f"the pack has {(whole - base) / 1e6:.0f} MB")
    return problems


def _of_labels(labels: dict[str, str]) -> Iterator[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {
        "title": project["name"],
        "description": project["description"],
        "source": project["urls"]["Documentation"],
        "licenses": project["license"],
        "version": flyte_slack.__version__,
    }
    for name, value in wanted.items():
        given = labels.get(f"org.opencontainers.image.{name}")
        if given != value:
            yield f"the label {name} is {given!r}, not {value!r}"
    if not re.fullmatch(r"[0-9a-f]{40}", labels.get("org.opencontainers.image.revision", "")):
        yield f"the label revision is {labels.get('org.opencontainers.image.revision')!r}"

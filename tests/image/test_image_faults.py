"""The checks are tried, too: each fault, put into the Dockerfile, must be found by one of them."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import image_checks as checks
import inside
import pytest
import stand_in
from build import DOCKERFILE, HEAD, IGNORED, ROOT, TAIL, faulty
from engine import engine

pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True, slots=True)
class Fault:
    """An edit of the Dockerfile, and a part of the problem that a check must report.

    Attributes:
        name: of the fault.
        old: what is replaced, at its first place; what follows it on its line goes, too.
        new: what stands there instead.
        problem: a part of what must be reported.
    """

    name: str
    old: str
    new: str
    problem: str

    def within(self, text: str) -> str:
        """Return the text with the fault."""
        before, found, after = text.partition(self.old)
        assert found, f"the Dockerfile has no {self.old!r} any more"
        rest = after.partition("\n")[2] if not self.old.endswith("\n") else after
        return f"{before}{self.new}\n{rest}" if self.new else f"{before}{rest}"


def _added(name: str, line: str, problem: str) -> Fault:
    """Return a fault that is one line more before the user is changed."""
    return Fault(name, "USER 10001:10001\n", f"{line}\nUSER 10001:10001", problem)


HEALTHCHECK = "HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \\\n    CMD"
STORE, UNBUFFERED = "    FLYTE_SLACK_STORE", "    PYTHONUNBUFFERED=1"
BESIDE = "    FLYTE_SLACK_STORE=sqlite:////opt/s.db"
PIP = " && pip --python /opt/venv/bin/python install --no-compile --require-hashes"
BASE = "FROM docker.io/library/python:3.12-slim\n"
SITE = "/opt/venv/lib/python3.12/site-packages"

WRITTEN = [
    Fault("unhashed dependencies", PIP, " && pip install -r requirements.lock \\", "without hashes"),
    Fault("unhashed tools", "RUN pip install --require", "RUN pip install hatchling", "without hashes"),
    Fault("whole context added", "COPY --from=build", "ADD . /opt/venv", "ADD"),
    Fault("whole context copied", "COPY --from=build", "COPY . /opt/venv", "copied from the context"),
    Fault("another base", BASE, "FROM docker.io/library/python:latest", "another base"),
    Fault("installed late", "COPY --from=build", "RUN pip install --no-index x", "in the last stage"),
    Fault("shell form", "ENTRYPOINT ", "ENTRYPOINT flyte-slack", "in shell form"),
    Fault("token as an argument", "ARG VERSION", "ARG SLACK_BOT_TOKEN=none", "a secret"),
]

# The faults of a batch are in one image, as none hides another: building takes longer than looking.
CONFIGURED = {
    "wrong": [
        _added("registry in the history", "RUN X=--index-url=https://example.com true", "of the machine"),
        Fault("root", "USER ", "USER root", "USER is 'root'"),
        Fault("shell-form entrypoint", "ENTRYPOINT ", "ENTRYPOINT flyte-slack", "starts ['/bin/sh', '-c'"),
        Fault("no health check", HEALTHCHECK, "", "HEALTHCHECK is missing or in shell form: None"),
        Fault("stop signal", "STOPSIGNAL ", "STOPSIGNAL SIGKILL", "STOPSIGNAL is SIGKILL"),
        Fault("store beside the volume", STORE, BESIDE, "the store is not on the volume: sqlite:////opt"),
        Fault("no volume", "VOLUME ", "", "volumes None"),
        Fault("another port exposed", "EXPOSE ", "EXPOSE 8080", "EXPOSE is {'8080"),
        Fault("log held back", UNBUFFERED, "    X=1 \\", "PYTHONUNBUFFERED is not set"),
        Fault("version by hand", '="$VERSION" \\\n', '="0.0.9" \\', "the label version is '0.0.9'"),
        Fault("revision unknown", "ARG REVISION", "ARG REVISIONS=unknown", "the label revision is"),
        Fault(
            "no license", "      org.opencontainers.image.licenses", "      x=y \\", "label licenses is None"
        ),
    ],
    "other": [
        Fault("user by name", "USER ", "USER flyte", "USER is 'flyte'"),
        Fault("shell-form command", 'CMD ["run"]', "CMD run", "starts ['flyte-slack'] ['/bin/sh'"),
        Fault("shell-form health check", HEALTHCHECK, "HEALTHCHECK CMD python -m x", "form: ['CMD-SHELL'"),
        Fault("another working directory", "WORKDIR ", "WORKDIR /opt/venv", "works in /opt/venv"),
        Fault("token in the environment", UNBUFFERED, "    SLACK_BOT_TOKEN=xoxb-1 \\", "a secret"),
    ],
    "root by number": [Fault("root by number", "USER ", "USER 0:0", "USER is '0:0'")],
    "no user": [Fault("no user", "USER ", "", "USER is ")],
}

_ATTRS = f"{SITE}/attrs-1.dist-info"
_RUFF = f"{SITE}/ruff-1.dist-info"
CONTAINED = [
    _added("dependency missing", f"RUN rm -r {SITE}/asyncpg*", "asyncpg is missing"),
    _added("another version", f"RUN mv {SITE}/attrs-* {_ATTRS}", "attrs is 1,"),
    _added(
        "another version, as metadata",
        f"RUN sed -i 's/^Version: .*/Version: 1/' {_ATTRS}/METADATA",
        "attrs>=17.3.0, which is 1",
    ),
    _added("tool of the developers", f"RUN mkdir {_RUFF}", "ruff is 1, the lock says nothing"),
    _added("tool, as metadata", f"RUN printf 'Name: ruff\\nVersion: 1\\n' > {_RUFF}/METADATA", "ruff"),
    _added("pruned too much", f"RUN rm -r {SITE}/lark/parsers", "imported: flyte_slack.sandbox.templates"),
    _added("stripped too much", f"RUN truncate -s 8 {SITE}/yaml/_yaml.*.so", "imported: yaml._yaml"),
]

_STALE = "RUN python -m compileall -qf --invalidation-mode timestamp"
LYING = [
    _added("own folder", "RUN chown -R 10001:10001 /opt/venv/bin", "can be written to: /opt/venv/bin"),
    _added("everybody's folder", "RUN mkdir -m 0777 /opt/state", "can be written to: /opt/state"),
    _added("no bytecode", f"RUN rm {SITE}/flyte_slack/cli/__pycache__/main.*", "no bytecode: main.py"),
    _added("bytecode that grows stale", f"{_STALE} {SITE}/flyte_slack/logs.py", "its source: logs.py"),
    _added("pip beside the package", f"RUN mkdir {SITE}/pip", f"does not belong in it: {SITE}/pip"),
    _added("compiler", "RUN touch /usr/bin/x86_64-linux-gnu-gcc", "a tool: /usr/bin/x86_64-linux-gnu-gcc"),
    _added("cache", "RUN mkdir -p ~/.cache/pip && touch ~/.cache/pip/x", ".cache/pip/x"),
    _added("lists of packages", "RUN touch /var/lib/apt/lists/x_Packages", "lists/x_Packages"),
    _added("whole repository", "COPY . /opt/flyte-slack", "does not belong in it: /opt/flyte-slack/tests"),
]

_AT_8080 = '["python", "-c", "import socket; socket.create_connection((\'127.0.0.1\', 8080))"]'
_CURL = '["curl", "--fail", "http://127.0.0.1:8090/health/live"]'
_SHELL = 'ENTRYPOINT ["sh", "-c", "flyte-slack run; exit $?"]'

AT_WORK = [
    Fault("health check at another port", HEALTHCHECK, f"HEALTHCHECK CMD {_AT_8080}", "unhealthy"),
    Fault("health check without its program", HEALTHCHECK, f"HEALTHCHECK CMD {_CURL}", "unhealthy"),
    Fault("a shell that keeps the signal", "ENTRYPOINT ", _SHELL, "ends with 137"),
    Fault("killed, not stopped", "STOPSIGNAL ", "STOPSIGNAL SIGKILL", "ends with 137"),
    Fault("loopback only", STORE, "    FLYTE_SLACK_HOST=127.0.0.1", "all addresses"),
    Fault("store that cannot be written", STORE, BESIDE, "does not start"),
    _added("volume of somebody else", "RUN chown 0:0 /data", "does not start"),
    _added("entry that cannot be run", "RUN chmod 0700 /opt/venv/bin/flyte-slack", "does not start"),
]

LARGE = _added("large", "RUN head -c 40000000 /dev/urandom > /opt/large", "MB")


def _named(fault: Fault) -> str:
    return fault.name.replace(" ", "-")


def _found(faults: Sequence[Fault], check: Callable[[str], list[str]], context: Path | None = None) -> None:
    """Build the image with the faults, and hold the check to finding each."""
    tail = TAIL
    for fault in faults:
        tail = fault.within(tail)
    with faulty(tail, context) as image:
        problems = check(image)
    missed = [fault for fault in faults if not any(fault.problem in problem for problem in problems)]
    assert not missed, problems


@pytest.mark.parametrize("fault", WRITTEN, ids=_named)
def test_in_the_dockerfile(fault: Fault) -> None:
    """What the built image would not show is found in the Dockerfile."""
    problems = checks.of_dockerfile(fault.within(DOCKERFILE), IGNORED)
    assert any(fault.problem in problem for problem in problems), problems


@pytest.mark.parametrize("ignored", ["", "*\n!flyte_slack\n!tests\n", "tests\n"])
def test_in_the_context(ignored: str) -> None:
    """A context that holds more than the image is made of is found."""
    assert "the context holds more" in "".join(checks.of_dockerfile(DOCKERFILE, ignored or "\n"))


@pytest.mark.parametrize("batch", CONFIGURED)
def test_in_the_configuration(batch: str) -> None:
    """A fault in what the image tells an engine is found."""
    _found(CONFIGURED[batch], lambda image: checks.of_configuration(engine().inspect(image)))


def test_in_the_modules() -> None:
    """A distribution that is missing, too many, another one or damaged is found."""
    _found(CONTAINED, lambda image: inside.of_modules(engine(), image))


def test_in_the_files(tmp_path: Path) -> None:
    """A file that does not belong in the image, or to the pack, is found."""
    shutil.copytree(ROOT / "tests/image", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    _found(LYING, lambda image: inside.of_files(engine(), image), tmp_path)


@pytest.mark.parametrize("fault", AT_WORK, ids=_named)
def test_at_work(fault: Fault) -> None:
    """A fault that shows when the image runs is found."""
    _found([fault], lambda image: inside.at_work(engine(), image))


def test_in_the_size() -> None:
    """An image that has grown is found."""
    base = engine().inspect(stand_in.NAME)["Size"]
    _found([LARGE], lambda image: checks.of_size(engine().inspect(image)["Size"], base))


def test_the_split() -> None:
    """Without a fault the rebuilt tail passes the checks: what they find is the fault."""
    assert HEAD
    with faulty(TAIL) as image:
        assert checks.of_configuration(engine().inspect(image)) == []
        assert inside.of_files(engine(), image) == []

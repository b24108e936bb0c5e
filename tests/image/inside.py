"""Checks of what lies in the image and of the image at work; each returns the problems it found."""

import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from build import ROOT
from engine import HARDENED, Container, Engine, Failed, environment, eventually
from image_checks import USER
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import flyte_slack

PEERLESS = {
    "FLYTE_API": "http://127.0.0.1:9",
    "SLACK_API_URL": "http://127.0.0.1:9/",
    "SLACK_BOT_TOKEN": "xoxb-image-test",
    "SLACK_APP_TOKEN": "xapp-image-test",
}
"""Settings with which the pack starts and reaches nobody."""

_TOOLS = {"gcc", "cc", "g++", "c++", "make", "ld", "as", "strip", "git", "curl", "wget"} | {
    *("hatchling", "pytest", "ruff", "mypy", "uv")
}
_CACHE = re.compile(r"/(root|data)/\.cache/|/var/lib/apt/lists/.*_Packages|/var/cache/apt/.*\.deb$")
_MAY_BE_WRITTEN = ("/data", "/tmp", "/var/tmp", "/run/lock", "/dev", "/proc", "/sys")

# The files in the image


def of_files(engine: Engine, image: str) -> list[str]:
    """Check what lies in the image, and whom it belongs to."""
    root = Path(engine.podman("image", "mount", image).strip())
    try:
        return [*(problem for path in _walk(root) for problem in _of_file(root, path)), *_of_bytecode(root)]
    finally:
        engine.podman("image", "unmount", "--force", image)


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        yield from (Path(folder, name) for name in [*folders, *files])


def _of_file(root: Path, path: Path) -> Iterator[str]:
    name = f"/{path.relative_to(root)}"
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return
    mode = status.st_mode
    writable = (
        mode & stat.S_IWOTH
        or (status.st_uid == USER and mode & stat.S_IWUSR)
        or (status.st_gid == USER and mode & stat.S_IWGRP)
    )
    if writable and not name.startswith(_MAY_BE_WRITTEN):
        yield f"can be written to: {name}"
    if name.startswith(("/opt/", "/data/", "/build", "/app", "/src")) and (
        path.name in {"tests", "docs", ".git", "Dockerfile", "pip", "setuptools", "pyproject.toml"}
    ):
        yield f"does not belong in it: {name}"
    if "/bin/" in name or "/sbin/" in name:
        tool = path.name.removeprefix("x86_64-linux-gnu-").removeprefix("aarch64-linux-gnu-")
        if tool in _TOOLS:
            yield f"a tool: {name}"
    if stat.S_ISREG(mode) and re.match(
        r"/(root|data)/\.cache/|/var/lib/apt/lists/.*_Packages|/var/cache/apt/.*\.deb$", name
    ):
        yield f"a cache: {name}"
    if name == "/etc/pip.conf" and status.st_size:
        yield "the machine's pip.conf"


def _of_bytecode(root: Path) -> Iterator[str]:
    """Every module has bytecode that does not look at its source: none can be written later."""
    for source in root.glob("opt/venv/lib/python3.*/site-packages/**/*.py"):
        compiled = next(source.parent.glob(f"__pycache__/{source.stem}.cpython-*.pyc"), None)
        if compiled is None:
            yield f"no bytecode: {source.name}"
        elif _beginning(compiled)[4:8] != b"\x01\0\0\0":
            yield f"bytecode that looks at its source: {source.name}"


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


# What Python finds in the image

_MODULES = """
import importlib, importlib.metadata, json, pathlib, pkgutil, sys
import flyte_slack
site = pathlib.Path(flyte_slack.__file__).parents[1]
names = [name for _, name, _ in pkgutil.walk_packages(flyte_slack.__path__, "flyte_slack.")]
for library in site.rglob("*.so"):
    path = library.relative_to(site)
    names.append(".".join([*path.parent.parts, path.name.partition(".")[0]]))
failed = {}
for name in names:
    if not name.endswith("__main__"):
        try:
            importlib.import_module(name)
        except BaseException as error:
            failed[name] = repr(error)
installed = importlib.metadata.distributions(path=[str(site)])
found = [[one.metadata["Name"], one.version, one.requires or []] for one in installed]
print(json.dumps({"python": sys.version.split()[0], "names": names, "failed": failed, "found": found}))
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What Python says: the distributions with what they require, and what cannot be imported."""

    python: str
    names: list[str]
    failed: dict[str, str]
    found: list[tuple[str, str, list[str]]]


def of_modules(engine: Engine, image: str) -> list[str]:
    """Check that exactly what the lock names is installed, fits together and can be imported."""
    answer = engine.once(image, "-", options=[*HARDENED, "--entrypoint=python"], feed=_MODULES)
    inside = Found(**json.loads(answer))
    problems = [f"cannot be imported: {name}: {error}" for name, error in inside.failed.items()]
    installed: dict[str, str] = {canonicalize_name(name): version for name, version, _ in inside.found}
    markers = {
        **{key: str(value) for key, value in default_environment().items()},
        "python_full_version": inside.python,
        "python_version": ".".join(inside.python.split(".")[:2]),
        "extra": "",
    }
    wanted = {"flyte-slack": flyte_slack.__version__, **_locked(markers)}
    problems += [
        f"{name} is {installed.get(name, 'missing')}, the lock says {wanted.get(name, 'nothing')}"
        for name in sorted({*wanted, *installed})
        if wanted.get(name) != installed.get(name)
    ]
    for name, _, requires in inside.found:
        for requirement in map(Requirement, requires):
            if requirement.marker is None or requirement.marker.evaluate(markers):
                version = installed.get(canonicalize_name(requirement.name))
                if version is None or not requirement.specifier.contains(version, prereleases=True):
                    problems.append(f"{name} needs {requirement}, which is {version or 'missing'}")
    return problems


def _locked(markers: dict[str, str]) -> dict[str, str]:
    """Return the versions that the lock names for this Python and system."""
    lines = re.findall(r"^([a-z0-9._-]+==[^\\\n]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    pins = [Requirement(line.strip()) for line in lines]
    return {
        canonicalize_name(pin.name): next(iter(pin.specifier)).version
        for pin in pins
        if pin.marker is None or pin.marker.evaluate(markers)
    }


# The image at work

_LISTENING = """
for table in ("/proc/net/tcp", "/proc/net/tcp6"):
    for line in open(table).readlines()[1:]:
        address, state = line.split()[1], line.split()[3]
        if state == "0A":
            print(address)
"""


def listening(container: Container) -> set[str]:
    """Return the addresses that are listened on, as the kernel writes them, in hexadecimal."""
    return set(container.python(_LISTENING).split())


def at_work(engine: Engine, image: str) -> list[str]:
    """Check a pack that may do nothing it need not: it starts, says it is live, and stops when told to."""
    try:
        with engine.running(image, options=[*HARDENED, *environment(PEERLESS)]) as pack:
            eventually(lambda: "the pack starts" in pack.log or not pack.runs, "the start", within=20)
            if not pack.runs:
                return [f"does not start: {pack.log}"]
            problems = [] if pack.healthy() else ["HEALTHCHECK says unhealthy of a pack that is well"]
            addresses = listening(pack)
            if not {"00000000:1F9A", f"{'0' * 32}:1F9A"} & addresses:
                problems.append(f"does not listen on all addresses at 8090: {addresses}")
            return problems + _stopped(engine, pack)
    except (AssertionError, Failed) as error:
        return [f"does not start: {error}"]


def _stopped(engine: Engine, pack: Container) -> list[str]:
    engine.podman("stop", "--time=5", pack.identity)
    status = pack.state()["ExitCode"]
    return [] if status == 0 else [f"ends with {status} when it is stopped"]

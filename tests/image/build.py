"""Builds the image as `make image` does, and images from a Dockerfile with a fault in it."""

import contextlib
import functools
import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import stand_in
from engine import Engine, command, engine
from filelock import FileLock

import flyte_slack

ROOT = Path(flyte_slack.__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
IGNORED = (ROOT / ".dockerignore").read_text()
IMAGE = f"localhost/flyte-slack:{flyte_slack.__version__}"

_WITH_PACKAGE = "localhost/flyte-slack-test-base"
_SPLIT = "ENV PATH="

HEAD, _, _rest = DOCKERFILE.partition(_SPLIT)
TAIL = _SPLIT + _rest
"""The Dockerfile up to where the package is in the image, and the rest, which is built anew for a fault."""

_CA = "/etc/ssl/certs/ca-certificates.crt"


@functools.cache
def image() -> str:
    """Build the image with `make image`; return its name."""
    within = engine()
    build = " ".join([*within.buildah, "build", "--layers", *_options(within)])
    name = IMAGE.partition(":")[0]
    with FileLock(within.folder / "lock"):  # another process of the tests builds the same
        stand_in.make(within)
        command("make", "-s", "-C", str(ROOT), "image", f"IMAGE={name}", f"IMAGE_BUILD={build}", within=600)
    return IMAGE


@functools.cache
def _base() -> str:
    """Build what all images with a fault begin with; the layers are there already."""
    image()
    within = engine()
    with FileLock(within.folder / "lock"):
        _build(within, _WITH_PACKAGE, HEAD, ROOT, "--layers", *_options(within))
    return _WITH_PACKAGE


@contextlib.contextmanager
def faulty(tail: str, context: Path | None = None) -> Iterator[str]:
    """Build an image with another tail, in an empty context or a given one; it is gone after the block."""
    name = f"localhost/flyte-slack-fault-{uuid.uuid4().hex[:12]}"
    arguments = [f"--build-arg=VERSION={flyte_slack.__version__}", f"--build-arg=REVISION={'0' * 40}"]
    with tempfile.TemporaryDirectory() as folder:
        text = f"FROM {_base()}\n{tail}"
        _build(engine(), name, text, context or Path(folder), *_options(engine()), *arguments)
    try:
        yield name
    finally:
        engine().podman("rmi", "--force", name)


def _build(within: Engine, name: str, text: str, context: Path, *options: str) -> None:
    with tempfile.NamedTemporaryFile("w", prefix="Dockerfile-") as file:
        file.write(text)
        file.flush()
        command(
            *within.buildah,
            "build",
            *options,
            f"--file={file.name}",
            f"--tag={name}",
            str(context),
            within=600,
        )


def _options(within: Engine) -> list[str]:
    """How to build here; what this machine needs to reach its registry is mounted, and not in the image."""
    options = ["--isolation=chroot", "--format=docker", "--pull=never"]
    certificates = next((path for path in _certificates() if path and Path(path).is_file()), None)
    index = os.environ.get("PIP_INDEX_URL") or _pip("global.index-url")
    lines = [f"cert = {_CA}" if certificates else "", f"index-url = {index}" if index else ""]
    if any(lines):
        settings = within.folder / "pip.conf"
        settings.write_text("\n".join(["[global]", *filter(None, lines), ""]))
        options.append(f"--volume={settings}:/etc/pip.conf:ro")
    if certificates:
        options.append(f"--volume={Path(certificates).resolve()}:{_CA}:ro")
    return options


def _certificates() -> Iterator[str | None]:
    yield from (os.environ.get(name) for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"))
    yield _pip("global.cert")


def _pip(setting: str) -> str | None:
    done = subprocess.run(["pip", "config", "get", setting], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None

"""A stand-in for python:3.12-slim, for machines that reach Debian's packages but no registry of images.

Debian with the libraries that the official image has and no more, so that a library which is missing there
is missing here, and a CPython 3.12 of this machine at /usr/local, without bytecode, as there. It is no
replacement: the version of Debian may differ, and the build of CPython does.
"""

import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from engine import Engine, unavailable

NAME = "docker.io/library/python:3.12-slim"
SUITE = "bookworm"
PACKAGES = (
    *("ca-certificates", "netbase", "tzdata", "usr-is-merged", "passwd"),
    *("libbz2-1.0", "libdb5.3", "libexpat1", "libffi8", "libgdbm6", "liblzma5", "libncursesw6", "libnsl2"),
    *("libreadline8", "libsqlite3-0", "libssl3", "libtirpc3", "libuuid1", "zlib1g"),
)
WITHOUT = ("man", "doc", "info", "locale")
HOOKS = Path("/usr/share/mmdebstrap/hooks/merged-usr")

# What the official image leaves out, and what does not move.
_LEFT_OUT = re.compile(
    r"/(__pycache__|test|tests|idle_test|idlelib|tkinter|turtledemo|site-packages|config-3[^/]*|_tkinter[^/]*)(/|$)"
)


def make(engine: Engine) -> None:
    """See to it that the base image is there: pulled, where that was asked for, or made."""
    if engine.holds(NAME):
        return
    if os.environ.get("IMAGE_TEST_PULL"):
        engine.podman("pull", NAME, within=600)
        return
    with tempfile.TemporaryDirectory() as folder:
        python, root = Path(folder, "python.tar"), Path(folder, "root.tar")
        _pack(_interpreter(), python)
        _bootstrap(python, root)
        engine.podman(
            "import",
            "--change=ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
            '--change=CMD ["python3"]',
            *(str(root), NAME),
            within=120,
        )


def _interpreter() -> Path:
    """The prefix of a CPython 3.12 of this machine."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [*(str(path / "bin/python3.12") for path in sorted(versions.glob("3.12*")))]
    for python in [*found, shutil.which("python3.12"), sys.executable]:
        if python and Path(python).exists():
            asked = "import sys; print(sys.base_prefix if sys.version_info[:2] == (3, 12) else '')"
            done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False)
            if prefix := done.stdout.strip():
                return Path(prefix)
    unavailable("no CPython 3.12 here, for an image to hold: with pyenv, or python3.12 on PATH")
    raise AssertionError


def _pack(prefix: Path, archive: Path) -> None:
    """Put the interpreter and its library into an archive, as they are under /usr/local."""

    def kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        return None if _LEFT_OUT.search(f"/{member.name}") else member

    with tarfile.open(archive, "w") as packed:
        packed.add(prefix / "lib/python3.12", "lib/python3.12", filter=kept)
        packed.add(prefix / "include/python3.12", "include/python3.12", filter=kept)
        packed.add((prefix / "bin/python3.12").resolve(), "bin/python3.12", filter=kept)
        for library in prefix.glob("lib/libpython3*.so*"):
            packed.add(library, f"lib/{library.name}", filter=kept)
        for name in ("python", "python3"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "python3.12"
            packed.addfile(link, io.BytesIO())


def _bootstrap(python: Path, root: Path) -> None:
    """Make the file system."""
    unpack = f'tar --extract --file={python} --directory="$1/usr/local"'
    strip = 'find "$1/usr/local" -type f -name "*.so*" -exec strip --strip-unneeded {} +'  # as there
    pip = "python3 -m ensurepip --default-pip && find /usr/local -name __pycache__ -prune -exec rm -rf {} +"
    command = [
        *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
        *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in WITHOUT),
        "--dpkgopt=force-unsafe-io",
        *([f"--hook-dir={HOOKS}"] if HOOKS.exists() else []),
        f'--customize-hook=mkdir -p "$1/usr/local/lib" && {unpack} && chroot "$1" ldconfig',
        *([f"--customize-hook={strip}"] if shutil.which("strip") else []),
        f"--customize-hook=chroot \"$1\" sh -c '{pip}'",
        *('--customize-hook=rm -f "$1/etc/resolv.conf" "$1/etc/hostname"', SUITE, str(root)),
    ]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        unavailable(
            f"the base image cannot be made, are Debian's packages within reach?\n{done.stderr[-2000:]}"
        )

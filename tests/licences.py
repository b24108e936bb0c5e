"""The licences of what the pack is built with, as its packages state them.

`python tests/licences.py` writes docs/licences.md; a test holds that every package of the lock is in it.
"""

import re
from email.message import Message
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import cast

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/licences.md"
READ = {"httpx-aiohttp": "BSD-3-Clause"}
"""What is not stated in a word, or not installed everywhere, as its licence file says."""
HEAD = """# Licences of what the pack is built with

Every package of [requirements.lock](../requirements.lock), as it states its licence itself. `make audit`
writes this page.

| package | licence |
|---|---|
"""


def locked() -> list[str]:
    """Return the names of the packages in the lock."""
    return re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)


def licence_of(package: Distribution) -> str:
    """Return a package's licence: its SPDX expression, its classifiers, or what it says in words."""
    metadata = cast("Message", package.metadata)
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = [
        text.rpartition(" :: ")[2]
        for text in metadata.get_all("Classifier") or []
        if text.startswith("License :: ") and text != "License :: OSI Approved"
    ]
    return ", ".join(classifiers) or (metadata.get("License") or "").partition("\n")[0] or "not stated"


def row(name: str) -> str:
    """Return a package's row."""
    try:
        return f"| {name} | {READ.get(name) or licence_of(distribution(name))} |"
    except PackageNotFoundError:
        return f"| {name} | not installed on this system |"


if __name__ == "__main__":
    PAGE.write_text(HEAD + "\n".join(map(row, locked())) + "\n")
    print(PAGE.read_text())

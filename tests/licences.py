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


def rows(before: str) -> list[str]:
    """Return the table's rows; what is not installed on this system keeps the row it had."""
    found = []
    for name in locked():
        try:
            found.append(f"| {name} | {licence_of(distribution(name))} |")
        except PackageNotFoundError:
            kept = re.search(rf"^\| {re.escape(name)} \|.*$", before, re.MULTILINE)
            found.append(kept.group() if kept else f"| {name} | not installed on this system |")
    return found


if __name__ == "__main__":
    PAGE.write_text(HEAD + "\n".join(rows(PAGE.read_text() if PAGE.exists() else "")) + "\n")
    print(PAGE.read_text())

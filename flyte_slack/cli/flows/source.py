"""Flow files, read so that everything in them keeps its line."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

SUFFIXES = {".yaml", ".yml", ".json"}


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something that is wrong in a file.

    Attributes:
        file: its path, as it was given.
        line: where, from 1.
        severity: `error`, or `warning` for what works but hardly as it is meant.
        problem: a sentence: what is wrong, and what would be right.
    """

    file: str
    line: int
    severity: Literal["error", "warning"]
    problem: str

    def __str__(self) -> str:
        """Return it as compilers print it."""
        warning = "warning: " if self.severity == "warning" else ""
        return f"{self.file}:{self.line}: {warning}{self.problem}"

    def wire(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return asdict(self)


class Unreadable(Exception):
    """A path that cannot be read, in a sentence."""


def files(paths: list[Path]) -> list[Path]:
    """Return the files that paths name: themselves, or what lies in a folder.

    Raises:
        Unreadable: one of them is not there, or holds no flow file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(each for each in path.rglob("*") if each.suffix in SUFFIXES and each.is_file())
            if not inside:
                raise Unreadable(f"{path}: the folder holds no .yaml, .yml or .json file")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise Unreadable(f"{path}: there is no such file or folder")
    return found


def read(path: Path) -> str:
    """Return a file's text.

    Raises:
        Unreadable: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Unreadable(f"{path}: cannot be read ({reason})") from None


def compose(text: str) -> Node | None:
    """Return a document as nodes with their lines.

    Raises:
        yaml.YAMLError: it is no YAML; JSON is YAML, too.
    """
    return yaml.compose(text, yaml.SafeLoader)


def line(node: Node) -> int:
    """Return the line on which a node begins, from 1."""
    return int(node.start_mark.line) + 1


def text_line(node: ScalarNode) -> int:
    """Return the line on which a text begins: below its mark, if it is a block."""
    return line(node) + (node.style in ("|", ">"))


def members(node: Node | None) -> dict[str, tuple[Node, Node]]:
    """Return an object's members by key, each with the nodes of key and value; of no object, none."""
    if not isinstance(node, MappingNode):
        return {}
    return {str(key.value): (key, value) for key, value in node.value}


def items(node: Node | None) -> list[Node]:
    """Return a list's items; of no list, none."""
    return list(node.value) if isinstance(node, SequenceNode) else []


def text(node: Node | None) -> str:
    """Return a scalar as it is written; of what is none, nothing."""
    return str(node.value) if isinstance(node, ScalarNode) else ""


def texts(node: Node | None) -> Iterator[ScalarNode]:
    """Yield every text in a value, however deep: those may be templates."""
    if isinstance(node, ScalarNode):
        if node.tag == "tag:yaml.org,2002:str":
            yield node
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from texts(item)
    elif isinstance(node, MappingNode):
        for _, value in node.value:
            yield from texts(value)


def plain(node: Node) -> Any:
    """Return a node as Python's own values."""
    return yaml.SafeLoader("").construct_document(node)


def duplicates(node: Node | None) -> Iterator[Node]:
    """Yield the keys that stand in an object for a second time."""
    if isinstance(node, MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                yield key
            seen.add(str(key.value))
            yield from duplicates(value)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from duplicates(item)

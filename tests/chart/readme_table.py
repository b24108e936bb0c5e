"""The table of values in the chart's README, made of values.yaml. Run it to write the table anew."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

CHART = Path(__file__).parents[2] / "helm" / "flyte-slack"
TABLE = re.compile(r"(?<=<!-- values -->\n).*?(?=<!-- /values -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Row:
    """A value, its default as JSON, and the comment above it."""

    path: str
    default: str
    text: str


def rows(values: str) -> list[Row]:
    """Return every value; a mapping that has comments within counts as its values, else as one."""
    root = yaml.compose(values, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    return list(_rows(root, values.splitlines(), ""))


def _rows(mapping: yaml.MappingNode, lines: list[str], above: str) -> Iterator[Row]:
    for key, value in mapping.value:
        path = f"{above}.{key.value}".lstrip(".")
        text = _comment(lines, key.start_mark.line)
        if isinstance(value, yaml.MappingNode) and value.value and _has_comments(value, lines):
            yield from _rows(value, lines, path)
        else:
            yield Row(path, json.dumps(yaml.safe_load(yaml.serialize(value))), text)


def _has_comments(mapping: yaml.MappingNode, lines: list[str]) -> bool:
    return any(
        _comment(lines, key.start_mark.line)
        or (isinstance(value, yaml.MappingNode) and _has_comments(value, lines))
        for key, value in mapping.value
    )


def _comment(lines: list[str], line: int) -> str:
    """Return the comment that ends right above a line."""
    found: list[str] = []
    while line and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        found.insert(0, lines[line].strip().removeprefix("#").strip())
    return " ".join(found)


def with_table(readme: str, values: str) -> str:
    """Return a README with the table that these values give."""
    table = "| value | default | meaning |\n|---|---|---|\n"
    for row in rows(values):
        text = row.text.replace("|", "\\|")
        table += f"| `{row.path}` | `{row.default}` | {text} |\n"
    return TABLE.sub(lambda _: table, readme)


if __name__ == "__main__":
    README = CHART / "README.md"
    README.write_text(with_table(README.read_text(), (CHART / "values.yaml").read_text()))

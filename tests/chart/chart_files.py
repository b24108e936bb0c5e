"""A chart on disk, and what helm makes of it."""

import functools
import json
import os
import re
import subprocess
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tools
import yaml

CHART = tools.ROOT / "helm" / "flyte-slack"
RELEASE = "talk"
NAMESPACE = "chat"

Json = dict[str, Any]


class StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads YAML, and refuses a key that a mapping holds twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is there twice", node.start_mark
                )
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


def load_strictly(text: str) -> list[Any]:
    """Return the documents of a YAML text that are not empty."""
    return [one for one in yaml.load_all(text, Loader=StrictLoader) if one is not None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call of helm gave."""

    ok: bool
    output: str
    errors: str


@dataclass(frozen=True)
class Chart:
    """A chart on disk; what helm makes of it is kept.

    Attributes:
        path: its folder.
        only: the one file of `ci/` to look at; empty for all.
    """

    path: Path = CHART
    only: str = ""
    _rendered: dict[str, Answer] = field(default_factory=dict, repr=False)
    _objects: dict[str, list[Json]] = field(default_factory=dict, repr=False)

    def text(self, name: str) -> str:
        return (self.path / name).read_text()

    @property
    def ci_files(self) -> list[Path]:
        return sorted((self.path / "ci").glob(f"{self.only or '*'}-values.yaml"))

    @functools.cached_property
    def values(self) -> Json:
        return dict(load_strictly(self.text("values.yaml"))[0])

    @functools.cached_property
    def schema(self) -> Json:
        return dict(json.loads(self.text("values.schema.json")))

    @functools.cached_property
    def templates(self) -> dict[str, str]:
        files = sorted((self.path / "templates").rglob("*.*"))
        return {str(file.relative_to(self.path)): file.read_text() for file in files}

    def merged(self, ci_file: Path) -> Json:
        """Return the values that hold with a file of `ci/`."""
        return _merge(self.values, load_strictly(ci_file.read_text())[0])

    def helm(self, *arguments: str) -> Answer:
        """Call helm, with nothing of the caller's configuration."""
        folder = tools.CACHE / "helm-home"
        environment = {"PATH": os.environ.get("PATH", ""), "HELM_NO_PLUGINS": "1"} | {
            f"HELM_{kind}_HOME": str(folder / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")
        }
        command = [str(tools.helm()), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        return Answer(done.returncode == 0, done.stdout, done.stderr)

    def template(self, ci_file: Path, *more: str) -> Answer:
        """Render the chart with a file of `ci/`."""
        key = " ".join([str(ci_file), *more])
        if key not in self._rendered:
            self._rendered[key] = self.helm(
                "template", RELEASE, str(self.path), "--namespace", NAMESPACE, "--kube-version", "1.33",
                "--values", str(ci_file), *more,
            )  # fmt: skip
        return self._rendered[key]

    def objects(self, ci_file: Path, *more: str) -> list[Json]:
        """Return the rendered objects; none where that fails, which is a problem of its own."""
        answer = self.template(ci_file, *more)
        if answer.output not in self._objects:
            self._objects[answer.output] = _parsed(answer.output) if answer.ok else []
        return self._objects[answer.output]

    @property
    def all_objects(self) -> Iterator[tuple[str, list[Json]]]:
        """Each file of `ci/` by its name, and what is rendered with it."""
        for ci_file in self.ci_files:
            yield ci_file.stem, self.objects(ci_file)


def _parsed(text: str) -> list[Json]:
    try:
        return [one for one in load_strictly(text) if isinstance(one, dict)]
    except yaml.YAMLError:
        return []


def _merge(below: Json, above: Json) -> Json:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def of_kind(objects: list[Json], *kinds: str) -> list[Json]:
    """Return the objects of these kinds."""
    return [one for one in objects if one.get("kind") in kinds]


def workload(objects: list[Json]) -> Json:
    """Return the StatefulSet or Deployment, or an empty one."""
    return next(iter(of_kind(objects, "StatefulSet", "Deployment")), {})


def pod_template(objects: list[Json]) -> Json:
    """Return the template of the pack's pods, or an empty one."""
    return dict(workload(objects).get("spec", {}).get("template", {}))


def container(template: Json) -> Json:
    """Return the first container of a pod or a pod template, or an empty one."""
    return dict(next(iter(template.get("spec", {}).get("containers", [])), {}))


def at(values: Json, path: str) -> Any:
    """Return what is at a dotted path, or None."""
    value: Any = values
    for name in path.split("."):
        if isinstance(value, list) and name.isdigit():
            value = value[int(name)] if int(name) < len(value) else None
        else:
            value = value.get(name) if isinstance(value, dict) else None
    return value


def leaves(values: Json, path: str = "") -> Iterator[str]:
    """Return the dotted path of everything that is not itself a mapping of more."""
    for key, value in values.items():
        below = f"{path}.{key}".lstrip(".")
        if isinstance(value, dict) and value and re.fullmatch(r"\w+", key):
            yield from leaves(value, below)
        else:
            yield below

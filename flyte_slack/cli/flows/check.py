"""What can be told of a flow before it runs: Flyte itself tells its author nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ...sandbox.templates import Template, TemplateError, parse
from ...slack.commands.inputs import unknown_field
from ..parser import nearest
from .payloads import missing_key
from .source import (
    Problem,
    compose,
    duplicates,
    items,
    line,
    members,
    plain,
    read,
    text,
    text_line,
    texts,
)

_FLOW = ("name", "description", "steps")
_STEP = ("id", "event", "dependsOn", "criteria", "context", "command")
_EVENT = ("packName", "name", "packLabels")
_COMMAND = ("packName", "name", "packLabels", "input")


class Checker:
    """Checks flow files against what the pack offers.

    Args:
        offered: as `schema` prints it.
        pack: the pack's name in flows; others are not judged.
    """

    def __init__(self, offered: Mapping[str, Any], pack: str = "Slack") -> None:
        self._commands: Mapping[str, Any] = offered["commands"]
        self._events: Mapping[str, Any] = offered["events"]
        self._pack = pack

    def check(self, path: Path) -> list[Problem]:
        """Return what is wrong in one file, line by line; files of tests hold no flow, and nothing is wrong.

        Raises:
            Unreadable: the file cannot be read.
        """
        return _Flow(str(path), read(path), self._commands, self._events, self._pack).problems()


class _Flow:
    """One file, while it is looked at."""

    def __init__(
        self, file: str, source: str, commands: Mapping[str, Any], events: Mapping[str, Any], pack: str
    ) -> None:
        self._file = file
        self._source = source
        self._commands = commands
        self._events = events
        self._pack = pack
        self._found: list[Problem] = []

    def problems(self) -> list[Problem]:
        """Return them in the order of their lines."""
        try:
            document = compose(self._source)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = f"the file is no YAML: {error.problem or error.context}"
            return [Problem(self._file, mark.line + 1 if mark else 1, "error", what)]
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            return [Problem(self._file, 1, "error", f"the file is no YAML: {error}")]
        if "given" not in members(document):
            self._flow(document)
        return sorted(set(self._found))

    def _say(self, node: Node | int, problem: str, *, warning: bool = False) -> None:
        at = node if isinstance(node, int) else line(node)
        self._found.append(Problem(self._file, at, "warning" if warning else "error", problem))

    def _flow(self, document: Node | None) -> None:
        if not isinstance(document, MappingNode):
            return self._say(document or 1, "a flow is an object with name and steps")
        for key in duplicates(document):
            self._say(key, f"the key {key.value!r} stands here for a second time")
        parts = self._members(document, _FLOW, "a flow")
        if not text(parts.get("name")):
            self._say(parts.get("name") or document, "the flow needs a name")
        steps = parts.get("steps")
        if not isinstance(steps, SequenceNode) or not steps.value:
            return self._say(steps or document, "the flow needs steps, a list")
        ids = self._ids(steps)
        contexts = {
            key for step in items(steps) for key in members(members(step).get("context", (0, None))[1])
        }
        for step in items(steps):
            self._step(step, ids, contexts)
        self._cycles(steps)

    def _members(self, node: Node | None, known: tuple[str, ...], what: str) -> dict[str, Node]:
        """Return an object's known members, and say which are unknown."""
        found = members(node)
        if node is not None and not isinstance(node, MappingNode):
            self._say(node, f"{what} is an object with {', '.join(known)}")
        for name, (key, _) in found.items():
            if name not in known:
                self._say(key, f"{what} has no key {name!r}{nearest(name, known)} ({', '.join(known)})")
        return {name: value for name, (_, value) in found.items() if name in known}

    def _ids(self, steps: SequenceNode) -> dict[str, Node]:
        ids: dict[str, Node] = {}
        for step in items(steps):
            if "id" in (parts := members(step)):
                id_ = parts["id"][1]
                if text(id_) in ids:
                    self._say(id_, f"two steps have the id {text(id_)!r}")
                ids[text(id_)] = step
        return ids

    def _step(self, step: Node, ids: Mapping[str, Node], contexts: set[str]) -> None:
        parts = self._members(step, _STEP, "a step")
        event = self._members(parts.get("event"), _EVENT, "event")
        command = self._members(parts.get("command"), _COMMAND, "command")
        self._text_required(event, parts.get("event") or step, "the event that the step waits for")
        self._text_required(command, parts.get("command") or step, "the command that the step gives")
        self._depends_on(parts.get("dependsOn"), ids)
        payload = self._event(event)
        self._command(command)
        self._answers_itself(parts, event, command)
        for part in ("criteria", "context"):
            self._templates(parts.get(part), payload, contexts)
        for part in ("input", "packLabels"):
            self._templates(command.get(part), payload, contexts)

    def _text_required(self, parts: Mapping[str, Node], at: Node, what: str) -> None:
        absent = [key for key in ("packName", "name") if not text(parts.get(key))]
        if absent:
            self._say(parts.get(absent[0]) or at, f"{what} needs {' and '.join(absent)}")

    def _depends_on(self, node: Node | None, ids: Mapping[str, Node]) -> None:
        if node is not None and not isinstance(node, SequenceNode):
            self._say(node, "dependsOn is a list of the ids of steps")
        for each in items(node):
            if text(each) not in ids:
                self._say(each, f"there is no step {text(each)!r}{nearest(text(each), ids)}")

    def _event(self, event: Mapping[str, Node]) -> Mapping[str, Any] | None:
        """Return the schema of the payload of this pack's event, or None if it is not known."""
        name = text(event.get("name"))
        if text(event.get("packName")) != self._pack or not name:
            return None
        if name not in self._events:
            self._say(event["name"], f"{self._pack} has no event {name!r}{nearest(name, self._events)}")
        schema: Mapping[str, Any] | None = self._events.get(name)
        return schema

    def _command(self, command: Mapping[str, Node]) -> None:
        name = text(command.get("name"))
        if text(command.get("packName")) != self._pack or not name:
            return
        if name not in self._commands:
            return self._say(
                command["name"], f"{self._pack} has no command {name!r}{nearest(name, self._commands)}"
            )
        schema = self._commands[name]["input"]
        given = members(command.get("input"))
        if "input" in command and not isinstance(command["input"], MappingNode):
            return self._say(command["input"], f"the input of {name} is an object")
        known = schema.get("properties", {})
        for key, (node, _) in given.items():
            if key not in known:
                self._say(node, f"{name}: {unknown_field(key, known)}")
        for key in schema.get("required", ()):
            if key not in given or _is_empty(given[key][1]):
                self._say(command.get("input") or command["name"], f"{name} needs the input {key!r}")

    def _answers_itself(
        self, step: Mapping[str, Node], event: Mapping[str, Node], command: Mapping[str, Node]
    ) -> None:
        """Warn of a step that the result of its own command sets off again."""
        if text(event.get("packName")) != self._pack or text(command.get("packName")) != self._pack:
            return
        answers = self._commands.get(text(command.get("name")), {}).get("events", ())
        waits_for = text(event.get("name"))
        if waits_for not in answers or items(step.get("dependsOn")):
            return  # a step that depends on another runs once in an execution
        criteria = step.get("criteria")
        has_origin = "origin" in self._events.get(waits_for, {}).get("properties", {})
        if has_origin and "origin" not in text(criteria):
            self._say(
                event["name"],
                f"the step answers itself: {text(command.get('name'))} ends in {waits_for}, too; "
                "add Event.Payload.origin == 'channel' to its criteria",
                warning=True,
            )
        elif not has_origin and not text(criteria):
            self._say(
                event["name"],
                f"the step may answer itself: {text(command.get('name'))} ends in {waits_for}, too; "
                "add a criteria that its own result does not meet",
                warning=True,
            )

    def _templates(self, node: Node | None, payload: Mapping[str, Any] | None, contexts: set[str]) -> None:
        for each in texts(node):
            try:
                template = parse(each.value)
            except TemplateError as error:
                self._say(text_line(each) + error.line - 1, f"template: {error}")
            else:
                self._paths(each, template, payload, contexts)

    def _paths(
        self, node: ScalarNode, template: Template, payload: Mapping[str, Any] | None, contexts: set[str]
    ) -> None:
        for use in template.uses():
            if use.kind != "variable" or use.local:
                continue
            path = tuple(map(str, use.path))
            where = text_line(node) + use.place.line - 1
            if path[:2] == ("Event", "Payload") and payload is not None:
                if (wrong := missing_key(payload, path[2:])) is not None:
                    key, known = wrong
                    spelled = ".".join(path)
                    self._say(where, f"{spelled}: the payload has no {key!r}{nearest(key, known)}")
            elif path[0] == "Context" and len(path) > 1 and path[1] not in contexts:
                known_ = nearest(path[1], contexts)
                self._say(where, f"no step sets the context {path[1]!r}{known_}", warning=True)

    def _cycles(self, steps: SequenceNode) -> None:
        """Say of each step that it waits for itself, over others or not: it would never run."""
        graph = {
            text(parts["id"][1]): [text(each) for each in items(parts.get("dependsOn", (0, None))[1])]
            for parts in map(members, items(steps))
            if "id" in parts
        }
        for step in items(steps):
            parts = members(step)
            id_ = text(parts["id"][1]) if "id" in parts else ""
            if id_ and "dependsOn" in parts and id_ in _behind(graph, id_):
                self._say(parts["dependsOn"][0], f"the step {id_!r} depends on itself: it would never run")


def _behind(graph: Mapping[str, list[str]], start: str) -> set[str]:
    seen: set[str] = set()
    waiting = list(graph.get(start, ()))
    while waiting:
        step = waiting.pop()
        if step not in seen:
            seen.add(step)
            waiting += graph.get(step, ())
    return seen


def _is_empty(node: Node) -> bool:
    return plain(node) in ("", None)

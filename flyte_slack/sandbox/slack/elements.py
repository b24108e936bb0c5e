"""What people can do with each interactive element, in the fields of Slack's payloads.

An element that is changed is an *action*; one that keeps what was chosen also has a *state*, which
comes with every later payload of its message or view in ``state.values[block_id][action_id]``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from ..workspace import Workspace
from .blocks import elements_of

Element = dict[str, Any]
Choice = dict[str, Any]
"""The fields with which an action or a state says what was chosen: ``{"selected_date": "…"}``, …"""

State = dict[str, dict[str, dict[str, Any]]]
"""``state.values``: by block id and action id."""

INPUTS = ("plain_text_input", "email_text_input", "url_text_input", "number_input")
STATELESS = ("button", "overflow", "workflow_button", "icon_button", "feedback_buttons")


class BadChoiceError(ValueError):
    """What was chosen is not among what the element offers."""


def elements(blocks: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Element]]:
    """Yield every interactive element with its block."""
    for block in blocks:
        for element in elements_of(block):
            yield block, element


def initial_state(blocks: list[dict[str, Any]]) -> State:
    """Return the state of a message or view that nobody has touched."""
    state: State = {}
    for block, element in elements(blocks):
        if element["type"] not in STATELESS:
            values = state.setdefault(block["block_id"], {})
            values[element["action_id"]] = {"type": element["type"], **_initial(element)}
    return state


def _initial(element: Element) -> Choice:
    key = field_of(element["type"])
    initial = element.get("initial_value" if "value" in key else f"initial_{key.removeprefix('selected_')}")
    if key == "files":
        return {"files": []}
    if initial is None or initial == "":
        return {key: [] if key.endswith("s") else None}
    return {key: str(initial) if key == "value" else initial}


def field_of(kind: str) -> str:
    """Return the field in which that type of element keeps what was chosen."""
    fixed = {
        "checkboxes": "selected_options",
        "radio_buttons": "selected_option",
        "overflow": "selected_option",
        "datepicker": "selected_date",
        "timepicker": "selected_time",
        "datetimepicker": "selected_date_time",
        "rich_text_input": "rich_text_value",
        "file_input": "files",
    }
    if kind in fixed:
        return fixed[kind]
    if not kind.endswith("_select"):
        return "value"
    chosen = {"users": "user", "conversations": "conversation", "channels": "channel"}
    what = chosen.get(kind.removeprefix("multi_").removesuffix("_select"), "option")
    return f"selected_{what}s" if kind.startswith("multi_") else f"selected_{what}"


def choose(element: Element, value: Any, workspace: Workspace) -> Choice:
    """Read what a person chose or wrote. Raises :class:`BadChoiceError` with a sentence.

    Options are meant by their value or label, people and channels by name or id, several things by a
    list; ``None`` and ``""`` take a choice back.
    """
    kind = element["type"]
    key = field_of(kind)
    single = _READERS.get(key.removesuffix("s") if key != "files" else key, _text)
    if key.endswith("s"):
        wanted = value if isinstance(value, list) else [] if value in (None, "") else [value]
        return {key: [single(element, item, workspace) for item in wanted]}
    if isinstance(value, list):
        raise BadChoiceError(f"{element['action_id']} takes one value, not a list.")
    return {key: None if value in (None, "") else single(element, value, workspace)}


def options(element: Element) -> list[dict[str, Any]]:
    """Return the options that an element offers, those of its groups included."""
    groups = element.get("option_groups") or []
    grouped = [option for group in groups for option in group.get("options", [])]
    return [*(element.get("options") or []), *grouped]


def _option(element: Element, value: Any, _workspace: Workspace) -> Any:
    wanted = value.get("value") if isinstance(value, dict) else str(value)
    for match in ("value", "label"):
        for option in options(element):
            label = (option.get("text") or {}).get("text")
            if wanted == (option.get("value") if match == "value" else label):
                return option
    if element["type"].endswith("external_select"):
        return {"text": {"type": "plain_text", "text": wanted, "emoji": True}, "value": wanted}
    raise BadChoiceError(f"{element['action_id']} has no option {wanted!r}.")


def _user(_element: Element, value: Any, workspace: Workspace) -> str:
    return workspace.known_person(str(value)).id


def _channel(_element: Element, value: Any, workspace: Workspace) -> str:
    return workspace.channel(str(value)).id


def _matching(pattern: str, what: str) -> Callable[[Element, Any, Workspace], str]:
    def read(element: Element, value: Any, _workspace: Workspace) -> str:
        if not re.fullmatch(pattern, str(value)):
            raise BadChoiceError(f"{element['action_id']} takes {what}, not {value!r}.")
        return str(value)

    return read


def _moment(element: Element, value: Any, _workspace: Workspace) -> int:
    if not re.fullmatch(r"\d{10}", str(value)):
        raise BadChoiceError(f"{element['action_id']} takes seconds since the epoch, not {value!r}.")
    return int(value)


def _rich_text(_element: Element, value: Any, _workspace: Workspace) -> Any:
    if isinstance(value, dict):
        return value
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": str(value)}]}
    return {"type": "rich_text", "elements": [section]}


def _text(element: Element, value: Any, _workspace: Workspace) -> Any:
    text = str(value)
    least, most = int(element.get("min_length") or 0), int(element.get("max_length") or 3_000)
    if not least <= len(text) <= most:
        raise BadChoiceError(f"{element['action_id']} takes {least} to {most} characters.")
    if element["type"] == "number_input" and not re.fullmatch(r"-?\d+(\.\d+)?", text):
        raise BadChoiceError(f"{element['action_id']} takes a number, not {text!r}.")
    return text


_READERS: dict[str, Callable[[Element, Any, Workspace], Any]] = {
    "selected_option": _option,
    "selected_user": _user,
    "selected_conversation": _channel,
    "selected_channel": _channel,
    "selected_date": _matching(r"\d{4}-\d\d-\d\d", "a date like 2030-12-31"),
    "selected_time": _matching(r"([01]\d|2[0-3]):[0-5]\d", "a time like 17:30"),
    "selected_date_time": _moment,
    "rich_text_value": _rich_text,
}

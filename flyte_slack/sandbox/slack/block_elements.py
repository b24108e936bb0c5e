"""What Slack checks in interactive elements, text objects and the types of fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

SELECTS = ("static", "external", "users", "conversations", "channels")
ELEMENTS = {
    "button": ("text",),
    "checkboxes": ("options",),
    "radio_buttons": ("options",),
    "overflow": ("options",),
    "datepicker": (),
    "datetimepicker": (),
    "timepicker": (),
    "plain_text_input": (),
    "email_text_input": (),
    "url_text_input": (),
    "number_input": ("is_decimal_allowed",),
    "rich_text_input": (),
    "file_input": (),
    "workflow_button": ("text", "workflow"),
    "icon_button": ("icon", "text"),
    "feedback_buttons": ("positive_button", "negative_button"),
    **{f"{kind}_select": () for kind in SELECTS},
    **{f"multi_{kind}_select": () for kind in SELECTS},
}
"""The types of interactive elements, and the fields that each must have."""

BUTTON_LENGTH = 75
TEXTS = ("plain_text", "mrkdwn")
INPUT_ONLY = ("plain_text_input", "email_text_input", "url_text_input", "number_input", "rich_text_input")

STRINGS = ("action_id", "block_id", "initial_date", "initial_time", "style", "url", "value")
LISTS = ("elements", "fields", "initial_options", "option_groups", "options")
OBJECTS = ("accessory", "confirm", "element", "initial_option", "placeholder")
NUMBERS = ("initial_date_time", "max_length", "min_length")
TYPES: dict[type, tuple[tuple[str, ...], str]] = {
    str: (STRINGS, "must be a string"),
    list: (LISTS, "must provide an array"),
    dict: (OBJECTS, "must provide an object"),
    int: (NUMBERS, "must be an integer"),
}
"""The fields of each type, and what is said of one that has another type."""


def element_problems(element: Any, place: str, in_input: bool) -> Iterator[str]:
    """Yield what is wrong with an element that people can do something with."""
    if not isinstance(element, dict) or not isinstance(element.get("type"), str):
        yield f"missing required field: type [json-pointer:{place}]"
        return
    kind = element["type"]
    not_here = in_input and kind in ("button", "overflow")
    if kind not in ELEMENTS or not_here or (kind in INPUT_ONLY and not in_input):
        yield f"unsupported type: {kind} [json-pointer:{place}/type]"
        return
    yield from missing(element, ELEMENTS[kind], place)
    if faults := list(wrong_types(element, place)):
        yield from faults
        return
    yield from _option_problems(element, place)
    if kind == "button" and element.get("text") is not None:
        yield from text_problems(element["text"], f"{place}/text", BUTTON_LENGTH, ("plain_text",))
    if kind == "button" and element.get("style") not in (None, "primary", "danger"):
        yield f"failed to match all allowed schemas [json-pointer:{place}/style]"
    if kind.endswith("static_select") and not (element.get("options") or element.get("option_groups")):
        yield f"missing required field: options [json-pointer:{place}]"
    for key in ("action_id", "value"):
        most = 255 if key == "action_id" else 2_000
        if len(str(element.get(key) or "")) > most:
            yield f"must be less than {most + 1} characters [json-pointer:{place}/{key}]"


def _option_problems(element: dict[str, Any], place: str) -> Iterator[str]:
    lists = {f"{place}/options": element.get("options") or []}
    for number, group in enumerate(element.get("option_groups") or []):
        offered = group.get("options") if isinstance(group, dict) else None
        if not isinstance(offered, list):
            yield f"must provide an array [json-pointer:{place}/option_groups/{number}/options]"
        else:
            lists[f"{place}/option_groups/{number}/options"] = offered
    for where, offered in lists.items():
        for number, option in enumerate(offered):
            if not isinstance(option, dict):
                yield f"must provide an object [json-pointer:{where}/{number}]"
            else:
                yield from text_problems(option.get("text"), f"{where}/{number}/text", 75, TEXTS)
                yield from wrong_types(option, f"{where}/{number}")


def wrong_types(part: dict[str, Any], place: str) -> Iterator[str]:
    """Yield the fields whose value has another type than Slack documents."""
    for expected, (names, sentence) in TYPES.items():
        for name in names:
            value = part.get(name)
            if value is not None and (not isinstance(value, expected) or isinstance(value, bool)):
                yield f"{sentence} [json-pointer:{place}/{name}]"


def missing(part: dict[str, Any], names: tuple[str, ...], place: str) -> Iterator[str]:
    """Yield the fields that are not there and must be."""
    for name in names:
        if part.get(name) is None:
            yield f"missing required field: {name} [json-pointer:{place}]"


def text_problems(text: Any, place: str, limit: int, kinds: tuple[str, ...]) -> Iterator[str]:
    """Yield what is wrong with a text object."""
    if not isinstance(text, dict) or not isinstance(text.get("text"), str):
        yield f"must provide an object [json-pointer:{place}]"
        return
    if text.get("type") not in kinds:
        yield f"unsupported type: {text.get('type')} [json-pointer:{place}/type]"
    if not re.search(r"\S", text["text"]):
        yield f"must be more than 0 characters [json-pointer:{place}/text]"
    if len(text["text"]) > limit:
        yield f"must be less than {limit + 1} characters [json-pointer:{place}/text]"

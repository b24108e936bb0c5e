"""What Slack checks in the blocks, attachments and views that it is sent (docs.slack.dev, "Block Kit").

The checks are those that people run into: types, required fields, lengths, numbers and double ids. Each
problem is a sentence with the JSON pointer of the place, as Slack words it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from .block_elements import ELEMENTS, TEXTS, element_problems, missing, text_problems, wrong_types
from .errors import MethodError, malformed

BLOCK_LIMIT = 50
VIEW_BLOCK_LIMIT = 100
ATTACHMENT_LIMIT = 100

REQUIRED = {
    "actions": ("elements",),
    "context": ("elements",),
    "divider": (),
    "file": ("external_id", "source"),
    "header": ("text",),
    "image": ("alt_text",),
    "input": ("label", "element"),
    "markdown": ("text",),
    "rich_text": ("elements",),
    "section": (),
    "table": ("rows",),
    "video": ("video_url", "alt_text", "title", "thumbnail_url"),
    "call": ("call_id",),
    "context_actions": ("elements",),
}
"""The types of blocks, and the fields that each must have."""

LENGTHS = {"header": 150, "section": 3_000, "input": 2_000, "markdown": 12_000}
COUNTS = {"actions": 25, "context": 10}


def checked_blocks(blocks: Any, limit: int = BLOCK_LIMIT) -> list[dict[str, Any]]:
    """Return the blocks, they and their elements with ids. Raises ``invalid_blocks`` with all problems."""
    if not isinstance(blocks, list):
        raise MethodError("invalid_blocks_format")
    if problems := list(block_problems(blocks, limit)):
        raise malformed("invalid_blocks", problems)
    checked: list[dict[str, Any]] = copy.deepcopy(blocks)
    for number, block in enumerate(checked):
        block["block_id"] = block.get("block_id") or f"b{number}"
        for position, element in enumerate(elements_of(block)):
            element["action_id"] = element.get("action_id") or f"{block['block_id']}-{position}"
    return checked


def elements_of(block: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the elements of a block that people can do something with."""
    candidates = [block.get("accessory"), block.get("element")]
    if block["type"] in ("actions", "context_actions"):
        candidates += block.get("elements") or []
    return [item for item in candidates if isinstance(item, dict) and item.get("type") in ELEMENTS]


def checked_attachments(attachments: Any) -> list[dict[str, Any]]:
    """Return the attachments with an id each, their blocks checked."""
    if not isinstance(attachments, list) or not all(isinstance(item, dict) for item in attachments):
        raise MethodError("invalid_attachments")
    if len(attachments) > ATTACHMENT_LIMIT:
        raise MethodError("too_many_attachments")
    problems: list[str] = []
    checked = []
    for number, attachment in enumerate(attachments):
        blocks, controls = attachment.get("blocks") or [], attachment.get("actions") or []
        if not isinstance(blocks, list) or not isinstance(controls, list):
            raise MethodError("invalid_attachments")
        if not all(map(_is_legacy_action, controls)):
            raise MethodError("invalid_attachments")
        problems += block_problems(blocks, BLOCK_LIMIT, f"/attachments/{number}/blocks")
        given = {key: value for key, value in attachment.items() if value is not None}
        checked.append({"fallback": "[no preview available]", **given, "id": number + 1})
        if blocks and not problems:
            checked[-1]["blocks"] = checked_blocks(blocks)
    if problems:
        raise malformed("invalid_blocks", problems)
    return checked


def _is_legacy_action(control: Any) -> bool:
    """Whether this is a control of attachments from before Block Kit."""
    if not isinstance(control, dict) or not isinstance(control.get("name"), str):
        return False
    options = control.get("options") or []
    return isinstance(options, list) and all(isinstance(option, dict) for option in options)


def checked_view(view: Any) -> dict[str, Any]:
    """Return a view with what it needs. Raises ``invalid_arguments`` with everything that is wrong."""
    if not isinstance(view, dict):
        raise malformed("invalid_arguments", ["must provide an object [json-pointer:/view]"])
    problems: list[str] = []
    kind = view.get("type")
    if kind not in ("modal", "home"):
        problems.append(f"unsupported type: {kind} [json-pointer:/view/type]")
    if kind == "modal" and not isinstance(view.get("title"), dict):
        problems.append("missing required field: title [json-pointer:/view]")
    for key in ("title", "submit", "close"):
        if isinstance(view.get(key), dict):
            problems += text_problems(view[key], f"/view/{key}", 24, ("plain_text",))
    blocks = view.get("blocks")
    if not isinstance(blocks, list):
        problems.append("missing required field: blocks [json-pointer:/view]")
        blocks = []
    problems += block_problems(blocks, VIEW_BLOCK_LIMIT, "/view/blocks", where="view")
    has_inputs = any(isinstance(block, dict) and block.get("type") == "input" for block in blocks)
    if kind == "modal" and has_inputs and not view.get("submit"):
        problems.append("missing required field: submit [json-pointer:/view]")
    if len(str(view.get("private_metadata") or "")) > 3_000:
        problems.append("must be less than 3001 characters [json-pointer:/view/private_metadata]")
    if problems:
        raise malformed("invalid_arguments", problems)
    return {**view, "blocks": checked_blocks(blocks, VIEW_BLOCK_LIMIT) if blocks else []}


def block_problems(
    blocks: list[Any], limit: int, path: str = "/blocks", where: str = "message"
) -> Iterator[str]:
    """Yield what is wrong with a list of blocks."""
    if len(blocks) > limit:
        yield f"no more than {limit} items allowed [json-pointer:{path}]"
    ids: set[str] = set()
    for number, block in enumerate(blocks):
        place = f"{path}/{number}"
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            yield f"missing required field: type [json-pointer:{place}]"
            continue
        kind = block["type"]
        if kind not in REQUIRED:
            yield f"unsupported type: {kind} [json-pointer:{place}/type]"
            continue
        yield from missing(block, REQUIRED[kind], place)
        if faults := list(wrong_types(block, place)):
            yield from faults
            continue
        block_id = block.get("block_id")
        if isinstance(block_id, str) and block_id:
            if block_id in ids:
                yield f"`block_id` {block_id!r} is used twice [json-pointer:{place}/block_id]"
            if len(block_id) > 255:
                yield f"must be less than 256 characters [json-pointer:{place}/block_id]"
            ids.add(block_id)
        yield from _details(kind, block, place)


def _details(kind: str, block: dict[str, Any], place: str) -> Iterator[str]:
    if kind == "section":
        if not isinstance(block.get("text"), dict) and not block.get("fields"):
            yield f"missing required field: text [json-pointer:{place}]"
        if isinstance(block.get("accessory"), dict) and block["accessory"].get("type") != "image":
            yield from element_problems(block["accessory"], f"{place}/accessory", False)
    if kind == "image" and not (block.get("image_url") or block.get("slack_file")):
        yield f"missing required field: image_url [json-pointer:{place}]"
    if kind == "markdown" and len(str(block.get("text", ""))) > LENGTHS["markdown"]:
        yield f"must be less than {LENGTHS['markdown'] + 1} characters [json-pointer:{place}/text]"
    text = block.get("label" if kind == "input" else "text")
    if kind in ("section", "header", "input") and text is not None:
        kinds = TEXTS if kind == "section" else ("plain_text",)
        name = "label" if kind == "input" else "text"
        yield from text_problems(text, f"{place}/{name}", LENGTHS[kind], kinds)
    elements = block.get("elements")
    if kind in COUNTS and isinstance(elements, list):
        if not elements or len(elements) > COUNTS[kind]:
            fault = "no fewer than 1" if not elements else f"no more than {COUNTS[kind]}"
            yield f"{fault} items allowed [json-pointer:{place}/elements]"
        if kind == "actions":
            for number, element in enumerate(elements):
                yield from element_problems(element, f"{place}/elements/{number}", False)
    if kind == "input" and block.get("element") is not None:
        yield from element_problems(block["element"], f"{place}/element", True)

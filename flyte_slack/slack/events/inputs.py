"""What people chose and filled in: the state of a message's or a view's controls."""

from collections import Counter
from typing import Any

from ..workspace.profiles import Json, mapping, objects, text
from .common import clean_key
from .mrkdwn import Names
from .plain_text import rich_text

Value = str | list[str]

_ONE = ("value", "selected_user", "selected_conversation", "selected_channel", "selected_date",
        "selected_time", "selected_date_time")  # fmt: skip
_SEVERAL = ("selected_users", "selected_conversations", "selected_channels")
_HAVE_SEVERAL = frozenset({
    "checkboxes", "file_input", "multi_static_select", "multi_external_select", "multi_users_select",
    "multi_conversations_select", "multi_channels_select",
})  # fmt: skip


def has_several(control: Json) -> bool:
    """Whether several can be chosen in a control."""
    return control.get("type") in _HAVE_SEVERAL


def chosen(control: Json) -> list[str]:
    """Return all that is chosen in a control, or its text; nothing, if that is empty."""
    options = objects(control.get("selected_options"))
    if options or "selected_options" in control:
        return [text(option.get("value")) for option in options]
    if option := mapping(control.get("selected_option")):
        return [text(option.get("value"))]
    for key in _SEVERAL:
        if isinstance(several := control.get(key), list):
            return [text(one) for one in several]
    if control.get("type") == "file_input":
        return [text(file.get("id")) for file in objects(control.get("files"))]
    if rich := mapping(control.get("rich_text_value")):
        return [said] if (said := rich_text(rich, Names())) else []
    return next(([one] for key in _ONE if (one := text(control.get(key)))), [])


def labels(control: Json) -> str:
    """Return the labels of what is chosen, comma-separated."""
    options = objects(control.get("selected_options")) or [mapping(control.get("selected_option"))]
    return ", ".join(filter(None, (label(option) for option in options)))


def label(control: Json) -> str:
    """Return the text on a button or of an option."""
    given = control.get("text")
    return text(given) or text(mapping(given).get("text"))


def inputs(state: object) -> dict[str, Value]:
    """Return what was filled in, by `action_id`; where two blocks share one, by `blockId_actionId`.

    Args:
        state: of a message or a view: `values` by block and action.
    """
    found: list[tuple[str, str, Value]] = []
    for block_id, actions in mapping(mapping(state).get("values")).items():
        for action_id, control in mapping(actions).items():
            values = chosen(mapping(control))
            value: Value = values if has_several(mapping(control)) else "".join(values[:1])
            found.append((clean_key(block_id), clean_key(action_id), value))
    times = Counter(action_id for _, action_id, _ in found)
    return {
        action_id if times[action_id] == 1 else f"{block_id}_{action_id}": value
        for block_id, action_id, value in found
    }


def view_keys(body: Json) -> dict[str, Any]:
    """Return what the payload of an interaction says of the view that it is in."""
    view = mapping(body.get("view"))
    return {
        "view_id": text(view.get("id")),
        "callback_id": text(view.get("callback_id")),
        "private_metadata": text(view.get("private_metadata")),
        "inputs": inputs(view.get("state") or body.get("state")),
    }

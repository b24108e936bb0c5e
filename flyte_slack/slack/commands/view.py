"""Modals, as people have them at hand, in the form that Slack takes."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from ..events.base import Payload
from ..workspace.profiles import mapping, text

_PLAIN = ("title", "submit", "close")
_EXPECTED = "must be a view: an object, its blocks, or a string that holds one of these as JSON"


def _view(value: object) -> object:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError(_EXPECTED) from None
    if isinstance(value, list):
        value = {"blocks": value}
    if not isinstance(value, Mapping):
        raise ValueError(_EXPECTED)
    view = dict(value)
    if isinstance(view.get("blocks"), str):
        try:
            view["blocks"] = json.loads(view["blocks"])
        except ValueError:
            raise ValueError(_EXPECTED) from None
    for name in _PLAIN:
        if isinstance(view.get(name), str):
            view[name] = {"type": "plain_text", "text": view[name]}
        if view.get(name) is None or not mapping(view[name]).get("text", True):
            view.pop(name, None)
    return {"type": "modal", **view}


View = Annotated[dict[str, Any], BeforeValidator(_view)]

VIEW = Field(
    description="the modal: an object, or what the Block Kit Builder copies; `title`, `submit` and `close` "
    "may be plain texts, `type` is `modal` if absent"
)


class ViewShown(Payload):
    """The modal as Slack has it now."""

    view_id: str = Field(description="id of the modal, for `updateModal`")
    callback_id: str = Field(description="`callback_id` of the view")
    hash: str = Field(description="changes with each change of the modal")


def shown(answer: Mapping[str, Any]) -> dict[str, str]:
    """Return the keys of `ViewShown` from an answer of Slack's."""
    view = mapping(answer.get("view"))
    return {
        "view_id": text(view.get("id")),
        "callback_id": text(view.get("callback_id")),
        "hash": text(view.get("hash")),
    }

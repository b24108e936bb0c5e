"""Whether a message in Slack's history is the one that was to be posted, if nothing else tells."""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..workspace.profiles import mapping

Message = Mapping[str, Any]

METADATA_TYPE = "flyte_action"
"""`event_type` of the metadata that every post carries; its payload holds the action's identity."""

_LABELLED = re.compile(r"<([^>|]*)\|[^>]*>")
_SHOWN = {"text", "fallback", "pretext", "title", "value", "alt_text", "name", "image_url", "url"}


def metadata(identity: str, part: int = 0) -> dict[str, Any]:
    """Return the metadata of an action's post: flat, snake_case, and no secret.

    Args:
        identity: of the action.
        part: which of its messages it is, if there are several.
    """
    payload = {"action_id": identity} | ({"part": str(part)} if part else {})
    return {"event_type": METADATA_TYPE, "event_payload": payload}


def carries(message: Message, expected: Mapping[str, Any]) -> bool:
    """Whether a message carries an action's metadata."""
    found = mapping(message.get("metadata"))
    if found.get("event_type") != METADATA_TYPE:
        return False
    payload, wanted = mapping(found.get("event_payload")), expected["event_payload"]
    return all(payload.get(key) == wanted.get(key) for key in ("action_id", "part"))


def tells_its_action(message: Message) -> bool:
    """Whether a message says which action it is of."""
    found = mapping(message.get("metadata"))
    return found.get("event_type") == METADATA_TYPE and bool(
        mapping(found.get("event_payload")).get("action_id")
    )


def reads_like(message: Message, posted: Message) -> bool:
    """Whether a message in Slack shows what was to be posted, however Slack has written it."""
    text = posted.get("text") or posted.get("markdown_text")
    if text:
        return _letters(str(text)) == _letters(str(message.get("text") or ""))
    shown = [set(_strings([one.get("blocks"), one.get("attachments")])) for one in (posted, message)]
    return bool(shown[0]) and shown[0] <= shown[1]


def _letters(text: str) -> str:
    """Return what stays of a text through links, entities and Markdown; all of it if that is nothing."""
    plain = html.unescape(_LABELLED.sub(r"\1", text))
    return "".join(filter(str.isalnum, plain)) or plain.strip()


def _strings(value: object, key: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _strings(item, str(name))
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, key)
    elif isinstance(value, str) and key in _SHOWN:
        yield _letters(value)

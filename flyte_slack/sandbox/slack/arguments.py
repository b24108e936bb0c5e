"""Arguments of a Web API call, read as Slack reads them.

A value arrives as text (query or form) or as JSON, and both mean the same: ``"true"`` and ``true``,
``"100"`` and ``100``, a list and a string holding that list.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from .blocks import checked_attachments, checked_blocks
from .errors import MethodError

MESSAGE_LIMIT = 40_000
MARKDOWN_LIMIT = 12_000
METADATA_LIMIT = 16_384
PAGE_LIMIT = 1_000


class Arguments(dict[str, Any]):
    """The arguments of one call by name."""

    def text(self, name: str) -> str:
        """Read a text; ``""`` when absent. Numbers are taken as their text, as Slack does."""
        value = self.get(name)
        if value is None:
            return ""
        if isinstance(value, (dict, list, bool)):
            raise MethodError("invalid_arguments", f"[ERROR] must be a string: {name}")
        return str(value)

    def required(self, name: str) -> str:
        """Read a text that must be there."""
        if value := self.text(name):
            return value
        raise MethodError("invalid_arguments", f"[ERROR] missing required field: {name}")

    def listed(self, name: str) -> list[str]:
        """Read a list of texts: comma-separated, JSON, or a list already."""
        value = self.get(name)
        if isinstance(value, str) and value.lstrip().startswith("["):
            value = self.structure(name, "invalid_arguments")
        items = value if isinstance(value, list) else self.text(name).split(",")
        return [text for item in items if (text := str(item).strip())]

    def number(self, name: str, error: str) -> int:
        """Read a whole number that must be there."""
        value = self.required(name)
        if not re.fullmatch(r"\d{1,12}(\.0*)?", value):
            raise MethodError(error)
        return int(value.split(".")[0])

    def flag(self, name: str, default: bool = False) -> bool:
        """Read a boolean."""
        value = self.get(name)
        return default if value in (None, "") else str(value).lower() in ("true", "1")

    def page_size(self, default: int = 100) -> int:
        """Read ``limit``, how many items a page holds."""
        value = self.text("limit") or str(default)
        if not value.isdecimal() or not 1 <= int(value) <= PAGE_LIMIT:
            raise MethodError("invalid_limit")
        return int(value)

    def cursor(self, kind: str) -> str:
        """Read ``cursor``: the value behind ``kind`` in an earlier answer's cursor, ``""`` at the start."""
        cursor = self.text("cursor")
        if not cursor:
            return ""
        try:
            found, _, value = base64.b64decode(cursor, validate=True).decode().partition(":")
        except ValueError:
            raise MethodError("invalid_cursor") from None
        if found != kind:
            raise MethodError("invalid_cursor")
        return value

    def page(self, key: str, items: Sequence[Any]) -> dict[str, Any]:
        """Answer with the page of ``items`` that ``cursor`` and ``limit`` ask for."""
        start = self.cursor("offset") or "0"
        if not start.isdecimal():
            raise MethodError("invalid_cursor")
        end = int(start) + self.page_size()
        following = cursor_for("offset", end) if end < len(items) else ""
        return {key: list(items[int(start) : end]), "response_metadata": {"next_cursor": following}}

    def moment(self, name: str) -> Decimal | None:
        """Read a limit of a time range, a ``ts`` or a number of seconds."""
        value = self.text(name)
        if not value:
            return None
        if not re.fullmatch(r"\d+(\.\d*)?", value):
            raise MethodError(f"invalid_ts_{name}")
        return Decimal(value)

    def structure(self, name: str, error: str) -> Any:
        """Read a JSON value or a string that holds one; ``None`` when absent."""
        value = self.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise MethodError(error) from None

    def content(self, limit: int = MESSAGE_LIMIT) -> dict[str, Any]:
        """Read what a message says: ``text`` or ``markdown_text``, blocks, attachments and metadata."""
        content: dict[str, Any] = {"text": self.text("text")}
        markdown = self.text("markdown_text")
        if markdown:
            if content["text"] or self.get("blocks"):
                raise MethodError("markdown_text_conflict")
            content["text"] = markdown
        if len(content["text"]) > (MARKDOWN_LIMIT if markdown else limit):
            raise MethodError("msg_too_long")
        if markdown:
            content["blocks"] = [{"type": "markdown", "block_id": "b0", "text": markdown}]
        elif blocks := self.structure("blocks", "invalid_blocks_format"):
            content["blocks"] = checked_blocks(blocks)
        if attachments := self.structure("attachments", "invalid_attachments"):
            content["attachments"] = checked_attachments(attachments)
        if (metadata := self.structure("metadata", "invalid_metadata_format")) is not None:
            content["metadata"] = _checked_metadata(metadata)
        if not (content["text"].strip() or "blocks" in content or "attachments" in content):
            raise MethodError("no_text")
        return content


def cursor_for(kind: str, value: object) -> str:
    """Make the opaque cursor with which the next page is asked for."""
    return base64.b64encode(f"{kind}:{value}".encode()).decode()


def _checked_metadata(metadata: Any) -> dict[str, Any]:
    if metadata == {}:
        return {}
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict):
        raise MethodError("invalid_metadata_format")
    event_type = metadata.get("event_type")
    if not isinstance(event_type, str) or not re.fullmatch(r"[A-Za-z0-9_]+", event_type):
        raise MethodError("invalid_metadata_format")
    if len(json.dumps(metadata)) > METADATA_LIMIT:
        raise MethodError("metadata_too_large")
    return metadata

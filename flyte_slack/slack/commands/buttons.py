"""Buttons under a message, and the blocks that show a text above them."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from ..sending.long_texts import split
from .inputs import Input, Text, Word

_SECTION = 3_000  # characters
_IN_A_ROW = 25
_EXPECTED = "must be a list of buttons, or a string that holds one as JSON"


class Button(Input):
    """A button under a message; a click is a `ButtonClicked`."""

    text: Text = Field(description="its label")
    action_id: Word = Field(description="`actionId` of the click")
    value: Text | None = Field(None, description="`value` of the click")
    style: Literal["primary", "danger"] | None = Field(None, description="`primary` or `danger`")
    url: Word | None = Field(None, description="address that a click opens")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        return {name: value for name, value in given.items() if value not in ("", None)}

    def element(self) -> dict[str, Any]:
        """Return it as Slack takes it."""
        element = {
            "type": "button",
            "text": {"type": "plain_text", "text": self.text, "emoji": True},
            "action_id": self.action_id,
            "value": self.value,
            "style": self.style,
            "url": self.url,
        }
        return {name: value for name, value in element.items() if value is not None}


def _buttons(value: object) -> object:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError(_EXPECTED) from None
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list):
        raise ValueError(_EXPECTED)
    return value


Buttons = Annotated[list[Button], BeforeValidator(_buttons)]


def rows(buttons: Sequence[Button]) -> list[dict[str, Any]]:
    """Return the blocks that show buttons."""
    elements = [button.element() for button in buttons]
    return [
        {"type": "actions", "elements": elements[start : start + _IN_A_ROW]}
        for start in range(0, len(elements), _IN_A_ROW)
    ]


def sections(text: str) -> list[dict[str, Any]]:
    """Return the blocks that show a text, mrkdwn."""
    return [{"type": "section", "text": {"type": "mrkdwn", "text": part}} for part in split(text, _SECTION)]

"""What a message shows, as several commands take it."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, model_validator

from ..sending.mentions import Mentions, muzzle
from ..workspace.directory import Directory
from .inputs import Attachments, Blocks, Input, Text

QUIET = {"parse": "none", "link_names": False}
"""Arguments that keep Slack from reading names into plain words."""


class Content(Input):
    """What a message shows: at least one of a text, blocks and attachments."""

    message: Text = Field(
        "", description="text, Slack mrkdwn; required, unless there are `blocks` or `attachments`"
    )
    blocks: Blocks | None = Field(
        None, description="Block Kit blocks: a list, one block, or what the Block Kit Builder copies"
    )
    attachments: Attachments | None = Field(None, description="legacy attachments: a list, or one of them")
    mentions: Mentions | None = Field(
        None, description="what it may ring: `all`, `people` or `none`; FLYTE_SLACK_MENTIONS by default"
    )

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        if not self.shows_something():
            raise ValueError("message is required, unless there are blocks or attachments")
        return self

    def shows_something(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.message or self.blocks or self.attachments)

    async def shown(self, mentions: Mentions, directory: Directory) -> dict[str, Any]:
        """Return it as arguments of Slack's methods, with mentions that may not ring put into words.

        Args:
            mentions: what may ring, if the input does not say.
            directory: names those who may not be rung.
        """
        shown = {"text": self.message or None, "blocks": self.blocks, "attachments": self.attachments}
        return await quiet(shown, self.mentions or mentions, directory)


async def quiet(shown: Mapping[str, Any], mentions: Mentions, directory: Directory) -> dict[str, Any]:
    """Return arguments that show something, with mentions that may not ring put into words."""
    given = {name: value for name, value in shown.items() if value}
    if mentions == "all" or not given:
        return given
    muzzled = await muzzle(mentions, directory, *given.values())
    return {**{name: muzzled.value(value) for name, value in given.items()}, **QUIET}

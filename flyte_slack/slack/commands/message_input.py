"""Input of `sendMessage`, and what Slack gets of it (contract, sections 4 and 10)."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from .buttons import Buttons, rows, sections
from .content import Content
from .inputs import Boolean, ChannelReference, Text, Timestamp, Word

LONGEST_MESSAGE = 40_000
"""Characters at which Slack cuts a text."""

LONGEST_MARKDOWN = 12_000
"""Characters that Slack takes of Markdown."""


class SendMessageInput(Content):
    """Input of `sendMessage`."""

    channel_id: ChannelReference = Field(
        description="channel id, `#name` of a public channel, or a user id for a direct message"
    )
    thread_timestamp: Timestamp = Field("", description="thread to reply in")
    reply_broadcast: Boolean | None = Field(None, description="also show a reply in the channel")
    username: Text | None = Field(None, description="name of the author, in place of the bot's")
    icon_emoji: Text | None = Field(None, description="emoji in place of the bot's icon")
    icon_url: Text | None = Field(None, description="image in place of the bot's icon")
    unfurl_links: Boolean | None = Field(None, description="whether links are unfolded")
    unfurl_media: Boolean | None = Field(None, description="whether media are unfolded")
    markdown: Text = Field("", description="Markdown, in place of `message`")
    buttons: Buttons | None = Field(
        None, description="buttons under the message: objects of `text`, `actionId`, `value`, `style`, `url`"
    )
    thread_key: Word | None = Field(
        None, description="messages of a channel with the same key are one thread, whose root is the first"
    )
    update_key: Word | None = Field(
        None, description="the first message with the key is posted, later ones change that message"
    )
    long_text: Literal["fail", "split", "file"] = Field(
        "fail", description="a text over Slack's limit: `fail`, `split` into several messages, or a `file`"
    )

    @model_validator(mode="after")
    def _has_one_text(self) -> Self:
        if self.message and self.markdown:
            raise ValueError("message and markdown exclude each other")
        return self

    def shows_something(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.markdown) or super().shows_something()

    @property
    def whole_text(self) -> str:
        """The text, in whichever form it was given."""
        return self.message or self.markdown

    @property
    def longest(self) -> int:
        """Characters that Slack takes of the text."""
        return LONGEST_MARKDOWN if self.markdown else LONGEST_MESSAGE

    @property
    def can_be_cut(self) -> bool:
        """Whether the text may be sent in another form; blocks would not show it."""
        return self.long_text != "fail" and not self.blocks and bool(self.whole_text)

    def looks(self, text: str | None = None, *, last: bool = True, changed: bool = False) -> dict[str, Any]:
        """Return the arguments for what the message shows.

        Args:
            text: a part of the text; all of it, by default.
            last: whether buttons and attachments are shown with it.
            changed: whether it is for a message that is there already.
        """
        text = self.whole_text if text is None else text
        blocks = list(self.blocks or [])
        buttons = rows(self.buttons or []) if last else []
        attachments = self.attachments if last else None
        if self.markdown and not (blocks or buttons or changed):
            return {"markdown_text": text, "attachments": attachments}
        if self.markdown:
            blocks.insert(0, {"type": "markdown", "text": text})
        elif buttons and text and not blocks:
            blocks = sections(text)
        return {"text": text, "blocks": blocks + buttons, "attachments": attachments}

    def how(self) -> dict[str, Any]:
        """Return the arguments for how the message is posted."""
        arguments = {
            "username": self.username,
            "icon_emoji": self.icon_emoji,
            "icon_url": self.icon_url,
            "unfurl_links": self.unfurl_links,
            "unfurl_media": self.unfurl_media,
        }
        return {name: value for name, value in arguments.items() if value is not None}

"""`respond` (contract, section 10)."""

from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from ...errors import InvalidInput
from ...pack import ActionContext, Event
from ..api.calls import AfterUnknown
from ..api.response_urls import respond
from ..events.base import Payload
from .base import SlackCommand
from .content import Content
from .inputs import Boolean, Timestamp, Word

_SLACK = "hooks.slack.com"


class RespondInput(Content):
    """Input of `respond`."""

    response_url: Word = Field(
        description="`responseUrl` of an interactive event; good for 30 minutes, five times"
    )
    thread_timestamp: Timestamp = Field("", description="thread to answer in")
    in_channel: Boolean | None = Field(None, description="show it to everybody, not only to who clicked")
    replace_original: Boolean | None = Field(None, description="show it in place of the message clicked on")
    delete_original: Boolean | None = Field(None, description="delete the message clicked on")

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        if not self.shows_something() and not self.delete_original:
            raise ValueError(
                "message is required, unless there are blocks or attachments, or deleteOriginal is true"
            )
        return self

    def arguments(self) -> dict[str, Any]:
        """Return what is not shown, as the response URL takes it."""
        arguments = {
            "response_type": None
            if self.in_channel is None
            else "in_channel"
            if self.in_channel
            else "ephemeral",
            "replace_original": self.replace_original,
            "delete_original": self.delete_original,
            "thread_ts": self.thread_timestamp or None,
        }
        return {name: value for name, value in arguments.items() if value is not None}


class ResponseSent(Payload):
    """Slack has taken the response."""

    message: str = Field(description="text, as it was sent")


class Respond(SlackCommand[RespondInput]):
    """Answers a click, a slash command or a shortcut where it was made, even where the bot is not."""

    name = "respond"
    input = RespondInput
    succeeds: ClassVar = {"ResponseSent": ResponseSent}
    fails = "ResponseSendFailure"
    echoes = ()
    writes_to_channel = False
    after_crash = "It is not repeated: it ends in `outcome_unknown`, since nobody can look it up."
    example = 'responseUrl: "{{ Event.Payload.responseUrl }}"\nmessage: Deployed\nreplaceOriginal: true'

    async def execute(self, given: RespondInput, action: ActionContext) -> Event:
        """Send the response."""
        if not is_response_url(given.response_url, self.tools.slack_url):
            raise InvalidInput(f"responseUrl must be an address at https://{_SLACK}/")
        shown = await given.shown(self.tools.mentions, self.tools.workspace.directory)
        await respond(
            self.tools.calls,
            given.response_url,
            {**given.arguments(), **shown},
            action,
            after_unknown=AfterUnknown.NEVER,
        )
        return self.succeeded(ResponseSent(message=str(shown.get("text", ""))))


def is_response_url(url: str, slack_url: str) -> bool:
    """Whether an address is one of Slack's, or of the server that stands in for Slack.

    Args:
        url: as the input has it.
        slack_url: SLACK_API_URL.
    """
    if "\\" in url or not url.isascii() or not url.isprintable() or " " in url:
        return False  # readers of addresses differ on these
    try:
        parts, own = urlsplit(url), urlsplit(slack_url)
        port = parts.port
    except ValueError:
        return False
    if parts.username is not None or parts.password is not None:
        return False
    if (parts.scheme, parts.hostname) == ("https", _SLACK):
        return port in {None, 443}
    return bool(own.hostname) and parts.hostname == own.hostname and parts.scheme in {own.scheme, "https"}

"""`uploadFile` (contract, section 10)."""

import base64
import binascii
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from ...pack import ActionContext, Event
from ..api.scopes import Scope
from ..events.base import Payload
from ..events.common import FileObject
from ..sending.files import File
from ..sending.mentions import Mentions
from .base import SlackCommand
from .content import quiet
from .inputs import ChannelReference, Input, Text, Timestamp, Word
from .scopes import NAME_CHANNELS

FILES = (
    Scope("files:write", "uploads files"),
    Scope("files:read", "looks up what became of an upload", required=False),
)


def _decoded(value: object) -> object:
    if isinstance(value, str):
        try:
            return base64.b64decode("".join(value.split()), validate=True)
        except (binascii.Error, ValueError):
            pass
    raise ValueError("must be a text in Base64")


class UploadFileInput(Input):
    """Input of `uploadFile`: exactly one of `content` and `contentBase64`."""

    channel_id: ChannelReference = Field(description="channel id, `#name`, or a user id for a direct message")
    filename: Word = Field(description="name of the file; Slack tells its type by its end")
    content: Text | None = Field(None, description="its content, as a text")
    content_base64: Annotated[bytes, BeforeValidator(_decoded)] | None = Field(
        None, description="its content in Base64", json_schema_extra={"type": "string"}
    )
    title: Text = Field("", description="its title; the name, by default")
    message: Text = Field("", description="text to show with it, Slack mrkdwn")
    thread_timestamp: Timestamp = Field("", description="thread to share it in")
    mentions: Mentions | None = Field(
        None,
        description="what `message` may ring: `all`, `people` or `none`; FLYTE_SLACK_MENTIONS by default",
    )

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        if bool(self.content) == bool(self.content_base64):
            raise ValueError("either content or contentBase64 is required")
        return self

    def file(self) -> File:
        """Return the file."""
        content = self.content_base64 or str(self.content).encode()
        return File(self.filename, content, self.title)


class FileUploaded(Payload):
    """The file is shared in the channel."""

    channel_id: str = Field(description="channel id")
    thread_timestamp: str = Field(description="thread it is shared in, or empty")
    message: str = Field(description="text that is shown with it")
    file: FileObject = Field(description="the file")


class UploadFile(SlackCommand[UploadFileInput]):
    """Uploads a file and shares it in a channel."""

    name = "uploadFile"
    input = UploadFileInput
    succeeds: ClassVar = {"FileUploaded": FileUploaded}
    fails = "FileUploadFailure"
    echoes = ("channelId", "filename")
    scopes = (*FILES, *NAME_CHANNELS)
    after_crash = "The file is looked for in the channel, and shared again if it surely is not there."
    example = (
        'channelId: "#ops"\nfilename: report.csv\ncontent: "{{ Event.Payload.report }}"\nmessage: The report'
    )

    async def execute(self, given: UploadFileInput, action: ActionContext) -> Event:
        """Upload it."""
        channel = await self.channel(given.channel_id)
        directory = self.tools.workspace.directory
        shown: dict[str, Any] = await quiet(
            {"text": given.message}, given.mentions or self.tools.mentions, directory
        )
        message = str(shown.get("text", ""))
        shared = await self.tools.uploads.upload(
            given.file(), channel, action, message=message, thread=given.thread_timestamp
        )
        known = await directory.file({"id": shared["id"], "file_access": "check_file_info"})
        payload = FileUploaded(
            channel_id=channel,
            thread_timestamp=given.thread_timestamp,
            message=message,
            file=FileObject.of({**shared, **{key: value for key, value in known.items() if value}}),
        )
        return self.succeeded(payload)

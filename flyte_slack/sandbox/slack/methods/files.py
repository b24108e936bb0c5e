"""``files.*``: uploads in three steps, and what is known of a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...workspace import Workspace
from ..arguments import Arguments
from ..errors import MethodError
from ..files import File, Files
from .base import Answer, Methods, Table


class FileMethods(Methods):
    """The methods of files. ``address`` gives the sandbox's base address for upload URLs."""

    def __init__(self, workspace: Workspace, files: Files, address: Callable[[], str]) -> None:
        super().__init__(workspace)
        self._files = files
        self._address = address
        self.table: Table = {
            "files.completeUploadExternal": self.complete,
            "files.delete": self.delete,
            "files.getUploadURLExternal": self.get_upload_url,
            "files.info": self.info,
        }

    def get_upload_url(self, arguments: Arguments) -> Answer:
        """Announce a file, and say where its bytes go."""
        name, length = arguments.required("filename"), arguments.number("length", "invalid_arguments")
        if not length:
            raise MethodError("invalid_arguments", "[ERROR] must be greater than 0: length")
        snippet_type = arguments.text("snippet_type")
        file, ticket = self._files.announce(name, length, self.workspace.bot.id, snippet_type)
        return {"file_id": file.id, "upload_url": f"{self._address()}/slack/upload/{ticket}"}

    def complete(self, arguments: Arguments) -> Answer:
        """Finish uploads, and share them where asked for."""
        wanted = arguments.structure("files", "invalid_arguments")
        if not isinstance(wanted, list) or not wanted or not all(isinstance(item, dict) for item in wanted):
            raise MethodError("invalid_arguments", "[ERROR] missing required field: files")
        references = [arguments.text("channel_id"), *arguments.listed("channels")]
        channels = []
        for reference in filter(None, references):
            channel = self.workspace.channels.get(reference)
            if channel is None or not self.is_visible(channel):
                raise MethodError("channel_not_found")
            if not self.workspace.bot_is_in(channel.id):
                raise MethodError("not_in_channel")
            if channel.is_archived:
                raise MethodError("is_archived")
            channels.append(channel)
        files: list[File] = []
        for item in wanted:
            file = self._files.find(str(item.get("id", "")))
            if file is None or not file.is_uploaded:
                raise MethodError("file_not_found")
            file.title = str(item.get("title") or file.title)
            files.append(file)
        thread_ts = self.thread_ts(arguments)
        for channel in channels:
            author = self.author(Arguments())
            message: dict[str, Any] = {**author, "text": arguments.text("initial_comment")}
            blocks = None if message["text"] else arguments.structure("blocks", "invalid_blocks_format")
            if blocks:
                message["blocks"] = Arguments(blocks=blocks).content()["blocks"]
            self._files.share(files, channel, message, thread_ts)
        return {"files": [self._files.as_slack(file) for file in files]}

    def info(self, arguments: Arguments) -> Answer:
        """Describe one file, with where it is shared."""
        return {"file": self._files.as_slack(self._file(arguments)), "comments": []}

    def delete(self, arguments: Arguments) -> Answer:
        """Delete one of the bot's own files."""
        file = self._file(arguments)
        if file.user_id != self.workspace.bot.id:
            raise MethodError("cant_delete_file")
        self._files.forget(file)
        return {}

    def _file(self, arguments: Arguments) -> File:
        file = self._files.find(arguments.required("file"))
        if file is None:
            raise MethodError("file_not_found")
        return file

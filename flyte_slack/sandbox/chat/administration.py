"""Channels, members, people and files, as a person in the workspace deals with them."""

from __future__ import annotations

import base64

from aiohttp import web

from ..guard import Refused
from ..slack.app import SlackApp
from ..slack.methods.channels import checked_name
from ..workspace import Channel, NotInWorkspaceError, escape
from .requests import Reader, body_of, flag_of, text_of
from .shapes import Shapes
from .writing import written


class Administration:
    """``/channels``, ``/members``, ``/people`` and ``/files``."""

    def __init__(self, slack: SlackApp, reader: Reader, shapes: Shapes) -> None:
        self._slack = slack
        self._shapes = shapes
        self._workspace = slack.workspace
        self._reader = reader

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve what people do with channels, members and files."""
        router.add_post("/channels", self._create_channel)
        router.add_post("/channels/{channel}", self._change_channel)
        router.add_post("/members", self._change_membership)
        router.add_get("/people", self._people)
        router.add_post("/people", self._add_person)
        router.add_get("/files", self._list_files)
        router.add_post("/files", self._upload)
        router.add_get("/files/{file_id}", self._download)

    async def _create_channel(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        user = self._reader.person_of(body)
        name = checked_name(self._workspace, text_of(body, "name").removeprefix("#"))
        channel = self._workspace.create_channel(name, user.id, private=flag_of(body, "private"))
        return web.json_response({"id": channel.id}, status=201)

    async def _change_channel(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        channel = self._of_people(self._reader.channel(request.match_info["channel"]))
        user = self._reader.person_of(body)
        name = text_of(body, "name", optional=True).removeprefix("#")
        if name and name != channel.name:
            self._workspace.rename(channel, checked_name(self._workspace, name), user.id)
        for field in ("topic", "purpose"):
            if field in body:
                text = text_of(body, field, optional=True)
                self._workspace.describe(channel, user.id, **{field: escape(text)})
        if "archived" in body and flag_of(body, "archived") != channel.is_archived:
            self._workspace.archive(channel, user.id, archived=not channel.is_archived)
        return web.json_response({"ok": True})

    async def _change_membership(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        channel = self._of_people(self._reader.channel_of(body))
        user = self._workspace.known_person(text_of(body, "user"))
        if flag_of(body, "remove"):
            self._workspace.leave(channel, user.id)
        else:
            name = text_of(body, "inviter", optional=True)
            inviter = self._reader.person(name).id if name else ""
            self._workspace.join(channel, user.id, inviter=inviter, log=True)
        return web.json_response({"ok": True})

    @staticmethod
    def _of_people(channel: Channel) -> Channel:
        if channel.kind in ("im", "mpim"):
            raise Refused(400, "A direct message has the people it has, and neither name nor topic.")
        return channel

    async def _people(self, _request: web.Request) -> web.Response:
        people = [user for user in self._workspace.users.values() if not user.bot_id]
        return web.json_response({"people": [self._shapes.person(user) for user in people]})

    async def _add_person(self, request: web.Request) -> web.Response:
        name = text_of(await body_of(request), "name")
        if any(user.name == name for user in self._workspace.users.values()):
            raise Refused(400, f"There is a {name} already.")
        return web.json_response({"id": self._workspace.person(name).id}, status=201)

    async def _list_files(self, request: web.Request) -> web.Response:
        reference = request.query.get("channel", "")
        if not reference:
            raise Refused(400, "Name a channel: ?channel=general.")
        channel = self._reader.channel(reference, request.query.get("user", ""))
        files = self._slack.files
        return web.json_response({"files": [files.as_slack(file) for file in files.in_channel(channel)]})

    async def _upload(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        channel, user = self._reader.place_of(body)
        filename = text_of(body, "filename")
        content = _content(body.get("content"), body.get("content_base64"))
        thread_ts = self._reader.thread_of(body, channel)
        text = written(self._workspace, text_of(body, "text", optional=True))
        file, _ = self._slack.files.announce(filename, len(content), user.id)
        self._slack.files.fill(file, content)
        self._workspace.join(channel, user.id)
        message = {"user": user.id, "text": text}
        posted = self._slack.files.share([file], channel, message, thread_ts)
        return web.json_response({"ts": posted["ts"], "file": file.id}, status=201)

    async def _download(self, request: web.Request) -> web.Response:
        file = self._slack.files.find(request.match_info["file_id"])
        if file is None or file.content is None:
            raise NotInWorkspaceError(f"There is no file {request.match_info['file_id']!r}.")
        # A file must never become a page of this origin.
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        is_image = file.mimetype.startswith("image/") and file.mimetype != "image/svg+xml"
        headers["Content-Disposition"] = "inline" if is_image else "attachment"
        content_type = file.mimetype if is_image else "application/octet-stream"
        return web.Response(body=file.content, headers=headers, content_type=content_type)


def _content(text: object, encoded: object) -> bytes:
    if isinstance(text, str) and text:
        return text.encode("utf-8", "replace")
    if isinstance(encoded, str) and encoded:
        try:
            return base64.b64decode(encoded, validate=True)
        except ValueError:
            raise Refused(400, "content_base64 is not base64.") from None
    raise Refused(400, "Give the file's text as content, or its bytes as content_base64.")

"""What the page and scripts talk to: act as a person, read a channel, follow what happens.

JSON below ``/api``. People and channels go by name or id, ``@NAME`` is the direct message of the bot with
that person, and ``@flyte`` with the ``user`` of the request. A refusal is ``{"error": sentence}``: 404 for
what is not there, 400 for what cannot be done, 415 for a body that is not ``application/json``. What is
done answers 200 ``{"ok": true}`` if nothing else is said.

Reading:

- ``GET messages?channel=`` → ``{"messages": […]}``, oldest first, see :meth:`.shapes.Shapes.message`.
- ``GET channels`` → the directory: ``{"channels", "users", "usergroups", "commands"}``. ``GET people`` →
  ``{"people"}``, without the bot.
- ``GET modals?user=`` → ``{"modals": [{"view_id", "callback_id", "title", "view"}]}``, the one on top last.
- ``GET files?channel=`` → ``{"files": […]}``; ``GET files/ID`` is the file itself.
- ``GET home?user=`` → ``{"view": …}``, the App Home that the app has published, or ``null``.
- ``GET stream`` → server-sent events, each with JSON as data: ``message`` (new or changed, as in
  ``messages``; gone: ``{"channel", "ts", "deleted": true}``), ``directory``, ``modals`` (``{"user",
  "modals"}``). With ``?history=1`` all there is comes first, and then ``settled``.

Doing:

- ``POST messages {channel, user, text, thread_ts?, broadcast?}`` → 201 ``{"ts"}``; an unknown ``user`` joins.
- ``POST edits {channel, user, ts, text}``, ``POST deletions {channel, user, ts}``.
- ``POST reactions {channel, user, ts, reaction, remove?}``.
- ``POST clicks {channel, user, ts, action_id, value?, inputs?}``: any control of a message; ``value`` is
  what is chosen or written (options by value or label, people and channels by name, several as a list), and
  tells buttons of one ``action_id`` apart; ``inputs`` are filled in before: ``{action_id: value}``.
- ``POST slash-commands {channel, user, command, text?}``.
- ``POST shortcuts {user, callback_id}``, on a message with ``channel`` and ``ts``.
- ``POST modals/VIEW_ID {user, inputs?}`` submits, ``DELETE modals/VIEW_ID {user}`` closes, ``POST
  modals/VIEW_ID/clicks {user, action_id, value?, inputs?}`` uses a control.
- ``POST channels {user, name, private?}`` → 201 ``{"id"}``; ``POST channels/NAME {user, name?, topic?,
  purpose?, archived?}`` changes it; ``POST members {channel, user, inviter?, remove?}``.
- ``POST people {name}`` → 201 ``{"id"}``; ``POST home {user, tab?}`` opens the App Home.
- ``POST files {channel, user, filename, content | content_base64, text?, thread_ts?}`` → 201 ``{"ts",
  "file"}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from ..guard import Refused
from ..slack.app import SlackApp
from ..slack.arguments import MESSAGE_LIMIT
from ..slack.methods.reactions import EMOJI
from ..workspace import TOMBSTONE, Channel, Message, User
from .administration import Administration
from .modals import Modals
from .requests import Reader, body_of, explain_refusals, flag_of, inputs_of, text_of
from .shapes import Shapes
from .stream import Stream
from .writing import written

DONE: dict[str, Any] = {"ok": True}


class ChatApi:
    """The sandbox's own interface to the workspace. ``commands`` are slash commands worth offering."""

    def __init__(self, slack: SlackApp, commands: Callable[[], Iterable[str]] = tuple) -> None:
        self.workspace = slack.workspace
        self._slack = slack
        self._interactions = slack.interactions
        self._reader = Reader(self.workspace)
        self._shapes = Shapes(self.workspace, slack.views)
        self._commands = commands
        self._stream = Stream(self.workspace, self._shapes, self._known_commands)
        self._modals = Modals(slack, self._reader, self._shapes)
        self._administration = Administration(slack, self._reader, self._shapes)

    def app(self) -> web.Application:
        """Make the application with the routes."""
        app = web.Application(middlewares=[explain_refusals])
        router = app.router
        router.add_get("/messages", self._read)
        router.add_post("/messages", self._post)
        router.add_post("/edits", self._edit)
        router.add_post("/deletions", self._delete)
        router.add_post("/reactions", self._react)
        router.add_post("/clicks", self._click)
        router.add_post("/slash-commands", self._slash_command)
        router.add_post("/shortcuts", self._shortcut)
        router.add_get("/channels", self._directory)
        router.add_get("/stream", self._stream.handle)
        self._modals.add_routes(router)
        self._administration.add_routes(router)
        return app

    def close(self) -> None:
        """End every stream, now and from now on."""
        self._stream.close()

    def tell(self, event: str, data: dict[str, Any]) -> None:
        """Send an event of another part of the sandbox to every page that is open."""
        self._stream.tell(event, data)

    def _known_commands(self) -> set[str]:
        return {*self._commands(), *self._interactions.commands_used}

    # Reading

    async def _read(self, request: web.Request) -> web.Response:
        reference = request.query.get("channel", "")
        if not reference:
            raise Refused(400, "Name a channel: ?channel=general.")
        channel = self._reader.channel(reference, request.query.get("user", ""))
        messages = [m for m in self._shapes.messages(channel) if m.get("subtype") != TOMBSTONE]
        return web.json_response({"messages": [self._shapes.message(channel, m) for m in messages]})

    async def _directory(self, _request: web.Request) -> web.Response:
        return web.json_response(self._shapes.directory(self._known_commands()))

    # Messages

    async def _post(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        name, text = text_of(body, "user"), _message_text(body)
        channel = self._reader.channel_of(body)
        if name == self.workspace.bot.name:
            raise Refused(400, f"{name} is the bot; it writes through the Slack Web API.")
        self._reader.check_access(channel, name)
        if channel.is_archived:
            raise Refused(400, f"#{channel.name} is archived: nobody writes there.")
        thread_ts, broadcast = self._reader.thread_of(body, channel), flag_of(body, "broadcast")
        text = written(self.workspace, text)
        message = self.workspace.write(
            channel, name, text, thread_ts, broadcast=broadcast and bool(thread_ts)
        )
        return web.json_response({"ts": message["ts"]}, status=201)

    async def _edit(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        text = written(self.workspace, _message_text(body))
        channel, user, message = self._message(body)
        if message.get("user") != user.id:
            raise Refused(400, f"{user.name} did not write that message; only its author edits it.")
        if text != message["text"]:
            self.workspace.edit(channel, message, {"text": text}, user.id)
        return web.json_response(DONE)

    async def _delete(self, request: web.Request) -> web.Response:
        channel, user, message = self._message(await body_of(request))
        if "ephemeral_to" in message:
            self.workspace.rewrite_ephemeral(channel, message, None)
        elif message.get("user") == user.id or "bot_id" in message:
            self.workspace.delete(channel, message)
        else:
            raise Refused(400, f"{user.name} did not write that message; only its author deletes it.")
        return web.json_response(DONE)

    async def _react(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        reaction, remove = text_of(body, "reaction").strip(":"), flag_of(body, "remove")
        if not EMOJI.fullmatch(reaction):
            raise Refused(400, "reaction must be the name of an emoji, like eyes or +1.")
        channel, user, message = self._message(body)
        if "ephemeral_to" in message:
            raise Refused(400, "Nobody reacts to an ephemeral message.")
        change = self.workspace.unreact if remove else self.workspace.react
        change(channel, message, reaction, user.id)
        return web.json_response(DONE)

    def _message(self, body: dict[str, Any]) -> tuple[Channel, User, Message]:
        channel, user = self._reader.place_of(body)
        return channel, user, self._reader.message_of(body, channel, user)

    # What the app is told of

    async def _click(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        control, value, inputs = text_of(body, "action_id"), body.get("value"), inputs_of(body)
        channel, user, message = self._message(body)
        self._interactions.click(channel, message, user.id, control, value, inputs)
        return web.json_response(DONE)

    async def _slash_command(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        channel, user = self._reader.place_of(body)
        command = text_of(body, "command")
        if not command.startswith("/") or len(command.split()) != 1 or command == "/":
            raise Refused(400, "command must be one word with a slash before it, like /deploy.")
        text = body.get("text") or ""
        if not isinstance(text, str):
            raise Refused(400, "text must be a text.")
        self._interactions.slash_command(channel, user.id, command, text)
        return web.json_response(DONE)

    async def _shortcut(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        callback_id = text_of(body, "callback_id")
        if "channel" in body or "ts" in body:
            channel, user, message = self._message(body)
            self._interactions.message_shortcut(channel, message, user.id, callback_id)
        else:
            self._interactions.shortcut(self._reader.person_of(body).id, callback_id)
        return web.json_response(DONE)


def _message_text(body: dict[str, Any]) -> str:
    text = text_of(body, "text")
    if len(text) > MESSAGE_LIMIT:
        raise Refused(400, f"text is longer than Slack's {MESSAGE_LIMIT} characters.")
    return text

"""Response URLs: how an app answers what a person did, without a token (docs.slack.dev, "Interactivity")."""

from __future__ import annotations

from typing import Any

from ..workspace import Channel, Message
from .app import SlackApp
from .arguments import Arguments
from .capabilities import Response
from .errors import MethodError


def respond(app: SlackApp, token: str, fields: dict[str, Any]) -> None:
    """Post, replace or delete as the fields say. Raises :class:`MethodError`."""
    response = app.capabilities.use_response(token)
    workspace = app.workspace
    channel = workspace.channels[response.channel_id]
    arguments = Arguments(fields)
    source = _source(app, channel, response)
    if arguments.flag("delete_original"):
        if source is None:
            raise MethodError("message_not_found")
        if "ephemeral_to" in source:
            workspace.rewrite_ephemeral(channel, source, None)
        else:
            workspace.delete(channel, source)
        return
    content = arguments.content()
    content.pop("metadata", None)
    if source is not None and arguments.flag("replace_original"):
        if "ephemeral_to" in source:
            workspace.rewrite_ephemeral(channel, source, content)
        else:
            for key in ("blocks", "attachments"):
                source.pop(key, None)
            workspace.edit(channel, source, content, workspace.bot.id)
        return
    if channel.is_archived:
        raise MethodError("is_archived")
    message = {**app.chat.author(Arguments()), **content}
    thread_ts = app.chat.thread_ts(arguments)
    if fields.get("response_type") == "in_channel":
        broadcast = bool(thread_ts) and arguments.flag("reply_broadcast")
        workspace.post(channel, message, thread_ts=thread_ts, broadcast=broadcast)
    else:
        workspace.whisper(channel, message, response.user_id, thread_ts=thread_ts)


def _source(app: SlackApp, channel: Channel, response: Response) -> Message | None:
    """Return the app's own message whose control was used."""
    ephemeral = next((m for m in channel.ephemerals if m["ts"] == response.ts), None)
    if ephemeral is not None:
        return ephemeral
    message = app.workspace.find(channel, response.ts) if response.ts else None
    own = message is not None and message.get("bot_id") == app.workspace.bot.bot_id
    return message if own else None

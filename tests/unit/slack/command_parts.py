"""Commands executed as the pack does it, against a scripted Slack on a real socket."""

from collections.abc import Mapping
from typing import Any

from scripted_slack import Answer, Call, ScriptedSlack
from slack_parts import Action, Clock, tools_with

from flyte_slack.pack import Event
from flyte_slack.slack.commands.base import SlackCommand

CHANNEL = {"channel": {"id": "C1", "name": "ops", "is_channel": True}}
BOT = {"user": {"id": "UBOT", "name": "flyte", "is_bot": True, "profile": {"display_name": "Flyte"}}}
BOT_OBJECT = {
    "id": "UBOT",
    "name": "flyte",
    "displayName": "Flyte",
    "email": "",
    "title": "",
    "firstName": "",
    "lastName": "",
    "isBot": "true",
}
IN_OPS = {
    "channelId": "C1",
    "channelName": "ops",
    "channelType": "channel",
    "teamId": "T1",
    "user": BOT_OBJECT,
}
"""What each event has that happens in the channel of these tests."""

USUAL: Mapping[str, Answer] = {
    "conversations.info": CHANNEL,
    "users.info": BOT,
    "conversations.open": {"channel": {"id": "D1"}},
    "chat.postEphemeral": {"message_ts": "1700000000.000009"},
    "chat.scheduleMessage": {"channel": "C1", "scheduled_message_id": "Q1"},
    "chat.scheduledMessages.list": {"scheduled_messages": []},
    "views.open": {"view": {"id": "V1", "callback_id": "reason", "hash": "1.a"}},
    "views.update": {"view": {"id": "V1", "callback_id": "reason", "hash": "2.b"}},
    "conversations.create": {"channel": {"id": "C9", "name": "incident-7", "is_channel": True}},
    "conversations.setTopic": {"channel": {"topic": {"value": "new topic"}}},
    "conversations.replies": {"messages": []},
    "files.completeUploadExternal": {"files": [{"id": "F1", "title": "report.csv"}]},
    "users.lookupByEmail": BOT,
    "usergroups.list": {"usergroups": []},
}
"""What Slack answers, beside `ok`, to whom nothing else was scripted for."""


def usual(call: Call) -> Answer | None:
    """Answer a call as Slack does when all is well."""
    return USUAL.get(call.method)


async def execute(
    slack: ScriptedSlack,
    command: type[SlackCommand[Any]],
    input_: Mapping[str, Any],
    action: Action | None = None,
    *,
    clock: Clock | None = None,
    **tools: Any,
) -> Event:
    """Execute a command once; the event is one of those that it declares, and payloads hold strings only."""
    async with slack.client() as web:
        declared = command(tools_with(web, clock, **tools)).command("https://example.com")
        event = await declared.handler(dict(input_), action or Action())
    assert event.name in declared.events
    only_strings(event.payload)
    return event


def only_strings(value: object) -> None:
    """Assert that a payload is of strings, objects and lists of them, with keys that can be stored."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            assert "." not in key
            assert not key.startswith("$")
            only_strings(item)
    elif isinstance(value, list):
        for item in value:
            only_strings(item)
    else:
        assert isinstance(value, str)

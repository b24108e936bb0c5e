"""What commands tell of users, channels, threads and answers; invitations, topics, modals, free calls."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from command_parts import BOT_OBJECT, IN_OPS, execute, usual
from scripted_slack import Answer, Call, Reply, ScriptedSlack, error
from slack_parts import Action

from flyte_slack.slack.commands.add_reaction import AddReaction
from flyte_slack.slack.commands.archive_channel import ArchiveChannel
from flyte_slack.slack.commands.call_slack_api import CallSlackApi
from flyte_slack.slack.commands.create_channel import CreateChannel
from flyte_slack.slack.commands.delete_message import DeleteMessage
from flyte_slack.slack.commands.find_channel import FindChannel
from flyte_slack.slack.commands.find_user import FindUser
from flyte_slack.slack.commands.invite_to_channel import InviteToChannel
from flyte_slack.slack.commands.open_modal import OpenModal
from flyte_slack.slack.commands.read_thread import ReadThread
from flyte_slack.slack.commands.send_ephemeral_message import SendEphemeralMessage
from flyte_slack.slack.commands.set_channel_topic import SetChannelTopic
from flyte_slack.slack.commands.update_message import UpdateMessage
from flyte_slack.slack.commands.update_modal import UpdateModal

TS = "1602251441.001700"


@pytest.fixture
async def slack() -> AsyncIterator[ScriptedSlack]:
    async with ScriptedSlack().serve() as served:
        served.judge = usual
        yield served


async def test_updated_message(slack: ScriptedSlack) -> None:
    """A changed message is told as a person's edit is, by the bot; nothing of the old one stays."""
    answer = {"channel": "C1", "ts": TS, "message": {"text": "done", "edited": {"ts": "1700000000.000000"}}}
    slack.answer("chat.update", answer)
    event = await execute(slack, UpdateMessage, {"channelId": "C1", "timestamp": TS, "message": "done"})
    assert event.payload == IN_OPS | {
        "origin": "command",
        "message": "done",
        "plainText": "done",
        "previousMessage": "",
        "timestamp": TS,
        "threadTimestamp": TS,
        "editedTimestamp": "1700000000.000000",
        "permalink": "https://acme.slack.com/archives/C1/p1602251441001700",
    }
    assert slack.of("chat.update")[0].arguments == {
        "channel": "C1",
        "ts": TS,
        "text": "done",
        "blocks": [],
        "attachments": [],
        "parse": "none",
        "link_names": False,
    }


async def test_what_slack_does_not_tell_is_empty(slack: ScriptedSlack) -> None:
    """After a deletion and a reaction Slack says nothing of the message: what is unknown is empty."""
    deleted = await execute(slack, DeleteMessage, {"channelId": "C1", "timestamp": TS})
    assert deleted.payload == IN_OPS | {
        "origin": "command",
        "message": "",
        "timestamp": TS,
        "threadTimestamp": TS,
    }
    given = {"channelId": "C1", "timestamp": TS, "reaction": " :eyes: "}
    reacted = await execute(slack, AddReaction, given)
    nobody = dict.fromkeys(BOT_OBJECT, "") | {"isBot": "false"}
    assert reacted.payload == IN_OPS | {
        "origin": "command",
        "reaction": "eyes",
        "timestamp": TS,
        "itemUser": nobody,
        "eventTimestamp": "",
    }


async def test_channels(slack: ScriptedSlack) -> None:
    """A channel that was created or archived is told as one that people created or archived."""
    done = {"origin": "command", "eventTimestamp": ""}
    created = await execute(slack, CreateChannel, {"name": "#incident-7", "private": "true"})
    assert slack.of("conversations.create")[0].arguments == {"name": "incident-7", "is_private": "1"}
    assert created.payload == IN_OPS | done | {"channelId": "C9", "channelName": "incident-7"}
    archived = await execute(slack, ArchiveChannel, {"channelId": "C1"})
    assert archived.payload == IN_OPS | done


async def test_direct_message_is_opened(slack: ScriptedSlack) -> None:
    """A user id stands for the direct message with that user where Slack wants the channel's own id."""
    given = {"channelId": "U1", "userId": "U1", "message": "hi"}
    event = await execute(slack, SendEphemeralMessage, given)
    assert event.payload["channelId"] == "D1"
    assert slack.of("chat.postEphemeral")[0].arguments["channel"] == "D1"


USER = {"id": "U1", "name": "bobby", "tz": "Europe/London", "deleted": True, "is_restricted": True}


async def test_user_is_found(slack: ScriptedSlack) -> None:
    """A user is found by id, e-mail address or name, on whichever page; the first that is given counts."""
    slack.answer("users.info", {"user": USER})
    by_id = await execute(slack, FindUser, {"userId": "U1", "email": "x@example.com", "name": "x"})
    slack.answer("users.lookupByEmail", {"user": USER})
    by_email = await execute(slack, FindUser, {"userId": "", "email": "bobby@example.com", "name": "x"})
    pages: list[Answer] = [
        {"members": [{"id": "U2", "name": "alice"}], "response_metadata": {"next_cursor": "2"}},
        {"members": [USER]},
    ]
    slack.answer("users.list", *pages)
    by_name = await execute(slack, FindUser, {"name": "@Bobby"})
    assert by_id.payload == by_email.payload == by_name.payload
    assert by_id.payload["user"]["name"] == "bobby"
    assert by_id.payload["timezone"] == "Europe/London"
    assert (by_id.payload["isDeactivated"], by_id.payload["isGuest"]) == ("true", "true")
    slack.answer("users.list", {"members": []})
    nobody = await execute(slack, FindUser, {"name": "nobody"})
    assert (nobody.payload["code"], nobody.payload["name"]) == ("user_not_found", "nobody")


async def test_channel_is_found(slack: ScriptedSlack) -> None:
    """A channel is told with all that Slack says of it, as strings."""
    channel = {
        "id": "C1",
        "name": "ops",
        "is_private": True,
        "topic": {"value": "on call"},
        "purpose": {"value": "operations"},
        "is_archived": False,
        "is_member": True,
        "num_members": 7,
        "creator": "U1",
        "created": 1_449_252_889,
    }
    slack.answer("conversations.info", {"channel": channel})
    event = await execute(slack, FindChannel, {"channelId": " C1 "})
    assert event.payload == {
        "channelId": "C1",
        "channelName": "ops",
        "channelType": "group",
        "topic": "on call",
        "purpose": "operations",
        "isArchived": "false",
        "isMember": "true",
        "memberCount": "7",
        "creatorId": "U1",
        "createdAt": "2015-12-04T18:14:49Z",
    }


def thread(number: int) -> Any:
    """Answer as a thread of so many messages, two on a page, each page with the root."""
    messages = [{"ts": f"1602251441.{n:06}", "user": "U1", "text": f"message {n}"} for n in range(number)]

    def judge(call: Call) -> Answer | None:
        if call.method != "conversations.replies":
            return usual(call)
        start = int(call.arguments.get("cursor") or 0)
        page = messages[start : start + 2]
        more = str(start + 2) if start + 2 < number else ""
        page = page if start == 0 else [messages[0], *page]
        return {"messages": page, "response_metadata": {"next_cursor": more}}

    return judge


@pytest.mark.parametrize(
    ("limit", "read", "more"),
    [("", 7, "false"), (7, 7, "false"), ("3", 3, "true"), ("1.0", 1, "true"), (1000, 7, "false")],
)
async def test_thread_is_read(slack: ScriptedSlack, limit: object, read: int, more: str) -> None:
    """A thread is read oldest first, its root included, up to a limit; whether there is more is told."""
    slack.judge = thread(7)
    given = {"channelId": "C1", "threadTimestamp": "1602251441.000000", "limit": limit}
    event = await execute(slack, ReadThread, given)
    assert [one["message"] for one in event.payload["messages"]] == [f"message {n}" for n in range(read)]
    assert event.payload["hasMore"] == more
    assert event.payload["messages"][0].keys() == {"timestamp", "message", "plainText", "user", "files"}


@pytest.mark.parametrize("limit", [0, 1001, "many", True, 1.5])
async def test_limit_that_is_none(slack: ScriptedSlack, limit: object) -> None:
    """A limit is a number from 1 to 1000."""
    event = await execute(slack, ReadThread, {"channelId": "C1", "threadTimestamp": TS, "limit": limit})
    assert "limit" in event.payload["error"]


@pytest.mark.parametrize("given", [["U1", "U2"], "U1, U2,", '["U1", "U2"]'])
async def test_several_are_invited(slack: ScriptedSlack, given: object) -> None:
    """Users come as a list, with commas, or as JSON; the result has a list."""
    event = await execute(slack, InviteToChannel, {"channelId": "C1", "userIds": given})
    assert event.payload == {"channelId": "C1", "userIds": ["U1", "U2"]}
    assert slack.of("conversations.invite")[0].arguments["users"] == "U1,U2"


async def test_who_is_in_keeps_nobody_out(slack: ScriptedSlack) -> None:
    """A Slack that refuses all for one who is in already is asked for each."""
    slack.answer("conversations.invite", "already_in_channel", "already_in_channel")
    event = await execute(slack, InviteToChannel, {"channelId": "C1", "userIds": "U1,U2"})
    assert event.name == "MembersInvited"
    assert [call.arguments["users"] for call in slack.of("conversations.invite")] == ["U1,U2", "U1", "U2"]


@pytest.mark.parametrize("ok", [True, False])
async def test_one_who_cannot_be_invited_is_named(slack: ScriptedSlack, ok: bool) -> None:
    """An error of one user is a failure that names the user, under `ok` too."""
    errors = [{"user": "U1", "error": "already_in_channel"}, {"user": "U2", "error": "user_is_restricted"}]
    told = {"ok": ok, "errors": errors} | ({} if ok else {"error": "user_is_restricted"})
    slack.answer("conversations.invite", Reply(told))
    event = await execute(slack, InviteToChannel, {"channelId": "C1", "userIds": ["U1", "U2"]})
    assert event.payload["code"] == "user_is_restricted"
    assert "U2" in event.payload["error"]
    assert event.payload["userIds"] == ["U1", "U2"]


async def test_too_many_to_invite(slack: ScriptedSlack) -> None:
    """Slack takes 100 users at once."""
    event = await execute(slack, InviteToChannel, {"channelId": "C1", "userIds": ["U1"] * 101})
    assert event.payload["code"] == "invalid_input"


async def test_topic_and_purpose(slack: ScriptedSlack) -> None:
    """What is given is set, the other is told as it is; Slack may answer `ok` and no more."""
    slack.answer("conversations.info", {"channel": {"topic": {"value": "old"}, "purpose": {"value": "p"}}})
    slack.answer("conversations.setPurpose", {})
    event = await execute(slack, SetChannelTopic, {"channelId": "C1", "purpose": "new"})
    assert event.payload == {"channelId": "C1", "topic": "old", "purpose": "new"}
    both = await execute(slack, SetChannelTopic, {"channelId": "C1", "topic": "t", "purpose": "p"})
    assert both.payload == {"channelId": "C1", "topic": "new topic", "purpose": "p"}
    slack.answer("conversations.info", error("missing_scope"))
    alone = await execute(slack, SetChannelTopic, {"channelId": "C1", "topic": "t"})
    assert alone.payload["purpose"] == "", "what cannot be read is empty, and costs nothing"


@pytest.mark.parametrize(
    "view",
    [
        {"title": "Reason", "submit": "Send", "close": "", "blocks": []},
        '{"title": {"type": "plain_text", "text": "Reason"}, "submit": "Send", "blocks": []}',
        {"type": "modal", "title": "Reason", "submit": "Send", "blocks": "[]"},
    ],
)
async def test_view_as_people_have_it(slack: ScriptedSlack, view: object) -> None:
    """A view may be JSON in a string, and its texts plain; it is a modal unless it says otherwise."""
    await execute(slack, OpenModal, {"triggerId": "1.2", "view": view})
    assert slack.of("views.open")[0].arguments["view"] == {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Reason"},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": [],
    }


@pytest.mark.parametrize("view", ["{broken", 3, '"text"'])
async def test_no_view(slack: ScriptedSlack, view: object) -> None:
    """What is no view is refused."""
    event = await execute(slack, OpenModal, {"triggerId": "1.2", "view": view})
    assert "view must be a view" in event.payload["error"]


async def test_modal_with_a_hash_is_changed_once(slack: ScriptedSlack) -> None:
    """With a `hash` a second call would fail for the first: its outcome stays unknown."""
    given = {"viewId": "V1", "view": {"title": "x", "blocks": []}, "hash": "1.a"}
    slack.answer("views.update", "cut")
    event = await execute(slack, UpdateModal, given)
    assert event.payload["code"] == "outcome_unknown"
    assert len(slack.of("views.update")) == 1
    assert slack.of("views.update")[0].arguments["hash"] == "1.a"


async def call(slack: ScriptedSlack, method: str, action: Action | None = None, **more: Any) -> Any:
    given = {"method": method} | more
    allowed = ("conversations.*", "users.info")
    return await execute(slack, CallSlackApi, given, action, api_methods=allowed)


@pytest.mark.parametrize(
    "method", ["chat.postMessage", "users.infos", "conversations", "admin.conversations.list"]
)
async def test_only_what_the_operator_allows_is_called(slack: ScriptedSlack, method: str) -> None:
    """A method that the operator's list lacks is not called."""
    event = await call(slack, method)
    assert (event.payload["code"], event.payload["kind"]) == ("not_allowed", "configuration")
    assert event.payload["method"] == method
    assert "FLYTE_SLACK_API_METHODS" in event.payload["error"]
    assert slack.calls == []


async def test_answer_as_flows_can_read_it(slack: ScriptedSlack) -> None:
    """Slack's answer comes as strings, objects and lists, with keys that Flyte's database takes."""
    slack.answer("conversations.members", {"a.b": 1, "$c": None, "d": [True, {"e": 1.5}], "message": "odd"})
    event = await call(slack, "conversations.members", arguments='{"channel": "C1"}')
    assert event.payload["response"] == {
        "ok": "true",
        "a_b": "1",
        "_c": "",
        "d": ["true", {"e": "1.5"}],
        "message": "odd",
    }
    assert slack.calls[0].arguments == {"channel": "C1"}


async def test_reads_are_repeated_others_not(slack: ScriptedSlack) -> None:
    """A read is called again after an unknown outcome and after a crash; anything else is not."""
    slack.answer("conversations.acme.list", "internal_error")
    assert (await call(slack, "conversations.acme.list")).name == "SlackApiCalled"
    assert (await call(slack, "conversations.acme.list", Action(begun_at=1.0))).name == "SlackApiCalled"
    slack.answer("conversations.kick", "internal_error")
    assert (await call(slack, "conversations.kick")).payload["code"] == "outcome_unknown"
    assert (await call(slack, "conversations.kick", Action(begun_at=1.0))).payload[
        "code"
    ] == "outcome_unknown"
    assert len(slack.of("conversations.kick")) == 1

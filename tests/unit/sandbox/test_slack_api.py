"""The Slack Web API stand-in, as the official client sees it."""

import json
from typing import Any

import aiohttp
import pytest
from sandbox_parts import client, error_of
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from flyte_slack.sandbox.server import Sandbox

pytest_plugins = ["sandbox_fixtures"]

METADATA = {"event_type": "flyte_action", "event_payload": {"action_id": "a1"}}


def channel_id(sandbox: Sandbox, name: str = "general") -> str:
    return sandbox.workspace.channel(name).id


async def test_auth_test_tells_the_bot_and_its_scopes(slack: AsyncWebClient) -> None:
    """auth.test names workspace and bot; the scopes are in a header."""
    answer = await slack.auth_test()
    assert (answer["user_id"], answer["bot_id"], answer["team_id"]) == ("U0FLYTE", "B0FLYTE", "T0SANDBOX")
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


async def test_every_answer_and_refusal_carries_the_scopes(slack: AsyncWebClient) -> None:
    """A refused call shows the scopes as well."""
    with pytest.raises(SlackApiError) as raised:
        await slack.users_info(user="U0NOBODY")
    assert "users:read" in raised.value.response.headers["x-oauth-scopes"]


async def test_tokens_are_told_apart(sandbox: Sandbox) -> None:
    """Missing, wrong and misplaced tokens have Slack's error codes."""
    assert await error_of(client(sandbox, "").auth_test()) == "not_authed"
    assert await error_of(client(sandbox, "xoxb-wrong").auth_test()) == "invalid_auth"
    assert await error_of(client(sandbox, sandbox.app_token).users_list()) == "not_allowed_token_type"
    assert await error_of(client(sandbox).apps_connections_open(app_token="xoxb-sandbox")) == (
        "not_allowed_token_type"
    )
    assert await error_of(client(sandbox).api_call("no.such.method")) == "unknown_method"
    assert await error_of(client(sandbox).api_call("users.info")) == "invalid_arguments"


async def test_arguments_arrive_in_every_style(sandbox: Sandbox) -> None:
    """Query, form and JSON mean the same, and so do structures as JSON and as text."""
    url = f"{sandbox.url}/slack/api/chat.postMessage"
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "hi"}}]
    fields = {"channel": "general", "blocks": json.dumps(blocks), "token": sandbox.bot_token}
    async with aiohttp.ClientSession() as session:
        styles: list[dict[str, Any]] = [
            {"params": fields},
            {"data": fields},
            {"json": {**fields, "blocks": blocks}},
        ]
        for style in styles:
            async with session.post(url, **style) as response:
                answer = await response.json()
            assert answer["ok"], answer
            assert answer["message"]["blocks"][0]["text"]["text"] == "hi"


async def test_json_that_is_none_is_named(sandbox: Sandbox) -> None:
    """A body that is no JSON object is refused with ok false and HTTP 200."""
    url = f"{sandbox.url}/slack/api/auth.test"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {sandbox.bot_token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for body, error in ((b"{", "invalid_json"), (b"[]", "json_not_object")):
            async with session.post(url, data=body) as response:
                assert (response.status, (await response.json())["error"]) == (200, error)


async def test_a_post_is_answered_with_its_message(sandbox: Sandbox, slack: AsyncWebClient) -> None:
    """The answer has channel, ts and the message as stored, and the post is on record."""
    answer = await slack.chat_postMessage(channel="#general", text="a & <b>", metadata=METADATA)
    message = answer["message"]
    assert answer["channel"] == channel_id(sandbox)
    assert message["ts"] == answer["ts"]
    assert message["text"] == "a & <b>"
    assert (message["user"], message["bot_id"], message["app_id"]) == ("U0FLYTE", "B0FLYTE", "A0SANDBOX")
    assert message["bot_profile"]["id"] == "B0FLYTE"
    assert message["metadata"] == METADATA
    [post] = sandbox.slack.posts
    assert (post["channel"], post["text"], post["ts"]) == (answer["channel"], "a & <b>", answer["ts"])


async def test_an_overridden_author_makes_a_bot_message(slack: AsyncWebClient) -> None:
    """With a name or an icon of its own the message has the subtype bot_message."""
    answer = await slack.chat_postMessage(
        channel="general", text="x", username="Deploys", icon_emoji=":rocket:"
    )
    message = answer["message"]
    assert (message["subtype"], message["username"]) == ("bot_message", "Deploys")
    assert message["icons"] == {"emoji": ":rocket:"}


async def test_a_user_id_opens_the_direct_message(sandbox: Sandbox, slack: AsyncWebClient) -> None:
    """A post to a user id lands in the bot's direct message with that user."""
    answer = await slack.chat_postMessage(channel="U0BOBBY", text="psst")
    assert answer["channel"] == sandbox.workspace.open_direct("U0BOBBY").id
    opened = await slack.conversations_open(users="U0BOBBY")
    assert opened["channel"]["id"] == answer["channel"]


async def test_bad_posts_have_slacks_error_codes(sandbox: Sandbox, slack: AsyncWebClient) -> None:
    """What Slack refuses is refused with the same word, and nothing is posted."""
    workspace = sandbox.workspace
    workspace.add_channel("attic", [workspace.bot.id]).is_archived = True
    secret = workspace.add_channel("secret", ["U0ALICE"], kind="group")
    post = slack.chat_postMessage
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
    expected = {
        "channel_not_found": post(channel="C404", text="x"),
        "not_in_channel": post(channel=secret.id, text="x"),
        "is_archived": post(channel="attic", text="x"),
        "no_text": post(channel="general", text=" "),
        "msg_too_long": post(channel="general", text="x" * 40_001),
        "invalid_blocks": post(channel="general", text="x", blocks=[section]),
        "invalid_blocks_format": post(channel="general", text="x", blocks="{nope"),
        "too_many_attachments": post(channel="general", text="x", attachments=[{"text": "x"}] * 101),
        "invalid_thread_ts": post(channel="general", text="x", thread_ts="0"),
        "invalid_metadata_format": post(channel="general", text="x", metadata={"event_type": "x"}),
    }
    for error, call in expected.items():
        assert await error_of(call) == error
    assert await error_of(post(channel="private-ops", text="by name")) == "channel_not_found"
    assert sandbox.slack.posts == []


async def test_a_public_channel_needs_no_membership(slack: AsyncWebClient) -> None:
    """chat:write.public lets the bot post where it is not a member, but not read there."""
    answer = await slack.chat_postMessage(channel="announcements", text="news")
    assert await error_of(slack.conversations_history(channel=answer["channel"])) == "not_in_channel"
    joined = await slack.conversations_join(channel=answer["channel"])
    assert joined["channel"]["is_member"]
    history = await slack.conversations_history(channel=answer["channel"])
    seen = [(message.get("subtype"), message["text"]) for message in history["messages"]]
    assert seen == [("channel_join", "<@U0FLYTE> has joined the channel"), (None, "news")]


async def test_posts_beyond_the_burst_are_limited_per_channel() -> None:
    """Too many posts to one channel get 429 with Retry-After; other channels go on."""
    async with Sandbox(port=0, burst=2) as sandbox:
        slack = client(sandbox)
        for _ in range(2):
            await slack.chat_postMessage(channel="general", text="x")
        with pytest.raises(SlackApiError) as raised:
            await slack.chat_postMessage(channel="general", text="x")
        response = raised.value.response
        assert (response.status_code, response["error"]) == (429, "ratelimited")
        assert int(response.headers["Retry-After"]) >= 1
        await slack.chat_postMessage(channel="ops", text="x")
        assert len(sandbox.slack.posts) == 3


async def test_own_messages_can_be_changed_and_deleted(sandbox: Sandbox, slack: AsyncWebClient) -> None:
    """chat.update and chat.delete work on the bot's messages only."""
    general = channel_id(sandbox)
    ts = (await slack.chat_postMessage(channel=general, text="draft"))["ts"]
    updated = await slack.chat_update(channel=general, ts=ts, text="final")
    assert updated["text"] == "final"
    assert updated["message"]["edited"]["user"] == "U0FLYTE"
    await slack.chat_delete(channel=general, ts=ts)
    assert sandbox.workspace.channel("general").messages == []
    theirs = sandbox.workspace.say(sandbox.workspace.channel("general"), "alice", "mine")["ts"]
    assert await error_of(slack.chat_update(channel=general, ts=theirs, text="x")) == "cant_update_message"
    assert await error_of(slack.chat_delete(channel=general, ts=theirs)) == "cant_delete_message"
    assert await error_of(slack.chat_delete(channel=general, ts="1.000000")) == "message_not_found"


async def test_history_is_paged_newest_first(sandbox: Sandbox, slack: AsyncWebClient) -> None:
    """Following the cursors gives every message once, newest first."""
    general = sandbox.workspace.channel("general")
    said = [sandbox.workspace.say(general, "alice", str(n))["text"] for n in range(7)]
    seen: list[str] = []
    async for page in await slack.conversations_history(channel=general.id, limit=3):
        seen += [message["text"] for message in page["messages"]]
    assert seen == said[::-1]


async def test_history_keeps_to_its_time_range(sandbox: Sandbox, slack: AsyncWebClient) -> None:
    """oldest and latest are left out themselves, unless inclusive."""
    general = sandbox.workspace.channel("general")
    stamps = [sandbox.workspace.say(general, "alice", str(n))["ts"] for n in range(5)]
    between = {"channel": general.id, "oldest": stamps[1], "latest": stamps[3]}
    open_range = await slack.conversations_history(**between)
    closed_range = await slack.conversations_history(**between, inclusive=True)
    assert [message["text"] for message in open_range["messages"]] == ["2"]
    assert [message["text"] for message in closed_range["messages"]] == ["3", "2", "1"]
    assert (
        await error_of(slack.conversations_history(channel=general.id, oldest="then")) == "invalid_ts_oldest"
    )


async def test_replies_are_read_in_their_thread(sandbox: Sandbox, slack: AsyncWebClient) -> None:
    """Replies stay out of the history, save for broadcast ones; replies come oldest first after the root."""
    general = channel_id(sandbox)
    root = (await slack.chat_postMessage(channel=general, text="root"))["ts"]
    for number in range(3):
        await slack.chat_postMessage(channel=general, text=f"reply {number}", thread_ts=root)
    await slack.chat_postMessage(channel=general, text="shown", thread_ts=root, reply_broadcast=True)
    history = (await slack.conversations_history(channel=general))["messages"]
    assert [message["text"] for message in history] == ["shown", "root"]
    assert (history[1]["thread_ts"], history[1]["reply_count"]) == (root, 4)
    thread = await slack.conversations_replies(channel=general, ts=root)
    assert [m["text"] for m in thread["messages"]] == ["root", "reply 0", "reply 1", "reply 2", "shown"]
    texts: list[str] = []
    async for page in await slack.conversations_replies(channel=general, ts=root, limit=3):
        texts += [m["text"] for m in page["messages"] if m["ts"] != root]
    assert texts == ["reply 0", "reply 1", "reply 2", "shown"]
    assert await error_of(slack.conversations_replies(channel=general, ts="1.000000")) == "thread_not_found"


async def test_metadata_shows_only_when_asked_for(sandbox: Sandbox, slack: AsyncWebClient) -> None:
    """History holds message metadata back unless include_all_metadata is set."""
    general = channel_id(sandbox)
    await slack.chat_postMessage(channel=general, text="x", metadata=METADATA)
    plain = await slack.conversations_history(channel=general)
    full = await slack.conversations_history(channel=general, include_all_metadata=True)
    assert "metadata" not in plain["messages"][0]
    assert full["messages"][0]["metadata"] == METADATA


async def test_conversations_are_listed_by_type_and_page(sandbox: Sandbox, slack: AsyncWebClient) -> None:
    """The default is public channels; private ones and direct messages are listed when asked for."""
    sandbox.workspace.add_channel("secret", ["U0ALICE"], kind="group")
    names: list[str] = []
    async for page in await slack.conversations_list(limit=2):
        names += [channel["name"] for channel in page["channels"]]
    assert names == ["general", "ops", "random", "announcements"]
    private = await slack.conversations_list(types="private_channel,im")
    listed = [channel.get("name") or channel["user"] for channel in private["channels"]]
    assert listed == ["private-ops", "U0ALICE", "U0BOBBY", "U0CAROL", "U0BOB"]
    assert await error_of(slack.conversations_list(cursor="bogus")) == "invalid_cursor"
    assert await error_of(slack.conversations_list(types="secret_channel")) == "invalid_types"


async def test_a_conversation_is_described(sandbox: Sandbox, slack: AsyncWebClient) -> None:
    """info tells name and membership, members the user ids."""
    info = (await slack.conversations_info(channel=channel_id(sandbox, "announcements")))["channel"]
    assert (info["name"], info["is_member"], info["is_private"]) == ("announcements", False, False)
    members = await slack.conversations_members(channel=channel_id(sandbox))
    assert members["members"] == ["U0ALICE", "U0BOBBY", "U0CAROL", "U0BOB", "U0FLYTE"]
    assert await error_of(slack.conversations_info(channel="C404")) == "channel_not_found"


async def test_people_bot_and_team_are_described(slack: AsyncWebClient) -> None:
    """users.info, users.list, bots.info and team.info answer as Slack does."""
    bobby = (await slack.users_info(user="U0BOBBY"))["user"]
    assert (bobby["name"], bobby["profile"]["email"]) == ("bobby", "bobby@example.com")
    everyone = (await slack.users_list())["members"]
    assert [user["name"] for user in everyone] == ["flyte", "alice", "bobby", "carol", "bob"]
    assert (await slack.bots_info(bot="B0FLYTE"))["bot"]["user_id"] == "U0FLYTE"
    assert await error_of(slack.bots_info(bot="B404")) == "bot_not_found"
    assert (await slack.team_info())["team"]["id"] == "T0SANDBOX"


async def test_the_bot_reacts(sandbox: Sandbox, slack: AsyncWebClient) -> None:
    """reactions.add takes a name once per message."""
    general = sandbox.workspace.channel("general")
    ts = sandbox.workspace.say(general, "alice", "look")["ts"]
    await slack.reactions_add(channel=general.id, name="eyes", timestamp=ts)
    again = slack.reactions_add(channel=general.id, name="eyes", timestamp=ts)
    assert await error_of(again) == "already_reacted"
    bad = slack.reactions_add(channel=general.id, name="Not An Emoji", timestamp=ts)
    assert await error_of(bad) == "invalid_name"

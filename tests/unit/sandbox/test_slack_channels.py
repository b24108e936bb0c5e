"""Channels, members, people: what the bot can change and look up."""

from typing import Any

import pytest
from sandbox_parts import Peer, error_of, refusal_of
from slack_sdk.web.async_client import AsyncWebClient

from flyte_slack.sandbox.server import Sandbox

pytest_plugins = ["sandbox_fixtures"]


async def created(slack: AsyncWebClient, name: str = "release", **more: Any) -> str:
    """Create a channel and return its id."""
    return str((await slack.conversations_create(name=name, **more))["channel"]["id"])


async def test_a_new_channel_has_the_bot_in_it(slack: AsyncWebClient, peer: Peer) -> None:
    """channel_created and the bot's own member_joined_channel tell of it."""
    answer = (await slack.conversations_create(name="release"))["channel"]
    assert (answer["name"], answer["creator"], answer["is_member"]) == ("release", "U0FLYTE", True)
    made, joined = await peer.events(2)
    assert (made["type"], made["channel"]["id"], made["channel"]["name"]) == (
        "channel_created",
        answer["id"],
        "release",
    )
    assert (joined["type"], joined["user"], joined["channel"]) == (
        "member_joined_channel",
        "U0FLYTE",
        answer["id"],
    )


async def test_a_private_channel_is_announced_to_nobody(slack: AsyncWebClient, peer: Peer) -> None:
    """Only the membership is an event, with the letter of a group."""
    channel = await created(slack, "secret", is_private=True)
    joined = await peer.event()
    assert (joined["type"], joined["channel_type"]) == ("member_joined_channel", "G")
    info = (await slack.conversations_info(channel=channel))["channel"]
    assert (info["is_private"], info["is_group"]) == (True, True)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("general", "name_taken"),
        ("", "invalid_name_required"),
        ("x" * 81, "invalid_name_maxlength"),
        ("Release", "invalid_name_specials"),
        ("a b", "invalid_name_specials"),
        ("---", "invalid_name_punctuation"),
    ],
)
async def test_names_that_cannot_be_had(slack: AsyncWebClient, name: str, error: str) -> None:
    """Slack says what is wrong with a name."""
    assert await error_of(slack.conversations_create(name=name)) == error


async def test_inviting(slack: AsyncWebClient, peer: Peer) -> None:
    """Each one who joins is an event with the inviter, and a line in the channel."""
    channel = await created(slack)
    await peer.events(2)
    await slack.conversations_invite(channel=channel, users=["U0ALICE", "U0BOB"])
    assert set((await slack.conversations_members(channel=channel))["members"]) == {
        "U0FLYTE",
        "U0ALICE",
        "U0BOB",
    }
    joined, line, _, _ = await peer.events(4)
    assert (joined["type"], joined["inviter"]) == ("member_joined_channel", "U0FLYTE")
    assert (line["subtype"], line["user"]) == ("channel_join", "U0ALICE")


async def test_one_who_is_in_already_keeps_the_others_out(slack: AsyncWebClient) -> None:
    """Unless the invitation is forced; errors[] names the user either way."""
    channel = await created(slack)
    await slack.conversations_invite(channel=channel, users="U0ALICE")
    refusal = await refusal_of(slack.conversations_invite(channel=channel, users="U0ALICE,U0BOB"))
    assert refusal["error"] == "already_in_channel"
    assert refusal["errors"] == [{"user": "U0ALICE", "ok": False, "error": "already_in_channel"}]
    assert "U0BOB" not in (await slack.conversations_members(channel=channel))["members"]
    forced = await slack.conversations_invite(channel=channel, users="U0ALICE,U0BOB", force=True)
    assert [error["user"] for error in forced["errors"]] == ["U0ALICE"]
    assert "U0BOB" in (await slack.conversations_members(channel=channel))["members"]


async def test_who_cannot_be_invited(slack: AsyncWebClient, sandbox: Sandbox) -> None:
    """Nobody, the bot itself, strangers; and not into a channel that the bot is not in."""
    channel = await created(slack)
    away = sandbox.workspace.channel("announcements").id
    expected = {
        "user_not_found": slack.conversations_invite(channel=channel, users="U404"),
        "cant_invite_self": slack.conversations_invite(channel=channel, users="U0FLYTE"),
        "not_in_channel": slack.conversations_invite(channel=away, users="U0ALICE"),
        "no_user": slack.api_call("conversations.invite", json={"channel": channel}),
        "too_many_users": slack.conversations_invite(channel=channel, users=["U0ALICE"] * 101),
    }
    for error, call in expected.items():
        assert await error_of(call) == error


async def test_topic_and_purpose(slack: AsyncWebClient) -> None:
    """setTopic answers with the channel, setPurpose with ok alone; 250 characters are the most."""
    channel = await created(slack)
    answer = await slack.conversations_setTopic(channel=channel, topic="Now")
    assert answer["channel"]["topic"]["value"] == "Now"
    assert set((await slack.conversations_setPurpose(channel=channel, purpose="Why")).data) == {"ok"}
    info = (await slack.conversations_info(channel=channel))["channel"]
    assert (info["topic"]["value"], info["purpose"]["value"]) == ("Now", "Why")
    assert await error_of(slack.conversations_setTopic(channel=channel, topic="x" * 251)) == "too_long"
    lines = (await slack.conversations_history(channel=channel))["messages"]
    assert [line["subtype"] for line in lines] == ["channel_purpose", "channel_topic"]


async def test_archiving(slack: AsyncWebClient, peer: Peer) -> None:
    """An archived channel takes no posts and is archived once; #general stays."""
    channel = await created(slack)
    await peer.events(2)
    await slack.conversations_archive(channel=channel)
    archived = await peer.event()
    assert (archived["type"], archived["channel"], archived["user"]) == (
        "channel_archive",
        channel,
        "U0FLYTE",
    )
    general = (await slack.conversations_list())["channels"][0]["id"]
    expected = {
        "already_archived": slack.conversations_archive(channel=channel),
        "cant_archive_general": slack.conversations_archive(channel=general),
        "is_archived": slack.chat_postMessage(channel=channel, text="x"),
        "method_not_supported_for_channel_type": slack.conversations_archive(
            channel=(await slack.conversations_open(users="U0ALICE"))["channel"]["id"]
        ),
    }
    for error, call in expected.items():
        assert await error_of(call) == error
    await slack.conversations_unarchive(channel=channel)
    await slack.chat_postMessage(channel=channel, text="x")


async def test_renaming(slack: AsyncWebClient, peer: Peer) -> None:
    """channel_rename has the channel with its new name, group_rename a private one."""
    for name, private, kind in (("one", False, "channel_rename"), ("two", True, "group_rename")):
        channel = await created(slack, name, is_private=private)
        await peer.events(1 if private else 2)
        await slack.conversations_rename(channel=channel, name=f"{name}-renamed")
        renamed, _ = await peer.events(2)
        assert (renamed["type"], renamed["channel"]["name"]) == (kind, f"{name}-renamed")
    assert await error_of(slack.conversations_rename(channel=channel, name="general")) == "name_taken"


async def test_leaving(slack: AsyncWebClient, peer: Peer) -> None:
    """The bot is told that it left, and that others were removed."""
    channel = await created(slack)
    await slack.conversations_invite(channel=channel, users="U0ALICE")
    await peer.events(4)
    await slack.conversations_kick(channel=channel, user="U0ALICE")
    line, left = await peer.events(2)
    assert (line["subtype"], left["type"], left["user"]) == (
        "channel_leave",
        "member_left_channel",
        "U0ALICE",
    )
    await slack.conversations_leave(channel=channel)
    assert [event.get("subtype") or event["type"] for event in await peer.events(2)] == [
        "channel_leave",
        "member_left_channel",
    ]
    assert (await slack.conversations_leave(channel=channel))["not_in_channel"]
    assert await error_of(slack.conversations_history(channel=channel)) == "not_in_channel"


async def test_the_bots_own_conversations(slack: AsyncWebClient) -> None:
    """users.conversations lists where the bot is a member."""
    names = [c["name"] for c in (await slack.users_conversations())["channels"]]
    assert names == ["general", "ops", "random"]
    direct = await slack.users_conversations(types="im", user="U0ALICE")
    assert [c["user"] for c in direct["channels"]] == ["U0ALICE"]
    assert await error_of(slack.users_conversations(user="U404")) == "user_not_found"


async def test_people_are_found_by_address(slack: AsyncWebClient) -> None:
    """Whatever its case; nobody's is users_not_found."""
    found = (await slack.users_lookupByEmail(email="Bob@Example.com"))["user"]
    assert found["name"] == "bob"
    assert await error_of(slack.users_lookupByEmail(email="no@example.com")) == "users_not_found"


async def test_user_groups(slack: AsyncWebClient) -> None:
    """A group has a handle, and members if asked for."""
    [group] = (await slack.usergroups_list(include_users=True))["usergroups"]
    assert (group["handle"], group["users"]) == ("on-call", ["U0ALICE", "U0BOBBY"])
    assert (await slack.usergroups_users_list(usergroup=group["id"]))["users"] == group["users"]
    assert await error_of(slack.usergroups_users_list(usergroup="S404")) == "no_such_subteam"


async def test_api_test_answers_as_told(slack: AsyncWebClient) -> None:
    """api.test gives its arguments back, and the error that is asked for."""
    assert (await slack.api_test(foo="bar"))["args"]["foo"] == "bar"
    assert await error_of(slack.api_test(error="my_error")) == "my_error"

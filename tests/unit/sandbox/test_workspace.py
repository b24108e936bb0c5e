"""The workspace in memory."""

import re

import pytest

from flyte_slack.sandbox.workspace import Event, NotInWorkspaceError, Workspace


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(clock=lambda: 1_700_000_000.5)


@pytest.fixture
def events(workspace: Workspace) -> list[Event]:
    heard: list[Event] = []
    workspace.listen(heard.append)
    return heard


def test_timestamps_rise_over_the_whole_workspace(workspace: Workspace) -> None:
    """Two messages never share a ts, even within one tick of the clock and across channels."""
    general, ops = workspace.channel("general"), workspace.channel("ops")
    stamps = [workspace.say(channel, "alice", "x")["ts"] for channel in (general, ops, general, ops)]
    assert stamps == sorted(set(stamps))
    assert all(re.fullmatch(r"\d{10}\.\d{6}", ts) for ts in stamps)
    assert stamps[0] == "1700000000.500000"


def test_what_a_person_writes_is_escaped(workspace: Workspace) -> None:
    """Only & < > of a person's text become entities, and the message has a client_msg_id."""
    said = workspace.say(workspace.channel("general"), "alice", "a < b && \"c\" > 'd' *e*")
    assert said["text"] == "a &lt; b &amp;&amp; \"c\" &gt; 'd' *e*"
    assert said["user"] == "U0ALICE"
    assert said["client_msg_id"]


def test_what_the_bot_posts_is_untouched(workspace: Workspace) -> None:
    """A posted text is stored as it came, mentions included."""
    posted = workspace.post(workspace.channel("general"), {"text": "<@U0ALICE> & co", "bot_id": "B0FLYTE"})
    assert posted["text"] == "<@U0ALICE> & co"


def test_listeners_hear_each_message_as_an_inner_event(workspace: Workspace, events: list[Event]) -> None:
    """An event is the message with its channel, channel type and event_ts."""
    said = workspace.say(workspace.channel("private-ops"), "bobby", "hi")
    channel = workspace.channel("private-ops").id
    assert events == [{**said, "channel": channel, "channel_type": "group", "event_ts": said["ts"]}]


def test_a_listener_can_leave(workspace: Workspace) -> None:
    """After it has left, a listener hears nothing."""
    heard: list[Event] = []
    leave = workspace.listen(heard.append)
    leave()
    workspace.say(workspace.channel("general"), "alice", "hi")
    assert heard == []


def test_the_root_of_a_thread_counts_its_replies(workspace: Workspace) -> None:
    """Replies show on their root, and a reply to a reply belongs to the same thread."""
    general = workspace.channel("general")
    root = workspace.say(general, "alice", "root")
    first = workspace.say(general, "bobby", "one", root["ts"])
    second = workspace.say(general, "carol", "two", first["ts"])
    assert (first["thread_ts"], second["thread_ts"]) == (root["ts"], root["ts"])
    assert second["parent_user_id"] == "U0ALICE"
    assert root["thread_ts"] == root["ts"]
    assert root["reply_count"] == 2
    assert root["reply_users"] == ["U0BOBBY", "U0CAROL"]
    assert root["latest_reply"] == second["ts"]


def test_deleting_the_last_reply_ends_the_thread(workspace: Workspace, events: list[Event]) -> None:
    """A root without replies is an ordinary message again, and listeners hear of the deletion."""
    general = workspace.channel("general")
    root = workspace.say(general, "alice", "root")
    reply = workspace.say(general, "bobby", "one", root["ts"])
    workspace.delete(general, reply)
    assert "reply_count" not in root
    assert "thread_ts" not in root
    assert (events[-1]["subtype"], events[-1]["deleted_ts"]) == ("message_deleted", reply["ts"])


def test_deleting_a_root_leaves_a_tombstone(workspace: Workspace) -> None:
    """The replies of a deleted root stay where they are."""
    general = workspace.channel("general")
    root = workspace.say(general, "alice", "root")
    workspace.say(general, "bobby", "one", root["ts"])
    workspace.delete(general, root)
    assert [m.get("subtype") for m in general.messages] == ["tombstone", None]


def test_an_edit_tells_before_and_after(workspace: Workspace, events: list[Event]) -> None:
    """message_changed is hidden and carries both versions of the message."""
    general = workspace.channel("general")
    said = workspace.say(general, "alice", "teh")
    workspace.edit(general, said, {"text": "the"}, "U0ALICE")
    changed = events[-1]
    assert (changed["subtype"], changed["hidden"]) == ("message_changed", True)
    assert (changed["previous_message"]["text"], changed["message"]["text"]) == ("teh", "the")
    assert changed["ts"] > said["ts"] == changed["message"]["ts"]


def test_a_broadcast_reply_shows_its_root(workspace: Workspace, events: list[Event]) -> None:
    """A reply that is also shown in the channel has the subtype thread_broadcast."""
    general = workspace.channel("general")
    root = workspace.say(general, "alice", "root")
    workspace.post(general, {"text": "news", "user": "U0BOBBY"}, thread_ts=root["ts"], broadcast=True)
    assert events[-1]["subtype"] == "thread_broadcast"
    assert events[-1]["root"]["ts"] == root["ts"]


def test_a_user_reacts_once_with_the_same_emoji(workspace: Workspace, events: list[Event]) -> None:
    """A second reaction of the same kind changes nothing."""
    general = workspace.channel("general")
    said = workspace.say(general, "alice", "hi")
    assert workspace.react(general, said, "eyes", "U0BOBBY")
    assert not workspace.react(general, said, "eyes", "U0BOBBY")
    assert said["reactions"] == [{"name": "eyes", "users": ["U0BOBBY"], "count": 1}]
    assert events[-1]["type"] == "reaction_added"


def test_an_unknown_name_becomes_a_person(workspace: Workspace) -> None:
    """Who writes under a new name joins the workspace, once."""
    dave = workspace.person("Dave Q")
    assert workspace.person("Dave Q") is dave
    assert workspace.users[dave.id].as_slack("T1")["profile"]["email"] == "dave.q@example.com"


def test_profiles_are_those_of_slack() -> None:
    """Persons have names, title and address; the bot has a bot_id and no address."""
    workspace = Workspace()
    bobby = workspace.person("bobby").as_slack(workspace.team_id)
    assert (bobby["is_bot"], bobby["real_name"]) == (False, "Bobby Tables")
    names = [bobby["profile"][key] for key in ("first_name", "last_name", "display_name", "title", "email")]
    assert names == ["Bobby", "Tables", "Bobby T", "SRE", "bobby@example.com"]
    bot = workspace.bot.as_slack(workspace.team_id)
    assert (bot["is_bot"], bot["profile"]["bot_id"]) == (True, "B0FLYTE")
    assert "email" not in bot["profile"]


def test_a_direct_message_is_opened_once(workspace: Workspace) -> None:
    """The same people always meet in the same conversation."""
    direct = workspace.open_direct("U0ALICE")
    group = workspace.open_direct("U0ALICE", "U0BOBBY")
    assert workspace.open_direct("U0ALICE") is direct
    assert workspace.open_direct("U0BOBBY", "U0ALICE") is group
    assert (direct.kind, group.kind) == ("im", "mpim")


def test_channels_are_found_by_id_and_name(workspace: Workspace) -> None:
    """A channel answers to its id, its name and its name with a #, and to nothing else."""
    ops = workspace.channel("ops")
    assert workspace.channel("#ops") is ops
    assert workspace.channel(ops.id) is ops
    for reference in ("nowhere", "", "#"):
        with pytest.raises(NotInWorkspaceError):
            workspace.channel(reference)

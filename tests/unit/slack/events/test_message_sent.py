"""From Slack's JSON to `MessageSent`: exact, complete, and strings only (contract, section 3)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from event_parts import Bench, bench, callback, knows, message, only_strings
from scripted_slack import ScriptedSlack

from flyte_slack.slack.api.timestamps import instant
from flyte_slack.slack.workspace.profiles import Channel, User
from flyte_slack.store import StoredEvent

FILE = {
    "id": "F0S43PZDF",
    "name": "log.txt",
    "mimetype": "text/plain",
    "size": 4096,
    "permalink": "https://x.slack.com/files/F0S43PZDF",
    "url_private": "https://files.slack.com/secret",
    "created": 1,
}
NOBODY = dict.fromkeys(("id", "name", "displayName", "email", "title", "firstName", "lastName"), "") | {
    "isBot": "false"
}


@pytest.fixture
async def slack() -> AsyncIterator[ScriptedSlack]:
    async with ScriptedSlack().serve() as served:
        served.judge = knows
        yield served


@pytest.fixture
async def seen(slack: ScriptedSlack) -> AsyncIterator[Bench]:
    async with bench(slack, "MessageSent") as made:
        yield made


async def test_payload_is_exact(seen: Bench) -> None:
    """Every key of the contract, no other, and Slack's own text untouched."""
    text = "echo hello &amp; <@U0BOBBY>"
    assert await seen.payload(**message(text=text, files=[FILE])) == {
        "origin": "channel",
        "channelId": "C0GENERAL",
        "channelName": "general",
        "channelType": "channel",
        "message": text,
        "plainText": "echo hello & @bobby",
        "mentions": ["U0BOBBY"],
        "mentionsBot": "false",
        "permalink": "https://acme.slack.com/archives/C0GENERAL/p1700000000000100",
        "parts": ["1700000000.000100"],
        "timestamp": "1700000000.000100",
        "threadTimestamp": "1700000000.000100",
        "teamId": "T0ACME",
        "user": NOBODY
        | {
            "id": "U0ALICE",
            "name": "alice",
            "displayName": "Alice L",
            "email": "alice@example.com",
            "firstName": "Alice",
        },
        "files": [
            {
                "id": "F0S43PZDF",
                "name": "log.txt",
                "mimetype": "text/plain",
                "size": "4096",
                "permalink": "https://x.slack.com/files/F0S43PZDF",
            }
        ],
    }


async def test_unknown_is_empty_never_null(seen: Bench, slack: ScriptedSlack) -> None:
    """With next to nothing known every key is there all the same, and `""`."""
    slack.judge = lambda call: "missing_scope"
    bare = await seen.payload(type="message", channel="C1", user="U1", ts="1.0", text=None, files=None)
    assert bare == {
        "origin": "channel",
        "channelId": "C1",
        "channelName": "",
        "channelType": "",
        "message": "",
        "plainText": "",
        "mentions": [],
        "mentionsBot": "false",
        "permalink": "https://acme.slack.com/archives/C1/p10",
        "parts": ["1.0"],
        "timestamp": "1.0",
        "threadTimestamp": "1.0",
        "teamId": "T0ACME",
        "user": NOBODY | {"id": "U1"},
        "files": [],
    }


@pytest.mark.parametrize(
    "odd",
    [
        {"files": [FILE, {}, {"id": "F1", "size": None, "name": True}, "no file", None]},
        {"ts": 1503435956.5, "text": 12, "thread_ts": False, "files": "no list"},
        {"files": {"id": "F1"}, "channel_type": ["C"], "user_profile": "none", "blocks": {"a": 1}},
        {"text": "", "blocks": [1, {"type": []}, {"type": "rich_text", "elements": [{"type": "user"}]}]},
        {"text": "", "attachments": [None, {"fields": "x", "blocks": 1, "text": 3}]},
        {"bot_profile": 3, "edited": [], "thread_ts": {"a": 1}},
    ],
)
async def test_all_values_are_strings(seen: Bench, odd: dict[str, Any]) -> None:
    """Whatever Slack sends, every value is a string, or an object or list of them; keys suit MongoDB."""
    only_strings(await seen.payload(**message(**odd)))


async def test_reply_names_its_thread(seen: Bench) -> None:
    """`threadTimestamp` is the thread's root, which the permalink names too."""
    reply = await seen.payload(**message(thread_ts="1503435900.000001"))
    assert reply["threadTimestamp"] == "1503435900.000001"
    assert reply["permalink"].endswith("/p1700000000000100?thread_ts=1503435900.000001&cid=C0GENERAL")


@pytest.mark.parametrize(
    ("told", "channel", "kind", "name"),
    [
        ("channel", "C0GENERAL", "channel", "general"),
        ("app_home", "D0ALICE", "im", ""),
        ("im", "D0ALICE", "im", ""),
        ("G", "G0SECRET", "group", "secret"),
        (None, "G0PARTY", "mpim", "mpdm-alice--bobby--flyte-1"),
        ("C", "C0NOBODY", "", ""),
        ("group", "C0NOBODY", "group", ""),
    ],
)
async def test_channel_type(seen: Bench, told: object, channel: str, kind: str, name: str) -> None:
    """`channelType` is one of four; what is none of them is looked up, and a direct message has no name."""
    made = await seen.payload(**message(channel=channel, channel_type=told))
    assert (made["channelType"], made["channelName"]) == (kind, name)


async def test_created_at_is_the_time_in_slack(seen: Bench) -> None:
    """`createdAt` is the time of the message in Slack, RFC 3339, UTC, to the microsecond."""
    event = await seen.event(callback(**message(ts="1503435956.000247")))
    assert event.wire()["createdAt"] == "2017-08-22T21:05:56.000247Z"


async def test_row_of_an_older_version_is_delivered(seen: Bench) -> None:
    """What the version before stored (a team and an event) becomes the same event."""
    body = {"team_id": "T0ACME", "event": message()}
    row = StoredEvent(
        1, "C0GENERAL:1700000000.000100", "C0GENERAL", body, 0.0, 1700000000.0001, "MessageSent"
    )
    event = await seen.forward(row)
    assert event is not None
    assert event.payload == await seen.payload(**message())


@pytest.mark.parametrize("timestamp", ["", "soon", "1e99", "nan", "-1e99", "inf"])
def test_ts_that_is_no_time_is_now(timestamp: str) -> None:
    """A `ts` that stands for no time costs the time, not the message."""
    before = datetime.now(UTC)
    assert before <= instant(timestamp) <= datetime.now(UTC)


@pytest.mark.parametrize("timestamp", ["soon", "nan", "inf", "-5"])
def test_ts_that_is_no_time_has_no_position(seen: Bench, timestamp: str) -> None:
    """A `ts` that stands for no time is put where it arrived, and does not move the mark."""
    ((_, received),) = seen.kinds.read(callback(**message(ts=timestamp)))
    assert (received.position, received.fills_gaps) == (0, False)


@pytest.mark.parametrize("subtype", [None, "", "file_share", "thread_broadcast", "me_message"])
def test_what_people_write_is_forwarded(seen: Bench, subtype: str | None) -> None:
    """Messages that people write are forwarded; the key is their channel and `ts`, and they fill gaps."""
    ((kind, received),) = seen.kinds.read(callback(**message(subtype=subtype)))
    assert kind.name == "MessageSent"
    assert (received.key, received.lane) == ("C0GENERAL:1700000000.000100", "C0GENERAL")
    assert (received.position, received.fills_gaps) == (1700000000.0001, True)


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"subtype": subtype}
            for subtype in (
                "message_changed",
                "message_deleted",
                "channel_join",
                "bot_message",
                "reminder_add",
            )
        ),
        {"subtype": "message_replied"},
        {"user": None, "message": {"type": "message", "user": "U0ALICE", "text": "root", "ts": "1.0"}},
        {"bot_id": "B1"},
        {"bot_id": "B1", "subtype": "file_share"},
        {"user": "U0FLYTE"},
        {"user": "USLACKBOT"},
        {"hidden": True},
        {"type": "reaction_added"},
        {"type": "app_mention"},
        {"type": ["message"]},
        {"ts": ""},
        {"channel": None},
        {"channel": {"id": "C1"}},
    ],
)
def test_the_rest_is_not_forwarded(seen: Bench, change: dict[str, Any]) -> None:
    """Edits, deletions, joins, bots, the pack itself and what is no message are not forwarded."""
    assert seen.kinds.read(callback(**message(**change))) == []


@pytest.mark.parametrize(
    ("hears", "from_", "expected"),
    [
        (["all"], {"bot_id": "B1", "user": "U1"}, True),
        (["all"], {"bot_id": "B1", "user": None, "subtype": "bot_message"}, True),
        (["B1"], {"bot_id": "B1"}, True),
        (["U1"], {"bot_id": "B1", "user": "U1"}, True),
        (["A1"], {"bot_id": "B1", "app_id": "A1"}, True),
        (["A1"], {"bot_id": "B1", "bot_profile": {"app_id": "A1"}}, True),
        (["B2", "U2", "A2"], {"bot_id": "B1", "user": "U1", "app_id": "A1"}, False),
        (["B1"], {"bot_id": "B1", "subtype": "channel_join"}, False),
        (["USLACKBOT"], {"user": "USLACKBOT"}, True),
        (["all", "U0FLYTE"], {"user": "U0FLYTE", "bot_id": "B0FLYTE"}, False),
        (["all"], {"user": "U9", "bot_id": "B0FLYTE"}, False),
        (["all"], {"user": "U9", "bot_id": "B9", "app_id": "A0FLYTE"}, False),
        (["all"], {"user": "U9", "bot_id": "B9", "bot_profile": {"app_id": "A0FLYTE"}}, False),
    ],
)
async def test_bots_that_are_heard(
    slack: ScriptedSlack, hears: list[str], from_: dict[str, Any], expected: bool
) -> None:
    """`FLYTE_SLACK_FORWARD_BOTS` lets other bots through, by id, user, app or all; never the pack's own."""
    async with bench(slack, "MessageSent", hears=hears) as made:
        assert bool(made.kinds.read(callback(**message(**from_)))) is expected


async def test_bot_without_a_user(slack: ScriptedSlack) -> None:
    """A bot's message without a user: the bot's id, and the name that it used."""
    async with bench(slack, "MessageSent", hears=["all"]) as made:
        alert = message(user=None, subtype="bot_message", bot_id="B0ALERTS", username="Alerts")
        user = (await made.payload(**alert))["user"]
        assert user == NOBODY | {"id": "B0ALERTS", "name": "Alerts", "isBot": "true"}
        user = (await made.payload(**message(user="U0BOBBY", bot_id="B1")))["user"]
        assert (user["name"], user["isBot"]) == ("bobby", "true")


async def test_own_message_is_known_before_slack_has_told(slack: ScriptedSlack) -> None:
    """Before `auth.test` has answered, the payload itself says who the bot is."""
    from flyte_slack.slack.api.clock import SlackClock
    from flyte_slack.slack.workspace.identity import Identity

    async with bench(slack, "MessageSent", hears=["all"], identity=Identity(SlackClock())) as made:
        assert made.kinds.read(callback(**message(user="U0FLYTE", bot_id="B0FLYTE"))) == []
        assert made.kinds.read(callback(**message(user="U1", bot_id="B1", app_id="A0FLYTE"))) == []
        assert made.kinds.read(callback(**message()))


@pytest.mark.parametrize(
    ("outer", "team"),
    [
        (
            {"team_id": "T0PARTNER", "context_team_id": "T0HOME", "authorizations": [{"team_id": "T0INST"}]},
            "T0INST",
        ),
        ({"team_id": "T0PARTNER", "context_team_id": "T0HOME", "authorizations": []}, "T0HOME"),
        ({"team_id": "T0PARTNER", "authorizations": None}, "T0ACME"),
        ({"team_id": None, "authorizations": [{"team_id": None}]}, "T0ACME"),
    ],
)
async def test_team_is_where_the_app_is_installed(seen: Bench, outer: dict[str, Any], team: str) -> None:
    """`teamId` is the installation's workspace, not that of a writer from elsewhere."""
    event = await seen.event(callback(**message(team="E0GRID", user_team="T0PARTNER")) | outer)
    assert event.payload["teamId"] == team


async def test_stranger_has_the_names_that_the_event_carries(seen: Bench) -> None:
    """Who cannot be looked up, as people of other organisations, is named by the event's `user_profile`."""
    profile = {
        "name": "eve",
        "display_name": "Eve",
        "first_name": "Eve",
        "real_name": "Eve Ext",
        "team": "T9",
    }
    user = (await seen.payload(**message(user="U0EXTERN", user_profile=profile)))["user"]
    assert user == NOBODY | {"id": "U0EXTERN", "name": "eve", "displayName": "Eve", "firstName": "Eve"}


async def test_file_that_must_be_asked_for(seen: Bench, slack: ScriptedSlack) -> None:
    """A file of another organisation is looked up; if that fails, its id is left."""
    files = [{"id": "F0CONNECT1", "mode": "file_access", "file_access": "check_file_info"}]
    ((file,),) = [(await seen.payload(**message(files=files)))["files"]]
    assert file == {"id": "F0CONNECT1", "name": "", "mimetype": "", "size": "", "permalink": ""}
    slack.judge = lambda call: {"file": FILE} if call.method == "files.info" else knows(call)
    files[0]["id"] = "F0CONNECT2"
    ((file,),) = [(await seen.payload(**message(files=files)))["files"]]
    assert (file["id"], file["name"], file["size"]) == ("F0CONNECT2", "log.txt", "4096")


def test_no_field_stands_in_for_another() -> None:
    """An empty display name stays empty: no fall-back to the real name."""
    user = User.from_slack("U1", {"name": "bobby", "real_name": "Bobby", "profile": {"real_name": "Bobby"}})
    assert user == User(id="U1", name="bobby")


@pytest.mark.parametrize("user", [{}, {"profile": None}, {"profile": []}, {"is_bot": "yes", "name": None}])
def test_odd_profiles_are_read(user: dict[str, Any]) -> None:
    """A profile in an unexpected shape gives the id."""
    assert User.from_slack("U1", user) == User(id="U1")


@pytest.mark.parametrize(
    ("channel", "kind", "name"),
    [
        ({"is_channel": True, "name": "general"}, "channel", "general"),
        ({"is_channel": True, "is_private": True, "name": "secret"}, "group", "secret"),
        ({"is_group": True, "name": "old"}, "group", "old"),
        (
            {"is_mpim": True, "is_private": True, "is_group": True, "name": "mpdm-a--b-1"},
            "mpim",
            "mpdm-a--b-1",
        ),
        ({"is_im": True, "user": "U1"}, "im", ""),
    ],
)
def test_channel_types(channel: dict[str, Any], kind: str, name: str) -> None:
    """A channel's type is read from `conversations.info`."""
    assert Channel.from_slack("C1", channel) == Channel("C1", name, kind)


def test_id_alone_tells_a_direct_message_only() -> None:
    """Of an id alone no more is told than it tells."""
    types = [Channel.unknown(id_).type for id_ in ("D1", "C1", "G1")]
    assert types == ["im", "", ""]

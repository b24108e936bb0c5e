"""From Slack's JSON to `MessageSent`: exact, complete, and strings only (contract, section 3)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from flyte_slack.slack.api.timestamps import instant
from flyte_slack.slack.events.message_sent import is_from_people, message_sent
from flyte_slack.slack.workspace.profiles import Channel, User

MESSAGE: dict[str, Any] = {
    "type": "message",
    "channel": "C024BE91L",
    "channel_type": "channel",
    "user": "U023BECGF",
    "text": "echo hello &amp; <@U1>",
    "ts": "1503435956.000247",
    "client_msg_id": "x",
}
GENERAL = Channel("C024BE91L", "general", "channel")
BOBBY = {
    "id": "U023BECGF",
    "name": "bobby",
    "real_name": "Bobby Tables",
    "is_bot": False,
    "profile": {
        "display_name": "Bobby T",
        "email": "bobby@example.com",
        "title": "SRE",
        "first_name": "Bobby",
        "last_name": "Tables",
        "real_name": "Bobby Tables",
    },
}
FILE = {
    "id": "F0S43PZDF",
    "name": "log.txt",
    "mimetype": "text/plain",
    "size": 4096,
    "permalink": "https://x.slack.com/files/F0S43PZDF",
    "url_private": "https://files.slack.com/secret",
    "created": 1,
}


def payload(message: dict[str, Any], channel: Channel = GENERAL, user: User | None = None) -> dict[str, Any]:
    user = user or User.from_slack("U023BECGF", BOBBY)
    return dict(message_sent("channel", message, channel=channel, user=user, team_id="T012AB3C4").payload)


def test_payload_is_exact() -> None:
    """Every key of the contract, no other, and Slack's own text untouched."""
    assert payload(MESSAGE | {"files": [FILE]}) == {
        "origin": "channel",
        "channelId": "C024BE91L",
        "channelName": "general",
        "channelType": "channel",
        "message": "echo hello &amp; <@U1>",
        "timestamp": "1503435956.000247",
        "threadTimestamp": "1503435956.000247",
        "teamId": "T012AB3C4",
        "user": {
            "id": "U023BECGF",
            "name": "bobby",
            "displayName": "Bobby T",
            "email": "bobby@example.com",
            "title": "SRE",
            "firstName": "Bobby",
            "lastName": "Tables",
            "isBot": "false",
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


def test_unknown_is_empty_never_null() -> None:
    """With next to nothing known every key is there all the same, and `""`."""
    bare = payload({"ts": "1.0", "text": None, "files": None}, Channel("C1"), User("U1"))
    assert bare == {
        "origin": "channel",
        "channelId": "C1",
        "channelName": "",
        "channelType": "",
        "message": "",
        "timestamp": "1.0",
        "threadTimestamp": "1.0",
        "teamId": "T012AB3C4",
        "user": dict.fromkeys(
            ("id", "name", "displayName", "email", "title", "firstName", "lastName", "isBot"), ""
        )
        | {"id": "U1", "isBot": "false"},
        "files": [],
    }


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE | {"files": [FILE, {}, {"id": "F1", "size": None, "name": True}, "no file", None]},
        {"ts": 1503435956.5, "text": 12, "thread_ts": False, "files": "no list"},
        {"ts": "1.0", "files": {"id": "F1"}},
        {},
    ],
)
def test_all_values_are_strings(message: dict[str, Any]) -> None:
    """Whatever Slack sends, every value is a string, or an object or list of them; keys suit MongoDB."""

    def check(value: object) -> None:
        if isinstance(value, dict):
            for key, member in value.items():
                assert "." not in key
                assert not key.startswith("$")
                check(member)
        elif isinstance(value, list):
            for member in value:
                check(member)
        else:
            assert isinstance(value, str)

    check(payload(message))


def test_reply_names_its_thread() -> None:
    """`threadTimestamp` is the thread's root."""
    assert payload(MESSAGE | {"thread_ts": "1503435900.000001"})["threadTimestamp"] == "1503435900.000001"


def test_direct_message_has_no_channel_name() -> None:
    """`channelName` of a direct message is `""`, whatever Slack calls it."""
    direct = payload(MESSAGE, Channel("D1", "bobby", "im"))
    assert (direct["channelName"], direct["channelType"]) == ("", "im")


def test_no_field_stands_in_for_another() -> None:
    """An empty display name stays empty: no fall-back to the real name."""
    user = User.from_slack("U1", {"name": "bobby", "real_name": "Bobby", "profile": {"real_name": "Bobby"}})
    assert user == User(id="U1", name="bobby")


@pytest.mark.parametrize("user", [{}, {"profile": None}, {"profile": []}, {"is_bot": "yes", "name": None}])
def test_odd_profiles_are_read(user: dict[str, Any]) -> None:
    """A profile in an unexpected shape gives the id."""
    assert User.from_slack("U1", user) == User(id="U1")


def test_created_at_is_the_time_in_slack() -> None:
    """`createdAt` is the time of the message in Slack, RFC 3339, UTC, to the microsecond."""
    event = message_sent("command", MESSAGE, channel=GENERAL, user=User(), team_id="")
    assert event.wire()["createdAt"] == "2017-08-22T21:05:56.000247Z"
    assert event.payload["origin"] == "command"


@pytest.mark.parametrize("timestamp", ["", "soon", "1e99", "nan", "-1e99", "inf"])
def test_ts_that_is_no_time_is_now(timestamp: str) -> None:
    """A `ts` that stands for no time costs the time, not the message."""
    before = datetime.now(UTC)
    assert before <= instant(timestamp) <= datetime.now(UTC)


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
    assert (Channel.unknown("D1").type, Channel.unknown("C1").type, Channel.unknown("G1").type) == (
        "im",
        "",
        "",
    )


@pytest.mark.parametrize("subtype", [None, "", "file_share", "thread_broadcast", "me_message"])
def test_what_people_write_is_forwarded(subtype: str | None) -> None:
    """Messages that people write are forwarded."""
    assert is_from_people(MESSAGE | {"subtype": subtype}, "UBOT")


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"subtype": subtype}
            for subtype in ("message_changed", "message_deleted", "channel_join", "bot_message")
        ),
        {"subtype": "reminder_add"},
        {"subtype": "message_replied"},
        {"bot_id": "B1"},
        {"bot_id": "B1", "subtype": "file_share"},
        {"user": "UBOT"},
        {"user": "USLACKBOT"},
        {"hidden": True},
        {"type": "reaction_added"},
        {"type": "app_mention"},
        {"ts": ""},
        {"channel": None},
    ],
)
def test_the_rest_is_not_forwarded(change: dict[str, Any]) -> None:
    """Edits, deletions, joins, bots, the pack itself and what is no message are not forwarded."""
    assert not is_from_people(MESSAGE | change, "UBOT")


def test_own_user_need_not_be_known() -> None:
    """Before the pack knows its own user it forwards people's messages, and bots' not."""
    assert is_from_people(MESSAGE)
    assert not is_from_people(MESSAGE | {"bot_id": "B1", "user": "UBOT"})

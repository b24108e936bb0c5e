"""Reading a command's input leniently, where the meaning is clear (contract, section 4)."""

import json
from typing import Any

import pytest

from flyte_slack.errors import InvalidInput
from flyte_slack.slack.commands.inputs import as_timestamp, read_input
from flyte_slack.slack.commands.message_input import SendMessageInput


def arguments(**input_: Any) -> dict[str, Any]:
    """Return what an input is read as, by Slack's names; what is absent is left out."""
    read = read_input(SendMessageInput, {"channelId": "C1", "message": "hi"} | input_)
    given = {"channel": read.channel_id, "thread_ts": read.thread_timestamp} | read.looks() | read.how()
    reply = {"reply_broadcast": read.reply_broadcast}
    return {name: value for name, value in (given | reply).items() if value not in (None, "", [])}


def refusal(**input_: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        arguments(**input_)
    return str(caught.value)


def test_least_input() -> None:
    """A channel and a text are enough, and nothing else is sent."""
    assert arguments() == {"channel": "C1", "text": "hi"}


def test_every_field_has_its_argument() -> None:
    """Every field reaches Slack under Slack's name."""
    assert arguments(
        threadTimestamp="1503435956.000247",
        replyBroadcast=True,
        blocks=[{"type": "divider"}],
        attachments=[{"text": "a"}],
        username="Flyte",
        iconEmoji=":robot:",
        iconUrl="https://example.com/i.png",
        unfurlLinks=False,
        unfurlMedia=True,
    ) == {
        "channel": "C1",
        "text": "hi",
        "thread_ts": "1503435956.000247",
        "reply_broadcast": True,
        "blocks": [{"type": "divider"}],
        "attachments": [{"text": "a"}],
        "username": "Flyte",
        "icon_emoji": ":robot:",
        "icon_url": "https://example.com/i.png",
        "unfurl_links": False,
        "unfurl_media": True,
    }


@pytest.mark.parametrize(
    ("given", "read"),
    [("true", True), ("True", True), ("false", False), ("False", False), (True, True), (False, False)],
)
@pytest.mark.parametrize("field", ["unfurlLinks", "unfurlMedia", "replyBroadcast"])
def test_booleans(field: str, given: object, read: bool) -> None:
    """A template's `"True"` is a boolean."""
    snake = {
        "unfurlLinks": "unfurl_links",
        "unfurlMedia": "unfurl_media",
        "replyBroadcast": "reply_broadcast",
    }
    assert arguments(**{field: given, "threadTimestamp": "1.000001"})[snake[field]] is read


@pytest.mark.parametrize("bad", ["maybe", "yes", 1, 0, "1.000000", [], {}])
def test_no_boolean(bad: object) -> None:
    """What cannot be read as a boolean is refused, and the field named."""
    assert "unfurlLinks must be true or false" in refusal(unfurlLinks=bad)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (3, "3"),
        (3.0, "3"),
        (3.25, "3.25"),
        (0, "0"),
        (-1, "-1"),
        ("3.000000", "3.000000"),
        (1e21, "1" + "0" * 21),
    ],
)
def test_number_for_a_text(given: object, read: str) -> None:
    """YAML's numbers are texts; a whole float lost nothing but its type."""
    assert arguments(message=given)["text"] == read


def test_number_for_a_channel() -> None:
    """A channel that looks like a number is one all the same."""
    assert arguments(channelId=12345)["channel"] == "12345"
    assert arguments(channelId=12345.0)["channel"] == "12345"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (1503435956.000247, "1503435956.000247"),
        (1503435956.1, "1503435956.100000"),
        (1503435956, "1503435956.000000"),
        ("1503435956.000247", "1503435956.000247"),
    ],
)
def test_number_for_a_timestamp(given: object, read: str) -> None:
    """An unquoted `ts` in YAML is a number; its six digits are restored."""
    assert arguments(threadTimestamp=given)["thread_ts"] == read


@pytest.mark.parametrize(
    "field",
    [
        "threadTimestamp",
        "replyBroadcast",
        "blocks",
        "attachments",
        "username",
        "iconEmoji",
        "iconUrl",
        "unfurlLinks",
        "unfurlMedia",
    ],
)
@pytest.mark.parametrize("empty", ["", None])
def test_empty_counts_as_absent(field: str, empty: object) -> None:
    """A template without a value renders `""`: the field is absent."""
    assert arguments(**{field: empty}) == {"channel": "C1", "text": "hi"}


@pytest.mark.parametrize("field", ["blocks", "attachments"])
def test_json_in_a_string(field: str) -> None:
    """A string that holds JSON is read, since templates can give nothing else."""
    assert arguments(**{field: '[{"type": "divider"}]'})[field] == [{"type": "divider"}]
    assert arguments(**{field: '[{"type": "divider"}]', "message": ""}).keys() == {"channel", field}


@pytest.mark.parametrize("bad", ["{broken", 3, True, '"text"', "null", [3], ["{}"], '[["a"]]'])
@pytest.mark.parametrize("field", ["blocks", "attachments"])
def test_no_list(field: str, bad: object) -> None:
    """What is no list, nor JSON of one, is refused, and the field named."""
    assert refusal(**{field: bad}).startswith(f"{field} must be a list")


@pytest.mark.parametrize("missing", [{"channelId": ""}, {"channelId": None}])
def test_channel_is_required(missing: dict[str, object]) -> None:
    """Without a channel there is nowhere to post."""
    assert "channelId is required" in refusal(**missing)
    with pytest.raises(InvalidInput, match="channelId is required"):
        read_input(SendMessageInput, {})


def test_content_is_required() -> None:
    """A message is required, unless there are blocks or attachments."""
    assert "message is required" in refusal(message="")
    assert "message is required" in refusal(message="", blocks=[])
    assert arguments(message="", attachments=[{"text": "a"}]) == {
        "channel": "C1",
        "attachments": [{"text": "a"}],
    }


def test_every_wrong_field_is_named_at_once() -> None:
    """One answer names every field that cannot be read."""
    said = refusal(channelId=[], message={}, unfurlLinks="maybe", blocks="x", threadTimestamp=True)
    for field in ("channelId", "message", "unfurlLinks", "blocks", "threadTimestamp"):
        assert field in said
    assert "maybe" not in said


@pytest.mark.parametrize(
    ("field", "nearest"),
    [
        ("thread_ts", "threadTimestamp"),
        ("threadTs", "threadTimestamp"),
        ("threadTimestmap", "threadTimestamp"),
        ("thread_timestamp", "threadTimestamp"),
        ("text", "message"),
        ("channel", "channelId"),
        ("chanelId", "channelId"),
        ("icon_emoji", "iconEmoji"),
    ],
)
def test_unknown_field_names_the_nearest(field: str, nearest: str) -> None:
    """A misspelt field is refused, with the one that is meant: a reply must not go into the channel."""
    said = refusal(**{field: "secret"})
    assert said == f"there is no field {field}: did you mean {nearest}?"


def test_unknown_field_that_is_near_to_none() -> None:
    """A field that is like no other is refused all the same, and its value not told."""
    assert refusal(zz="secret") == "there is no field zz"
    assert refusal(zz="") == "there is no field zz"


@pytest.mark.parametrize("field", ["blocks", "attachments"])
@pytest.mark.parametrize("as_text", [False, True])
def test_one_object_alone_and_what_the_builder_copies(field: str, as_text: bool) -> None:
    """One block alone, and the object that the Block Kit Builder copies, are what they look like."""
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
    for given in ([block], block, {field: [block]}):
        assert arguments(**{field: json.dumps(given) if as_text else given})[field] == [block]


@pytest.mark.parametrize(
    "given",
    [
        "1602251441.0017",
        "1602251441001700",
        1602251441001700,
        1602251441.0017,
        "p1602251441001700",
        " 1602251441.001700\n",
        "1.6022514410017E9",
        "https://acme.slack.com/archives/C1/p1602251441001700?thread_ts=1602251441.001700&cid=C1",
    ],
)
def test_timestamp_as_people_have_it(given: object) -> None:
    """A timestamp without its zeros or its point, or as the end of a permalink, is the same timestamp."""
    assert as_timestamp(given) == "1602251441.001700"
    assert arguments(threadTimestamp=given)["thread_ts"] == "1602251441.001700"


@pytest.mark.parametrize("bad", ["yesterday", "nan", "inf", "-1", True, [], {}, "1602251441.001700x", "p123"])
def test_no_timestamp(bad: object) -> None:
    """What is no timestamp is refused: Slack would show the reply nowhere."""
    assert "threadTimestamp must be the timestamp of a message" in refusal(threadTimestamp=bad)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"markdown": "hi"}, "message and markdown exclude each other"),
        ({"longText": "maybe"}, "longText"),
        ({"mentions": "some"}, "mentions"),
        ({"buttons": "x"}, "buttons must be a list of buttons"),
        ({"buttons": [{"text": "Yes"}]}, "buttons.0.actionId is required"),
        (
            {"buttons": [{"text": "Yes", "actionId": "a", "colour": "red"}]},
            "buttons.0: there is no field colour",
        ),
        ({"buttons": [{"text": "Yes", "actionId": "a", "style": "red"}]}, "buttons.0.style"),
    ],
)
def test_further_inputs_that_cannot_be_read(given: dict[str, Any], said: str) -> None:
    """Further inputs are refused by name too, those of buttons included."""
    assert said in refusal(**given)

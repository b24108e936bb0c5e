"""Reading a command's input leniently, where the meaning is clear (contract, section 4)."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from flyte_slack.errors import InvalidInput
from flyte_slack.slack.commands.inputs import read_input
from flyte_slack.slack.commands.send_message import SendMessageInput, lane


def arguments(**input_: Any) -> dict[str, Any]:
    """Return what `chat.postMessage` gets for an input."""
    return read_input(SendMessageInput, {"channelId": "C1", "message": "hi"} | input_).arguments()


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


@pytest.mark.parametrize(
    "bad", ["{broken", '{"type": "divider"}', {"type": "divider"}, 3, True, '"text"', "null"]
)
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


def test_unknown_fields_are_named_in_a_debug_line() -> None:
    """Unknown fields are ignored and named, not refused; their values are not logged."""
    with capture_logs() as logged:
        assert arguments(chanelId="secret", zz=1) == {"channel": "C1", "text": "hi"}
    (line,) = logged
    assert line["log_level"] == "debug"
    assert line["fields"] == ["chanelId", "zz"]
    assert "secret" not in str(line)


def test_broadcast_without_a_thread_is_left_out() -> None:
    """`replyBroadcast` is about a reply: without a thread it means nothing, and Slack would refuse it."""
    assert arguments(replyBroadcast="true") == {"channel": "C1", "text": "hi"}


@pytest.mark.parametrize(
    ("channel", "expected"),
    [("C1", "C1"), ("#ops", "ops"), (" C1 ", "C1"), (12, "12"), (None, ""), ([], ""), ({}, "")],
)
def test_lane_is_the_channel(channel: object, expected: str) -> None:
    """Actions stay in order with others of their channel; telling the lane never fails."""
    assert lane({"channelId": channel}) == expected
    assert lane({}) == ""


def test_lane_of_a_number_is_the_channel_it_stands_for() -> None:
    """A channel given as a number has the lane of the same channel given as a text."""
    assert lane({"channelId": 12345.0}) == lane({"channelId": "12345"})

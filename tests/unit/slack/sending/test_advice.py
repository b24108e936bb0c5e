"""What a flow's author is told: what is wrong and what to do, in a sentence (contract, section 4)."""

import pytest
from slack_codes import MESSAGE, TARGET, TOKEN

from flyte_slack.errors import CallRefused
from flyte_slack.slack.api.failures import Kind
from flyte_slack.slack.sending.advice import advise


def advice(code: str, kind: Kind, needed: str = "", bot: str = "flyte") -> str:
    refusal = CallRefused(code, kind, needed=needed)
    return advise(refusal, channel="#ops", thread="1.000001", bot=bot, needs=["chat:write"])


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((code, Kind.CONFIGURATION) for code in (TOKEN + " " + TARGET).split()),
        *((code, Kind.INPUT) for code in MESSAGE.split()),
        ("quite_new_error", Kind.REJECTED),
        ("thread_not_found", Kind.INPUT),
        ("user_not_found", Kind.CONFIGURATION),
        ("slack_connect_file_link_sharing_blocked", Kind.CONFIGURATION),
    ],
)
def test_every_code_has_a_sentence(code: str, kind: Kind) -> None:
    """Every code gives a sentence without a gap, that is more than the code."""
    sentence = advice(code, kind)
    assert "{" not in sentence
    assert len(sentence.split()) >= 5


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("not_in_channel", ["#ops", "/invite @flyte"]),
        ("channel_not_found", ["#ops", "channelId", "/invite @flyte"]),
        ("is_archived", ["#ops", "archived"]),
        ("invalid_auth", ["SLACK_BOT_TOKEN"]),
        ("token_revoked", ["install"]),
        ("msg_too_long", ["longText"]),
        ("restricted_action_read_only_channel", ["#ops", "restricted_action_read_only_channel"]),
        ("invalid_blocks_format", ["invalid_blocks_format"]),
        ("thread_not_found", ["1.000001", "threadTimestamp"]),
    ],
)
def test_sentence_names_what_to_do(code: str, parts: list[str]) -> None:
    """The sentence names the channel as people know it, and the thing to change."""
    sentence = advice(code, Kind.CONFIGURATION)
    assert [part for part in parts if part not in sentence] == []


def test_missing_scope_is_named() -> None:
    """The scope is named, or the one that posting needs where Slack names none."""
    assert "chat:write.customize" in advice("missing_scope", Kind.CONFIGURATION, "chat:write.customize")
    assert "chat:write" in advice("missing_scope", Kind.CONFIGURATION)


def test_unknown_code_is_shown() -> None:
    """A code nobody has heard of is in the sentence."""
    assert "quite_new_error" in advice("quite_new_error", Kind.REJECTED)


def test_bot_without_a_known_name_can_be_invited() -> None:
    """Before the bot's name is known the advice still reads."""
    assert "/invite @bot" in advice("not_in_channel", Kind.CONFIGURATION, bot="")


def test_braces_in_a_name_do_no_harm() -> None:
    """A channel called like a placeholder is only a name."""
    refusal = CallRefused("not_in_channel", Kind.CONFIGURATION)
    assert "{code}" in advise(refusal, channel="{code}", thread="", bot="", needs=[])


def test_advice_contradicts_no_limit_that_the_message_keeps() -> None:
    """A message of 5,000 characters that Slack finds too long is not told that 40,000 are fine."""
    sentence = advice("msg_too_long", Kind.INPUT)
    assert "40,000" not in sentence
    assert "longText" in sentence


def test_slacks_own_details_are_told() -> None:
    """What Slack says of what is wrong is in the sentence: which block it is, and why."""
    refusal = CallRefused("invalid_blocks", Kind.INPUT, details=["no more than 50 items allowed"])
    sentence = advise(refusal, channel="#ops", thread="", bot="flyte", needs=[])
    assert "no more than 50 items allowed" in sentence
    assert "Block Kit Builder" in sentence

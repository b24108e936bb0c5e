"""What a text may ring: what may not reads the same, and is no mention any more (contract, section 10)."""

from typing import Any

import pytest

from flyte_slack.slack.sending.mentions import Mentions, Muzzle, people

NAMES = {"U1": "Bobby T"}


def quiet(value: Any, mentions: Mentions = "people") -> Any:
    return Muzzle(mentions, NAMES).value(value)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("<!channel> look", "@channel look"),
        ("<!here>", "@here"),
        ("<!here|here>", "@here"),
        ("<!everyone|what ever>", "@everyone"),
        ("<!HERE>", "@here"),
        ("<!subteam^S1|@devs>", "@devs"),
        ("<!subteam^S1>", "@S1"),
        ("`<!here>` in code", "`@here` in code"),
        ("<!<!here>here>", "<!@herehere>"),
        ("<!sub<!here>team^S1>", "<!sub@hereteam^S1>"),
        ("&lt;!here&gt;", "&lt;!here&gt;"),
        (
            "<!date^1^{date}|then> <#C1> <https://a.example|a>",
            "<!date^1^{date}|then> <#C1> <https://a.example|a>",
        ),
        ("@here and @channel", "@here and @channel"),
    ],
)
def test_groups_are_words(text: str, read: str) -> None:
    """By default whole channels and groups are not rung, labels and code spans included; the rest stays."""
    assert quiet(text) == read
    assert quiet(text, "none") == read


def test_people_are_rung_unless_nobody_may_be() -> None:
    """People are rung by default; with `none` they are named."""
    text = "<@U1> <@U2|rob> <@U3>"
    assert quiet(text) == text
    assert quiet(text, "none") == "@Bobby T @rob @U3"
    assert people([text, {"elements": [{"type": "user", "user_id": "U4"}]}]) == {"U1", "U2", "U3", "U4"}


def test_every_string_of_blocks() -> None:
    """A mention hides in no corner of blocks or attachments."""
    blocks = [
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "<!here>"},
            "fields": [{"text": "<!channel>"}],
        },
        {"type": "markdown", "text": "**<!everyone>**"},
        {"type": "image", "alt_text": "<!here>", "number": 3, "flag": True, "none": None},
    ]
    assert quiet(blocks) == [
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "@here", "verbatim": True},
            "fields": [{"text": "@channel"}],
        },
        {"type": "markdown", "text": "**@everyone**"},
        {"type": "image", "alt_text": "@here", "number": 3, "flag": True, "none": None},
    ]


def test_elements_of_rich_text() -> None:
    """Rich text mentions by elements: they become text of the same style."""
    elements = [
        {"type": "broadcast", "range": "here", "style": {"bold": True}},
        {"type": "usergroup", "usergroup_id": "S1"},
        {"type": "user", "user_id": "U1"},
    ]
    words = [
        {"type": "text", "text": "@here", "style": {"bold": True}},
        {"type": "text", "text": "@S1"},
    ]
    assert quiet(elements) == [*words, elements[2]]
    assert quiet(elements, "none") == [*words, {"type": "text", "text": "@Bobby T"}]


def test_plain_words_are_not_read_as_names() -> None:
    """Slack reads names into some plain words of a block: where there is such a word, it is told not to."""
    assert quiet({"type": "mrkdwn", "text": "@here", "verbatim": False})["verbatim"] is True
    for text in ("hello", "<@U1> https://a.example", "mail bob@a.example"):
        assert quiet({"type": "mrkdwn", "text": text}) == {"type": "mrkdwn", "text": text}

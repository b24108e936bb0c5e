"""`sendMessage`'s further inputs: Markdown, buttons, keys, mentions, long texts (contract, section 10)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from command_parts import execute, usual
from remembering_slack import RememberingSlack
from scripted_slack import Answer, Call
from slack_parts import Action, Clock, virtual_clock

from flyte_slack.pack import Event
from flyte_slack.slack.commands.send_message import SendMessage
from flyte_slack.slack.sending.likeness import metadata

LONG = "\n\n".join(f"paragraph {number} " + "word " * 150 for number in range(12))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return virtual_clock(monkeypatch)


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[RememberingSlack]:
    slack = RememberingSlack("C1")
    slack.now = clock.time
    slack.judge = usual
    async with slack.serve():
        yield slack


class Flow:
    """Sends messages one after the other, with what they remember."""

    def __init__(self, slack: RememberingSlack, clock: Clock) -> None:
        self._slack = slack
        self._clock = clock
        self.keys: dict[tuple[str, str], object] = {}

    async def send(self, action: Action | None = None, setting: str = "people", **input_: Any) -> Event:
        action = action or Action()
        action.keys = self.keys
        given = {"channelId": "C1"} | input_
        return await execute(self._slack, SendMessage, given, action, clock=self._clock, mentions=setting)


@pytest.fixture
def flow(slack: RememberingSlack, clock: Clock) -> Flow:
    return Flow(slack, clock)


def limit(slack: RememberingSlack, characters: int) -> None:
    """Have Slack refuse texts over a limit of its own."""

    def judge(call: Call) -> Answer | None:
        posts = call.method == "chat.postMessage" and len(call.arguments.get("text", "")) > characters
        return "msg_too_long" if posts else usual(call)

    slack.judge = judge


async def test_markdown_goes_as_markdown(slack: RememberingSlack, flow: Flow) -> None:
    """Markdown alone is Slack's to render; it excludes text and blocks."""
    assert (await flow.send(markdown="**hi** <!here>")).name == "MessageSent"
    posted = slack.posted[0]
    assert posted["markdown_text"] == "**hi** @here"
    assert not {"text", "blocks", "mrkdwn"} & posted.keys()


async def test_buttons_under_a_text(slack: RememberingSlack, flow: Flow) -> None:
    """Buttons are shown under the text, which is in a block then, and stays the notification's."""
    button = {"text": "Yes", "actionId": "approve", "value": "7", "style": "primary", "url": ""}
    await flow.send(message="Deploy?", buttons=[button])
    assert slack.posted[0]["text"] == "Deploy?"
    assert slack.posted[0]["blocks"] == [
        {"type": "section", "text": {"type": "mrkdwn", "text": "Deploy?"}},
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "text": {"type": "plain_text", "text": "Yes", "emoji": True},
                    "action_id": "approve",
                    "value": "7",
                    "style": "primary",
                }
            ],
        },
    ]


async def test_buttons_under_other_things(slack: RememberingSlack, flow: Flow) -> None:
    """Under Markdown, blocks, and texts that are longer than a section, buttons are shown too."""
    buttons = {"text": "Yes", "actionId": "a"}
    await flow.send(markdown="**hi**", buttons=buttons)
    await flow.send(blocks=[{"type": "divider"}], message="hi", buttons=buttons)
    await flow.send(message="word " * 1000, buttons=buttons)
    kinds = [[block["type"] for block in posted["blocks"]] for posted in slack.posted]
    assert kinds == [["markdown", "actions"], ["divider", "actions"], ["section", "section", "actions"]]
    assert "markdown_text" not in slack.posted[0]
    assert all(len(block["text"]["text"]) <= 3000 for block in slack.posted[2]["blocks"][:2])


@pytest.mark.parametrize(
    ("setting", "given", "sent"),
    [
        ("people", None, "@here <@U1>"),
        ("all", None, "<!here> <@U1>"),
        ("none", None, "@here @Flyte"),
        ("none", "all", "<!here> <@U1>"),
        ("all", "people", "@here <@U1>"),
    ],
)
async def test_mentions(
    slack: RememberingSlack, flow: Flow, setting: str, given: str | None, sent: str
) -> None:
    """What may ring is the setting's to say, unless the command says it; Slack reads no names into words."""
    await flow.send(setting=setting, message="<!here> <@U1>", mentions=given)
    posted = slack.posted[0]
    assert posted["text"] == sent
    assert (posted.get("parse"), posted.get("link_names")) == (
        (None, None) if "all" in {given or setting} else ("none", False)
    )


async def test_thread_key(slack: RememberingSlack, flow: Flow) -> None:
    """The first message with a key is the root of a thread, later ones are replies in it."""
    first = await flow.send(message="one", threadKey="build-7")
    second = await flow.send(message="two", threadKey="build-7")
    other = await flow.send(message="three", threadKey="build-8")
    root = first.payload["timestamp"]
    assert second.payload["threadTimestamp"] == root
    assert other.payload["threadTimestamp"] == other.payload["timestamp"]
    assert [posted.get("thread_ts") for posted in slack.posted] == [None, root, None]


async def test_thread_timestamp_wins_over_the_key(slack: RememberingSlack, flow: Flow) -> None:
    """A thread that is named goes before the key's, and the key does not stand for it."""
    root = slack.write(1_699_999_999.0)["ts"]
    await flow.send(message="one", threadKey="k", threadTimestamp=root)
    assert slack.posted[0]["thread_ts"] == root
    assert flow.keys == {}


async def test_update_key(slack: RememberingSlack, flow: Flow) -> None:
    """The first message with a key is posted, later ones change it: nothing of the old one stays."""
    first = await flow.send(message="0 %", updateKey="build-7", blocks=[{"type": "divider"}])
    second = await flow.send(message="50 % <!here>", updateKey="build-7")
    assert (first.name, second.name) == ("MessageSent", "MessageUpdated")
    assert len(slack.posted) == 1
    (update,) = [call.arguments for call in slack.of("chat.update")]
    assert update == {
        "channel": "C1",
        "ts": first.payload["timestamp"],
        "text": "50 % @here",
        "blocks": [],
        "attachments": [],
        "parse": "none",
        "link_names": False,
    }
    assert second.payload["timestamp"] == first.payload["timestamp"]
    assert (second.payload["origin"], second.payload["message"]) == ("command", "50 % @here")


async def test_keyed_message_that_is_gone_is_posted_anew(slack: RememberingSlack, flow: Flow) -> None:
    """If the message with the key was deleted, the next one is posted, and is the key's from then on."""
    await flow.send(message="one", updateKey="k")
    slack.answer("chat.update", "message_not_found")
    second = await flow.send(message="two", updateKey="k")
    assert second.name == "MessageSent"
    third = await flow.send(message="three", updateKey="k")
    assert third.name == "MessageUpdated"
    assert third.payload["timestamp"] == second.payload["timestamp"]


async def test_update_that_is_too_long(slack: RememberingSlack, flow: Flow) -> None:
    """Slack takes less of a message that is changed, and the failure says so."""
    await flow.send(message="one", updateKey="k")
    slack.answer("chat.update", "msg_too_long")
    event = await flow.send(message="x" * 5000, updateKey="k")
    assert (event.payload["code"], event.payload["kind"]) == ("message_too_long", "input")
    assert "4,000" in event.payload["error"]


async def test_updates_of_one_message_replace_each_other() -> None:
    """Of updates that wait the newest is enough; what cannot be read, or is too long, replaces nothing."""
    replaces = SendMessage.replaces
    given = {"channelId": "C1", "message": "hi", "updateKey": "k"}
    assert replaces(None, given) == "k"  # type: ignore[arg-type]
    for other in ({"updateKey": ""}, {"zz": 1}, {"message": "x" * 40_001}):
        assert replaces(None, given | other) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("over", [True, False])
async def test_long_text_in_parts(slack: RememberingSlack, flow: Flow, over: bool) -> None:
    """A text over the limit, or over Slack's own, becomes several messages, in order, each once."""
    text = LONG if not over else LONG * 5
    if not over:
        limit(slack, 4000)
    event = await flow.send(message=text, longText="split")
    written = slack.written()
    assert event.name == "MessageSent"
    assert len(written) > 2
    assert "".join("".join(one["text"] for one in written).split()) == "".join(text.split())
    assert event.payload["parts"] == [one["ts"] for one in written]
    assert event.payload["timestamp"] == written[0]["ts"]
    assert event.payload["message"] == text
    assert not any("thread_ts" in one for one in written)


async def test_parts_in_a_thread(slack: RememberingSlack, flow: Flow) -> None:
    """If there is a thread all parts are replies in it; the first with a key is the root of the others."""
    limit(slack, 4000)
    root = slack.write(1_699_999_999.0)["ts"]
    await flow.send(message=LONG, longText="split", threadTimestamp=root)
    assert {posted.get("thread_ts") for posted in slack.posted} == {root}
    slack.posted.clear()
    keyed = await flow.send(message=LONG, longText="split", threadKey="k")
    threads = [posted.get("thread_ts") for posted in slack.posted]
    assert threads[0] is None
    assert set(threads[1:]) == {keyed.payload["timestamp"]}


@pytest.mark.parametrize("posted", [0, 1, 2])
@pytest.mark.parametrize("answer", ["cut", "internal_error"])
async def test_part_whose_answer_is_lost_is_there_once(
    slack: RememberingSlack, flow: Flow, posted: int, answer: Answer
) -> None:
    """Each part is posted once, whichever of the answers is lost."""
    count = 0

    def judge(call: Call) -> Answer | None:
        nonlocal count
        if call.method == "chat.postMessage":
            count += 1
            if count == posted + 1:
                slack.swallowed.append(answer)
        return usual(call)

    slack.judge = judge
    event = await flow.send(message=LONG * 5, longText="split")
    assert event.name == "MessageSent"
    texts = [one["text"] for one in slack.written()]
    assert len(set(texts)) == len(texts)
    assert "".join("".join(texts).split()) == "".join((LONG * 5).split())
    assert event.payload["parts"] == [one["ts"] for one in slack.written()]


@pytest.mark.parametrize("there", [0, 1, 3])
async def test_crash_between_parts_repeats_none(
    slack: RememberingSlack, flow: Flow, clock: Clock, there: int
) -> None:
    """After a crash the parts that are in Slack are found, and the rest is posted."""
    limit(slack, 4000)
    complete = await flow.send(message=LONG, longText="split")
    texts = [one["text"] for one in slack.written()]
    assert complete.payload["parts"]
    slack.forget()
    begun_at = clock.time()
    for number, part in enumerate(texts[:there], 1):
        clock.now += 1
        slack.write(clock.time(), part, user="UBOT", metadata=metadata(Action().identity, number))
    action = Action(begun_at=begun_at)
    event = await flow.send(action, message=LONG, longText="split")
    assert [one["text"] for one in slack.written()] == texts
    assert event.payload["parts"] == [one["ts"] for one in slack.written()]


async def test_refused_part_ends_in_the_failure(slack: RememberingSlack, flow: Flow) -> None:
    """A part that Slack refuses is the failure; earlier parts stay, and are not taken for undone."""
    count = 0

    def judge(call: Call) -> Answer | None:
        nonlocal count
        count += call.method == "chat.postMessage"
        return "is_archived" if count == 2 and call.method == "chat.postMessage" else usual(call)

    slack.judge = judge
    action = Action()
    event = await flow.send(action, message=LONG * 5, longText="split")
    assert event.payload["code"] == "is_archived"
    assert len(slack.written()) == 1
    assert "not_executed" not in action.log


async def test_long_text_as_a_file(slack: RememberingSlack, flow: Flow) -> None:
    """A text over the limit becomes a text snippet, and the result is the message that shares it."""
    slack.answer("files.getUploadURLExternal", {"upload_url": f"{slack.url}/api/upload", "file_id": "F1"})
    shares = {"public": {"C1": [{"ts": "1700000000.000042"}]}}
    slack.answer("files.info", {"file": {"id": "F1", "shares": shares}})
    event = await flow.send(message=LONG * 5, longText="file", threadKey="k")
    assert event.name == "MessageSent"
    assert slack.posted == []
    (shared,) = [call.arguments for call in slack.of("files.completeUploadExternal")]
    assert (shared["channel_id"], shared["files"][0]["id"]) == ("C1", "F1")
    assert event.payload["timestamp"] == "1700000000.000042"
    assert event.payload["message"] == LONG * 5
    assert flow.keys["thread", "k"] == "1700000000.000042"


async def test_long_text_fails_by_default(slack: RememberingSlack, flow: Flow) -> None:
    """Nothing is cut or shortened that was not asked for; Markdown has a limit of its own."""
    for message, markdown in (("x" * 40_001, ""), ("", "x" * 12_001)):
        event = await flow.send(message=message, markdown=markdown)
        assert (event.payload["code"], event.payload["kind"]) == ("message_too_long", "input")
    assert slack.posted == []

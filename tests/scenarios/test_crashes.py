"""`kill -9` at each step of both ways through: what was stored is completed, once (promises 1, 2, 4, 5)."""

from itertools import groupby
from pathlib import Path

from faults import When
from harness import EVENTS, POST, RESULT, TAKE, World, each, eventually, world

from flyte_slack.sandbox.flows import Action

MOMENTS: tuple[When, ...] = ("before", "after")


async def test_between_acknowledgement_and_delivery(tmp_path: Path) -> None:
    """Messages acknowledged before kill -9 reach Flyte after the next start, once and in order."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel = w.channel("general")
        refused = w.faults.answer("POST", EVENTS, 503)
        texts = [str(number) for number in range(10)]
        for number, text in enumerate(texts, start=1):
            w.say(channel, text)
            await w.acknowledged(number)
        await eventually(lambda: refused.hits)
        w.pack.kill()
        await w.flyte.stop()  # with what the dead pack has sent
        assert w.flyte.seen == []
        refused.remove()
        await w.flyte.start()
        await w.pack.start()
        await w.delivered(10)
        await w.marked(channel)
        assert w.flyte.texts(channel)[:-1] == texts


async def test_at_an_event(tmp_path: Path) -> None:
    """A kill as Flyte gets an event: it comes after the next start; once, if Flyte did not have it yet."""
    await each(killed_at_an_event, tmp_path, *MOMENTS)


async def killed_at_an_event(tmp_path: Path, when: When) -> None:
    """Kill the pack before or after Flyte handles its event; the latter is the one exception of promise 2."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel = w.channel("general")
        w.faults.call("POST", EVENTS, w.pack.kill, when=when, cut=True)
        w.say(channel, "hello")
        await eventually(lambda: not w.pack.running, "the pack is killed")
        assert w.flyte.texts(channel) == (["hello"] if when == "after" else [])
        await w.pack.start()
        await w.marked(channel)
        assert w.flyte.texts(channel)[:-1] == ["hello"] * (2 if when == "after" else 1)


async def test_while_slack_is_answered(tmp_path: Path) -> None:
    """A kill amid a flood: Slack redelivers what was not acknowledged, the rest is on disk."""
    async with world(tmp_path, expected=("Traceback",)) as w:
        await w.pack.start()
        channels = [w.channel(f"flood-{number}") for number in range(5)]
        w.faults.call("POST", EVENTS, w.pack.kill, cut=True)
        refused = w.faults.answer("POST", EVENTS, 503)
        for number in range(100):
            w.say(channels[number % 5], str(number))
        await eventually(lambda: not w.pack.running, "the pack is killed")
        await w.flyte.stop()  # with what the dead pack has sent
        refused.remove()
        await w.flyte.start()
        for number in range(100, 120):
            w.say(channels[number % 5], str(number))
        await w.pack.start()
        await w.delivered(120)
        await w.marked(*channels)
        seen = sorted(int(text) for text in w.flyte.texts() if text.isdigit())
        assert seen == list(range(120))


async def test_between_take_and_post(tmp_path: Path) -> None:
    """An action on disk that was not begun is executed after the next start, once."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel = w.channel("general")
        slow = w.faults.hang("POST", POST)
        first = w.flyte.command(channelId=channel.id, message="first")
        await eventually(lambda: slow.hits, "the first post hangs")
        behind = [w.flyte.command(channelId=channel.id, message=text) for text in ("second", "third")]
        await w.taken(*behind)
        w.pack.kill()
        slow.remove()
        await w.pack.start()
        results = await w.done(*behind)
        assert [result.name for result in results] == ["MessageSent", "MessageSent"]
        assert_posted_once_or_unknown(w, first)
        assert [post["text"] for post in w.posts(channel)][-2:] == ["second", "third"]
        assert len([post for post in w.posts(channel) if post["text"] != "first"]) == 2


async def test_in_the_middle_of_a_post(tmp_path: Path) -> None:
    """A kill as a post arrives at Slack, or before its reply: one result, and it tells the truth."""
    await each(killed_in_a_post, tmp_path, *MOMENTS)


async def killed_in_a_post(tmp_path: Path, when: When) -> None:
    """Kill the pack before or after Slack handles its post."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel = w.channel("general")
        w.faults.call("POST", POST, w.pack.kill, when=when, cut=True)
        action = w.flyte.command(channelId=channel.id, message="hello")
        await eventually(lambda: not w.pack.running, "the pack is killed")
        assert len(w.posts(channel)) == (1 if when == "after" else 0)
        await w.pack.start()
        await w.done(action, timeout=60)
        assert_posted_once_or_unknown(w, action)
        following = w.flyte.command(channelId=channel.id, message="following")
        (result,) = await w.done(following)
        assert result.name == "MessageSent"
        assert len(w.flyte.results_of(action)) == 1


def assert_posted_once_or_unknown(w: World, action: Action) -> None:
    """Hold the one result against Slack: MessageSent names the one post, else it is outcome_unknown."""
    (result,) = w.flyte.results_of(action)
    posts = [post for post in w.posts() if post["text"] == action.input["message"]]
    assert len(posts) <= 1
    if result.name == "MessageSent":
        assert [post["ts"] for post in posts] == [result.payload["timestamp"]]
    else:
        assert result.name == "MessageSendFailure"
        assert (result.payload["code"], result.payload["kind"]) == ("outcome_unknown", "unknown")


async def test_between_post_and_result(tmp_path: Path) -> None:
    """A kill as a result is on its way: the message stays one, and Flyte gets the result, once."""
    await each(killed_at_a_result, tmp_path, "request", "reply")


async def killed_at_a_result(tmp_path: Path, lost: str) -> None:
    """Kill the pack so that a result, or the reply to it, is lost."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel = w.channel("general")
        w.faults.call("POST", RESULT, w.pack.kill, when="before" if lost == "request" else "after", cut=True)
        action = w.flyte.command(channelId=channel.id, message="hello")
        await eventually(lambda: not w.pack.running, "the pack is killed")
        assert len(w.flyte.results_of(action)) == (0 if lost == "request" else 1)
        await w.pack.start()
        (result,) = await w.done(action)
        (post,) = w.posts(channel)
        assert result.name == "MessageSent"
        assert result.payload["timestamp"] == post["ts"]
        await eventually(lambda: w.stored("SELECT state FROM actions") == [("delivered",)])
        following = w.flyte.command(channelId=channel.id, message="following")
        await w.done(following)
        assert w.faults.count("POST", RESULT) == 3, "the first try, the second, and the following action's"
        assert len(w.posts(channel)) == 2


async def test_a_result_that_waits(tmp_path: Path) -> None:
    """Results that Flyte could not take before kill -9 reach it after the next start, each once."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channels = [w.channel(f"results-{number}") for number in range(5)]
        away = w.faults.answer("POST", RESULT, 503)
        actions = [w.flyte.command(channelId=channel.id, message="hello") for channel in channels]
        await eventually(lambda: len(w.posts()) == 5, "five posts")
        await eventually(lambda: away.hits >= 5)
        w.pack.kill()
        away.remove()
        await w.pack.start()
        results = await w.done(*actions)
        assert [result.payload["channelId"] for result in results] == [channel.id for channel in channels]
        assert len(w.posts()) == 5


async def test_killed_again_and_again(tmp_path: Path) -> None:
    """Over many kills, each at another step, no message and no stored action is lost or doubled."""
    async with world(tmp_path, expected=("Traceback",)) as w:
        channels = [w.channel(f"kills-{number}") for number in range(4)]
        actions: list[Action] = []
        said = 0
        for path, nth in ((TAKE, 3), (EVENTS, 4), (POST, 2), (RESULT, 2), (EVENTS, 1)):
            await w.pack.start()
            w.faults.call("POST", path, w.pack.kill, cut=True, skip=nth - 1)
            for channel in channels:
                actions.append(w.flyte.command(channelId=channel.id, message=f"action {len(actions)}"))
                for _ in range(3):
                    w.say(channel, f"said {said}")
                    said += 1
            await eventually(lambda: not w.pack.running, f"the pack is killed at {path}")
        await w.pack.start()
        await w.delivered(said)
        await w.taken(*actions)
        on_disk = " ".join(reference for (reference,) in w.stored("SELECT reference FROM actions"))
        # Flyte's take is destructive: a kill loses the action that is on its way to the disk, one at most.
        actions = [action for action in actions if action.id in on_disk]
        assert len(actions) >= 20 - 4
        await w.done(*actions, timeout=60)
        for action in actions:
            assert_posted_once_or_unknown(w, action)
        await w.marked(*channels)
        # An event whose reply was lost in a kill comes again, at once: it is the next one of its channel.
        texts = [text for channel in channels for text, _ in groupby(w.flyte.texts(channel))]
        said_texts = [text for text in texts if text.startswith("said")]
        assert sorted(said_texts) == sorted(f"said {number}" for number in range(said))

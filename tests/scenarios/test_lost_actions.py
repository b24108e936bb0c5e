"""Actions whose take was answered into nothing are adopted: executed once, with one result (promise 4)."""

from pathlib import Path

from faults import Rule
from harness import POST, TAKE, World, eventually, world

from flyte_slack.sandbox.workspace import Channel


async def asked(w: World, channel: Channel, *texts: str) -> None:
    """Let the echo flow ask for messages, which no take hands out yet, and return when all of them wait."""
    for text in texts:
        w.say(channel, f"echo {text}")
    await eventually(
        lambda: set(texts) <= {action.input["message"] for action in w.flyte.api.actions.values()}
    )


async def known_links(w: World, channel: Channel) -> None:
    """Let the pack take and complete its first action: it knows what result links look like then."""
    await w.pack.start()
    w.say(channel, "echo first")
    await completed(w, channel, "first")


async def completed(w: World, channel: Channel, *texts: str) -> None:
    """Wait until everything asked for is completed; each was posted once, and has one result."""
    await eventually(lambda: len(w.flyte.api.actions) == len(texts))
    await w.done(*w.flyte.api.actions.values())
    assert sorted(post["text"] for post in w.posts(channel)) == sorted(texts)


def kill_at(w: World, path: str) -> Rule:
    """Let `kill -9` hit the pack when a call was processed, and its answer is on its way."""
    return w.faults.call("POST", path, w.pack.kill, when="after", cut=True)


async def test_killed_while_a_take_is_answered(tmp_path: Path) -> None:
    """kill -9 with a backlog: the action whose take was in flight is executed after the next start, once."""
    async with world(tmp_path) as w:
        channel = w.channel("general")
        await known_links(w, channel)
        takes = w.faults.hang("POST", TAKE)
        await asked(w, channel, *"abcdef")
        killed = kill_at(w, TAKE)
        takes.remove()
        await eventually(lambda: killed.hits)
        assert [action.state for action in w.flyte.api.actions.values()].count("PENDING") == 1
        await w.pack.start()
        await completed(w, channel, "first", *"abcdef")
        assert len(w.pack.logged("is adopted")) == 1


async def test_killed_again_during_the_adoption(tmp_path: Path) -> None:
    """A second kill, when the adopted action has just been posted, makes neither post nor result again."""
    async with world(tmp_path) as w:
        channel = w.channel("general")
        await known_links(w, channel)
        takes = w.faults.hang("POST", TAKE)
        await asked(w, channel, "lost")
        killed = kill_at(w, TAKE)
        takes.remove()
        await eventually(lambda: killed.hits)
        killed = kill_at(w, POST)
        w.pack.launch()
        await eventually(lambda: killed.hits)
        await w.pack.start()
        await completed(w, channel, "first", "lost")
        assert len(w.pack.logged("is adopted")) == 1


async def test_turned_off(tmp_path: Path) -> None:
    """With FLYTE_SLACK_ADOPT=0 nothing is executed that no take handed out."""
    async with world(tmp_path, FLYTE_SLACK_ADOPT="0") as w:
        channel = w.channel("general")
        await known_links(w, channel)
        takes = w.faults.hang("POST", TAKE)
        await asked(w, channel, "lost")
        killed = kill_at(w, TAKE)
        takes.remove()
        await eventually(lambda: killed.hits)

        async def told() -> bool:
            return "1 actions were lost" in str(await w.pack.health())

        await w.pack.start()
        await eventually(told)
        assert [post["text"] for post in w.posts(channel)] == ["first"]

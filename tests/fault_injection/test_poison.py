"""What Flyte will never take is put aside and blocks nobody; what is lost on the way is told (promise 4)."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from faults import holding
from harness import EVENTS, RESULT, TAKE, World, eventually, world


async def dead(w: World, *arguments: str) -> tuple[int, str, str]:
    """Run `flyte-slack dead …` beside the pack, with no other setting than the store."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": w.pack.environment["PYTHONPATH"],
        "FLYTE_SLACK_STORE": w.pack.environment["FLYTE_SLACK_STORE"],
    }
    command = [sys.executable, "-m", "flyte_slack", "dead", *arguments]
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        env=environment,
        cwd=w.pack.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


async def rows(w: World) -> list[dict[str, Any]]:
    """Return what `dead list --json` tells."""
    status, out, _ = await dead(w, "list", "--json")
    assert status == 0
    return list(json.loads(out))


async def put_aside(w: World, number: int) -> None:
    """Wait until so many rows are put aside, as health tells."""

    async def told() -> bool:
        return f"dead: {number}" in (await w.pack.health())["Store"]["status"]

    await eventually(told, f"health tells of {number} dead letters")


async def test_an_event_that_flyte_rejects(tmp_path: Path) -> None:
    """An event answered 400 is put aside, over restarts; those behind it go on; an operator deals with it."""
    async with world(tmp_path) as w:
        await w.pack.start()
        assert await dead(w, "list") == (0, "there are no dead letters\n", "")
        channel = w.channel("general")
        rejected = w.faults.answer("POST", EVENTS, 400, where=holding("poison"))
        texts = ["first", "poison one", "second", "poison two", "third"]
        messages = [w.say(channel, text) for text in texts]
        await w.arrived(channel, 3)
        assert w.flyte.texts(channel) == ["first", "second", "third"]
        await put_aside(w, 2)
        assert len(w.pack.logged("an event cannot be delivered")) == 2
        assert rejected.hits == 2

        assert await w.pack.stop() == 0
        await w.pack.start()
        await w.marked(channel)
        assert rejected.hits == 2, "it is not tried again by itself"

        status, out, _ = await dead(w, "list")
        assert (status, len(out.splitlines())) == (0, 2)
        assert all("400" in line for line in out.splitlines())
        found = {row["about"]: row for row in await rows(w)}
        keys = [f"{channel.id}:{messages[n]['ts']}" for n in (1, 3)]
        assert sorted(found) == sorted(keys)
        one, two = (found[key]["id"] for key in keys)
        status, out, _ = await dead(w, "show", one)
        assert status == 0
        shown = json.loads(out)
        assert "poison one" in json.dumps(shown["content"])
        assert "400" in shown["reason"]

        status, out, _ = await dead(w, "retry", one)  # still poison: put aside again
        assert (status, out) == (0, f"{one} will be delivered again\n")
        await eventually(lambda: rejected.hits == 3)
        await put_aside(w, 2)
        rejected.remove()
        assert (await dead(w, "retry", one))[0] == 0
        await eventually(lambda: "poison one" in w.flyte.texts(channel))
        assert (await dead(w, "drop", two))[0] == 0
        assert await dead(w, "list") == (0, "there are no dead letters\n", "")
        for again in ("retry", "drop", "show"):
            status, out, _ = await dead(w, again, two, *([one] if again != "show" else []))
            assert status == 1
            assert "there is no dead letter with this id" in out
        # what was dropped stays known: a redelivery is no new message
        w.socket_mode.deliver({**messages[3], "channel": channel.id, "channel_type": "channel"})
        await w.marked(channel)
        assert w.flyte.texts(channel).count("poison one") == 1
        assert "poison two" not in w.flyte.texts(channel)
        await put_aside(w, 0)


async def test_a_result_that_flyte_rejects(tmp_path: Path) -> None:
    """A result answered 400 is put aside, its message posted once; others go on; retried, it is delivered."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel = w.channel("general")
        rejected = w.faults.answer("POST", RESULT, 400, where=holding("poison"))
        actions = [
            w.flyte.command(channelId=channel.id, message=text) for text in ("first", "poison", "last")
        ]
        first, poison, last = actions
        await w.done(first, last)
        await put_aside(w, 1)
        assert not poison.completed
        assert rejected.hits == 1
        assert len(w.pack.logged("a result cannot be delivered")) == 1
        w.pack.kill()
        await w.pack.start()
        (row,) = await rows(w)
        assert row["id"].startswith("result-")
        assert row["about"].startswith("sendMessage ")
        assert row["content"]["payload"]["message"] == "poison"
        assert rejected.hits == 1
        rejected.remove()
        assert (await dead(w, "retry", row["id"]))[0] == 0
        (result,) = await w.done(poison)
        assert (result.name, result.payload["message"]) == ("MessageSent", "poison")
        assert [post["text"] for post in w.posts(channel)] == ["first", "poison", "last"]
        assert await rows(w) == []


async def test_actions_that_are_lost_for_good(tmp_path: Path) -> None:
    """An action that was lost too long ago is told in health and log, and no result is invented for it."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel = w.channel("general")
        actions = w.flyte.api.actions
        w.say(channel, "echo held")
        await eventually(lambda: [action.state for action in actions.values()] == ["SUCCESS"])
        w.faults.cut("POST", TAKE, times=1, when="after", where=lambda _r, _b: len(actions) == 2)
        w.say(channel, "echo lost")
        await eventually(lambda: [action.state for action in actions.values()] == ["SUCCESS", "PENDING"])
        _, orphan = actions.values()
        orphan.states[-1] = ("PENDING", datetime.now(UTC) - timedelta(hours=1))
        assert await w.pack.stop() == 0
        await w.pack.start()

        async def told() -> bool:
            status = (await w.pack.health())["FlyteApi"]["status"]
            return "1 actions were lost between Flyte and the pack" in status

        await eventually(told, "health names the orphan")
        (warning,) = w.pack.logged("actions were lost between Flyte and the pack")
        assert (warning["number"], warning["actions"]) == (1, [orphan.id])
        assert (await w.pack.health())["FlyteApi"]["healthy"]
        assert not orphan.completed
        assert [post["text"] for post in w.posts(channel)] == ["held"]

"""`flyte-slack dead`: what was put aside, for an operator, as a process beside the pack."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from pack_parts import impatient, pack
from scripted_flyte import ScriptedFlyte
from support import count, eventually, eventually_true, opened

from flyte_slack.store import Store
from flyte_slack.store.schema import State

REASON = "POST http://flyte/v1/packs/Slack/events: 400 Bad Request"


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """Give the folder of a store with a dead event, a dead result, and what still waits."""
    async with opened(tmp_path) as store:
        for number in range(2):
            await store.inbox.add(
                f"C1:{number}", "C1", {"event": {"text": f"ü {number}"}}, number + 1.0, kind="Seen"
            )
        await store.inbox.dead((await store.inbox.waiting("C1", 1))[0], REASON)
        for number in range(2):
            await store.actions.add(f"r/{number}", "C1", "sendMessage", {})
            (action,) = await store.actions.waiting("C1", 1)
            await store.actions.finished(action, {"event": "MessageSent", "payload": {"n": number}})
        first, _ = await store.actions.results()
        result = await store.actions.result(first)
        assert result is not None
        await store.actions.dead(result, "POST …/result: 404 Not Found")
    return tmp_path


async def dead(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the command, with the store and nothing else set; return its status and what it said."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("FLYTE", "SLACK"))
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "flyte_slack", "dead", *arguments),
        env=environment | {"FLYTE_SLACK_STORE": f"sqlite:///{folder / 'store.db'}", "PYTHONUTF8": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def rows(folder: Path) -> dict[str, dict[str, Any]]:
    status, said = await dead(folder, "list", "--json")
    assert status == 0
    return {row["id"]: row for row in json.loads(said)}


async def test_list_names_each_with_its_reason(store: Path) -> None:
    """A line each, of both kinds: id, since when, what, and why; the newest first."""
    status, said = await dead(store, "list")
    lines = said.splitlines()
    assert (status, len(lines)) == (0, 2)
    event, result = sorted(lines)
    assert event.startswith("event-1 ")
    assert f"C1:0  {REASON}" in event
    assert result.startswith("result-1 ")
    assert "sendMessage " in result
    assert "404 Not Found" in result


async def test_list_as_json(store: Path) -> None:
    """For scripts the same as JSON, with the content and the time."""
    found = await rows(store)
    assert found.keys() == {"event-1", "result-1"}
    assert found["event-1"].keys() == {"id", "since", "reason", "about", "content"}
    assert found["event-1"]["content"] == {"event": {"text": "ü 0"}}
    assert found["event-1"]["since"].endswith("+00:00")
    assert found["result-1"]["content"] == {"event": "MessageSent", "payload": {"n": 0}}


async def test_nothing_put_aside(tmp_path: Path) -> None:
    """An empty list says so, and is an empty list for scripts."""
    async with await Store.open(f"sqlite:///{tmp_path}/store.db"):
        pass
    assert await dead(tmp_path, "list") == (0, "there are no dead letters\n")
    assert await dead(tmp_path, "list", "--json") == (0, "[]\n")


@pytest.mark.parametrize(("id_", "said"), [("event-1", "ü 0"), ("result-1", "MessageSent")])
async def test_show_prints_the_content(store: Path, id_: str, said: str) -> None:
    """One row is shown whole, readable for people and as JSON."""
    status, shown = await dead(store, "show", id_)
    assert status == 0
    assert said in shown
    assert json.loads(shown)["id"] == id_


@pytest.mark.parametrize("action", ["show", "retry", "drop"])
async def test_unknown_id(store: Path, action: str) -> None:
    """An id that names nothing dead, not even one that waits, is told, and changes nothing."""
    unknown = [
        "event-2",
        "event-99",
        "result-2",
        "x-1",
        "event",
        "event-x",
        "1",
        f"event-{10**30}",
        "event-²",
    ]
    if action == "show":
        unknown = unknown[:1]  # it takes one
    status, said = await dead(store, action, *unknown)
    assert (status, len(said.splitlines())) == (1, len(unknown))
    for id_, line in zip(unknown, said.splitlines(), strict=True):
        assert line.startswith(f"{id_}: ")
        assert "flyte-slack dead list" in line
    async with opened(store) as opened_:
        assert await count(opened_.inbox) == 1
        assert await count(opened_.actions, State.FINISHED) == 1
        assert len(await opened_.dead.list()) == 2


async def test_retry_gives_back(store: Path) -> None:
    """What is given back waits again, as it was, and is not dead any more."""
    status, said = await dead(store, "retry", "event-1", "result-1")
    assert (status, len(said.splitlines())) == (0, 2)
    async with opened(store) as opened_:
        assert [event.key for event in await opened_.inbox.waiting("C1", 9)] == ["C1:0", "C1:1"]
        given_back, _ = await opened_.actions.results()
        result = await opened_.actions.result(given_back)
        assert result is not None
        assert (result.result["payload"], result.refused_for) == ({"n": 0}, None)
    assert await rows(store) == {}


async def test_drop_forgets_the_content_and_not_the_key(store: Path) -> None:
    """What is dropped is gone, and a redelivery of it is still known."""
    assert (await dead(store, "drop", "event-1", "result-1"))[0] == 0
    async with opened(store) as opened_:
        assert not await opened_.inbox.add("C1:0", "C1", {}, kind="Seen")
        assert not await opened_.actions.add("r/0", "C1", "sendMessage", {})
        assert [event.key for event in await opened_.inbox.waiting("C1", 9)] == ["C1:1"]
        assert len(await opened_.actions.results()) == 1
    assert await rows(store) == {}


async def test_some_known_some_not(store: Path) -> None:
    """Of several ids the known ones are done, and the exit status tells of the others."""
    status, said = await dead(store, "drop", "event-99", "event-1")
    assert status == 1
    assert "event-1 is forgotten" in said
    assert (await rows(store)).keys() == {"result-1"}


async def test_bad_store_is_told(tmp_path: Path) -> None:
    """A store that cannot be opened is told in a sentence."""
    status, said = await dead(tmp_path / "none", "list")
    assert status == 1
    assert "there is no store" in said
    assert "Traceback" not in said


async def test_while_the_pack_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pack need not be stopped: it delivers what was given back, and nothing that was dropped."""
    impatient(monkeypatch)
    monkeypatch.setattr("flyte_slack.pack.lanes.LOOK_EVERY", 0.05)
    async with ScriptedFlyte().serve() as flyte, pack(flyte, tmp_path) as parts:
        flyte.answer("event", 400, 400)
        flyte.answer("result", 400)
        for key in ("1", "2", "3"):
            await parts.see(key)
        id_ = flyte.action({"channelId": "C1"})

        async def all_dead() -> bool:
            return len(await parts.store.dead.list()) == 3

        await eventually_true(all_dead)
        await eventually(lambda: len(flyte.events) == 1)
        found = await rows(tmp_path)
        event, other = (row["id"] for row in sorted(found.values(), key=str) if "event" in row["id"])
        (result,) = (name for name in found if name.startswith("result"))
        assert (await dead(tmp_path, "drop", other))[0] == 0
        assert (await dead(tmp_path, "retry", event, result))[0] == 0
        await eventually(lambda: len(flyte.events) == 2 and id_ in flyte.results)
        assert await rows(tmp_path) == {}
    assert sorted(event["payload"]["key"] for event in flyte.events) == ["1", "3"]

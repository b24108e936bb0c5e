"""Executing actions: every one ends in exactly one event, whatever happens (contract, section 4)."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pack_parts import pack
from scripted_flyte import ScriptedFlyte
from support import eventually

from flyte_slack.errors import CallRefused, CommandError, InvalidInput, OutcomeUnknown
from flyte_slack.flyte import Action
from flyte_slack.pack import ActionContext, Command, Event


@pytest.fixture
async def flyte() -> AsyncIterator[ScriptedFlyte]:
    async with ScriptedFlyte().serve() as served:
        yield served


async def result_of(flyte: ScriptedFlyte, id_: str) -> Any:
    await eventually(lambda: id_ in flyte.results)
    return flyte.results[id_]


def lanes(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "store.db")) as connection:
        return [lane for (lane,) in connection.execute("SELECT lane FROM actions ORDER BY id")]


async def test_action_ends_in_the_handlers_event(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """The event that the handler returns is the action's result, with its time in RFC 3339."""
    id_ = flyte.action({"channelId": "C1", "n": 1})
    async with pack(flyte, tmp_path):
        result = await result_of(flyte, id_)
    assert (result["event"], result["payload"]) == ("Echoed", {"channelId": "C1", "n": 1})
    assert result["createdAt"].endswith("Z")


@pytest.mark.parametrize(
    ("input_", "kind"),
    [
        (None, "null"),
        ("text", "a string"),
        (3, "a number"),
        (1.5, "a number"),
        (True, "a boolean"),
        ([], "a list"),
    ],
)
async def test_input_that_is_no_object_is_fatal(
    flyte: ScriptedFlyte, tmp_path: Path, input_: object, kind: str
) -> None:
    """FATAL names the command and what the input is; the handler is not called."""
    id_ = flyte.action(input_)
    async with pack(flyte, tmp_path):
        result = await result_of(flyte, id_)
    assert result["event"] == "FATAL"
    assert result["payload"] == {
        "error": f"the input must be an object, not {kind}",
        "command": "sendMessage",
    }


async def test_unknown_command_is_fatal(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """FATAL names the command that nobody has, and those there are."""
    id_ = flyte.action({"channelId": "C1"}, command="sendMassage")
    async with pack(flyte, tmp_path):
        result = await result_of(flyte, id_)
    assert result["event"] == "FATAL"
    assert result["payload"].keys() == {"error", "command"}
    assert result["payload"]["command"] == "sendMassage"
    assert "sendMassage" in result["payload"]["error"]
    assert "sendMessage" in result["payload"]["error"]


async def test_failing_handler_is_fatal_and_the_pack_goes_on(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A handler that fails unexpectedly ends its action in FATAL and stops nothing else."""

    async def handler(input_: dict[str, Any], action: ActionContext) -> Event:
        if "bad" in input_:
            raise ZeroDivisionError("xoxb-not-for-flows")
        return Event("Echoed", input_)

    bad = flyte.action({"channelId": "C1", "bad": 1})
    good = flyte.action({"channelId": "C1"})
    async with pack(flyte, tmp_path, handler):
        failed = await result_of(flyte, bad)
        assert (await result_of(flyte, good))["event"] == "Echoed"
    assert failed["event"] == "FATAL"
    assert failed["payload"]["command"] == "sendMessage"
    assert "xoxb" not in failed["payload"]["error"]


async def test_undeclared_event_is_fatal(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A handler that returns an event its command does not declare is a defect, and so FATAL."""

    async def handler(input_: dict[str, Any], action: ActionContext) -> Event:
        return Event("Other", {})

    id_ = flyte.action({"channelId": "C1"})
    async with pack(flyte, tmp_path, handler):
        assert (await result_of(flyte, id_))["event"] == "FATAL"


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput("channelId is required"),
        OutcomeUnknown("it may have been done"),
        CallRefused("not_found", "configuration"),
    ],
)
async def test_what_a_command_cannot_do_is_its_failure(
    flyte: ScriptedFlyte, tmp_path: Path, error: CommandError
) -> None:
    """A `CommandError` becomes the failure event that the command declares, with the reason and the input."""

    async def handler(input_: dict[str, Any], action: ActionContext) -> Event:
        raise error

    id_ = flyte.action({"channelId": "C1"})
    async with pack(flyte, tmp_path, handler):
        result = await result_of(flyte, id_)
    assert result["event"] == "Failed"
    assert result["payload"] == {"error": str(error), "input": {"channelId": "C1"}}


async def test_failure_is_made_by_the_command(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A command that says what its failure holds is asked."""

    async def handler(input_: dict[str, Any], action: ActionContext) -> Event:
        raise InvalidInput("no such page")

    def failure(input_: Mapping[str, Any], error: CommandError) -> Mapping[str, Any]:
        return {"url": input_["url"], "why": str(error)}

    command = Command("get", handler, ("Got",), "GetFailed", failure=failure)
    id_ = flyte.action({"url": "x"}, "get")
    async with pack(flyte, tmp_path, command=command):
        result = await result_of(flyte, id_)
    assert (result["event"], result["payload"]) == ("GetFailed", {"url": "x", "why": "no such page"})


async def test_command_without_a_lane_waits_for_nobody(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Actions of a command that names no lane are executed beside each other, and any may end first."""
    opens = asyncio.Event()

    async def handler(input_: dict[str, Any], action: ActionContext) -> Event:
        if input_["n"] == 0:
            await opens.wait()
        return Event("Got", input_)

    ids = [flyte.action({"n": n}, "get") for n in range(5)]
    async with pack(flyte, tmp_path, command=Command("get", handler, ("Got",), "GetFailed")):
        await eventually(lambda: set(ids[1:]) <= flyte.results.keys())
        assert ids[0] not in flyte.results
        opens.set()
        await result_of(flyte, ids[0])


async def test_what_an_action_remembers(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Later actions of the lane recall it; it is kept when its action is finished, and not before."""
    recalled: list[tuple[str, Any]] = []

    async def handler(input_: dict[str, Any], action: ActionContext) -> Event:
        recalled.append((input_["channelId"], await action.recall("thread", "k")))
        action.remember("thread", "k", {"n": input_["n"]})
        if input_["n"] == 0:
            await asyncio.Event().wait()
        return Event("Echoed", input_)

    cut_off = flyte.action({"channelId": "C1", "n": 0})
    async with pack(flyte, tmp_path, handler):
        await eventually(lambda: recalled)
    later: list[tuple[str, Any]] = []

    async def goes_on(input_: dict[str, Any], action: ActionContext) -> Event:
        later.append((input_["channelId"], await action.recall("thread", "k")))
        action.remember("thread", "k", input_["n"])
        return Event("Echoed", input_)

    async with pack(flyte, tmp_path, goes_on):
        await result_of(flyte, cut_off)
        for channel, n in (("C1", 1), ("C2", 2), ("C1", 3)):
            await result_of(flyte, flyte.action({"channelId": channel, "n": n}))
    assert recalled == [("C1", None)]
    assert later == [("C1", None), ("C1", 0), ("C2", None), ("C1", 1)]


async def test_input_whose_lane_cannot_be_told_is_fatal(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A defect in telling the lane costs one action, not the taking of all others (promise 4)."""
    bad = flyte.action({})  # the lane of this pack's command needs a channelId
    good = flyte.action({"channelId": "C1"})
    async with pack(flyte, tmp_path):
        assert (await result_of(flyte, good))["event"] == "Echoed"
        await result_of(flyte, bad)


async def test_lane_is_the_commands_own(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Actions are kept in order by what the command says; those that end in FATAL by nothing."""
    given: list[tuple[str, object]] = [
        ("sendMessage", {"channelId": "C9"}),
        ("x", {"channelId": "C9"}),
        ("sendMessage", 3),
    ]
    identities: list[str | None] = []
    gate = asyncio.Event()
    flyte.answer(
        "register", gate
    )  # no result is delivered, and so no row is emptied, before it was looked at
    async with pack(flyte, tmp_path, poll=False) as parts:
        for number, (command, input_) in enumerate(given):
            identities.append(await parts.dispatcher.keep(Action(command, input_, f"r/{number}")))
    assert lanes(tmp_path) == ["C9", *identities[1:]]
    gate.set()


async def test_order_within_a_channel(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Actions of one channel are executed in the order taken, one after the other (promise 3)."""
    log: list[str] = []

    async def handler(input_: dict[str, Any], action: ActionContext) -> Event:
        log.append(f"+{input_['n']}")
        await action.executing()
        log.append(f"-{input_['n']}")
        return Event("Echoed", {})

    ids = [flyte.action({"channelId": "C1", "n": n}) for n in range(5)]
    async with pack(flyte, tmp_path, handler):
        await eventually(lambda: set(ids) <= flyte.results.keys())
    assert log == [f"{sign}{n}" for n in range(5) for sign in "+-"]


async def test_long_lane_is_executed_in_order(
    flyte: ScriptedFlyte, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More actions than are read at once wait in one lane after a restart: all are executed, in order."""
    done: list[int] = []

    async def handler(input_: dict[str, Any], _: ActionContext) -> Event:
        done.append(input_["n"])
        return Event("Echoed", input_)

    async with pack(flyte, tmp_path, poll=False) as parts:
        for n in range(25):
            reference = f"v1/packs/Slack/actions/{n:024x}/result"
            await parts.store.actions.add(reference, "C1", "sendMessage", {"channelId": "C1", "n": n})
    monkeypatch.setattr("flyte_slack.pack.lanes.LOOK_EVERY", 3600.0)
    async with pack(flyte, tmp_path, handler, poll=False):
        await eventually(lambda: len(done) >= 25)
    assert done == list(range(25))


async def test_lane_that_an_action_left_busy(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Until when an action keeps its lane busy is told to the next one there, also after a restart."""
    told: list[tuple[str, float | None]] = []

    async def handler(input_: dict[str, Any], action: ActionContext) -> Event:
        told.append((input_["channelId"], await action.lane_busy_until()))
        action.busy_until(1000.0 + len(told))
        return Event("Echoed", input_)

    for channels in (["C1", "C1", "C2"], ["C1"]):
        ids = [flyte.action({"channelId": channel}) for channel in channels]
        async with pack(flyte, tmp_path, handler):
            for id_ in ids:
                await result_of(flyte, id_)
    assert [busy for channel, busy in told if channel == "C2"] == [None]
    noted = [1001.0 + place for place, (channel, _) in enumerate(told) if channel == "C1"]
    assert [busy for channel, busy in told if channel == "C1"] == [None, *noted[:-1]]


async def test_actions_on_disk_are_executed_at_the_next_start(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """After a crash every action that was on disk is executed, and a begun one is told as begun."""
    seen: dict[str, bool] = {}

    async def handler(input_: dict[str, Any], action: ActionContext) -> Event:
        seen[f"{input_['n']} {action.identity}"] = action.begun_at is not None
        return Event("Echoed", input_)

    ids = [flyte.action({"channelId": f"C{n}", "n": n}) for n in range(3)]
    identities: list[str] = []
    async with pack(flyte, tmp_path, poll=False) as parts:
        for n, id_ in enumerate(ids):
            reference = f"v1/packs/Slack/actions/{id_}/result"
            await parts.store.actions.add(reference, f"C{n}", "sendMessage", {"channelId": f"C{n}", "n": n})
            (action,) = await parts.store.actions.waiting(f"C{n}", 1)
            identities.append(action.identity)
            if n < 2:
                await parts.store.actions.executing(action)
            if n == 0:
                await parts.store.actions.not_executed(action)
    flyte._taken.update(ids)
    async with pack(flyte, tmp_path, handler, poll=False):
        await eventually(lambda: set(ids) <= flyte.results.keys())
    assert seen == {f"{n} {identity}": n == 1 for n, identity in enumerate(identities)}

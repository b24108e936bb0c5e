"""The runtime: a definition, settings and a store are a whole pack (promises 1 to 4, 7 and 10)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from pack_parts import HELP, impatient
from scripted_flyte import ScriptedFlyte
from support import count, eventually, opened

from flyte_slack.pack import ActionContext, Command, Event, EventDefinition, PackDefinition
from flyte_slack.pack.delivery import Mapping
from flyte_slack.pack.health import Condition
from flyte_slack.pack.metrics import Gauge
from flyte_slack.pack.runtime import Runtime
from flyte_slack.settings.flyte import PackSettings
from flyte_slack.store import StoredEvent
from flyte_slack.store.schema import State

Handler = Callable[[dict[str, Any], ActionContext], Coroutine[Any, Any, Event]]
Part = Callable[[], Coroutine[Any, Any, None]]


async def do(input_: dict[str, Any], action: ActionContext) -> Event:
    """End at once."""
    return Event("Done", input_)


@pytest.fixture
async def flyte(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedFlyte]:
    impatient(monkeypatch)
    async with ScriptedFlyte().serve() as served:
        yield served


class Pack:
    """A pack that runs.

    Attributes:
        runtime: what runs it.
        stop: set to stop it.
        task: ends when it has stopped.
    """

    def __init__(self, runtime: Runtime, **parts: Sequence[Part]) -> None:
        self.runtime = runtime
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(runtime.run(self.stop, **parts))

    async def get(self, path: str) -> httpx.Response:
        """Ask its web port."""
        await eventually(lambda: self.runtime.port or self.task.done())
        async with httpx.AsyncClient() as client:
            return await client.get(f"http://127.0.0.1:{self.runtime.port}{path}")

    async def stopped(self) -> None:
        """Stop it as SIGTERM does."""
        self.stop.set()
        await self.task


@asynccontextmanager
async def opened_pack(
    flyte: ScriptedFlyte, folder: Path, handler: Handler = do, mapping: Mapping | None = None
) -> AsyncIterator[Runtime]:
    """Open a pack that does not run yet."""
    settings = PackSettings.model_validate(
        {
            "FLYTE_API": flyte.url,
            "PACK_NAME": "Slack",  # the scripted Flyte knows no other
            "FLYTE_SLACK_STORE": f"sqlite:///{folder}/store.db",
            "FLYTE_SLACK_HOST": "127.0.0.1",
            "FLYTE_SLACK_PORT": 0,
            "FLYTE_SLACK_POLL_INTERVAL": 0.05,
            "FLYTE_SLACK_SHUTDOWN_GRACE": 30,
        }
    )
    definition = PackDefinition(
        settings.pack_name,
        HELP,
        events=(EventDefinition("Seen"),),
        commands=(Command("do", handler, ("Done",), "DoFailure", lane=lambda input_: input_.get("lane")),),
    )
    async with Runtime.open(definition, settings, mapping, prefix="tried") as runtime:
        yield runtime


@asynccontextmanager
async def running_pack(
    flyte: ScriptedFlyte, folder: Path, handler: Handler = do, mapping: Mapping | None = None
) -> AsyncIterator[Pack]:
    """Run a pack; leaving kills it, unless it was stopped before."""
    async with opened_pack(flyte, folder, handler, mapping) as runtime:
        pack = Pack(runtime)
        try:
            yield pack
        finally:
            pack.task.cancel()
            await asyncio.wait([pack.task])
    if not pack.task.cancelled():
        pack.task.result()


async def test_a_definition_is_a_pack(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """It is registered, its command executed, what it sends delivered, and the web port tells of it."""
    id_ = flyte.action({"n": 1}, "do")
    async with running_pack(flyte, tmp_path) as pack:
        assert await pack.runtime.send(Event("Seen", {"n": 2}), key="2", lane="a")
        await eventually(lambda: id_ in flyte.results and flyte.events)
        await eventually(lambda: pack.runtime.health.ready)
        assert (await pack.get("/health/ready")).status_code == 200
        report = (await pack.get("/")).json()
        assert report.keys() == {"FlyteApi", "Store"}
        await pack.stopped()
    (registered,) = flyte.of("register")
    assert [event["name"] for event in registered.body["events"]] == ["Done", "DoFailure", "Seen"]
    assert flyte.results[id_]["payload"] == {"n": 1}
    assert [event["payload"] for event in flyte.events] == [{"n": 2}]


async def test_metrics_have_the_packs_prefix(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Counters, histograms, and gauges of the tool's own are named after the pack."""
    async with running_pack(flyte, tmp_path) as pack:
        pack.runtime.gauges.append(lambda: [Gauge("plugs", "Plugs.", {"": 3})])
        text = (await pack.get("/metrics")).text
    assert "tried_plugs 3.0" in text
    assert "tried_polls_total" in text
    assert "tried_event_accepted_seconds_bucket" in text
    assert "slack" not in text


async def test_the_tools_own_parts_count(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A part that the tool adds is in the report, and makes the pack unready if it does not work."""
    async with running_pack(flyte, tmp_path) as pack:
        pack.runtime.health.parts["Plug"] = lambda: Condition(False, "pulled")
        await eventually(lambda: pack.runtime.health.registered)
        answer = await pack.get("/")
        assert answer.status_code == 500
        assert answer.json()["Plug"] == {"healthy": False, "status": "pulled"}
        assert (await pack.get("/health/ready")).status_code == 503


async def test_an_event_is_sent_once(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A key that was sent before is left out, over a restart; the same key of another event is not."""
    async with running_pack(flyte, tmp_path) as pack:
        sent = [await pack.runtime.send(Event("Seen", {}), key="1", lane=lane) for lane in ("a", "a", "b")]
        assert sent == [True, False, False]
        await eventually(lambda: flyte.events)
        await pack.stopped()
    async with running_pack(flyte, tmp_path) as pack:
        assert not await pack.runtime.send(Event("Seen", {}), key="1", lane="a")
        assert await pack.runtime.send(Event("Done", {}), key="1", lane="a")
        await eventually(lambda: len(flyte.events) == 2)
    assert [event["event"] for event in flyte.events] == ["Seen", "Done"]


async def test_events_of_a_lane_stay_in_order(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Events that Flyte does not take now, and a crash, change nothing of a lane's order."""
    flyte.judge = lambda call: 503 if call.kind == "event" else None
    async with running_pack(flyte, tmp_path) as pack:
        for n in range(10):
            assert await pack.runtime.send(Event("Seen", {"n": n}), key=str(n), lane="a")
        await eventually(lambda: flyte.of("event"))
    flyte.judge = lambda call: None
    async with running_pack(flyte, tmp_path) as pack:
        for n in range(10, 20):
            assert await pack.runtime.send(Event("Seen", {"n": n}), key=str(n), lane="a")
        await eventually(lambda: len(flyte.events) == 20)
    assert [event["payload"]["n"] for event in flyte.events] == list(range(20))


async def test_what_is_sent_keeps_its_time(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Flows see when an event happened, not when Flyte took it."""
    event = Event("Seen", {})
    async with running_pack(flyte, tmp_path) as pack:
        await pack.runtime.send(event, key="1", lane="a")
        await eventually(lambda: flyte.events)
    assert flyte.events == [event.wire()]


async def test_a_mapping_makes_events_when_they_are_delivered(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """What the tool stored becomes what flows see, or nothing; looking things up may take its time."""
    looked_up = asyncio.Event()

    async def mapping(stored: StoredEvent) -> Event | None:
        await looked_up.wait()
        return Event("Seen", stored.body) if stored.body["n"] else None

    async with running_pack(flyte, tmp_path, mapping=mapping) as pack:
        for n in range(2):
            assert await pack.runtime.store.inbox.add(str(n), "a", {"n": n}, kind="x")
            pack.runtime.wake("a")
        looked_up.set()
        await eventually(lambda: flyte.events)
    assert [event["payload"] for event in flyte.events] == [{"n": 1}]


async def test_a_part_that_fails_ends_the_pack(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Nothing goes on half: what a part raises ends the others, and is what `run` raises."""

    async def broken() -> None:
        raise ZeroDivisionError

    async with opened_pack(flyte, tmp_path) as runtime:
        with pytest.RaisesGroup(ZeroDivisionError):
            await runtime.run(asyncio.Event(), background=[broken])


async def test_receiving_ends_first(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """At a stop what brings events ends before what delivers them and what else goes on."""
    order: list[str] = []

    async def part(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            order.append(name)

    async with opened_pack(flyte, tmp_path) as runtime:
        parts = {name: [partial(part, name)] for name in ("background", "receiving")}
        pack = Pack(runtime, **parts)
        await eventually(lambda: flyte.registered)
        await pack.stopped()
    assert order == ["receiving", "background"]


async def test_what_is_in_flight_is_finished(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """At a stop a call that was begun is waited for and its result delivered; nothing more is begun."""
    answers, begun = asyncio.Event(), list[int]()

    async def call(input_: dict[str, Any], action: ActionContext) -> Event:
        await action.executing()
        begun.append(input_["n"])
        await answers.wait()
        return Event("Done", input_)

    first, second = (flyte.action({"n": n, "lane": "a"}, "do") for n in range(2))
    async with running_pack(flyte, tmp_path, call) as pack:
        await eventually(lambda: begun and {first, second} <= flyte._taken)
        pack.stop.set()
        await eventually(lambda: "poller" not in {task.get_name() for task in asyncio.all_tasks()})
        late = flyte.action({"n": 2}, "do")
        answers.set()
        await pack.task
        assert begun == [0]
        assert flyte.results.keys() == {first}
        assert late not in flyte._taken
    async with running_pack(flyte, tmp_path, call):
        await eventually(lambda: flyte.results.keys() == {first, second, late})
    assert begun[1:] in ([1, 2], [2, 1])


@pytest.mark.parametrize("answered", [False, True], ids=["before a call", "after a refusal"])
async def test_what_only_waits_stays_on_disk(flyte: ScriptedFlyte, tmp_path: Path, answered: bool) -> None:
    """A stop does not wait for what waits: for its turn, or for another attempt; the next start does it."""
    waits = asyncio.Event()

    async def wait(input_: dict[str, Any], action: ActionContext) -> Event:
        if answered:
            await action.executing()
            await action.not_executed()
        waits.set()
        await asyncio.Event().wait()
        raise AssertionError

    id_ = flyte.action({"lane": "a"}, "do")
    async with running_pack(flyte, tmp_path, wait) as pack:
        await eventually(waits.is_set)
        async with asyncio.timeout(10):  # of the grace of 30
            await pack.stopped()
    assert flyte.results == {}
    async with opened(tmp_path) as store:
        assert await count(store.actions, State.TAKEN) == 1
    begun: list[float | None] = []

    async def again(input_: dict[str, Any], action: ActionContext) -> Event:
        begun.append(action.begun_at)
        return Event("Done", input_)

    async with running_pack(flyte, tmp_path, again):
        await eventually(lambda: id_ in flyte.results)
    assert begun == [None]


async def test_with_flyte_away_a_stop_waits_for_nobody(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Events and results that Flyte does not take stay on disk at a stop, and are delivered after it."""
    flyte.judge = lambda call: 503 if call.kind in {"event", "result"} else None
    id_ = flyte.action({}, "do")
    async with running_pack(flyte, tmp_path) as pack:
        await pack.runtime.send(Event("Seen", {}), key="1", lane="a")
        await eventually(lambda: flyte.of("event") and flyte.of("result"))
        async with asyncio.timeout(10):
            await pack.stopped()
    flyte.judge = lambda call: None
    async with running_pack(flyte, tmp_path):
        await eventually(lambda: flyte.events and id_ in flyte.results)

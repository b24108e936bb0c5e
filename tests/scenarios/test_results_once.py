"""A result reaches Flyte once, or is put aside for a reason; none holds up another (promise 4)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from faults import holding
from harness import POST, REGISTER, RESULT, World, eventually, world

from flyte_slack.sandbox.flows import Action

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def w(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One running pack for the tests that neither stop it nor change its settings."""
    async with world(tmp_path_factory.mktemp("shared")) as running:
        await running.pack.start()
        yield running


def send(w: World, message: str = "hello") -> Action:
    """Make an action that posts to a channel of its own."""
    return w.flyte.command(channelId=w.fresh().id, message=message)


async def settled(w: World, action: Action) -> str:
    """Wait until an action has left the pack, and return how: `delivered` or `dead`."""
    query = f"SELECT state FROM actions WHERE reference LIKE '%{action.id}%' AND ended_at IS NOT NULL"
    ((state,),) = await eventually(lambda: w.stored(query), "the action has left the pack")
    return str(state)


def tries(w: World, action: Action, status: int | None = None) -> int:
    """Return how often the result of an action was posted."""
    return w.faults.count("POST", f"/actions/{action.id}/result$", status)


@pytest.mark.parametrize("status", [500, 502, 503, 429])
async def test_refused_twice_then_accepted(w: World, status: int) -> None:
    """A result that Flyte cannot take twice is delivered at the third try, once."""
    w.faults.answer("POST", RESULT, status, times=2)
    action = send(w)
    (result,) = await w.done(action)
    assert result.name == "MessageSent"
    assert await settled(w, action) == "delivered"
    assert tries(w, action) == 3


async def test_reply_lost_then_500(w: World) -> None:
    """After a lost reply a 500 means that Flyte has the result: delivered, and not tried again."""
    w.faults.cut("POST", RESULT, times=1, when="after")
    action = send(w)
    await w.done(action)
    assert await settled(w, action) == "delivered"
    await w.done(send(w, "following"))
    assert tries(w, action) == 2
    assert tries(w, action, 500) == 1


async def test_reply_lost_and_restarted(tmp_path: Path) -> None:
    """That a reply was lost is known over a stop: the 500 after the next start means delivered."""
    async with world(tmp_path, FLYTE_SLACK_SHUTDOWN_GRACE="0.2") as own:
        await own.pack.start()

        def go_away() -> None:
            own.faults.answer("POST", RESULT, 503)

        own.faults.call("POST", RESULT, go_away, when="after", cut=True)
        action = send(own)
        await own.done(action)
        await eventually(lambda: tries(own, action, 503) >= 1)
        assert await own.pack.stop() == 0
        own.faults.clear()
        await own.pack.start()
        assert await settled(own, action) == "delivered"


async def test_not_sent_at_all_then_500(w: World) -> None:
    """A 500 without a lost reply before is Flyte's own trouble: the result is tried until it is taken."""
    w.faults.answer("POST", RESULT, 500, times=4)
    action = send(w)
    await w.done(action)
    assert tries(w, action) == 5


async def test_result_answered_400(tmp_path: Path) -> None:
    """A result answered 400 is put aside at once with its reason; others are delivered; it stays so."""
    async with world(tmp_path) as own:
        await own.pack.start()
        own.faults.answer("POST", RESULT, 400, where=holding("poison"))
        bad, *others = send(own, "poison"), *(send(own) for _ in range(5))
        await own.done(*others)
        assert await settled(own, bad) == "dead"
        assert (tries(own, bad), bad.state) == (1, "PENDING")
        assert [line["level"] for line in own.pack.logged("dead letter")] == ["error"]
        assert await own.pack.stop() == 0
        await own.pack.start()
        await own.done(send(own, "after"))
        assert tries(own, bad) == 1
        (reason,) = [reason for (reason,) in own.stored("SELECT reason FROM actions WHERE state = 'dead'")]
        assert "400" in reason


async def test_result_answered_404_once(w: World) -> None:
    """A result answered 404 is delivered after a new registration."""
    registered = w.faults.count("POST", REGISTER, 201)
    w.faults.answer("POST", RESULT, 404, times=1)
    action = send(w)
    await w.done(action)
    assert w.faults.count("POST", REGISTER, 201) == registered + 1
    assert await settled(w, action) == "delivered"


async def test_result_answered_404_for_ever(w: World) -> None:
    """An action that Flyte has forgotten is put aside after a new registration and one more try."""
    registered = w.faults.count("POST", REGISTER, 201)
    slow = w.faults.hang("POST", POST)
    forgotten = send(w)
    await eventually(lambda: slow.hits)
    del w.flyte.api.actions[forgotten.id]
    slow.remove()
    assert await settled(w, forgotten) == "dead"
    await w.done(send(w, "following"))
    assert tries(w, forgotten, 404) == 2
    assert w.faults.count("POST", REGISTER, 201) == registered + 1


async def test_a_result_holds_up_no_other(w: World) -> None:
    """A result that hangs at Flyte holds up neither results nor posts, of its own channel included."""
    rule = w.faults.hang("POST", RESULT, where=holding("slow"))
    slow = send(w, "slow")
    await eventually(lambda: rule.hits)
    quick = w.flyte.command(channelId=slow.input["channelId"], message="quick")
    await w.done(quick, *(send(w) for _ in range(5)))
    assert not slow.completed
    rule.remove()
    await w.done(slow)


async def test_many_actions_one_result_each(w: World) -> None:
    """Two hundred actions over a hundred channels, with faults on the way: one post and one result each."""
    for status in (500, 503):
        w.faults.answer("POST", RESULT, status, times=10)
    w.faults.cut("POST", RESULT, times=5, when="after")
    channels = [w.fresh() for _ in range(100)]
    actions = [
        w.flyte.command(channelId=channels[number % 100].id, message=str(number)) for number in range(200)
    ]
    results = await w.done(*actions, timeout=60)
    assert [result.payload["message"] for result in results] == [str(number) for number in range(200)]
    assert {await settled(w, action) for action in actions} == {"delivered"}
    for number, channel in enumerate(channels):
        assert [post["text"] for post in w.posts(channel)] == [str(number), str(number + 100)]

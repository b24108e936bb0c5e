"""Replicas on one PostgreSQL: what one adopts, the other's late take does not execute again (promise 4)."""

from pathlib import Path

from harness import TAKE, eventually, free_port, world
from postgres import postgres_server
from replicas import replicas


async def test_late_answer_of_a_take(tmp_path: Path) -> None:
    """What one replica adopts while the answer to the other's take is on its way is executed once."""
    with postgres_server(free_port()) as server:
        async with (
            world(tmp_path, FLYTE_SLACK_STORE=server.new_database()) as w,
            replicas(w, "second") as (second,),
        ):
            channel = w.fresh()
            await w.pack.start()
            w.say(channel, "echo known")
            await eventually(lambda: len(w.posts(channel)) == 1)
            takes = w.faults.hang("POST", TAKE)
            w.say(channel, "echo late")
            await eventually(lambda: len(w.flyte.api.actions) == 2)
            answer = w.faults.hang("POST", TAKE, when="after", times=1)
            takes.remove()
            await eventually(lambda: answer.hits)
            await second.start()
            await eventually(lambda: second.logged("is adopted"))
            answer.remove()
            await eventually(lambda: w.pack.logged("for the second time"))
            results = await w.done(*w.flyte.api.actions.values())
            assert [result.name for result in results] == ["MessageSent"] * 2
            assert sorted(post["text"] for post in w.posts(channel)) == ["known", "late"]

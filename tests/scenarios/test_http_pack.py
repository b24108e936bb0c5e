"""The second pack, examples/http_pack.py, as a user starts it: with a crash in the middle."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from aiohttp import web
from harness import PROJECT, eventually, free_port
from scripted_flyte import ScriptedFlyte
from support import serving

PACK = PROJECT / "examples/http_pack.py"


@contextmanager
def started(folder: Path, flyte: ScriptedFlyte, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start the pack; it is killed in the end."""
    environment = {name: value for name, value in os.environ.items() if "FLYTE" not in name}
    environment |= {
        "PYTHONPATH": str(PROJECT),
        "FLYTE_API": flyte.url,
        "PACK_NAME": "Slack",  # the name that the scripted Flyte knows
        "FLYTE_SLACK_HOST": "127.0.0.1",
        "FLYTE_SLACK_PORT": str(port),
        "FLYTE_SLACK_STORE": f"sqlite:///{folder}/store.db",
    }
    process = subprocess.Popen([sys.executable, str(PACK)], env=environment, cwd=folder)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_it_is_small() -> None:
    """A whole pack is at most 60 lines."""
    assert len(PACK.read_text().splitlines()) <= 60


async def test_a_crash_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Events and actions from before `kill -9` are completed after it, once; SIGTERM ends with status 0."""
    asked, answers = asyncio.Event(), asyncio.Event()

    async def page(_request: web.Request) -> web.Response:
        asked.set()
        await answers.wait()
        return web.Response(text="hello")

    pages = web.Application()
    pages.router.add_get("/page", page)
    flyte, port = ScriptedFlyte(), free_port()
    async with flyte.serve(), serving(pages) as url, httpx.AsyncClient() as client:
        hook = f"http://127.0.0.1:{port}/hook"
        with started(tmp_path, flyte, port):
            await eventually(lambda: flyte.registered)
            flyte.judge = lambda call: 503 if call.kind == "event" else None
            answer = await client.post(hook, content="one", headers={"X-Delivery": "1"})
            assert answer.status_code == 202
            id_ = flyte.action({"url": f"{url}/page"}, "get")
            await eventually(asked.is_set)  # it is on disk, and being executed
        flyte.judge = lambda call: None
        answers.set()
        with started(tmp_path, flyte, port) as process:
            await eventually(lambda: id_ in flyte.results and flyte.events)
            assert flyte.results[id_]["event"] == "PageFetched"
            assert flyte.results[id_]["payload"]["text"] == "hello"
            assert [event["payload"] for event in flyte.events] == [{"body": "one"}]
            await client.post(hook, content="one", headers={"X-Delivery": "1"})
            bad = flyte.action({"url": "ftp://x"}, "get")
            await eventually(lambda: bad in flyte.results)
            assert flyte.results[bad]["event"] == "PageFetchFailure"
            assert "http(s)" in flyte.results[bad]["payload"]["error"]
            metrics = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
            assert "http_pack_actions_total" in metrics
            assert "slack" not in metrics
            assert len(flyte.events) == 1
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 20) == 0

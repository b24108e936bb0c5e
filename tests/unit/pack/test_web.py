"""The web port: metrics, and clients that are slow or send too much (contract, section 6)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import aiohttp.web
import pytest
from support import eventually

from flyte_slack.pack import web as module
from flyte_slack.pack.health import Health
from flyte_slack.pack.metrics import Gauge, exposition
from flyte_slack.pack.web import health_app, serve

GAUGES = [
    Gauge("registered", "Whether Flyte knows the pack.", {"": True}),
    Gauge("waiting", "What waits.", {"events": 3, "actions": 0}, "kind"),
]


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    app = health_app(Health(), lambda: exposition("flyte_slack", lambda: GAUGES))
    app.router.add_post("/read", module_read)
    async with serve(app, "127.0.0.1", 0) as port:
        yield port


async def module_read(request: aiohttp.web.Request) -> aiohttp.web.Response:
    return aiohttp.web.Response(text=str(len(await request.read())))


async def get(port: int, path: str) -> aiohttp.ClientResponse:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as response,
    ):
        await response.read()
        return response


async def ended(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the other side closes."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def test_metrics_are_prometheus_text() -> None:
    """`GET /metrics` gives counters, histograms and what is looked up at the scrape."""
    async with served() as port:
        response = await get(port, "/metrics")
        text = await response.text()
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert "flyte_slack_registered 1.0" in text
    assert 'flyte_slack_waiting{kind="events"} 3.0' in text
    assert 'flyte_slack_polls_total{outcome="none"}' in text
    assert "flyte_slack_event_accepted_seconds_bucket" in text
    assert "process_resident_memory_bytes" in text


async def test_slow_headers_lose_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not bring a request in time is disconnected; others are served meanwhile."""
    monkeypatch.setattr(module, "_REQUEST_WITHIN", 0.2)
    async with served() as port:
        silent, _ = await asyncio.open_connection("127.0.0.1", port)
        slow, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nX-Slow: ")
        assert (await get(port, "/health/live")).status == 200
        assert await ended(silent) == b""
        assert b"200 OK" not in await ended(slow)
        writer.close()


async def test_a_connection_that_was_used_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who brought a request keeps the connection for the next one."""
    monkeypatch.setattr(module, "_REQUEST_WITHIN", 0.05)
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"}")
            await asyncio.sleep(0.1)  # longer than a newcomer may take
        writer.close()


async def test_many_silent_clients_leave_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many connections bring nothing, the next client is served: the oldest makes room."""
    monkeypatch.setattr(module, "_MOST_IDLE", 5)
    async with served() as port:
        crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        assert (await get(port, "/health/live")).status == 200
        await eventually(lambda: sum(reader.at_eof() for reader, _ in crowd) >= 15)
        for _, writer in crowd:
            writer.close()


async def test_clients_with_half_a_request_leave_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many connections bring one request and then half of another, the next client is served."""
    monkeypatch.setattr(module, "_MOST_IDLE", 5)
    async with served() as port:
        crowd = []
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"}")
            writer.write(b"GET /health/live HTTP/1.1\r\nHost")
            crowd.append((reader, writer))
        assert (await get(port, "/health/live")).status == 200
        await eventually(lambda: sum(reader.at_eof() for reader, _ in crowd) >= 15)
        for _, writer in crowd:
            writer.close()


async def test_large_bodies_are_refused() -> None:
    """More than the longest message can need is answered 413."""
    async with served() as port, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/read"
        async with session.post(url, data=b"x" * (module.LARGEST_BODY - 1)) as response:
            assert response.status == 200
        async with session.post(url, data=b"x" * (module.LARGEST_BODY + 1)) as response:
            assert response.status == 413


async def test_a_crash_waits_for_no_client() -> None:
    """Where a part fails, serving ends though clients keep their connections: a crash is no hang."""
    kept: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def crash() -> None:
        async with served() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            kept.append((reader, writer))
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"}")
            raise RuntimeError("a part failed")

    with pytest.raises(RuntimeError, match="a part failed"):
        await asyncio.wait_for(crash(), 30)  # a client may keep its connection for longer
    ((reader, writer),) = kept
    assert await ended(reader) == b""
    writer.close()

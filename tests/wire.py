"""A way to a server that can be long, or go silent."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Wire:
    """Carries bytes both ways: nothing is refused, and nothing lost.

    Args:
        port: of the server, on this machine.
        round_trip: seconds that bytes take there and back.
    """

    def __init__(self, port: int, round_trip: float = 0.0) -> None:
        self._port = port
        self._takes = round_trip / 2
        self._open = asyncio.Event()
        self._open.set()
        self._carrying: set[asyncio.Task[None]] = set()

    def silence(self) -> None:
        """Answer nothing from now on."""
        self._open.clear()

    def restore(self) -> None:
        """Carry what was held back, and what comes."""
        self._open.set()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[int]:
        """Give the port at its end."""
        server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in self._carrying:
                task.cancel()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._open.wait()
        back, forth = await asyncio.open_connection("127.0.0.1", self._port)
        for source, target in ((reader, forth), (back, writer)):
            under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
            for part in (self._depart(source, under_way), self._arrive(under_way, target)):
                self._carrying.add(asyncio.create_task(part))

    async def _depart(
        self, source: asyncio.StreamReader, under_way: asyncio.Queue[tuple[float, bytes]]
    ) -> None:
        data = b"-"
        while data:
            try:
                data = await source.read(65536)
            except OSError:
                data = b""
            under_way.put_nowait((asyncio.get_running_loop().time() + self._takes, data))

    async def _arrive(
        self, under_way: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter
    ) -> None:
        while True:
            at, data = await under_way.get()
            await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))
            await self._open.wait()
            if not data:
                break
            target.write(data)
        with contextlib.suppress(OSError):
            target.close()

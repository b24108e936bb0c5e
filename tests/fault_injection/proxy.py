"""A proxy between the pack and a peer that cuts, kills or falls silent; and remembers what passed."""

import asyncio
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Self

Direction = Literal["request", "reply", "to Slack", "from Slack"]
"""The last two are the directions of a WebSocket."""


@dataclass(eq=False, slots=True)
class Exchange:
    """A request, and what came of it.

    Attributes:
        path: of the request.
        epoch: of the pack's life in which it was made.
        request: all of it.
        reply: all of it; empty where the peer did not get the whole request.
        whole: whether the pack was sent the whole reply.
    """

    path: str
    epoch: int
    request: bytes
    reply: bytes = b""
    whole: bool = False

    @property
    def status(self) -> int:
        """The status of the reply, 0 where there was none."""
        return int(self.reply[9:12] or 0)


@dataclass(eq=False, slots=True)
class Trap:
    """Where the next matching exchange is cut.

    Attributes:
        path: searched for in the path.
        direction: what is cut.
        share: how much of it passes, from 0 to 1.
        where: looks at all of it.
        act: called at that byte, before the connection is cut.
        sprung: whether it has happened.
    """

    path: str
    direction: Direction
    share: float
    where: Callable[[bytes], bool]
    act: Callable[[], object]
    sprung: bool = False

    def bytes_of(self, data: bytes) -> int:
        """Return how many bytes pass."""
        return round(self.share * len(data))


@dataclass(eq=False, slots=True)
class Link:
    """An open WebSocket, which can die without being closed.

    Attributes:
        swallows: the directions whose bytes are read, and go nowhere.
        stalls: the directions whose bytes are not even read.
        lingers: whether the peer is not told when the pack leaves.
    """

    swallows: set[Direction] = field(default_factory=set)
    stalls: set[Direction] = field(default_factory=set)
    lingers: bool = False


class Proxy:
    """Forwards one port to another, connection by connection and message by message.

    Args:
        upstream: port of the peer, on this machine.
        epoch: tells the pack's lives apart.

    Attributes:
        exchanges: what passed.
        links: the WebSockets, in the order opened, also those that were closed.
        next_links: what becomes of the next ones; those after them work.
    """

    def __init__(self, upstream: int, epoch: Callable[[], int]) -> None:
        self.port = 0
        self.exchanges: list[Exchange] = []
        self.links: list[Link] = []
        self.next_links: list[Link] = []
        self._upstream = upstream
        self._epoch = epoch
        self._traps: list[Trap] = []
        self._server: asyncio.Server | None = None
        self._writers: set[StreamWriter] = set()

    def trap(
        self,
        path: str,
        direction: Direction,
        share: float,
        *,
        where: Callable[[bytes], bool] = lambda _data: True,
        act: Callable[[], object] = lambda: None,
    ) -> Trap:
        """Cut the next matching exchange at a byte."""
        trap = Trap(path, direction, share, where, act)
        self._traps.append(trap)
        return trap

    @property
    def busy(self) -> bool:
        """Whether a connection is open, or what a dead client has sent is still passed on."""
        return bool(self._writers)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        peers = [writer]
        self._writers.add(writer)
        try:
            peer_reader, peer = await asyncio.open_connection("127.0.0.1", self._upstream)
            peers.append(peer)
            self._writers.add(peer)
            while await self._exchange(reader, writer, peer_reader, peer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            for one in peers:
                self._writers.discard(one)
                one.close()

    async def _exchange(
        self, reader: StreamReader, writer: StreamWriter, peer_reader: StreamReader, peer: StreamWriter
    ) -> bool:
        """Pass on one request and its reply. Return whether the connection goes on."""
        request = await _message(reader)
        path = request.split(b" ", 2)[1].decode()
        exchange = Exchange(path, self._epoch(), request)
        self.exchanges.append(exchange)
        trap = self._sprung(path, "request", request)
        passed = request[: trap.bytes_of(request)] if trap else request
        peer.write(passed)
        if trap:
            _end(trap, writer)
            if passed != request:
                return False
        exchange.reply = await _message(peer_reader)
        if trap:
            return False
        trap = self._sprung(path, "reply", exchange.reply)
        passed = exchange.reply[: trap.bytes_of(exchange.reply)] if trap else exchange.reply
        writer.write(passed)
        exchange.whole = passed == exchange.reply
        if trap:
            await writer.drain()
            _end(trap, writer)
            return False
        if exchange.status == 101:
            link = self.next_links.pop(0) if self.next_links else Link()
            self.links.append(link)
            pumps = [
                asyncio.create_task(self._pump(link, path, "to Slack", reader, peer)),
                asyncio.create_task(self._pump(link, path, "from Slack", peer_reader, writer)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            return False
        return True

    async def _pump(
        self, link: Link, path: str, direction: Direction, reader: StreamReader, writer: StreamWriter
    ) -> None:
        while data := await reader.read(65536):
            if direction in link.stalls:
                await asyncio.Event().wait()
            if direction in link.swallows:
                continue
            trap = self._sprung(path, direction, data)
            writer.write(data[: trap.bytes_of(data)] if trap else data)
            if trap:
                await writer.drain()
                _end(trap, writer)
                break
        if link.lingers and direction == "to Slack":
            await asyncio.Event().wait()

    def _sprung(self, path: str, direction: Direction, data: bytes) -> Trap | None:
        for trap in self._traps:
            if (
                not trap.sprung
                and trap.direction == direction
                and re.search(trap.path, path.partition("?")[0])
                and trap.where(data)
            ):
                trap.sprung = True
                return trap
        return None


def _end(trap: Trap, writer: StreamWriter) -> None:
    trap.act()
    if trap.share == 1:
        writer.close()  # what was sent arrives
    else:
        writer.transport.abort()


async def _message(reader: StreamReader) -> bytes:
    """Read a request or a reply; neither peer sends bodies without their length."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"chunked" not in head.lower()
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return head + await reader.readexactly(int(length[1]) if length else 0)

"""What a broken server, or something between, can do to a call: each has its error (promises 2, 4, 9)."""

import asyncio
import re
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from flyte_answers import LINKS

from flyte_slack.errors import FlyteError, FlyteNotFound, FlyteUnavailable
from flyte_slack.flyte import FlyteClient
from flyte_slack.flyte.patience import LONGEST, Patience

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]]

ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
LARGE = {"payload": "x" * 4_000_000}
"""More than the sockets' buffers hold."""


@asynccontextmanager
async def client_of(script: Script, timeout: float = 10) -> AsyncIterator[FlyteClient]:
    """Run a script for each connection to a server; what it leaves open is closed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**20)
    try:
        port = server.sockets[0].getsockname()[1]
        async with FlyteClient(f"http://127.0.0.1:{port}", timeout=timeout) as client:
            yield client
    finally:
        server.close()


async def request(reader: asyncio.StreamReader) -> None:
    """Read one request to its end."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    await reader.readexactly(int(length[1]) if length else 0)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection as a crashed machine's does."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def answers(answer: bytes) -> Script:
    """Answer each request of a connection with these bytes, and close it where they are no whole answer."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(answer)
        await writer.drain()

    return script


async def reset_before(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def reset_in_between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(10)
    reset(writer)


async def reset_after(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request(reader)
    reset(writer)


async def close_after(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await request(reader)


async def reset_in_the_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request(reader)
    writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\nabc")
    await writer.drain()
    reset(writer)


BROKEN: dict[str, Script] = {
    "reset before the request": reset_before,
    "reset in the middle of it": reset_in_between,
    "reset after it": reset_after,
    "closed after it": close_after,
    "no HTTP": answers(b"220 mail.example.com ESMTP\r\n\r\n"),
    "random bytes": answers(bytes(range(256))),
    "a status that is none": answers(b"HTTP/1.1 0x2 Accepted\r\nContent-Length: 0\r\n\r\n"),
    "an endless header": answers(b"HTTP/1.1 202 Accepted\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"),
    "a negative length": answers(b"HTTP/1.1 202 Accepted\r\nContent-Length: -1\r\n\r\nabc"),
    "two lengths": answers(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    "a chunk that is none": answers(b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nabc"),
}
CUT: dict[str, Script] = {
    "reset in the body": reset_in_the_answer,
    "fewer bytes than announced": answers(b"HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\nabc"),
    "a chunk that is cut": answers(b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc"),
    "no gzip": answers(b"HTTP/1.1 202 A\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"),
}


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("event", [{}, LARGE], ids=["small", "large"])
async def test_reply_that_is_lost(script: Script, event: dict[str, str]) -> None:
    """A connection was there, and the server may have got the request: the error says so."""
    async with client_of(script) as client:
        with pytest.raises(FlyteUnavailable) as caught:
            await client.post_event(LINKS, event)
    assert (caught.value.reply_lost, caught.value.status) == (True, None)


@pytest.mark.parametrize("script", CUT.values(), ids=CUT)
async def test_accepted_is_accepted_however_its_body_ends(script: Script) -> None:
    """A 202 says it all: an event or result that Flyte has accepted is not posted again for a cut body."""
    async with client_of(script) as client:
        await client.post_event(LINKS, {})
    async with client_of(script) as client:
        await client.complete("v1/packs/Slack/actions/1/result", {})


async def test_accepted_with_a_body_that_never_ends() -> None:
    """A 202 whose body does not come is accepted once the time for it is up."""
    done = asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\nabc")
        await done.wait()

    async with client_of(endless, timeout=0.2) as client:
        await client.post_event(LINKS, {})
        done.set()


async def test_refusal_whose_body_is_cut() -> None:
    """A status that refuses is no lost reply, even if its body is cut."""
    async with client_of(answers(b"HTTP/1.1 503 Away\r\nContent-Length: 10\r\n\r\nabc")) as client:
        with pytest.raises(FlyteUnavailable) as caught:
            await client.post_event(LINKS, {})
    assert (caught.value.status, caught.value.reply_lost) == (503, False)


async def test_action_whose_body_is_cut() -> None:
    """An action that is cut short is a lost reply: Flyte has given it away."""
    async with client_of(answers(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"command"')) as client:
        with pytest.raises(FlyteUnavailable) as caught:
            await client.take(LINKS)
    assert (caught.value.status, caught.value.reply_lost) == (None, True)


async def test_answer_that_arrived_while_the_process_stood_still() -> None:
    """An answer that lies in the socket's buffer counts, though the time was up before it could be read."""
    asked, answered = threading.Event(), threading.Event()

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            asked.set()
            time.sleep(0.1)  # the loop stands still by then
            connection.sendall(ACCEPTED)
            answered.set()

    def stand_still() -> None:
        assert answered.wait(10)
        time.sleep(0.5)  # past the time-out

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        async with FlyteClient(f"http://127.0.0.1:{server.getsockname()[1]}", timeout=0.3) as client:
            posting = asyncio.create_task(client.post_event(LINKS, {}))
            while not asked.is_set():
                await asyncio.sleep(0)
            stand_still()
            await posting
        thread.join()


async def test_posts_wait_longer_for_a_slow_server() -> None:
    """After a post that was given up the next ones wait longer, so that a slow server processes them once."""
    release, requests = asyncio.Event(), 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while True:
            await request(reader)
            requests += 1
            if requests == 1:
                await release.wait()
            await asyncio.sleep(0.3)  # longer than the usual time-out, shorter than the next
            writer.write(ACCEPTED)

    async with client_of(slow, timeout=0.2) as client:
        with pytest.raises(FlyteUnavailable) as caught:
            await client.post_event(LINKS, {})
        assert caught.value.waited == 0.2
        await client.post_event(LINKS, {})
        await client.complete("v1/r", {})
        release.set()
        assert requests == 3


def test_patience_ends_at_what_a_take_gets_and_comes_back() -> None:
    """Posts wait as long as a take at most, and as usual again when the server was quick for a while."""
    patience, waited = Patience(10), []
    for _ in range(4):
        waited.append(patience.seconds)
        patience.ran_out(patience.seconds)
    assert waited == [10, 40, LONGEST, LONGEST]
    patience.answered(20)
    for _ in range(49):
        patience.answered(0.1)
    assert patience.seconds == LONGEST
    patience.answered(0.1)
    assert patience.seconds == 10


async def test_nobody_listens() -> None:
    """A connection that is refused is no lost reply."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with FlyteClient(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(FlyteUnavailable) as caught:
            await client.post_event(LINKS, {})
    assert (caught.value.reply_lost, caught.value.status) == (False, None)


async def test_server_that_reads_nothing() -> None:
    """A request that is stuck on its way may have got there all the same."""
    done = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await done.wait()

    async with client_of(silent, timeout=0.2) as client:
        for event in ({}, LARGE):
            with pytest.raises(FlyteUnavailable) as caught:
                await client.post_event(LINKS, event)
            assert (caught.value.reply_lost, caught.value.status) == (True, None)
        done.set()


@pytest.mark.parametrize("reason", [b"Accept\xe9", "Angenommen, schön".encode(), b"", b"\xff\xfe\x80"])
async def test_reason_that_is_no_text(reason: bytes) -> None:
    """What a server calls its status, in whatever encoding, is no error, and is posted once."""
    requests = 0

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while True:
            await request(reader)
            requests += 1
            writer.write(ACCEPTED.replace(b"Accepted", reason))

    async with client_of(accept) as client:
        await client.post_event(LINKS, {})
        await client.post_event(LINKS, {})
    assert requests == 2


@pytest.mark.parametrize("reason", [b"Pas trouv\xe9", "Nicht gefunden, schön".encode()])
async def test_refusal_for_a_reason_that_is_no_text(reason: bytes) -> None:
    """A 404 stays one, whatever the server calls it."""
    async with client_of(answers(b"HTTP/1.1 404 %b\r\nContent-Length: 0\r\n\r\n" % reason)) as client:
        with pytest.raises(FlyteNotFound) as caught:
            await client.post_event(LINKS, {})
    assert (caught.value.status, caught.value.reply_lost) == (404, False)
    str(caught.value).encode()


async def test_kept_connection_that_was_closed() -> None:
    """A connection that the server closed between two calls costs neither a call nor a second request."""
    requests = 0
    closed = asyncio.Event()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await request(reader)
        requests += 1
        writer.write(ACCEPTED)
        writer.write_eof()
        await reader.read()
        closed.set()  # on both sides

    async with client_of(once) as client:
        for _ in range(5):
            closed.clear()
            await client.post_event(LINKS, {})
            await closed.wait()
    assert requests == 5


async def test_kept_connection_that_closes_under_a_request() -> None:
    """A request into a connection that closes just then is not repeated behind the caller's back."""
    requests = 0

    async def second_is_cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await request(reader)
        requests += 1
        writer.write(ACCEPTED)
        await request(reader)
        requests += 1
        reset(writer)

    async with client_of(second_is_cut) as client:
        await client.post_event(LINKS, {})
        with pytest.raises(FlyteUnavailable) as caught:
            await client.post_event(LINKS, {})
    assert caught.value.reply_lost
    assert requests == 2


async def test_more_bytes_than_announced() -> None:
    """What stands behind an answer is no other call's answer: each is accepted, or its reply lost."""
    rest = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    async with client_of(answers(b"HTTP/1.1 202 A\r\nContent-Length: 1\r\n\r\nabc" + rest)) as client:
        calls = [client.post_event(LINKS, {}) for _ in range(3)]
        ends = [(await asyncio.gather(call, return_exceptions=True))[0] for call in calls]
    assert all(end is None or (isinstance(end, FlyteUnavailable) and end.reply_lost) for end in ends)


async def test_answer_before_the_request_was_read() -> None:
    """A refusal that comes while a large request is still on its way is that refusal, or an outage."""

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    async with client_of(early) as client:
        with pytest.raises(FlyteError) as caught:
            await client.post_event(LINKS, LARGE)
    assert caught.value.status == 413 or caught.value.reply_lost

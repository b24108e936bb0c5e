"""A Flyte that is slow, behind a proxy of its own mind, or whose token is rotated (promises 1, 2, 9)."""

import asyncio
import signal
import ssl
import subprocess
from pathlib import Path

import pytest
from aiohttp import web
from faults import holding
from harness import EVENTS, RESULT, Pack, eventually, free_port, world

from flyte_slack.sandbox.flyte_api import FlyteApi

LOGIN_PAGE = "<html><form>Please log in</form></html>"


async def flyte_status(pack: Pack) -> tuple[bool, str]:
    """Return whether FlyteApi is healthy, and the sentence about it."""
    part = (await pack.health()).get("FlyteApi", {"healthy": True, "status": ""})
    return bool(part["healthy"]), str(part["status"])


async def test_login_page(tmp_path: Path) -> None:
    """A proxy that shows its login page for a while, with status 200, costs no message and no result."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel = w.channel("general")
        for path in (EVENTS, RESULT):
            w.faults.answer(
                "POST", path, 200, body=LOGIN_PAGE, headers={"Content-Type": "text/html"}, times=3
            )
        for number in range(6):
            w.say(channel, str(number))
        await w.done(w.flyte.command(channelId=w.fresh().id, message="hello"))
        await w.marked(channel)
        assert w.flyte.texts(channel)[:-1] == ["0", "1", "2", "3", "4", "5"]


async def test_slow_flyte(tmp_path: Path) -> None:
    """Flyte that answers after FLYTE_API_TIMEOUT processes one event twice, and those after it once."""
    async with world(tmp_path, FLYTE_API_TIMEOUT="1") as w:
        await w.pack.start()
        channel = w.channel("general")
        never = w.faults.hang("POST", EVENTS, when="after", times=1)
        late = w.faults.hang("POST", EVENTS, when="after", times=1)
        w.say(channel, "1")
        w.say(channel, "2")
        await eventually(lambda: late.hits == 1)
        await asyncio.sleep(1.5)  # that is how slow Flyte is
        late.release()
        await w.marked(channel)
        assert w.flyte.texts(channel)[:-1] == ["1", "1", "2"]
        assert never.hits == 1


async def test_pack_that_stood_still(tmp_path: Path) -> None:
    """A process frozen for longer than FLYTE_API_TIMEOUT reads what Flyte answered: no event comes twice."""
    async with world(tmp_path, FLYTE_API_TIMEOUT="2") as w:
        await w.pack.start()
        channels = [w.fresh() for _ in range(10)]
        answers = w.faults.hang("POST", EVENTS, when="after")
        for channel in channels:
            w.say(channel, "hello")
        await eventually(lambda: answers.hits == 10)
        w.pack.send(signal.SIGSTOP)
        answers.remove()
        await eventually(lambda: w.faults.count("POST", EVENTS, 202) == 10)
        await asyncio.sleep(3)  # that is how long it stands still
        w.pack.send(signal.SIGCONT)
        await w.marked(*channels)
        assert [w.flyte.texts(channel)[:-1] for channel in channels] == [["hello"]] * 10


async def test_firewall(tmp_path: Path) -> None:
    """One event answered 403 for ever is told in health, and dead in the end; its channel goes on."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel = w.channel("general")
        w.faults.answer("POST", EVENTS, 403, where=holding("drop table"))
        w.say(channel, "drop table")
        w.say(channel, "after")

        async def told() -> bool:
            healthy, status = await flyte_status(w.pack)
            return not healthy and "403" in status

        await eventually(told)
        await eventually(lambda: w.flyte.texts(channel) == ["after"], timeout=120)
        await w.pack.ready()
        ((reason,),) = w.stored("SELECT reason FROM inbox WHERE state = 'dead'")
        assert "403" in reason


@pytest.mark.parametrize("content", [None, "", "\n"])
async def test_token_that_is_being_rotated(tmp_path: Path, content: str | None) -> None:
    """While the token's file is empty, or away, the last token is used: no call goes out without one."""
    file = tmp_path / "token"
    file.write_text("the-token")
    flyte = FlyteApi(token="the-token")
    async with world(tmp_path, flyte=flyte, FLYTE_JWT_FILE=str(file)) as w:
        await w.pack.start()
        file.unlink() if content is None else file.write_text(content)
        w.say("general", "hello")
        await w.delivered(1)
        file.write_text("the-token")
        w.say("general", "again")
        await w.delivered(2)
        assert w.faults.count("POST", "", 401) == 0
        assert "the-token" not in w.pack.stderr


async def test_tls_is_verified(tmp_path: Path) -> None:
    """A Flyte whose certificate nobody vouches for is not called, unless FLYTE_API_INSECURE says so."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "1",
                "-subj",
                "/CN=localhost",
            ),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    flyte, port = FlyteApi(), free_port()
    runner = web.AppRunner(flyte.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    try:
        async with world(tmp_path, FLYTE_API=f"https://127.0.0.1:{port}") as w:
            w.pack.launch()

            async def refused() -> bool:
                return "CERTIFICATE_VERIFY_FAILED" in (await flyte_status(w.pack))[1]

            await eventually(refused)
            assert flyte.packs == {}
            assert await w.pack.stop() == 0
            for trusts in ({"SSL_CERT_FILE": str(certificate)}, {"FLYTE_API_INSECURE": "true"}):
                flyte.packs.clear()
                w.pack.environment.pop("SSL_CERT_FILE", None)
                await w.pack.start(**trusts)
                assert "Slack" in flyte.packs
                assert await w.pack.stop() == 0
    finally:
        await runner.cleanup()

"""The pack registers, and keeps itself registered (contract, section 2, promises 7 and 9)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from harness import EVENTS, REGISTER, TAKE, World, each, eventually, world

from flyte_slack.sandbox.flyte_api import FlyteApi

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def w(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One running pack for the tests that neither stop it nor change its settings."""
    async with world(tmp_path_factory.mktemp("shared")) as running:
        await running.pack.start()
        yield running


COMMANDS = {
    "sendMessage", "sendEphemeralMessage", "scheduleMessage", "cancelScheduledMessage", "updateMessage",
    "deleteMessage", "addReaction", "removeReaction", "uploadFile", "openModal", "updateModal", "respond",
    "findChannel", "findUser", "readThread",
}  # fmt: skip
EVENTS_CHOSEN = {
    "MessageSent", "ButtonClicked", "OptionSelected", "ModalSubmitted", "ModalClosed", "SlashCommandUsed",
    "ShortcutUsed",
}  # fmt: skip
HELP = "https://github.com/ExpediaGroup/flyte-slack"


async def works(w: World, text: str) -> None:
    """Wait until a message and an action go through, in a channel of their own."""
    channel = w.fresh()
    w.say(channel, text)
    await w.done(w.flyte.command(channelId=channel.id, message=text))
    await w.arrived(channel, 1)


async def test_what_is_registered(tmp_path: Path) -> None:
    """Name, labels, commands and events are registered as the contract says, with help links only."""
    async with world(tmp_path, FLYTE_LABELS="env=prod, team=a") as w:
        await w.pack.start()
        (pack,) = w.flyte.api.packs.values()
        assert (pack.id, pack.labels) == ("Slack.env.prod.team.a", {"env": "prod", "team": "a"})
        definition = pack.definition
        commands = {command.name: command.events or [] for command in definition.commands}
        assert commands.keys() == COMMANDS
        assert commands["sendMessage"] == ["MessageSent", "MessageUpdated", "MessageSendFailure"]
        assert commands["addReaction"] == ["ReactionAdded", "ReactionAddFailure"]
        events = [event.name for event in definition.events]
        assert len(events) == len(set(events))
        assert set(events) == {name for names in commands.values() for name in names} | EVENTS_CHOSEN
        of_commands = [command.links for command in definition.commands]
        for links in (definition.links, *of_commands, *(event.links for event in definition.events)):
            assert [link.rel for link in links] == ["help"]
            assert links[0].href.startswith(HELP)


async def test_pack_name(tmp_path: Path) -> None:
    """PACK_NAME names the pack; spaces, which Flyte puts into its links as they are, do no harm."""
    async with world(tmp_path, PACK_NAME="My Slack") as w:
        await w.pack.start()
        assert list(w.flyte.api.packs) == ["My Slack"]
        w.say("general", "hello")
        await w.delivered(1)
        await w.done(w.flyte.command(pack="My Slack", channelId="#general", message="x"))


async def test_pack_removed(w: World) -> None:
    """After DELETE of the pack it registers again; messages and actions go on, none lost."""
    await works(w, "before")
    async with (
        aiohttp.ClientSession() as session,
        session.delete(f"{w.flyte.url}/v1/packs/Slack") as answer,
    ):
        assert answer.status == 204
    await works(w, "after")
    assert w.flyte.texts().count("after") == 1
    assert list(w.flyte.api.packs) == ["Slack"]
    assert w.pack.running


async def test_emptied_server(tmp_path: Path) -> None:
    """After Flyte lost its database the pack registers again; what waited meanwhile is delivered."""
    async with world(tmp_path) as own:
        await own.pack.start()
        await works(own, "before")
        await own.flyte.stop()
        channel, acknowledged = own.fresh(), len(own.socket_mode.acknowledged)
        own.say(channel, "meanwhile")
        await own.acknowledged(acknowledged + 1)
        own.flyte.api = FlyteApi()
        await own.flyte.start()
        await works(own, "after")
        await own.marked(channel)
        assert own.flyte.texts(channel)[:-1] == ["meanwhile"]
        assert own.flyte.texts().count("after") == 1


async def test_404_on_an_event_alone(w: World) -> None:
    """A 404 on an event leads to a new registration, and the event is delivered, once."""
    registered, channel = w.faults.count("POST", REGISTER, 201), w.fresh()
    w.faults.answer("POST", EVENTS, 404, times=1)
    w.say(channel, "hello")
    await w.marked(channel)
    assert w.flyte.texts(channel)[:-1] == ["hello"]
    assert w.faults.count("POST", REGISTER, 201) == registered + 1


@pytest.mark.parametrize("status", [500, 503])
async def test_take_answered_5xx(w: World, status: int) -> None:
    """A take answered 5xx is asked again, and the pack goes on."""
    rule = w.faults.answer("POST", TAKE, status, times=5)
    await eventually(lambda: rule.hits == 5)
    await works(w, "hello")
    await w.pack.ready()


async def test_answers_that_are_not_flytes(tmp_path: Path) -> None:
    """A proxy's error page, a redirect or broken JSON are no reason to stop or to lose anything."""
    async with world(tmp_path) as w:
        page = {"Content-Type": "text/html"}
        w.faults.answer("GET", r"/flyte/?$", 200, body="<html>Welcome</html>", headers=page, times=1)
        w.faults.answer("POST", REGISTER, 302, headers={"Location": "https://login.example.com/"}, times=1)
        w.pack.launch()
        await w.pack.ready()
        w.faults.answer("POST", TAKE, 200, body="{", times=1)
        w.faults.answer("POST", EVENTS, 302, headers={"Location": "https://login.example.com/"}, times=1)
        await works(w, "hello")
        assert w.flyte.texts() == ["hello"]


async def test_token_from_a_file_is_rotated(tmp_path: Path) -> None:
    """A bad token makes the pack unhealthy; a good one in FLYTE_JWT_FILE heals it without restart."""
    token = tmp_path / "token"
    token.write_text("bad-token-1\n")
    async with world(tmp_path, flyte=FlyteApi(token="good-token-1"), FLYTE_JWT_FILE=str(token)) as w:
        w.pack.launch()
        await w.pack.listening()
        w.say("general", "early")
        await w.acknowledged(1)

        async def refused() -> bool:
            return "401" in (await w.pack.health())["FlyteApi"]["status"]

        await eventually(refused, "health tells of the token")
        assert await w.pack.status("/") == 500
        assert await w.pack.status("/health/ready") == 503
        assert await w.pack.status("/health/live") == 200
        token.write_text("good-token-1\n")
        await w.pack.ready()
        await works(w, "late")
        await w.delivered(2)
        assert sorted(w.flyte.texts()) == ["early", "late"]

        w.faults.answer(
            "*",
            "/flyte/v1",
            401,
            where=lambda request, _: request.headers.get("Authorization") != "Bearer good-token-2",
        )
        await eventually(refused, "health tells of the expired token")
        w.say("general", "expired")
        good_again = FlyteApi(token="good-token-2")
        good_again.packs, good_again.events = w.flyte.api.packs, w.flyte.api.events
        await w.flyte.stop()
        w.flyte.api = good_again
        await w.flyte.start()
        token.write_text("good-token-2\n")
        await w.pack.ready()
        await works(w, "rotated")
        await w.marked(w.channel("general"))
        assert sorted(w.flyte.texts()[:-1]) == sorted(["early", "late", "expired", "rotated"])
        for value in ("bad-token-1", "good-token-1", "good-token-2"):
            assert value not in w.pack.stderr


async def test_token_from_the_environment(tmp_path: Path) -> None:
    """FLYTE_JWT is sent as a bearer token, to Flyte only, and never logged, at debug level either."""
    async with world(
        tmp_path, flyte=FlyteApi(token="jwt-of-the-pack"), FLYTE_JWT="jwt-of-the-pack", LOGLEVEL="debug"
    ) as w:
        leaks: list[str] = []

        def leaked(request: Any, body: bytes) -> bool:
            if "jwt-of-the-pack" in str(request.headers) + str(request.rel_url) + str(body):
                leaks.append(request.path)
            return False

        w.faults.answer("*", "/slack/", 500, where=leaked)
        await w.pack.start()
        await works(w, "a private text")
        assert leaks == []
        assert "jwt-of-the-pack" not in w.pack.stderr


async def test_no_message_text_in_the_log(w: World) -> None:
    """Message texts and people's names are not logged above debug level."""
    await works(w, "a private text")
    refused = w.flyte.command(channelId="C0NOWHERE", message="a private text")
    invalid = w.flyte.command(channelId="C1", message="a private text", replyBroadcast="a private text")
    await w.done(refused, invalid)
    assert "a private text" not in w.pack.stderr
    assert "alice" not in w.pack.stderr.lower()


async def test_spellings_of_flyte_api(tmp_path: Path) -> None:
    """FLYTE_API is understood with a trailing slash, and with /v1."""
    await each(registers_at, tmp_path, "/", "/v1", "/v1/")


async def registers_at(tmp_path: Path, suffix: str) -> None:
    """Start the pack with another spelling of FLYTE_API."""
    async with world(tmp_path) as own:
        await own.pack.start(FLYTE_API=own.flyte.url + suffix)
        await works(own, "hello")

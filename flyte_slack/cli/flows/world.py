"""The world in which a flow is tested: the sandbox's Slack and Flyte, the real pack, and other packs."""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from ...sandbox.server import Sandbox
from ...settings.slack import Settings, variables
from ..sandbox import EVERYTHING
from .expectations import (
    Click,
    Command,
    Completed,
    Expectation,
    Given,
    Happened,
    Message,
    Modal,
    React,
    Reaction,
    Said,
    Slash,
    Submit,
    Update,
    buttons,
    meets,
    within,
)
from .other_packs import OtherPacks

_LOOK_EVERY = 0.05
_QUIET = 0.3  # seconds without anything new, after which what was done has had its effect

_CONTENT = ("text", "blocks", "attachments", "edited")

Json = Mapping[str, Any]


class Unmet(Exception):
    """Something cannot be done, since what it needs did not come."""


class World:
    """What a test does and sees, over the sandbox's JSON API.

    Args:
        url: of the sandbox.
        client: for its requests.
        patience: seconds to wait for what a step needs.
    """

    def __init__(self, url: str, client: httpx.AsyncClient, patience: float) -> None:
        self._url = url
        self._client = client
        self._patience = patience
        self._others = OtherPacks(url, client)
        self._people: set[str] = set()
        self._seen: dict[tuple[str, str], list[Json]] = {}

    async def do(self, given: Given) -> None:
        """Let something happen, and wait until it has had its effect.

        Raises:
            Unmet: what it needs is not there, such as the button to click on.
        """
        body: dict[str, Any]
        match given.it:
            case Said() as said:
                body = {"channel": said.channel, "user": said.user, "text": said.text}
                if said.thread:
                    newest = await self._newest(said.channel)
                    body["thread_ts"] = newest.get("thread_ts") or newest["ts"]
                self._people.add(said.user)
                await self._post("/api/messages", body)
            case Click() as click:
                channel, message = await self._showing(click.action_id)
                body = {"channel": channel, "user": click.user, "ts": message["ts"]}
                body |= {"action_id": click.action_id} | ({"value": click.value} if click.value else {})
                await self._post("/api/clicks", body)
            case React() as react:
                channel, message = await self._newest_anywhere()
                body = {"channel": channel, "user": react.user, "ts": message["ts"]}
                body |= {"reaction": react.reaction} | ({"remove": True} if react.remove else {})
                await self._post("/api/reactions", body)
            case Slash() as slash:
                await self._post("/api/slash-commands", slash.model_dump())
            case Submit() as submit:
                modal = await self._modal(submit.user, submit.callback_id)
                body = {"user": submit.user, "inputs": submit.inputs}
                await self._post(f"/api/modals/{modal['view_id']}", body)
            case Happened() as happened:
                await self._others.send(happened.pack, happened.name, happened.payload)
            case Completed() as completed:
                end = time.monotonic() + self._patience
                while not await self._others.complete(completed):
                    if time.monotonic() > end:
                        raise Unmet(f"no flow has given the command {completed.command!r} to complete")
                    await asyncio.sleep(_LOOK_EVERY)
        await self.settled()

    async def unmet(self, expectations: Iterable[Expectation], *, ordered: bool = False) -> list[Expectation]:
        """Return what is not to be seen yet. A message, a change or an action meets one expectation only.

        Args:
            expectations: what is to be seen.
            ordered: whether messages have to come in the order of their expectations.
        """
        await self.look()
        used: set[object] = set()
        reached = 0.0
        missing = []
        for expectation in expectations:
            found = await self._meeting(expectation, used, reached if ordered else 0.0)
            if found is None:
                missing.append(expectation)
            else:
                used.add(found)
                if ordered and isinstance(found, tuple) and found[0] == "message":
                    reached = float(found[2])
        return missing

    async def _meeting(self, expectation: Expectation, used: set[object], after: float) -> object | None:
        """Return what meets an expectation and no other one, or None."""
        expected = expectation.it
        candidates: list[tuple[object, bool]] = []
        match expected:
            case Message():
                candidates = [
                    (("message", channel, ts), any(_is(expected, each) for each in versions))
                    for (channel, ts), versions in self._seen.items()
                    if expected.channel in (None, channel) and float(ts) > after
                ]
            case Update():
                candidates = [
                    (("update", channel, ts, number), meets(expected.text, str(each["text"])))
                    for (channel, ts), versions in self._seen.items()
                    for number, each in enumerate(versions)
                    if expected.channel in (None, channel) and each.get("edited")
                ]
            case Reaction():
                reactions = [
                    (each["channel"], each["ts"], _reacted(each, expected.reaction, self._people))
                    async for each in self._messages(expected.channel)
                ]
                candidates = [(("reaction", channel, ts), reacted) for channel, ts, reacted in reactions]
            case Modal():
                modals = await self._modals(expected.user, expected.callback_id)
                candidates = [(("modal", modal["view_id"]), True) for modal in modals]
            case Command():
                candidates = [
                    (("command", number), _is_for(expected, pack, action))
                    for number, (pack, action) in enumerate(await self._others.given())
                ]
        return next((found for found, meets_it in candidates if meets_it and found not in used), None)

    async def look(self) -> None:
        """Take in the messages of the pack's as they are now; what they were before stays known."""
        async for message in self._messages(None):
            if message["user"] not in self._people:
                versions = self._seen.setdefault((str(message["channel"]), str(message["ts"])), [])
                if not versions or any(message.get(key) != versions[-1].get(key) for key in _CONTENT):
                    versions.append(message)

    def posted(self) -> list[Json]:
        """Return the messages of the pack's, as they were last seen."""
        return [versions[-1] for versions in self._seen.values()]

    async def trace(self) -> list[Json]:
        """Return everything that happened."""
        return list((await self._get("/api/trace", since="0"))["entries"])

    async def settled(self) -> None:
        """Return when nothing has happened for a moment."""
        end = time.monotonic() + self._patience
        seen, since = -1, time.monotonic()
        while time.monotonic() < end:
            await self.look()
            now = int((await self._get("/api/trace", since=str(max(seen, 0))))["next"])
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since >= _QUIET:
                return
            await asyncio.sleep(_LOOK_EVERY)

    async def add_flow(self, flow: Json) -> None:
        """Give Flyte a flow."""
        await self._post("/flyte/v1/flows", flow)

    async def _messages(self, channel: str | None) -> AsyncIterator[Json]:
        for name in [channel] if channel else await self._names("channels"):
            found = await self._get("/api/messages", channel=name)
            for message in found["messages"]:
                yield {**message, "channel": name}

    async def watch(self, packs: Iterable[str]) -> None:
        """Take the actions of other packs from now on."""
        for name in packs:
            await self._others.register(name)

    async def _names(self, of: str) -> list[str]:
        return [str(each["name"]) for each in (await self._get(f"/api/{of}"))[of]]

    async def _newest(self, channel: str) -> Json:
        found = [message async for message in self._messages(channel)]
        if not found:
            raise Unmet(f"there is no message in {channel} to reply to")
        return found[-1]

    async def _newest_anywhere(self) -> tuple[str, Json]:
        found = [message async for message in self._messages(None)]
        if not found:
            raise Unmet("there is no message to react to")
        newest = max(found, key=lambda message: float(message["ts"]))
        return str(newest["channel"]), newest

    async def _showing(self, action_id: str) -> tuple[str, Json]:
        """Return the newest message that shows an element, once there is one."""
        end = time.monotonic() + self._patience
        while True:
            found = [message async for message in self._messages(None) if action_id in _action_ids(message)]
            if found:
                newest = max(found, key=lambda message: float(message["ts"]))
                return str(newest["channel"]), newest
            if time.monotonic() > end:
                raise Unmet(f"no message shows {action_id!r} to click on")
            await asyncio.sleep(_LOOK_EVERY)

    async def _modal(self, user: str, callback_id: str) -> Json:
        end = time.monotonic() + self._patience
        while not (found := await self._modals(user, callback_id)):
            if time.monotonic() > end:
                raise Unmet(f"{user} sees no modal {callback_id!r} to submit")
            await asyncio.sleep(_LOOK_EVERY)
        return found[-1]

    async def _modals(self, user: str | None, callback_id: str) -> list[Json]:
        people = (
            [user] if user else [str(each["name"]) for each in (await self._get("/api/people"))["people"]]
        )
        return [
            modal
            for name in people
            for modal in (await self._get("/api/modals", user=name))["modals"]
            if modal["callback_id"] == callback_id
        ]

    async def _get(self, path: str, **query: str) -> Any:
        answer = await self._client.get(self._url + path, params=query or None)
        answer.raise_for_status()
        return answer.json()

    async def _post(self, path: str, body: Any) -> None:
        url = path if path.startswith("http") else self._url + path
        answer = await self._client.post(url, json=body)
        if answer.is_error:
            raise Unmet(f"{path}: {answer.text.strip() or answer.status_code}")


@contextlib.asynccontextmanager
async def world(flows: Iterable[Json], other_packs: Iterable[str], patience: float) -> AsyncIterator[World]:
    """Start the sandbox with these flows and no other, and the pack; stop both afterwards."""
    from ... import service

    for name in variables():
        os.environ.pop(name, None)  # a test's outcome must not depend on them
    stop, ready = asyncio.Event(), service.Ready()
    with tempfile.TemporaryDirectory(prefix="flyte-slack-") as folder:
        async with Sandbox(port=0, shipped_flows=False) as sandbox, httpx.AsyncClient(timeout=30) as client:
            os.environ.update(
                sandbox.pack_environment(),
                **EVERYTHING,
                FLYTE_SLACK_STORE=f"sqlite:///{folder}/store.db",
                FLYTE_SLACK_HOST="127.0.0.1",
                FLYTE_SLACK_PORT="0",
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(service.run(Settings.load(), stop, ready))
                await ready.wait()
                found = World(sandbox.url, client, patience)
                try:
                    for flow in flows:
                        await found.add_flow(flow)
                    await found.watch(other_packs)
                    yield found
                finally:
                    stop.set()


def read_flow(path: Path) -> Json:
    """Return a flow file's content."""
    document: Json = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def _action_ids(message: Json) -> list[str]:
    return buttons([*(message.get("blocks") or ()), *(message.get("attachments") or ())])


def _is(expected: Message, message: Json) -> bool:
    threaded = bool(message.get("thread_ts")) and message["thread_ts"] != message["ts"]
    shown = _action_ids(message)
    return (
        meets(expected.text, str(message["text"]))
        and expected.thread in (None, threaded)
        and all(button in shown for button in expected.buttons or ())
        and (message.get("ephemeral_to") or None) == expected.ephemeral_to
    )


def _is_for(expected: Command, pack: str, action: Json) -> bool:
    named = (pack, action["command"]) == (expected.pack, expected.name)
    return named and (expected.input is None or within(expected.input, action.get("input")))


def _reacted(message: Json, reaction: str, people: set[str]) -> bool:
    return any(
        each.get("name") == reaction and set(each.get("users") or ()) - people
        for each in message.get("reactions") or ()
    )

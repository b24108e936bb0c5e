"""The process that plays Flyte and Slack for the benchmarks, and carries out what the runner asks for.

Run by `run.py`; shares no code with the pack, and keeps nothing on disk. Flyte has an address of its own,
since it goes away in some scenarios.
"""

import asyncio
import gc
import json
import os
import sys
from typing import Any

import flyte_peer
import slack_peer
from aiohttp import web
from flyte_peer import OWN, FlytePeer
from listening import listen
from record import Record, now
from slack_peer import SlackPeer, spread

USUAL = flyte_peer.USUAL | slack_peer.USUAL
"""How both behave unless they are told otherwise."""


class Orders:
    """What the runner can ask for: a POST to /NAME is carried out by `do_NAME`, with the body's arguments."""

    def __init__(self) -> None:
        self.record = Record()
        self.settings = dict(USUAL)
        self.flyte = FlytePeer(self.record, self.settings)
        self.slack = SlackPeer(self.record, self.settings)
        self._numbers = 0

    async def carry_out(self, request: web.BaseRequest) -> web.StreamResponse:
        """Carry out one order."""
        order = getattr(self, "do_" + request.path.strip("/"))
        body = await request.read()
        return web.json_response(await order(**(json.loads(body) if body else {})))

    async def do_reset(self, **settings: float) -> dict[str, Any]:
        """Forget what was seen and what was going to happen, and behave as told."""
        self.flyte.forget()
        self.slack.forget()
        self.record.empty()
        self.settings.update(settings)
        gc.collect()
        return {}

    async def do_set(self, **settings: float) -> dict[str, Any]:
        """Behave as told from now on."""
        self.settings.update(settings)
        return {}

    async def do_say(
        self,
        number: int,
        channels: int,
        *,
        users: int = 1,
        prefix: str = "C",
        per_second: float = 0,
        at_once: int = 200,
    ) -> dict[str, Any]:
        """Begin to write messages as people, and return the first one's number.

        Args:
            number: how many.
            channels: how many channels they are spread over.
            users: how many users write them.
            prefix: of the channels' and users' ids; with another prefix they are others.
            per_second: how fast; 0 for as fast as they are acknowledged.
            at_once: how many are not acknowledged at once, where they have no rate.
        """
        first = self._next(number)
        self.slack.say(spread(first, number, channels, users, prefix), per_second, at_once)
        return {"first": first}

    async def do_act(self, number: int, channels: int, pack: str = OWN) -> dict[str, Any]:
        """Let actions wait: one for each channel, then the next for each, and so on."""
        first = self._next(number)
        for each, channel, _ in spread(first, number, channels, 1, "C"):
            self.flyte.act(pack, each, channel, f"action {each}")
        return {"first": first, "at": now()}

    def _next(self, number: int) -> int:
        """Return the first of so many numbers that no message has had."""
        first = self._numbers
        self._numbers += number
        return first

    async def do_up(self) -> dict[str, Any]:
        """Let Flyte be there."""
        await self.flyte.up()
        return {"at": now()}

    async def do_down(self) -> dict[str, Any]:
        """Let Flyte be away."""
        await self.flyte.down()
        return {}

    async def do_status(self) -> dict[str, Any]:
        """Return counts, and what this process has cost."""
        return self.record.summary() | {"sockets": len(self.slack.sockets)}

    async def do_record(self) -> dict[str, Any]:
        """Return everything that was seen."""
        return self.record.everything() | {"sockets": len(self.slack.sockets)}


async def main() -> None:
    """Serve until the runner is gone; print the ports as JSON."""
    orders = Orders()
    await orders.flyte.up()
    await orders.slack.up()
    _, control = await listen(orders.carry_out)
    ports = {"flyte": orders.flyte.port, "slack": orders.slack.port, "control": control}
    print(json.dumps(ports), flush=True)
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(1)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

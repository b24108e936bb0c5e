"""The packs beside this one, in whose place a test sends events and completes actions."""

from collections.abc import Mapping
from typing import Any

import httpx

from .expectations import Completed

Json = Mapping[str, Any]


class OtherPacks:
    """Packs that a test plays, over the sandbox's Flyte API.

    Args:
        url: of the sandbox.
        client: for its requests.
    """

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self._url = url
        self._client = client
        self._packs: dict[str, Json] = {}
        self._given: list[tuple[str, Json]] = []
        self._completed: set[str] = set()

    async def register(self, name: str) -> Json:
        """Return a pack, registered when it is first needed."""
        if name not in self._packs:
            self._packs[name] = (await self._post(f"{self._url}/flyte/v1/packs", {"name": name})).json()
        return self._packs[name]

    async def send(self, pack: str, name: str, payload: Any) -> None:
        """Send an event of a pack's."""
        link = _link(await self.register(pack), "event")
        await self._post(link, {"event": name, "payload": payload})

    async def given(self) -> list[tuple[str, Json]]:
        """Return every action that flows gave to these packs, with the pack's name, in the order taken."""
        for name, pack in self._packs.items():
            while (answer := await self._client.post(_link(pack, "takeAction"))).status_code == 200:
                self._given.append((name, answer.json()))
        return self._given

    async def complete(self, completed: Completed) -> bool:
        """Complete the first action that is meant; return False if there is none yet."""
        for pack, action in await self.given():
            result = _link(action, "actionResult")
            meant = action["command"] == completed.command and completed.pack in (None, pack)
            if meant and result not in self._completed:
                self._completed.add(result)
                await self._post(result, {"event": completed.event, "payload": completed.payload})
                return True
        return False

    async def _post(self, url: str, body: Any) -> httpx.Response:
        answer = await self._client.post(url, json=body)
        answer.raise_for_status()
        return answer


def _link(linked: Json, rel: str) -> str:
    return next(str(link["href"]) for link in linked["links"] if str(link["rel"]).endswith(rel))

"""The datastore of the embedded Flyte API: files by key, which templates read with `datastore(key)`."""

from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, hdrs, web

from .flyte_http import RefusedError, base_of, reply
from .templates import Value, decoded_object

_JSON = ("application/json", "text/json")
_PLAIN = "text/plain; charset=us-ascii"


@dataclass(frozen=True, slots=True)
class DataItem:
    """What is kept under a key."""

    key: str
    content: bytes
    content_type: str
    description: str = ""


class Datastore:
    """Everything that is kept, by key."""

    def __init__(self) -> None:
        self.items: dict[str, DataItem] = {}

    def value(self, key: str) -> Value:
        """Return what a template gets: JSON decoded, anything else as text.

        Raises:
            KeyError: There is nothing under the key.
            ValueError: It says it is JSON and is no JSON object.
        """
        item = self.items[key]
        text = item.content.decode("utf-8", "surrogateescape")
        return decoded_object(text) if item.content_type.startswith(_JSON) else text

    def put(self, item: DataItem) -> bool:
        """Keep an item; return whether the key is new."""
        is_new = item.key not in self.items
        self.items[item.key] = item
        return is_new

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        item = "/v1/datastore/{key}"
        return [
            web.get("/v1/datastore", self._get_all),
            web.get(item, self._get),
            web.put(item, self._put),
            web.delete(item, self._delete),
        ]

    async def _get_all(self, request: web.Request) -> web.Response:
        return reply(request, self.view(base_of(request)))

    async def _get(self, request: web.Request) -> web.Response:
        item = self.items.get(request.match_info["key"])
        if item is None:
            raise RefusedError(404)
        return web.Response(body=item.content, headers={hdrs.CONTENT_TYPE: item.content_type})

    async def _put(self, request: web.Request) -> web.Response:
        try:
            item = await read_item(request, request.match_info["key"])
        except ValueError:
            raise RefusedError(400) from None
        return web.Response(status=201 if self.put(item) else 204)

    async def _delete(self, request: web.Request) -> web.Response:
        if self.items.pop(request.match_info["key"], None) is None:
            raise RefusedError(404)
        return web.Response(status=204)

    def view(self, base: str) -> dict[str, Any]:
        """Return what `GET /v1/datastore` shows."""
        path = f"{base}/v1/datastore"
        return {
            "links": [
                {"href": path, "rel": "self"},
                {"href": f"{base}/v1", "rel": "up"},
                {"href": f"{base}/swagger#/datastore", "rel": "help"},
            ],
            "datastore": [
                {
                    "key": item.key,
                    "contentType": item.content_type,
                    **({"description": item.description} if item.description else {}),
                    "links": [{"href": f"{path}/{item.key}", "rel": "self"}],
                }
                for item in self.items.values()
            ],
        }


async def read_item(request: web.Request, key: str) -> DataItem:
    """Read an item as it is put: a form with a file `value` and perhaps a `description`.

    Raises:
        ValueError: It is no such form, or the file is empty.
    """
    if not request.content_type.startswith("multipart/"):
        raise ValueError("only a form can be put")
    content, content_type, description = b"", _PLAIN, ""
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        octets = bytes(await part.read(decode=True))
        if part.name == "value" and part.filename is not None:
            content, content_type = octets, part.headers.get(hdrs.CONTENT_TYPE) or _PLAIN
        elif part.name == "description":
            description = octets.decode(errors="replace")
    if not content:
        raise ValueError("there is no file value, or it is empty")
    return DataItem(key, content, content_type, description)

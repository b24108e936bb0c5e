"""A whole pack: the command `get` fetches a page, and each POST to `/hook` becomes the event `HookCalled`.

FLYTE_API=http://127.0.0.1:8765/flyte PACK_NAME=Http python examples/http_pack.py
"""

import asyncio
import signal
import uuid
from typing import Any

import httpx
from aiohttp import web

from flyte_slack import logs
from flyte_slack.errors import InvalidInput, OutcomeUnknown
from flyte_slack.pack import ActionContext, Command, Event, EventDefinition, PackDefinition
from flyte_slack.pack.runtime import Runtime
from flyte_slack.settings.flyte import PackSettings

HELP = "https://example.com/http-pack"


async def get(given: dict[str, Any], action: ActionContext) -> Event:
    """Fetch `url`; what can be repeated needs no more than this."""
    url = given.get("url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise InvalidInput("url must be an http(s) URL")
    try:
        async with httpx.AsyncClient() as client:
            page = await client.get(url)
    except httpx.TransportError as error:
        raise OutcomeUnknown(f"{url} does not answer: {error}") from error
    return Event("PageFetched", {"url": url, "status": str(page.status_code), "text": page.text})


async def main() -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = PackSettings.load()
    logs.configure(settings.log_level, settings.log_format)
    pack = PackDefinition(
        name=settings.pack_name,
        help_url=HELP,
        events=(EventDefinition("HookCalled"),),
        commands=(Command("get", get, succeeds=("PageFetched",), fails="PageFetchFailure"),),
    )
    async with Runtime.open(pack, settings, prefix="http_pack") as runtime:

        async def hook(request: web.Request) -> web.Response:
            key = request.headers.get("X-Delivery", uuid.uuid4().hex)
            await runtime.send(Event("HookCalled", {"body": await request.text()}), key=key, lane="hooks")
            return web.Response(status=202)  # only now: it is on disk

        runtime.app.router.add_post("/hook", hook)
        await runtime.run(stop)


if __name__ == "__main__":
    asyncio.run(main())

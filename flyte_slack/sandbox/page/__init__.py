"""The sandbox's page: static files, served under a policy that lets them load nothing from elsewhere."""

from __future__ import annotations

from importlib import resources

from aiohttp import web

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_TYPES = {"css": "text/css", "html": "text/html", "js": "text/javascript"}


def add_routes(router: web.UrlDispatcher) -> None:
    """Serve the page at ``/`` and what it is made of below ``/page``."""
    router.add_get("/", _index)
    router.add_get(r"/page/{name:[a-z]+\.(?:css|js)}", _part)


async def _index(_request: web.Request) -> web.Response:
    return _file("index.html")


async def _part(request: web.Request) -> web.Response:
    return _file(request.match_info["name"])


def _file(name: str) -> web.Response:
    file = resources.files(__name__).joinpath(name)
    if not file.is_file():
        raise web.HTTPNotFound
    headers = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    content_type = _TYPES[name.rpartition(".")[2]]
    return web.Response(text=file.read_text(encoding="utf-8"), content_type=content_type, headers=headers)

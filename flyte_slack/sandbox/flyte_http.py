"""How requests of the embedded Flyte API are read and answered: JSON or YAML, addresses, refusals."""

import json
from typing import Any, TypeVar

import yaml
from aiohttp import hdrs, web

from . import flyte_wire as wire
from .engine import WireModel
from .templates import json_number

YAML = "application/x-yaml"

Model = TypeVar("Model", bound=WireModel)


class RefusedError(Exception):
    """A request that is answered with a status and nothing else."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def prefix(request: web.Request) -> str:
    """Return what the API is mounted under, `""` or `/flyte`."""
    return str(request.app.router["root"].url_for()).rstrip("/")


def base_of(request: web.Request) -> str:
    """Return the address the client sees, which a proxy tells in its headers."""
    headers = request.headers
    scheme = headers.get("X-Forwarded-Proto") or request.scheme
    host = headers.get("X-Flyte-Host") or headers.get("X-Forwarded-Host") or request.host
    return f"{scheme}://{host}{prefix(request)}"


async def body_of(request: web.Request) -> bytes:
    """Return a request's whole body."""
    # Not request.read(): its limit is that of the application this one is mounted in.
    return await request.content.read()


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON, though Python would take it")


def read(model: type[Model], body: bytes) -> Model:
    """Read a body of JSON as a model; a body that is none is refused."""
    try:
        # Every number is a float in Go, whatever comes of its last digits.
        document = json.loads(body, parse_int=json_number, parse_float=json_number, parse_constant=_no_json)
        return model.model_validate({} if document is None else document)
    except (ValueError, OverflowError, RecursionError):
        raise RefusedError(400) from None


def reply(request: web.Request, document: dict[str, Any]) -> web.Response:
    """Answer with a document, in YAML if that is asked for."""
    text = wire.encode(document)
    if request.headers.get(hdrs.ACCEPT) == YAML:
        text = yaml.safe_dump(json.loads(text), allow_unicode=True)
        return web.Response(text=text, content_type=YAML)
    return web.Response(text=text, content_type="application/json")


def hang_up(request: web.Request) -> web.Response:
    """Close the connection without a reply, as the server does when its handler panics."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)

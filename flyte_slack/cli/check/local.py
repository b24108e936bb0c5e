"""Checks of what is on this side: the port and the store."""

import asyncio
import errno
import ipaddress
import socket
from functools import partial

import httpx
from sqlalchemy.engine import make_url

from ... import store
from ...errors import StoreError
from ...settings.slack import Settings
from .probes import Failed, Probe

_PATIENCE = 5.0  # seconds for whoever listens on the port


def local_probes(settings: Settings) -> list[Probe]:
    """Return what is tried here."""
    url = make_url(settings.store.get_secret_value())
    where = f"the database {url.database} on {url.host}" if url.host else f"the file {url.database}"
    return [
        Probe("port", "FLYTE_SLACK_PORT", "the address to be found", partial(_port, settings)),
        Probe("store", "FLYTE_SLACK_STORE", where, partial(_store, settings)),
    ]


async def _port(settings: Settings) -> str:
    host, port = settings.host, settings.port
    where = f"{host}:{port}"
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            if await _is_a_pack(host, port):
                return f"{where} is in use by a running flyte-slack"
            raise Failed(
                f"{where} is in use by another program", "set FLYTE_SLACK_PORT to a port that is free"
            ) from error
        if error.errno == errno.EACCES:
            raise Failed(
                f"{where} may not be listened on", "set FLYTE_SLACK_PORT to a port from 1024"
            ) from error
        raise Failed(
            f"{where} cannot be listened on ({error.strerror})",
            "set FLYTE_SLACK_HOST to an address of this machine, such as 0.0.0.0 or 127.0.0.1",
            "FLYTE_SLACK_HOST",
        ) from error
    return f"{where} can be listened on" if port else f"{host}, on any port that is free"


async def _is_a_pack(host: str, port: int) -> bool:
    """Whether a running pack answers there."""
    try:
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            address = type(address)("127.0.0.1" if address.version == 4 else "::1")
        host = f"[{address}]" if address.version == 6 else str(address)
    except ValueError:
        pass  # a name
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=_PATIENCE) as http:
            answer = await http.get(f"http://{host}:{port}/health/live")
            return answer.is_success and bool(answer.json().get("live"))
    except (httpx.HTTPError, ValueError, AttributeError):
        return False


async def _store(settings: Settings) -> str:
    try:
        return await store.examine(settings.store.get_secret_value())
    except StoreError as error:
        detail, _, remedy = str(error).rpartition(": ")
        raise Failed(detail or remedy, remedy if detail else "check FLYTE_SLACK_STORE") from error

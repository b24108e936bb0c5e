"""A client of the Flyte API that follows its links and knows no endpoint."""

import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from .. import logs
from ..errors import FlyteError, FlyteProtocolError, FlyteRejected, FlyteUnavailable
from . import links
from .calls import Calls, plain
from .models import (
    Action,
    FlowAudit,
    Link,
    Linked,
    ListedPack,
    PackLinks,
    PackList,
    PackRegistration,
    RegisteredPack,
    TakenAction,
)
from .token import FixedToken, Token

log = logs.get(__name__)

TAKE_TIMEOUT = 75.0
"""Seconds that a take may last. A take that is given up can lose its action, and a server whose
database is down answers only after 60 s."""

_VERSION = "v1"
_MALFORMED = b"{"
_AUDITED = 200  # newest executions of flows that are looked at

Model = TypeVar("Model", bound=BaseModel)


class FlyteClient:
    """One connection pool to one Flyte API. Use it as an asynchronous context manager.

    Every method raises a `FlyteError`: `FlyteUnavailable` (not reached, 408, 425, 429, 5xx),
    `FlyteUnauthorized` (401, 403, 405), `FlyteNotFound` (404), `FlyteRejected` (other 4xx) or
    `FlyteProtocolError` (an answer that the Flyte API does not give). Redirects are not followed.

    Args:
        base: as in `FLYTE_API`: with or without a trailing slash, a path prefix, or `/v1`.
        token: sent with every call.
        timeout: seconds for one call, a take apart.
        verify: whether TLS certificates are verified.
    """

    def __init__(
        self, base: str, *, token: Token | None = None, timeout: float = 10, verify: bool = True
    ) -> None:
        self._calls = Calls(base, token or FixedToken(), timeout, verify=verify)
        self._base = links.Base(plain(base).rstrip("/").removesuffix(f"/{_VERSION}"))
        self._take_timeout = httpx.Timeout(timeout, read=max(TAKE_TIMEOUT, timeout))

    async def __aenter__(self) -> "FlyteClient":
        await self._calls.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._calls.close()

    async def index(self) -> list[Link]:
        """Follow the links from `FLYTE_API` to the index of the API's version, and return its links.

        The root is asked with and without a trailing slash, for proxies that know only one of them; the
        documented fall-back is `/v1` below `FLYTE_API`.
        """
        unexpected: FlyteError | None = None
        for reference in self._base.roots():
            try:
                root = await self._get(Linked, reference)
            except (FlyteRejected, FlyteProtocolError) as error:
                unexpected = unexpected or error
                continue
            self._learn_base(root)
            if links.has(root.links, "pack/listPacks"):
                return root.links
            if links.has(root.links, f"info/{_VERSION}"):
                version = self._reference(root.links, f"info/{_VERSION}", self._base.url(reference))
                return (await self._get(Linked, version)).links
        try:
            index = await self._get(Linked, _VERSION)
        except (FlyteRejected, FlyteProtocolError) as error:
            raise unexpected or error from None
        self._learn_base(index, below=f"/{_VERSION}")
        return index.links

    async def register(self, pack: PackRegistration) -> PackLinks:
        """Register a pack, or replace its registration, and return its links."""
        index = await self.index()
        body = pack.model_dump(exclude_defaults=True)
        reference = self._reference(index, "pack/listPacks", self._base.url(""))
        registered = self._parse(RegisteredPack, await self._call("POST", reference, body))
        url = self._base.url(reference)
        return PackLinks(
            pack_id=registered.id,
            events=self._reference(registered.links, "event", url, "POST"),
            take=self._reference(registered.links, "takeAction", url, "POST"),
        )

    async def packs(self) -> list[ListedPack]:
        """Return the packs that are registered."""
        reference = self._reference(await self.index(), "pack/listPacks", self._base.url(""))
        return (await self._get(PackList, reference)).packs

    async def try_token(self) -> None:
        """Return where Flyte lets the token register packs; nothing is registered.

        What is sent is no JSON, and must be refused as malformed once the token was let in.

        Raises:
            FlyteProtocolError: it was not refused.
        """
        reference = self._reference(await self.index(), "pack/listPacks", self._base.url(""))
        try:
            answer = await self._call("POST", reference, _MALFORMED)
        except FlyteRejected as error:
            if error.status == httpx.codes.BAD_REQUEST:
                return
            raise
        raise FlyteProtocolError(
            f"{answer.status_code} in answer to what is no JSON: is this the Flyte API?",
            method="POST",
            url=plain(self._base.url(reference)),
            status=answer.status_code,
        )

    async def post_event(self, pack: PackLinks, event: Mapping[str, Any]) -> None:
        """Post an event: `event` (its name), `payload` and, as RFC 3339, `createdAt`."""
        await self._call("POST", pack.events, event)

    async def take(self, pack: PackLinks) -> Action | None:
        """Take the next action, or None where none waits. Flyte hands an action out once and never again.

        An empty 500 is a race lost to another taker, and counts as none.
        """
        try:
            response = await self._call("POST", pack.take, timeout=self._take_timeout)
        except FlyteUnavailable as error:
            if error.status == httpx.codes.INTERNAL_SERVER_ERROR and error.empty:
                return None
            raise
        if response.status_code == httpx.codes.NO_CONTENT or response.content.strip() in (b"", b"null"):
            return None
        taken = self._parse(TakenAction, response)
        return Action(
            command=taken.command,
            input=taken.input,
            result=self._reference(taken.links, "actionResult", str(response.request.url), "POST"),
        )

    async def complete(self, reference: str, event: Mapping[str, Any]) -> None:
        """Post the result of an action.

        Raises:
            FlyteUnavailable: with status 500 also where the action was completed before.
        """
        await self._call("POST", reference, event)

    async def pending_actions(self, pack: str, labels: Mapping[str, str]) -> list[str]:
        """Return the ids of a pack's actions that Flyte's audit shows as taken and not completed.

        Those younger than a minute are left out: they may be in hand. A server without the audit shows none.
        """
        index = await self.index()
        if not links.has(index, "flowAudit/findFlows"):
            return []
        reference = self._reference(index, "flowAudit/findFlows", self._base.url(""))
        joint = "&" if "?" in reference else "?"
        audit = await self._get(FlowAudit, f"{reference}{joint}limit={_AUDITED}")
        before = datetime.now(UTC) - timedelta(minutes=1)
        return [
            action.id
            for flow in audit.flows
            for action in flow.actions.values()
            if action.pack_name == pack
            and action.pack_labels.items() <= labels.items()
            and action.state.value == "PENDING"
            and action.state.time < before
        ]

    def _learn_base(self, root: Linked, below: str = "") -> None:
        for link in root.links:
            if link.rel == "self":
                with contextlib.suppress(ValueError):  # no URL: nothing is learned of it
                    self._base.learn(link.href.rstrip("/").removesuffix(below))

    def _reference(self, found: list[Link], rel: str, url: str, method: str = "GET") -> str:
        href = links.find(found, rel, method=method, url=plain(url))
        try:
            return self._base.reference(href)
        except ValueError as error:
            raise FlyteProtocolError(
                f"the link {rel} is no URL ({error})", method=method, url=plain(url)
            ) from error

    async def _get(self, model: type[Model], reference: str) -> Model:
        return self._parse(model, await self._call("GET", reference))

    def _parse(self, model: type[Model], response: httpx.Response) -> Model:
        """Read an answer as JSON, whatever its content type says: a registration comes as `text/plain`."""
        request = response.request
        try:
            return model.model_validate(json.loads(response.content))
        except (ValueError, RecursionError) as error:
            problem = (
                error.errors(include_input=False, include_url=False)[0]["msg"]
                if isinstance(error, ValidationError)
                else "not JSON"
            )
            raise FlyteProtocolError(
                f"the answer is not the Flyte API's ({problem})",
                method=request.method,
                url=plain(str(request.url)),
                status=response.status_code,
            ) from None

    async def _call(
        self,
        method: str,
        reference: str,
        body: Mapping[str, Any] | bytes | None = None,
        timeout: httpx.Timeout | None = None,
    ) -> httpx.Response:
        return await self._calls.call(method, self._base.url(reference), body, timeout)

"""A client of the Flyte API that follows its links and knows no endpoint."""

import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Set
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from .. import logs
from ..errors import FlyteError, FlyteProtocolError, FlyteRejected, FlyteUnavailable
from . import answers, links
from .audit import FlowAudit, PendingAction, is_pending, now, query
from .calls import Calls, plain
from .models import (
    Action,
    Link,
    Linked,
    ListedPack,
    PackLinks,
    PackList,
    PackRegistration,
    RegisteredPack,
    TakenAction,
)
from .patience import LONGEST, Patience
from .token import FixedToken, Token

log = logs.get(__name__)

_VERSION = "v1"
_MALFORMED = b"{"

Model = TypeVar("Model", bound=BaseModel)


class FlyteClient:
    """One connection pool to one Flyte API. Use it as an asynchronous context manager.

    Every method raises a `FlyteError`; `answers` says which answer becomes which. Redirects are not
    followed.

    Args:
        base: as in `FLYTE_API`: with or without a trailing slash, a path prefix, or `/v1`.
        token: sent with every call.
        timeout: seconds for one call; a take gets more, and so does a post to a server that is slow.
        verify: whether TLS certificates are verified.
    """

    def __init__(
        self, base: str, *, token: Token | None = None, timeout: float = 10, verify: bool = True
    ) -> None:
        self._calls = Calls(base, token or FixedToken(), timeout, verify=verify)
        self._base = links.Base(plain(base).rstrip("/").removesuffix(f"/{_VERSION}"))
        self._take_seconds = timeout + max(LONGEST, timeout)
        self._patience = Patience(timeout)

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
        answer = await self._call("POST", reference, body, accepts=answers.REGISTERED)
        registered = self._parse(RegisteredPack, answer)
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
        """Return if Flyte lets the token register packs; nothing is registered.

        What is sent is no JSON, and must be refused as malformed once the token was let in.

        Raises:
            FlyteProtocolError: it was not refused.
        """
        reference = self._reference(await self.index(), "pack/listPacks", self._base.url(""))
        await self._malformed(reference, answers.REGISTERED)

    async def try_events(self, pack: PackLinks) -> None:
        """Return if Flyte lets the token post events; no event is posted, as above."""
        await self._malformed(pack.events, answers.ACCEPTED)

    async def post_event(self, pack: PackLinks, event: Mapping[str, Any]) -> None:
        """Post an event: `event` (its name), `payload` and, as RFC 3339, `createdAt`."""
        await self._post(pack.events, event)

    async def take(self, pack: PackLinks) -> Action | None:
        """Take the next action, or None if none waits. Flyte hands an action out once and never again.

        An empty 500 is a race lost to another taker, and counts as none.

        Raises:
            FlyteProtocolError: also for an action whose result could not be posted, or not be kept.
        """
        try:
            response = await self._call("POST", pack.take, accepts=answers.TAKEN, seconds=self._take_seconds)
        except FlyteUnavailable as error:
            if error.status == httpx.codes.INTERNAL_SERVER_ERROR and error.empty:
                return None
            raise
        if response.status_code == httpx.codes.NO_CONTENT or response.content.strip() in (b"", b"null"):
            return None
        taken = self._parse(TakenAction, response)
        url = str(response.request.url)
        result = self._reference(taken.links, "actionResult", url, "POST")
        if not result.strip("/"):
            raise FlyteProtocolError("the link actionResult leads nowhere", method="POST", url=plain(url))
        return Action(command=taken.command, input=taken.input, result=result)

    async def complete(self, reference: str, event: Mapping[str, Any]) -> None:
        """Post the result of an action.

        Raises:
            FlyteUnavailable: with status 500 also if the action was completed before.
        """
        await self._post(reference, event)

    async def pending_actions(
        self, pack: str, labels: Mapping[str, str], newer_than: float | None = None
    ) -> AsyncIterator[PendingAction]:
        """Yield a pack's actions that Flyte's audit shows as taken and not completed, newest first.

        A server without the audit shows none.

        Args:
            pack: name of the pack.
            labels: of the pack.
            newer_than: seconds; pages of the audit on which everything is older are not asked for.
        """
        index = await self.index()
        if not links.has(index, "flowAudit/findFlows"):
            return
        reference = self._reference(index, "flowAudit/findFlows", self._base.url(""))
        seen: set[str] = set()
        start = 0
        while True:
            response = await self._call("GET", query(reference, pack, start))
            page, here, there = self._parse(FlowAudit, response), time.monotonic(), now(response)
            new = [action for action in page.actions() if action.id not in seen]
            ages = {action.id: (there - action.state.time).total_seconds() for action in new}
            for action in new:
                if is_pending(action, pack, labels):
                    yield PendingAction(action.id, action.name, action.input, here - ages[action.id])
            if not new or (newer_than is not None and min(ages.values()) > newer_than):
                return
            seen.update(ages)
            start += len(page.flows)

    def _learn_base(self, root: Linked, below: str = "") -> None:
        for link in root.links:
            if link.rel == "self":
                with contextlib.suppress(ValueError):  # no URL: nothing is learned of it
                    self._base.learn(link.href.rstrip("/").removesuffix(below))

    def _reference(self, found: list[Link], rel: str, url: str, method: str = "GET") -> str:
        href = links.find(found, rel, method=method, url=plain(url))
        try:
            reference = self._base.reference(href)
            httpx.URL(self._base.url(reference))
            return reference
        except (ValueError, httpx.InvalidURL) as error:
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

    async def _malformed(self, reference: str, accepted: Set[int]) -> None:
        """Post what is no JSON, and return if it is refused for that."""
        try:
            answer = await self._call("POST", reference, _MALFORMED, accepts=accepted)
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

    async def _post(self, reference: str, event: Mapping[str, Any]) -> None:
        seconds, begun_at = self._patience.seconds, time.monotonic()
        try:
            await self._call("POST", reference, event, accepts=answers.ACCEPTED, seconds=seconds)
        except FlyteUnavailable as error:
            if error.waited is not None:
                self._patience.ran_out(seconds)
            raise
        self._patience.answered(time.monotonic() - begun_at)

    async def _call(
        self,
        method: str,
        reference: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        accepts: Set[int] = answers.READ,
        seconds: float | None = None,
    ) -> httpx.Response:
        url = self._base.url(reference)
        return await self._calls.call(method, url, body, accepts=accepts, seconds=seconds)

"""Checks of the Flyte API: there, understood, and letting the pack in."""

import base64
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeGuard

from ...errors import FlyteError, FlyteNotFound, FlyteUnauthorized, FlyteUnavailable
from ...flyte import FileToken, FixedToken, FlyteClient, Token, links
from ...settings.slack import Settings
from .probes import Failed, Probe, not_tried

_DAY = 86400.0


class FlyteProbes:
    """What is tried with the Flyte API. Use it as an asynchronous context manager.

    Args:
        settings: as the pack would use them.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        jwt = settings.flyte_jwt
        self._token: Token = FixedToken(jwt.get_secret_value() if jwt else None)
        self._variable = "FLYTE_JWT"
        if settings.flyte_jwt_file is not None:
            self._token = FileToken(settings.flyte_jwt_file)
            self._variable = "FLYTE_JWT_FILE"
        self._client = FlyteClient(
            settings.flyte_api,
            token=self._token,
            timeout=settings.flyte_api_timeout,
            verify=not settings.flyte_api_insecure,
        )

    async def __aenter__(self) -> "FlyteProbes":
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.__aexit__(*exc)

    def probes(self) -> list[Probe]:
        """Return them."""
        api = self._settings.flyte_api
        return [
            Probe("flyte_reachable", "FLYTE_API", f"an answer of {api}", self._reachable),
            Probe("flyte_links", "FLYTE_API", f"the links of {api}", self._links),
            Probe("flyte_token", self._variable, f"an answer of {api}", self._accepted),
            Probe("flyte_pack", "PACK_NAME", f"the list of packs at {api}", self._pack),
        ]

    async def _reachable(self) -> str:
        try:
            await self._client.index()
        except FlyteUnavailable as error:
            raise Failed(str(error), _reach(error)) from error
        except FlyteError:
            pass  # an answer, whatever it is
        insecure = "; FLYTE_API_INSECURE is set: its certificate is not verified"
        return f"{self._settings.flyte_api} answers" + (insecure if self._settings.flyte_api_insecure else "")

    async def _links(self) -> str:
        remedy = "set FLYTE_API to the base URL of the Flyte API, with its path prefix where it has one"
        try:
            index = await self._client.index()
        except FlyteUnavailable:
            raise not_tried("flyte_reachable") from None
        except FlyteUnauthorized:
            raise not_tried("flyte_token") from None
        except FlyteNotFound as error:
            raise Failed(f"no link with rel 'info/v1', and {error}", remedy) from error
        except FlyteError as error:
            raise Failed(str(error), remedy) from error
        if not links.has(index, "pack/listPacks"):
            raise Failed("there is no link with rel 'pack/listPacks'", remedy)
        if not links.has(index, "flowAudit/findFlows"):
            return "all found but 'flowAudit/findFlows': actions that are lost on the way go unnoticed"
        return "all found"

    async def _accepted(self) -> str:
        token = self._token.current()
        if token is None and self._settings.flyte_jwt_file is not None:
            raise Failed("the file holds no token", "put a bearer token into it: ASCII without a blank")
        lifetime = self._lifetime(token)
        try:
            await self._client.try_token()
        except FlyteUnauthorized as error:
            raise self._refused(token, error.status) from error
        except FlyteError as error:
            if error.method == "GET":
                raise not_tried(
                    "flyte_reachable" if isinstance(error, FlyteUnavailable) else "flyte_links"
                ) from error
            raise Failed(
                f"a malformed registration, sent to try the token, was not answered 400: {error}",
                "check that FLYTE_API is the Flyte API, and that it and its database are up",
            ) from error
        return f"accepted{lifetime}" if token else "none is set, and the API wants none"

    def _refused(self, token: str | None, status: int | None) -> Failed:
        if token is None:
            return Failed(
                f"none is set, and the API wants one ({status})",
                "set FLYTE_JWT, or FLYTE_JWT_FILE, to a bearer token of the Flyte API",
            )
        if status == 407:
            return Failed(
                "a proxy wants to be told who calls (407)", "check HTTP_PROXY, HTTPS_PROXY and NO_PROXY"
            )
        if status == 405:
            return Failed(
                "the token may not register packs (405)", "have the API's policy allow POST on its packs"
            )
        return Failed(
            f"not accepted ({status})",
            f"set {self._variable} to a token that is valid, and that the API's policy allows on its packs",
        )

    def _lifetime(self, token: str | None) -> str:
        """Say until when a token is valid, where it is a JWT that tells."""
        claims, now = _claims(token), time.time()
        begin, end = claims.get("nbf"), claims.get("exp")
        renew = f"set {self._variable} to a new token"
        if _is_time(end) and end <= now:
            raise Failed(f"expired at {_iso(end)}", renew)
        if _is_time(begin) and begin > now + 60:
            raise Failed(f"not valid before {_iso(begin)}", f"{renew}, or wait; check this machine's clock")
        if not _is_time(end):
            return ""
        return f"; it expires {'within a day, ' if end < now + _DAY else ''}at {_iso(end)}"

    async def _pack(self) -> str:
        labels = self._settings.flyte_labels
        id_ = ".".join(
            (self._settings.pack_name, *(part for pair in sorted(labels.items()) for part in pair))
        )
        try:
            packs = await self._client.packs()
        except FlyteUnavailable as error:
            raise not_tried("flyte_reachable") from error
        except FlyteUnauthorized as error:
            return f"whether {id_} is registered is not known: packs may not be listed ({error.status})"
        except FlyteError as error:
            raise not_tried("flyte_links") from error
        for pack in packs:
            if pack.name == self._settings.pack_name and pack.labels == labels:
                status = f", {pack.status}" if pack.status else ""
                seen = f", last seen {pack.last_seen}" if pack.last_seen else ""
                who = ": this pack, or a replica" if pack.status == "live" else ""
                return f"{id_} is registered{status}{seen}{who}"
        return f"{id_} is not registered; the pack registers when it runs"


def _reach(error: FlyteUnavailable) -> str:
    cause = str(error)
    if "CERTIFICATE" in cause:
        return "set SSL_CERT_FILE to the API's private CA, and FLYTE_API to a name that the certificate holds"
    if "SSL" in cause:
        return "set FLYTE_API to http:// where the API does without TLS"
    if error.status is not None:
        return "check that the Flyte API and its database are up"
    return "check host and port in FLYTE_API, that the Flyte API is up, and that it can be reached from here"


def _claims(token: str | None) -> Mapping[str, Any]:
    """Return what a JWT says of itself, unverified; nothing where the token is none."""
    parts = (token or "").split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) and len(parts) == 3 else {}


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 253402300800


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

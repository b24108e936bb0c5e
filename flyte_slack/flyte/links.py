"""Links of the Flyte API, brought home to the address under which the pack reaches it.

The server builds its links from the host and scheme of the request as they reached it. Behind a
proxy that forwards neither, they name a host the pack cannot reach, or say `http` for `https`.
"""

from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from .. import logs
from ..errors import LinkNotFound
from .models import Link

log = logs.get(__name__)

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_LONGEST = 2_000  # characters: more than a database's index takes


def find(links: Sequence[Link], rel: str, *, method: str, url: str) -> str:
    """Return the href of the first link whose rel is `rel`, or ends with it as a part of its own.

    Args:
        links: of an answer.
        rel: such as `takeAction` or `info/v1`; the server gives `http://…/swagger#!/info/v1`.
        method: of the request that was answered, for the error.
        url: of that request.

    Raises:
        LinkNotFound: there is none.
    """
    for link in links:
        if link.rel == rel or link.rel.endswith(("/" + rel, "#" + rel)):
            return link.href
    raise LinkNotFound(rel, method=method, url=url)


def has(links: Sequence[Link], rel: str) -> bool:
    """Whether a link with this rel is there."""
    return any(link.rel == rel or link.rel.endswith(("/" + rel, "#" + rel)) for link in links)


class Base:
    """The base of the Flyte API, as the pack reaches it and as the server takes it to be.

    A *reference* is what is left of an href: a path below the base, without a leading slash, or a
    path from the origin's root, with one. It names no host, so that it can be kept in the store
    and a token can go nowhere else.
    """

    def __init__(self, base: str) -> None:
        self._own = base.rstrip("/")
        parts = urlsplit(self._own)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._server = _normal(urlsplit(self._own))
        self._warned = False

    def roots(self) -> list[str]:
        """Return references of the root, the likelier first: some proxies know it only without a slash."""
        path = urlsplit(self._own).path
        return [path + "/", path] if path else ["/"]

    def learn(self, self_href: str) -> None:
        """Learn the server's base from the `self` link of its root."""
        self._server = _normal(urlsplit(self_href)) if "://" in self_href else self._server

    def reference(self, href: str) -> str:
        """Return an href of the server's as a reference.

        Raises:
            ValueError: it is no URL, or one that cannot be kept.
        """
        if len(href) > _LONGEST:
            raise ValueError(f"it is longer than {_LONGEST} characters")
        if not href.isprintable():  # a NUL, half a surrogate pair
            raise ValueError("it holds characters that cannot be printed")
        parts = urlsplit(href)
        tail = f"?{parts.query}" if parts.query else ""
        if not parts.scheme or not parts.netloc:
            return "/" + parts.path.lstrip("/") + tail
        self._warn_of_difference(href)
        normal = _normal(parts)
        if normal == self._server:
            return tail
        if normal.startswith(self._server + "/"):
            return normal[len(self._server) + 1 :] + tail
        return "/" + parts.path.lstrip("/") + tail

    def url(self, reference: str) -> str:
        """Return the URL to call for a reference; it always has the origin of `FLYTE_API`."""
        if reference.startswith("/"):
            return self._origin + reference
        return f"{self._own}{'' if reference.startswith('?') or not reference else '/'}{reference}"

    def _warn_of_difference(self, href: str) -> None:
        own = _normal(urlsplit(self._own))
        if not self._warned and not (_normal(urlsplit(href)) + "/").startswith(own + "/"):
            self._warned = True
            log.warning(
                "the Flyte API's links name another base than FLYTE_API, which is used instead "
                "(a proxy that forwards neither host nor scheme?)",
                flyte_api=own,
                links=self._server,
            )


def _normal(parts: SplitResult) -> str:
    """Scheme, host, port and path without what makes equal bases look different."""
    scheme, netloc = parts.scheme.lower(), parts.netloc.rpartition("@")[2].lower()
    netloc = netloc.removesuffix(_DEFAULT_PORTS.get(scheme, ":"))
    return f"{scheme}://{netloc}{parts.path}".rstrip("/")

"""Which HTTP proxy leads to a server, asked once for all calls to it.

slack_sdk knows no NO_PROXY, and aiohttp looks into the environment and a netrc file at each request.
"""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def proxy_for(url: str) -> str | None:
    """Return the proxy for a URL as the environment has it, or None for a direct connection."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get({"wss": "https", "ws": "http"}.get(parts.scheme, parts.scheme))

"""Which HTTP proxy leads to a server, asked once for all calls to it.

slack_sdk knows no NO_PROXY, and aiohttp looks into the environment and a netrc file at each request.
"""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from .errors import SettingsError


def proxy_for(url: str) -> str | None:
    """Return the proxy for a URL as the environment has it, or None for a direct connection.

    Raises:
        SettingsError: what the environment names is no proxy that can be used.
    """
    parts = urlsplit(url)
    scheme = {"wss": "https", "ws": "http"}.get(parts.scheme, parts.scheme)
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    if not _usable(proxy):
        name = f"{scheme.upper()}_PROXY" if proxies.get(scheme) else "ALL_PROXY"
        raise SettingsError(
            [f"{name}: cannot be used: it must be the URL of an HTTP proxy, http://HOST:PORT"]
        )
    return proxy


def _usable(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # no URL, or no port
        return False

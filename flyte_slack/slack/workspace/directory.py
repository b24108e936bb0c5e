"""Users and channels by id, looked up in Slack and remembered.

A lookup that fails gives what is known without it: a name is worth less than a message.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

from cachetools import LRUCache, TTLCache
from slack_sdk.web.async_client import AsyncWebClient

from ... import logs
from ..api.failures import read_failure
from .profiles import Channel, Json, User, text

log = logs.get(__name__)

T = TypeVar("T")

_FRESH_FOR = 3600.0
_FAILED_FOR = 30.0
_MOST = 10_000
_PATIENCE = 5.0  # seconds that a message waits for a name


class _Lookup(Generic[T]):
    """One kind of lookup: cached, one call in flight an id, all held back while Slack asks to wait."""

    def __init__(self, fetch: Callable[[str], Awaitable[T]], unknown: Callable[[str], T]) -> None:
        self._fetch = fetch
        self._unknown = unknown
        self._known: TTLCache[str, T] = TTLCache(_MOST, _FRESH_FOR)
        self._failed: TTLCache[str, str] = TTLCache(_MOST, _FAILED_FOR)
        self._flying: dict[str, asyncio.Task[T | None]] = {}
        self._not_before = 0.0

    async def get(self, id_: str) -> T:
        """Return what is known of an id, after a lookup where there was none; never raises."""
        known = self._known.get(id_)
        if known is not None:
            return known
        if not id_ or id_ in self._failed:
            return self._unknown(id_)
        flying = self._flying.get(id_)
        if flying is None:
            flying = self._flying[id_] = asyncio.create_task(self._look_up(id_))
            flying.add_done_callback(lambda _: self._flying.pop(id_, None))
        found = await asyncio.shield(flying)
        return found if found is not None else self._unknown(id_)

    def put(self, id_: str, value: T) -> None:
        """Remember what Slack told without being asked."""
        self._known[id_] = value

    def forget(self, id_: str) -> None:
        """Look an id up again when it is next asked for."""
        self._known.pop(id_, None)
        self._failed.pop(id_, None)

    def forget_all(self) -> None:
        """Look every id up again when it is next asked for."""
        self._known.clear()
        self._failed.clear()

    def refusal(self, id_: str) -> str:
        """Return Slack's code, if the last lookup of an id failed a moment ago."""
        return self._failed.get(id_, "")

    async def _look_up(self, id_: str) -> T | None:
        deadline = time.monotonic() + _PATIENCE
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    if self._not_before > deadline:
                        raise TimeoutError
                    await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
                    try:
                        found = self._known[id_] = await self._fetch(id_)
                    except Exception as error:
                        wait = read_failure(error).retry_after
                        if wait is None:
                            raise
                        self._not_before = max(self._not_before, time.monotonic() + wait)
                    else:
                        return found
        except Exception as error:
            code = read_failure(error).code
            self._failed[id_] = code
            log.warning("a lookup in Slack failed: the id is used without its names", id=id_, cause=code)
            return None


class Directory:
    """Who, where and which file, by id. No method raises for want of Slack.

    Args:
        web: the Web API, with the bot token.
        renamed: called when a channel got another name.
    """

    def __init__(self, web: AsyncWebClient, renamed: Callable[[], None] = lambda: None) -> None:
        self._renamed = renamed
        self._web = web
        self._users = _Lookup(self._fetch_user, User)
        self._channels = _Lookup(self._fetch_channel, Channel.unknown)
        self._files = _Lookup[Json](self._fetch_file, lambda id_: {"id": id_})
        self._last_names: LRUCache[str, str] = LRUCache(_MOST)

    async def user(self, id_: str) -> User:
        """Return a user; with the id alone if Slack does not tell."""
        return await self._users.get(id_)

    async def channel(self, id_: str, kind: str = "") -> Channel:
        """Return a channel; with the id and the type alone if Slack does not tell.

        Args:
            id_: channel id.
            kind: its type as an event told it; if it is one, it holds.
        """
        told = Channel.type_of(kind)
        if told == "im":
            return Channel(id=id_, type="im")
        found = await self._channels.get(id_)
        return Channel(id=id_, name=found.name, type=told or found.type)

    async def file(self, file: Json) -> Json:
        """Return a file of a message; Slack asks to look some up, such as those of other organisations."""
        if file.get("file_access") != "check_file_info":
            return file
        return await self._files.get(text(file.get("id")))

    def last_name(self, channel: str) -> str:
        """Return the name that a channel was last known by, without a lookup."""
        return self._last_names.get(channel, "")

    def refusal(self, channel: str) -> str:
        """Return Slack's code, if a channel could not be looked up a moment ago."""
        return self._channels.refusal(channel)

    def learn(self, event: Mapping[str, Any]) -> None:
        """Take in what a Slack event says of users and channels (`user_change`, `channel_rename`, …)."""
        kind, user, channel = text(event.get("type")), event.get("user"), event.get("channel")
        if kind in {"user_change", "user_profile_changed"} and isinstance(user, Mapping) and user.get("id"):
            self._users.put(str(user["id"]), User.from_slack(str(user["id"]), user))
        elif kind in {"channel_rename", "group_rename"} and isinstance(channel, Mapping):
            self._channels.forget(text(channel.get("id")))
            self.met(channel)
            self._renamed()

    def met(self, channel: Json) -> None:
        """Note the name of a channel that Slack told without being asked."""
        if channel.get("id") and channel.get("name"):
            self._last_names[text(channel["id"])] = text(channel["name"])

    def forget(self) -> None:
        """Look everything up again: what told of changes may have been missed."""
        self._users.forget_all()
        self._channels.forget_all()
        self._renamed()

    async def _fetch_user(self, id_: str) -> User:
        answer = await self._web.users_info(user=id_)
        return User.from_slack(id_, answer["user"])

    async def _fetch_channel(self, id_: str) -> Channel:
        answer = await self._web.conversations_info(channel=id_)
        self.met({**answer["channel"], "id": id_})
        return Channel.from_slack(id_, answer["channel"])

    async def _fetch_file(self, id_: str) -> Json:
        answer = await self._web.files_info(file=id_)
        return {**answer["file"], "id": id_}

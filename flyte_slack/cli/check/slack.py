"""Checks of Slack: there, letting the bot in, with the scopes, the way events come and the channels."""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from email.utils import parsedate_to_datetime
from typing import Any

from ...settings.slack import Mode, Settings
from ...slack import classic
from ...slack.api import client as web_api
from ...slack.api.clock import SlackClock
from ...slack.app.scopes import Needs, missing
from ...slack.commands.send_message import SendMessage
from ...slack.events.message_sent import MessageSent
from ...slack.events.scopes import CHANNELS
from ...slack.offer import chosen_commands, chosen_events
from ...slack.workspace.history import CannotLook, History
from ...slack.workspace.profiles import is_channel_id
from . import probes
from .probes import Failed, Probe, not_tried
from .slack_answers import Answer, answer_to, refused

_SKEW = 60.0
_SIGNING_SECRET = re.compile(r"[0-9a-f]{32}")
LISTING = {scope.name for scope in CHANNELS}
"""Without these, neither missed messages nor channels by their names are found."""

_BOT = "set it to the Bot User OAuth Token (xoxb-…) of the app's page OAuth & Permissions"
_APP = "set it to an App-Level Token (xapp-…) with connections:write of the app's page Basic Information"


class SlackProbes:
    """What is tried with Slack. Use it as an asynchronous context manager.

    Args:
        settings: as the pack would use them.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._named = "SLACK_BOT_TOKEN"
        if not os.environ.get("SLACK_BOT_TOKEN") and os.environ.get("FLYTE_SLACK_TOKEN"):
            self._named = "FLYTE_SLACK_TOKEN"

    async def __aenter__(self) -> "SlackProbes":
        token = self._settings.slack_bot_token.get_secret_value()
        self._web = await self._stack.enter_async_context(
            web_api.connect(self._settings.slack_api_url, token)
        )
        self._asking = asyncio.create_task(answer_to(self._web.auth_test()))
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._asking.cancel()
        await asyncio.gather(self._asking, return_exceptions=True)
        await self._stack.aclose()

    def probes(self) -> list[Probe]:
        """Return those that the settings ask for."""
        url = self._settings.slack_api_url
        answer = f"an answer of {url}auth.test"
        found = [
            Probe("slack_reachable", "SLACK_API_URL", answer, self._reachable),
            Probe("slack_bot_token", self._named, answer, self._bot_token),
            Probe("slack_scopes", self._named, answer, self._scopes),
        ]
        if self._settings.receives_by is Mode.SOCKET:
            opening = f"an answer of {url}apps.connections.open"
            found.append(Probe("slack_app_token", "SLACK_APP_TOKEN", opening, self._app_token))
        else:
            found.append(
                Probe("slack_signing_secret", "SLACK_SIGNING_SECRET", "nothing", self._signing_secret)
            )
        found.append(Probe("clock", "SLACK_API_URL", answer, self._clock))
        if self._settings.channels:
            listing = f"the list of channels at {url}"
            found.append(Probe("slack_channels", "FLYTE_SLACK_CHANNELS", listing, self._channels))
        return found

    async def _answer(self) -> Answer:
        """Return what Slack answers the bot.

        Raises:
            Failed: Slack, or what is there in its place, gives no answer of its own.
        """
        answer = await asyncio.shield(self._asking)
        if not answer.is_slacks:
            raise not_tried("slack_reachable")
        return answer

    async def _accepted(self) -> Answer:
        """Return what Slack answers the bot, where it accepts its token."""
        answer = await self._answer()
        if answer.failure is not None:
            raise not_tried("slack_bot_token")
        return answer

    async def _reachable(self) -> str:
        url = self._settings.slack_api_url
        try:
            await self._answer()
        except Failed:
            answer = await asyncio.shield(self._asking)
            if answer.is_there:
                code = answer.failure.code if answer.failure else "no field ok"
                raise Failed(
                    f"{url}auth.test does not answer as Slack does ({code})",
                    "set SLACK_API_URL to the base URL of the Slack Web API, such as https://slack.com/api/",
                ) from None
            raise Failed(f"{url} does not answer: {answer.error}", _reach(answer.error)) from None
        return f"{url} answers"

    async def _bot_token(self) -> str:
        answer = await self._answer()
        if answer.failure is not None:
            raise refused(answer.failure, _BOT)
        bot, team, id_ = (answer.body.get(key) or "unknown" for key in ("user", "team", "team_id"))
        return f"valid: bot {bot} in the workspace {team} ({id_})"

    async def _scopes(self) -> str:
        answer = await self._accepted()
        header = answer.headers.get("x-oauth-scopes")
        if header is None:
            return "Slack does not tell which were granted"
        settings = self._settings
        listing = settings.catch_up > 0 or not all(map(is_channel_id, settings.channels))
        granted = [scope.strip() for scope in header.split(",")]
        chosen: list[Needs] = [*chosen_events(settings.events), *chosen_commands(settings.commands)]
        if settings.classic:
            chosen = [*(kind() for kind in classic.EVENTS), *classic.COMMANDS]
        absent = missing(chosen, granted)
        by_name = {*settings.events, *settings.commands, SendMessage.name, MessageSent.name}
        by_name |= {each.name for each in chosen if settings.classic}
        needed = [
            each for each in absent if by_name & set(each.required_by) or (listing and each.name in LISTING)
        ]
        if needed:
            raise Failed(
                "missing: " + ", ".join(map(str, needed)),
                "add them on the app's page OAuth & Permissions, install the app again and set its new token",
            )
        without = ", ".join(map(str, absent))
        return f"all that are needed; not granted: {without}" if without else "all granted"

    async def _app_token(self) -> str:
        token = self._settings.slack_app_token
        answer = await answer_to(
            self._web.apps_connections_open(app_token=token.get_secret_value() if token else "")
        )
        if not answer.is_slacks:
            raise not_tried("slack_reachable")
        if answer.failure is not None:
            raise refused(answer.failure, _APP)
        return "valid: Slack gives it a Socket Mode connection"

    async def _signing_secret(self) -> str:
        secret = self._settings.slack_signing_secret
        if _SIGNING_SECRET.fullmatch(secret.get_secret_value() if secret else ""):
            return "cannot be tried; it looks like one of Slack's"
        return (
            "cannot be tried; Slack's have 32 hexadecimal digits, and this one hasn't: "
            "compare it with the app's page Basic Information"
        )

    async def _clock(self) -> str:
        answer = await self._answer()
        try:
            date = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
        except ValueError:
            return "Slack does not tell the time"
        skew = answer.at - date
        if abs(skew) > _SKEW:
            raise Failed(
                f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} Slack's",
                "set it by NTP: signatures of Slack's requests and times of messages are compared with it",
            )
        return "this machine's clock agrees with Slack's"

    async def _channels(self) -> str:
        bot = (await self._accepted()).body.get("user") or "bot"
        history = History(self._web, SlackClock())
        deadline = time.monotonic() + probes.TIMEOUT * 0.8
        wanted, seen = set(self._settings.channels), set[str]()
        try:
            async for channel in history.channels(deadline):
                wanted -= _names(channel)
            if wanted:
                with contextlib.suppress(CannotLook):
                    async for channel in history.all_channels(deadline):
                        seen |= _names(channel)
        except CannotLook as error:
            scope = f", {error.failure.needed}" if error.failure.needed else ""
            raise Failed(
                f"Slack does not list the bot's channels ({error.failure.code}{scope})",
                "see to the bot token and its scopes first",
            ) from error
        if not wanted:
            return f"the bot is in all {len(self._settings.channels)}"
        outside, unknown = sorted(wanted & seen), sorted(wanted - seen)
        found = [f"the bot is not in {', '.join(outside)}"] if outside else []
        found += [f"not found, or private and the bot is not in: {', '.join(unknown)}"] if unknown else []
        spelling = "; a name begins with #, an id is as in the channel's details" if unknown else ""
        raise Failed("; ".join(found), f"invite the bot there with /invite @{bot}{spelling}")


def _names(channel: Mapping[str, Any]) -> set[str]:
    return {str(channel.get("id")), f"#{channel.get('name')}"}


def _reach(error: str) -> str:
    if "Certificate" in error:
        return "set SSL_CERT_FILE to the certificate of the CA, or of the proxy that stands in between"
    return "check SLACK_API_URL and HTTPS_PROXY, and that Slack can be reached from here"

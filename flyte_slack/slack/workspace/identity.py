"""Who the bot is: its user, its workspace, and whether Slack accepts its token."""

import asyncio
from dataclasses import dataclass, field

from slack_sdk.web.async_client import AsyncWebClient

from ... import logs, retries
from ..api.clock import SlackClock
from ..api.failures import Kind, read_failure

log = logs.get(__name__)

_PATIENCE = 5.0  # seconds that a message waits for it, as for names


@dataclass(slots=True)
class Identity:
    """The bot, as `auth.test` tells it; empty until Slack was reached.

    Attributes:
        clock: set by Slack's answer.
        user_id: the bot's user.
        name: its name, for /invite.
        team_id: the workspace.
        bot_id: the bot, as its messages carry it.
        url: the workspace's address, with a slash at its end.
        refused: Slack's error code if it does not accept the token, or empty.
    """

    clock: SlackClock
    user_id: str = ""
    name: str = ""
    team_id: str = ""
    bot_id: str = ""
    url: str = ""
    refused: str = ""
    _tried: asyncio.Event = field(default_factory=asyncio.Event)
    _doubted: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, web: AsyncWebClient) -> None:
        """Ask Slack until it tells, and again whenever the token is doubted; nothing waits for this."""
        while True:
            await self._learn(web)
            self._doubted.clear()
            await self._doubted.wait()

    def doubt(self, code: str) -> None:
        """Say that Slack refused the token in some call, or told that it was revoked."""
        if not self.refused:
            log.warning("Slack may not accept SLACK_BOT_TOKEN any more", cause=code)
        self._doubted.set()

    async def known(self) -> None:
        """Return when Slack was asked who the bot is; after some seconds, whatever came of it."""
        if not self.user_id and not self._tried.is_set():
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._tried.wait()
            except TimeoutError:
                self._tried.set()

    def permalink(self, channel: str, timestamp: str, thread: str = "") -> str:
        """Return the address of a message; empty while the workspace's own is not known.

        Args:
            channel: channel id.
            timestamp: the message's `ts`.
            thread: the `ts` of its thread's root, if it is in a thread.
        """
        if not (self.url and channel and timestamp):
            return ""
        reply = f"?thread_ts={thread}&cid={channel}" if thread and thread != timestamp else ""
        return f"{self.url}archives/{channel}/p{timestamp.replace('.', '')}{reply}"

    async def _learn(self, web: AsyncWebClient) -> None:
        tries = 0
        while True:
            try:
                answer = await web.auth_test()
            except Exception as error:
                failure = read_failure(error)
                tries += 1
                refused = failure.code if failure.kind is Kind.CONFIGURATION else ""
                if refused and not self.refused:
                    log.error("Slack does not accept SLACK_BOT_TOKEN", cause=refused)
                elif tries == 1 and not refused:
                    log.warning("Slack cannot be reached", cause=failure.code)
                self.refused = refused
                self._tried.set()
                await asyncio.sleep(failure.retry_after or retries.pause(retries.SLACK_CONNECT, tries, error))
            else:
                self.clock.read(answer.headers)
                self.user_id = str(answer.get("user_id") or "")
                self.name = str(answer.get("user") or "")
                self.team_id = str(answer.get("team_id") or "")
                self.bot_id = str(answer.get("bot_id") or "")
                self.url = str(answer.get("url") or "")
                if self.url and not self.url.endswith("/"):
                    self.url += "/"
                self.refused = ""
                self._tried.set()
                log.info("Slack knows the bot", bot=self.name, team=self.team_id)
                return

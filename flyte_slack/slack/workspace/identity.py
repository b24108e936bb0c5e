"""Who the bot is: its user, its workspace, and the scopes it was granted."""

import asyncio
from dataclasses import dataclass

from slack_sdk.web.async_client import AsyncWebClient

from ... import logs, retries
from ..api.clock import SlackClock
from ..api.failures import Kind, read_failure

log = logs.get(__name__)


@dataclass(slots=True)
class Identity:
    """The bot, as `auth.test` tells it; empty until Slack was reached.

    Attributes:
        clock: set by Slack's answer.
        user_id: the bot's user.
        bot_id: the bot as its messages carry it (`B…`).
        name: its name, for /invite.
        team_id: the workspace.
        refused: Slack's error code where it does not accept the token, or empty.
    """

    clock: SlackClock
    user_id: str = ""
    bot_id: str = ""
    name: str = ""
    team_id: str = ""
    refused: str = ""

    async def learn(self, web: AsyncWebClient) -> None:
        """Ask Slack until it tells; nothing waits for this."""
        tries = 0
        while True:
            try:
                answer = await web.auth_test()
            except Exception as error:
                failure = read_failure(error)
                tries += 1
                self.refused = failure.code if failure.kind is Kind.CONFIGURATION else ""
                if self.refused and tries == 1:
                    log.error("Slack does not accept SLACK_BOT_TOKEN", cause=failure.code)
                elif tries == 1:
                    log.warning("Slack cannot be reached", cause=failure.code)
                await asyncio.sleep(failure.retry_after or retries.pause(retries.SLACK_CONNECT, tries, error))
            else:
                self.clock.read(answer.headers)
                self.user_id = str(answer.get("user_id") or "")
                self.bot_id = str(answer.get("bot_id") or "")
                self.name = str(answer.get("user") or "")
                self.team_id = str(answer.get("team_id") or "")
                self.refused = ""
                log.info("Slack knows the bot", bot=self.name, team=self.team_id)
                return

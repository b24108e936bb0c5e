"""What commands work with."""

from collections.abc import Sequence
from dataclasses import dataclass

from slack_sdk.web.async_client import AsyncWebClient

from ..api.calls import Calls
from ..api.clock import SlackClock
from ..sending.files import Uploads
from ..sending.mentions import Mentions
from ..sending.pace import Paces
from ..sending.posting import Posting
from ..sending.reconciliation import Reconciliation
from ..workspace.history import History
from ..workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Tools:
    """What commands work with.

    Attributes:
        calls: calls Slack.
        posting: posts messages.
        uploads: uploads files.
        workspace: names users and channels, and tells who the bot is.
        history: what Slack remembers.
        mentions: what a sent text may ring, if its command does not say.
        api_methods: patterns of the Web API's methods that `callSlackApi` may call.
        slack_url: SLACK_API_URL, whose host `respond` may post to beside Slack's own.
    """

    calls: Calls
    posting: Posting
    uploads: Uploads
    workspace: Workspace
    history: History
    mentions: Mentions = "people"
    api_methods: Sequence[str] = ()
    slack_url: str = ""

    @classmethod
    def over(
        cls,
        web: AsyncWebClient,
        clock: SlackClock,
        history: History,
        workspace: Workspace,
        *,
        mentions: Mentions = "people",
        api_methods: Sequence[str] = (),
    ) -> "Tools":
        """Return the tools over one client of the Web API.

        Args:
            web: the Web API, with the bot token and without retries of its own.
            clock: Slack's.
            history: what Slack remembers.
            workspace: names users and channels.
            mentions: what a sent text may ring.
            api_methods: patterns of what `callSlackApi` may call.
        """
        calls = Calls(web, clock)
        reconciliation = Reconciliation(history, clock, workspace.identity)
        return cls(
            calls=calls,
            posting=Posting(calls, Paces(clock.machine), reconciliation),
            uploads=Uploads(calls, workspace.identity),
            workspace=workspace,
            history=history,
            mentions=mentions,
            api_methods=api_methods,
            slack_url=web.base_url,
        )

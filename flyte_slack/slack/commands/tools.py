"""What commands work with."""

from dataclasses import dataclass, field

from ..api.calls import Calls
from ..sending.files import Uploads
from ..sending.mentions import Mentions
from ..sending.posting import Posting
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
    api_methods: tuple[str, ...] = field(default=())
    slack_url: str = ""

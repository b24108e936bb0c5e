"""One app in one workspace: the parts that its API calls and people's doings share."""

from __future__ import annotations

from collections.abc import Callable

from ..workspace import Workspace
from .capabilities import Capabilities
from .files import Files
from .interactions import Interactions, Send
from .methods.base import Table
from .methods.channels import Channels
from .methods.chat import Chat
from .methods.conversations import Conversations
from .methods.files import FileMethods
from .methods.reactions import Reactions
from .methods.scheduled import ScheduledMessages
from .methods.users import Users
from .methods.views import ViewMethods
from .views import Views


class SlackApp:
    """The app that the pack is.

    ``address`` gives the sandbox's base address, ``send`` sends interaction payloads, and ``burst`` is
    how many messages a channel takes at once. ``table`` has the methods of the bot token by name.
    """

    def __init__(self, workspace: Workspace, address: Callable[[], str], send: Send, burst: int = 20) -> None:
        self.workspace = workspace
        self.capabilities = Capabilities(workspace, address)
        self.views = Views(workspace)
        self.files = Files(workspace)
        self.interactions = Interactions(workspace, self.views, self.capabilities, send)
        self.chat = Chat(workspace, burst)
        self.scheduled = ScheduledMessages(workspace)
        families = (
            self.chat,
            self.scheduled,
            Conversations(workspace),
            Channels(workspace),
            Reactions(workspace),
            Users(workspace),
            ViewMethods(workspace, self.views, self.capabilities),
            FileMethods(workspace, self.files, address),
        )
        self.table: Table = {name: method for family in families for name, method in family.table.items()}

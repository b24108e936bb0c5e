"""The Slack pack: names its parts and wires them to the runtime."""

import asyncio
import contextlib
from dataclasses import dataclass

from .pack import EventDefinition, PackDefinition
from .pack.health import Health
from .pack.runtime import Runtime
from .settings.slack import Settings
from .slack import classic
from .slack.api import client as web_api
from .slack.api.clock import SlackClock
from .slack.commands.tools import Tools
from .slack.events.filter import ChannelFilter
from .slack.events.forwarding import Forwarding
from .slack.events.kinds import Kinds
from .slack.offer import HELP_URL, chosen_events, commands
from .slack.receiving.way_in import WayIn
from .slack.workspace.channels import ChannelNames
from .slack.workspace.directory import Directory
from .slack.workspace.history import History
from .slack.workspace.identity import Identity
from .slack.workspace.workspace import Workspace


@dataclass(slots=True)
class Ready:
    """Tells others in the same process when the pack is up.

    Attributes:
        health: the pack's health, once it is wired.
    """

    health: Health | None = None

    async def wait(self) -> None:
        """Return when the pack is registered and connected."""
        while self.health is None or not self.health.ready:
            await asyncio.sleep(0.05)


async def run(settings: Settings, stop: asyncio.Event, ready: Ready | None = None) -> None:
    """Run the pack until it is told to stop, and leave nothing half done.

    Args:
        settings: what to do.
        stop: set to stop: nothing more is begun, what is in flight is finished within the grace period.
        ready: filled in as the pack comes up.

    Raises:
        StoreError: the store cannot be opened.
        OSError: the web port cannot be bound.
    """
    token = settings.slack_bot_token.get_secret_value()
    clock = SlackClock()
    identity = Identity(clock)
    async with contextlib.AsyncExitStack() as stack:
        web = await stack.enter_async_context(web_api.connect(settings.slack_api_url, token, identity.doubt))
        history = History(web, clock)
        names = ChannelNames(history)
        workspace = Workspace(Directory(web, names.forget), names, identity)
        tools = Tools.over(
            web, clock, history, workspace, mentions=settings.mentions, api_methods=settings.api_methods
        )
        if settings.classic:
            events = tuple(kind() for kind in classic.EVENTS)
            offered = classic.commands(tools, renewed_after=settings.renew_conversation_list * 3600)
        else:
            events, offered = chosen_events(settings.events), commands(tools, settings.commands)
        kinds = Kinds(events, identity, settings.forward_bots)
        channels = ChannelFilter(workspace.directory, settings.channels)
        pack = PackDefinition(
            name=settings.pack_name,
            labels=settings.flyte_labels,
            help_url=HELP_URL,
            events=tuple(EventDefinition(name, f"{HELP_URL}#event-{name.lower()}") for name in kinds),
            commands=tuple(each.command(f"{HELP_URL}#command-{each.name.lower()}") for each in offered),
        )
        runtime = await stack.enter_async_context(
            Runtime.open(pack, settings, Forwarding(kinds, workspace, channels), "flyte_slack")
        )
        way_in = WayIn(settings, runtime, web, clock, history, workspace, kinds, channels)
        runtime.health.parts["Slack"] = way_in.condition
        if ready is not None:
            ready.health = runtime.health
        await runtime.run(stop, receiving=way_in.receiving(), background=way_in.background())

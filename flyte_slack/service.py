"""The Slack pack: names its parts and wires them to the runtime."""

import asyncio
import contextlib
from dataclasses import dataclass
from functools import partial

from pydantic import SecretStr

from .pack import EventDefinition, PackDefinition
from .pack.health import Condition, Health
from .pack.runtime import Runtime
from .settings.slack import Mode, Settings
from .slack import classic
from .slack.api import client as web_api
from .slack.api.clock import SlackClock
from .slack.commands.tools import Tools
from .slack.events.filter import ChannelFilter
from .slack.events.forwarding import Forwarding
from .slack.events.kinds import Kinds
from .slack.offer import HELP_URL, chosen_events, commands
from .slack.receiving.bolt import bolt
from .slack.receiving.catch_up import CatchUp
from .slack.receiving.http import HttpEndpoint
from .slack.receiving.listener import Listener
from .slack.receiving.socket_mode import Connections
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
    async with contextlib.AsyncExitStack() as stack:
        clock = SlackClock()
        identity = Identity(clock)
        web = await stack.enter_async_context(web_api.connect(settings.slack_api_url, token, identity.doubt))
        history = History(web, clock)
        names = ChannelNames(history)
        directory = Directory(web, names.forget)
        workspace = Workspace(directory, names, identity)
        offered_events = (
            [kind() for kind in classic.EVENTS] if settings.classic else chosen_events(settings.events)
        )
        kinds = Kinds(offered_events, identity, settings.forward_bots)
        channels = ChannelFilter(directory, settings.channels)
        tools = Tools.over(
            web,
            clock,
            history,
            workspace,
            mentions=settings.mentions,
            api_methods=settings.api_methods,
        )
        pack = PackDefinition(
            name=settings.pack_name,
            labels=settings.flyte_labels,
            help_url=HELP_URL,
            events=tuple(EventDefinition(name, f"{HELP_URL}#event-{name.lower()}") for name in kinds),
            commands=tuple(
                each.command(f"{HELP_URL}#command-{each.name.lower()}")
                for each in (
                    classic.commands(tools, settings.renew_conversation_list * 3600)
                    if settings.classic
                    else commands(tools, settings.commands)
                )
            ),
        )
        runtime = await stack.enter_async_context(
            Runtime.open(pack, settings, Forwarding(kinds, workspace, channels), "flyte_slack")
        )
        if ready is not None:
            ready.health = runtime.health

        store, arrivals = runtime.store, runtime.arrivals
        listener = Listener(
            kinds,
            store.inbox,
            runtime.wake,
            directory,
            identity,
            lambda lane, since: catch_up.missed(lane, since),
        )
        app = bolt(listener, bot_token=token, signing_secret=_value(settings.slack_signing_secret))
        connections: Connections | None = None
        by_http = settings.receives_by is Mode.HTTP
        catch_up = CatchUp(
            history,
            listener,
            store,
            identity,
            directory,
            clock,
            settings.catch_up,
            None if by_http else lambda: connections is not None and connections.condition().healthy,
            arrivals,
        )
        endpoint = HttpEndpoint(app, lambda since: catch_up.missed(None, since))
        if by_http:
            runtime.app.router.add_post("/slack/events", endpoint.handle)
            catch_up.connected()
        else:
            app_token = _value(settings.slack_app_token)
            connections = Connections(
                app, app_token, web, settings.connections, catch_up.connected, arrivals, kinds
            )
            runtime.gauges.append(connections.gauges)
        runtime.health.parts["Slack"] = partial(_condition, identity, connections or endpoint, channels)
        await runtime.run(
            stop,
            receiving=[_receive(connections, catch_up)] if connections else [],
            background=[identity.run(web), catch_up.run()],
        )


async def _receive(connections: Connections, catch_up: CatchUp) -> None:
    await catch_up.prepared.wait()
    await connections.run()


def _condition(identity: Identity, way_in: Connections | HttpEndpoint, channels: ChannelFilter) -> Condition:
    if identity.refused:
        return Condition(False, f"SLACK_BOT_TOKEN is not accepted: {identity.refused}")
    condition = way_in.condition()
    if channels.waiting:
        waiting = f"events of {len(channels.waiting)} channels wait for the channel's name"
        return Condition(condition.healthy, f"{condition.status}; {waiting} (FLYTE_SLACK_CHANNELS)")
    return condition


def _value(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""

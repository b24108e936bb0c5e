"""The pack as a whole: the one place that names its parts, wires them, and starts and stops them in order."""

import asyncio
import contextlib
from dataclasses import dataclass
from functools import partial

from . import __version__, logs
from .flyte import FileToken, FixedToken, FlyteClient, Token
from .gauges import look
from .pack import Command, EventDefinition, PackDefinition
from .pack.adoption import Adoption
from .pack.arrivals import Arrivals
from .pack.delivery import EventDelivery
from .pack.dispatch import Dispatcher
from .pack.health import Condition, Health
from .pack.metrics import exposition
from .pack.poller import Poller
from .pack.pulse import Pulse
from .pack.registration import Registration
from .pack.results import ResultDelivery
from .pack.web import health_app, serve
from .settings.slack import Mode, Settings
from .slack.api import client as web_api
from .slack.api.clock import SlackClock
from .slack.commands.send_message import SendMessage
from .slack.events.forwarding import Forwarding
from .slack.events.message_sent import MESSAGE_SEND_FAILURE, MESSAGE_SENT
from .slack.receiving.catch_up import CatchUp
from .slack.receiving.listener import Listener, bolt, receive_http
from .slack.receiving.socket_mode import Connections
from .slack.sending.posting import Poster
from .slack.sending.reconciliation import Reconciliation
from .slack.workspace.channels import ChannelNames
from .slack.workspace.directory import Directory
from .slack.workspace.history import History
from .slack.workspace.identity import Identity
from .store import Store

log = logs.get(__name__)

HELP_URL = "https://github.com/ExpediaGroup/flyte-slack"
"""The README, whose sections explain the pack, its commands and its events."""


@dataclass(slots=True)
class Ready:
    """Tells others in the same process when the pack is up.

    Attributes:
        port: where health is served, once it is.
        health: the pack's health, once it is wired.
    """

    port: int = 0
    health: Health | None = None

    async def wait(self) -> None:
        """Return when the pack is registered and connected."""
        while self.health is None or not self.health.ready:
            await asyncio.sleep(0.05)


def pack_definition(settings: Settings, *commands: Command) -> PackDefinition:
    """Return the Slack pack, as it is registered."""
    return PackDefinition(
        name=settings.pack_name,
        labels=settings.flyte_labels,
        help_url=HELP_URL,
        events=(
            EventDefinition(MESSAGE_SENT, f"{HELP_URL}#event-messagesent"),
            EventDefinition(MESSAGE_SEND_FAILURE, f"{HELP_URL}#event-messagesendfailure"),
        ),
        commands=commands,
    )


async def run(settings: Settings, stop: asyncio.Event, ready: Ready | None = None) -> None:
    """Run the pack until it is told to stop, and leave nothing half done.

    Args:
        settings: what to do.
        stop: set to stop: no new actions are taken, work in hand is finished within the grace period.
        ready: filled in as the pack comes up.

    Raises:
        StoreError: the store cannot be opened.
        OSError: the web port cannot be bound.
    """
    logs.add_secrets(settings.secrets())
    ready = ready or Ready()
    async with contextlib.AsyncExitStack() as stack:
        health = ready.health = Health()
        store = await stack.enter_async_context(await Store.open(settings.store.get_secret_value()))
        flyte = await stack.enter_async_context(_flyte_client(settings))
        slack = await stack.enter_async_context(
            web_api.connect(settings.slack_api_url, settings.slack_bot_token.get_secret_value())
        )

        activity, recovered = Pulse(), Pulse()
        clock = SlackClock()
        history = History(slack, clock)
        names = ChannelNames(history)
        identity, directory = Identity(clock), Directory(slack, names.forget)
        poster = Poster(slack, clock, Reconciliation(history, clock))
        send_message = SendMessage(poster, directory, identity, names)
        pack = pack_definition(settings, send_message.command(f"{HELP_URL}#command-sendmessage"))

        registration = Registration(flyte, pack, health)
        forwarding = Forwarding(directory, settings.channels)
        arrivals = Arrivals()
        events = EventDelivery(flyte, registration, store, health, forwarding, activity, recovered, arrivals)
        results = ResultDelivery(flyte, registration, store, health, activity, recovered)
        dispatcher = Dispatcher(pack, store, results)
        adoption = Adoption(flyte, registration, pack, store, dispatcher, health, settings.adopt)
        poller = Poller(
            flyte, registration, store, dispatcher, health, activity, recovered, settings.poll_interval
        )
        listener = Listener(store.inbox, events.wake, directory, identity)
        app = bolt(
            listener,
            bot_token=settings.slack_bot_token.get_secret_value(),
            signing_secret=_secret(settings.slack_signing_secret),
        )

        connections: Connections | None = None
        port = health_app(health, lambda: exposition(partial(look, health, store, connections)))
        catch_up = CatchUp(
            history,
            listener,
            store,
            identity,
            clock,
            settings.catch_up,
            lambda: connections is None or connections.condition().healthy,
            arrivals,
        )
        if settings.receives_by is Mode.HTTP:
            port.router.add_post("/slack/events", partial(receive_http, app))
            catch_up.connected()
        else:
            app_token = _secret(settings.slack_app_token)
            connections = Connections(
                app, app_token, slack, settings.connections, catch_up.connected, arrivals
            )
        health.parts = {
            "Slack": partial(_slack_condition, identity, connections),
            "Store": partial(_store_condition, store),
        }
        ready.port = await stack.enter_async_context(serve(port, settings.host, settings.port))

        log.info("flyte-slack starts", version=__version__, receives_by=settings.receives_by.value)
        async with asyncio.TaskGroup() as group:
            background = [
                group.create_task(part)
                for part in (
                    store.run(),
                    identity.learn(slack),
                    registration.run(),
                    events.run(),
                    results.run(),
                    dispatcher.run(),
                    catch_up.run(),
                )
            ]
            receiving = [group.create_task(connections.run())] if connections else []
            polling = group.create_task(poller.run())
            adopting = group.create_task(adoption.run())

            await stop.wait()
            log.info("stopping: work in hand is finished", grace=settings.shutdown_grace)
            for stopped in (poller, dispatcher, results, events):
                stopped.stop()
            for task in (*receiving, adopting):
                task.cancel()
            grace = settings.shutdown_grace
            last_start = max(grace - settings.flyte_api_timeout, grace / 2)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await asyncio.gather(
                        _actions_done(polling, dispatcher, results, health),
                        _events_done(receiving, events, health, last_start),
                    )
            for task in (polling, *background):
                task.cancel()
        log.info("stopped")


async def _actions_done(
    polling: asyncio.Task[None], dispatcher: Dispatcher, results: ResultDelivery, health: Health
) -> None:
    """Return when no action is in hand. With Flyte away, results wait in the store for the next start."""
    await asyncio.wait([polling])
    await dispatcher.idle()
    if health.flyte.healthy:
        await results.idle()


async def _events_done(
    receiving: list[asyncio.Task[None]], events: EventDelivery, health: Health, last_start: float
) -> None:
    """Return when all events are delivered, or those in flight at least.

    Args:
        receiving: ends when the last ones are acknowledged.
        events: delivers.
        health: tells whether Flyte is there.
        last_start: seconds from now after which no more is sent, so that the answers come in time.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(last_start):
            if receiving:
                await asyncio.wait(receiving)
            if health.flyte.healthy:
                await events.idle()
    await events.close()


def _store_condition(store: Store) -> Condition:
    if store.problem is None:
        return Condition(True, str(store.stats))
    return Condition(
        False, f"cannot be written: {store.problem}; nothing is acknowledged to Slack; {store.stats}"
    )


def _slack_condition(identity: Identity, connections: Connections | None) -> Condition:
    if identity.refused:
        return Condition(False, f"SLACK_BOT_TOKEN is not accepted: {identity.refused}")
    if connections is None:
        return Condition(True, "listening for Slack's events at POST /slack/events")
    return connections.condition()


def _flyte_client(settings: Settings) -> FlyteClient:
    if settings.flyte_api_insecure:
        log.warning("FLYTE_API_INSECURE is set: TLS certificates of the Flyte API are not verified")
    token: Token = FixedToken(_secret(settings.flyte_jwt) or None)
    if settings.flyte_jwt_file is not None:
        token = FileToken(settings.flyte_jwt_file)
    return FlyteClient(
        settings.flyte_api,
        token=token,
        timeout=settings.flyte_api_timeout,
        verify=not settings.flyte_api_insecure,
    )


def _secret(secret: object) -> str:
    value = getattr(secret, "get_secret_value", lambda: "")()
    return str(value)

"""What people do with an app's controls, modals, slash commands and shortcuts, told as Slack tells it.

Everything is addressed by ids. What is not there raises
:class:`~flyte_slack.sandbox.workspace.NotInWorkspaceError`, what cannot be chosen
:class:`~flyte_slack.sandbox.slack.elements.BadChoiceError`; both say why in a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..workspace import Channel, Message, NotInWorkspaceError, Workspace, escape
from .capabilities import Capabilities
from .elements import STATELESS, BadChoiceError, Element, State, choose, elements, field_of, initial_state
from .payloads import Payload, Payloads
from .views import View, Views

STATES_KEPT = 1_000
COMMANDS_KEPT = 100

Send = Callable[[str, Payload], None]
"""Sends a payload in an envelope of that type, ``interactive`` or ``slash_commands``."""


class Interactions:
    """Turns what people do into payloads for the app."""

    def __init__(self, workspace: Workspace, views: Views, capabilities: Capabilities, send: Send) -> None:
        self._workspace = workspace
        self._views = views
        self._capabilities = capabilities
        self._send = send
        self._payloads = Payloads(workspace)
        self._states: dict[tuple[str, str, str], State] = {}
        self.commands_used: dict[str, None] = {}

    # Controls of messages

    def click(
        self,
        channel: Channel,
        message: Message,
        user_id: str,
        action_id: str,
        value: Any = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Use a control of a message; ``inputs`` are filled in before, without telling the app."""
        for attachment in message.get("attachments", []):
            for action in attachment.get("actions", []):
                if action.get("name") == action_id and _is_meant(action, value):
                    self._legacy(channel, message, user_id, attachment, action, value)
                    return
        controls = ((_control(blocks, action_id, value), of) for blocks, of in _block_lists(message))
        found, attachment = next(((control, of) for control, of in controls if control), (None, None))
        if found is None:
            raise NotInWorkspaceError(f"The message {message['ts']} has no control {action_id!r}.")
        state = self._state(channel, message, user_id)
        _fill(state, [b for some, _ in _block_lists(message) for b in some], inputs or {}, self._workspace)
        action = self._action(*found, value, state)
        container = {"type": "message", "message_ts": message["ts"], "channel_id": channel.id}
        container["is_ephemeral"] = "ephemeral_to" in message
        if attachment is not None:
            container |= {"type": "message_attachment", "attachment_id": attachment["id"]}
            container |= {"is_app_unfurl": False}
        if "thread_ts" in message:
            container["thread_ts"] = message["thread_ts"]
        payload = self._payloads.interaction("block_actions", user_id)
        payload |= {"container": container, "channel": self._payloads.channel(channel)}
        if "ephemeral_to" not in message:
            payload["message"] = _shown(message)
        payload |= {"state": {"values": state}, "actions": [action]}
        self._send("interactive", self._answerable(payload, user_id, channel, message))

    def _legacy(
        self,
        channel: Channel,
        message: Message,
        user_id: str,
        attachment: dict[str, Any],
        action: dict[str, Any],
        value: Any,
    ) -> None:
        kind = action.get("type", "button")
        used: dict[str, Any] = {"name": action["name"], "type": kind}
        if kind == "select":
            offered = [option.get("value") for option in action.get("options") or []]
            if value in (None, "") or (offered and value not in offered):
                raise BadChoiceError(f"{action['name']} has no option {value!r}.")
            used["selected_options"] = [{"value": str(value)}]
        else:
            used["value"] = action.get("value", "")
        payload = self._payloads.interaction("interactive_message", user_id)
        payload |= {
            "actions": [used],
            "callback_id": attachment.get("callback_id", ""),
            "channel": self._payloads.channel(channel),
            "action_ts": self._workspace.new_ts(),
            "message_ts": message["ts"],
            "attachment_id": str(attachment["id"]),
            "is_app_unfurl": False,
        }
        if "ephemeral_to" not in message:
            payload["original_message"] = _shown(message)
        self._send("interactive", self._answerable(payload, user_id, channel, message))

    def _state(self, channel: Channel, message: Message, user_id: str) -> State:
        """Return what this person has filled in so far in a message; only what is still in it."""
        state = initial_state([block for blocks, _ in _block_lists(message) for block in blocks])
        place = (channel.id, message["ts"], user_id)
        before = self._states.pop(place, {})
        for block_id, actions in state.items():
            actions.update((a, v) for a, v in before.get(block_id, {}).items() if a in actions)
        self._states[place] = state
        while len(self._states) > STATES_KEPT:
            del self._states[next(iter(self._states))]
        return state

    def _action(self, block: dict[str, Any], element: Element, value: Any, state: State) -> Payload:
        action = {"type": element["type"], "action_id": element["action_id"], "block_id": block["block_id"]}
        if element["type"] in STATELESS and element["type"] != "overflow":
            action |= {key: element[key] for key in ("text", "value", "style", "url") if key in element}
        else:
            choice = choose(element, value, self._workspace)
            if element["type"] == "overflow" and choice["selected_option"] is None:
                raise BadChoiceError(f"{element['action_id']} needs one of its options as value.")
            initial = {key: element[key] for key in element if key.startswith("initial_")}
            action |= {**initial, **choice}
            if "placeholder" in element:
                action["placeholder"] = element["placeholder"]
            if element["type"] not in STATELESS:
                state[block["block_id"]][element["action_id"]] = {"type": element["type"], **choice}
        return {**action, "action_ts": self._workspace.new_ts()}

    def _answerable(self, payload: Payload, user_id: str, channel: Channel, message: Message) -> Payload:
        thread_ts = message.get("thread_ts", "")
        url = self._capabilities.response_url(user_id, channel.id, message["ts"], thread_ts)
        return {**payload, "response_url": url, "trigger_id": self._capabilities.trigger(user_id)}

    # Modals

    def click_in_view(
        self, view: View, action_id: str, value: Any = None, inputs: Mapping[str, Any] | None = None
    ) -> None:
        """Use a control of a modal; ``inputs`` are filled in before."""
        found = _control(view.content["blocks"], action_id, value)
        if found is None:
            raise NotInWorkspaceError(f"The modal {view.id} has no control {action_id!r}.")
        _fill(view.values, view.content["blocks"], inputs or {}, self._workspace)
        action = self._action(*found, value, view.values)
        payload = self._payloads.interaction("block_actions", view.user_id)
        payload |= {"container": {"type": "view", "view_id": view.id}, "view": self._views.as_slack(view)}
        trigger = self._capabilities.trigger(view.user_id, view.id)
        self._send("interactive", {**payload, "actions": [action], "trigger_id": trigger})

    def submit(self, view: View, inputs: Mapping[str, Any]) -> None:
        """Submit a modal, which closes it. Required inputs must be filled in, as Slack's client asks."""
        blocks = view.content["blocks"]
        _fill(view.values, blocks, inputs, self._workspace)
        for block, element in elements(blocks):
            if block["type"] == "input" and not block.get("optional"):
                given = view.values[block["block_id"]][element["action_id"]][field_of(element["type"])]
                if given in (None, "", []):
                    raise BadChoiceError(f"The input {element['action_id']!r} must be filled in.")
        payload = self._payloads.interaction("view_submission", view.user_id)
        trigger = self._capabilities.trigger(view.user_id, view.id)
        payload |= {"trigger_id": trigger, "view": self._views.as_slack(view), "response_urls": []}
        self._views.close(view)
        self._send("interactive", payload)

    def close(self, view: View, *, everything: bool = False) -> None:
        """Close a modal without submitting it; the app is told if it asked for that."""
        for closed in self._views.close(view, everything=everything):
            if closed.content.get("notify_on_close"):
                payload = self._payloads.interaction("view_closed", view.user_id)
                payload |= {"view": self._views.as_slack(closed), "is_cleared": everything}
                self._send("interactive", payload)

    # The App Home, commands and shortcuts

    def open_home(self, user_id: str, tab: str = "home") -> None:
        """Look at the app's home, or at the messages with it."""
        direct = self._workspace.open_direct(user_id)
        event: Payload = {"type": "app_home_opened", "user": user_id, "channel": direct.id, "tab": tab}
        if user_id in self._views.homes and tab == "home":
            event["view"] = self._views.homes[user_id]
        self._workspace.notify({**event, "event_ts": self._workspace.new_ts()})

    def slash_command(self, channel: Channel, user_id: str, command: str, text: str) -> None:
        """Write a slash command in a channel."""
        self.commands_used[command] = None
        if len(self.commands_used) > COMMANDS_KEPT:
            del self.commands_used[next(iter(self.commands_used))]
        payload = self._payloads.slash_command(channel, user_id, command, escape(text))
        payload["response_url"] = self._capabilities.response_url(user_id, channel.id)
        self._send("slash_commands", {**payload, "trigger_id": self._capabilities.trigger(user_id)})

    def shortcut(self, user_id: str, callback_id: str) -> None:
        """Use a global shortcut."""
        payload = self._payloads.interaction("shortcut", user_id)
        payload |= {"callback_id": callback_id, "action_ts": self._workspace.new_ts()}
        self._send("interactive", {**payload, "trigger_id": self._capabilities.trigger(user_id)})

    def message_shortcut(self, channel: Channel, message: Message, user_id: str, callback_id: str) -> None:
        """Use a shortcut on a message."""
        payload = self._payloads.interaction("message_action", user_id)
        payload |= {"callback_id": callback_id, "action_ts": self._workspace.new_ts()}
        payload |= {"channel": self._payloads.channel(channel), "message_ts": message["ts"]}
        payload["message"] = _shown(message)
        self._send("interactive", self._answerable(payload, user_id, channel, message))


def _shown(message: Message) -> Message:
    return {key: value for key, value in message.items() if key not in ("metadata", "ephemeral_to")}


def _block_lists(message: Message) -> Iterator[tuple[list[dict[str, Any]], dict[str, Any] | None]]:
    yield message.get("blocks", []), None
    for attachment in message.get("attachments", []):
        yield attachment.get("blocks", []), attachment


def _control(
    blocks: list[dict[str, Any]], action_id: str, value: Any
) -> tuple[dict[str, Any], Element] | None:
    """Find a control; of several buttons with one action id the one of that value."""
    for block, element in elements(blocks):
        if element["action_id"] == action_id and (element["type"] != "button" or _is_meant(element, value)):
            return block, element
    return None


def _is_meant(button: dict[str, Any], value: Any) -> bool:
    return button.get("type") == "select" or value in (None, "", button.get("value"))


def _fill(
    state: State, blocks: list[dict[str, Any]], inputs: Mapping[str, Any], workspace: Workspace
) -> None:
    """Fill in inputs, named by ``action_id`` or, where blocks share one, ``blockId_actionId``."""
    for name, value in inputs.items():
        for block, element in elements(blocks):
            if element["type"] in STATELESS:
                continue
            if name in (element["action_id"], f"{block['block_id']}_{element['action_id']}"):
                choice = choose(element, value, workspace)
                state[block["block_id"]][element["action_id"]] = {"type": element["type"], **choice}
                break
        else:
            raise BadChoiceError(f"There is no input {name!r}.")

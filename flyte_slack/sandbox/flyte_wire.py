"""What the embedded Flyte API reads and shows: its JSON, links first of all, as the server has it.

`base` is the address a client sees the API under, without a slash at its end; hrefs are not URL-encoded.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import Field, field_validator

from .engine import Action, Event, Execution, Flow, Pack, WireModel

Json = dict[str, Any]

_RESERVED_REL = re.compile(r"up|self|/actionResult$|/takeAction$|/event$")
"""Rels the server keeps for itself. Unanchored, as there: `support` is refused for the `up` in it."""

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class Link(WireModel):
    """A link in a pack's definition."""

    href: str = ""
    rel: str = ""


class CommandDefinition(WireModel):
    """A command that a pack says it has. Its links are not shown: the server puts its own there."""

    name: str = ""
    events: list[str] | None = None
    links: list[Link] = Field(default_factory=list)


class EventDefinition(WireModel):
    """An event that a pack says it sends."""

    name: str = ""
    links: list[Link] = Field(default_factory=list)


class PackDefinition(WireModel):
    """What a pack registers with; the server demands nothing of it, not even a name."""

    name: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    commands: list[CommandDefinition] = Field(default_factory=list)
    events: list[EventDefinition] = Field(default_factory=list)
    links: list[Link] = Field(default_factory=list)

    @field_validator("links")
    @classmethod
    def _leaves_the_servers_rels_alone(cls, links: list[Link]) -> list[Link]:
        # The links of commands and events are not looked at.
        if any(_RESERVED_REL.search(each.rel) for each in links):
            raise ValueError("a rel is the server's own")
        return links

    @property
    def id(self) -> str:
        """The name, followed by the labels in the order of their keys: `Slack.env.prod`."""
        return ".".join((self.name, *(part for label in sorted(self.labels.items()) for part in label)))


class PostedEvent(WireModel):
    """An event, or a result, as a pack posts it; its name is not held against the pack's definition."""

    event: str = ""
    payload: Any = None
    created_at: str | None = None

    @field_validator("created_at")
    @classmethod
    def _is_rfc_3339(cls, created_at: str) -> str:
        if not _RFC_3339.fullmatch(created_at):
            raise ValueError("not a time of RFC 3339 with its offset")
        datetime.fromisoformat(created_at).astimezone(UTC)
        return created_at

    def by(self, pack: Pack) -> Event:
        """Return the event, received now."""
        now = datetime.now(UTC)
        created = datetime.fromisoformat(self.created_at).astimezone(UTC) if self.created_at else now
        return Event(self.event, pack, self.payload, created, now)


@dataclass
class RegisteredPack(Pack):
    """A pack that has registered, and when it last called."""

    definition: PackDefinition = field(default_factory=PackDefinition)
    last_seen: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def status(self) -> str:
        """How the server judges the time since the pack last called."""
        silence = datetime.now(UTC) - self.last_seen
        if silence < timedelta(minutes=10):
            return "live"
        return "warning" if silence < timedelta(hours=24) else "critical"


def encode(value: Any) -> str:
    """Write JSON as Go does: `&`, `<` and `>` escaped, and no fraction on a whole number."""
    text = json.dumps(_go_numbers(value), ensure_ascii=False, separators=(",", ":"))
    # Half of a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _go_numbers(value: Any) -> Any:
    match value:
        case float() if value.is_integer() and abs(value) < 1e21:
            # Its shortest digits, then zeros: 12345678901234567000.
            return int(Decimal(repr(value)))
        case dict():
            return {key: _go_numbers(member) for key, member in value.items()}
        case list():
            return [_go_numbers(member) for member in value]
        case _:
            return value


def _time(moment: datetime, digits: int = 3) -> str:
    """Write a time, to the millisecond that the server's database keeps, without zeros at the end."""
    fraction = f"{moment.microsecond:06}"[:digits].rstrip("0")
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + (f".{fraction}" if fraction else "") + "Z"


def _link(href: str, rel: str) -> Json:
    return {"href": href, "rel": rel}


def _if_any(name: str, value: Any) -> Json:
    return {name: value} if value else {}


def _links(links: list[Link]) -> list[Json]:
    return [_link(each.href, each.rel) for each in links]


def _frame(base: str, path: str, up: str, help_section: str) -> list[Json]:
    help_href = f"{base}/swagger#{help_section}"
    return [_link(base + path, "self"), _link(base + up, "up"), _link(help_href, "help")]


def root_view(base: str) -> Json:
    """`GET /`: where the API's versions are."""
    v1 = _link(f"{base}/v1", f"{base}/swagger#!/info/v1")
    return {"links": [_link(f"{base}/", "self"), _link(f"{base}/swagger#/info", "help"), v1]}


def v1_view(base: str) -> Json:
    """`GET /v1`: where its parts are."""
    parts = {
        "/health": "#!/info/health",
        "/v1/packs": "#!/pack/listPacks",
        "/v1/flows": "#!/flow/listFlows",
        "/v1/datastore": "#!/datastore/listDatastoreItems",
        "/v1/audit/flows": "#!/flowAudit/findFlows",
        "/v1/swagger": "",
    }
    rels = [_link(base + path, f"{base}/swagger{section}") for path, section in parts.items()]
    return {"links": [*_frame(base, "/v1", "/", "!/info/v1"), *rels]}


def packs_view(base: str, packs: list[RegisteredPack]) -> Json:
    """`GET /v1/packs`: every pack, in short."""
    return {
        "links": _frame(base, "/v1/packs", "/v1", "/pack"),
        "packs": [
            {
                **_pack_name(pack),
                "lastSeen": _time(pack.last_seen),
                "links": [_link(pack_href(base, pack), "self")],
                "status": pack.status,
            }
            for pack in packs
        ],
    }


def pack_view(base: str, pack: RegisteredPack, digits: int = 3) -> Json:
    """One pack, with the links it calls."""
    # A pack without a name leaves two slashes in these, as on the server.
    calls, take_rel = f"{base}/v1/packs/{pack.id}", f"{base}/swagger#!/action/takeAction"
    commands = [
        {
            "name": command.name,
            "events": command.events,
            "links": [_link(f"{calls}/actions/take?commandName={command.name}", take_rel)],
        }
        for command in pack.definition.commands
    ]
    events = [
        {"name": event.name, **_if_any("links", _links(event.links))} for event in pack.definition.events
    ]
    return {
        **_pack_name(pack),
        **_if_any("commands", commands),
        **_if_any("events", events),
        "lastSeen": _time(pack.last_seen, digits),
        "links": [
            *_links(pack.definition.links),
            _link(pack_href(base, pack), "self"),
            _link(f"{base}/v1/packs", "up"),
            _link(f"{calls}/actions/take", take_rel),
            _link(f"{calls}/events", f"{base}/swagger#/event"),
        ],
        "status": pack.status,
    }


def pack_href(base: str, pack: Pack) -> str:
    """Return a pack's own address."""
    return f"{base}/v1/packs/{pack.id}".rstrip("/")


def _pack_name(pack: Pack) -> Json:
    return {"id": pack.id, "name": pack.name, **_if_any("labels", pack.labels)}


def action_view(base: str, pack: Pack, action: Action) -> Json:
    """Return what the pack that takes an action gets."""
    result = f"{base}/v1/packs/{pack.id}/actions/{action.id}/result"
    links = [_link(result, f"{base}/swagger#/actionResult")]
    return {"command": action.name, "input": action.input, "links": links}


def flows_view(base: str, flows: list[Flow]) -> Json:
    """`GET /v1/flows`: every flow, in short."""
    return {
        "flows": [
            {
                **flow.model_dump(include={"name", "description"}, exclude_defaults=True),
                "links": [_link(f"{base}/v1/flows/{flow.name}", "self")],
            }
            for flow in flows
        ],
        "links": _frame(base, "/v1/flows", "/v1", "/flow"),
    }


def flow_view(base: str, flow: Flow) -> Json:
    """One flow."""
    return {**flow.to_json(), "links": _frame(base, f"/v1/flows/{flow.name}", "/v1/flows", "/flow")}


def audits_view(base: str, executions: list[Execution]) -> Json:
    """`GET /v1/audit/flows`: executions, with everything that happened in them."""
    return {
        "flows": [audit_view(base, execution) for execution in executions],
        "links": _frame(base, "/v1/audit/flows", "/v1", "/flowExecs"),
    }


def audit_view(base: str, execution: Execution) -> Json:
    """One execution of a flow."""
    return {
        "name": execution.flow.name,
        "uuid": execution.flow_uuid,
        "correlationId": execution.correlation_id,
        "steps": [step.to_json() for step in execution.flow.steps],
        "actions": {step_id: _action_audit(action) for step_id, action in execution.actions.items()},
        "links": [_link(f"{base}/v1/audit/flows/{execution.correlation_id}", "self")],
    }


def _action_audit(action: Action) -> Json:
    states = [{"value": state, "time": _time(moment)} for state, moment in action.states]
    return {
        "id": action.id,
        "name": action.name,
        "packName": action.pack_name,
        **_if_any("packLabels", action.pack_labels),
        "input": action.input,
        "state": states[-1],
        "states": states,
        "correlationId": action.correlation_id,
        "flowName": action.flow_name,
        "flowUUID": action.flow_uuid,
        "stepId": action.step_id,
        **_if_any("context", action.context),
        "trigger": _event_audit(action.trigger),
        "result": _event_audit(action.result),
    }


def _event_audit(event: Event) -> Json:
    return {
        "event": event.name,
        "pack": _pack_name(event.pack),
        **({} if event.payload is None else {"payload": event.payload}),
        "createdAt": _time(event.created_at),
        "receivedAt": _time(event.received_at),
    }

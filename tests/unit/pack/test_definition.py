"""What a pack is made of is checked when it is made."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from flyte_slack.pack import ActionContext, Command, Event, EventDefinition, PackDefinition

HELP = "https://example.com/readme"


async def handler(input_: dict[str, Any], action: ActionContext) -> Event:
    return Event("Done", {})


class Callable_:  # noqa: N801 - a handler that is an object
    async def __call__(self, input_: dict[str, Any], action: ActionContext) -> Event:
        return Event("Done", {})


def command(
    name: str = "do", succeeds: tuple[str, ...] = ("Done",), fails: str = "Failed", handler: Any = handler
) -> Command:
    return Command(name, handler, succeeds, fails, f"{HELP}#do")


def definition(**changes: Any) -> PackDefinition:
    arguments: dict[str, Any] = {
        "name": "Slack",
        "help_url": HELP,
        "events": (EventDefinition("Seen", f"{HELP}#seen"),),
        "commands": (command(),),
    }
    return PackDefinition(**arguments | changes)


def test_command_needs_a_result_event() -> None:
    """A command that cannot succeed, or not fail, is refused."""
    for incomplete in ({"succeeds": ()}, {"fails": ""}):
        with pytest.raises(ValueError, match="'do' needs an event of its success and one of its failure"):
            command(**incomplete)


def test_result_event_is_named_once() -> None:
    """A result event named twice, or by an empty name, is refused."""
    with pytest.raises(ValueError, match="'Done' is there 2 times"):
        command(succeeds=("Done", "Done"))
    with pytest.raises(ValueError, match="needs a name"):
        command(succeeds=("",))


@pytest.mark.parametrize("bad", [lambda input_, action: Event("Done", {}), None, "handler"])
def test_handler_is_a_coroutine_function(bad: object) -> None:
    """A handler that cannot be awaited is found when the command is made, not when it is called."""
    with pytest.raises(TypeError, match="'do' must be a coroutine function"):
        command(handler=bad)


def test_object_with_async_call_is_a_handler() -> None:
    """A handler may be an object."""
    assert command(handler=Callable_()).name == "do"


def test_pack_needs_a_name() -> None:
    """A pack without a name would register as a path of its own."""
    with pytest.raises(ValueError, match="a pack needs a name"):
        definition(name="")


def test_names_are_unique() -> None:
    """Two commands, or two events, of one name are refused."""
    with pytest.raises(ValueError, match="command 'do' is there 2 times"):
        definition(commands=(command(), command()))
    with pytest.raises(ValueError, match="event 'Seen' is there 3 times"):
        definition(events=(EventDefinition("Seen"),) * 3)


def test_result_events_need_not_be_declared_twice() -> None:
    """What commands end in is registered by itself, once, with the commands' help."""
    pack = definition(commands=(command(), command("again", ("Done", "Seen"))))
    registered = {event.name: event.links[0].href for event in pack.registration().events}
    assert registered == {"Done": f"{HELP}#do", "Failed": f"{HELP}#do", "Seen": f"{HELP}#seen"}


def test_command_by_name() -> None:
    """A command is found by its exact name."""
    pack = definition()
    assert pack.command("do") is pack.commands[0]
    assert pack.command("Do") is None


def test_registration_has_help_links_only() -> None:
    """The registration is complete, and the only rel in it is `help` (contract, section 2)."""
    registration = definition(labels={"env": "prod"}).registration().model_dump()
    assert registration == {
        "name": "Slack",
        "labels": {"env": "prod"},
        "links": [{"href": HELP, "rel": "help"}],
        "commands": [
            {"name": "do", "events": ["Done", "Failed"], "links": [{"href": f"{HELP}#do", "rel": "help"}]}
        ],
        "events": [
            {"name": "Done", "links": [{"href": f"{HELP}#do", "rel": "help"}]},
            {"name": "Failed", "links": [{"href": f"{HELP}#do", "rel": "help"}]},
            {"name": "Seen", "links": [{"href": f"{HELP}#seen", "rel": "help"}]},
        ],
    }


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2017, 8, 22, 21, 5, 56, 247, UTC), "2017-08-22T21:05:56.000247Z"),
        (datetime(2017, 8, 22, 21, 5, 56, 0, UTC), "2017-08-22T21:05:56.000000Z"),
        (datetime(2017, 8, 22, 23, 5, 56, 5, timezone(timedelta(hours=2))), "2017-08-22T21:05:56.000005Z"),
    ],
)
def test_event_on_the_wire(moment: datetime, written: str) -> None:
    """`createdAt` is RFC 3339 in UTC, which the server insists on."""
    assert Event("Done", {"a": "b"}, moment).wire() == {
        "event": "Done",
        "payload": {"a": "b"},
        "createdAt": written,
    }


def test_event_happens_now_unless_told() -> None:
    """The time of an event that is not told is the time it was made."""
    before = datetime.now(UTC)
    assert before <= Event("Done", {}).created_at <= datetime.now(UTC)

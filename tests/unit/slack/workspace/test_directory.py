"""Names of users and channels: looked up once, and never at the cost of a message (contract, section 3)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from scripted_slack import Answer, ScriptedSlack, rate_limited
from support import eventually

from flyte_slack.slack.workspace import directory as module
from flyte_slack.slack.workspace.directory import Directory
from flyte_slack.slack.workspace.profiles import Channel, User

BOBBY = {"user": {"id": "U1", "name": "bobby", "profile": {"display_name": "Bobby T"}}}
OPS = {"channel": {"id": "C1", "name": "ops", "is_channel": True}}


@pytest.fixture
async def slack() -> AsyncIterator[ScriptedSlack]:
    async with ScriptedSlack().serve() as served:
        answers: dict[str, Answer] = {"users.info": BOBBY, "conversations.info": OPS}
        served.judge = lambda call: answers[call.method]
        yield served


@pytest.fixture
async def directory(slack: ScriptedSlack) -> AsyncIterator[Directory]:
    async with slack.client() as web:
        yield Directory(web)


async def test_user_and_channel(slack: ScriptedSlack, directory: Directory) -> None:
    """A user and a channel come with their names."""
    assert await directory.user("U1") == User(id="U1", name="bobby", display_name="Bobby T")
    assert await directory.channel("C1") == Channel("C1", "ops", "channel")
    assert [(call.method, call.arguments) for call in slack.calls] == [
        ("users.info", {"user": "U1"}),
        ("conversations.info", {"channel": "C1"}),
    ]


async def test_lookup_is_remembered(slack: ScriptedSlack, directory: Directory) -> None:
    """A thousand messages of one person are one lookup."""
    for _ in range(1000):
        await directory.user("U1")
    assert len(slack.calls) == 1


async def test_one_lookup_in_flight_an_id(slack: ScriptedSlack, directory: Directory) -> None:
    """Messages that wait for the same name share one lookup; another id does not wait for it."""
    gate = asyncio.Event()
    slack.answer("users.info", gate)
    waiting = [asyncio.create_task(directory.user("U1")) for _ in range(50)]
    await eventually(lambda: slack.calls)
    assert (await directory.user("U2")).id == "U2"
    assert len(slack.calls) == 2
    slack.answer("users.info", BOBBY)
    gate.set()
    assert {user.id for user in await asyncio.gather(*waiting)} == {"U1"}
    assert len(slack.of("users.info")) == 2


async def test_caller_that_gives_up_takes_nobody_with_it(slack: ScriptedSlack, directory: Directory) -> None:
    """A lookup outlives the caller that began it."""
    gate = asyncio.Event()
    slack.answer("conversations.info", gate)
    first, second = (asyncio.create_task(directory.channel("C1")) for _ in range(2))
    await eventually(lambda: slack.calls)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    gate.set()
    assert (await second).id == "C1"
    assert len(slack.calls) == 1


@pytest.mark.parametrize("answer", ["user_not_found", "missing_scope", "internal_error", {"user": None}])
async def test_failed_lookup_costs_the_names_only(
    slack: ScriptedSlack, directory: Directory, answer: Answer
) -> None:
    """A user that cannot be read is the id alone; it is not asked for again with every message."""
    slack.answer("users.info", answer)
    assert await directory.user("U1") == User(id="U1")
    assert await directory.user("U1") == User(id="U1")
    assert len(slack.calls) == 1


@pytest.mark.parametrize("answer", ["channel_not_found", "cut", {"channel": []}])
async def test_failed_channel_lookup_keeps_the_type_told(
    slack: ScriptedSlack, directory: Directory, answer: Answer
) -> None:
    """A channel that cannot be read has the id, and the type that the event told."""
    slack.answer("conversations.info", answer, answer)  # a read may be repeated by aiohttp
    assert await directory.channel("C1", "group") == Channel("C1", "", "group")


async def test_failure_is_forgotten_after_a_while(
    slack: ScriptedSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that could not be looked up once can be later."""
    monkeypatch.setattr(module, "_FAILED_FOR", 0.01)
    slack.answer("users.info", "internal_error")
    async with slack.client() as web:
        directory = Directory(web)
        assert (await directory.user("U1")).name == ""
        found: list[str] = []

        async def ask() -> None:
            while not found or not found[-1]:
                found.append((await directory.user("U1")).name)

        await asyncio.wait_for(ask(), 10)
    assert found[-1] == "bobby"


async def test_hanging_lookup_is_bounded(
    slack: ScriptedSlack, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Slack that does not answer holds a message up for a bounded time."""
    assert module._PATIENCE <= 10
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    gate = asyncio.Event()
    slack.answer("users.info", gate)
    assert await directory.user("U1") == User(id="U1")
    gate.set()


async def test_short_retry_after_is_waited_for(slack: ScriptedSlack, directory: Directory) -> None:
    """A rate limit that ends soon costs a moment, not the name."""
    slack.answer("users.info", rate_limited(0), rate_limited(0))
    assert (await directory.user("U1")).name == "bobby"
    assert len(slack.calls) == 3


async def test_long_retry_after_holds_back_the_method(slack: ScriptedSlack, directory: Directory) -> None:
    """A rate limit that lasts costs names, holds that method back, and no other (promise 6)."""
    slack.answer("users.info", rate_limited(3600))
    assert await directory.user("U1") == User(id="U1")
    assert await directory.user("U2") == User(id="U2")
    assert len(slack.of("users.info")) == 1
    assert (await directory.channel("C1")).name == "ops"


async def test_direct_message_needs_no_lookup(slack: ScriptedSlack, directory: Directory) -> None:
    """A direct message has no name to look up."""
    assert await directory.channel("D1", "im") == Channel("D1", "", "im")
    assert slack.calls == []


async def test_type_of_the_event_holds(slack: ScriptedSlack, directory: Directory) -> None:
    """The type that an event told holds over what the lookup says."""
    assert (await directory.channel("C1", "group")).type == "group"


async def test_unknown_id_is_not_looked_up(slack: ScriptedSlack, directory: Directory) -> None:
    """A message without a user is nobody's, without asking."""
    assert await directory.user("") == User()
    assert slack.calls == []


@pytest.mark.parametrize("kind", ["user_change", "user_profile_changed"])
async def test_changed_profile_is_taken_in(slack: ScriptedSlack, directory: Directory, kind: str) -> None:
    """A person who changes the name has the new one in the next message."""
    await directory.user("U1")
    changed = {"id": "U1", "name": "bobby", "profile": {"display_name": "Bob"}}
    directory.learn({"type": kind, "user": changed})
    assert (await directory.user("U1")).display_name == "Bob"
    assert len(slack.calls) == 1


async def test_renamed_channel_is_looked_up_again(slack: ScriptedSlack, directory: Directory) -> None:
    """A channel that was renamed has its new name in the next message."""
    await directory.channel("C1")
    directory.learn({"type": "channel_rename", "channel": {"id": "C1", "name": "new", "created": 1}})
    slack.answer("conversations.info", {"channel": {"id": "C1", "name": "new", "is_channel": True}})
    assert (await directory.channel("C1")).name == "new"


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "user_change"},
        {"type": "user_change", "user": "U1"},
        {"type": "user_change", "user": {"profile": {}}},
        {"type": "channel_rename", "channel": "C1"},
        {"type": "channel_rename", "channel": {}},
        {"type": "message", "user": "U1", "channel": "C1"},
    ],
)
async def test_odd_events_are_passed_over(directory: Directory, event: dict[str, object]) -> None:
    """An event that tells nothing of names, or tells it oddly, is no harm."""
    directory.learn(event)
    assert (await directory.user("U1")).name == "bobby"

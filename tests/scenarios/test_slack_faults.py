"""Slack's own troubles: lookups, rate limits, answers that are lost (promises 3, 5 and 6)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from faults import Faults, Predicate, Rule, When, holding
from harness import POST, USERS_INFO, World, eventually, world

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def w(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One running pack for the tests that neither stop it nor change its settings."""
    async with world(tmp_path_factory.mktemp("shared")) as running:
        await running.pack.start()
        yield running


CHANNEL_INFO = r"/conversations\.info$"
JSON = {"Content-Type": "application/json"}
NOBODY = {"name": "", "displayName": "", "email": "", "title": "", "firstName": "", "lastName": ""}


def trouble(faults: Faults, path: str, kind: str, id_: str) -> Rule:
    """Spoil a lookup of one id in one of the ways in which Slack does."""
    match kind:
        case "error":
            body = '{"ok": false, "error": "internal_error"}'
            return faults.answer("*", path, 200, body=body, headers=JSON, where=about(id_))
        case "500":
            return faults.answer("*", path, 500, body="<html>oops</html>", where=about(id_))
        case "cut":
            return faults.cut("*", path, where=about(id_))
        case "no JSON":
            return faults.answer("*", path, 200, body="{", headers=JSON, where=about(id_))
        case _:
            return faults.hang("*", path, where=about(id_))


def about(id_: str) -> Predicate:
    """Return a predicate for requests that name an id, in the query or in the body."""
    return lambda request, body: id_ in request.query_string + body.decode()


@pytest.mark.parametrize("kind", ["error", "500", "cut", "no JSON", "hang"])
async def test_lookups_cost_no_message(w: World, kind: str) -> None:
    """Lookups that fail or hang cost names, never a message."""
    channel, user = w.fresh(), w.workspace.person(f"user of {kind}")
    rules = [trouble(w.faults, USERS_INFO, kind, user.id), trouble(w.faults, CHANNEL_INFO, kind, channel.id)]
    message = w.say(channel, "hello", who=user.name)
    await w.arrived(channel, 1)
    payload = next(e.payload for e in w.flyte.seen if e.payload["channelId"] == channel.id)
    assert payload["user"] == {**NOBODY, "id": user.id, "isBot": "false"}
    assert (payload["channelName"], payload["channelType"]) == ("", "channel")
    assert (payload["message"], payload["timestamp"]) == ("hello", message["ts"])
    assert all(rule.hits for rule in rules)
    for rule in rules:
        rule.remove()
    assert w.flyte.texts(channel) == ["hello"]


async def test_rate_limited_lookups(tmp_path: Path) -> None:
    """Lookups that Slack holds back for a minute cost names, neither messages nor results."""
    async with world(tmp_path) as own:
        await own.pack.start()
        for path in (USERS_INFO, CHANNEL_INFO):
            own.faults.answer("*", path, 429, headers={"Retry-After": "60"})
        channel = own.channel("general")
        own.say(channel, "hello")
        await own.delivered(1)
        assert own.flyte.seen[0].payload["user"] == {**NOBODY, "id": "U0ALICE", "isBot": "false"}
        (result,) = await own.done(own.flyte.command(channelId=channel.id, message="an answer"))
        assert result.name == "MessageSent"
        assert result.payload["channelId"] == channel.id
        assert result.payload["user"] == {**NOBODY, "id": "U0FLYTE", "isBot": "true"}
        assert own.flyte.texts() == ["hello"]


async def test_one_lookup_a_user(w: World) -> None:
    """Many messages of one user lead to one lookup, also while it is under way."""
    user = w.workspace.person("prolific")
    slow = w.faults.hang("*", USERS_INFO, where=about(user.id))
    channels = [w.fresh() for _ in range(10)]
    for channel in channels:
        w.say(channel, "hello", who="prolific")
    await eventually(lambda: slow.hits)
    await eventually(lambda: not w.socket_mode.unacknowledged)
    slow.release()
    for channel in channels:
        await w.arrived(channel, 1)
        w.say(channel, "again", who="prolific")
        await w.arrived(channel, 2)
    assert slow.hits == 1
    ids = {channel.id for channel in channels}
    names = [e.payload["user"]["name"] for e in w.flyte.seen if e.payload["channelId"] in ids]
    assert names == ["prolific"] * 20


async def test_a_user_that_hangs_delays_no_other(w: World) -> None:
    """A lookup that hangs holds up its own channel only."""
    user, slow, free = w.workspace.person("mysterious"), w.fresh(), w.fresh()
    rule = w.faults.hang("*", USERS_INFO, where=about(user.id))
    w.say(slow, "slow", who=user.name)
    await eventually(lambda: rule.hits)
    w.say(free, "quick")
    await w.arrived(free, 1)
    assert w.flyte.texts(slow) == []
    rule.remove()
    await w.arrived(slow, 1)


async def test_rate_limited_post(w: World) -> None:
    """429 with Retry-After costs and doubles nothing; the channel waits, in order, others go on."""
    held = w.fresh()
    rule = w.faults.rate_limit(r"chat\.postMessage", 2, times=1, where=holding(held.id))
    waiting = [w.flyte.command(channelId=held.id, message=text) for text in ("1", "2", "3")]
    await eventually(lambda: rule.hits == 1)
    await w.done(*(w.flyte.command(channelId=w.fresh().id, message="x") for _ in range(5)))
    assert not any(action.completed for action in waiting)
    results = await w.done(*waiting)
    assert [result.name for result in results] == ["MessageSent"] * 3
    assert [post["text"] for post in w.posts(held)] == ["1", "2", "3"]


async def test_slacks_own_limit(tmp_path: Path) -> None:
    """Against Slack's limit of one message a second per channel, nothing is lost, doubled or reordered."""
    async with world(tmp_path, burst=2) as w:
        await w.pack.start()
        channel = w.channel("general")
        actions = [w.flyte.command(channelId=channel.id, message=str(number)) for number in range(6)]
        await w.done(*actions)
        assert [post["text"] for post in w.posts(channel)] == [str(number) for number in range(6)]


async def test_stopped_while_held_back(tmp_path: Path) -> None:
    """A message that waits for Retry-After when the pack is killed is posted after the next start, once."""
    async with world(tmp_path) as w:
        await w.pack.start()
        rule = w.faults.rate_limit(r"chat\.postMessage", 600)
        action = w.flyte.command(channelId=w.channel("general").id, message="hello")
        await eventually(lambda: rule.hits)
        await eventually(lambda: w.stored("SELECT state FROM actions") == [("taken",)])
        w.pack.kill()
        rule.remove()
        await w.pack.start()
        (result,) = await w.done(action)
        assert result.name == "MessageSent"
        assert len(w.posts()) == 1


async def test_slack_away_for_a_while(w: World) -> None:
    """Posts that Slack says it cannot take now are posted later, once."""
    channel = w.fresh()
    w.faults.slack_error(r"chat\.postMessage", "service_unavailable", times=2)
    (result,) = await w.done(w.flyte.command(channelId=channel.id, message="hello"))
    assert result.name == "MessageSent"
    assert len(w.posts(channel)) == 1


@pytest.mark.parametrize(
    ("when", "status", "body"),
    [
        ("before", 500, ""),
        ("after", 502, ""),
        ("before", 200, '{"ok": false, "error": "internal_error"}'),
        ("after", 200, '{"ok": false, "error": "fatal_error"}'),
        ("after", 200, "{"),
        ("before", None, "cut"),
        ("after", None, "cut"),
    ],
    ids=str,
)
async def test_outcome_of_a_post_unknown(w: World, when: When, status: int | None, body: str) -> None:
    """Where Slack's answer does not tell, the message is never posted twice and the one result is true."""
    if status is None:
        w.faults.cut("POST", POST, times=1, when=when)
    else:
        w.faults.answer("POST", POST, status, body=body, headers=JSON, times=1, when=when)
    channel = w.fresh()
    (result,) = await w.done(w.flyte.command(channelId=channel.id, message="hello"), timeout=60)
    posted = [post["ts"] for post in w.posts(channel)]
    if result.name == "MessageSent":
        assert posted == [result.payload["timestamp"]]
    else:
        assert (result.payload["code"], result.payload["kind"]) == ("outcome_unknown", "unknown")
        assert len(posted) == (1 if when == "after" else 0)
    (following,) = await w.done(w.flyte.command(channelId=channel.id, message="following"))
    assert following.name == "MessageSent"
    assert [post["ts"] for post in w.posts(channel)] == [*posted, following.payload["timestamp"]]


async def test_metadata_of_posts(w: World) -> None:
    """Every post carries metadata with the action's identity: flat, and another one for each action."""
    channel = w.fresh()
    await w.done(*(w.flyte.command(channelId=channel.id, message="same") for _ in range(2)))
    first, second = (post["metadata"] for post in w.posts(channel))
    assert first["event_type"] == second["event_type"]
    assert first["event_payload"] != second["event_payload"]
    assert all(isinstance(value, str) for value in first["event_payload"].values())

"""What operators see: one message followed through the log, no text and no secret in it, and metrics."""

import json
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from faults import holding
from harness import EVENTS, POST, World, eventually, world
from postgres import Postgres, free_port, postgres_server
from prometheus_client.parser import text_string_to_metric_families

from flyte_slack.sandbox.flyte_api import FlyteApi

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmbHl0ZS1zbGFjayJ9.Zm9yIG5vYm9keSdzIGV5ZXM"
TEXT = "nobody but the channel reads this"
Key = tuple[str, tuple[tuple[str, str], ...]]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """Give a database server."""
    with postgres_server(free_port()) as server:
        yield server


async def scraped(w: World) -> dict[Key, float]:
    """Return the samples of a scrape by name and labels."""
    url = f"http://127.0.0.1:{w.pack.port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        text = await response.text()
    return {
        (sample.name.removeprefix("flyte_slack_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("level", ["debug", "info"])
async def test_one_message_can_be_followed(tmp_path: Path, postgres: Postgres, level: str) -> None:
    """Each line is JSON; one key follows a message, one identity an action; no secret at any level."""
    store = postgres.new_database()
    secret = "s3cret-of-the-database"
    store = store.replace(":unused@", f":{secret}@")
    async with world(
        tmp_path,
        flyte=FlyteApi(token=JWT),
        expected=("Traceback",),
        FLYTE_JWT=JWT,
        FLYTE_SLACK_STORE=store,
        LOGLEVEL=level,
        SLACK_SIGNING_SECRET="0123456789abcdef0123456789abcdef",
    ) as w:
        await w.pack.start()
        channel = w.fresh()
        w.faults.answer("POST", EVENTS, 503, times=1)
        w.faults.cut("POST", POST, times=1, when="after", where=holding("answered"))
        message = w.say(channel, TEXT)
        action = w.flyte.command(channelId=channel.id, message=f"{TEXT}, answered")
        refused = w.flyte.command(channelId="C0NOWHERE", message=TEXT)
        await w.done(action, refused)
        await w.arrived(channel, 1)
        await postgres_away(w, postgres)
        assert await w.pack.stop() == 0
        lines = [json.loads(line) for line in w.pack.stderr.splitlines()]
        about = [line["event"] for line in lines if line.get("key") == f"{channel.id}:{message['ts']}"]
        assert about[0] == "event stored"
        assert about[-1] == "event delivered"
        (identity,) = {
            line["action"]
            for line in lines
            if line["event"] == "action taken" and action.id in line["result"]
        }
        steps = [line["event"] for line in lines if line.get("action") == identity]
        assert [steps[0], steps[-2], steps[-1]] == ["action taken", "action finished", "result delivered"]
        assert any("found in Slack's history" in step for step in steps)
        assert level == "debug" or TEXT not in w.pack.stderr
        for value in (JWT, JWT.split(".")[2], secret, "0123456789abcdef0123456789abcdef"):
            assert value not in w.pack.stderr


async def postgres_away(w: World, postgres: Postgres) -> None:
    """Let the log show what the database's driver says."""
    postgres.query(
        w.pack.environment["FLYTE_SLACK_STORE"],
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    await eventually(lambda: w.pack.running)


async def test_metrics(tmp_path: Path) -> None:
    """What went through, what waits, what was refused and how Slack is connected: all of it is counted."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel, other = w.fresh(), w.fresh()
        w.faults.rate_limit(r"chat\.postMessage", 1, times=1)
        actions = [w.flyte.command(channelId=channel.id, message="one")]
        await w.done(*actions)
        actions.append(w.flyte.command(channelId="C0NOWHERE", message="two"))
        actions.append(w.flyte.command("unknownCommand"))
        await w.done(*actions)
        for _ in range(3):
            w.say(channel, "hello")
        await w.arrived(channel, 3)
        rejected = w.faults.answer("POST", EVENTS, 400, times=1)
        w.say(other, "not for Flyte")
        await eventually(lambda: rejected.hits)
        away = w.faults.answer("POST", EVENTS, 503)
        w.say(channel, "waits")

        async def complete() -> bool:
            found = await scraped(w)
            return found["waiting", (("kind", "events"),)] == 1 and found["dead", (("kind", "events"),)] == 1

        await eventually(complete)
        found = await scraped(w)
        away.remove()

        def value(name: str, **labels: str) -> float:
            return found[name, tuple(sorted(labels.items()))]

        assert value("events_total", event="MessageSent", outcome="delivered") == 3
        assert value("events_total", event="MessageSent", outcome="dead") == 1
        assert value("actions_total", command="sendMessage", outcome="MessageSent") == 1
        assert value("actions_total", command="sendMessage", outcome="MessageSendFailure") == 1
        assert value("actions_total", command="unknown", outcome="FATAL") == 1
        assert value("event_stored_seconds_count") == 5
        assert value("event_accepted_seconds_count") == 3
        assert value("action_finished_seconds_count") == value("action_completed_seconds_count") == 3
        assert value("rate_limited_total", method="chat.postMessage") == 1
        assert value("polls_total", outcome="action") == 3
        assert value("polls_total", outcome="none") > 0
        assert value("registered") == 1
        assert value("sockets_open") == value("sockets_wanted") == 2
        assert value("pong_age_seconds") < 60
        assert value("waiting_oldest_seconds", kind="events") > 0
        assert value("waiting_oldest_seconds", kind="actions") == value("orphans") == 0
        assert value("store_bytes") > 10_000
        assert any(name == "build_info" for name, _ in found)

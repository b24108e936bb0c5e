"""What no Slack should send: it blocks nobody and kills nothing, and what Flyte can't take is put aside."""

import json
from pathlib import Path
from typing import Any

from account import Account, forgetful
from harness import World, eventually, world
from test_gaps import filled, settled
from test_http_mode import SECRET, post, signed
from test_poison import put_aside, rows

from flyte_slack.sandbox.socket_mode import Delivery, SocketMode
from flyte_slack.sandbox.workspace import Channel, Workspace

REFUSED = ("Traceback", "Failed to run", "unexpected error", "Unclosed")
"""What the log may hold where an envelope cannot be taken in."""

HALF = "\ud83d"
"""Half of a surrogate pair, which no encoding takes."""

NO_EVENTS: list[Any] = [[], [1, 2], 7, 1.5, "text", True, None, {}, [[[{}]]]]
"""What stands in the place of an inner event."""


def soon_resigned(workspace: Workspace) -> SocketMode:
    """Slack that redelivers a few times, soon, and then gives up."""
    return SocketMode(workspace, redelivery=(0.3, 0.3, 0.3))


class OnceTooLarge(SocketMode):
    """Slack that gives up on what breaks its connections a third time, and on nothing else."""

    def _send_again(self, delivery: Delivery, reason: str) -> None:
        if delivery.attempt >= 3 and len(delivery.body["event"]["text"]) > 1_000_000:
            self._forget(delivery)
        else:
            super()._send_again(delivery, reason)


def message(w: World, place: Channel, /, **more: Any) -> dict[str, Any]:
    """Return the event of a message that the workspace itself knows nothing of."""
    ts = w.workspace.new_ts()
    event = {"type": "message", "user": "U0ALICE", "text": f"sound {ts}", "ts": ts, "channel": place.id}
    return {key: value for key, value in (event | more).items() if value is not ...}


def misshapen(w: World, channel: Channel) -> list[dict[str, Any]]:
    """Return messages in which one thing is of a shape that Slack's documentation does not know."""
    strange: list[Any] = [None, 7, 1.5, True, "", [], ["a"], {}, {"id": "C1"}, HALF, "\0", "x" * 5000]
    missing: list[Any] = [...]
    return [
        message(w, channel, **{name: value})
        for name in ("type", "subtype", "user", "bot_id", "hidden", "ts", "channel", "channel_type")
        for value in strange + missing
    ]


def odd(w: World, channel: Channel) -> dict[str, dict[str, Any]]:
    """Return messages that have all they need, but odd content, by what their text becomes."""
    files = [1, None, {"id": 7, "a.b": 1, "$set": {}}, {"name": ["x"]}, {"size": 4096}]
    return {
        "5": message(w, channel, text=5),
        "2.5": message(w, channel, text=2.5),
        "true": message(w, channel, text=True),
        "odd keys": message(w, channel, text="odd keys", **{"a.b": 1, "$where": "x", "\0": {"$": {".": 1}}}),
        "odd files": message(w, channel, text="odd files", files=files),
        "no files": message(w, channel, text="no files", files="none"),
        "not a number": message(w, channel, text="not a number", edited=float("nan")),
        "a\0b": message(w, channel, text="a\0b"),
        "$where.a": message(w, channel, text="$where.a", thread_ts={"$gt": ""}),
        "number as thread": message(w, channel, text="number as thread", thread_ts=17),
    }


def assert_plain(value: object) -> None:
    """Hold a payload against the contract: texts, lists and objects, and no key that a database refuses."""
    if isinstance(value, dict):
        for key, inner in value.items():
            assert "." not in key
            assert not key.startswith("$")
            assert_plain(inner)
    elif isinstance(value, list):
        for inner in value:
            assert_plain(inner)
    else:
        assert isinstance(value, str)


async def test_events_of_any_shape(tmp_path: Path) -> None:
    """Events that are none, and messages in which one thing is misshapen, delay no sound one (1, 2, 3)."""
    one = "1"  # of two, one can be read before the other
    async with world(tmp_path, socket_mode=soon_resigned, expected=REFUSED, FLYTE_SLACK_CONNECTIONS=one) as w:
        account, sink = Account(w), w.fresh()
        await w.pack.start()
        for event in NO_EVENTS:
            w.socket_mode.deliver(event)
        account.traffic()
        for number, event in enumerate(misshapen(w, sink)):
            w.socket_mode.deliver(event)
            if number % 10 == 0:
                account.traffic()
        odd_ones = odd(w, sink)
        for event in odd_ones.values():
            w.socket_mode.deliver(event)
        account.traffic()
        await account.settled()
        await eventually(lambda: set(odd_ones) <= set(w.flyte.texts(sink)), "what is merely odd arrives")
        assert [w.flyte.texts(sink).count(text) for text in odd_ones] == [1] * len(odd_ones)
        for event in w.flyte.seen:
            assert_plain(dict(event.payload))
        w.pack.kill()
        await w.pack.start()
        account.traffic()
        await account.settled()
        others = {e.payload["message"] for e in w.flyte.seen} - set(account.said)
        tally = account.tally() | {"messages nobody wrote": []}
        tally["messages doubled"] = [text for text in tally["messages doubled"] if text not in others]
        assert {kind: texts for kind, texts in tally.items() if texts} == {}
        account.assert_in_order()


async def test_half_a_surrogate_pair(tmp_path: Path) -> None:
    """A text with half a surrogate pair is delivered, or put aside with a reason, and delays none (1, 3)."""
    async with world(tmp_path, socket_mode=soon_resigned, expected=REFUSED) as w:
        account = Account(w)
        await w.pack.start()
        channel = account.channels[0]
        account.traffic()
        for text in (HALF, f"a{HALF}b", f"\udc4d{HALF}"):
            w.socket_mode.deliver(message(w, channel, text=text))
            w.socket_mode.deliver(message(w, channel, files=[{"id": "F1", "name": text}]))
        account.traffic()
        await account.settled()
        arrived = len([e for e in w.flyte.seen if e.payload["message"] not in account.said])
        aside = await rows(w)
        assert arrived - len(account.channels) + len(aside) == 6  # each channel has its marker
        assert all(row["reason"] for row in aside)
        tally = account.tally() | {"messages nobody wrote": []}
        assert {kind: texts for kind, texts in tally.items() if texts} == {}


async def test_deep_json(tmp_path: Path) -> None:
    """Messages with JSON nested ever deeper delay no other; what is too deep is told (1, 2, 3)."""
    depths = (50, 900, *range(960, 990), 1000, 5000, 200_000)
    async with world(tmp_path, expected=REFUSED, SLACK_APP_TOKEN="", SLACK_SIGNING_SECRET=SECRET) as w:
        await w.pack.start()
        channel, answers, sound = w.fresh(), {}, []
        for depth in depths:
            deep = message(w, channel, text=f"deep {depth}", blocks="@")
            body = json.dumps({"type": "event_callback", "event": deep})
            raw = body.replace('"@"', "[" * depth + "]" * depth).encode()
            answers[deep["text"]] = (await post(w, raw, signed(raw)))[0]
            sound.append(await say_over_http(w, channel))
        await settled(w)
        w.pack.kill()
        await w.pack.start()
        sound.append(await say_over_http(w, channel))
        await settled(w)
        assert set(answers.values()) == {200, 400}
        accepted = {text for text, status in answers.items() if status == 200}
        assert sorted(w.flyte.texts(channel)) == sorted({*sound, "deep 50"})
        assert len(w.pack.logged("a payload is nested too deeply: left out")) == len(accepted) - 1
        assert await rows(w) == []


async def say_over_http(w: World, channel: Channel) -> str:
    """Tell the pack of a message, have it acknowledged, and return its text."""
    event = message(w, channel)
    body = json.dumps({"type": "event_callback", "event": event}).encode()
    assert (await post(w, body, signed(body)))[0] == 200
    return str(event["text"])


async def test_more_than_a_socket_takes(tmp_path: Path) -> None:
    """Frames of 5 and 17 MB: the first arrives, Flyte takes no second; all others arrive, once (1, 2)."""
    async with world(tmp_path, socket_mode=OnceTooLarge, expected=REFUSED) as w:
        account = Account(w)
        await w.pack.start()
        for size in (5_000_000, 17_000_000):
            account.traffic()
            w.socket_mode.deliver(message(w, w.fresh(), text="x" * size))
            account.traffic()
            await account.settled()
        await w.pack.ready()
        large = [event for event in w.flyte.seen if len(event.payload["message"]) > 1_000_000]
        assert [len(event.payload["message"]) for event in large] == [5_000_000]
        w.flyte.api.events.remove(large[0])
        account.assert_nothing_lost_or_doubled()


async def test_more_than_flyte_takes(tmp_path: Path) -> None:
    """A message of 17 MB, read from the history, is put aside with its reason; others go on (4, 11)."""
    async with world(tmp_path, socket_mode=forgetful) as w:
        account = Account(w)
        await w.pack.start()
        account.traffic()
        await account.settled()
        assert await w.pack.stop() == 0
        await eventually(lambda: not w.socket_mode.connections)
        account.say()
        huge = w.say(account.channels[1], "x" * 17_000_000)
        account.say()
        await w.pack.start()
        await filled(w)
        account.traffic()
        await account.settled()
        await put_aside(w, 1)
        (row,) = await rows(w)
        assert row["about"] == f"{account.channels[1].id}:{huge['ts']}"
        assert "larger than" in row["reason"]
        account.assert_nothing_lost_or_doubled()
        account.assert_in_order()

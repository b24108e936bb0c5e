"""Posts whose outcome is unknown: looked up in Slack, never posted blindly again (promise 5)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from faults import Faults, Predicate, Rule, When, holding
from harness import POST, World, each, eventually, world

from flyte_slack.sandbox.flows import Action, Event
from flyte_slack.sandbox.workspace import Channel

MOMENTS: tuple[When, ...] = ("before", "after")
"""Whether Slack did not handle, or handled, the request that fails."""

_JSON = {"Content-Type": "application/json"}

Fault = Callable[[Faults, Predicate, When], Rule]


def answered(status: int, body: str, headers: dict[str, str]) -> Fault:
    """Return a fault: one post is answered like this."""
    return lambda faults, where, when: faults.answer(
        "POST", POST, status, body=body, headers=headers, times=1, where=where, when=when
    )


FAULTS: dict[str, Fault] = {
    "cut": lambda faults, where, when: faults.cut("POST", POST, times=1, where=where, when=when),
    "500": answered(500, "", {}),
    "503 of a proxy": answered(503, "<h1>Service Unavailable</h1>", {"Content-Type": "text/html"}),
    "internal_error": answered(200, '{"ok": false, "error": "internal_error"}', _JSON),
    "fatal_error": answered(200, '{"ok": false, "error": "fatal_error"}', _JSON),
    "500 internal_error": answered(500, '{"ok": false, "error": "internal_error"}', _JSON),
    "no JSON": answered(200, "what?", {"Content-Type": "text/plain"}),
    "no JSON, labelled JSON": answered(200, '{"ok": tr', _JSON),
    "nothing": answered(200, "", _JSON),
    "neither ok nor an error": answered(200, "{}", _JSON),
}


@dataclass(frozen=True)
class Case:
    """An action, and what is known of it.

    Attributes:
        what: names the case, and is the message.
        action: as Flyte holds it.
    """

    what: str
    action: Action

    def posts(self, w: World) -> list[dict[str, Any]]:
        """Return the posts of this action that Slack accepted."""
        return [post for post in w.posts() if post["text"] == self.what]


def begin(w: World, what: str, channel: str, **more: str) -> Case:
    """Make the action of a case."""
    return Case(what, w.flyte.command(channelId=channel, message=what, **more))


async def settled(w: World, *cases: Case, timeout: float = 60) -> None:
    """Wait for the cases' results: each is one MessageSent, with the ts of the one post."""
    results = await w.done(*(case.action for case in cases), timeout=timeout)
    told = {case.what: _told(result) for case, result in zip(cases, results, strict=True)}
    posted = {case.what: [post["ts"] for post in case.posts(w)] for case in cases}
    assert told == {case.what: ("MessageSent", *posted[case.what]) for case in cases}
    assert {what: len(posts) for what, posts in posted.items()} == {case.what: 1 for case in cases}


def _told(result: Event) -> tuple[str, str]:
    return result.name, result.payload.get("timestamp") or result.payload["code"]


async def unknown(w: World, *cases: Case, posts: int) -> None:
    """Wait for the cases' results: each is one outcome_unknown; Slack has so many posts of each, no more."""
    for result in await w.done(*(case.action for case in cases), timeout=60):
        assert result.name == "MessageSendFailure"
        assert (result.payload["code"], result.payload["kind"]) == ("outcome_unknown", "unknown")
        assert result.payload["error"]
    assert {case.what: len(case.posts(w)) for case in cases} == {case.what: posts for case in cases}


def asks_for(channel: Channel) -> Predicate:
    """Return a predicate for requests that read one channel."""
    return lambda request, _body: _asked(request) == channel.id


def looks_for_a_post(request: web.Request, _body: bytes) -> bool:
    """Whether a request for history looks for a post, and not for what was missed."""
    return "oldest" not in request.query


def _asked(request: web.Request) -> str:
    return request.query.get("channel", "")


async def test_every_ambiguous_answer(tmp_path: Path) -> None:
    """Whatever ambiguous comes of a post, handled or not: one post, one result MessageSent with its ts."""
    async with world(tmp_path, expected=("Traceback",)) as w:
        await w.pack.start()
        cases, rules = [], []
        for when in MOMENTS:
            for name, fault in FAULTS.items():
                what = f"{name} {when} it was handled."
                rules.append(fault(w.faults, holding(what), when))
                cases.append(begin(w, what, w.fresh().id))
        await settled(w, *cases)
        assert [rule.hits for rule in rules] == [1] * len(rules)


async def test_every_kind_of_target(tmp_path: Path) -> None:
    """In a thread, by #name, by a user's id with and without a direct message yet, in a private channel."""
    async with world(tmp_path) as w:
        await w.pack.start()
        cases = []
        for when in MOMENTS:
            # one root has replies already, and the other will get the first one
            answered_root = w.say(w.fresh(), "root with replies")
            thread, plain = w.workspace.channels[list(w.workspace.channels)[-1]], w.fresh()
            for number in range(3):
                w.say(thread, f"reply {number}", thread_ts=answered_root["ts"])
            plain_root = w.say(plain, "root")
            stranger = w.workspace.person(f"stranger {when}")
            known = w.workspace.person(f"known {when}")
            w.workspace.open_direct(known.id)
            private = w.channel(f"private-{when}", kind="group")
            named, broadcast = w.fresh(), w.fresh()
            broadcast_root = w.say(broadcast, "root")
            for what, channel, more in (
                ("thread", thread.id, {"threadTimestamp": answered_root["ts"]}),
                ("new thread", plain.id, {"threadTimestamp": plain_root["ts"]}),
                (
                    "broadcast",
                    broadcast.id,
                    {"threadTimestamp": broadcast_root["ts"], "replyBroadcast": "true"},
                ),
                ("#name", f"#{named.name}", {}),
                ("stranger", stranger.id, {}),
                ("known", known.id, {}),
                ("private", private.id, {}),
                ("author", w.fresh().id, {"username": "Someone else"}),
            ):
                text = f"{what}, {when} it was handled."
                w.faults.cut("POST", POST, times=1, where=holding(text), when=when)
                cases.append(begin(w, text, channel, **more))
        await settled(w, *cases)
        for case in cases:
            (result,) = w.flyte.results_of(case.action)
            thread_ts = case.action.input.get("threadTimestamp") or result.payload["timestamp"]
            assert result.payload["threadTimestamp"] == thread_ts


async def test_timed_out(tmp_path: Path) -> None:
    """No answer within the time-out, handled or not: looked up, one post; others do not wait for it."""
    async with world(tmp_path) as w:
        await w.pack.start()
        silent = [
            w.faults.hang("POST", POST, times=1, where=holding(f"silent {when}"), when=when, cut=True)
            for when in MOMENTS
        ]
        cases = [begin(w, f"silent {when}", w.fresh().id) for when in MOMENTS]
        await eventually(lambda: all(rule.hits for rule in silent))
        behind = [
            begin(w, f"behind {number}", case.action.input["channelId"]) for number, case in enumerate(cases)
        ]
        beside = begin(w, "beside", w.fresh().id)
        await settled(w, beside)
        assert not any(case.action.completed for case in (*cases, *behind))
        await settled(w, *cases, *behind, timeout=80)
        for case, after in zip(cases, behind, strict=True):
            assert case.posts(w)[0]["ts"] < after.posts(w)[0]["ts"]


async def test_history_that_is_slow_to_tell(tmp_path: Path) -> None:
    """History that lags, fails or is rate limited for a while is asked again; a post that fails twice too."""
    async with world(tmp_path) as w:
        await w.pack.start()
        places = {name: w.fresh() for name in ("lags", "fails", "limited", "cut", "twice", "thread lags")}
        history, empty = r"/conversations\.history$", '{"ok": true, "messages": [], "has_more": false}'
        w.faults.answer(
            "GET", history, 200, body=empty, headers=_JSON, times=3, where=asks_for(places["lags"])
        )
        w.faults.answer("GET", history, 502, times=2, where=asks_for(places["fails"]))
        w.faults.rate_limit(r"conversations\.history", 2, times=1, where=asks_for(places["limited"]))
        w.faults.cut("GET", history, times=2, where=asks_for(places["cut"]))
        replies = r"/conversations\.replies$"
        root = w.say(places["thread lags"], "root")
        w.faults.answer(
            "GET", replies, 200, body=empty, headers=_JSON, times=2, where=asks_for(places["thread lags"])
        )
        for name in ("lags", "fails", "limited", "cut", "thread lags"):
            w.faults.cut("POST", POST, times=1, where=holding(f"{name}."), when="after")
        w.faults.cut("POST", POST, times=2, where=holding("twice."))
        in_thread = {"thread lags": {"threadTimestamp": root["ts"]}}
        cases = [
            begin(w, f"{name}.", channel.id, **in_thread.get(name, {})) for name, channel in places.items()
        ]
        await settled(w, *cases)
        assert w.faults.count("POST", POST) == len(cases) + 2


async def test_found_among_many(tmp_path: Path) -> None:
    """A post is found on a later page of the history, behind what others wrote after it."""
    async with world(tmp_path, FLYTE_SLACK_CHANNELS="none-of-these") as w:
        await w.pack.start()
        busy, threaded = w.fresh(), w.fresh()
        root = w.say(threaded, "root")

        def chatter(channel: Channel, thread_ts: str = "") -> Callable[[], object]:
            return lambda: [w.say(channel, "chatter", thread_ts=thread_ts) for _ in range(450)]

        w.faults.call("POST", POST, chatter(busy), where=holding("busy."), when="after", cut=True)
        w.faults.call(
            "POST", POST, chatter(threaded, root["ts"]), where=holding("threaded."), when="after", cut=True
        )
        await settled(
            w,
            begin(w, "busy.", busy.id),
            begin(w, "threaded.", threaded.id, threadTimestamp=root["ts"]),
        )


async def test_history_that_cannot_be_read(tmp_path: Path) -> None:
    """Where the bot may not look: exactly one outcome_unknown, and never a second post."""
    await each(not_to_be_looked_at, tmp_path, *MOMENTS)


async def not_to_be_looked_at(tmp_path: Path, when: When) -> None:
    """Lose the answer to posts where the bot is no member, or has no scope."""
    posts = 1 if when == "after" else 0
    async with world(tmp_path) as w:
        await w.pack.start()
        outside, root = w.channel(f"outside-{when}", bot=False), ""
        root = w.say(outside, "root")["ts"]
        for name in ("outside", "outside by name", "outside in a thread"):
            w.faults.cut("POST", POST, times=1, where=holding(f"{name}."), when=when)
        await unknown(
            w,
            begin(w, "outside.", outside.id),
            begin(w, "outside by name.", f"#{outside.name}"),
            begin(w, "outside in a thread.", outside.id, threadTimestamp=root),
            posts=posts,
        )
        for method in (r"conversations\.history", r"conversations\.replies", r"conversations\.list"):
            w.faults.slack_error(method, "missing_scope")
        inside = w.fresh()
        root = w.say(inside, "root")["ts"]
        for name in ("scope", "scope, by name", "scope, in a thread", "scope, to a user"):
            w.faults.cut("POST", POST, times=1, where=holding(f"{name}."), when=when)
        await unknown(
            w,
            begin(w, "scope.", inside.id),
            begin(w, "scope, by name.", f"#{w.fresh().name}"),
            begin(w, "scope, in a thread.", w.fresh().id, threadTimestamp=root),
            begin(w, "scope, to a user.", w.workspace.person("alice").id),
            posts=posts,
        )
        following = begin(w, "following", inside.id)
        await settled(w, following)
        assert w.faults.count("POST", POST) == 8


async def test_killed_in_the_middle_of_posts(tmp_path: Path) -> None:
    """kill -9 amid posts, handled or not, to targets of each kind: then one post and one result each."""
    async with world(tmp_path) as w:
        await w.pack.start()
        cases: list[Case] = []
        outside: dict[When, Case] = {}
        behind: list[Case] = []
        held = []
        for when in MOMENTS:
            held.append(
                w.faults.hang("POST", POST, where=holding(f"{when} it was handled."), when=when, cut=True)
            )
            plain, threaded = w.fresh(), w.fresh()
            root = w.say(threaded, "root")["ts"]
            for what, channel, more in (
                ("plain", plain.id, {}),
                ("thread", threaded.id, {"threadTimestamp": root}),
                ("#name", f"#{w.fresh().name}", {}),
                ("user", w.workspace.person(f"user {when}").id, {}),
            ):
                cases.append(begin(w, f"{what}, {when} it was handled.", channel, **more))
            place = w.channel(f"outside-{when}", bot=False)
            outside[when] = begin(w, f"outside, {when} it was handled.", place.id)
        await eventually(lambda: [rule.hits for rule in held] == [5, 5], "ten posts hang")
        for case in cases:
            if case.what.startswith("plain"):
                behind.append(begin(w, f"behind {case.what[:-1]}", case.action.input["channelId"]))
        await w.taken(*(case.action for case in behind))
        w.pack.kill()
        for rule in held:
            rule.remove()
        await w.pack.start()
        await asyncio.gather(
            settled(w, *cases, *behind),
            unknown(w, outside["before"], posts=0),
            unknown(w, outside["after"], posts=1),
        )
        assert len(w.posts()) == len(cases) + len(behind) + 1


async def test_killed_while_looking(tmp_path: Path) -> None:
    """kill -9 again while it is found out what became of a post, and as it is posted again: one post."""
    await each(killed_while_looking, tmp_path, *MOMENTS)


async def killed_while_looking(tmp_path: Path, when: When) -> None:
    """Kill the pack at a post, at the first look, at the third look, and at the post that follows, if any."""
    async with world(tmp_path) as w:
        history = r"/conversations\.history$"
        await w.pack.start()
        w.faults.call("POST", POST, w.pack.kill, when=when, cut=True)
        channel = w.fresh()
        case = begin(w, "hello", channel.id)
        await eventually(lambda: not w.pack.running, "the pack is killed at the post")
        empty = '{"ok": true, "messages": [], "has_more": false}'
        w.faults.answer("GET", history, 200, body=empty, headers=_JSON, times=2, where=looks_for_a_post)
        w.faults.call("GET", history, w.pack.kill, cut=True, where=looks_for_a_post)
        w.pack.launch()
        await eventually(lambda: not w.pack.running, "the pack is killed at a look")
        if when == "before":
            w.faults.call("POST", POST, w.pack.kill, when="after", cut=True)
            w.pack.launch()
            await eventually(lambda: not w.pack.running, "the pack is killed at the second post")
        await w.pack.start()
        await settled(w, case)

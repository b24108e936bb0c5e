"""What became of a post whose outcome is unknown: found, surely absent, or nobody can tell (promise 5)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from remembering_slack import Message, RememberingSlack
from scripted_slack import Answer, Reply, rate_limited
from slack_parts import IDENTITY, Clock, virtual_clock

from flyte_slack.errors import OutcomeUnknown
from flyte_slack.slack.api.clock import SlackClock
from flyte_slack.slack.sending import reconciliation as module
from flyte_slack.slack.sending.likeness import metadata
from flyte_slack.slack.sending.reconciliation import Reconciliation
from flyte_slack.slack.workspace.history import History
from flyte_slack.slack.workspace.identity import Identity

OTHER = "f" * 32


class Bench:
    """A reconciliation over a Slack that remembers, on a virtual clock."""

    def __init__(self, slack: RememberingSlack, reconciliation: Reconciliation, clock: Clock) -> None:
        self.slack = slack
        self.clock = clock
        self.reconciliation = reconciliation
        self.begun_at = clock.time()

    def posted(self, later: float = 0.5, identity: str = IDENTITY, **more: Any) -> Message:
        """Let a post of an action be in Slack, so many seconds after the attempt began."""
        ts = self.slack.now() + later
        return self.slack.write(ts, user="UBOT", metadata=metadata(identity), **more)

    async def find(self, channel: str = "C1", thread: str = "") -> str | None:
        message = {"channel": channel, "text": "hi"} | ({"thread_ts": thread} if thread else {})
        found = await self.reconciliation.find(message | {"metadata": metadata(IDENTITY)}, self.begun_at)
        if found is None:
            return None
        assert found["channel"] in self.slack.channels
        return str(found["ts"])


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    clock = virtual_clock(monkeypatch)
    slack = RememberingSlack("C1", "C2")
    slack.now = clock.time
    async with slack.serve(), slack.client() as web:
        own = SlackClock(clock)
        identity = Identity(own, user_id="UBOT", bot_id="BBOT")
        yield Bench(slack, Reconciliation(History(web, own), own, identity), clock)


async def test_post_is_found_at_once(bench: Bench) -> None:
    """A post that is in the history is found with its `ts`, with the first look."""
    there = bench.posted()
    assert await bench.find() == there["ts"]
    assert len(bench.slack.calls) == 1


async def test_post_is_found_on_a_later_page(bench: Bench) -> None:
    """A busy channel does not hide a post: every page since the attempt is read."""
    bench.slack.page = 10
    there = bench.posted()
    for number in range(25):
        bench.slack.write(bench.clock.time() + 1 + number)
    assert await bench.find() == there["ts"]
    assert len(bench.slack.of("conversations.history")) == 3


async def test_reply_is_found_in_its_thread(bench: Bench) -> None:
    """A reply is looked for where it is: in the thread, on whichever page."""
    bench.slack.page = 10
    root = bench.slack.write(bench.clock.time() - 86_400)["ts"]
    for number in range(25):
        bench.slack.write(bench.clock.time() - 3600 + number, thread_ts=root)
    there = bench.posted(thread_ts=root)
    assert await bench.find(thread=root) == there["ts"]
    assert bench.slack.of("conversations.history") == []


@pytest.mark.parametrize("given", ["#ops", "ops", "U7"])
async def test_post_is_found_however_its_channel_is_called(bench: Bench, given: str) -> None:
    """A channel given by name, or by the user of a direct message, is looked up, and its id is told."""
    bench.slack.page = 2
    id_ = "D7" if given == "U7" else "C7"
    bench.slack.channel(id_, name="ops" if id_ == "C7" else "", user="U7" if id_ == "D7" else "")
    there = bench.posted(channel=id_)
    assert await bench.find(given) == there["ts"]


@pytest.mark.parametrize("lag", [1, 2, 4])
async def test_post_that_appears_late_is_found(bench: Bench, lag: int) -> None:
    """The history lags: it is looked at again, and the post is not missed."""
    bench.slack.lag = lag
    there = bench.posted()
    assert await bench.find() == there["ts"]
    assert len(bench.slack.of("conversations.history")) == lag + 1


async def test_post_that_is_surely_absent(bench: Bench) -> None:
    """Absent means: still not there after the history had its time to settle."""
    bench.slack.write(bench.clock.time(), "another message")
    assert await bench.find() is None
    assert bench.clock.now >= 1000 + module.SETTLED_AFTER
    assert module.SETTLED_AFTER >= 5


async def test_settling_begins_with_the_first_look_of_a_restart(bench: Bench) -> None:
    """After a crash too the last look is no earlier than the settling after the pack came up."""
    bench.begun_at -= 5
    assert await bench.find() is None
    assert bench.clock.now >= 1000 + module.SETTLED_AFTER


async def test_last_look_is_after_the_settling(bench: Bench) -> None:
    """A slow answer is not taken for a look at its end: it was asked before the post could show."""
    bench.slack.lag = 1
    there = bench.posted()
    bench.slack.answer("conversations.history", rate_limited(60))
    assert await bench.find() == there["ts"]


@pytest.mark.parametrize("code", ["not_in_channel", "missing_scope", "channel_not_found", "invalid_auth"])
async def test_nobody_can_tell_where_the_bot_may_not_look(bench: Bench, code: str) -> None:
    """Without scope or membership the outcome stays unknown, and the sentence says why and where."""
    bench.slack.judge = lambda call: code
    with pytest.raises(OutcomeUnknown, match=rf"C1.*{code}"):
        await bench.find()


async def test_nobody_can_tell_in_a_thread_either(bench: Bench) -> None:
    """A thread that may not be read leaves the outcome unknown."""
    bench.slack.channels["C1"]["is_member"] = False
    with pytest.raises(OutcomeUnknown, match="not_in_channel"):
        await bench.find(thread="1.000000")


async def test_nobody_can_tell_whether_it_is_in_a_channel_nobody_sees(bench: Bench) -> None:
    """A name that no visible channel has cannot be looked into: the pack does not guess."""
    with pytest.raises(OutcomeUnknown, match="#secret"):
        await bench.find("#secret")


async def test_direct_message_that_does_not_exist_holds_no_post(bench: Bench) -> None:
    """A person whom the bot has no direct message with has surely got none."""
    assert await bench.find("U404") is None


async def test_direct_message_that_appears_late(bench: Bench) -> None:
    """The first message to a person makes the channel: it may be listed after a while only."""
    bench.slack.answer("conversations.list", {"channels": []}, {"channels": []})
    bench.slack.channel("D7", user="U7")
    there = bench.posted(channel="D7")
    assert await bench.find("U7") == there["ts"]


@pytest.mark.parametrize("answer", ["internal_error", "cut", Reply("", 503), rate_limited(20)])
async def test_five_minutes_of_failing_leave_the_outcome_unknown(bench: Bench, answer: Answer) -> None:
    """Where the history cannot be read for five minutes nobody can tell, and no longer is waited."""
    assert module.GIVEN_UP_AFTER == 300
    bench.slack.judge = lambda call: answer
    with pytest.raises(OutcomeUnknown):
        await bench.find()
    assert 1300 <= bench.clock.now <= 1330


async def test_failing_for_a_while_is_waited_out(bench: Bench) -> None:
    """A Slack that answers again within five minutes tells."""
    there = bench.posted()
    bench.slack.answer("conversations.history", *["internal_error"] * 6, "cut", rate_limited(30))
    assert await bench.find() == there["ts"]


async def test_post_of_another_action_is_not_taken(bench: Bench) -> None:
    """Only the own identity counts, in the pack's own kind of metadata."""
    own = {"event_payload": {"action_id": IDENTITY}}
    bench.posted(identity=OTHER)
    bench.slack.write(bench.clock.time(), IDENTITY)
    kinds: list[object] = [None, "text", {}, {"event_type": "flyte_action"}, {"event_type": "other"} | own]
    kinds += [{"event_type": "flyte_action", "event_payload": IDENTITY}]
    for number, found in enumerate(kinds):
        bench.slack.write(bench.clock.time() + number, metadata=found)
    assert await bench.find() is None


async def test_right_one_of_many_is_taken(bench: Bench) -> None:
    """Among the posts of many actions the own one is found."""
    posts = [bench.posted(n, IDENTITY if n == 3 else f"{n:032x}") for n in range(8)]
    assert await bench.find() == posts[3]["ts"]


@pytest.mark.parametrize("hours", [-5, 5])
async def test_machine_whose_clock_is_wrong_by_hours(bench: Bench, hours: int) -> None:
    """A post is found though the attempt was noted by a clock that is hours off Slack's."""
    bench.slack.now = lambda: bench.clock.time() + hours * 3600
    there = bench.posted()
    assert await bench.find() == there["ts"]


@pytest.mark.parametrize("hours", [-5, 5])
async def test_wrong_clock_and_a_busy_channel(bench: Bench, hours: int) -> None:
    """Nor does a wrong clock hide it behind the messages that came after it."""
    bench.slack.now = lambda: bench.clock.time() + hours * 3600
    bench.slack.page = 20
    there = bench.posted()
    for number in range(90):
        bench.slack.write(bench.slack.now() + 1 + number)
    assert await bench.find() == there["ts"]


async def test_slack_whose_timestamps_are_years_old(bench: Bench) -> None:
    """An emulator that numbers its messages from some old time is looked into all the same."""
    there = bench.slack.write("1503435956.000247", user="UBOT", metadata=metadata(IDENTITY))
    bench.slack.write("1503435957.000001")
    assert await bench.find() == there["ts"]


async def test_long_history_is_not_read_to_its_beginning(bench: Bench) -> None:
    """What was written long before the attempt is not read: a channel holds years."""
    for number in range(1000):
        bench.slack.write(bench.clock.time() - 3600 - number)
    assert await bench.find() is None
    looks = len([call for call in bench.slack.calls if not call.arguments.get("cursor")])
    assert len(bench.slack.calls) <= 2 * looks


class Unmarked(RememberingSlack):
    """A Slack that keeps no metadata."""

    def write(self, ts: float | str, text: str = "", *, channel: str = "C1", **more: Any) -> Message:
        more.pop("metadata", None)
        return super().write(ts, text, channel=channel, **more)


@pytest.fixture
async def unmarked(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    clock = virtual_clock(monkeypatch)
    slack = Unmarked("C1", "C2")
    slack.now = clock.time
    async with slack.serve(), slack.client() as web:
        own = SlackClock(clock)
        identity = Identity(own, user_id="UBOT", bot_id="BBOT")
        yield Bench(slack, Reconciliation(History(web, own), own, identity), clock)


async def test_post_without_metadata_is_known_by_what_it_says(unmarked: Bench) -> None:
    """A Slack that keeps no metadata shows the post all the same: it is the one that reads like it."""
    unmarked.slack.write(unmarked.clock.time() - 60, "hi", user="UBOT")  # another's, before the attempt
    there = unmarked.posted(text="hi")
    assert await unmarked.find() == there["ts"]


@pytest.mark.parametrize(
    "shown", ["hi <https://a.example|a.example>", "hi https://a.example", "hi  https://a.example "]
)
async def test_post_is_known_however_slack_writes_it(unmarked: Bench, shown: str) -> None:
    """Slack marks up links and turns signs into entities: the post is known all the same."""
    there = unmarked.posted(text=shown)
    message = {"channel": "C1", "text": "hi https://a.example", "metadata": metadata(IDENTITY)}
    found = await unmarked.reconciliation.find(message, unmarked.begun_at)
    assert found is not None
    assert found["ts"] == there["ts"]


async def test_own_messages_without_metadata_prove_nothing(unmarked: Bench) -> None:
    """If none of the bot's messages says which action it is of, and one may be the post, nobody can tell."""
    unmarked.posted(text="what Slack made of it")
    with pytest.raises(OutcomeUnknown, match="C1"):
        await unmarked.find()


async def test_two_that_read_alike_prove_nothing(unmarked: Bench) -> None:
    """Of two messages that read like the post nobody knows which it is."""
    unmarked.posted(text="hi")
    unmarked.posted(later=0.7, text="hi")
    with pytest.raises(OutcomeUnknown):
        await unmarked.find()


async def test_known_posts_are_no_others(unmarked: Bench) -> None:
    """The confirmed post of an action is not taken for another's, though it reads like it."""
    first = unmarked.posted(later=0.1, text="hi")
    unmarked.reconciliation.confirmed("C1", first["ts"])
    assert await unmarked.find() is None
    second = unmarked.posted(text="hi")
    assert await unmarked.find() == second["ts"]


async def test_no_own_message_since_the_attempt_is_absence(unmarked: Bench) -> None:
    """If the bot has written nothing since the attempt, the post is surely not there, metadata or not."""
    unmarked.slack.write(unmarked.clock.time() - 60, "hi", user="UBOT")
    unmarked.slack.write(unmarked.clock.time() + 1, "hi", user="U1")
    assert await unmarked.find() is None


async def test_metadata_that_was_stripped_proves_nothing(bench: Bench) -> None:
    """A message that says that it is an action's, but not which, may be the post."""
    bench.slack.write(bench.clock.time() + 0.5, "other", user="UBOT", metadata={"event_type": "flyte_action"})
    with pytest.raises(OutcomeUnknown):
        await bench.find()


async def test_slack_that_keeps_metadata_is_believed(bench: Bench) -> None:
    """If posts say which action they are of, one that says nothing is something else, such as a response."""
    bench.posted(later=-30, identity=OTHER)
    bench.slack.write(bench.clock.time() + 0.5, "hi", user="UBOT")
    assert await bench.find() is None


async def test_parts_of_an_action_are_told_apart(bench: Bench) -> None:
    """An action of several messages looks for each of them, not for any."""
    first = bench.slack.write(bench.clock.time() + 0.1, "one", user="UBOT", metadata=metadata(IDENTITY, 1))
    message = {"channel": "C1", "text": "hi"}
    find = bench.reconciliation.find
    found = await find(message | {"metadata": metadata(IDENTITY, 1)}, bench.begun_at)
    assert found is not None
    assert found["ts"] == first["ts"]
    assert await find(message | {"metadata": metadata(IDENTITY, 2)}, bench.begun_at) is None
    assert await find(message | {"metadata": metadata(IDENTITY)}, bench.begun_at) is None

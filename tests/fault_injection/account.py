"""What was written and asked for, held against what arrived: lost and doubled are counted."""

from collections import Counter
from collections.abc import Sequence

from harness import World, eventually

from flyte_slack.sandbox.flows import Action
from flyte_slack.sandbox.socket_mode import SocketMode
from flyte_slack.sandbox.workspace import Channel, Workspace


def impatient(workspace: Workspace) -> SocketMode:
    """Slack that redelivers soon and often."""
    return SocketMode(workspace, redelivery=(1.0,) * 120)


def forgetful(workspace: Workspace) -> SocketMode:
    """Slack that redelivers what it sent, and tells nobody what happens while no connection is open."""
    return SocketMode(workspace, redelivery=(1.0,) * 120, keep_events_while_disconnected=False)


class Account:
    """Messages and actions, each with a text of its own.

    Args:
        w: the world in which they are written and made.
        channels: where messages are written; posts go there too, and to fresh channels.
    """

    def __init__(self, w: World, channels: int = 3) -> None:
        self.w = w
        self.channels = [w.fresh() for _ in range(channels)]
        self.said: dict[str, Channel] = {}
        self.actions: list[Action] = []

    def say(self, number: int = 1) -> list[str]:
        """Write so many messages to each channel, and return their texts."""
        texts = []
        for _ in range(number):
            for channel in self.channels:
                text = f"message {len(self.said)}."
                self.said[text] = channel
                self.w.say(channel, text)
                texts.append(text)
        return texts

    def ask(self, channel: str = "") -> Action:
        """Make an action that posts to a channel, a fresh one by default."""
        text = f"post {len(self.actions)}."
        action = self.w.flyte.command(channelId=channel or self.w.fresh().id, message=text)
        self.actions.append(action)
        return action

    def traffic(self) -> None:
        """Write to each channel, and ask for a post to one of them and to a fresh one."""
        self.say()
        self.ask()
        self.ask(self.channels[len(self.actions) % len(self.channels)].id)

    async def settled(self, timeout: float = 60) -> None:
        """Wait until everything has come to an end, and one more message went through each channel."""
        w = self.w
        await eventually(
            lambda: not w.socket_mode.unacknowledged, "all envelopes acknowledged", timeout=timeout
        )
        await eventually(lambda: not self._missing(), "all messages arrived", timeout=timeout)
        await eventually(
            lambda: all(action.completed for action in self.actions), "all actions completed", timeout=timeout
        )
        await w.marked(*self.channels)

    def _missing(self) -> set[str]:
        return set(self.said) - set(self.w.flyte.texts())

    def tally(self) -> dict[str, list[str]]:
        """Return what was lost and what was doubled, by kind."""
        w = self.w
        seen = Counter(text for text in w.flyte.texts() if not text.startswith("marker"))
        posts: dict[str, list[str]] = {}
        for post in w.posts():
            posts.setdefault(post["text"], []).append(post["ts"])
        results = {a.input["message"]: [r.payload.get("timestamp") for r in w.flyte.results_of(a)]
                   for a in self.actions}  # fmt: skip
        return {
            "messages lost": sorted(set(self.said) - set(seen)),
            "messages doubled": [text for text, number in seen.items() if number > 1],
            "messages nobody wrote": sorted(set(seen) - set(self.said)),
            "posts lost": [text for text in results if text not in posts],
            "posts doubled": [text for text, stamps in posts.items() if len(stamps) > 1],
            "results lost": [text for text, stamps in results.items() if not stamps],
            "results doubled": [text for text, stamps in results.items() if len(stamps) > 1],
            "results that tell another post": [
                text for text, stamps in results.items() if set(stamps) - set(posts.get(text, []))
            ],
        }

    def assert_nothing_lost_or_doubled(self) -> None:
        """Hold the numbers against zero."""
        tally = self.tally()
        print({kind: len(texts) for kind, texts in tally.items()})
        assert {kind: texts for kind, texts in tally.items() if texts} == {}

    def assert_in_order(self, channels: Sequence[Channel] = ()) -> None:
        """Hold the order in which Flyte got each channel's messages against that of writing."""
        for channel in channels or self.channels:
            written = [text for text, where in self.said.items() if where is channel]
            got = [text for text in self.w.flyte.texts(channel) if text in self.said]
            assert got == written

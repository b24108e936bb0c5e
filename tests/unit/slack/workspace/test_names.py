"""Channels by name: one channel is one lane, whatever flows call it (promise 3)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from remembering_slack import RememberingSlack
from support import eventually, eventually_true

from flyte_slack.pack import Named
from flyte_slack.slack.api.clock import SlackClock
from flyte_slack.slack.workspace import channels as module
from flyte_slack.slack.workspace.channels import ChannelNames
from flyte_slack.slack.workspace.history import History


@pytest.fixture
async def slack() -> AsyncIterator[RememberingSlack]:
    slack = RememberingSlack()
    slack.channel("C7", name="ops", is_member=False)
    slack.channel("D7", is_im=True, user="U7")
    async with slack.serve():
        yield slack


@pytest.fixture
async def names(slack: RememberingSlack) -> AsyncIterator[ChannelNames]:
    async with slack.client() as web:
        yield ChannelNames(History(web, SlackClock()))


@pytest.mark.parametrize("id_", ["C0123ABC", "G0123ABC", "D0123ABC", "#C0123ABC", ""])
async def test_id_is_known_without_asking(slack: RememberingSlack, names: ChannelNames, id_: str) -> None:
    """An id, or nothing, stands for itself."""
    assert names.known(id_) == id_.lstrip("#")
    assert slack.calls == []


@pytest.mark.parametrize(
    ("given", "id_"), [("#ops", "C7"), ("ops", "C7"), ("U7", "D7"), ("#none", "none"), ("U8", "U8")]
)
async def test_name_is_found(slack: RememberingSlack, names: ChannelNames, given: str, id_: str) -> None:
    """A name and a user id give the channel's id; one that nobody has stands for itself."""
    slack.page = 1
    assert names.known(given) is None
    assert await names.find(given) == id_


async def test_found_names_are_remembered(slack: RememberingSlack, names: ChannelNames) -> None:
    """After one listing every name is known, and channels are not listed again for one nobody has."""
    for _ in range(20):
        assert await names.find("#none") == "none"
    assert [names.known(name) for name in ("#ops", "ops", "U7")] == ["C7", "C7", "D7"]
    assert [await names.find(name) for name in ("#ops", "ops", "U7")] == ["C7", "C7", "D7"]
    assert len(slack.of("conversations.list")) == 1


async def test_lane_says_what_it_was_given_by(names: ChannelNames) -> None:
    """An id is the lane; a name says that it is one even if it is known: others may wait for it."""
    assert names.lane("C0123ABC") == "C0123ABC"
    assert names.lane("ops") == Named("ops")
    await names.find("ops")
    assert names.lane("ops") == Named("ops", "C7")


async def test_many_ask_once(slack: RememberingSlack, names: ChannelNames) -> None:
    """Names that are looked for at the same time are one listing."""
    assert await asyncio.gather(*(names.find("ops") for _ in range(20))) == ["C7"] * 20
    assert len(slack.of("conversations.list")) == 1


async def test_slow_slack_does_not_hold_up_the_taking_of_actions(
    slack: RememberingSlack, names: ChannelNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that Slack does not tell in time stands for itself, until Slack has told."""
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    gate = asyncio.Event()
    slack.answer("conversations.list", gate)
    assert await names.find("#ops") == "ops"
    gate.set()
    await eventually(lambda: names.known("#ops") == "C7")


@pytest.mark.parametrize("code", ["missing_scope", "invalid_auth"])
async def test_slack_that_does_not_tell(slack: RememberingSlack, names: ChannelNames, code: str) -> None:
    """Without the scope a name stands for itself, with one question, not one an action."""
    slack.judge = lambda call: code
    assert [await names.find("#ops") for _ in range(5)] == ["ops"] * 5
    assert len(slack.calls) == 1


async def test_new_channel_is_found_after_a_while(
    slack: RememberingSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A channel that was made meanwhile is found: channels are listed again after a while."""
    monkeypatch.setattr(module, "_MISSING_FOR", 0.3)
    async with slack.client() as web:
        names = ChannelNames(History(web, SlackClock()))
        assert await names.find("#new") == "new"
        slack.channel("C8", name="new")

        async def found() -> bool:
            return await names.find("#new") == "C8"

        await eventually_true(found)
    assert len(slack.calls) == 2


async def test_renamed_channel(slack: RememberingSlack, names: ChannelNames) -> None:
    """After a rename an old name stands for nothing that it stood for, and channels are listed anew."""
    await names.find("#ops")
    slack.channels["C7"]["name"] = "operations"
    slack.channel("C8", name="ops")
    names.forget()
    assert names.known("#ops") is None
    assert (await names.find("#ops"), names.known("operations")) == ("C8", "C7")

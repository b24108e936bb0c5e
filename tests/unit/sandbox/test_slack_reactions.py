"""Reactions, pins and files: what else the bot does to messages."""

from typing import Any

import aiohttp
from sandbox_parts import Peer, Person, error_of
from slack_sdk.web.async_client import AsyncWebClient

from flyte_slack.sandbox.server import Sandbox
from flyte_slack.sandbox.slack import files

pytest_plugins = ["sandbox_fixtures"]

NEVER = "1700000000.000001"


async def test_reactions(slack: AsyncWebClient, sandbox: Sandbox, alice: Person, peer: Peer) -> None:
    """Added once, taken back once, each an event with the message and its author."""
    channel = sandbox.workspace.channel("general").id
    ts = await alice.says("look")
    await peer.event()
    item: dict[str, Any] = {"channel": channel, "timestamp": ts}
    await slack.reactions_add(**item, name="eyes")
    assert await error_of(slack.reactions_add(**item, name="eyes")) == "already_reacted"
    read = (await slack.reactions_get(**item))["message"]
    assert read["reactions"] == [{"name": "eyes", "users": ["U0FLYTE"], "count": 1}]
    await slack.reactions_remove(**item, name="eyes")
    assert await error_of(slack.reactions_remove(**item, name="eyes")) == "no_reaction"
    added, removed = await peer.events(2)
    assert [added["type"], removed["type"]] == ["reaction_added", "reaction_removed"]
    assert added["item"] == {"type": "message", "channel": channel, "ts": ts}
    assert (added["user"], added["item_user"], added["reaction"]) == ("U0FLYTE", "U0ALICE", "eyes")
    assert await error_of(slack.reactions_add(channel=channel, timestamp=NEVER, name="eyes")) == (
        "message_not_found"
    )
    assert await error_of(slack.reactions_add(channel=channel, timestamp="", name="eyes")) == (
        "no_item_specified"
    )


async def test_pins(slack: AsyncWebClient, sandbox: Sandbox, alice: Person, peer: Peer) -> None:
    """Pinned once, listed, taken off once."""
    channel = sandbox.workspace.channel("general").id
    ts = await alice.says("keep")
    await peer.event()
    await slack.pins_add(channel=channel, timestamp=ts)
    assert await error_of(slack.pins_add(channel=channel, timestamp=ts)) == "already_pinned"
    [item] = (await slack.pins_list(channel=channel))["items"]
    assert (item["message"]["text"], item["created_by"]) == ("keep", "U0FLYTE")
    assert (await alice.sees())[0]["pinned"]
    await slack.pins_remove(channel=channel, timestamp=ts)
    assert await error_of(slack.pins_remove(channel=channel, timestamp=ts)) == "not_pinned"
    assert await error_of(slack.pins_add(channel=channel, timestamp=NEVER)) == "message_not_found"
    added, removed = await peer.events(2)
    assert [added["type"], removed["type"]] == ["pin_added", "pin_removed"]
    assert added["item"]["message"]["ts"] == ts


async def test_the_clients_own_upload(slack: AsyncWebClient, sandbox: Sandbox, alice: Person) -> None:
    """files_upload_v2 makes its three steps, and the file is in the channel."""
    channel = sandbox.workspace.channel("general").id
    answer = await slack.files_upload_v2(
        channel=channel, filename="log.txt", content="line", title="Log", initial_comment="see this"
    )
    [seen] = await alice.sees()
    [file] = seen["files"]
    assert (seen["text"], file["name"], file["title"]) == ("see this", "log.txt", "Log")
    info = (await slack.files_info(file=answer["file"]["id"]))["file"]
    [share] = info["shares"]["public"][channel]
    assert (share["ts"], info["size"], info["mimetype"]) == (seen["ts"], 4, "text/plain")


async def test_an_upload_step_by_step(
    slack: AsyncWebClient, sandbox: Sandbox, session: aiohttp.ClientSession, alice: Person
) -> None:
    """The bytes go to the upload URL, raw or as a form; the share may be a reply."""
    channel = sandbox.workspace.channel("general").id
    root = await alice.says("root")
    form = aiohttp.FormData()
    form.add_field("filename", b"abc", filename="a.bin")
    for data in (b"abc", form):
        started = await slack.files_getUploadURLExternal(filename="a.bin", length=3)
        async with session.post(started["upload_url"], data=data) as response:
            assert (response.status, await response.text()) == (200, "OK - 3")
        done = await slack.files_completeUploadExternal(
            files=[{"id": started["file_id"]}], channel_id=channel, thread_ts=root
        )
        assert done["files"][0]["id"] == started["file_id"]
        assert (await alice.sees())[-1]["thread_ts"] == root


async def test_uploads_that_cannot_be(
    slack: AsyncWebClient, sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    """Wrong lengths, files without bytes, channels that are not there or without the bot."""
    started = await slack.files_getUploadURLExternal(filename="a", length=3)
    async with session.post(started["upload_url"], data=b"abcd") as response:
        assert response.status == 400
    announced = [{"id": started["file_id"]}]
    away = sandbox.workspace.channel("announcements").id
    general = sandbox.workspace.channel("general").id
    finish = slack.files_completeUploadExternal
    expected = {
        "file_not_found": finish(files=announced, channel_id=general),
        "channel_not_found": finish(files=announced, channel_id="C404"),
        "not_in_channel": finish(files=announced, channel_id=away),
    }
    for error, call in expected.items():
        assert await error_of(call) == error
    assert await error_of(slack.files_info(file="F404")) == "file_not_found"
    assert await error_of(slack.files_getUploadURLExternal(filename="a", length=0)) == "invalid_arguments"


async def test_the_oldest_files_lose_their_bytes(sandbox: Sandbox) -> None:
    """What is remembered of uploads is bounded; the files themselves stay known."""
    store = sandbox.app.files
    half = files.ROOM // 2
    uploaded = [store.announce(f"{number}", half, "U0ALICE")[0] for number in range(3)]
    for file in uploaded:
        store.fill(file, bytes(half))
    assert [file.content is None for file in uploaded] == [True, False, False]
    assert all(store.find(file.id) is file for file in uploaded)


async def test_a_file_goes_with_its_owner(slack: AsyncWebClient, alice: Person) -> None:
    """The bot deletes its own files and no others."""
    hers = (await alice.does("files", channel="general", filename="a.txt", content="x"))["file"]
    assert await error_of(slack.files_delete(file=hers)) == "cant_delete_file"
    own = (await slack.files_upload_v2(filename="b.txt", content="y"))["file"]["id"]
    await slack.files_delete(file=own)
    assert await error_of(slack.files_info(file=own)) == "file_not_found"

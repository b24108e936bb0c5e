"""`flyte-slack sandbox` as a person or a script starts it (contract, section 8)."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from harness import PROJECT, each, eventually, free_port

FLOW = """
name: ping
steps:
  - event: {packName: Slack, name: MessageSent}
    criteria: "{{ Event.Payload.message == 'ping' }}"
    command:
      packName: Slack
      name: sendMessage
      input: {channelId: "{{ Event.Payload.channelId }}", message: pong}
"""

APPROVAL = """
name: approval
steps:
  - event: {packName: Slack, name: MessageSent}
    criteria: "{{ Event.Payload.origin == 'channel' and Event.Payload.message == 'release' }}"
    command:
      packName: Slack
      name: sendMessage
      input:
        channelId: "{{ Event.Payload.channelId }}"
        message: Release?
        buttons: [{text: Approve, actionId: approve}]
"""

REASON = """
name: reason
steps:
  - event: {packName: Slack, name: ButtonClicked}
    criteria: "{{ Event.Payload.actionId == 'approve' }}"
    command:
      packName: Slack
      name: openModal
      input:
        triggerId: "{{ Event.Payload.triggerId }}"
        view:
          callback_id: reason
          title: Reason
          submit: Send
          blocks:
            - type: input
              block_id: b
              label: {type: plain_text, text: Why}
              element: {type: plain_text_input, action_id: why}
"""

REPORT = """
name: report
steps:
  - event: {packName: Slack, name: ModalSubmitted}
    criteria: "{{ Event.Payload.callbackId == 'reason' }}"
    command:
      packName: Slack
      name: sendMessage
      input: {channelId: "#ops", message: "{{ Event.Payload.user.name }}: {{ Event.Payload.inputs.why }}"}
"""


class Process:
    """A running sandbox."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._output = folder / "sandbox.out"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        (folder / "cwd").mkdir()
        self.folder = folder / "cwd"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flyte_slack", "sandbox", "--port", str(self.port), *arguments],
                env={
                    "PATH": os.environ.get("PATH", ""),
                    "PYTHONPATH": str(PROJECT),
                    "TMPDIR": str(self.temporary),
                    **environment,
                },
                cwd=self.folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._output.read_text()

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Call it; status and JSON."""
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, **more) as answer,
        ):
            return answer.status, await answer.json(content_type=None)

    async def say(self, text: str, channel: str = "general", **more: str) -> str:
        """Write as alice and return the ts."""
        body = {"channel": channel, "user": "alice", "text": text, **more}
        status, answer = await self.call("POST", "/api/messages", json=body)
        assert status == 201
        return str(answer["ts"])

    async def texts(self, channel: str = "general") -> list[str]:
        """Return the texts of a channel, oldest first."""
        _, answer = await self.call("GET", f"/api/messages?channel={channel}")
        return [message["text"] for message in answer["messages"]]


@asynccontextmanager
async def sandbox(folder: Path, *arguments: str, **environment: str) -> AsyncIterator[Process]:
    """Start a sandbox, wait for its address, and end it with the test."""
    started = Process(folder, *arguments, **environment)
    try:
        await eventually(
            lambda: started.url in started.output or started.process.poll() is not None,
            "the address is printed",
        )
        yield started
    finally:
        started.process.kill()
        started.process.wait()
        print(started.output)


async def test_echo_and_clean_end(tmp_path: Path) -> None:
    """It prints its address, answers `echo hello`, and Ctrl-C ends it with status 0 and nothing kept."""
    await each(echoed_and_ended, tmp_path, signal.SIGINT, signal.SIGTERM)


async def echoed_and_ended(tmp_path: Path, number: signal.Signals) -> None:
    """Use a sandbox and end it."""
    async with sandbox(tmp_path) as running:
        ts = await running.say("echo hello")
        assert re.fullmatch(r"\d+\.\d{6}", ts)

        async def answered() -> bool:
            return await running.texts() == ["echo hello", "hello"]

        await eventually(answered, "the echo")
        status, packs = await running.call("GET", "/flyte/v1/packs")
        assert (status, [pack["name"] for pack in packs["packs"]]) == (200, ["Slack"])
        running.process.send_signal(number)
        assert await asyncio.to_thread(running.process.wait, 30) == 0
        assert "Traceback" not in running.output
        assert list(running.temporary.iterdir()) == []
        assert list(running.folder.iterdir()) == []


async def test_settings_of_the_environment_do_no_harm(tmp_path: Path) -> None:
    """A machine where the real pack's settings are set gets a sandbox all the same, and keeps to itself."""
    real = {
        "FLYTE_API": "https://flyte.example.com",
        "FLYTE_JWT": "a-real-token",
        "FLYTE_LABELS": "env=prod",
        "PACK_NAME": "RealSlack",
        "SLACK_BOT_TOKEN": "xoxb-real",
        "SLACK_SIGNING_SECRET": "real",
        "FLYTE_SLACK_MODE": "http",
        "FLYTE_SLACK_CHANNELS": "#nowhere",
        "FLYTE_SLACK_STORE": "sqlite:///real.db",
        "FLYTE_SLACK_PORT": "8090",
    }
    async with sandbox(tmp_path, **real) as running:
        await running.say("echo hello")

        async def answered() -> bool:
            return await running.texts() == ["echo hello", "hello"]

        await eventually(answered, "the echo", timeout=10)
        assert list(running.folder.iterdir()) == []


async def test_own_flows(tmp_path: Path) -> None:
    """`--flows DIR` adds flows to the shipped ones, and more can be posted."""
    flows = tmp_path / "flows"
    flows.mkdir()
    (flows / "ping.yaml").write_text(FLOW)
    async with sandbox(tmp_path, "--flows", str(flows)) as running:
        posted = FLOW.replace("ping", "marco").replace("pong", "polo")
        headers = {"Content-Type": "application/x-yaml"}
        assert (await running.call("POST", "/flyte/v1/flows", data=posted, headers=headers))[0] == 201
        for text in ("ping", "marco", "echo hello"):
            await running.say(text)

        async def answered() -> bool:
            return {"pong", "polo", "hello"} <= set(await running.texts())

        await eventually(answered, "the flows' answers")


async def test_flow_that_cannot_be_read(tmp_path: Path) -> None:
    """A flow that cannot be read is named in a sentence, status 1."""
    flows = tmp_path / "flows"
    flows.mkdir()
    (flows / "broken.yaml").write_text("name: [")
    async with sandbox(tmp_path, "--flows", str(flows)) as running:
        assert await asyncio.to_thread(running.process.wait, 30) == 1
        assert "broken.yaml" in running.output
        assert "Traceback" not in running.output


async def test_folder_of_flows_that_is_missing(tmp_path: Path) -> None:
    """A folder of flows that is not there is named in a sentence, status 1."""
    async with sandbox(tmp_path, "--flows", str(tmp_path / "nowhere")) as running:
        assert await asyncio.to_thread(running.process.wait, 30) == 1
        assert "nowhere" in running.output
        assert "Traceback" not in running.output


async def test_port_in_use(tmp_path: Path) -> None:
    """A port in use is named in a sentence, status 1."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        async with sandbox(tmp_path, "--port", port) as running:
            assert await asyncio.to_thread(running.process.wait, 30) == 1
            assert port in running.output
            assert "Traceback" not in running.output


async def test_clicking_and_filling_in(tmp_path: Path) -> None:
    """A script clicks a flow's button, sees the modal that opens, and submits it to the next flow."""
    flows = tmp_path / "flows"
    flows.mkdir()
    for name, flow in (("approval", APPROVAL), ("reason", REASON), ("report", REPORT)):
        (flows / f"{name}.yaml").write_text(flow)
    async with sandbox(tmp_path, "--flows", str(flows)) as running:
        await running.say("release")

        async def shown() -> list[dict[str, Any]]:
            _, answer = await running.call("GET", "/api/messages?channel=general")
            return [message for message in answer["messages"] if message["user"] == "flyte"]

        async def modals() -> list[dict[str, Any]]:
            _, answer = await running.call("GET", "/api/modals?user=bob")
            return list(answer["modals"])

        async def reported() -> bool:
            return "bob: it is time" in await running.texts("ops")

        await eventually(shown, "the question")
        ts = (await shown())[0]["ts"]
        click = {"channel": "general", "user": "bob", "ts": ts, "action_id": "approve"}
        assert (await running.call("POST", "/api/clicks", json=click))[0] == 200
        await eventually(modals, "the modal")
        [modal] = await modals()
        assert (modal["callback_id"], modal["title"]) == ("reason", "Reason")
        inputs = {"user": "bob", "inputs": {"why": "it is time"}}
        assert (await running.call("POST", f"/api/modals/{modal['view_id']}", json=inputs))[0] == 200
        assert await modals() == []
        await eventually(reported, "the report")

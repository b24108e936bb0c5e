"""The sandbox's page, in a real browser."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"),
    reason="the page is tried in Chromium: install it, for instance with 'apt-get install chromium'",
)


@pytest.fixture
async def url(unused_tcp_port: int) -> AsyncIterator[str]:
    """The address of a sandbox that was started as a user starts it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "flyte_slack", "sandbox", "--port", str(unused_tcp_port), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    async for line in process.stdout:
        if b"Ctrl-C" in line:
            break
    yield f"http://127.0.0.1:{unused_tcp_port}/"
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 0


@pytest.fixture
async def page(url: str) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(url)
        yield page
        await browser.close()
    assert not problems


async def test_one_chats_by_hand_and_sees_a_flow_answer(page: Page) -> None:
    """What is typed on the page is said in the channel, and a flow's answer appears without reloading."""
    await page.get_by_role("textbox").fill("echo <b>by hand</b>")
    await page.get_by_role("textbox").press("Enter")
    await expect(page.get_by_text("echo <b>by hand</b>", exact=True)).to_be_visible()
    await expect(page.get_by_text("<b>by hand</b>", exact=True)).to_be_visible()

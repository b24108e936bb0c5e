"""The sandbox's page, in a real browser."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Locator, Page, Route, async_playwright, expect

FLOWS = Path(__file__).parents[2] / "examples" / "flows"
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


@asynccontextmanager
async def sandbox(port: int) -> AsyncIterator[str]:
    """Start the sandbox as a user starts it, with the flow of an approval, and give its address."""
    command = ["sandbox", "--port", str(port), "--flows", str(FLOWS / "approval")]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "flyte_slack", *command, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    async for line in process.stdout:
        if b"Ctrl-C" in line:
            break
    yield f"http://127.0.0.1:{port}/"
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 0


@pytest.fixture
async def url(unused_tcp_port: int) -> AsyncIterator[str]:
    async with sandbox(unused_tcp_port) as address:
        yield address


@pytest.fixture
async def browser() -> AsyncIterator[BrowserContext]:
    """A browser; no page may fail in it, nor break the policy under which it was served."""
    problems: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await browser.new_context(
            locale="en-GB",
            permissions=["clipboard-read", "clipboard-write"],
            viewport={"width": 1375, "height": 900},
        )
        context.on("weberror", lambda error: problems.append(str(error.error)))
        context.on("console", lambda said: problems.append(said.text) if "Policy" in said.text else None)
        yield context
        await browser.close()
    assert not problems


@pytest.fixture
async def page(url: str, browser: BrowserContext) -> Page:
    return await opened(browser, url)


async def opened(browser: BrowserContext, url: str, person: str = "alice") -> Page:
    """Open the page as somebody, once it is live."""
    page = await browser.new_page()
    await page.goto(url)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await page.get_by_label("Write as").select_option(person)
    return page


async def say(page: Page, text: str) -> None:
    box = page.get_by_role("combobox", name="Message #")
    await box.fill(text)
    await box.press("Enter")


def message(page: Page, text: str) -> Locator:
    """The message in the channel in which that stands."""
    return page.get_by_role("log", name="Messages").locator("li.message").filter(has_text=text)


async def test_one_chats_by_hand_and_sees_a_flow_answer(page: Page) -> None:
    """What is typed on the page is said in the channel, and a flow's answer appears without reloading."""
    await expect(page.get_by_role("combobox", name="Message #general")).to_be_focused()
    await page.keyboard.type("echo <b>by hand</b>")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("echo <b>by hand</b>", exact=True)).to_be_visible()
    await expect(page.get_by_text("<b>by hand</b>", exact=True)).to_be_visible()


async def test_somebody_else_approves_with_a_button(url: str, browser: BrowserContext, page: Page) -> None:
    """Two people in two tabs: one asks, the other approves, both see it, and a second click does nothing."""
    bobby = await opened(browser, url, "bobby")
    await say(page, "release web 2.0")
    await expect(message(page, "@alice wants to release web 2.0")).to_be_visible()
    await bobby.get_by_role("button", name="Approve").dblclick()
    for each in (page, bobby):
        approved = message(each, "Approved by @bobby")
        await expect(approved).to_have_count(1)
        await expect(approved).to_contain_text("(edited)")
        await expect(each.get_by_role("button", name="Approve")).to_have_count(0)
        await expect(each.locator("#messages > li")).to_have_count(2)


async def test_a_modal_is_filled_in_and_submitted(page: Page) -> None:
    """A flow's modal opens as a dialog, wants its input, and what is written arrives at the flow."""
    await say(page, "release web 2.0")
    await page.get_by_role("button", name="Refuse").click()
    dialog = page.get_by_role("dialog", name="Why not?")
    await dialog.get_by_role("button", name="Refuse").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("must be filled in")
    await dialog.get_by_role("textbox", name="Reason").fill("not on a Friday")
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(message(page, "Refused by @alice: not on a Friday")).to_be_visible()


async def test_a_modal_is_closed_with_escape(page: Page) -> None:
    """A modal that is closed is gone after a reload as well, and nothing was submitted."""
    await say(page, "release web 2.0")
    await page.get_by_role("button", name="Refuse").click()
    await expect(page.get_by_role("dialog", name="Why not?")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.reload()
    await expect(page.get_by_role("button", name="Refuse")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_one_reacts_edits_and_deletes(page: Page) -> None:
    """A reaction is picked and taken back by a click; an edited message says so; a deleted one is gone."""
    await say(page, "first draft")
    said = message(page, "first draft")
    await said.hover()
    await said.get_by_role("button", name="React").click()
    await said.get_by_role("button", name="rocket").click()
    rocket = said.get_by_role("button", name="rocket, 1")
    await expect(rocket).to_have_attribute("aria-pressed", "true")
    await page.get_by_label("Write as").select_option("bobby")
    await rocket.click()
    await said.get_by_role("button", name="rocket, 2").click()
    await expect(rocket).to_have_attribute("aria-pressed", "false")
    await expect(said.get_by_role("button", name="Edit")).to_have_count(0)
    await page.get_by_label("Write as").select_option("alice")
    await said.hover()
    await said.get_by_role("button", name="Edit").click()
    await say(page, "final")
    await expect(message(page, "final")).to_contain_text("(edited)")
    await message(page, "final").hover()
    await message(page, "final").get_by_role("button", name="Delete").click()
    await expect(page.locator("#messages > li")).to_have_count(0)


async def test_a_thread_has_its_own_pane(page: Page) -> None:
    """Replies stand beside the channel, under their message, with what flows answer there."""
    await say(page, "deploy web")
    await message(page, "deploy web").get_by_role("button", name="1 reply").click()
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.get_by_text("web is deployed.")).to_be_visible()
    await expect(thread.get_by_role("combobox", name="Reply in thread")).to_be_focused()
    await page.keyboard.type("thanks")
    await page.keyboard.press("Enter")
    await expect(thread.get_by_text("thanks")).to_be_visible()
    await expect(message(page, "thanks")).to_have_count(0)
    await expect(message(page, "deploy web").get_by_role("button", name="2 replies")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(thread).to_be_hidden()


async def test_a_reload_keeps_the_person_and_the_channel(page: Page) -> None:
    """One is still who one was, where one was; a channel with something new is marked."""
    await page.get_by_label("Write as").select_option("carol")
    await page.get_by_role("button", name="random").click()
    await say(page, "hello from carol")
    await page.reload()
    await expect(page.get_by_role("heading", name="#random")).to_be_visible()
    await expect(page.get_by_label("Write as")).to_have_value("carol")
    await expect(message(page, "hello from carol")).to_be_visible()
    body = {"channel": "ops", "user": "bobby", "text": "news"}
    assert (await page.request.post(f"{page.url.split('#')[0]}api/messages", data=body)).ok
    await expect(page.get_by_role("button", name="ops new messages")).to_be_visible()
    await page.get_by_role("button", name="ops new messages").click()
    await expect(page.get_by_role("button", name="ops new messages")).to_have_count(0)


async def test_hostile_text_stays_text(page: Page) -> None:
    """Markup in a message, in a name, in a thread and in the trace is shown as it was written."""
    hostile = "<img src=x onerror=document.title='owned'> </script><script>document.title='owned'</script>"
    await say(page, f"echo {hostile}")
    await expect(page.get_by_text(hostile, exact=True)).to_be_visible()
    body = {
        "channel": "general",
        "user": "<img src=x>",
        "text": f"*{hostile}* `{hostile}` javascript:alert(1)",
    }
    assert (await page.request.post(f"{page.url.split('#')[0]}api/messages", data=body)).ok
    said = message(page, "javascript:alert(1)")
    await expect(said.locator(".author")).to_have_text("<img src=x>")
    await said.hover()
    await said.get_by_role("button", name="Trace").click()
    await expect(page.get_by_role("complementary", name="Trace").locator(".group[open]")).to_contain_text(
        "onerror="
    )
    await expect(page.locator("img, body script, a[href^='javascript']")).to_have_count(0)
    assert await page.title() == "#general - Flyte sandbox"


async def test_what_is_typed_is_never_lost(page: Page) -> None:
    """The box is empty at once; what cannot be sent is in it again, before what was typed meanwhile."""
    box = page.get_by_role("combobox", name="Message #general")
    answer = asyncio.Event()

    async def fail_late(route: Route) -> None:
        await answer.wait()
        await route.abort()

    await page.route("**/api/messages", fail_late)
    await say(page, "first")
    await expect(box).to_have_value("")
    await page.keyboard.type("second")
    answer.set()
    await expect(box).to_have_value("first\nsecond")
    await expect(page.get_by_role("alert")).to_have_text("The sandbox cannot be reached.")
    await page.unroute("**/api/messages")
    await box.press("Enter")
    await expect(message(page, "first")).to_contain_text("second")
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_names_and_commands_are_offered(page: Page) -> None:
    """``@`` offers people, ``/`` slash commands that were used; arrows, Tab and Enter choose."""
    box = page.get_by_role("combobox", name="Message #general")
    await say(page, "/deploy web")
    await box.fill("/de")
    await page.reload()
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await page.keyboard.type("/de")
    await expect(page.get_by_role("option", name="/deploy")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(box).to_have_value("/deploy ")
    await box.fill("")
    await page.keyboard.type("ask @b")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.keyboard.type("see https://example.com/a?b=1.")
    await page.keyboard.press("Enter")
    said = message(page, "ask @bob see")
    await expect(said.get_by_role("link")).to_have_attribute("href", "https://example.com/a?b=1")


async def test_the_trace_says_what_became_of_a_message(page: Page) -> None:
    """A message's trace shows criteria, action, Slack call and result; a click copies a value's path."""
    await say(page, "echo traced")
    await expect(message(page, "traced")).to_have_count(2)
    said = message(page, "echo traced")
    await said.hover()
    await said.get_by_role("button", name="Trace").click()
    trace = page.get_by_role("complementary", name="Trace").locator(".group[open]").first
    await expect(trace.locator(".criteria").filter(has_text="echo / echo").first).to_contain_text("true")
    await expect(trace.locator(".criteria").filter(has_text="deploy / announce").first).to_contain_text(
        "false"
    )
    await expect(trace.locator(".action")).to_contain_text("Slack.sendMessage")
    await expect(trace.locator(".slack_call").filter(has_text="chat.postMessage")).to_contain_text("ok")
    await expect(trace.locator(".result")).to_contain_text("SUCCESS")
    await trace.get_by_role("button", name='"alice": copy {{ Event.Payload.user.name }}').first.click()
    await expect(page.get_by_text("Copied {{ Event.Payload.user.name }}")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == "{{ Event.Payload.user.name }}"


async def test_the_trace_shows_where_a_template_fails(page: Page) -> None:
    """A template that fails is shown with the reason and its place."""
    flow = {
        "name": "broken",
        "steps": [
            {
                "event": {"packName": "Slack", "name": "MessageSent"},
                "command": {
                    "packName": "Slack",
                    "name": "sendMessage",
                    "input": {"message": "{{ nothing( }}"},
                },
            }
        ],
    }
    assert (await page.request.post(f"{page.url.split('#')[0]}flyte/v1/flows", data=flow)).ok
    await say(page, "anything")
    said = message(page, "anything")
    await said.hover()
    await said.get_by_role("button", name="Trace").click()
    error = page.get_by_role("complementary", name="Trace").locator(".entry.error")
    await expect(error).to_contain_text("broken / #1")
    await expect(error).to_contain_text("In command.input.message, line 1, column")
    await expect(error.locator("pre")).to_have_text("{{ nothing( }}")
    await expect(error.locator("mark")).to_have_count(1)


async def test_a_long_channel_shows_its_end_first(page: Page) -> None:
    """Of many messages the newest are shown, in order; earlier ones come when they are asked for."""
    write = """async count => {
        const headers = {"Content-Type": "application/json"};
        for (let n = 0; n < count; n += 1) {
            const body = JSON.stringify({channel: "random", user: "bobby", text: `number ${n}`});
            await fetch("api/messages", {method: "POST", headers, body});
        }
    }"""
    await page.evaluate(write, 450)
    await page.get_by_role("button", name="random").click()
    texts = page.locator("#messages > li .text")
    await expect(texts).to_have_text([f"number {n}" for n in range(250, 450)])
    await expect(texts.last).to_be_in_viewport()
    await page.get_by_role("button", name="Show earlier messages").click()
    await expect(texts).to_have_text([f"number {n}" for n in range(50, 450)])
    await page.get_by_role("button", name="Show earlier messages").click()
    await expect(texts).to_have_text([f"number {n}" for n in range(450)])
    await expect(page.get_by_role("button", name="Show earlier messages")).to_be_hidden()


async def test_the_page_is_used_on_a_narrow_screen(page: Page) -> None:
    """On a narrow screen nothing runs out of it, and thread and trace lie over the chat."""
    await say(page, "deploy web")
    await page.set_viewport_size({"width": 380, "height": 700})
    await message(page, "deploy web").get_by_role("button", name="1 reply").click()
    await expect(page.get_by_role("combobox", name="Reply in thread")).to_be_in_viewport()
    await page.get_by_role("button", name="Close the thread").click()
    await expect(page.get_by_role("combobox", name="Message #general")).to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 380


async def test_the_page_finds_the_sandbox_again(unused_tcp_port: int, browser: BrowserContext) -> None:
    """A page that is left open says that the sandbox is away, and goes on with the next."""
    async with sandbox(unused_tcp_port) as url:
        page = await opened(browser, url, "bobby")
        await say(page, "before")
        await expect(message(page, "before")).to_be_visible()
        await page.get_by_role("button", name="Trace", exact=True).first.click()
    await expect(page.get_by_role("status").filter(has_text="Reconnecting")).to_be_visible()
    await say(page, "echo again")
    await expect(page.get_by_role("alert")).to_have_text("The sandbox cannot be reached.")
    async with sandbox(unused_tcp_port):
        await expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=30_000)
        await expect(page.get_by_role("alert")).to_have_count(0)
        await expect(message(page, "before")).to_have_count(0)
        await expect(page.get_by_label("Write as")).to_have_value("bobby")
        await page.get_by_role("combobox", name="Message #general").press("Enter")
        await expect(message(page, "again")).to_have_count(2)
        trace = page.get_by_role("complementary", name="Trace")
        await expect(trace.locator("summary").filter(has_text="again").first).to_be_visible()
        await expect(trace.locator("summary").filter(has_text="before")).to_have_count(0)


async def test_the_picture_in_the_readme(page: Page) -> None:
    """What the README shows is what one sees. ``SCREENSHOTS=docs`` takes its picture anew."""
    await page.get_by_label("Write as").select_option("bobby")
    await say(page, "echo hello")
    await expect(message(page, "hello")).to_have_count(2)
    await page.get_by_label("Write as").select_option("carol")
    await say(page, "release web 2.0")
    await expect(page.get_by_role("button", name="Approve")).to_be_visible()
    await say(page, "deploy web")
    await expect(page.get_by_role("button", name="1 reply")).to_be_visible()
    asked = message(page, "echo hello")
    await asked.hover()
    await asked.get_by_role("button", name="Trace").click()
    trace = page.get_by_role("complementary", name="Trace")
    await expect(trace.get_by_text("SUCCESS")).to_be_visible()
    if folder := os.environ.get("SCREENSHOTS"):
        await trace.locator(".event summary").click()
        await page.get_by_role("combobox", name="Message #general").focus()
        await page.mouse.move(0, 0)
        await page.screenshot(path=Path(folder) / "sandbox.png")

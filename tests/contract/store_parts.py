"""Small helpers of the store's contract tests."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from flyte_slack.store import Store, StoredAction, StoredResult

Opener = Callable[[], AbstractAsyncContextManager[Store]]


async def keys(store: Store, lane: str = "C1") -> list[str]:
    return [event.key for event in await store.inbox.waiting(lane, 1000)]


async def action(store: Store, lane: str = "C1") -> StoredAction:
    return (await store.actions.waiting(lane, 1))[0]


async def finished(store: Store, reference: str = "r/1", result: str = "R") -> StoredResult:
    """Store an action and finish it."""
    await store.actions.add(reference, reference, "sendMessage", {})
    stored = await action(store, reference)
    await store.actions.finished(stored, {"event": result})
    waiting = await store.actions.result(stored.identity)
    assert waiting is not None
    return waiting


async def allowed(store: Store, *lanes: str) -> None:
    """Take the leases without which nothing is executed, as the pack's lanes do."""
    for lane in lanes:
        assert await store.leases.claim("actions", lane, lambda: None)

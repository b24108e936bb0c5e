"""A store belongs to one pack, server and workspace: nobody else takes what waits in it."""

import asyncio

import pytest
from store_parts import Opener

from flyte_slack.errors import StoreOfAnother
from flyte_slack.store import Store

OWNER = {"pack": "Slack", "workspace": "T1", "flyte": "http://flyte:8080"}


async def test_owner_comes_back(reopen: Opener) -> None:
    """Who a store belongs to may use it again, as often as it likes."""
    for _ in range(2):
        async with reopen() as store:
            await store.claim(OWNER)
            await store.claim(OWNER)


@pytest.mark.parametrize("what", list(OWNER))
async def test_other_owner_is_refused(reopen: Opener, what: str) -> None:
    """A pack that differs in anything is refused, with what differs and what to do; nothing changes."""
    async with reopen() as store:
        await store.claim(OWNER)
    async with reopen() as store:
        with pytest.raises(StoreOfAnother) as caught:
            await store.claim({**OWNER, what: "other"})
        said = str(caught.value)
        assert f"its {what} is {OWNER[what]!r}, and not 'other'" in said
        assert "FLYTE_SLACK_STORE" in said
        assert not any(f"its {same} " in said for same in OWNER if same != what)
        await store.claim(OWNER)


async def test_store_of_nobody_is_adopted_with_what_it_holds(store: Store) -> None:
    """What an earlier version stored is the first owner's."""
    await store.inbox.add("1", "C1", {}, kind="Seen")
    await store.claim(OWNER)
    assert len(await store.inbox.waiting("C1", 1)) == 1


async def test_what_is_told_later_counts_too(store: Store) -> None:
    """What is not known at first is added when it is, and then tells owners apart."""
    await store.claim({"pack": "Slack"})
    await store.claim(OWNER)
    await store.claim({"pack": "Slack"})
    with pytest.raises(StoreOfAnother, match="its workspace is 'T1'"):
        await store.claim({"pack": "Slack", "workspace": "T2"})


async def test_of_several_at_once_one_gets_it(url: str) -> None:
    """Packs that start at the same time on a new store do not share it."""
    stores = [await Store.open(url, shared=True) for _ in range(4)]
    for store in stores:
        await store.__aenter__()
    ends = await asyncio.gather(
        *(store.claim({"pack": str(number)}) for number, store in enumerate(stores)), return_exceptions=True
    )
    for store in stores:
        await store.__aexit__(None, None, None)
    assert sorted(type(end).__name__ for end in ends) == ["NoneType", *["StoreOfAnother"] * 3]

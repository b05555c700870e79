import asyncio

import pytest

from servicekit.behind import OneBehind


async def test_work_goes_on_while_the_next_piece_is_fetched_and_stays_in_order() -> None:
    done: list[int] = []
    gates = [asyncio.Event() for _ in range(3)]

    async def work(number: int) -> None:
        await gates[number].wait()
        done.append(number)

    async with OneBehind("test") as behind:
        await behind.do(work(0))
        second = asyncio.create_task(behind.do(work(1)))
        gates[1].set()
        await asyncio.wait({second}, timeout=0.01)
        assert not second.done(), "a second piece must wait for the first"
        gates[0].set()
        await second
        gates[2].set()
        await behind.do(work(2))
    assert done == [0, 1, 2]


async def test_what_a_piece_raises_surfaces_at_the_latest_at_the_end() -> None:
    async def broken() -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        async with OneBehind("test") as behind:
            await behind.do(broken())


async def test_a_piece_is_ended_when_its_owner_fails() -> None:
    ended = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def fails() -> None:
        async with OneBehind("test") as behind:
            await behind.do(endless())
            await asyncio.sleep(0)
            raise ValueError("owner")

    with pytest.raises(ValueError, match="owner"):
        await fails()
    assert ended.is_set()

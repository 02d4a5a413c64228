"""The asyncio face."""

import asyncio

import parvis
import parvis.aio
import pytest
from conftest import PATIENCE


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, PATIENCE))


def test_the_operations(server):
    async def main():
        async with await parvis.aio.connect(server.address, space="aio") as space:
            await space.out("a", 1)
            assert await space.rd("a", int) == ("a", 1)
            assert await space.rdp("a", int) == ("a", 1)
            assert await space.in_("a", int) == ("a", 1)
            assert await space.inp("a", int) is None
            await space.out_many([("m", n) for n in range(5)])
            assert await space.count("m", int) == 5
            assert len(await space.read_many(3, "m", int)) == 3
            assert len(await space.take_many(10, "m", int)) == 5
            assert await space.take_many(10, "m", int, timeout=0.01) == []
            with pytest.raises(parvis.Timeout):
                await space.in_("m", int, timeout=0.01)
            assert "aio" in repr(space)

    run(main())


def test_many_waits_at_once(server):
    async def main():
        async with await parvis.aio.connect(server.address, space="aio-many") as space:
            waits = [asyncio.create_task(space.in_("n", n)) for n in range(200)]
            await asyncio.sleep(0)
            for n in reversed(range(200)):
                await space.out("n", n)
            assert sorted(await asyncio.gather(*waits)) == [("n", n) for n in range(200)]

    run(main())


def test_a_cancelled_in_takes_nothing(server):
    async def main():
        async with await parvis.aio.connect(server.address, space="aio-cancel") as space:
            wait = asyncio.create_task(space.in_("c"))
            await asyncio.sleep(0.05)
            wait.cancel()
            with pytest.raises(asyncio.CancelledError):
                await wait
            await space.out("c")
            assert await space.count("c") == 1
            assert await space.in_("c", timeout=PATIENCE) == ("c",)

    run(main())

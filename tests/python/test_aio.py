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


def test_the_other_operations_are_coroutines(space):
    async def main():
        async with await parvis.aio.connect(space.address, space.name) as own:
            n = parvis.Var("n")
            await own.out("n", 1)
            ran = await own.run(parvis.when(parvis.take("n", n)).do(parvis.put("n", n + 1)))
            assert ran[n] == 1
            assert await own.run(parvis.when(parvis.take("x")), wait=False) is None
            assert await own.update(("n", int), add={1: 1}) == ("n", 3)
            assert await own.swap(("n", int), ("n", 9)) == ("n", 3)
            assert await own.out_if_absent("n", 9) is False
            assert await own.copy_collect(own.name + "-copy", "n", int) == 1
            assert await own.collect(own.name + "-copy", "n", int) == 1
            with pytest.raises(TypeError, match="no option"):
                await own.update(("n", int), divide={1: 1})

    run(main())


def test_a_statement_that_is_cancelled_never_runs(space):
    async def main():
        async with await parvis.aio.connect(space.address, space.name) as own:
            waiting = asyncio.ensure_future(own.run(parvis.when(parvis.take("a")).do(parvis.put("ran"))))
            while not any(info.waiters for info in await own.spaces() if info.name == space.name):
                pass
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            while any(info.waiters for info in await own.spaces() if info.name == space.name):
                pass
            await own.out("a")
            assert await own.count("ran") == 0

    run(main())


async def _gone(tx):
    """Until the server has ended it."""
    while True:
        try:
            await tx.count("nothing")
        except parvis.Conflict:
            return


def test_a_commit_without_room_leaves_the_transaction_open(space):
    space.make(quota_tuples=2)
    space.out_many([("job", 1), ("other",)])

    async def main():
        async with await parvis.aio.connect(space.address, space.name) as own:
            with pytest.raises(parvis.LimitExceeded):
                async with own.transaction() as tx:
                    await tx.in_("job", int)
                    await tx.out_many([("result", 1), ("result", 2)])
            assert await own.rdp("job", int)
            async with own.transaction() as tx:
                await tx.in_("job", int)
                await tx.out_many([("result", 1), ("result", 2)])
                with pytest.raises(parvis.LimitExceeded):
                    await tx.commit()
                assert await own.inp("other")
            assert await own.count("result", int) == 2

    run(main())


def test_transactions_see_what_they_put(space):
    async def main():
        async with await parvis.aio.connect(space.address, space.name) as own:
            await own.out("v", 1)
            async with own.transaction(lease=60) as tx:
                await tx.out("v", 2)
                assert await tx.in_("v", int) == ("v", 1)
                assert await tx.rd("v", int) == ("v", 2)
                assert await tx.take_many(5, "v", int) == [("v", 2)]
                assert await tx.inp("v", int) is None
                await tx.out_many([("v", 3), ("w", 1)])
                assert await tx.count("v", int) == 1
                assert await tx.read_many(5, "v", int) == [("v", 3)]
                await tx.renew(120)
            for use in (tx.inp("v", int), tx.count("v", int), tx.renew(1)):
                with pytest.raises(parvis.Conflict):
                    await use
            with pytest.raises(parvis.Conflict):  # of the commit
                async with own.transaction(lease=60) as tx:
                    await tx.renew(0.01)
                    await _gone(tx)
            assert await own.in_("v", int) == ("v", 3)
            with pytest.raises(ZeroDivisionError):
                async with own.transaction() as tx:
                    await tx.out("v", 4)
                    1 / 0
            assert await own.count("v", int) == 0

    run(main())

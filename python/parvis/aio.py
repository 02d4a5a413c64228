"""The asyncio face: the same operations as coroutines.

    space = await parvis.aio.connect()
    await space.out("task", 1)
    fields = await space.in_("task", int)

Cancelling a waiting ``in_`` loses nothing: what was handed over goes back to its place."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Any, AsyncIterator, Iterable, List, Mapping, Optional, Sequence, Tuple, Type, Union

from . import _operations as operations
from . import _parvis
from . import _space as _sync
from ._aio import Lease, Watch, answered
from ._errors import Conflict, Disconnected
from ._statements import Branch, Ran, Where, name_of
from ._transaction import ending
from ._watch import Pages

__all__ = ["Lease", "Space", "Transaction", "Watch", "connect"]


async def connect(address: Optional[str] = None, space: str = _sync.DEFAULT_SPACE,
                  token: Optional[str] = None) -> "Space":
    """As ``parvis.connect``."""
    loop = asyncio.get_running_loop()
    return Space(await loop.run_in_executor(None, _sync.connect, address, space, token))


class Space:
    """A named tuple space; see ``parvis.Space`` for what the operations do."""

    def __init__(self, space: _sync.Space) -> None:
        self._space = space

    @property
    def name(self) -> str:
        """The name of the space."""
        return self._space.name

    @property
    def address(self) -> str:
        """Where the server is."""
        return self._space.address

    def space(self, name: str) -> "Space":
        """Another space of the same server."""
        return Space(self._space.space(name))

    async def _ask(self, asked: operations.Asked) -> Any:
        operation, read = asked
        return read(await answered(self._space._start(operation)))

    async def out(self, *fields: Any, lease: Optional[float] = None, **options: Any) -> Optional["Lease"]:
        """Puts a tuple; options as ``parvis.Space.out``. With a ``lease`` it answers with that."""
        return await self.out_many([fields], lease=lease, **options)

    async def out_many(self, tuples: Iterable[Sequence[Any]], *, lease: Optional[float] = None,
                       **options: Any) -> Optional["Lease"]:
        """Puts many tuples, all of them or none."""
        listed = list(tuples)
        first = await answered(self._space._start_out_many(listed, lease=lease, **options)) if listed else 0
        return None if lease is None else Lease(self, tuple(first and first + i for i in range(len(listed))))

    async def in_(self, *fields: Any, timeout: Optional[float] = None) -> Tuple[Any, ...]:
        """Takes a tuple that matches; waits for one."""
        taken: Tuple[Any, ...] = await answered(self._space._start_get(*fields, take=True, wait=True, timeout=timeout))
        return taken

    async def rd(self, *fields: Any, timeout: Optional[float] = None) -> Tuple[Any, ...]:
        """Reads a tuple that matches; waits for one."""
        found: Tuple[Any, ...] = await answered(self._space._start_get(*fields, take=False, wait=True, timeout=timeout))
        return found

    async def inp(self, *fields: Any, settle: Optional[float] = None) -> Optional[Tuple[Any, ...]]:
        """Takes a tuple that matches, or returns None."""
        call = self._space._start_get(*fields, take=True, wait=False, settle=settle)
        taken: Optional[Tuple[Any, ...]] = await answered(call)
        return taken

    async def rdp(self, *fields: Any, settle: Optional[float] = None) -> Optional[Tuple[Any, ...]]:
        """Reads a tuple that matches, or returns None."""
        call = self._space._start_get(*fields, take=False, wait=False, settle=settle)
        found: Optional[Tuple[Any, ...]] = await answered(call)
        return found

    async def take_many(self, n: int, *fields: Any, timeout: Optional[float] = None) -> List[Tuple[Any, ...]]:
        """Takes up to n tuples; waits for the first. [] at the timeout."""
        call = self._space._start_get(*fields, take=True, wait=True, timeout=timeout, n=n, many=True)
        taken: List[Tuple[Any, ...]] = await answered(call)
        return taken

    async def read_many(self, n: int, *fields: Any, timeout: Optional[float] = None) -> List[Tuple[Any, ...]]:
        """Reads up to n tuples; waits for the first. [] at the timeout."""
        call = self._space._start_get(*fields, take=False, wait=True, timeout=timeout, n=n, many=True)
        found: List[Tuple[Any, ...]] = await answered(call)
        return found

    async def count(self, *fields: Any) -> int:
        """How many tuples match."""
        number: int = await self._ask(operations.count(self.name, fields))
        return number

    async def scan(self, *template: Any, page: int = 1000) -> AsyncIterator[Tuple[Any, ...]]:
        """All matches, one after the other: ``async for fields in space.scan("job", int)``."""
        after = until = 0
        done = False
        while not done:
            operation = _parvis.scan(self.name, template, page, after, until)
            tuples, after, until, done = await answered(self._space._start(operation))
            for fields in tuples:
                yield fields

    async def watch(self, *template: Any, kinds: Union[str, Iterable[str], None] = None, since: Optional[int] = None,
                    timeout: Optional[float] = None) -> "Watch":
        """What happens to tuples that match, from now on: ``async for event in await space.watch("job", int)``."""
        pages = Pages(self.name, template, kinds, since)
        pages.began(await answered(self._space._start(pages.begin())))
        return Watch(self, pages, timeout)

    async def collect(self, dst: Any, *template: Any) -> int:
        """Moves all that matches to another space (a Space or its name) in one step."""
        moved: int = await self._ask(operations.collect(self.name, dst, template, False))
        return moved

    async def copy_collect(self, dst: Any, *template: Any) -> int:
        """Copies all that matches to another space in one step."""
        copied: int = await self._ask(operations.collect(self.name, dst, template, True))
        return copied

    async def run(self, *branches: Branch, timeout: Optional[float] = None, wait: bool = True) -> Optional[Ran]:
        """Runs an atomic guarded statement. Cancelled while it waits, it never runs any more."""
        ran: Optional[Ran] = await self._ask(operations.run(self.name, branches, timeout, wait))
        return ran

    async def update(self, template: Any, **how: Mapping[int, Any]) -> Optional[Tuple[Any, ...]]:
        """Changes the oldest match in place: ``await space.update(("n", int), add={1: 1})``."""
        unknown = set(how) - {"set", "add", "subtract", "multiply", "min", "max"}
        if unknown:
            raise TypeError(f"update has no option {sorted(unknown)[0]!r}")
        updated: Optional[Tuple[Any, ...]] = await self._ask(operations.update(self.name, template, how))
        return updated

    async def swap(self, template: Any, new: Any, *, lease: Optional[float] = None,
                   priority: int = 0) -> Optional[Tuple[Any, ...]]:
        """Takes the oldest match and puts another tuple, in one step."""
        old: Optional[Tuple[Any, ...]] = await self._ask(operations.swap(self.name, template, new, lease, priority))
        return old

    async def out_if_absent(self, *fields: Any, unless: Any = None, lease: Optional[float] = None,
                            priority: int = 0) -> bool:
        """Puts a tuple unless something matches, in one step. Whether it was put."""
        done: bool = await self._ask(operations.out_if_absent(self.name, fields, unless, lease, priority))
        return done

    async def aggregate(self, *template: Any, by: operations.Positions = None, sum: operations.Positions = None,
                        min: operations.Positions = None, max: operations.Positions = None,
                        count: Optional[bool] = None) -> Any:
        """Counts and sums over all matches, in the server."""
        terms = {"sum": sum, "min": min, "max": max}
        return await self._ask(operations.aggregate(self.name, template, by, terms, count))

    async def sum(self, *template: Any, of: int) -> Any:
        """The sum of the field at position ``of`` over all matches."""
        return await self._ask(operations.total(self.name, template, "sum", of))

    async def min(self, *template: Any, of: int) -> Any:
        """The smallest value of the field at position ``of``."""
        return await self._ask(operations.total(self.name, template, "min", of))

    async def max(self, *template: Any, of: int) -> Any:
        """The largest value of the field at position ``of``."""
        return await self._ask(operations.total(self.name, template, "max", of))

    async def explain(self, *template: Any, n: int = 10) -> operations.Explanation:
        """Why nothing matches."""
        explanation: operations.Explanation = await self._ask(operations.explain(self.name, template, n))
        return explanation

    async def waiters(self, *, everywhere: bool = False, n: int = 1000) -> List[operations.Waiter]:
        """Who is blocked, for what."""
        rows: List[operations.Waiter] = await self._ask(operations.waiters("" if everywhere else self.name, n))
        return rows

    async def spaces(self) -> List[operations.SpaceInfo]:
        """The spaces of the server."""
        infos: List[operations.SpaceInfo] = await self._ask(operations.spaces())
        return infos

    async def make(self, durability: Optional[str] = None, *, quota_tuples: Optional[int] = None,
                   quota_bytes: Optional[int] = None) -> None:
        """Makes this space, or sets the quotas of the one that is there."""
        operations.check_durability(durability)
        there = await self.spaces() if durability is None else []
        await self._ask(operations.make(self.name, there, durability, (quota_tuples, quota_bytes)))

    async def drop(self) -> None:
        """Removes the space and all its tuples."""
        await self._ask(operations.drop(self.name))

    def transaction(self, lease: Optional[float] = None) -> "Transaction":
        """Takes and outs that happen all together, or not at all: ``async with space.transaction() as tx``."""
        return Transaction(self, lease)

    take = in_
    read = rd
    write = out

    async def close(self) -> None:
        """Ends the connection."""
        await asyncio.get_running_loop().run_in_executor(None, self._space.close)

    async def __aenter__(self) -> "Space":
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<parvis.aio.Space {self.name!r} at {self.address}>"


class Transaction:
    """See ``parvis.Transaction``; used with ``async with``."""

    def __init__(self, space: Space, lease: Optional[float]) -> None:
        self._space = space
        self._lease = lease
        self._own: Optional[_parvis.Inside] = None
        self._open = False

    async def __aenter__(self) -> "Transaction":
        self._own = _parvis.Inside(await answered(self._space._space._start(_parvis.begin(self._lease))))
        self._open = True
        return self

    def _inside(self) -> _parvis.Inside:
        if self._own is None or not self._open:
            raise Conflict("the transaction has ended" if self._own else "the transaction begins with async with")
        return self._own

    def _of(self, space: Where) -> Space:
        inside = self._space._space.space(name_of(space, self._space.name))
        inside._enter(self._inside())
        return Space(inside)

    async def out(self, *fields: Any, space: Where = None, **options: Any) -> None:
        """Puts a tuple at the commit."""
        self._inside().add(name_of(space, self._space.name), *fields, **options)

    async def out_many(self, tuples: Iterable[Sequence[Any]], **options: Any) -> None:
        """Puts tuples at the commit."""
        for fields in tuples:
            await self.out(*fields, **options)

    async def in_(self, *template: Any, timeout: Optional[float] = None, space: Where = None) -> Tuple[Any, ...]:
        """Takes a tuple; it comes back when the transaction does not commit."""
        return await self._of(space).in_(*template, timeout=timeout)

    async def inp(self, *template: Any, settle: Optional[float] = None,
                  space: Where = None) -> Optional[Tuple[Any, ...]]:
        """Takes a tuple, or returns None."""
        return await self._of(space).inp(*template, settle=settle)

    async def rd(self, *template: Any, timeout: Optional[float] = None, space: Where = None) -> Tuple[Any, ...]:
        """Reads a tuple."""
        return await self._of(space).rd(*template, timeout=timeout)

    async def rdp(self, *template: Any, settle: Optional[float] = None,
                  space: Where = None) -> Optional[Tuple[Any, ...]]:
        """Reads a tuple, or returns None."""
        return await self._of(space).rdp(*template, settle=settle)

    async def take_many(self, n: int, *template: Any, timeout: Optional[float] = None,
                        space: Where = None) -> List[Tuple[Any, ...]]:
        """Takes up to n tuples; waits for the first. [] at the timeout."""
        return await self._of(space).take_many(n, *template, timeout=timeout)

    async def read_many(self, n: int, *template: Any, timeout: Optional[float] = None,
                        space: Where = None) -> List[Tuple[Any, ...]]:
        """Reads up to n tuples; waits for the first. [] at the timeout."""
        return await self._of(space).read_many(n, *template, timeout=timeout)

    async def count(self, *template: Any, space: Where = None) -> int:
        """How many tuples match, its own puts among them."""
        own, inside = self._inside(), self._of(space)
        await self._of("parvis.nothing").rdp(0)  # a count knows no transaction: that it is open, a read says
        return await inside.count(*template) + own.count(inside.name, *template)

    async def renew(self, lease: Optional[float]) -> None:
        """It ends `lease` seconds from now instead; None: with the connection."""
        await answered(self._space._space._start(_parvis.renew(self._inside().id, [], lease)))

    take = in_
    read = rd
    write = out

    async def commit(self) -> None:
        """What was taken is gone and what was put is there, at once; see ``parvis.Transaction.commit``."""
        own = self._inside()
        with ending(self):
            await answered(self._space._space._start(own.commit()))

    async def abort(self) -> None:
        """What was taken is back at its place, and nothing was put."""
        own = self._inside()
        self._open = False
        await answered(self._space._space._start(_parvis.abort(own.id)))

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        try:
            if self._open and error is None:
                await self.commit()
        finally:
            if self._open:
                with contextlib.suppress(Conflict, Disconnected):  # ended by itself; the first error is to be seen
                    await self.abort()

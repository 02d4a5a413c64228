"""The asyncio face: the same operations as coroutines.

    space = await parvis.aio.connect()
    await space.out("task", 1)
    fields = await space.in_("task", int)

Cancelling a waiting ``in_`` loses nothing: what was handed over goes back to its place."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Iterable, List, Optional, Sequence, Tuple, Type

from . import _parvis
from . import _space as _sync
from ._events import when_done

__all__ = ["Space", "connect"]


async def _answer(call: _parvis.Call) -> Any:
    loop = asyncio.get_running_loop()
    finished: "asyncio.Future[None]" = loop.create_future()

    def finish() -> None:
        if not finished.done():
            finished.set_result(None)

    def callback() -> None:
        try:
            loop.call_soon_threadsafe(finish)
        except RuntimeError:
            pass  # the loop has been closed: nobody waits any more

    when_done(call, callback)
    try:
        await finished
    except asyncio.CancelledError:
        call.cancel()
        raise
    return call.answer()


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

    async def out(self, *fields: Any, lease: Optional[float] = None, priority: int = 0,
                  delay: Optional[float] = None) -> None:
        """Puts a tuple."""
        await _answer(self._space._start_out_many([fields], lease=lease, priority=priority, delay=delay))

    async def out_many(self, tuples: Iterable[Sequence[Any]], *, lease: Optional[float] = None, priority: int = 0,
                       delay: Optional[float] = None) -> None:
        """Puts many tuples, all of them or none."""
        listed = list(tuples)
        if listed:
            await _answer(self._space._start_out_many(listed, lease=lease, priority=priority, delay=delay))

    async def in_(self, *fields: Any, timeout: Optional[float] = None) -> Tuple[Any, ...]:
        """Takes a tuple that matches; waits for one."""
        taken: Tuple[Any, ...] = await _answer(self._space._start_get(*fields, take=True, wait=True, timeout=timeout))
        return taken

    async def rd(self, *fields: Any, timeout: Optional[float] = None) -> Tuple[Any, ...]:
        """Reads a tuple that matches; waits for one."""
        found: Tuple[Any, ...] = await _answer(self._space._start_get(*fields, take=False, wait=True, timeout=timeout))
        return found

    async def inp(self, *fields: Any) -> Optional[Tuple[Any, ...]]:
        """Takes a tuple that matches, or returns None."""
        taken: Optional[Tuple[Any, ...]] = await _answer(self._space._start_get(*fields, take=True, wait=False))
        return taken

    async def rdp(self, *fields: Any) -> Optional[Tuple[Any, ...]]:
        """Reads a tuple that matches, or returns None."""
        found: Optional[Tuple[Any, ...]] = await _answer(self._space._start_get(*fields, take=False, wait=False))
        return found

    async def take_many(self, n: int, *fields: Any, timeout: Optional[float] = None) -> List[Tuple[Any, ...]]:
        """Takes up to n tuples; waits for the first. [] at the timeout."""
        call = self._space._start_get(*fields, take=True, wait=True, timeout=timeout, n=n, many=True)
        taken: List[Tuple[Any, ...]] = await _answer(call)
        return taken

    async def read_many(self, n: int, *fields: Any, timeout: Optional[float] = None) -> List[Tuple[Any, ...]]:
        """Reads up to n tuples; waits for the first. [] at the timeout."""
        call = self._space._start_get(*fields, take=False, wait=True, timeout=timeout, n=n, many=True)
        found: List[Tuple[Any, ...]] = await _answer(call)
        return found

    async def count(self, *fields: Any) -> int:
        """How many tuples match."""
        number: int = await _answer(self._space._start_count(*fields))
        return number

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

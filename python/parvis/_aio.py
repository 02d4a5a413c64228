"""What the asyncio face stands on: awaiting an answer; leases and watches."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Any, AsyncIterator, Optional, Tuple, Type

from . import _leases
from . import _parvis
from ._events import when_done
from ._watch import Pages, WatchEvent

if TYPE_CHECKING:
    from .aio import Space


async def answered(call: _parvis.Call) -> Any:
    """Its answer; when the task is cancelled meanwhile, so is the call."""
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


class Lease:
    """What ``out`` and ``out_many`` answer with when they are given a ``lease``; see ``parvis.Lease``."""

    __slots__ = ("_space", "ids")

    def __init__(self, space: Space, ids: Tuple[int, ...]) -> None:
        self._space = space
        self.ids = ids

    @property
    def id(self) -> int:
        """The number of the first tuple."""
        return self.ids[0]

    async def renew(self, seconds: Optional[float]) -> None:
        """They disappear so many seconds from now; None: never."""
        if self.ids:
            await answered(self._space._space._start(_leases.renewal(self.ids, seconds)))

    async def cancel(self) -> None:
        """They disappear now."""
        await self.renew(0.0)


class Watch(AsyncIterator[WatchEvent]):
    """An asynchronous iterator over what happens in a space; see ``parvis.Watch``."""

    def __init__(self, space: Space, pages: Pages, timeout: Optional[float]) -> None:
        self._space = space
        self._pages = pages
        self._timeout = timeout
        self._closed = False
        self._call: Optional[_parvis.Call] = None

    async def next(self, timeout: Optional[float] = None) -> Optional[WatchEvent]:
        """The next event; None when there is none in ``timeout`` seconds, or when it was closed."""
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        while not self._pages.due:
            left = None if deadline is None else max(deadline - loop.time(), 0.0)
            if self._closed:
                return None
            self._call = self._space._space._start(self._pages.ask(left))
            self._pages.file(await answered(self._call))
            if left == 0.0 and not self._pages.due:
                return None
        return self._pages.due.popleft()

    def close(self) -> None:
        """Ends it."""
        self._closed = True
        if self._call is not None:
            self._call.cancel()

    def __aiter__(self) -> "Watch":
        return self

    async def __anext__(self) -> WatchEvent:
        event = await self.next(self._timeout)
        if event is None:
            raise StopAsyncIteration
        return event

    async def __aenter__(self) -> "Watch":
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        self.close()

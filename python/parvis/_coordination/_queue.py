"""Queue: each item a tuple, so that none is lost with the process that was about to get it."""

from __future__ import annotations

import queue
from typing import Any, Optional, Sequence, Tuple

from .._errors import Timeout
from .._space import Space
from .._templates import ANY
from ._named import Named, seconds


class Queue(Named):
    """A queue that processes share by its name, with the methods of ``queue.Queue``; first in, first out.

    Raises ``queue.Empty`` and ``queue.Full``. ``maxsize`` is settled by the first user (0: no bound); whoever opens it
    without one takes it as it is, another one is a ValueError. In a durable space what was put stays, for days if need
    be."""

    KIND = "parvis.queue"

    def __init__(self, name: Optional[str] = None, maxsize: int = 0, space: Optional[Space] = None) -> None:
        super().__init__(name, space)
        self._maxsize = max(0, maxsize)

    def _setting(self) -> int:
        return self._maxsize

    def _tokens(self, setting: int) -> Sequence[Tuple[Any, ...]]:
        return [("room", place) for place in range(setting)]

    @property
    def maxsize(self) -> int:
        """How many items it holds at most; 0: no bound."""
        maxsize: int = self._made()[1]
        if self._maxsize not in (0, maxsize):
            raise ValueError(f"{self!r} was made with maxsize={maxsize}, not {self._maxsize}")
        return maxsize

    def put(self, item: Any, block: bool = True, timeout: Optional[float] = None) -> None:
        """Puts an item; waits for room, at most ``timeout`` seconds, then ``queue.Full``."""
        if not self.maxsize:
            self._space.out(*self._key(), "item", item)
            return
        room = self._claim(*self._key(), "room", int, wait=block, timeout=seconds(timeout) if block else None)
        if room is None:
            raise queue.Full
        try:
            room.out(*self._key(), "item", item)
        except BaseException:
            room.abort()
            raise
        room.commit()

    def get(self, block: bool = True, timeout: Optional[float] = None) -> Any:
        """Takes the oldest item; waits for one, at most ``timeout`` seconds, then ``queue.Empty``."""
        item = (*self._key(), "item", ANY)
        wait = seconds(timeout) if block else None
        if self.maxsize:
            return self._get_bounded(item, block, wait)
        try:
            found = self._space.in_(*item, timeout=wait) if block else self._space.inp(*item)
        except Timeout:
            raise queue.Empty from None
        if found is None:
            raise queue.Empty
        return found[4]

    def _get_bounded(self, item: Tuple[Any, ...], block: bool, timeout: Optional[float]) -> Any:
        with self._space.transaction() as transaction:  # the item goes and its room comes in one step
            try:
                found = transaction.in_(*item, timeout=timeout) if block else transaction.inp(*item)
            except Timeout:
                found = None
            if found is None:
                raise queue.Empty
            transaction.out(*self._key(), "room", 0)
        return found[4]

    def put_nowait(self, item: Any) -> None:
        """Puts an item, or raises ``queue.Full`` at once."""
        self.put(item, block=False)

    def get_nowait(self) -> Any:
        """Takes the oldest item, or raises ``queue.Empty`` at once."""
        return self.get(block=False)

    def qsize(self) -> int:
        """How many items there are at this instant."""
        return self._space.count(*self._key(), "item", ANY)

    def empty(self) -> bool:
        """Whether there are none."""
        return self.qsize() == 0

    def full(self) -> bool:
        """Whether there is no room at this instant."""
        return self.maxsize > 0 and self.qsize() >= self.maxsize

    def _arguments(self) -> Tuple[Any, ...]:
        return self.name, self._maxsize

"""Following what happens in a space."""

from __future__ import annotations

import threading
import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Any, Deque, Iterable, Iterator, NamedTuple, Optional, Tuple, Type, Union

from . import _parvis
from ._errors import Error

if TYPE_CHECKING:
    from ._space import Space

KINDS = ("put", "taken", "returned", "expired", "updated")


class WatchEvent(NamedTuple):
    """What happened: ``kind`` is 'put', 'taken', 'returned', 'expired' or 'updated', ``tuple`` the tuple (updated: as
    it is now), ``seq`` its number, ascending in its space.

    A 'gap' says that events are lost, up to and with number ``seq``; its ``tuple`` is None."""

    kind: str
    tuple: Optional[Tuple[Any, ...]]
    seq: int


def kinds_of(kinds: Union[str, Iterable[str], None]) -> int:
    """The set of kinds as the server takes it."""
    if kinds is None:
        return (1 << len(KINDS)) - 1
    bits = 0
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind not in KINDS:
            raise ValueError(f"kinds are of {', '.join(KINDS)}; there is no {kind!r}")
        bits |= 1 << KINDS.index(kind)
    if not bits:
        raise ValueError(f"kinds is empty; it is None for all, or some of {', '.join(KINDS)}")
    return bits


class Pages:
    """Which page of events to ask for next, and those that came and were not yet told. What both faces follow."""

    def __init__(self, space: str, fields: Tuple[Any, ...], kinds: Union[str, Iterable[str], None],
                 since: Optional[int]) -> None:
        if since is not None and (not isinstance(since, int) or since < 0):
            raise ValueError(f"since is the number of an event, 0 or more: seq + 1 of the last one seen; not {since!r}")
        self._what = (space, fields, kinds_of(kinds))
        self.since = since
        self.due: Deque[WatchEvent] = deque()

    def begin(self) -> _parvis.Operation:
        return _parvis.watch(*self._what, None, 0.0)

    def began(self, answer: Any) -> None:
        if self.since is None:
            self.since = answer[1]

    def ask(self, timeout: Optional[float]) -> _parvis.Operation:
        return _parvis.watch(*self._what, self.since, timeout)

    def file(self, answer: Any) -> None:
        if not answer:
            return  # nothing in time
        events, following, gap = answer
        since = self.since or 0
        if gap:
            first = events[0][1] if events else following
            self.due.append(WatchEvent("gap", None, max(first, 1) - 1))
        # What was told before may come again after a reconnect.
        self.due.extend(WatchEvent(KINDS[kind], fields, number) for kind, number, fields in events if number >= since)
        self.since = max(since, following)


class Watch(Iterator[WatchEvent]):
    """An iterator over what happens in a space, from ``space.watch(…)``; in effect when that returns.

    Iterating waits for the next event; ``next(timeout)`` does so for some seconds. It goes on after a reconnect and a
    restart of the server; where events were lost it says so with a 'gap'. ``close()``, from any thread, or the end of a
    ``with`` block ends it."""

    def __init__(self, space: "Space", fields: Tuple[Any, ...], kinds: Union[str, Iterable[str], None],
                 since: Optional[int], timeout: Optional[float]) -> None:
        self._space = space
        self._timeout = timeout
        self._pages = Pages(space.name, fields, kinds, since)
        self._lock = threading.Lock()
        self._call: Optional[_parvis.Call] = None
        self._closed = False
        self._pages.ask(timeout)  # a timeout that is none is refused here
        self._pages.began(space._call(self._pages.begin()))

    def next(self, timeout: Optional[float] = None) -> Optional[WatchEvent]:
        """The next event; None when there is none in ``timeout`` seconds, or when it was closed."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._pages.due:
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            answer = self._answer(left)
            if answer is None:
                return None
            self._pages.file(answer)
            if left == 0.0 and not self._pages.due:
                return None
        return self._pages.due.popleft()

    def _answer(self, timeout: Optional[float]) -> Any:
        with self._lock:
            if self._closed:
                return None
            call = self._call = self._space._start(self._pages.ask(timeout))
        try:
            answer = call.answer()
        except BaseException as error:
            if self._closed and isinstance(error, Error):
                return None
            call.cancel()  # Ctrl-C: what it would have brought is asked for again
            raise
        finally:
            self._call = None
        return None if self._closed else answer

    def close(self) -> None:
        """Ends it; who waits for its next event gets None."""
        with self._lock:
            self._closed = True
            call = self._call
        if call is not None:
            call.cancel()

    def __iter__(self) -> "Watch":
        return self

    def __next__(self) -> WatchEvent:
        event = self.next(self._timeout)
        if event is None:
            raise StopIteration
        return event

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

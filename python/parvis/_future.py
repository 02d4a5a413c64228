"""One task of a farm: its future, and the row of its result."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Generator, List, NamedTuple, Optional, Tuple

from . import _parvis
from ._errors import Error, KernelDied, Timeout
from ._events import when_done
from ._result import exception_of
from ._templates import ANY

if TYPE_CHECKING:
    from ._farm import Farm


class Row(NamedTuple):
    """A finished task."""

    id: str
    name: str
    status: str
    """``ok``, ``error`` (it raised), ``died`` (it ended too many kernels) or ``cancelled``."""
    value: Any
    """What the function returned; None when it did not."""
    stdout: str
    stderr: str
    started: float
    """When it began to run the last time, in unix time."""
    took: float
    """How long that was, in seconds."""
    kernel: str
    """The id of the kernel that ran it."""
    attempts: int
    error: Optional[BaseException]
    """What it raised, caused by a RemoteError with the remote traceback; None when it is well."""


def _error_of(status: str, id: str, value: Any, meta: Dict[str, Any]) -> Optional[BaseException]:
    if status == "ok":
        return None
    details = value if isinstance(value, dict) else {}
    if status == "error":
        return exception_of({"kernel": meta.get("kernel"), **details})
    if status == "died":
        story = details.get("message") or details.get("stack") or (value if isinstance(value, str) else "")
        return KernelDied(f"task {id} ended every kernel that ran it\n{story}".rstrip(), meta.get("kernel"),
                          details.get("signal") or 0, 0, details.get("stack") or "")
    from concurrent.futures import CancelledError

    return CancelledError(f"task {id} was cancelled")


def row_of(fields: Tuple[Any, ...]) -> Row:
    """The row of a result tuple."""
    _, _, _, id, status, value, meta = fields
    error = _error_of(status, id, value, meta)
    return Row(id, meta.get("name") or "", status, value if error is None else None, meta.get("stdout") or "",
               meta.get("stderr") or "", meta.get("started") or 0.0, meta.get("took") or 0.0, meta.get("kernel") or "",
               meta.get("attempts") or 0, error)


class Future:
    """A task of a farm, like a concurrent.futures.Future. It can be awaited, and found again by its id."""

    def __init__(self, farm: "Farm", id: str, name: str) -> None:
        self.farm = farm
        self.id = id
        self.name = name
        self._call: Optional[_parvis.Call] = None
        self._row: Optional[Row] = None

    # The result is read under its id; the wait for it is begun once, by whoever wants it first.

    def watch(self) -> Optional[_parvis.Call]:
        """Begins to wait for the result; None when it is here."""
        if self._row is None and self._call is None:
            self._call = self.farm._space._start_get("result", self.farm._scope(), self.farm.name, self.id, str, ANY,
                                                     dict,
                                                     take=False, wait=True)
        return self._call if self._row is None else None

    def notify(self, inbox: _parvis.Inbox) -> None:
        """Puts this future into the inbox once it is done."""
        call = self.watch()
        if call is None:
            inbox.put(self)
        else:
            call.notify(inbox, self)

    def row(self, timeout: Optional[float] = None) -> Row:
        """The row of the result, however it ended. Timeout when there is none in time."""
        if self._row is None:
            call = self.watch()
            assert call is not None
            if not call.ready():
                self.farm.flush()
            if not call.wait(timeout):
                raise Timeout(f"task {self.id} ({self.name}) had not finished after {timeout} s")
            try:
                self._row = row_of(call.answer())
            except Error:
                self._call = None  # asked again the next time
                raise
            self._call = None
        return self._row

    def result(self, timeout: Optional[float] = None) -> Any:
        """What the function returned. Raises what it raised (caused by a RemoteError), KernelDied, CancelledError,
        Timeout."""
        row = self.row(timeout)
        if row.error is not None:
            raise row.error
        return row.value

    def exception(self, timeout: Optional[float] = None) -> Optional[BaseException]:
        """What ``result`` would raise, or None."""
        return self.row(timeout).error

    def done(self) -> bool:
        """Whether it has finished, one way or the other."""
        if self._row is not None or (self._call is not None and self._call.ready()):
            return True
        found = self.farm._space._get_any([("result", self.farm._scope(), self.farm.name, self.id, str, ANY, dict)],
                                          raw=True)
        return bool(found)

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.done() and self.row().status == "cancelled"

    def cancel(self) -> bool:
        """Takes the task out, or interrupts it when it runs. True when it was taken out before it ran."""
        return self.farm.cancel([self]) == 1

    def add_done_callback(self, callback: Callable[["Future"], Any]) -> None:
        """Calls ``callback(future)`` once it is done, on a thread of Parvis's own (now, when it is)."""
        call = self.watch()
        if call is None:
            callback(self)
        else:
            when_done(call, lambda: callback(self))

    def _field(self, name: str) -> Any:
        return getattr(self.row(), name)

    status = property(lambda self: self._field("status"),
                      doc="``ok``, ``error``, ``died`` or ``cancelled``. Waits for the end.")
    stdout = property(lambda self: self._field("stdout"), doc="What it printed. Waits for the end.")
    stderr = property(lambda self: self._field("stderr"), doc="What it wrote to stderr. Waits for the end.")
    kernel = property(lambda self: self._field("kernel"), doc="The id of the kernel that ran it. Waits for the end.")
    started = property(lambda self: self._field("started"), doc="When it began (unix time). Waits for the end.")
    took = property(lambda self: self._field("took"), doc="How long it ran, in seconds. Waits for the end.")

    def __await__(self) -> Generator[Any, None, Any]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> Any:
        import asyncio

        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self.farm.flush)
        call = self.watch()
        if call is not None:
            done = asyncio.Event()
            when_done(call, lambda: loop.call_soon_threadsafe(done.set))
            await done.wait()
        return self.result()

    def __repr__(self) -> str:
        row = self._row
        return f"<parvis.Future {self.name or 'task'} {self.id}{': ' + row.status if row is not None else ''}>"


def wait_all(futures: List[Future], timeout: Optional[float] = None) -> bool:
    """Waits for all of them; False at the timeout."""
    deadline = None if timeout is None else time.monotonic() + timeout
    for future in futures:
        try:
            future.row(None if deadline is None else max(0.0, deadline - time.monotonic()))
        except Timeout:
            return False
    return True

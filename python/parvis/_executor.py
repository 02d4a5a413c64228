"""A concurrent.futures.Executor over a farm."""

from __future__ import annotations

import concurrent.futures
import os
import threading
from typing import TYPE_CHECKING, Any, Callable, Dict

from ._future import Future

if TYPE_CHECKING:
    from ._cluster import Cluster


class _ExecutorFuture(concurrent.futures.Future):  # type: ignore[type-arg]
    """Cancelled by taking its task out; as CPython has it, not once that runs."""

    task: Future

    def cancel(self) -> bool:
        if self.done():
            return self.cancelled()
        if not self.task.farm._cancel_task(self.task):
            return False
        return super().cancel()


class FarmExecutor(concurrent.futures.Executor):
    """Runs calls in the kernels of a cluster. Its farm is its own and is cleared when it is shut down."""

    def __init__(self, cluster: "Cluster") -> None:
        self._farm = cluster.farm(f"executor-{os.urandom(6).hex()}")
        self._pending: Dict[str, _ExecutorFuture] = {}
        self._lock = threading.Lock()
        self._shut = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "concurrent.futures.Future[Any]":
        """Runs ``fn(*args, **kwargs)`` in some kernel."""
        with self._lock:
            if self._shut:
                raise RuntimeError("cannot schedule new futures after shutdown")
            future = _ExecutorFuture()
            future.task = self._farm._submit_call(fn, args, kwargs)
            self._pending[future.task.id] = future
        future.task.add_done_callback(self._finished)
        return future

    def _finished(self, task: Future) -> None:
        with self._lock:
            future = self._pending.pop(task.id, None)
        if future is None or not future.set_running_or_notify_cancel():
            return
        try:
            error = task.exception()
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(task.result())
        except BaseException as error:  # what could not be read is the caller's to see
            future.set_exception(error)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more calls; with ``wait`` returns when those that were made have finished."""
        with self._lock:
            self._shut = True
            pending = list(self._pending.values())
        if cancel_futures:
            for future in pending:
                future.cancel()
        if wait:
            concurrent.futures.wait(pending)
            self._farm.clear()

"""What became of requests to kernels."""

from __future__ import annotations

import builtins
import importlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Dict, Generator, List, Optional, Sequence, Tuple

from . import _parvis
from ._errors import Aborted, DecodeError, Disconnected, Error, KernelDied, RemoteError, Timeout
from ._events import when_done
from ._objects import RawObject

if TYPE_CHECKING:
    from ._kernel_client import Kernel

Answer = Tuple[str, Dict[str, Any]]


# From an answer to a value or an exception
# ---------------------------------------------------------------------------------

def _class_named(name: str) -> Optional[type]:
    module, _, kind = name.rpartition(".")
    found = getattr(builtins, kind, None) if module in ("", "builtins") else None
    if found is None and module:
        try:
            found = getattr(importlib.import_module(module), kind, None)
        except ImportError:
            return None
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def exception_of(result: Dict[str, Any]) -> BaseException:
    """The exception of an ``error`` answer: of its own type when that is known here, caused by a RemoteError."""
    name = result.get("type") or "Exception"
    message = result.get("message") or ""
    cause = RemoteError(f"{name}: {message}", name, result.get("traceback") or "", result.get("kernel"))
    error = result.get("exception")
    if not isinstance(error, BaseException):
        kind = _class_named(name)
        try:
            error = kind(message) if kind is not None else None
        except Exception:  # its constructor wants something else: the RemoteError says it all
            error = None
    # SystemExit would end the caller, who did not ask for it.
    if not isinstance(error, BaseException) or isinstance(error, (SystemExit, GeneratorExit)):
        return cause
    error.__cause__ = cause
    return error


def failure_of(status: str, result: Dict[str, Any]) -> Optional[BaseException]:
    """The exception that an answer stands for; None when it is ``ok``."""
    if status == "ok":
        return None
    if status == "error":
        return exception_of(result)
    if status == "died":
        message = result.get("message") or f"kernel {result.get('kernel')} died"
        return KernelDied(message, result.get("kernel"), result.get("signal") or 0, result.get("exit") or 0,
                          result.get("stack") or "")
    return Aborted(f"request {result.get('id')} was {status} before it ran")


def loaded(value: Any) -> Any:
    """A value of an answer; DecodeError when it is an object that could not be loaded."""
    if isinstance(value, RawObject) and value.codec in ("pickle", "cloudpickle"):
        return value.load()  # raises, and says why
    return value


# Requests
# ------------------------------------------------------------------------------------------------------------------

class Request:
    """One request to one kernel."""

    def __init__(self, kernel: "Kernel", verb: str, id: str, call: Optional[_parvis.Call],
                 answer: Optional[Answer] = None) -> None:
        self.kernel = kernel
        self.verb = verb
        self.id = id
        self._call = call
        self._answer = answer
        self._error: Optional[BaseException] = None

    @property
    def call(self) -> Optional[_parvis.Call]:
        return self._call

    def ready(self) -> bool:
        return self._answer is not None or self._error is not None or (self._call is not None and self._call.ready())

    def wait(self, timeout: Optional[float]) -> bool:
        return self.ready() or (self._call is not None and self._call.wait(timeout))

    def answer(self) -> Answer:
        """(status, result), once it is ready. What the connection could not bring is looked for in the space."""
        if self._answer is None and self._error is None:
            assert self._call is not None
            try:
                self._answer = self._call.answer()
            except Disconnected:
                self._answer = self.kernel.fate(self.id, self.verb)
            except Error as error:
                self._error = error
            self._call = None
            if self._answer is not None and self._answer[1].get("kernel") is None:
                self._answer[1]["kernel"] = self.kernel.id
        if self._error is not None:
            raise self._error
        assert self._answer is not None
        return self._answer

    def failure(self) -> Optional[BaseException]:
        try:
            status, result = self.answer()
        except Error as error:
            return error
        return failure_of(status, result)

    def value(self) -> Any:
        status, result = self.answer()
        failure = failure_of(status, result)
        if failure is not None:
            raise failure
        if self.verb == "pull":
            return [loaded(value) for value in result["values"]]
        return loaded(result.get("value"))

    def field(self, name: str, default: Any) -> Any:
        found = self.answer()[1].get(name)
        return default if found is None else found


def raise_failures(failures: Sequence[BaseException]) -> None:
    """Raises the first; it lists all of them in ``errors``."""
    if not failures:
        return
    first = failures[0]
    if len(failures) > 1:
        try:
            first.errors = list(failures)  # type: ignore[attr-defined]
        except AttributeError:
            pass  # an exception class with slots: the note below still lists them
        if hasattr(first, "add_note"):
            listed = "; ".join(f"{type(failure).__name__}: {failure}" for failure in failures)
            first.add_note(f"{len(failures)} kernels failed: {listed[:2000]}")
    raise first


class Result:
    """What one or several kernels answer to a request, now or later.

    Of one kernel (``c[0]``) the value itself, of several lists in their order. It can be asked again by its id, by
    anyone,
    while the kernels live and for a week after: ``c.result(r.id)``. It can be awaited."""

    def __init__(self, requests: Sequence[Request], single: bool, unpack: bool = False) -> None:
        self._requests = list(requests)
        self._single = single
        self._unpack = unpack  # a pull of one name: not the list, its one item

    def _each(self, values: List[Any]) -> Any:
        return values[0] if self._single else values

    @property
    def id(self) -> Any:
        """The id of the request; a list of a view of several kernels."""
        return self._each([request.id for request in self._requests])

    @property
    def kernel(self) -> Any:
        """The id of the kernel."""
        return self._each([request.kernel.id for request in self._requests])

    def ready(self) -> bool:
        """Whether all have answered."""
        return all(request.ready() for request in self._requests)

    @property
    def done(self) -> bool:
        """Whether all have answered."""
        return self.ready()

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until all have answered; False at the timeout. Raises nothing of theirs."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for request in self._requests:
            if not request.wait(None if deadline is None else max(0.0, deadline - time.monotonic())):
                return False
        return True

    def get(self, timeout: Optional[float] = None) -> Any:
        """The value. Raises what the kernel raised, caused by a RemoteError; KernelDied; Timeout (the request goes
        on)."""
        if not self.wait(timeout):
            raise Timeout(f"no answer within {timeout} s; the request goes on, ask again by its id: {self.id}")
        failures = [failure for failure in (request.failure() for request in self._requests) if failure is not None]
        raise_failures(failures)
        values = [request.value() for request in self._requests]
        return self._each([value[0] for value in values] if self._unpack else values)

    result = get

    def exception(self, timeout: Optional[float] = None) -> Any:
        """What ``get`` would raise, or None."""
        if not self.wait(timeout):
            raise Timeout(f"no answer within {timeout} s")
        return self._each([request.failure() for request in self._requests])

    def _fields(self, name: str, default: Any) -> Any:
        self.wait()
        return self._each([request.field(name, default) for request in self._requests])

    @property
    def status(self) -> Any:
        """``ok``, ``error``, ``aborted`` or ``died``."""
        self.wait()
        return self._each([request.answer()[0] for request in self._requests])

    @property
    def stdout(self) -> Any:
        """What it printed. Waits for the end."""
        return self._fields("stdout", "")

    @property
    def stderr(self) -> Any:
        """What it wrote to stderr. Waits for the end."""
        return self._fields("stderr", "")

    @property
    def displays(self) -> Any:
        """What it displayed: maps of mime type to content. Waits for the end."""
        return self._fields("displays", [])

    @property
    def started(self) -> Any:
        """When it began to run (unix time). Waits for the end."""
        return self._fields("started", None)

    @property
    def took(self) -> Any:
        """How long it ran, in seconds. Waits for the end."""
        return self._fields("took", None)

    def abort(self) -> None:
        """Takes it out of the queue, where it still waits."""
        for request in self._requests:
            if not request.ready():
                request.kernel.call("abort", {"id": request.id})

    def cancel(self) -> None:
        """Takes it out of the queue, or interrupts it when it runs already."""
        for request in self._requests:
            if request.ready():
                continue
            aborted = request.kernel.call("abort", {"id": request.id})["aborted"]
            if request.id not in aborted:
                request.kernel.call("interrupt", {"id": request.id})

    def __await__(self) -> Generator[Any, None, Any]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> Any:
        import asyncio

        loop = asyncio.get_running_loop()
        for request in self._requests:
            if request.ready() or request.call is None:
                continue
            done = asyncio.Event()
            when_done(request.call, partial(loop.call_soon_threadsafe, done.set))
            await done.wait()
        # Reading the answer may look for it in the space: not on the loop's thread.
        return await loop.run_in_executor(None, self.get)

    def __repr__(self) -> str:
        ids = ", ".join(request.id[:8] for request in self._requests)
        if not self.ready():
            return f"<parvis.Result {ids}: running>"
        return f"<parvis.Result {ids}: {', '.join(str(request.answer()[0]) for request in self._requests)}>"


__all__ = ["Result", "DecodeError"]

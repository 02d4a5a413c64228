"""Views: some kernels, driven together."""

from __future__ import annotations

import getpass
import os
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Union

from ._errors import Disconnected, KernelDied
from ._kernel_client import Kernel
from ._objects import pickled
from ._remote import run_chunk
from ._result import Request, Result

Names = Union[str, Sequence[str]]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _new_id() -> str:
    return os.urandom(16).hex()


def _parts(sequence: Any, n: int) -> List[Any]:
    """n consecutive parts, as equal as they can be: of an array along axis 0, of anything else as lists."""
    is_array = type(sequence).__module__ == "numpy" and hasattr(sequence, "shape")
    items = sequence if is_array or isinstance(sequence, list) else list(sequence)
    short, longer = divmod(len(items), n)
    parts, at = [], 0
    for i in range(n):
        end = at + short + (1 if i < longer else 0)
        parts.append(items[at:end])
        at = end
    return parts


def _joined(parts: List[Any]) -> Any:
    if parts and all(type(part).__module__ == "numpy" and hasattr(part, "shape") for part in parts):
        import numpy

        return numpy.concatenate(parts)
    joined: List[Any] = []
    for part in parts:
        joined.extend(part)
    return joined


class View:
    """Some kernels (``c[:]``, ``c[0]``, ``c[1:3]``), driven together.

    A view of one kernel made by an index answers with the value itself, every other with lists in its order. Calls
    wait for
    the answers; with ``block=False`` they return a Result at once."""

    def __init__(self, kernels: Sequence[Kernel], single: bool) -> None:
        self.kernels: List[Kernel] = list(kernels)
        self._single = single
        self._user = _user()
        self.last: Optional[Result] = None
        """The Result of the newest request: its stdout, times, id."""

    # Sending
    # ---------------------------------------------------------------------------------------------------------------

    def _start(self, kernel: Kernel, verb: str, arguments: Dict[str, Any], detached: bool) -> Request:
        id = _new_id()
        sent = {"id": id, "user": self._user, **arguments}
        session = kernel.session()
        if not detached:
            return Request(kernel, verb, id, session.start_kernel_call(verb, sent))
        # Queued before we return, whatever becomes of us; the answer is pushed to us when it is there.
        queued = session.start_kernel_call(verb, {**sent, "block": False})
        answer = session.start_kernel_call("result", {"id": id, "block": True})
        try:
            status, result = queued.answer()
        except Disconnected:
            status, result = kernel.fate(id, verb)
        return Request(kernel, verb, id, answer) if status == "queued" else Request(kernel, verb, id, None,
                                                                                    (status, result))

    def _send(self, verb: str, each: Sequence[Dict[str, Any]], block: bool, timeout: Optional[float] = None,
              unpack: bool = False) -> Any:
        if not self.kernels:
            raise KernelDied("the view has no kernels: none was alive when it was made")
        if block and len(self.kernels) == 1:
            return self._call_one(verb, each[0], timeout, unpack)
        detached = not block and verb in ("execute", "apply")
        requests = [self._start(kernel, verb, arguments, detached) for kernel, arguments in zip(self.kernels, each)]
        self.last = Result(requests, self._single, unpack)
        return self.last.get(timeout) if block else self.last

    def _call_one(self, verb: str, arguments: Dict[str, Any], timeout: Optional[float], unpack: bool) -> Any:
        """One kernel and a caller who waits: the calling thread reads the answer itself."""
        kernel, id = self.kernels[0], _new_id()
        try:
            answer = kernel.session().call_kernel(verb, {"id": id, "user": self._user, **arguments}, timeout)
        except Disconnected:
            answer = kernel.fate(id, verb)
        if answer is None:  # ours to ask for later, by its id
            call = kernel.session().start_kernel_call("result", {"id": id, "block": True})
            self.last = Result([Request(kernel, verb, id, call)], self._single, unpack)
            return self.last.get(0)
        self.last = Result([Request(kernel, verb, id, None, answer)], self._single, unpack)
        return self.last.get()

    def _same(self, arguments: Dict[str, Any]) -> List[Dict[str, Any]]:
        return [arguments] * len(self.kernels)

    # Running
    # ---------------------------------------------------------------------------------------------------------------

    def execute(self, code: str, block: bool = True, *, timeout: Optional[float] = None,
                filename: Optional[str] = None) -> Any:
        """Runs code, as a cell in IPython. The value is that of a trailing expression.

        timeout: seconds after which the wait ends with parvis.Timeout; the code runs on (``interrupt`` ends it)."""
        arguments: Dict[str, Any] = {"code": code}
        if filename is not None:
            arguments["filename"] = filename
        return self._send("execute", self._same(arguments), block, timeout)

    def run(self, path: str, block: bool = True) -> Any:
        """Runs a file of this machine."""
        with open(path, encoding="utf-8") as file:
            return self.execute(file.read(), block, filename=os.path.abspath(path))

    def apply(self, f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls ``f(*args, **kwargs)`` in every kernel. ``block=False`` as a keyword returns a Result."""
        block = kwargs.pop("block", True)
        return self._send("apply", self._same({"call": pickled((f, args, kwargs))}), block)

    def map(self, f: Callable[..., Any], *iterables: Iterable[Any], block: bool = True) -> Any:
        """``list(map(f, *iterables))``, each kernel computing a consecutive share."""
        columns = list(zip(*iterables))
        shares = [list(zip(*part)) for part in _parts(columns, max(1, len(self.kernels)))]
        each = [{"call": pickled((run_chunk, (f, share), {}))} for share in shares]
        if block and len(self.kernels) == 1:
            parts = self._send("apply", each, True)
            return parts if self._single else parts[0]
        result = self._send("apply", each, False)
        mapped = MapResult(result._requests)
        self.last = mapped
        return mapped.get() if block else mapped

    # Objects
    # ---------------------------------------------------------------------------------------------------------------

    def push(self, names: Dict[str, Any], block: bool = True) -> Any:
        """Puts objects into the namespaces, all of them or none. Arrays travel without a copy."""
        for name in names:
            if not isinstance(name, str) or not name.isidentifier():
                raise ValueError(f"{name!r} is not the name of a variable")
        result = self._send("push", self._same({"names": names}), block)
        return None if block else result

    def pull(self, names: Names, *more: str, block: bool = True) -> Any:
        """Fetches an object by its name; of several names, a list. NameError when one is missing."""
        if isinstance(names, str) and not more:
            return self._send("pull", self._same({"names": [names]}), block, unpack=True)
        wanted = [names, *more] if isinstance(names, str) else [*names, *more]
        return self._send("pull", self._same({"names": wanted}), block)

    def __getitem__(self, name: str) -> Any:
        return self.pull(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self.push({name: value})

    def scatter(self, name: str, sequence: Any, block: bool = True) -> Any:
        """Cuts a sequence into consecutive parts, one for each kernel: arrays along axis 0, everything else as
        lists."""
        parts = _parts(sequence, max(1, len(self.kernels)))
        result = self._send("push", [{"names": {name: part}} for part in parts], block)
        return None if block else result

    def gather(self, name: str, block: bool = True) -> Any:
        """The parts of all kernels in one, in order: an array of arrays, a list of everything else."""
        if block and len(self.kernels) == 1:
            part = self._send("pull", self._same({"names": [name]}), True, unpack=True)
            return _joined([part] if self._single else part)
        result = self._send("pull", self._same({"names": [name]}), False, unpack=True)
        gathered = GatherResult(result._requests)
        self.last = gathered
        return gathered.get() if block else gathered

    # Control
    # ---------------------------------------------------------------------------------------------------------------

    def _each(self, values: List[Any]) -> Any:
        return values[0] if self._single else values

    def interrupt(self) -> Any:
        """Ctrl-C for what runs now, in every kernel: it raises KeyboardInterrupt. Whether there was something to
        interrupt."""
        return self._each([bool(kernel.call("interrupt", {})["interrupted"]) for kernel in self.kernels])

    def abort(self, id: Optional[str] = None) -> Any:
        """Takes requests out of the queues before they run: that one, or all. The ids of those that were."""
        arguments = {} if id is None else {"id": id}
        return self._each([list(kernel.call("abort", arguments)["aborted"]) for kernel in self.kernels])

    def status(self) -> Any:
        """What the kernels say about themselves."""
        return self._each([kernel.status() for kernel in self.kernels])

    def __len__(self) -> int:
        return len(self.kernels)

    def __iter__(self) -> Any:
        return (View([kernel], True) for kernel in self.kernels)

    def __repr__(self) -> str:
        return f"<parvis.View of {', '.join(kernel.name for kernel in self.kernels) or 'no kernels'}>"


class MapResult(Result):
    """The Result of a map: the shares in one list."""

    def __init__(self, requests: Sequence[Request]) -> None:
        super().__init__(requests, single=False)

    def get(self, timeout: Optional[float] = None) -> Any:
        """The values, in the order of the arguments."""
        return [value for share in super().get(timeout) for value in share]

    result = get


class GatherResult(Result):
    """The Result of a gather: the parts in one."""

    def __init__(self, requests: Sequence[Request]) -> None:
        super().__init__(requests, single=False, unpack=True)

    def get(self, timeout: Optional[float] = None) -> Any:
        """The parts in one, in the order of the kernels."""
        return _joined(super().get(timeout))

    result = get

"""Clusters: kernels that belong together."""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Iterator, List, Optional, Sequence, Set, Type, Union

from ._agent import Agent, ask
from ._errors import Error, KernelDied, NotFound, Timeout
from ._kernel_client import KERNELS, Connections, Kernel, sorted_kernels, stored_answer
from ._result import Request, Result
from ._space import Space, connect
from ._view import View

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ._farm import Farm

_START_TIMEOUT_S = 120.0
_UNTIL_KEPT_S = 2.0  # from a kernel's answer until the space has it, at most
_ALL = 50_000


class Cluster:
    """Kernels, and the space they meet on.

    ``Cluster(4)`` starts four kernels here (and the local server if there is none), under a name of its own; it sees
    and uses
    only its own kernels. Used in a ``with`` block, or after ``close()``, what it started is stopped, unless
    ``keep=True``.
    ``Cluster(address)`` attaches: to all kernels of the server, or with ``name=`` to those of one cluster.
    Index it for views: ``c[0]``, ``c[:]``, ``c[1:3]``, ``c[[0, 2]]``."""

    def __init__(self, n: Union[int, str, None] = None, address: Optional[str] = None, *, name: Optional[str] = None,
                 keep: bool = False, python: Optional[str] = None, token: Optional[str] = None) -> None:
        if isinstance(n, str):
            n, address = None, n
        if n is not None and (isinstance(n, bool) or not isinstance(n, int) or n < 0):
            raise ValueError(f"Cluster(n): a number of kernels, 0 or more, or an address, not {n!r}")
        self._space = connect(address, token=token)
        self._token = token
        self._python = python
        self._keep = keep
        self._agents: List[Agent] = []
        self._closed = False
        self._connections = Connections(self._space, token)
        self.name: str = name if name is not None else (f"c{os.urandom(4).hex()}" if n is not None else "")
        if n:
            try:
                self.start(n)
            except BaseException:
                self.close()
                raise

    # What there is
    # ---------------------------------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """Where the server is: what another process attaches with."""
        return self._space.address

    @property
    def space(self) -> Space:
        """The default space of the server."""
        return self._space

    def _named(self) -> Any:
        return self.name if self.name else str

    @property
    def kernels(self) -> List[Kernel]:
        """The living kernels, in start order."""
        found = self._connections.kernels._get_any([("kernel", self._named(), str, int, dict)], n=_ALL)
        return sorted_kernels([Kernel(self._connections, *fields[1:]) for fields in found])

    def __len__(self) -> int:
        return len(self.kernels)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[View]:
        return iter([View([kernel], True) for kernel in self.kernels])

    def __getitem__(self, key: Union[int, str, slice, Sequence[int]]) -> View:
        kernels = self.kernels
        if isinstance(key, slice):
            return View(kernels[key], False)
        if isinstance(key, str):
            return View([self._find(key, kernels)], True)
        if isinstance(key, int):
            if not -len(kernels) <= key < len(kernels):
                raise IndexError(f"kernel {key}: {self!r}")
            return View([kernels[key]], True)
        return View([self[i].kernels[0] for i in key], False)

    @staticmethod
    def _find(key: str, kernels: List[Kernel]) -> Kernel:
        for kernel in kernels:
            if key in (kernel.id, kernel.name):
                return kernel
        raise NotFound(f"no living kernel has the id or name {key!r}")

    def result(self, id: str) -> Result:
        """The Result of a request by its id, of anyone, also after its kernel has gone (for 7 days)."""
        kept = stored_answer(self._connections, id)
        if kept is not None:
            return Result([Request(self._past_kernel(kept[0]), "execute", id, None, kept[1])], True)
        for kernel in self.kernels:
            try:
                known = any(request["id"] == id for request in kernel.requests())
            except KernelDied:
                continue
            if known:
                call = kernel.session().start_kernel_call("result", {"id": id, "block": True})
                return Result([Request(kernel, "execute", id, call)], True)
        # It may have finished while we asked: a kernel answers first, and has its answer kept in the space behind that.
        kept = stored_answer(self._connections, id, _UNTIL_KEPT_S)
        if kept is None:
            raise NotFound(f"no request {id} is running or waiting, and no result is kept under that id")
        return Result([Request(self._past_kernel(kept[0]), "execute", id, None, kept[1])], True)

    def _past_kernel(self, id: str) -> Kernel:
        for kernel in self.kernels:
            if kernel.id == id:
                return kernel
        return Kernel(self._connections, self.name, id, -1, {"address": "", "pid": 0, "host": ""})

    def farm(self, name: str = "default") -> "Farm":
        """The task farm of that name: persistent, and the same for everybody who asks for it."""
        from ._farm import Farm

        return Farm(self, name)

    def executor(self) -> "Executor":
        """A concurrent.futures.Executor over the kernels."""
        from ._executor import FarmExecutor

        return FarmExecutor(self)

    # Starting and stopping
    # -------------------------------------------------------------------------------------------------

    def _agent_ids(self) -> List[str]:
        found = self._connections.kernels._get_any([("agent", self._named(), str, dict)], n=_ALL)
        return [fields[2] for fields in found]

    def start(self, n: int = 1, timeout: float = _START_TIMEOUT_S) -> List[Kernel]:
        """Starts n more kernels and waits until they are there. Here, or where the cluster's supervisor runs."""
        before = {kernel.id for kernel in self.kernels}
        agents = self._agent_ids()
        spawned = None
        if agents:
            ask(self._space, agents[0], "start", {"n": n})
        else:
            spawned = Agent(self.name, n, self.address, self._python, self._token)
            self._agents.append(spawned)
        return self._await_kernels(before, n, timeout, spawned)

    def _await_kernels(self, before: Set[str], n: int, timeout: float, spawned: Optional[Agent]) -> List[Kernel]:
        deadline = time.monotonic() + timeout
        pause = 0.002
        while True:
            new = [kernel for kernel in self.kernels if kernel.id not in before]
            if len(new) >= n:
                return new
            if spawned is not None:
                spawned.check()
            if time.monotonic() > deadline:
                where = f" (log: {spawned.log})" if spawned is not None else ""
                raise Timeout(f"only {len(new)} of {n} kernels have come within {timeout} s{where}")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)

    def stop(self, *kernels: Union[int, str, Kernel], timeout: float = 60.0) -> None:
        """Stops kernels for good: those given (by index, id or as they stand in ``kernels``), or all of the cluster."""
        living = self.kernels
        chosen = [self._chosen(kernel, living) for kernel in kernels] if kernels else living
        ids = [kernel.id for kernel in chosen] if kernels else None
        agents = {kernel.agent for kernel in chosen if kernel.agent} if kernels else set(self._agent_ids())
        for agent in agents:
            ask(self._space, agent, "stop", {"kernels": ids}, timeout)
        for kernel in chosen:
            if kernel.agent not in agents and kernel.alive():
                kernel.call("stop", {"now": True})
        self._await_gone({kernel.id for kernel in chosen}, timeout)

    def restart(self, *kernels: Union[int, str, Kernel], timeout: float = _START_TIMEOUT_S) -> List[Kernel]:
        """Replaces kernels (all of them by default) by new ones with empty namespaces."""
        living = self.kernels
        chosen = [self._chosen(kernel, living) for kernel in kernels] if kernels else living
        before = {kernel.id for kernel in living}
        for kernel in chosen:
            if not kernel.agent:
                raise Error(f"kernel {kernel.name} has no supervisor that could replace it")
            ask(self._space, kernel.agent, "restart", {"kernel": kernel.id})
        new = self._await_kernels(before, len(chosen), timeout, None)
        self._await_gone({kernel.id for kernel in chosen}, timeout)
        return new

    def _chosen(self, kernel: Union[int, str, Kernel], living: List[Kernel]) -> Kernel:
        if isinstance(kernel, Kernel):
            return kernel
        if isinstance(kernel, str):
            return self._find(kernel, living)
        return living[kernel]

    def _await_gone(self, ids: Set[str], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while ids & {kernel.id for kernel in self.kernels}:
            if time.monotonic() > deadline:
                raise Timeout(f"kernels are still there {timeout} s after they were told to stop")
            time.sleep(0.01)

    def close(self) -> None:
        """Stops what this object started (unless keep=True) and ends its connections."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._agents and not self._keep:
                self._stop_agents()
        finally:
            self._connections.close()
            self._space.close()

    def _stop_agents(self) -> None:
        running = [agent for agent in self._agents if agent.process.poll() is None]
        if running:
            self.stop()
        for agent in running:
            if not agent.wait(30.0):
                agent.process.terminate()
                agent.wait(10.0)

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    # Showing
    # ---------------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        if self._closed:
            return f"<parvis.Cluster {self.name or 'of all kernels'}: closed>"
        n = len(self.kernels)
        return f"<parvis.Cluster {self.name or 'of all kernels'} at {self.address}: {n} kernel{'' if n == 1 else 's'}>"

    def _repr_html_(self) -> str:
        from html import escape

        if self._closed:
            return escape(repr(self))
        rows = "".join(f"<tr><td>{i}</td><td>{escape(kernel.name)}</td><td>{kernel.pid}</td>"
                       f"<td>{escape(kernel.host)}</td><td>{escape(kernel.state)}</td></tr>"
                       for i, kernel in enumerate(self.kernels))
        head = "<tr><th></th><th>kernel</th><th>pid</th><th>host</th><th>state</th></tr>"
        return f"<b>{escape(repr(self)[1:-1])}</b><table>{head}{rows}</table>"


__all__ = ["Cluster", "Kernel", "KERNELS"]

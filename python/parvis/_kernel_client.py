"""A kernel as its clients see it."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, Optional, Tuple

from . import _parvis
from ._errors import Disconnected, Error, KernelDied, NotFound
from ._result import Answer, failure_of
from ._space import Space, open_session

KERNELS = "parvis.kernels"
RESULTS = "parvis.results"

# A kernel's supervisor reports its death within a second; on a machine that is very busy it may take longer.
_DEATH_REPORT_S = 10.0


class Connections:
    """The connections to kernels, shared by everything that came from one Cluster."""

    def __init__(self, space: Space, token: Optional[str]) -> None:
        self.kernels = space.space(KERNELS)
        self.results = space.space(RESULTS)
        self._token = token
        self._sessions: Dict[str, _parvis.Session] = {}
        self._lock = threading.Lock()

    def session(self, kernel: "Kernel") -> _parvis.Session:
        with self._lock:
            session = self._sessions.get(kernel.id)
        if session is None:
            # A kernel that is gone does not come back under its address: no reconnecting, the space knows its fate.
            session = open_session(kernel.address, self._token, connect_timeout=10.0, reconnect_for=0.0)
            with self._lock:
                session = self._sessions.setdefault(kernel.id, session)
        return session

    def forget(self, kernel: "Kernel") -> None:
        with self._lock:
            self._sessions.pop(kernel.id, None)

    def close(self) -> None:
        with self._lock:
            sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            session.close()


class Kernel:
    """A Python session that any number of users drive: where it is, and how it is doing."""

    def __init__(self, connections: Connections, cluster: str, id: str, index: int, info: Dict[str, Any]) -> None:
        self._connections = connections
        self.cluster: str = cluster
        self.id: str = id
        self.index: int = index
        self.address: str = info["address"]
        self.pid: int = info["pid"]
        self.host: str = info["host"]
        self.started: float = info.get("started", 0.0)
        self.python: str = info.get("python", "")
        self.agent: Optional[str] = info.get("agent")

    @property
    def name(self) -> str:
        """What people call it: its cluster and its index."""
        return f"{self.cluster}/{self.index}" if self.cluster else str(self.index)

    def session(self) -> _parvis.Session:
        """The connection. KernelDied when there is no kernel any more."""
        try:
            return self._connections.session(self)
        except Disconnected as error:
            raise self._died(error) from error

    def forget_connection(self) -> None:
        self._connections.forget(self)

    def call(self, verb: str, arguments: Dict[str, Any], timeout: Optional[float] = None) -> Dict[str, Any]:
        """A call that the kernel answers at once: the result when it is ``ok``, an exception otherwise."""
        try:
            answer = self.session().call_kernel(verb, arguments, timeout)
        except Disconnected as error:
            self.forget_connection()
            raise self._died(error) from error
        if answer is None:
            raise NotFound(f"kernel {self.name} ({self.id}) did not answer within {timeout} s")
        failure = failure_of(*answer)
        if failure is not None:
            raise failure
        return answer[1]

    def status(self) -> Dict[str, Any]:
        """What it says about itself: state, queue, running, started, python, executable, executed …"""
        return self.call("status", {})

    @property
    def state(self) -> str:
        """``starting``, ``idle``, ``busy`` or ``dead``."""
        try:
            return str(self.status()["state"])
        except KernelDied:
            return "dead"

    @property
    def queue(self) -> int:
        """How many requests wait."""
        try:
            return int(self.status()["queue"])
        except KernelDied:
            return 0

    def requests(self) -> Any:
        """The requests that run or wait: maps with id, verb, user, state, summary."""
        return self.call("queue", {})["requests"]

    # What became of it
    # -----------------------------------------------------------------------------------------------------

    def _death(self, timeout: float) -> Optional[Dict[str, Any]]:
        try:
            found = self._connections.kernels.rd("death", str, self.id, dict, timeout=timeout)
        except TimeoutError:
            return None
        info: Dict[str, Any] = found[3]
        return info

    def alive(self) -> bool:
        """Whether it is registered."""
        return self._connections.kernels.rdp("kernel", str, self.id, int, dict) is not None

    def _died(self, cause: Exception) -> Error:
        """Why it can't be reached: KernelDied with what its supervisor saw; the connection's own error while it
        lives."""
        deadline = time.monotonic() + _DEATH_REPORT_S
        while True:
            death = self._death(0.2)
            if death is not None:
                return self._death_error(death)
            if time.monotonic() > deadline or not self.alive():
                death = self._death(2.0)
                return self._death_error(death) if death is not None else self._gone(cause)

    def _gone(self, cause: Exception) -> Error:
        if self.alive():
            return Disconnected(f"kernel {self.name} ({self.id}) is registered but cannot be reached: {cause}")
        return KernelDied(f"kernel {self.name} ({self.id}) is gone; nobody reported how", self.id)

    def _death_error(self, info: Dict[str, Any]) -> KernelDied:
        signal, exit_status = info.get("signal") or 0, info.get("exit") or 0
        how = _signal_name(signal) if signal else f"exit status {exit_status}"
        stack = info.get("stack") or ""
        message = f"kernel {self.name} ({self.id}) died: {how}" + (f"\n{stack}" if stack else "")
        return KernelDied(message, self.id, signal, exit_status, stack)

    def fate(self, id: str, verb: str) -> Answer:
        """The answer to a request whose connection broke: from the kernel, where it lives, else from the space."""
        self.forget_connection()
        deadline = time.monotonic() + _DEATH_REPORT_S
        while True:
            kept = stored_answer(self._connections, id)
            if kept is not None:
                return kept[1]
            death = self._death(0.1)
            if death is not None:
                kept = stored_answer(self._connections, id)
                return kept[1] if kept is not None else self._died_answer(id, self._death_error(death))
            reached = self._ask_again(id) if verb in ("execute", "apply") and self.alive() else None
            if reached is not None:
                return reached
            if time.monotonic() > deadline:
                raise self._died(Disconnected("the connection broke"))

    def _ask_again(self, id: str) -> Optional[Answer]:
        try:
            answer = self._connections.session(self).call_kernel("result", {"id": id, "block": True})
        except Disconnected:
            self.forget_connection()
            return None
        return answer

    @staticmethod
    def _died_answer(id: str, error: KernelDied) -> Answer:
        return "died", {"id": id, "message": str(error), "kernel": error.kernel, "signal": error.signal,
                        "exit": error.exit,
                        "stack": error.stack}

    def __repr__(self) -> str:
        return f"<parvis.Kernel {self.name}: pid {self.pid} on {self.host}, id {self.id}>"


def _signal_name(number: int) -> str:
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def stored_answer(connections: Connections, id: str, patience: float = 0.0) -> Optional[Tuple[str, Answer]]:
    """(kernel id, answer) that was kept in the space, or is in `patience` seconds."""
    found = connections.results.read_many(1, "result", id, str, str, dict, timeout=patience)
    return (found[0][2], (found[0][3], found[0][4])) if found else None


def sorted_kernels(kernels: "list[Kernel]") -> "list[Kernel]":
    """In start order."""
    key: Callable[[Kernel], Any] = lambda kernel: (kernel.cluster, kernel.index, kernel.started)  # noqa: E731
    return sorted(kernels, key=key)

"""Lock, Semaphore, Leader: tokens that a transaction holds. It ends with the connection, so a dead holder holds
nothing."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, List, Optional, Sequence, Tuple, Type

from .._errors import Conflict
from .._space import Space
from .._transaction import Transaction
from ._named import Named, seconds


class _Held(Named):
    """Something to acquire and to release."""

    def __init__(self, name: Optional[str] = None, space: Optional[Space] = None) -> None:
        super().__init__(name, space)
        self._claims: List[Transaction] = []
        self._mutex = threading.Lock()

    def _token(self) -> Tuple[Any, ...]:
        return self._key()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Waits until it is ours, at most ``timeout`` seconds (-1: for ever); whether it is."""
        if not blocking and timeout != -1:
            raise ValueError("a call that does not block has no timeout")
        claim = self._claim(*self._token(), wait=blocking, timeout=seconds(timeout, -1))
        if claim is None:
            return False
        with self._mutex:
            self._claims.append(claim)
        return True

    def release(self) -> None:
        """Lets the longest waiting have it. RuntimeError when it is not held through this object, or no longer."""
        with self._mutex:
            if not self._claims:
                raise RuntimeError(f"{self!r} is not held here")
            claim = self._claims.pop()
        try:
            claim.abort()  # the token is back at its place
        except Conflict:
            raise RuntimeError(f"{self!r} was lost before it was released: the connection had ended") from None

    def __enter__(self) -> Any:
        self.acquire()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.release()


class Lock(_Held):
    """A lock that processes share by its name, with the methods of ``threading.Lock``.

        with parvis.Lock("results.csv"):
            ...

    It is held by this object, not by a thread; when the process dies it is free again."""

    KIND = "parvis.lock"

    def _tokens(self, setting: Any) -> Sequence[Tuple[Any, ...]]:
        return [()]

    def locked(self) -> bool:
        """Whether anybody holds it."""
        return self._space.rdp(*self._key()) is None


class Semaphore(_Held):
    """At most ``leases`` holders at a time. The first user settles how many; another number is a ValueError then.

    Each ``acquire`` takes one place, each ``release`` gives one back."""

    KIND = "parvis.semaphore"

    def __init__(self, name: Optional[str] = None, leases: Optional[int] = None, space: Optional[Space] = None) -> None:
        if leases is not None and leases < 1:
            raise ValueError("a semaphore has at least one place")
        super().__init__(name, space)
        self._leases = leases

    def _setting(self) -> int:
        return 1 if self._leases is None else self._leases

    def _tokens(self, setting: int) -> Sequence[Tuple[Any, ...]]:
        return [(place,) for place in range(setting)]

    def _token(self) -> Tuple[Any, ...]:
        key = self._key()
        if self._leases not in (None, self.leases):
            raise ValueError(f"{self!r} was made with {self.leases} places, not {self._leases}")
        return (*key, int)

    @property
    def leases(self) -> int:
        """How many may hold it at a time."""
        leases: int = self._made()[1]
        return leases

    def get_value(self) -> int:
        """How many places are free."""
        return self._space.count(*self._token())

    def _arguments(self) -> Tuple[Any, ...]:
        return self.name, self._leases


class Leader(Named):
    """One of many processes leads; when it dies or resigns, the one that has campaigned longest follows.

        leader = parvis.Leader("scheduler", me="node 3")
        leader.campaign()           # blocks until we lead
        while leader.is_leader():
            ..."""

    KIND = "parvis.leader"

    def __init__(self, name: Optional[str] = None, me: Optional[str] = None, space: Optional[Space] = None) -> None:
        super().__init__(name, space)
        self._me = me
        self._claimed: Optional[Transaction] = None
        self._mutex = threading.Lock()

    def _tokens(self, setting: Any) -> Sequence[Tuple[Any, ...]]:
        return [("crown",)]

    @property
    def me(self) -> str:
        """What this candidate is called."""
        if self._me is None:
            import os
            import socket

            return f"{socket.gethostname()} {os.getpid()}"
        return self._me

    def campaign(self, timeout: Optional[float] = None) -> bool:
        """Waits until we lead, at most ``timeout`` seconds; whether we do."""
        if self._claimed is not None and self.is_leader():
            return True
        claim = self._claim(*self._key(), "crown", wait=True, timeout=seconds(timeout))
        if claim is None:
            return False
        try:
            self._space.out(*self._key(), "is", claim.id, self.me, owned=True)
        except BaseException:
            claim.abort()
            raise
        with self._mutex:
            self._claimed = claim
        return True

    def resign(self) -> None:
        """Lets the next one lead. RuntimeError when we do not."""
        with self._mutex:
            claim, self._claimed = self._claimed, None
        if claim is None:
            raise RuntimeError(f"{self!r} is not led from here")
        self._space.inp(*self._key(), "is", claim.id, str)
        try:
            claim.abort()
        except Conflict:
            raise RuntimeError(f"{self!r} was lost before we resigned: the connection had ended") from None

    def is_leader(self) -> bool:
        """Whether we lead, asked of the server."""
        claim = self._claimed
        return claim is not None and self._space.rdp(*self._key(), "is", claim.id, str) is not None

    def leader(self) -> Optional[str]:
        """What the one who leads is called; None while nobody does."""
        found = self._space.rdp(*self._key(), "is", int, str)
        return None if found is None else found[5]

    def __enter__(self) -> "Leader":
        self.campaign()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.resign()

    def _arguments(self) -> Tuple[Any, ...]:
        return self.name, self._me

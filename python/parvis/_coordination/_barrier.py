"""Barrier: each party puts a tuple that vanishes with it, and whoever comes last takes them all and lets all go."""

from __future__ import annotations

import threading
import uuid
from typing import Any, Optional, Sequence, Tuple

from .._errors import Timeout
from .._space import Space
from .._templates import ANY
from .._transaction import Transaction
from ._named import Named, seconds

LATE = 3600.0  # seconds after which a "go" that nobody took is no longer kept: who waited for it has died
BROKEN = -1


class Barrier(Named):
    """``parties`` processes wait for each other, again and again, as with ``threading.Barrier``.

    A party that does not come in time breaks it for all that wait: ``threading.BrokenBarrierError``, also for those
    who come later, until ``reset()``. One that dies while it waits is not counted any more."""

    KIND = "parvis.barrier"

    def __init__(self, name: Optional[str] = None, parties: int = 1, space: Optional[Space] = None) -> None:
        if parties < 1:
            raise ValueError("a barrier has at least one party")
        super().__init__(name, space)
        self._parties = parties

    def _setting(self) -> int:
        return self._parties

    def _tokens(self, setting: int) -> Sequence[Tuple[Any, ...]]:
        return [("state", False)]  # whether it is broken; who holds it may judge who has come

    @property
    def parties(self) -> int:
        """How many it takes."""
        parties: int = self._made()[1]
        if parties != self._parties:
            raise ValueError(f"{self!r} was made for {parties} parties, not {self._parties}")
        return parties

    def wait(self, timeout: Optional[float] = None) -> int:
        """Waits for the others, at most ``timeout`` seconds. A number from 0 to parties - 1, another for each."""
        timeout, me = seconds(timeout), uuid.uuid4().hex
        parties = self.parties
        self._space.out(*self._key(), "here", me, owned=True)
        try:
            self._judge(parties)
            index = self._go(me, timeout)
            while index is None:
                self._break(me=me)
                index = self._go(me, None)
        except BaseException:
            self._space.inp(*self._key(), "here", me)
            raise
        if index == BROKEN:
            raise threading.BrokenBarrierError
        return index

    def _go(self, me: str, timeout: Optional[float]) -> Optional[int]:
        try:
            index: int = self._space.in_(*self._key(), "go", me, int, timeout=timeout)[5]
            return index
        except Timeout:
            return None

    def _judge(self, parties: int) -> None:
        """Lets all go when all are here. One at a time, so that somebody sees the last one."""
        with self._space.transaction() as transaction:
            broken = transaction.in_(*self._key(), "state", bool)[4]
            waiting = transaction.take_many(parties, *self._key(), "here", ANY, timeout=0)
            if broken:
                self._let_go(transaction, waiting, broken=True)
            elif len(waiting) == parties:
                self._let_go(transaction, waiting, broken=False)
            else:
                transaction.abort()
                return
            transaction.out(*self._key(), "state", broken)

    def _let_go(self, transaction: Transaction, waiting: Sequence[Tuple[Any, ...]], broken: bool) -> None:
        for index, here in enumerate(waiting):
            transaction.out(*self._key(), "go", here[4], BROKEN if broken else index, lease=LATE)

    def _break(self, stays: bool = True, me: Optional[str] = None) -> None:
        with self._space.transaction() as transaction:
            transaction.in_(*self._key(), "state", bool)
            if me is not None and transaction.rdp(*self._key(), "here", me) is None:
                transaction.abort()  # we have been let go meanwhile
                return
            waiting = transaction.take_many(1000, *self._key(), "here", ANY, timeout=0)
            self._let_go(transaction, waiting, broken=True)
            transaction.out(*self._key(), "state", stays)

    def abort(self) -> None:
        """Breaks it, for those who wait and those who come."""
        self._break()

    def reset(self) -> None:
        """Makes it whole; whoever waits now gets BrokenBarrierError."""
        self._break(stays=False)

    @property
    def n_waiting(self) -> int:
        """How many wait at this instant."""
        return self._space.count(*self._key(), "here", ANY)

    @property
    def broken(self) -> bool:
        """Whether it is broken."""
        return bool(self._space.rd(*self._key(), "state", bool)[4])

    def _arguments(self) -> Tuple[Any, ...]:
        return self.name, self._parties

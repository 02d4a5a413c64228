"""Transactions."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import TYPE_CHECKING, Any, Iterator, List, Optional, Protocol, Sequence, Tuple, Type

from . import _parvis
from ._errors import Conflict, Disconnected, LimitExceeded, ProtocolError, StorageFull
from ._statements import Where, name_of

if TYPE_CHECKING:
    from ._space import Space


class Open(Protocol):
    """What ends: a Transaction of either kind."""

    _open: bool


@contextlib.contextmanager
def ending(transaction: Open) -> Iterator[None]:
    """It has ended with the block, unless the server refused what was asked: then nothing has changed."""
    transaction._open = False
    try:
        yield
    except (LimitExceeded, ProtocolError, StorageFull):
        transaction._open = True
        raise


class Transaction:
    """Takes that come back, and outs that never happen, unless it is committed.

    What it takes is invisible to others; what it puts appears to others at the commit. Its own operations see both: the
    tuples of the server, being older, come first, then what it has put itself; a put that it takes again never happens.
    An operation on a transaction that has ended raises Conflict. ``space=``, a Space or its name, is another space
    than the one it began in."""

    def __init__(self, space: "Space", lease: Optional[float] = None) -> None:
        self._space = space
        self._own = _parvis.Inside(space._call(_parvis.begin(lease)))
        self._inside = self._enter(space.name)
        self._open = True

    def _enter(self, name: str) -> "Space":
        inside = self._space.space(name)
        inside._enter(self._own)
        return inside

    @property
    def id(self) -> int:
        """The server's number of it."""
        return self._own.id

    def _check(self) -> None:
        if not self._open:
            raise Conflict("the transaction has ended")

    def _of(self, space: Where) -> "Space":
        self._check()
        return self._inside if space is None else self._enter(name_of(space, self._space.name))

    def out(self, *fields: Any, lease: Optional[float] = None, priority: int = 0, delay: Optional[float] = None,
            group: Any = None, space: Where = None) -> None:
        """Puts a tuple at the commit, from which its lease and delay count. Options as ``Space.out``."""
        self._check()
        self._own.add(name_of(space, self._space.name), *fields, lease=lease, priority=priority, delay=delay,
                      group=group)

    def out_many(self, tuples: Sequence[Sequence[Any]], **options: Any) -> None:
        """Puts tuples at the commit."""
        for fields in tuples:
            self.out(*fields, **options)

    def in_(self, *template: Any, timeout: Optional[float] = None, space: Where = None) -> Tuple[Any, ...]:
        """Takes a tuple; it comes back when the transaction does not commit."""
        return self._of(space).in_(*template, timeout=timeout)

    def inp(self, *template: Any, settle: Optional[float] = None, space: Where = None) -> Optional[Tuple[Any, ...]]:
        """Takes a tuple, or returns None at once."""
        return self._of(space).inp(*template, settle=settle)

    def rd(self, *template: Any, timeout: Optional[float] = None, space: Where = None) -> Tuple[Any, ...]:
        """Reads a tuple."""
        return self._of(space).rd(*template, timeout=timeout)

    def rdp(self, *template: Any, settle: Optional[float] = None, space: Where = None) -> Optional[Tuple[Any, ...]]:
        """Reads a tuple, or returns None at once."""
        return self._of(space).rdp(*template, settle=settle)

    def take_many(self, n: int, *template: Any, timeout: Optional[float] = None,
                  space: Where = None) -> List[Tuple[Any, ...]]:
        """Takes up to n tuples; waits for the first. [] at the timeout."""
        return self._of(space).take_many(n, *template, timeout=timeout)

    def read_many(self, n: int, *template: Any, timeout: Optional[float] = None,
                  space: Where = None) -> List[Tuple[Any, ...]]:
        """Reads up to n tuples; waits for the first. [] at the timeout."""
        return self._of(space).read_many(n, *template, timeout=timeout)

    def count(self, *template: Any, space: Where = None) -> int:
        """How many tuples match, its own puts among them."""
        inside = self._of(space)
        inside._check_open()
        return inside.count(*template) + self._own.count(inside.name, *template)

    take = in_
    read = rd
    write = out

    def renew(self, lease: Optional[float]) -> None:
        """It ends `lease` seconds from now instead; None: with the connection."""
        self._check()
        self._space._call(_parvis.renew(self.id, [], lease))

    def commit(self) -> None:
        """What was taken is gone and what was put is there, at once. Conflict when the transaction had ended before.

        LimitExceeded, ProtocolError and StorageFull leave it open: make room and commit again, or abort."""
        self._check()
        with ending(self):
            self._space._call(self._own.commit())

    def abort(self) -> None:
        """What was taken is back at its place, and nothing was put."""
        self._check()
        self._open = False
        self._space._call(_parvis.abort(self.id))

    def __enter__(self) -> "Transaction":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        try:
            if self._open and error is None:
                self.commit()
        finally:
            if self._open:
                with contextlib.suppress(Conflict, Disconnected):  # ended by itself; the first error is to be seen
                    self.abort()

    def __repr__(self) -> str:
        return f"<parvis.Transaction {self.id} on {self._space.name!r}, {'open' if self._open else 'ended'}>"

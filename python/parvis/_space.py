"""Spaces and transactions."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any, Optional, Sequence, Type

from . import _parvis
from ._errors import Conflict, Disconnected
from ._events import close_at_exit

DEFAULT_SPACE = "default"


def _client_name() -> str:
    program = os.path.basename(sys.argv[0]) if getattr(sys, "argv", None) and sys.argv[0] else "python"
    return f"{program} {os.getpid()}"


def open_session(address: Optional[str], token: Optional[str], connect_timeout: float = 5.0,
                 reconnect_for: float = 30.0) -> _parvis.Session:
    """A connection; the local server is started when no address is given and there is none."""
    start_server = not address and not os.environ.get("PARVIS_ADDRESS")
    session = _parvis.Session.connect(address or "", token or "", _client_name(), start_server, connect_timeout,
                                      reconnect_for)
    close_at_exit(session)
    return session


def connect(address: Optional[str] = None, space: str = DEFAULT_SPACE, token: Optional[str] = None) -> "Space":
    """Connects to a server and answers one of its spaces.

    Without an address: ``$PARVIS_ADDRESS``, else the local server, which is started if there is none. Addresses are
    ``unix:///path``, ``tcp://host:port``. The token of a local server is found by itself; others come as ``token``."""
    return Space(open_session(address, token), space)


def default_space() -> "Space":
    """What ``parvis.space`` is."""
    return connect()


class Space(_parvis.Space):
    """A named tuple space on a server. Any thread may use it; ``close()`` or a ``with`` block ends the connection.

    A tuple is put with ``out`` and found by a template: actual values, types as formals, ``ANY``, ``Between``,
    ``Prefix``,
    ``OneOf``, ``Var``, and ``...`` for any further fields. Matching is exact about types: 1, 1.0 and True are
    different."""

    def space(self, name: str) -> "Space":
        """Another space of the same server, over the same connection."""
        return Space(self.session, name)

    @property
    def address(self) -> str:
        """Where the server is."""
        return self.session.address

    def transaction(self, lease: Optional[float] = None) -> "Transaction":
        """Takes and outs that happen all together, or not at all.

        lease: seconds after which the server ends it unless it was committed; by default it lives as long as the
        connection.
        With ``with`` it commits at the end of the block, and aborts when the block raises."""
        return Transaction(self, lease)

    def close(self) -> None:
        """Confirms what was received and ends the connection, for all spaces that share it."""
        self.session.close()

    def __enter__(self) -> "Space":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def __reduce__(self) -> Any:
        # In a kernel the same address may be another machine's: a space travels as its name and is the receiver's own.
        return _space_named, (self.name,)

    def __repr__(self) -> str:
        return f"<parvis.Space {self.name!r} at {self.session.address}>"


def _space_named(name: str) -> Space:
    import parvis

    return parvis.space.space(name)


class Transaction:
    """Takes that come back, and outs that never happen, unless it is committed.

    What it takes is invisible to others; what it puts appears at the commit, and not before to itself either. An
    operation
    on a transaction that has ended raises Conflict."""

    def __init__(self, space: Space, lease: Optional[float] = None) -> None:
        self._space = space
        self._inside = Space(space.session, space.name)
        self._inside._enter(space._begin(lease))
        self._puts = _parvis.Puts()
        self._open = True

    @property
    def id(self) -> int:
        """The server's number of it."""
        return self._inside._transaction

    def _check(self) -> None:
        if not self._open:
            raise Conflict("the transaction has ended")

    def _of(self, space: Optional[Space]) -> Space:
        self._check()
        if space is None:
            return self._inside
        inside = Space(self._space.session, space.name)
        inside._enter(self.id)
        return inside

    def out(self, *fields: Any, lease: Optional[float] = None, priority: int = 0,
            space: Optional[Space] = None) -> None:
        """Puts a tuple at the commit (into ``space``, by default the one the transaction began in)."""
        self._check()
        self._puts.add((space or self._space).name, *fields, lease=lease, priority=priority)

    def out_many(self, tuples: Sequence[Sequence[Any]], **options: Any) -> None:
        """Puts tuples at the commit."""
        for fields in tuples:
            self.out(*fields, **options)

    def in_(self, *fields: Any, timeout: Optional[float] = None, space: Optional[Space] = None) -> Any:
        """Takes a tuple; it comes back when the transaction does not commit."""
        return self._of(space).in_(*fields, timeout=timeout)

    def inp(self, *fields: Any, space: Optional[Space] = None) -> Any:
        """Takes a tuple, or returns None at once."""
        return self._of(space).inp(*fields)

    def rd(self, *fields: Any, timeout: Optional[float] = None, space: Optional[Space] = None) -> Any:
        """Reads a tuple."""
        return self._of(space).rd(*fields, timeout=timeout)

    def rdp(self, *fields: Any, space: Optional[Space] = None) -> Any:
        """Reads a tuple, or returns None at once."""
        return self._of(space).rdp(*fields)

    def take_many(self, n: int, *fields: Any, timeout: Optional[float] = None, space: Optional[Space] = None) -> Any:
        """Takes up to n tuples; waits for the first. [] at the timeout."""
        return self._of(space).take_many(n, *fields, timeout=timeout)

    def read_many(self, n: int, *fields: Any, timeout: Optional[float] = None, space: Optional[Space] = None) -> Any:
        """Reads up to n tuples; waits for the first. [] at the timeout."""
        return self._of(space).read_many(n, *fields, timeout=timeout)

    take = in_
    read = rd
    write = out

    def renew(self, lease: float) -> None:
        """It ends `lease` seconds from now instead."""
        self._check()
        self._inside._renew(lease)

    def commit(self) -> None:
        """What was taken is gone and what was put is there, at once. Conflict when the transaction had ended before."""
        self._check()
        self._open = False
        self._inside._commit(self._puts)

    def abort(self) -> None:
        """What was taken is back at its place, and nothing was put."""
        self._check()
        self._open = False
        self._inside._abort()

    def __enter__(self) -> "Transaction":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        if not self._open:
            return
        if error is None:
            self.commit()
            return
        try:
            self.abort()
        except (Conflict, Disconnected):
            pass  # it has ended by itself: the outcome is the same, and the block's own error is the one to see

    def __repr__(self) -> str:
        return f"<parvis.Transaction {self.id} on {self._space.name!r}, {'open' if self._open else 'ended'}>"

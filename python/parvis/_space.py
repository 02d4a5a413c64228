"""Spaces."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any, Iterable, Iterator, List, Mapping, Optional, Tuple, Type, Union

from . import _operations as operations
from . import _parvis
from ._events import close_at_exit
from ._statements import Branch, Ran, Where
from ._transaction import Transaction
from ._watch import Watch

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

    def transaction(self, lease: Optional[float] = None) -> Transaction:
        """Takes and outs that happen all together, or not at all.

        lease: seconds after which the server ends it unless it was committed; by default it lives as long as the
        connection.
        With ``with`` it commits at the end of the block, and aborts when the block raises."""
        return Transaction(self, lease)

    def _ask(self, asked: operations.Asked) -> Any:
        operation, read = asked
        return read(self._call(operation))

    def scan(self, *template: Any, page: int = 1000) -> Iterator[Tuple[Any, ...]]:
        """All matches, one after the other, without blocking anybody: each at most once, those present when the first
        is asked for and still present when their page of ``page`` tuples is. Goes on after a reconnect or restart."""
        _parvis.scan(self.name, template, page, 0, 0)  # what is wrong with the arguments is said at once
        return self._pages(template, page)

    def _pages(self, template: Tuple[Any, ...], page: int) -> Iterator[Tuple[Any, ...]]:
        after = until = 0
        done = False
        while not done:
            tuples, after, until, done = self._call(_parvis.scan(self.name, template, page, after, until))
            yield from tuples

    def watch(self, *template: Any, kinds: Union[str, Iterable[str], None] = None, since: Optional[int] = None,
              timeout: Optional[float] = None) -> Watch:
        """An iterator over what happens to tuples that match, from now on.

        kinds: some of 'put', 'taken', 'returned', 'expired', 'updated'; by default all. since: begins with the event of
        this number, ``seq + 1`` of the last one seen. timeout: the iteration ends when nothing happens for so many
        seconds."""
        return Watch(self, template, kinds, since, timeout)

    def collect(self, dst: Where, *template: Any) -> int:
        """Moves all that matches to another space (a Space or its name) in one step, and returns how many there were.

        At most 50 000 tuples; LimitExceeded beyond, and nothing has moved."""
        moved: int = self._ask(operations.collect(self.name, dst, template, False))
        return moved

    def copy_collect(self, dst: Where, *template: Any) -> int:
        """Copies all that matches to another space in one step, and returns how many there were."""
        copied: int = self._ask(operations.collect(self.name, dst, template, True))
        return copied

    def run(self, *branches: Branch, timeout: Optional[float] = None, wait: bool = True) -> Optional[Ran]:
        """Runs an atomic guarded statement: ``space.run(when(take("n", n)).do(put("n", n + 1)))``.

        The first branch, as written, that can run does. None can: it waits, at most ``timeout`` seconds (then Timeout);
        with ``wait=False`` the answer is None at once."""
        ran: Optional[Ran] = self._ask(operations.run(self.name, branches, timeout, wait))
        return ran

    def update(self, template: Any, *, set: Optional[Mapping[int, Any]] = None,
               add: Optional[Mapping[int, Any]] = None, subtract: Optional[Mapping[int, Any]] = None,
               multiply: Optional[Mapping[int, Any]] = None, min: Optional[Mapping[int, Any]] = None,
               max: Optional[Mapping[int, Any]] = None) -> Optional[Tuple[Any, ...]]:
        """Changes fields of the oldest match in place, in one step: ``update(("n", int), add={1: 1})``.

        Each option is a dict from the position of a field to a value. The tuple keeps its place, priority and lease.
        Returns the tuple as it is now, or None at once without a match."""
        how = {"set": set, "add": add, "subtract": subtract, "multiply": multiply, "min": min, "max": max}
        updated: Optional[Tuple[Any, ...]] = self._ask(operations.update(self.name, template, how))
        return updated

    def swap(self, template: Any, new: Any, *, lease: Optional[float] = None,
             priority: int = 0) -> Optional[Tuple[Any, ...]]:
        """Takes the oldest match and puts the tuple ``new``, in one step. Returns what it took, or None, and then
        nothing was put."""
        old: Optional[Tuple[Any, ...]] = self._ask(operations.swap(self.name, template, new, lease, priority))
        return old

    def out_if_absent(self, *fields: Any, unless: Any = None, lease: Optional[float] = None,
                      priority: int = 0) -> bool:
        """Puts a tuple unless something matches ``unless`` (a template; by default: unless this very tuple is there),
        in one step. Whether it was put."""
        done: bool = self._ask(operations.out_if_absent(self.name, fields, unless, lease, priority))
        return done

    def aggregate(self, *template: Any, by: operations.Positions = None, sum: operations.Positions = None,
                  min: operations.Positions = None, max: operations.Positions = None,
                  count: Optional[bool] = None) -> Any:
        """Counts and sums over all matches, in the server: ``aggregate("job", str, float, by=1, sum=2, max=2)``.

        Each option is the position of a field, or several. With ``by``, a list of rows, one for each value of that
        field; without, one row. A row has ``key``, ``count``, ``sum``, ``min`` and ``max``."""
        terms = {"sum": sum, "min": min, "max": max}
        return self._ask(operations.aggregate(self.name, template, by, terms, count))

    def sum(self, *template: Any, of: int) -> Any:
        """The sum of the field at position ``of`` over all matches."""
        return self._ask(operations.total(self.name, template, "sum", of))

    def min(self, *template: Any, of: int) -> Any:
        """The smallest value of the field at position ``of`` over all matches; None without any."""
        return self._ask(operations.total(self.name, template, "min", of))

    def max(self, *template: Any, of: int) -> Any:
        """The largest value of the field at position ``of`` over all matches; None without any."""
        return self._ask(operations.total(self.name, template, "max", of))

    def explain(self, *template: Any, n: int = 10) -> operations.Explanation:
        """Why nothing matches: up to n tuples that come nearest, what differs, and who holds them. Print it."""
        explanation: operations.Explanation = self._ask(operations.explain(self.name, template, n))
        return explanation

    def waiters(self, *, everywhere: bool = False, n: int = 1000) -> List[operations.Waiter]:
        """Who is blocked in this space (``everywhere``: in any), for what, since when, and by whom; the longest waiting
        first."""
        rows: List[operations.Waiter] = self._ask(operations.waiters("" if everywhere else self.name, n))
        return rows

    def spaces(self) -> List[operations.SpaceInfo]:
        """The spaces of the server."""
        infos: List[operations.SpaceInfo] = self._ask(operations.spaces())
        return infos

    def make(self, durability: Optional[str] = None, *, quota_tuples: Optional[int] = None,
             quota_bytes: Optional[int] = None) -> None:
        """Makes this space with a durability ('durable', 'relaxed' or 'volatile') and quotas, or sets the quotas of the
        one that is there. A quota of 0 is none; None leaves what is."""
        operations.check_durability(durability)
        there = self.spaces() if durability is None else []
        self._ask(operations.make(self.name, there, durability, (quota_tuples, quota_bytes)))

    def drop(self) -> None:
        """Removes the space and all its tuples."""
        self._ask(operations.drop(self.name))

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

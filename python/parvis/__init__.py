"""Parvis: a shared, persistent tuple space and interactive Python kernels that meet on it.

    import parvis
    space = parvis.connect()                  # the local server, started if there is none
    space.out("task", 1, "some work")
    space.in_("task", int, str)               # -> ("task", 1, "some work")

    with parvis.Cluster(4) as c:              # four kernels here
        c[:].execute("import os")
        c[:].map(pow, range(10), [2] * 10)
        c.farm("sweep").map(pow, range(10), [2] * 10)

``parvis.space`` is the default space of the server this process belongs to: in a kernel the one it was started for,
elsewhere the local server's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._errors import (Aborted, Conflict, DecodeError, Disconnected, Error, KernelDied, LimitExceeded, NotFound,
                      ProtocolError,
                      RemoteError, StorageError, StorageFull, Timeout, Unauthorized)
from ._templates import ANY, AnyOf, Between, OneOf, Prefix, Var

if TYPE_CHECKING:
    from ._coordination import Barrier, Counter, Event, Leader, Lock, Queue, Semaphore, Variable
    from ._cluster import Cluster, Kernel
    from ._farm import Farm, Future, Row
    from ._leases import Lease
    from ._objects import RawObject
    from ._operations import Aggregate, Explanation, Miss, SpaceInfo, Waiter
    from ._result import Result
    from ._space import Space, connect
    from ._statements import Ran, absent, copy, move, otherwise, put, read, take, update, when
    from ._transaction import Transaction
    from ._view import View
    from ._watch import Watch, WatchEvent

    space: Space

__all__ = [
    "ANY", "Aborted", "Aggregate", "AnyOf", "Barrier", "Between", "Cluster", "Conflict", "Counter", "DecodeError",
    "Disconnected", "Error", "Event", "Explanation", "Farm", "Future", "Kernel", "KernelDied", "Leader", "Lease",
    "LimitExceeded", "Lock", "Miss", "NotFound", "OneOf", "Prefix", "ProtocolError", "Queue", "Ran", "RawObject",
    "RemoteError", "Result", "Row", "Semaphore", "Space", "SpaceInfo", "StorageError", "StorageFull", "Timeout",
    "Transaction", "Unauthorized", "Var", "Variable", "View", "Waiter", "Watch", "WatchEvent", "absent", "connect",
    "copy", "move", "otherwise", "put", "read", "space", "take", "update", "when",
]

# Imported when first used: a kernel that only computes loads none of it.
_LAZY = {
    **dict.fromkeys(("Barrier", "Counter", "Event", "Leader", "Lock", "Queue", "Semaphore", "Variable"),
                    "_coordination"),
    "Cluster": "_cluster", "Kernel": "_cluster", "Farm": "_farm", "Future": "_farm", "Row": "_farm",
    **dict.fromkeys(("Aggregate", "Explanation", "Miss", "SpaceInfo", "Waiter"), "_operations"),
    **dict.fromkeys(("Ran", "absent", "copy", "move", "otherwise", "put", "read", "take", "update", "when"),
                    "_statements"),
    "Lease": "_leases", "RawObject": "_objects", "Result": "_result", "Space": "_space", "connect": "_space",
    "Transaction": "_transaction", "View": "_view", "Watch": "_watch", "WatchEvent": "_watch",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "space":
        value = import_module("._space", __name__).default_space()
    elif name == "__version__":
        value = import_module("._parvis", __name__).version
    elif name in _LAZY:
        value = getattr(import_module(f".{_LAZY[name]}", __name__), name)
    elif name == "aio":
        return import_module(".aio", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> "list[str]":
    return sorted({*globals(), *__all__, "aio", "__version__"})

"""Locks, queues and the like, made of nothing but tuples: named, shared by every process that uses the same space.

A name is made by its first use, once, however many processes come at the same time, and lasts until ``delete()``.
What a process holds (a lock, a place in a semaphore, the lead) is a claim of its connection: when the process dies it
is free again, within a second where the server can see the process. Whoever has waited longest is served next. All of
these can be pickled: they travel as their name."""

from ._barrier import Barrier
from ._locks import Leader, Lock, Semaphore
from ._queue import Queue
from ._values import Counter, Event, Variable

__all__ = ["Barrier", "Counter", "Event", "Leader", "Lock", "Queue", "Semaphore", "Variable"]

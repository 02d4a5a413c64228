"""Task farms: named, persistent, shared by everyone who asks for them by name."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from . import _parvis
from ._errors import Error, NotFound, Timeout
from ._events import Flush, flush_at_exit
from ._future import Future, Row, row_of
from ._objects import RawObject, packed, pickled
from ._progress import Counts, watch
from ._space import Transaction
from ._templates import ANY, Prefix

if TYPE_CHECKING:
    from ._cluster import Cluster

FARM = "parvis.farm"
_TASKS_PER_OUT = 500      # tasks in one message: large enough to hide its cost, small enough to start kernels at once
_OUTS_IN_FLIGHT = 64      # unanswered messages before submitting waits
_AHEAD = 2_000            # tasks of an endless map that are submitted, and results asked for, ahead of the reader
_BATCHES_PER_READ = 5_000
_IDS_PER_READ = 64        # alternatives of one operation


class Farm(Flush):
    """Puts tasks into the space for the kernels of a cluster to take, and finds their results there, now or next week.

    Tasks are put without waiting for each other; whatever waits for a result (and the end of the program, and
    ``flush``)
    makes sure first that they have arrived. Results stay until ``clear()``."""

    def __init__(self, cluster: "Cluster", name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"a farm's name is a str, not {name!r}")
        self.name = name
        self.cluster = cluster
        self._space = cluster.space.space(FARM)
        self._on_the_way: Deque[_parvis.Call] = deque()
        self._lock = threading.Lock()
        self._submitted: Dict[str, Future] = {}
        flush_at_exit(self)

    def _scope(self) -> Any:
        """The cluster field of a template: an attached observer of all kernels sees the farms of all clusters."""
        return self.cluster.name if self.cluster.name else str

    # Putting tasks in
    # ------------------------------------------------------------------------------------------------------

    def _send(self, tuples: List[Tuple[Any, ...]], priority: int) -> None:
        call = self._space._start_out_many(tuples, priority=priority)
        with self._lock:
            self._on_the_way.append(call)
            waited = [self._on_the_way.popleft() for _ in range(len(self._on_the_way) - _OUTS_IN_FLIGHT)]
            while self._on_the_way and self._on_the_way[0].ready():
                waited.append(self._on_the_way.popleft())
        for earlier in waited:
            earlier.answer()

    def flush(self) -> None:
        """Waits until every submitted task is in the space; raises what kept one out."""
        while True:
            with self._lock:
                if not self._on_the_way:
                    return
                call = self._on_the_way.popleft()
            call.answer()

    def _task(self, id: str, function: RawObject, args: Any, kwargs: Any, meta: Dict[str, Any]) -> Tuple[Any, ...]:
        return ("task", self.cluster.name, self.name, id, meta, function, packed((args, kwargs)))

    def _put(self, function: RawObject, calls: Sequence[Tuple[Any, Any]], names: Sequence[str],
             meta: Dict[str, Any]) -> List[Future]:
        batch = os.urandom(10).hex()
        tasks = []
        for i, (args, kwargs) in enumerate(calls):
            _refuse_futures(args, kwargs)
            tasks.append(self._task(f"{batch}-{i}", function, args, kwargs, {**meta, "name": names[i]}))
        self._send([("batch", self.cluster.name, self.name, batch, len(tasks), time.time()), *tasks], meta["priority"])
        futures = [Future(self, task[3], task[4]["name"]) for task in tasks]
        with self._lock:
            self._submitted.update((future.id, future) for future in futures)
        return futures

    @staticmethod
    def _meta(priority: int, retries: int, deaths: int) -> Dict[str, Any]:
        return {"priority": priority, "retries": retries, "deaths": deaths, "failures": 0}

    def submit(self, f: Callable[..., Any], *args: Any, priority: int = 0, retries: int = 0, deaths: int = 3,
               name: Optional[str] = None, **kwargs: Any) -> Future:
        """Puts the task ``f(*args, **kwargs)`` in, and returns its Future.

        priority: higher runs first. retries: how often it is tried again when it raises. deaths: how many kernels may
        die of
        it before it is set aside."""
        label = name if name is not None else _label(f)
        return self._put(pickled(f), [(args, kwargs)], [label], self._meta(priority, retries, deaths))[0]

    def _submit_call(self, f: Callable[..., Any], args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Future:
        """As submit, for functions whose own keywords may have the names of submit's."""
        return self._put(pickled(f), [(args, kwargs)], [_label(f)], self._meta(0, 0, 3))[0]

    def _cancel_task(self, future: Future) -> bool:
        """Takes a task out; False when it runs or has run."""
        self.flush()
        return self._cancel_queued([("task", self._scope(), self.name, future.id, dict, ANY, ANY)]) == 1

    def submit_many(self, f: Callable[..., Any], calls: Iterable[Sequence[Any]], *, priority: int = 0, retries: int = 0,
                    deaths: int = 3, names: Optional[Sequence[str]] = None) -> List[Future]:
        """Puts in one task for each tuple of arguments. The function is pickled once."""
        function, meta, listed = pickled(f), self._meta(priority, retries, deaths), list(calls)
        labels = list(names) if names is not None else [_label(f)] * len(listed)
        if len(labels) != len(listed):
            raise ValueError(f"{len(labels)} names for {len(listed)} tasks")
        futures: List[Future] = []
        for at in range(0, len(listed), _TASKS_PER_OUT):
            part: List[Tuple[Any, Any]] = [(tuple(args), {}) for args in listed[at:at + _TASKS_PER_OUT]]
            futures += self._put(function, part, labels[at:at + _TASKS_PER_OUT], meta)
        return futures

    def map(self, f: Callable[..., Any], *iterables: Iterable[Any], ordered: bool = True, priority: int = 0,
            retries: int = 0,
            deaths: int = 3) -> Iterator[Any]:
        """Yields ``f`` of every item (of several iterables: of their items side by side), in order, or as they come.

        What has a length is submitted now, all of it; of an endless iterable only so much as keeps the kernels busy
        ahead of
        whoever reads. A task that failed raises when its turn comes."""
        if all(hasattr(iterable, "__len__") for iterable in iterables):
            futures = self.submit_many(f, zip(*iterables), priority=priority, retries=retries, deaths=deaths)
            return self._values(iter(futures), ordered)
        return self._values(self._lazily(f, zip(*iterables), self._meta(priority, retries, deaths)), ordered)

    def _lazily(self, f: Callable[..., Any], calls: Iterator[Tuple[Any, ...]],
                meta: Dict[str, Any]) -> Iterator[Future]:
        function = pickled(f)
        part: List[Tuple[Any, Any]] = []
        for args in calls:
            part.append((args, {}))
            if len(part) == 100:
                yield from self._put(function, part, [_label(f)] * len(part), meta)
                part = []
        if part:
            yield from self._put(function, part, [_label(f)] * len(part), meta)

    def _values(self, futures: Iterator[Future], ordered: bool) -> Iterator[Any]:
        if not ordered:
            for future in self._completed(futures, None):
                yield future.result()
            return
        ahead: Deque[Future] = deque()
        for future in futures:
            future.watch()
            ahead.append(future)
            if len(ahead) >= _AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()

    # Futures
    # ---------------------------------------------------------------------------------------------------------------

    def _completed(self, futures: Iterator[Future], timeout: Optional[float]) -> Iterator[Future]:
        deadline = None if timeout is None else time.monotonic() + timeout
        inbox = _parvis.Inbox()
        waiting = 0
        more = True
        while more or waiting:
            while more and waiting < _AHEAD:
                future = next(futures, None)
                if future is None:
                    more = False
                    break
                future.notify(inbox)
                waiting += 1
            if not waiting:
                return
            left = 3600.0 if deadline is None else max(0.0, deadline - time.monotonic())
            finished = inbox.take(left)
            if not finished and deadline is not None:
                raise Timeout(f"{waiting} tasks or more had not finished after {timeout} s")
            waiting -= len(finished)
            yield from finished

    def as_completed(self, futures: Optional[Iterable[Future]] = None,
                     timeout: Optional[float] = None) -> Iterator[Future]:
        """Yields futures as their tasks finish, those that have finished first: of these, or of all tasks of the
        farm."""
        return self._completed(iter(self.futures() if futures is None else list(futures)), timeout)

    def _batches(self, prefix: str = "") -> List[Tuple[Any, ...]]:
        """All of them, however many: a reply is limited, so the ids (random hex digits) are divided until each part
        fits."""
        template = ("batch", self._scope(), self.name, Prefix(prefix) if prefix else str, int, float)
        if self._space.count(*template) > _BATCHES_PER_READ:
            return [batch for digit in "0123456789abcdef" for batch in self._batches(prefix + digit)]
        return self._space._get_any([template], n=2 * _BATCHES_PER_READ)

    def _ids(self) -> List[str]:
        batches = sorted(self._batches(), key=itemgetter(5))  # stable: the server's order within one instant
        return [f"{batch[3]}-{i}" for batch in batches for i in range(batch[4])]

    def futures(self) -> List[Future]:
        """The futures of all tasks of the farm, whoever put them in, in the order in which they came."""
        self.flush()
        with self._lock:
            known = dict(self._submitted)
        return [known.get(id) or Future(self, id, "") for id in self._ids()]

    def future(self, id: str) -> Future:
        """The future of a task by its id."""
        return self._submitted.get(id) or Future(self, id, "")

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until every task has finished; False at the timeout."""
        try:
            for _ in self.as_completed(timeout=timeout):
                pass
        except Timeout:
            return False
        return True

    # Results
    # ---------------------------------------------------------------------------------------------------------------

    def _read_ids(self, ids: Sequence[str], raw: bool = False) -> Iterator[Tuple[Any, ...]]:
        for at in range(0, len(ids), _IDS_PER_READ):
            page = ids[at:at + _IDS_PER_READ]
            found: Dict[str, Tuple[Any, ...]] = {}
            while True:  # a reply has a limit in bytes: what is missing may not have fitted
                wanted = [("result", self._scope(), self.name, id, str, ANY, dict) for id in page if id not in found]
                some = self._space._get_any(wanted, n=len(wanted), raw=raw) if wanted else []
                if not some:
                    break
                found.update((fields[3], fields) for fields in some)
            yield from (found[id] for id in page if id in found)

    def iter_results(self) -> Iterator[Row]:
        """The rows of finished tasks, read in pages."""
        self.flush()
        return (row_of(fields) for fields in self._read_ids(self._ids()))

    def results(self) -> List[Row]:
        """A row for every finished task, in the order in which they were submitted: .id .name .status .value .stdout
        .stderr
        .started .took .kernel .attempts. The value of one that failed is None; its exception is in .error."""
        return list(self.iter_results())

    def failed(self) -> List[Row]:
        """The rows of the tasks that did not end well."""
        return [row for row in self.iter_results() if row.status != "ok"]

    def counts(self) -> Counts:
        """How many tasks there are, have finished, and have failed."""
        self.flush()
        scope = self._scope()
        total = sum(batch[4] for batch in self._batches())
        finished = self._space.count("result", scope, self.name, ...)
        ok = self._space.count("result", scope, self.name, str, "ok", ...)
        return Counts(total, finished, finished - ok)

    def progress(self, timeout: Optional[float] = None) -> Counts:
        """Shows a live bar (rich or tqdm where installed, a line now and then where there is no terminal) until every
        task
        has finished. Ctrl-C ends the watching, not the work."""
        return watch(self.counts, f"farm {self.name}", timeout)

    # Again, or not at all
    # --------------------------------------------------------------------------------------------------

    def retry(self, rows: Optional[Iterable[Any]] = None) -> List[Future]:
        """Puts failed tasks in again (all of them, or these rows, futures or ids), under their ids."""
        chosen = self.failed() if rows is None else rows
        ids = [row if isinstance(row, str) else row.id for row in chosen]
        return [self._retry(id) for id in ids]

    def _retry(self, id: str) -> Future:
        key = (self._scope(), self.name, id)
        with self._space.transaction() as transaction:
            inside = transaction._inside
            task = _first(inside._get_any([("failed", *key, dict, ANY, ANY)], take=True, raw=True))
            result = _first(inside._get_any([("result", *key, str, ANY, dict)], take=True, raw=True))
            if task is None or result is None or result[4] == "ok":
                transaction.abort()
                raise NotFound(f"task {id} of farm {self.name!r} has not failed (or its result has been cleared)")
            meta: Dict[str, Any] = {**task[4], "failures": 0}
            transaction.out("task", task[1], self.name, id, meta, task[5], task[6], priority=meta.get("priority", 0))
        future = Future(self, id, meta.get("name", ""))
        with self._lock:
            self._submitted[id] = future
        return future

    def cancel(self, futures: Optional[Iterable[Any]] = None) -> int:
        """Takes tasks out (all, or these futures or ids), and interrupts those that run. How many were taken out."""
        self.flush()
        if futures is not None:
            ids = [future if isinstance(future, str) else future.id for future in futures]
            taken = sum(self._cancel_queued([("task", self._scope(), self.name, id, dict, ANY, ANY)]) for id in ids)
            self._interrupt(set(ids))
            return taken
        taken = 0
        while True:
            some = self._cancel_queued([("task", self._scope(), self.name, str, dict, ANY, ANY)])
            if not some:
                break
            taken += some
        self._interrupt(set(self._ids()))
        return taken

    def _cancel_queued(self, templates: List[Tuple[Any, ...]]) -> int:
        with self._space.transaction() as transaction:
            tasks = transaction._inside._get_any(templates, take=True, n=500, raw=True)
            for task in tasks:
                _put_cancelled(transaction, task)
            return len(tasks)

    def _interrupt(self, ids: Any) -> None:
        for kernel in self.cluster.kernels:
            try:
                running = kernel.status().get("running")
                if running in ids:
                    kernel.call("interrupt", {"id": running})
            except Error:
                continue  # it died meanwhile, and its task with it or back into the space

    def clear(self) -> None:
        """Cancels what is left and removes every trace of the farm: tasks, results, all."""
        self.cancel()
        for tag in ("result", "failed", "batch"):
            while self._space._get_any([(tag, self._scope(), self.name, ...)], take=True, n=1000, raw=True):
                pass
        with self._lock:
            self._submitted.clear()

    def __len__(self) -> int:
        return self.counts().total

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        counts = self.counts()
        return f"<parvis.Farm {self.name!r}: {counts.done} of {counts.total} tasks done, {counts.failed} failed>"


def _put_cancelled(transaction: Transaction, task: Tuple[Any, ...]) -> None:
    _, cluster, farm, id, meta, function, arguments = task
    now = time.time()
    about = {"stdout": "", "stderr": "", "started": now, "took": 0.0, "kernel": "", "attempts": 0,
             "name": meta.get("name", "")}
    transaction.out("result", cluster, farm, id, "cancelled", None, about)
    transaction.out("failed", cluster, farm, id, meta, function, arguments)


def _first(tuples: List[Tuple[Any, ...]]) -> Optional[Tuple[Any, ...]]:
    return tuples[0] if tuples else None


def _label(f: Any) -> str:
    return str(getattr(f, "__qualname__", None) or type(f).__qualname__)[:200]


def _refuse_futures(args: Sequence[Any], kwargs: Dict[str, Any]) -> None:
    for value in (*args, *kwargs.values()):
        if isinstance(value, Future):
            raise TypeError("a Future among the arguments is not resolved: pass its result(), "
                            "or submit from within the task")

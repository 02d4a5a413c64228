"""Progress shown while a farm works: with rich or tqdm where installed, in plain lines otherwise."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator, NamedTuple, Optional

from ._errors import Timeout

_TICK_S = 0.2
_LINE_EVERY_S = 5.0   # where nobody watches a terminal


class Counts(NamedTuple):
    """How far a farm is."""

    total: int
    done: int
    failed: int

    @property
    def left(self) -> int:
        return self.total - self.done


Show = Callable[[Counts], None]


@contextmanager
def _rich_bar(title: str) -> Iterator[Show]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[failed]}"),
               TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        bar = progress.add_task(title, total=None, failed="")

        def show(counts: Counts) -> None:
            failed = f"[red]{counts.failed} failed[/]" if counts.failed else ""
            progress.update(bar, total=counts.total, completed=counts.done, failed=failed)

        yield show


@contextmanager
def _tqdm_bar(title: str) -> Iterator[Show]:
    from tqdm.auto import tqdm  # type: ignore[import]

    with tqdm(desc=title) as bar:

        def show(counts: Counts) -> None:
            bar.total = counts.total
            if counts.failed:
                bar.set_postfix(failed=counts.failed, refresh=False)
            bar.update(counts.done - bar.n)
            bar.refresh()

        yield show


@contextmanager
def _lines(title: str) -> Iterator[Show]:
    terminal = sys.stderr.isatty()
    last = {"at": 0.0, "shown": Counts(-1, -1, -1)}

    def show(counts: Counts) -> None:
        now = time.monotonic()
        finished = counts.done >= counts.total
        due = now - last["at"] >= (_TICK_S if terminal else _LINE_EVERY_S)  # type: ignore[operator]
        if counts == last["shown"] or not (due or finished):
            return
        last["at"], last["shown"] = now, counts
        failed = f", {counts.failed} failed" if counts.failed else ""
        start, end = ("\r", "\n" if finished else "") if terminal else ("", "\n")
        sys.stderr.write(f"{start}{title}: {counts.done} of {counts.total} tasks done{failed}{end}")
        sys.stderr.flush()

    yield show


def _bar(title: str) -> Any:
    notebook = "ipykernel" in sys.modules
    if not sys.stderr.isatty() and not notebook:
        return _lines(title)
    try:
        import rich.progress  # noqa: F401

        return _rich_bar(title)
    except ImportError:
        pass
    try:
        import tqdm.auto  # type: ignore[import]  # noqa: F401

        return _tqdm_bar(title)
    except ImportError:
        return _lines(title)


def watch(count: Callable[[], Counts], title: str, timeout: Optional[float]) -> Counts:
    """Shows the counts until everything is done."""
    deadline = None if timeout is None else time.monotonic() + timeout
    with _bar(title) as show:
        while True:
            counts = count()
            show(counts)
            if counts.done >= counts.total:
                return counts
            if deadline is not None and time.monotonic() >= deadline:
                raise Timeout(f"{counts.left} tasks had not finished after {timeout} s")
            time.sleep(_TICK_S)

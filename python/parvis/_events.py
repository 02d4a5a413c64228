"""The one thread that runs Python callbacks of finished calls, and what has to happen before the interpreter ends."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from typing import Any, Callable, Optional

from . import _parvis

Callback = Callable[[], Any]


class _Dispatcher:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inbox: Optional[_parvis.Inbox] = None
        self._thread: Optional[threading.Thread] = None

    def inbox(self) -> _parvis.Inbox:
        with self._lock:
            if self._inbox is None:
                self._inbox = _parvis.Inbox()
                self._thread = threading.Thread(target=self._run, args=(self._inbox,), name="parvis-callbacks",
                                                daemon=True)
                self._thread.start()
            return self._inbox

    @staticmethod
    def _run(inbox: _parvis.Inbox) -> None:
        while True:
            callbacks = inbox.take(3600.0)
            for callback in callbacks:
                if callback is None:
                    return
                try:
                    callback()
                except Exception:  # a callback's error is shown, as threading shows a thread's, and ends nothing else
                    sys.excepthook(*sys.exc_info())

    def stop(self) -> None:
        """No thread of ours may be inside C++ when the interpreter is taken apart."""
        with self._lock:
            inbox, thread, self._inbox, self._thread = self._inbox, self._thread, None, None
        if inbox is not None and thread is not None:
            inbox.put(None)
            if thread is not threading.current_thread():
                thread.join(5)

    def forget(self) -> None:
        """In the child of a fork there is no such thread."""
        self._lock = threading.Lock()
        self._inbox = self._thread = None


_dispatcher = _Dispatcher()
_sessions: "weakref.WeakSet[_parvis.Session]" = weakref.WeakSet()
_flushes: "weakref.WeakSet[Flush]" = weakref.WeakSet()


class Flush:
    """Something with work under way that is worth finishing before the process ends."""

    def flush(self) -> None:
        raise NotImplementedError


def when_done(call: _parvis.Call, callback: Callback) -> None:
    """Runs ``callback()`` on the dispatcher's thread once the call is finished."""
    call.notify(_dispatcher.inbox(), callback)


def close_at_exit(session: _parvis.Session) -> None:
    """Confirms what the session received when the interpreter ends, unless it is closed before."""
    _sessions.add(session)


def flush_at_exit(work: Flush) -> None:
    _flushes.add(work)


@atexit.register
def _at_exit() -> None:
    for work in list(_flushes):
        try:
            work.flush()
        except Exception as error:
            print(f"parvis: {error}", file=sys.stderr)
    _dispatcher.stop()
    for session in list(_sessions):
        session.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_dispatcher.forget)

"""What a kernel does once, before the first request: output, fault handler, environment, the shell."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys

from . import shell


def start(stack_fd: int, dump_fd: int) -> shell.Shell:
    """`stack_fd`: where Python's stack goes when the process dies; `dump_fd`: where it goes on SIGUSR1."""
    faulthandler.enable(file=stack_fd, all_threads=True)
    faulthandler.register(signal.SIGUSR1, file=dump_fd, all_threads=True)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, write_through=False, errors="backslashreplace")
    # The process has threads: a plain fork in user code could deadlock.
    import multiprocessing

    multiprocessing.set_start_method("forkserver", force=True)
    # Workers of multiprocessing import the main module by this; an interactive session has none.
    sys.argv = [""]
    os.environ.setdefault("IPYTHONDIR", os.path.join(os.environ["PARVIS_HOME"], "ipython"))
    import parvis

    main = sys.modules["__main__"]
    main.__dict__.setdefault("parvis", parvis)
    return shell.Shell(main)


def with_ipython(before: shell.Shell) -> shell.Shell:
    """The IPython session on the same namespace; `before` itself where IPython is not installed."""
    try:
        from . import ipython
    except ImportError:
        return before
    try:
        return ipython.Shell(before.main, before)
    except Exception as error:  # a broken profile or a foreign version must not cost the kernel
        print(f"IPython could not be started, plain Python is used: {type(error).__name__}: {error}", file=sys.stderr)
        return before


def finish(session: shell.Shell) -> None:
    """Exit handlers of user code run; threads are not waited for, the process ends by _exit."""
    import atexit

    session.close()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()

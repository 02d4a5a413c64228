"""Interrupts: whatever runs, soon, and never anything else."""

import signal
import time

import pytest
from conftest import PATIENCE, wait_until

BUSY = {
    "a loop": "while True: pass",
    "a sleep": "import time; time.sleep(600)",
    "a lock": "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "a pipe": "import os; os.read(os.pipe()[0], 1)",
    "a program": "import subprocess; subprocess.run(['sleep', '600'])",
    "a shell": "import os; os.system('sleep 600')",
    "a wait for a tuple": "parvis.space.in_('never', 'comes')",
}


@pytest.mark.parametrize("what", BUSY)
def test_ends_what_runs_and_only_that(kernel, what):
    # An extension module that is interrupted while it initialises raises ImportError: that is not what is tested here.
    kernel.run("import ctypes, os, subprocess, threading, time; parvis.space.rdp('nothing')")
    request = kernel.later("print('begun', flush=True)\n" + BUSY[what])
    kernel.wait_running(request)
    after = kernel.later("'untouched'")
    begin = time.monotonic()
    assert kernel.ok("interrupt", id=request)["interrupted"] is True
    status, error = kernel.result(request)
    if what == "a shell":  # os.system ends with its program, whose status says so
        assert status in ("ok", "error")
    else:
        assert status == "error" and error["type"] == "KeyboardInterrupt", error
    assert time.monotonic() - begin < 30
    assert kernel.result(after)[1]["value"] == "untouched"


def test_works_though_the_kernel_was_started_where_ctrl_c_is_ignored_and_blocked(start):
    """As shells start what runs in the background, and as nohup, cron and batch systems do."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        kernel = start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
        signal.signal(signal.SIGINT, before)
    request = kernel.later("import time; time.sleep(600)")
    kernel.wait_running(request)
    assert kernel.ok("interrupt", id=request)["interrupted"] is True
    assert kernel.result(request)[1]["type"] == "KeyboardInterrupt"
    kernel.process.terminate()
    assert kernel.process.wait(PATIENCE) == 0


def test_waits_for_the_sessions_own_books(kernel, tmp_path):
    """IPython's history has locks: an interrupt between their taking and their use left them taken for ever."""
    begun, sent = tmp_path / "begun", tmp_path / "sent"
    kernel.run(f"""
import pathlib, time
history, finished = get_ipython().history_manager, []
store = history.store_inputs
def store_slowly(*arguments):
    pathlib.Path({str(begun)!r}).touch()
    while not pathlib.Path({str(sent)!r}).exists():
        time.sleep(0.01)
    store(*arguments)
    finished.append(True)
history.store_inputs = store_slowly""")
    request = kernel.later("reached = True")
    wait_until(begun.exists, "its input is stored")
    assert kernel.ok("interrupt", id=request)["interrupted"] is True
    sent.touch()
    assert kernel.result(request)[1]["type"] == "KeyboardInterrupt"
    both = kernel.run("history.store_inputs = store; len(finished), 'reached' in globals()")["value"]
    assert both == (2, False)  # of the cell that was interrupted, and of this one


def test_a_timeout_that_python_turns_into_another_error_is_one(kernel):
    """Python 3.11 makes a RuntimeError of whatever __set_name__ raises."""
    error = kernel.error("""
import time
class Slow:
    def __set_name__(self, owner, name):
        time.sleep(600)
class Holder:
    field = Slow()""", timeout=0.2)
    assert error["type"] == "TimeoutError" and "0.2 s" in error["message"]


def test_never_hits_another_request(kernel):
    """Interrupts race with the ends of short requests; whatever follows is unharmed."""
    for i in range(60):
        request = kernel.later("sum(range(20000))")
        kernel.ok("interrupt", id=request)
        assert kernel.run(f"{i}")["value"] == i
        assert kernel.result(request)[0] in ("ok", "error")


def test_another_id_is_not_interrupted(kernel):
    request = kernel.later("import time; time.sleep(600)")
    kernel.wait_running(request)
    assert kernel.ok("interrupt", id="0" * 32)["interrupted"] is False
    assert kernel.ok("status")["running"] == request
    assert kernel.ok("interrupt")["interrupted"] is True
    assert kernel.result(request)[0] == "error"
    assert kernel.ok("interrupt")["interrupted"] is False


def test_a_request_that_shrugs_off_the_first_one(kernel):
    code = "import time\ntry:\n    time.sleep(600)\nexcept KeyboardInterrupt:\n    time.sleep(600)"
    request = kernel.later(code)
    kernel.wait_running(request)
    kernel.ok("interrupt")
    assert kernel.result(request)[1]["type"] == "KeyboardInterrupt"


def test_a_timeout_interrupts(kernel):
    error = kernel.error("import time; time.sleep(600)", timeout=0.2)
    assert error["type"] == "TimeoutError" and "0.2 s" in error["message"]
    assert kernel.run("1", timeout=60.0)["value"] == 1
    assert isinstance(error["exception"], TimeoutError)


def test_the_control_thread_answers_while_c_code_holds_the_gil(kernel):
    request = kernel.later("import ctypes; ctypes.PyDLL(None).sleep(3); 'slept'")
    kernel.wait_running(request)
    assert kernel.ok("status")["state"] == "busy"
    assert kernel.ok("queue")["requests"][0]["id"] == request
    assert kernel.result(request)[0] == "ok"


def test_stop_now_ends_what_does_not_listen(start):
    kernel = start()
    request = kernel.later("while True:\n    try:\n        while True: pass\n    except BaseException: pass")
    kernel.wait_running(request)
    kernel.ok("stop", now=True)
    assert kernel.process.wait(PATIENCE) == 0
    wait_until(lambda: not (kernel.server.home / "kernels" / f"{kernel.id}.sock").exists())

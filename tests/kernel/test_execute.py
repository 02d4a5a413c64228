"""execute, apply, push, pull: values, errors, displays, results by id."""

import uuid

import numpy
import parvis
import pytest
from conftest import PATIENCE, wait_until
from parvis import _parvis


def test_value_is_that_of_the_trailing_expression(kernel):
    assert kernel.run("1 + 1")["value"] == 2
    assert kernel.run("x = 5")["value"] is None
    assert kernel.run("x = 6\nx")["value"] == 6
    assert kernel.run("x;")["value"] is None
    assert kernel.run("")["value"] is None
    result = kernel.run("[1, 'two']")
    assert result["value"] == [1, "two"] and result["repr"] == "[1, 'two']" and result["kernel"] == kernel.id
    assert result["took"] >= 0 and result["started"] > 1.6e9
    assert kernel.run("_")["value"] == [1, "two"]


def test_counts_up(kernel):
    first = kernel.run("1")["count"]
    assert kernel.run("2")["count"] == first + 1


def test_objects_and_arrays_come_back(kernel):
    value = kernel.run("import numpy; numpy.arange(100000.)")["value"]
    assert isinstance(value, numpy.ndarray) and value.sum() == numpy.arange(100000.0).sum()
    assert kernel.run("{1, 2}")["value"] == {1, 2}
    assert kernel.run("class Point:\n    def __init__(self): self.x = 3\nPoint()")["value"].x == 3


def test_a_value_that_cannot_be_pickled_is_told_by_its_repr(kernel):
    result = kernel.run("import threading; threading.Lock()")
    assert result["value"] is None and "lock" in result["repr"] and "pickle" in result["unpicklable"]
    assert "unpicklable" not in kernel.run("1")


def test_a_huge_repr_is_bounded(kernel):
    assert len(kernel.run("list(range(3_000_000))")["repr"]) < 1 << 21


def test_errors_carry_type_message_traceback_and_the_exception(kernel):
    error = kernel.error("def f():\n    return 1 / 0\n\nf()")
    assert error["type"] == "ZeroDivisionError" and error["message"] == "division by zero"
    assert "return 1 / 0" in error["traceback"] and "_kernel/shell.py" not in error["traceback"]
    assert isinstance(error["exception"], ZeroDivisionError)
    assert kernel.error("this is no python")["type"] == "SyntaxError"
    assert kernel.error("raise SystemExit(3)")["type"] == "SystemExit"
    assert kernel.error("exit()")["type"] == "SystemExit"
    own = kernel.error("class Own(Exception):\n    def __init__(self, a, b): super().__init__(a)\nraise Own(1, 2)")
    assert own["type"] == "__main__.Own" and own["exception"] is None
    assert kernel.run("1")["value"] == 1


def test_what_was_printed_before_an_error_is_kept(kernel):
    assert kernel.error("print('so far'); undefined_name")["stdout"] == "so far\n"


def test_top_level_await_and_magics(kernel):
    assert kernel.run("import asyncio\nawait asyncio.sleep(0, 'woken')")["value"] == "woken"
    pytest.importorskip("IPython")
    assert kernel.run("%pwd")["value"].startswith("/")
    assert kernel.run("!echo from a shell")["stdout"] == "from a shell\n"
    assert kernel.run("%%capture got\nprint('inside')")["stdout"] == ""
    assert kernel.run("got.stdout")["value"] == "inside\n"
    assert kernel.run("get_ipython().__class__.__mro__[1].__name__")["value"] == "InteractiveShell"


def test_displays(kernel):
    result = kernel.run("class Rich:\n    def _repr_html_(self): return '<b>bold</b>'\ndisplay(Rich())\n7")
    assert result["value"] == 7 and result["displays"][0]["text/html"] == "<b>bold</b>"
    assert kernel.run("8")["displays"] == []


def test_push_and_pull(kernel):
    kernel.ok("push", names={"a": 1, "big": numpy.ones(1_000_000), "f": {1, 2}})
    values = kernel.ok("pull", names=["a", "big", "f"])["values"]
    assert values[0] == 1 and values[1].sum() == 1_000_000 and values[2] == {1, 2}
    assert kernel.run("a + 1")["value"] == 2
    status, error = kernel.call("pull", names=["a", "missing"])
    assert status == "error" and error["type"] == "NameError" and "missing" in error["message"]


def test_apply(kernel):
    call = parvis._objects.pickled((lambda a, b=1: a * b, (6,), {"b": 7}))
    result = kernel.ok("apply", call=call)
    assert result["value"] == 42 and result["repr"] == "42"
    status, error = kernel.call("apply", call=parvis._objects.packed((len, (5,), {})))
    assert status == "error" and error["type"] == "TypeError"


def test_requests_of_all_users_queue_in_order(kernel):
    kernel.run("order = []")
    other = _parvis.Session.connect(kernel.info["address"], reconnect_for=0.0)
    for i in range(20):
        session = other if i % 2 else kernel.session
        session.call_kernel("execute", {"code": f"order.append({i})", "block": False}, PATIENCE)
    assert kernel.run("order")["value"] == list(range(20))
    other.close()


def test_result_by_id_after_the_client_vanished(kernel, server):
    request = uuid.uuid4().hex
    client = _parvis.Session.connect(kernel.info["address"], reconnect_for=0.0)
    arguments = {"code": "import time; time.sleep(0.3); 'done'", "id": request, "block": False}
    status, _ = client.call_kernel("execute", arguments, PATIENCE)
    assert status == "queued"
    client.close()
    status, result = kernel.result(request)
    assert status == "ok" and result["value"] == "done" and result["id"] == request
    with parvis.connect(server.address, space="parvis.results") as results:
        kept = results.rd("result", request, kernel.id, str, dict, timeout=PATIENCE)
    assert kept[3] == "ok" and kept[4]["value"] == "done"


def test_the_same_id_runs_once(kernel):
    request = uuid.uuid4().hex
    kernel.run("ran = 0")
    for _ in range(3):
        kernel.run("ran += 1", id=request)
    assert kernel.run("ran")["value"] == 1


def test_unknown_things_get_a_clear_answer(kernel):
    status, error = kernel.call("result", id=uuid.uuid4().hex)
    assert status == "error" and error["type"] == "KeyError"
    status, error = kernel.call("dance")
    assert status == "error" and "knows no verb 'dance'" in error["message"]
    status, error = kernel.call("execute", code="1", colour="red")
    assert status == "error" and "colour" in error["message"]


def test_status_and_queue(kernel):
    status = kernel.ok("status")
    assert status["id"] == kernel.id and status["state"] == "idle" and status["pid"] == kernel.process.pid
    assert status["executable"] == "/usr/bin/python3" and status["running"] is None
    request = kernel.later("import time; time.sleep(60)", user="me")
    waiting = kernel.later("2")
    kernel.wait_running(request)
    rows = kernel.ok("queue")["requests"]
    assert [(row["id"], row["state"]) for row in rows] == [(request, "running"), (waiting, "queued")]
    assert rows[0]["user"] == "me" and rows[0]["summary"] == "import time; time.sleep(60)"
    assert kernel.ok("interrupt")["interrupted"] is True
    assert kernel.result(waiting)[1]["value"] == 2


def test_the_space_is_at_hand(kernel, server):
    kernel.run("parvis.space.out('from', 'a kernel')")
    with parvis.connect(server.address) as space:
        assert space.in_("from", str, timeout=PATIENCE) == ("from", "a kernel")


def test_abort_takes_requests_out_of_the_queue(kernel):
    running = kernel.later("import time; time.sleep(60)")
    kernel.wait_running(running)
    first, second, third = (kernel.later(f"aborted_{i} = 1") for i in range(3))
    assert kernel.ok("abort", id=second)["aborted"] == [second]
    assert kernel.ok("abort")["aborted"] == [first, third]
    assert kernel.result(first) == ("aborted", {"id": first})
    kernel.ok("interrupt")
    assert kernel.result(running)[1]["type"] == "KeyboardInterrupt"
    assert kernel.error("aborted_1")["type"] == "NameError"


def test_stop_lets_finish_what_runs(start):
    kernel = start()
    running = kernel.session.start_kernel_call("execute", {"code": "import time; time.sleep(0.5); 'finished'"})
    wait_until(lambda: kernel.ok("status")["running"])
    waiting = kernel.session.start_kernel_call("execute", {"code": "1"})
    wait_until(lambda: kernel.ok("status")["queue"] == 1)
    kernel.ok("stop")
    assert running.wait(PATIENCE) and running.answer()[1]["value"] == "finished"
    assert waiting.wait(PATIENCE) and waiting.answer()[0] == "aborted"
    assert kernel.process.wait(PATIENCE) == 0

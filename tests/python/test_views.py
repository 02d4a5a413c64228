"""Views: execute, push, pull and the rest, in real kernels."""

import asyncio
import os
import signal
import threading
import time

import numpy as np
import pytest

import parvis
from conftest import PATIENCE


def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_execute_answers_with_the_value(cluster):
    assert cluster[0].execute("6 * 7") == 42
    assert cluster[:].execute("6 * 7") == [42, 42]
    assert cluster[0:1].execute("6 * 7") == [42]
    assert cluster[0].execute("x = 1") is None


def test_a_namespace_of_its_own(cluster):
    cluster[0].execute("mine = 1")
    cluster[1].execute("mine = 2")
    assert cluster[:].pull("mine") == [1, 2]
    assert cluster[[1, 0]]["mine"] == [2, 1]


def test_push_and_pull(cluster):
    view = cluster[:]
    view.push({"a": 5, "b": [1, 2]})
    assert view.pull("a") == [5, 5]
    assert view.pull(["a", "b"]) == [[5, [1, 2]], [5, [1, 2]]]
    assert cluster[0].pull("a", "b") == [5, [1, 2]]
    cluster[1]["a"] = 7
    assert view["a"] == [5, 7]
    with pytest.raises(ValueError):
        view.push({"not a name": 1})


def test_a_missing_name_is_a_name_error(cluster):
    with pytest.raises(NameError, match="nowhere") as caught:
        cluster[0].pull("nowhere")
    assert isinstance(caught.value.__cause__, parvis.RemoteError)
    with pytest.raises(NameError):
        cluster[:]["nowhere"]


def test_push_is_all_or_nothing(cluster):
    class Poison:
        def __reduce__(self):
            return eval, ("1/0",)

    cluster[0].push({"kept": 1})
    with pytest.raises(Exception):
        cluster[0].push({"kept": 2, "poison": Poison()})
    assert cluster[0].pull("kept") == 1


def test_arrays(cluster):
    array = np.arange(1_000_000.0).reshape(1000, 1000)
    cluster[0].push({"array": array})
    assert cluster[0].execute("float(array.sum())") == array.sum()
    assert np.array_equal(cluster[0].pull("array"), array)


def test_objects_of_main_and_functions(cluster):
    class Point:
        def __init__(self, x):
            self.x = x

    cluster[0].push({"p": Point(3), "double": lambda x: 2 * x})
    assert cluster[0].execute("double(p.x)") == 6
    assert cluster[0].pull("p").x == 3


@pytest.mark.parametrize("n", [0, 1, 2, 7, 100])
def test_scatter_and_gather(cluster, n):
    view = cluster[:]
    view.scatter("part", range(n))
    assert view.gather("part") == list(range(n))
    assert sum(view.execute("len(part)")) == n
    view.scatter("part", np.arange(n * 3).reshape(n, 3))
    assert np.array_equal(view.gather("part"), np.arange(n * 3).reshape(n, 3))
    assert view.gather("part", block=False).get(PATIENCE).shape == (n, 3)


def test_apply_and_map(cluster):
    def power(x, y=2):
        return x ** y

    assert cluster[0].apply(power, 3) == 9
    assert cluster[:].apply(power, 3, y=3) == [27, 27]
    assert cluster[:].map(power, range(11)) == [x ** 2 for x in range(11)]
    assert cluster[0].map(power, [1, 2], [3, 4]) == [1, 16]
    assert cluster[:].map(power, []) == []
    assert cluster[:].map(power, range(5), block=False).get(PATIENCE) == [0, 1, 4, 9, 16]


def test_results_carry_everything(cluster):
    began = time.time()
    r = cluster[0].execute("import sys; print('out'); print('err', file=sys.stderr); 1 + 1", block=False)
    assert r.get(PATIENCE) == 2
    assert r.done and r.ready() and r.status == "ok"
    assert (r.stdout, r.stderr) == ("out\n", "err\n")
    assert len(r.id) == 32 and r.kernel == cluster.kernels[0].id
    assert r.started >= began - 1 and 0 <= r.took < PATIENCE
    assert "ok" in repr(r)
    both = cluster[:].execute("print(1)", block=False)
    assert both.stdout == ["1\n", "1\n"] and len(both.id) == 2


def test_the_last_result_of_a_view(cluster):
    view = cluster[0]
    view.execute("print('seen')")
    assert view.last.stdout == "seen\n"


def test_displays(cluster):
    r = cluster[0].execute("from IPython.display import display, HTML; display(HTML('<b>x</b>'))", block=False)
    r.get(PATIENCE)
    assert any(display.get("text/html") == "<b>x</b>" for display in r.displays)


def test_remote_exceptions(cluster):
    with pytest.raises(ZeroDivisionError, match="division by zero") as caught:
        cluster[0].execute("def f(): return 1 / 0\nf()")
    cause = caught.value.__cause__
    assert isinstance(cause, parvis.RemoteError)
    assert "in f" in cause.traceback.replace("f()", "in f") and cause.kernel == cluster.kernels[0].id
    with pytest.raises(ZeroDivisionError) as caught:
        cluster[:].execute("1 / 0")
    assert len(caught.value.errors) == 2
    with pytest.raises(SyntaxError):
        cluster[0].execute("def")


def test_an_exception_class_of_the_kernel_alone(cluster):
    code = """
class Mine(Exception):
    def __init__(self, a, b):
        super().__init__(a)

    def __reduce__(self):
        raise TypeError("no")

raise Mine("what", 2)
"""
    with pytest.raises(parvis.RemoteError, match="Mine.*what"):
        cluster[0].execute(code)


def test_sys_exit_is_not_ours(cluster):
    with pytest.raises((parvis.RemoteError, parvis.KernelDied)):
        cluster[0].execute("raise SystemExit(3)")
    until(lambda: len(cluster) == 2, "the kernel lives, or is replaced")


def test_requests_run_in_order(cluster):
    results = [cluster[0].execute(f"order = globals().get('order', []) + [{n}]; order", block=False) for n in range(20)]
    assert results[-1].get(PATIENCE)[-20:] == list(range(20))
    cluster[0].execute("del order")


def test_timeout_leaves_it_running(cluster):
    view = cluster[0]
    with pytest.raises(parvis.Timeout):
        view.execute("import time; time.sleep(0.5); done_later = 1", timeout=0.05)
    assert view.last.get(PATIENCE) is None
    assert view["done_later"] == 1
    r = view.execute("time.sleep(0.3); 5", block=False)
    with pytest.raises(parvis.Timeout):
        r.get(0.01)
    assert r.get(PATIENCE) == 5


def test_interrupt(cluster):
    view = cluster[0]
    r = view.execute("import time\nwhile True: time.sleep(0.01)", block=False)
    until(lambda: cluster.kernels[0].state == "busy", "it runs")
    assert view.interrupt() is True
    with pytest.raises(KeyboardInterrupt):
        r.get(PATIENCE)
    assert view.execute("1") == 1
    assert view.interrupt() is False


def test_abort(cluster):
    view = cluster[0]
    running = view.execute("import time\nwhile True: time.sleep(0.01)", block=False)
    waiting = view.execute("never = 1", block=False)
    until(lambda: cluster.kernels[0].queue == 1, "it waits")
    assert view.abort(waiting.id) == [waiting.id]
    with pytest.raises(parvis.Aborted):
        waiting.get(PATIENCE)
    running.cancel()
    with pytest.raises(KeyboardInterrupt):
        running.get(PATIENCE)
    with pytest.raises(NameError):
        view["never"]


def test_ctrl_c_ends_the_wait_not_the_work(cluster):
    view = cluster[0]
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        view.execute("import time; time.sleep(1); survived = 1")
    timer.join()
    assert view["survived"] == 1


def test_a_result_by_its_id(cluster, server):
    r = cluster[0].execute("import time; time.sleep(0.2); 'kept'", block=False)
    with parvis.Cluster(server.address) as other:
        assert other.result(r.id).get(PATIENCE) == "kept"
        assert other.result(r.id).stdout == ""
        with pytest.raises(parvis.NotFound):
            other.result("0" * 32)


def test_a_result_is_found_by_its_id_at_once_when_it_has_been_had(cluster):
    for n in range(50):
        r = cluster[0].execute(str(n), block=False)
        assert r.get(PATIENCE) == n
        assert cluster.result(r.id).get(PATIENCE) == n


def test_results_can_be_awaited(cluster):
    async def main():
        many = [cluster[n % 2].execute(f"{n} * 2", block=False) for n in range(10)]
        return await asyncio.gather(*many)

    assert asyncio.run(main()) == [n * 2 for n in range(10)]


def test_parvis_inside_a_kernel(cluster):
    cluster[0].execute("import parvis; parvis.space.out('from a kernel', 1)")
    assert cluster.space.in_("from a kernel", int, timeout=PATIENCE) == ("from a kernel", 1)
    r = cluster[1].execute("import parvis; parvis.space.in_('to a kernel', int)", block=False)
    cluster.space.out("to a kernel", 2)
    assert r.get(PATIENCE) == ("to a kernel", 2)


def test_large_output(cluster):
    r = cluster[0].execute("print('x' * 100_000)", block=False)
    r.get(PATIENCE)
    assert len(r.stdout) == 100_001


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "import ctypes; ctypes.string_at(0)",
                                 "os._exit(3)"])
def test_a_kernel_that_dies_says_so(own_cluster, end):
    view = own_cluster[0]
    victim = own_cluster.kernels[0].id
    dies = view.execute(f"import os, signal, time\ntime.sleep(0.3)\n{end}", block=False)
    behind = view.execute("1", block=False)
    for r in (dies, behind):
        with pytest.raises(parvis.KernelDied) as caught:
            r.get(PATIENCE)
        assert caught.value.kernel == victim
    if "SIGKILL" in end:
        assert caught.value.signal == signal.SIGKILL
    with pytest.raises(parvis.KernelDied):
        view.execute("1")
    until(lambda: len(own_cluster) == 2 and victim not in [k.id for k in own_cluster.kernels],
          "another takes its place")
    assert own_cluster[:].execute("1 + 1") == [2, 2]

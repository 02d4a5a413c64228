"""Farms: submit, map, results, failures, retry, cancel, and what deaths do to them."""

import asyncio
import concurrent.futures
import itertools
import time

import numpy as np
import pytest

import parvis
from conftest import PATIENCE


@pytest.fixture
def farm(cluster, request):
    farm = cluster.farm(request.node.name)
    yield farm
    farm.clear()


def square(x):
    return x * x


def fail(x):
    raise ValueError(f"no {x}")


def test_submit(farm):
    future = farm.submit(square, 7)
    assert future.result(PATIENCE) == 49
    assert future.done() and not future.cancelled() and future.exception() is None
    assert future.status == "ok" and future.name == "square" and future.took >= 0 and future.kernel
    assert farm.submit(pow, 2, exp=5, name="power").result(PATIENCE) == 32


def test_map(farm):
    assert list(farm.map(square, range(200))) == [x * x for x in range(200)]
    assert sorted(farm.map(square, range(50), ordered=False)) == [x * x for x in range(50)]
    assert list(farm.map(pow, [1, 2, 3], [4, 5, 6])) == [1, 32, 729]
    assert list(farm.map(square, [])) == []


def test_map_of_something_endless(farm):
    values = farm.map(square, itertools.count())
    assert [next(values) for _ in range(10)] == [x * x for x in range(10)]
    assert farm.counts().total < 5_000


def test_arrays_and_closures(farm):
    offset = np.arange(3)
    results = list(farm.map(lambda a: a + offset, [np.zeros(3), np.ones(3)]))
    assert np.array_equal(results, [[0, 1, 2], [1, 2, 3]])


def test_as_completed(farm):
    futures = farm.submit_many(square, [(n,) for n in range(30)])
    assert sorted(future.result() for future in farm.as_completed(futures,
                                                                  PATIENCE)) == sorted(x * x for x in range(30))
    assert len(list(farm.as_completed())) == 30
    assert farm.wait(PATIENCE)


def test_results(farm):
    def talk(x):
        print("task", x)
        return x

    farm.submit_many(talk, [(n,) for n in range(100)], names=[f"n{n}" for n in range(100)])
    assert farm.wait(PATIENCE)
    rows = farm.results()
    assert [row.value for row in rows] == list(range(100))
    assert rows[3].stdout == "task 3\n" and rows[3].name == "n3" and rows[3].status == "ok" and rows[3].kernel
    assert rows[3].error is None and rows[3].started > 0 and rows[3].stderr == ""
    assert farm.counts() == (100, 100, 0) and len(farm) == 100 and "100 of 100" in repr(farm)


def test_failures_and_retry(farm, tmp_path):
    flag = tmp_path / "repaired"

    def touchy(x, path):
        import os
        if not os.path.exists(path):
            raise ValueError(f"no {x}")
        return x

    futures = farm.submit_many(touchy, [(n, str(flag)) for n in range(3)])
    with pytest.raises(ValueError, match="no 0") as caught:
        futures[0].result(PATIENCE)
    assert isinstance(caught.value.__cause__, parvis.RemoteError) and "touchy" in caught.value.__cause__.traceback
    assert farm.wait(PATIENCE)
    failed = farm.failed()
    assert [row.status for row in failed] == ["error"] * 3 and isinstance(failed[0].error, ValueError)
    assert farm.counts().failed == 3
    flag.touch()
    assert sorted(future.result(PATIENCE) for future in farm.retry()) == [0, 1, 2]
    assert farm.failed() == [] and farm.counts() == (3, 3, 0)
    with pytest.raises(parvis.NotFound):
        farm.retry([futures[0].id])


def test_retries(farm, tmp_path):
    def third_time(path):
        with open(path, "a") as file:
            file.write("x")
        with open(path) as file:
            if len(file.read()) < 3:
                raise OSError("not yet")
        return "lucky"

    assert farm.submit(third_time, str(tmp_path / "log"), retries=2).result(PATIENCE) == "lucky"
    with pytest.raises(OSError):
        farm.submit(third_time, str(tmp_path / "other"), retries=1).result(PATIENCE)


def test_map_raises_in_its_turn(farm):
    values = farm.map(lambda x: 1 // x, [1, 0, 1])
    assert next(values) == 1
    with pytest.raises(ZeroDivisionError):
        next(values)


def test_priority(own_cluster):
    farm = own_cluster.farm("priority")
    gates = [farm.submit(_wait_for_gate) for _ in range(2)]
    for _ in gates:
        own_cluster.space.in_("at the gate", timeout=PATIENCE)
    low = farm.submit(time.time, priority=-1)
    rest = [farm.submit(time.time, priority=5) for _ in range(5)]
    farm.flush()
    own_cluster.space.out_many([("open",), ("open",)])
    assert low.result(PATIENCE) >= max(future.result(PATIENCE) for future in rest) - 0.5
    farm.clear()


def _wait_for_gate():
    import parvis
    parvis.space.out("at the gate")
    parvis.space.in_("open")


def test_cancel(own_cluster):
    farm = own_cluster.farm("cancel")
    running = [farm.submit(_sleep_long) for _ in range(2)]
    for _ in running:
        own_cluster.space.in_("asleep", timeout=PATIENCE)
    waiting = [farm.submit(square, n) for n in range(5)]
    assert waiting[0].cancel() is True
    assert waiting[0].cancelled()
    with pytest.raises(Exception, match="cancelled"):
        waiting[0].result(PATIENCE)
    assert farm.cancel() == 4
    for future in running:
        with pytest.raises(concurrent.futures.CancelledError):
            future.result(PATIENCE)
    assert farm.counts() == (7, 7, 7)
    assert farm.retry(waiting[:1])[0].result(PATIENCE) == 0
    farm.clear()
    assert farm.counts() == (0, 0, 0)


def _sleep_long():
    import time

    import parvis
    parvis.space.out("asleep")
    time.sleep(600)


def test_another_process_sees_the_farm(farm, server, cluster):
    farm.submit_many(square, [(n,) for n in range(10)])
    assert farm.wait(PATIENCE)
    for name in (cluster.name, None):
        with parvis.Cluster(server.address, name=name) as other:
            seen = other.farm(farm.name)
            assert [row.value for row in seen.results()] == [n * n for n in range(10)]
            assert seen.futures()[3].result(PATIENCE) == 9
            assert seen.counts() == (10, 10, 0)


def test_a_kernel_dies_and_the_task_runs_again(own_cluster, tmp_path):
    farm = own_cluster.farm("deaths")

    def die_once(path):
        import os
        import signal
        if not os.path.exists(path):
            open(path, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return "second"

    future = farm.submit(die_once, str(tmp_path / "died"))
    others = farm.submit_many(square, [(n,) for n in range(20)])
    assert future.result(PATIENCE) == "second"
    assert [other.result(PATIENCE) for other in others] == [n * n for n in range(20)]
    assert len(farm.results()) == 21


def test_a_task_that_kills_every_kernel_is_set_aside(own_cluster):
    farm = own_cluster.farm("poison")

    def poison():
        import os
        import signal
        os.kill(os.getpid(), signal.SIGKILL)

    future = farm.submit(poison, deaths=1)
    with pytest.raises(parvis.KernelDied):
        future.result(2 * PATIENCE)
    assert farm.submit(square, 3).result(PATIENCE) == 9


def test_tasks_that_kill_kernels_do_not_use_the_kernels_up(own_cluster):
    farm = own_cluster.farm("much poison")

    def poison():
        import os
        import signal
        os.kill(os.getpid(), signal.SIGKILL)

    futures = farm.submit_many(poison, [()] * 6 * len(own_cluster), deaths=1)
    assert farm.submit(square, 3).result(2 * PATIENCE) == 9
    for future in futures:
        with pytest.raises(parvis.KernelDied):
            future.result(2 * PATIENCE)


def test_the_server_dies_and_comes_back(server, own_cluster):
    farm = own_cluster.farm("server dies")
    futures = farm.submit_many(_slowly, [(n,) for n in range(100)])
    futures[10].result(PATIENCE)
    server.kill()
    server.start()
    assert [future.result(2 * PATIENCE) for future in futures] == list(range(100))
    assert [row.value for row in farm.results()] == list(range(100))


def _slowly(n):
    import time
    time.sleep(0.01)
    return n


def test_awaiting_and_callbacks(farm):
    seen = []
    future = farm.submit(square, 3)
    future.add_done_callback(lambda f: seen.append(f.result()))

    async def main():
        return await asyncio.gather(*[farm.submit(square, n) for n in range(5)], future)

    assert asyncio.run(main()) == [0, 1, 4, 9, 16, 9]
    deadline = time.monotonic() + PATIENCE
    while not seen:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert seen == [9]


def test_what_cannot_travel(farm):
    import threading

    with pytest.raises(TypeError, match="pickle"):
        farm.submit(square, threading.Lock())
    with pytest.raises(TypeError, match="Future"):
        farm.submit(square, farm.submit(square, 1))
    with pytest.raises(TypeError):
        farm.submit(lambda: threading.Lock()).result(PATIENCE)


def test_progress_in_lines(farm, capfd):
    farm.submit_many(square, [(n,) for n in range(10)])
    assert farm.progress(PATIENCE).done == 10
    assert "10 of 10 tasks done" in capfd.readouterr().err


def test_executor(cluster):
    with cluster.executor() as executor:
        assert executor.submit(square, 5).result(PATIENCE) == 25
        assert list(executor.map(square, range(10), timeout=PATIENCE)) == [x * x for x in range(10)]
        with pytest.raises(ValueError):
            executor.submit(fail, 1).result(PATIENCE)
    with pytest.raises(RuntimeError):
        executor.submit(square, 1)

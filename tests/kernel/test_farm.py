"""Tasks of the farm, put by hand: results, retries, deaths, groups."""

import os
import signal
import uuid

import parvis
import pytest
from conftest import wait_until
from parvis._objects import RawObject, packed, pickled

PATIENCE = 60


class Farm:
    def __init__(self, server):
        self.space = parvis.connect(server.address, space="parvis.farm")
        self.cluster = "farm" + uuid.uuid4().hex[:8]

    def put(self, function, *arguments, cluster=None, **meta):
        id = uuid.uuid4().hex
        function = function if isinstance(function, RawObject) else pickled(function)
        cluster = self.cluster if cluster is None else cluster
        self.space.out("task", cluster, "test", id, meta, function, packed((arguments, {})))
        return id

    def result(self, id):
        found = self.space.in_("result", str, "test", id, str, parvis.ANY, dict, timeout=PATIENCE)
        return found[4], found[5], found[6]

    def left(self):
        return self.space.count("task", self.cluster, str, str, ...)


@pytest.fixture
def farm(server):
    farm = Farm(server)
    yield farm
    farm.space.close()


def square(x):
    return x * x


def test_results(farm, start):
    kernel = start(cluster=farm.cluster)
    status, value, meta = farm.result(farm.put(square, 12, name="twelve"))
    assert (status, value) == ("ok", 144)
    assert meta["kernel"] == kernel.id and meta["name"] == "twelve" and meta["attempts"] == 1 and meta["stdout"] == ""
    assert farm.result(farm.put(lambda: print("said"), cluster=""))[2]["stdout"] == "said\n"
    assert farm.left() == 0


def test_many_short_tasks_each_have_one_result(farm, start):
    start(cluster=farm.cluster)
    start(cluster=farm.cluster)
    ids = [farm.put(square, i) for i in range(500)]
    assert [farm.result(id)[1] for id in ids] == [i * i for i in range(500)]
    assert farm.left() == 0 and farm.space.count("result", farm.cluster, ...) == 0


def test_an_error_is_a_result_and_retries_come_first(farm, start):
    start(cluster=farm.cluster)

    def fails():
        raise ValueError("always")

    status, value, meta = farm.result(farm.put(fails))
    assert status == "error" and value["type"] == "ValueError" and "always" in value["traceback"]
    assert isinstance(value["exception"], ValueError)
    id = farm.put(fails, retries=2, name="again")
    status, value, meta = farm.result(id)
    assert status == "error" and meta["attempts"] == 3
    failed = farm.space.in_("failed", farm.cluster, "test", id, dict, parvis.ANY, parvis.ANY, timeout=PATIENCE)
    assert failed[4] == {"retries": 2, "name": "again", "failures": 2}


def test_what_cannot_be_unpickled_or_pickled_is_an_error(farm, start):
    start(cluster=farm.cluster)
    assert farm.result(farm.put(RawObject("pickle", ["function"], b"nonsense", [])))[0] == "error"
    assert farm.result(farm.put(lambda: __import__("threading").Lock()))[0] == "error"
    assert farm.result(farm.put(square, 3))[1] == 9


def test_an_interrupt_by_id_cancels_the_task(farm, start):
    kernel = start(cluster=farm.cluster)
    id = farm.put(lambda: __import__("time").sleep(600))
    kernel.wait_running(id)
    assert kernel.ok("interrupt", id=id)["interrupted"] is True
    assert farm.result(id)[0] == "cancelled"


def test_an_interrupt_that_python_turns_into_another_error_cancels_the_task(farm, start, tmp_path):
    kernel = start(cluster=farm.cluster)
    inside = tmp_path / "inside"

    def wraps():  # Python 3.11 makes a RuntimeError of whatever __set_name__ raises; imports do such things, too
        class Slow:
            def __set_name__(self, owner, name):
                inside.touch()
                __import__("time").sleep(600)

        class Holder:
            field = Slow()

    id = farm.put(wraps, retries=3)
    wait_until(inside.exists, "the task is under way")
    assert kernel.ok("interrupt", id=id)["interrupted"] is True
    status, value, meta = farm.result(id)
    assert status == "cancelled" and meta["attempts"] == 1


def test_requests_go_before_tasks_and_tasks_do_not_wait_behind_them(farm, start):
    first = start(cluster=farm.cluster)
    blocked = first.later("import time; time.sleep(600)")
    first.wait_running(blocked)
    second = start(cluster=farm.cluster)
    ids = [farm.put(square, i) for i in range(20)]
    assert {farm.result(id)[2]["kernel"] for id in ids} == {second.id}
    first.ok("interrupt")


def test_long_tasks_are_shared_out(farm, start):
    kernels = [start(cluster=farm.cluster), start(cluster=farm.cluster)]
    ids = [farm.put(lambda: __import__("time").sleep(0.3)) for _ in range(6)]
    assert {farm.result(id)[2]["kernel"] for id in ids} == {kernel.id for kernel in kernels}


def test_what_a_killed_kernel_had_claimed_is_run_by_another(farm, start):
    victim = start(cluster=farm.cluster)
    id = farm.put(lambda: __import__("time").sleep(1) or __import__("os").environ["PARVIS_KERNEL"])
    victim.wait_running(id)
    other = start(cluster=farm.cluster)
    victim.process.send_signal(signal.SIGKILL)
    status, value, meta = farm.result(id)
    assert (status, value, meta["attempts"]) == ("ok", other.id, 2)
    assert farm.left() == 0 and farm.space.count("result", farm.cluster, ...) == 0


def test_a_task_that_kills_kernels_is_set_aside_with_its_story(server, agents):
    agent = agents(1)
    farm = Farm(server)
    farm.cluster = agent.cluster
    agent.kernels(1)
    poison = farm.put(lambda: __import__("os").abort(), deaths=1)
    status, value, meta = farm.result(poison)
    assert status == "died" and "SIGABRT" in value["story"] and "Aborted" in value["story"], value
    assert farm.result(farm.put(square, 5))[1] == 25
    farm.space.close()


def test_tasks_survive_a_restart_of_the_server(farm, start, server):
    kernel = start(cluster=farm.cluster)
    id = farm.put(lambda: __import__("time").sleep(1) or "survived")
    kernel.wait_running(id)
    farm.space.close()
    server.kill()
    server.start()
    farm.space = parvis.connect(server.address, space="parvis.farm")
    assert farm.result(id)[:2] == ("ok", "survived")
    assert farm.left() == 0
    wait_until(lambda: kernel.ok("status")["state"] == "idle")
    assert os.path.exists(server.home)

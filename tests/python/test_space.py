"""The operations of a space, and its errors."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import parvis
from conftest import BUILD, PATIENCE
from parvis import ANY, Between, OneOf, Prefix, Var


def test_out_in_rd(space):
    space.out("task", 1, "x")
    assert space.rd("task", int, str) == ("task", 1, "x")
    assert space.in_("task", int, str) == ("task", 1, "x")
    assert space.inp("task", int, str) is None
    assert space.rdp("task", int, str) is None


def test_aliases(space):
    space.write("a", 1)
    assert space.read("a", int) == ("a", 1)
    assert space.take("a", int) == ("a", 1)


def test_oldest_first_and_priority(space):
    for n in range(3):
        space.out("n", n)
    space.out("n", 9, priority=1)
    assert [space.in_("n", int)[1] for _ in range(4)] == [9, 0, 1, 2]


TEMPLATES = [(("a", 1), ("a", ANY), True), (("a", 1), ("a", float), False), (("a", 1.0), ("a", 1), False),
             (("a", True), ("a", 1), False), (("a", 1), ("a",), False), (("a", 1), ("a", ...), True),
             (("a",), ("a", ...), True),
             (("a", 5), ("a", Between(1, 5)), True), (("a", 6), ("a", Between(1, 5)), False),
             (("a", "abc"), ("a", Prefix("ab")), True), (("a", "cab"), ("a", Prefix("ab")), False),
             (("a", 2), ("a", OneOf(1, 2)), True), (("a", 3), ("a", OneOf(1, 2)), False),
             ((1, 1), (Var("x"), Var("x")), True), ((1, 2), (Var("x"), Var("x")), False), ((1, 1),
                                                                                           (Var("x", str), ANY), False),
             (("a", (1, "b", 2.0)), ("a", (int, ...)), True), (("a", [1, 2]), ("a", (int, int)), False),
             (("a", [1, (2, 3)]), ("a", [ANY, (2, int)]), True), (("a", {"k": 1}), ("a", dict), True),
             (("a", None), ("a", None), True), (("a", None), ("a", ANY), True), (("a", 0), ("a", None), False),
             (("a", -0.0), ("a", 0.0), True), ((), (), True), ((), (...,), True)]


@pytest.mark.parametrize("fields, template, matches", TEMPLATES, ids=repr)
def test_matching(space, fields, template, matches):
    space.out(*fields)
    assert (space.inp(*template) is not None) == matches
    if not matches:
        assert space.inp(*fields) == fields


@pytest.mark.parametrize("template", [(..., 1), ({"a": int},), (1, (..., 2))], ids=repr)
def test_templates_that_cannot_be(space, template):
    with pytest.raises(parvis.ProtocolError):
        space.rdp(*template)


def test_patterns_check_their_arguments():
    with pytest.raises(TypeError):
        Between(1, 2.0)
    with pytest.raises(TypeError):
        Prefix(1)
    with pytest.raises(TypeError):
        OneOf()
    with pytest.raises(TypeError):
        Var("x", 5)
    assert repr(("t", ANY, Between(1, 2), Prefix("x"), OneOf(1, 2), Var("x", int))) == \
        "('t', ANY, Between(1, 2), Prefix('x'), OneOf(1, 2), Var('x', int))"


def test_timeout_is_a_timeout_error(space):
    began = time.monotonic()
    with pytest.raises(parvis.Timeout) as caught:
        space.in_("nothing", timeout=0.05)
    assert isinstance(caught.value, TimeoutError) and isinstance(caught.value, parvis.Error)
    assert time.monotonic() - began >= 0.05
    with pytest.raises(parvis.Timeout):
        space.rd("nothing", timeout=0)


@pytest.mark.parametrize("bad", [-1, float("nan"), "soon"])
def test_a_timeout_is_a_number(space, bad):
    with pytest.raises((ValueError, TypeError)):
        space.in_("x", timeout=bad)


def test_many(space):
    space.out_many([("m", n) for n in range(10)])
    space.out_many([])
    assert space.count("m", int) == 10
    assert [fields[1] for fields in space.read_many(3, "m", int)] == [0, 1, 2]
    assert [fields[1] for fields in space.take_many(100, "m", int)] == list(range(10))
    assert space.take_many(5, "m", int, timeout=0.01) == []
    assert space.read_many(5, "m", int, timeout=0.01) == []


def test_out_many_is_all_or_nothing(space):
    with pytest.raises(parvis.ProtocolError):
        space.out_many([("m", 1), ("m", "\udc80")])
    with pytest.raises(TypeError):
        space.out_many(["not a tuple"])
    assert space.count("m", ...) == 0


def test_lease_and_delay(space):
    space.out("brief", lease=0.05)
    space.out("late", delay=0.05)
    assert space.inp("late") is None
    assert space.in_("late", timeout=PATIENCE) == ("late",)
    deadline = time.monotonic() + PATIENCE
    while space.rdp("brief") is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_blocked_in_is_woken_by_another_thread(space, server):
    got = []
    thread = threading.Thread(target=lambda: got.append(space.in_("wake", int, timeout=PATIENCE)))
    thread.start()
    with parvis.connect(server.address, space=space.name) as other:
        other.out("wake", 1)
    thread.join(PATIENCE)
    assert got == [("wake", 1)]


def test_many_threads_share_a_space(space):
    def work(k):
        for n in range(50):
            space.out("t", k, n)
            assert space.in_("t", k, int, timeout=PATIENCE) == ("t", k, n)
        done.append(k)

    done = []
    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(done) == list(range(8))
    assert space.count("t", ...) == 0


def test_waiting_lets_other_threads_run(space):
    waiting = threading.Thread(target=lambda: space.in_("never", timeout=0.5) if False else space.inp("never"))
    waiting.start()
    ticks = []
    blocked = threading.Thread(target=lambda: _expect_timeout(space))
    blocked.start()
    while blocked.is_alive():
        ticks.append(1)
        time.sleep(0.001)
    waiting.join()
    assert len(ticks) > 5


def _expect_timeout(space):
    with pytest.raises(parvis.Timeout):
        space.in_("never", timeout=0.3)


def test_ctrl_c_ends_a_wait_and_loses_nothing(space):
    main = os.getpid()
    timer = threading.Timer(0.2, os.kill, (main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        space.in_("c", int, timeout=PATIENCE)
    timer.join()
    space.out("c", 1)
    assert space.count("c", int) == 1
    assert space.in_("c", int, timeout=PATIENCE) == ("c", 1)


def test_a_signal_handler_that_returns_does_not_end_a_wait(space):
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda *_: (seen.append(1), space.space(space.name).out("s", 1)))
    try:
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        assert space.in_("s", int, timeout=PATIENCE) == ("s", 1)
        timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [1]


def test_names_and_repr(space, server):
    assert space.name in repr(space) and space.address in repr(space)
    other = space.space("elsewhere")
    assert other.name == "elsewhere"
    with pytest.raises(AttributeError):
        parvis.nothing
    assert "Cluster" in dir(parvis) and parvis.__version__


def test_default_space(server):
    assert parvis.space is parvis.space
    assert parvis.space.name == "default"
    parvis.space.out("hello from the default space", 1)
    assert parvis.space.in_("hello from the default space", int)


def test_a_closed_space_says_so(server):
    space = parvis.connect(server.address)
    space.close()
    space.close()
    with pytest.raises(parvis.Disconnected):
        space.out("x")


def test_nobody_there(tmp_path):
    with pytest.raises(parvis.Disconnected, match="no server"):
        parvis.connect(f"unix://{tmp_path}/nobody")
    with pytest.raises(parvis.ProtocolError):
        parvis.connect("nonsense")


def test_errors_are_typed():
    for name in ("Timeout", "NotFound", "Conflict", "LimitExceeded", "Unauthorized", "ProtocolError", "StorageFull",
                 "StorageError", "Disconnected", "KernelDied", "RemoteError"):
        assert issubclass(getattr(parvis, name), parvis.Error)
    assert issubclass(parvis.Timeout, TimeoutError)


def test_a_forked_child_has_a_connection_of_its_own(space):
    space.out("before", 1)
    child = os.fork()
    if child == 0:
        try:
            space.out("from the child", os.getpid())
            os._exit(0)
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert space.in_("from the child", int, timeout=PATIENCE)[1] == child
    assert space.in_("before", int, timeout=PATIENCE)


PROGRAM = """
import sys, threading
sys.path.insert(0, sys.argv[1])
import parvis
space = parvis.connect(sys.argv[2], space=sys.argv[3])
threading.Thread(target=space.in_, args=("never",), daemon=True).start()
print(space.in_("question", int))
space.out("answer", 1)
"""


def test_a_program_ends_cleanly_with_a_thread_blocked(space, server):
    space.out("question", 1)
    ended = subprocess.run([sys.executable, "-c", PROGRAM, str(BUILD / "python"), server.address, space.name],
                           capture_output=True, text=True, timeout=PATIENCE)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "('question', 1)\n", "")
    assert space.in_("answer", int, timeout=PATIENCE)
    assert space.count("question", int) == 0

"""Atomic guarded statements."""

import concurrent.futures
import signal
import threading
import time

import pytest

import parvis
from conftest import PATIENCE
from parvis import ANY, Var, absent, copy, move, otherwise, put, read, take, update, when


def test_a_counter(space):
    n = Var("n")
    space.out("counter", 1)
    ran = space.run(when(take("counter", n)).do(put("counter", n + 1)))
    assert (ran.branch, ran.tuples, ran[n], ran["n"], ran.values) == (0, [("counter", 1)], 1, 1, {"n": 1})
    assert len(ran.ids) == 1
    assert space.rdp("counter", int) == ("counter", 2)


def test_variables_join_tuples(space):
    who = Var("who")
    space.out_many([("order", "ann", 3), ("order", "bob", 5), ("stock", "bob", 7)])
    ran = space.run(when(take("order", who, Var("k")), read("stock", who, int)).do(put("ship", who, Var("k"))))
    assert ran.tuples == [("order", "bob", 5), ("stock", "bob", 7)]
    assert space.rdp("ship", ANY, ANY) == ("ship", "bob", 5)
    assert space.count("stock", ...) == 1 and space.count("order", ...) == 1


def test_the_first_branch_that_can_run_does(space):
    def choose():
        return space.run(when(take("a")).do(put("was a")), when(take("b")).do(put("was b")),
                         otherwise(put("nothing"))).branch

    assert choose() == 2
    space.out("b")
    assert choose() == 1
    space.out_many([("b",), ("a",)])
    assert choose() == 0
    assert space.count("b") == 1 and space.count("nothing") == 1


def test_absence(space):
    name = Var("name")
    claim = when(take("task", name), absent("lock", name)).do(put("lock", name))
    space.out_many([("task", "x"), ("task", "x")])
    assert space.run(claim, wait=False)[name] == "x"
    assert space.run(claim, wait=False) is None
    assert space.count("task", "x") == 1


def test_nothing_can_run(space):
    assert space.run(when(take("x")), wait=False) is None
    with pytest.raises(parvis.Timeout):
        space.run(when(take("x")), timeout=0.02)


def test_it_waits_for_all_at_once(space, server):
    with parvis.connect(server.address, space=space.name) as other, \
            concurrent.futures.ThreadPoolExecutor() as threads:
        both = threads.submit(space.run, when(take("a", int), take("b", int)), timeout=PATIENCE)
        other.out("a", 1)
        assert other.rd("a", int, timeout=PATIENCE)  # it holds nothing while it waits
        assert not both.done()
        other.out("b", 2)
        assert both.result(PATIENCE).tuples == [("a", 1), ("b", 2)]
        assert other.count("a", int) == 0


def test_update_in_a_statement(space):
    space.out_many([("account", "ann", 10), ("account", "bob", 0), ("transfer", "ann", "bob", 4)])
    a, b, k = Var("a"), Var("b"), Var("k")
    order, giver, taker = take("transfer", a, b, k), take("account", a, Var("has")), take("account", b, int)
    transfer = when(order, giver, taker).do(update(giver, subtract={2: k}), update(taker, add={2: k}))
    ran = space.run(transfer)
    assert ran.updated == [("account", "ann", 6), ("account", "bob", 4)]
    assert ran.tuples == [("transfer", "ann", "bob", 4), ("account", "ann", 10), ("account", "bob", 0)]
    assert list(space.scan("account", ...)) == [("account", "ann", 6), ("account", "bob", 4)]
    doubled = space.run(when(giver, absent("closed", a)).do(update(giver, set={2: Var("has") * 2 + 1})))
    assert doubled.updated == [("account", "ann", 13)]


def test_arithmetic(space):
    n, m = Var("n"), Var("m")
    space.out("in", 7, 3)
    fields = (n + 1, 1 + n, n - m, 10 - n, n * 2, 2 * n * 3 + 1, m - n * 2, -n, n.min(5), n.max(m))
    space.run(when(read("in", n, m)).do(put("out", *fields)))
    assert space.in_("out", ...)[1:] == (8, 8, 4, 3, 14, 43, -11, -7, 5, 7)
    space.out("real", 0.5)
    space.run(when(take("real", n)).do(put("real", n * 3.0)))
    assert space.rdp("real", float) == ("real", 1.5)
    assert repr(n * 2 + 1) == "((Var('n') * 2) + 1)"


def test_nested_fields(space):
    x = Var("x")
    space.out("pair", (1, [2, "z"]))
    ran = space.run(when(take("pair", (int, [x, ANY]))).do(put("out", [x, (x, None)])))
    assert ran[x] == 2
    assert space.rdp("out", list) == ("out", [2, (2, None)])


def test_other_spaces(space):
    n = Var("n")
    other = space.space(space.name + "-other")
    other.out("seed", 5)
    space.run(when(take("seed", n, space=other)).do(put("grown", n, space=other.name), put("here", n)))
    assert other.inp("grown", 5) and space.inp("here", 5)
    space.out_many([("row", 1, "a"), ("row", 1, "b"), ("row", 2, "c"), ("take", 1)])
    space.run(when(take("take", n)).do(move("row", n, str, to=other), copy("row", 2, ANY, to=other.name)))
    assert sorted(other.scan("row", ...)) == [("row", 1, "a"), ("row", 1, "b"), ("row", 2, "c")]
    assert list(space.scan("row", ...)) == [("row", 2, "c")]


def test_options_of_put(space):
    space.run(otherwise(put("v", 1), put("v", 2, priority=5), put("short", lease=0.01)))
    assert space.in_("v", int) == ("v", 2)
    deadline = time.monotonic() + PATIENCE
    while space.count("short"):
        assert time.monotonic() < deadline


def test_what_is_wrong_is_said(space):
    n = Var("n")
    order = take("x", n)
    for statement, text in [
        (lambda: space.run(), "at least one branch"),
        (lambda: space.run(take("x")), "a branch is"),
        (lambda: when(put("x")), "a condition is"),
        (lambda: when(take("x")).do(take("y")), "an action is"),
        (lambda: space.run(when(take("y")).do(update(order, add={1: 1}))), "does not have"),
        (lambda: space.run(when(read("x", n)).do(update(0, add={1: 1}))), "take condition"),
        (lambda: update(order, add={5: 1}), "has 2 fields"),
        (lambda: update(order, add={1: n + 1}), "set="),
        (lambda: n + "x", "for numbers"),
        (lambda: (n + 1) * (n + 2), "one side"),
        (lambda: space.run(otherwise(put("x", [n + 1]))), "field of its own"),
        (lambda: space.run(otherwise(put("x", ANY))), "values and variables"),
        (lambda: space.run(when(take("x", n + 1))), "arithmetic"),
        (lambda: space.rdp("x", n + 1), "arithmetic"),
        (lambda: take(parvis.AnyOf(("x",))), "one template"),
        (lambda: space.run(when(take("x", space=5))), "a Space or its name"),
    ]:
        with pytest.raises((TypeError, ValueError), match=text):
            statement()
    with pytest.raises(parvis.ProtocolError):
        space.run(otherwise(put("x", n)))  # nothing binds n


def test_ctrl_c_ends_a_statement_that_waits_and_it_never_runs(space):
    timer = threading.Timer(0.1, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        space.run(when(take("a")).do(put("ran")), timeout=PATIENCE)
    timer.join()
    deadline = time.monotonic() + PATIENCE
    while space.waiters():
        assert time.monotonic() < deadline
    space.out("a")
    assert space.count("a") == 1 and space.count("ran") == 0

"""update, swap, out_if_absent; groups, quotas, settling; explain, waiters, spaces."""

import concurrent.futures
import threading
import time

import pytest

import parvis
from conftest import PATIENCE
from parvis import ANY, AnyOf


def eventually(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_update_changes_in_place(space):
    space.out_many([("n", 1, "a"), ("n", 2, "b")])
    assert space.update(("n", int, str), add={1: 10}, set={2: "x"}) == ("n", 11, "x")
    assert space.read_many(5, "n", int, str) == [("n", 11, "x"), ("n", 2, "b")]  # its place is the same
    assert space.update(("n", 2, ANY), multiply={1: 3}) == ("n", 6, "b")
    assert space.update(("n", 6, ANY), subtract={1: 1}) == ("n", 5, "b")
    assert space.update(("n", 5, ANY), max={1: 7}) == ("n", 7, "b")
    assert space.update(("n", 7, ANY), min={1: 4}) == ("n", 4, "b")
    assert space.update(("nothing", int), add={1: 1}) is None


def test_update_of_an_open_template_and_of_floats(space):
    space.out("n", 1.5, "x", None)
    assert space.update(("n", ...), add={1: 1.0}, set={3: [1, 2]}) == ("n", 2.5, "x", [1, 2])


def test_many_updates_count_together(server, space):
    space.out("n", 0)

    def add():
        with parvis.connect(server.address, space=space.name) as mine:
            for _ in range(20):
                assert mine.update(("n", int), add={1: 1})

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(add) for _ in range(4)]:
            done.result(PATIENCE)
    assert space.rdp("n", int) == ("n", 80)


def test_update_says_what_is_wrong_with_its_arguments(space):
    space.out("n", 1)
    for wrong, text in [({"add": {9: 1}}, "has 2 fields, 0 to 1"), ({"set": {-1: 1}}, "from 0"),
                        ({"add": {"x": 1}}, "no position"), ({"add": 5}, "a dict"), ({}, "changes nothing")]:
        with pytest.raises((TypeError, ValueError), match=text):
            space.update(("n", int), **wrong)
    with pytest.raises(TypeError, match="a tuple of its fields"):
        space.update("n", add={1: 1})
    with pytest.raises(TypeError, match="one template"):
        space.update(AnyOf(("n", int)), add={1: 1})
    space.out("s", "text")
    with pytest.raises(parvis.ProtocolError):
        space.update(("s", str), add={1: 1})
    assert space.rdp("s", "text") and space.rdp("n", 1)


def test_swap(space):
    space.out("config", "old")
    assert space.swap(("config", str), ("config", "new")) == ("config", "old")
    assert list(space.scan("config", str)) == [("config", "new")]
    assert space.swap(("nothing", str), ("nothing", "x")) is None
    assert space.count("nothing", str) == 0
    with pytest.raises(TypeError, match="new tuple"):
        space.swap(("config", str), "new")


def test_out_if_absent(space):
    assert space.out_if_absent("leader", 1) is True
    assert space.out_if_absent("leader", 1) is False
    assert space.out_if_absent("leader", 2, unless=("leader", int)) is False
    assert space.out_if_absent("other", 2, unless=AnyOf(("a",), ("leader", int))) is False
    assert space.out_if_absent("leader", 2) is True
    assert sorted(space.scan("leader", int)) == [("leader", 1), ("leader", 2)]
    with pytest.raises(TypeError, match="tuple of its fields"):
        space.out_if_absent("x", unless="leader")


def test_one_of_many_is_first(server, space):
    def attempt(n):
        with parvis.connect(server.address, space=space.name) as mine:
            return mine.out_if_absent("leader", n, unless=("leader", int))

    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(attempt, range(6))) == 1
    assert space.count("leader", int) == 1


def test_a_group_is_handed_out_one_at_a_time(space):
    space.out_many([("job", n) for n in range(3)], group="a")
    space.out("job", 9, group=("b", 1))
    with space.transaction() as tx:
        assert tx.in_("job", int) == ("job", 0)
        assert space.inp("job", int) == ("job", 9)  # the other group; the rest of the first waits
        assert space.inp("job", int) is None
        assert space.count("job", int) == 2  # they can be seen
    assert space.inp("job", int) == ("job", 1)


def test_groups_of_what_a_transaction_puts(space):
    with space.transaction() as tx:
        tx.out("job", 1, group=7)
        tx.out("job", 2, group=7)
    with space.transaction() as tx:
        assert tx.in_("job", int) == ("job", 1)
        assert space.inp("job", int) is None
    assert space.inp("job", int) == ("job", 2)


def test_quotas(space):
    space.make(quota_tuples=2)
    info = next(info for info in space.spaces() if info.name == space.name)
    assert (info.quota_tuples, info.quota_bytes, info.durability) == (2, None, "durable")
    space.out_many([("v", 1), ("v", 2)])
    with pytest.raises(parvis.LimitExceeded, match="quota"):
        space.out("v", 3)
    with pytest.raises(parvis.Error):
        space.out("v", 3, room=0.02)
    with concurrent.futures.ThreadPoolExecutor() as threads:
        waiting = threads.submit(space.out, "v", 3, room=None)
        eventually(lambda: not waiting.done())
        assert space.in_("v", int) == ("v", 1)
        waiting.result(PATIENCE)
    assert space.count("v", int) == 2
    space.make(quota_tuples=0)
    space.out("v", 4)
    for wrong in ({"quota_tuples": -1}, {"durability": "eternal"}):
        with pytest.raises(ValueError):
            space.make(**wrong)


def test_making_and_dropping_spaces(space):
    scratch = space.space(space.name + "-scratch")
    scratch.make("volatile")
    scratch.out("v", 1)
    info = next(info for info in space.spaces() if info.name == scratch.name)
    assert (info.durability, info.tuples, info.waiters, info.held) == ("volatile", 1, 0, 0)
    assert info.bytes > 0
    with pytest.raises(parvis.Conflict):
        scratch.make("durable")
    scratch.make(quota_bytes=1000)  # the durability stays as it is
    scratch.drop()
    assert scratch.name not in [info.name for info in space.spaces()]
    assert scratch.count("v", int) == 0


def test_settling(server, space):
    space.out("v", 1)
    with parvis.connect(server.address, space=space.name) as other:
        tx = other.transaction()
        tx.in_("v", int)
        assert space.inp("v", int) is None
        assert space.rdp("v", int, settle=0.02) is None
        timer = threading.Timer(0.05, tx.abort)
        timer.start()
        assert space.inp("v", int, settle=PATIENCE) == ("v", 1)
        timer.join()
    assert space.inp("v", int, settle=PATIENCE) is None  # nothing to wait for
    with pytest.raises(ValueError, match="settle"):
        space.inp("v", int, settle=-1)


def test_own_claims_never_block_their_transaction(space):
    space.out("v", 1)
    with space.transaction() as tx:
        tx.in_("v", int)
        assert tx.inp("v", int, settle=PATIENCE) is None
        assert tx.rdp("v", int, settle=PATIENCE) is None


def test_explain(space):
    space.out("task", 1, "x")
    space.out("task", 2, "held")
    with space.transaction() as tx:
        tx.in_("task", 2, str)
        rows = space.explain("task", 2, str)
        assert {row.tuple for row in rows} == {("task", 1, "x"), ("task", 2, "held")}
        held = next(row for row in rows if row.tuple[1] == 2)
        assert held.holder and held.position is None
        other = next(row for row in rows if row.tuple[1] == 1)
        assert other.position == 1 and other.why and other.id > 0
        assert "('task', 2, 'held')" in str(rows) and "held by" in str(rows)
    assert space.explain("no such", ANY, ANY, n=1)
    with pytest.raises(TypeError, match="one template"):
        space.explain(AnyOf(("a",), ("b",)))


def test_waiters(space):
    assert space.waiters() == []
    with concurrent.futures.ThreadPoolExecutor() as threads:
        waiting = threads.submit(space.in_, "never", int, timeout=PATIENCE)
        eventually(lambda: len(space.waiters()) == 1)
        row = space.waiters()[0]
        assert (row.space, row.take, row.held_by, row.cycle) == (space.name, True, [], 0)
        assert row.session == space.session.id
        assert row.seconds >= 0 and len(row.templates) == 1 and '"never"' in row.templates[0]
        assert row in [other._replace(seconds=row.seconds) for other in space.waiters(everywhere=True)]
        space.out("never", 1)
        assert waiting.result(PATIENCE) == ("never", 1)


@pytest.mark.parametrize("options", [{"delay": -1}, {"room": -1}, {"lease": -1}])
def test_times_are_not_negative(space, options):
    with pytest.raises(ValueError, match=f"{next(iter(options))} is a number of seconds"):
        space.out("v", **options)


def test_a_group_may_be_any_value_of_some_size(space):
    space.out("v", 1, group=frozenset({1}))  # pickled, as any field
    space.out("v", 2, group=[1, "x", None])
    with pytest.raises(parvis.LimitExceeded, match="max_group_bytes"):
        space.out("v", 3, group="x" * 2000)
    assert space.count("v", int) == 2

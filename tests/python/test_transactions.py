"""Transactions: all or nothing."""

import time

import pytest

import parvis
from conftest import PATIENCE


def test_commit(space):
    space.out("job", 1)
    with space.transaction() as tx:
        assert tx.in_("job", int) == ("job", 1)
        assert space.inp("job", int) is None
        tx.out("done", 1)
        assert space.rdp("done", int) is None
    assert space.in_("done", int, timeout=PATIENCE) == ("done", 1)
    assert space.inp("job", int) is None


def test_an_exception_aborts(space):
    space.out("job", 1)
    space.out("job", 2)
    with pytest.raises(ZeroDivisionError):
        with space.transaction() as tx:
            tx.in_("job", int)
            tx.out("done", 1)
            1 / 0
    assert [space.in_("job", int, timeout=PATIENCE)[1] for _ in range(2)] == [1, 2]
    assert space.rdp("done", int) is None


def test_a_commit_without_room_leaves_it_open(space):
    space.make(quota_tuples=2)
    space.out_many([("job", 1), ("other",)])
    tx = space.transaction()
    tx.in_("job", int)
    tx.out_many([("result", 1), ("result", 2)])
    for _ in range(2):
        with pytest.raises(parvis.LimitExceeded, match="quota_tuples = 2"):
            tx.commit()
    assert "open" in repr(tx) and tx.count("result", int) == 2
    assert space.inp("other")
    tx.commit()
    assert space.count("result", int) == 2


def test_a_commit_without_room_at_the_end_of_its_block_aborts(space):
    space.make(quota_tuples=2)
    space.out_many([("job", 1), ("other",)])
    with pytest.raises(parvis.LimitExceeded):
        with space.transaction() as tx:
            tx.in_("job", int)
            tx.out_many([("result", 1), ("result", 2)])
    assert "ended" in repr(tx)
    assert space.inp("job", int) == ("job", 1)


def test_without_with(space):
    space.out("job", 1)
    tx = space.transaction()
    assert tx.take("job", int)
    tx.abort()
    with pytest.raises(parvis.Conflict):
        tx.commit()
    tx = space.transaction(lease=60)
    assert tx.inp("job", int)
    tx.write("done", 1)
    tx.renew(60)
    tx.commit()
    assert space.count("done", int) == 1
    assert "ended" in repr(tx)


def test_the_lease_ends_it(space):
    space.out("job", 1)
    tx = space.transaction(lease=0.05)
    tx.in_("job", int)
    assert space.in_("job", int, timeout=PATIENCE) == ("job", 1)
    tx.out("done", 1)
    with pytest.raises(parvis.Conflict):
        tx.commit()
    assert space.rdp("done", int) is None


def test_many_and_other_spaces(space):
    other = space.space(space.name + "-other")
    space.out_many([("job", n) for n in range(3)])
    with space.transaction() as tx:
        assert len(tx.take_many(10, "job", int)) == 3
        tx.out_many([("done", n) for n in range(3)], space=other)
        assert tx.rdp("job", int) is None
    assert other.count("done", int) == 3


def test_what_was_put_is_what_it_was_then(space):
    value = [1]
    with space.transaction() as tx:
        tx.out("v", value)
        value.append(2)
    assert space.in_("v", list) == ("v", [1])


# What a transaction put is there for itself: JavaSpaces' rule, kept by the client.


def test_a_transaction_sees_what_it_put(space):
    with space.transaction() as tx:
        tx.out("v", 1)
        tx.out("v", 2, priority=1)
        assert tx.rdp("v", int) == ("v", 2)
        assert tx.rd("v", 1) == ("v", 1)
        assert tx.read_many(10, "v", int) == [("v", 2), ("v", 1)]
        assert tx.count("v", int) == 2
        assert space.count("v", int) == 0
        assert space.rdp("v", int) is None
    assert space.count("v", int) == 2


def test_what_a_transaction_takes_of_its_own_is_not_put(space):
    with space.transaction() as tx:
        tx.out_many([("v", n) for n in range(4)])
        assert tx.in_("v", int) == ("v", 0)
        assert tx.inp("v", 2) == ("v", 2)
        assert tx.take_many(1, "v", int) == [("v", 1)]
        assert tx.inp("v", 0) is None
        assert tx.count("v", int) == 1
    assert space.read_many(5, "v", int) == [("v", 3)]


def test_the_servers_tuples_are_older_and_come_first(space):
    space.out("v", 1)
    with space.transaction() as tx:
        tx.out("v", 0, priority=7)
        assert tx.rd("v", int) == ("v", 1)
        assert tx.in_("v", int) == ("v", 1)
        assert tx.in_("v", int) == ("v", 0)
        assert tx.inp("v", int) is None
        assert tx.count("v", int) == 0
    assert space.count("v", int) == 0


def test_many_come_from_both(space):
    space.out_many([("v", n) for n in range(3)])
    tx = space.transaction()
    tx.out_many([("v", n) for n in range(3, 6)])
    assert tx.take_many(5, "v", int) == [("v", n) for n in range(5)]
    assert tx.take_many(5, "v", int) == [("v", 5)]
    tx.abort()
    assert space.count("v", int) == 3


def test_own_writes_are_of_their_space_and_any_template(space):
    other = space.space(space.name + "-other")
    with space.transaction() as tx:
        tx.out("v", 1, space=other)
        assert tx.rdp("v", int) is None
        assert tx.rdp("v", int, space=other) == ("v", 1)
        assert tx.inp(parvis.AnyOf(("w", int), ("v", int)), space=other.name) == ("v", 1)
        assert tx.count("v", int, space=other) == 0
    assert other.count("v", int) == 0


def test_a_delayed_put_is_hidden_from_its_own_transaction(space):
    with space.transaction() as tx:
        tx.out("v", 1, delay=60)
        assert tx.rdp("v", int) is None
    assert space.rdp("v", int) is None


def test_a_blocking_take_inside_waits_for_others(space):
    with space.transaction() as tx:
        tx.out("mine", 1)
        with pytest.raises(parvis.Timeout):
            tx.in_("theirs", int, timeout=0.05)
        assert tx.take_many(3, "theirs", int, timeout=0.05) == []
        space.out("theirs", 1)
        assert tx.in_("theirs", int, timeout=PATIENCE) == ("theirs", 1)


@pytest.mark.parametrize("end", ["commit", "abort", "lease"])
def test_after_its_end_every_operation_raises_conflict(space, end):
    space.out("v", 1)
    tx = space.transaction(lease=1.0 if end == "lease" else None)
    if end == "lease":
        probe = space.transaction()
        tx.in_("v", int)
        assert probe.in_("v", int, timeout=PATIENCE)  # it is back: the lease has ended
    else:
        getattr(tx, end)()
    for operation in (tx.in_, tx.rd, tx.inp, tx.rdp, tx.count):
        with pytest.raises(parvis.Conflict):
            operation("v", int)
    for operation in (tx.take_many, tx.read_many):
        with pytest.raises(parvis.Conflict):
            operation(3, "v", int)
    with pytest.raises(parvis.Conflict):
        tx.renew(5)
    with pytest.raises(parvis.Conflict):
        tx.commit()


def test_a_read_that_waits_ends_with_its_transaction(space):
    tx = space.transaction(lease=0.1)
    with pytest.raises(parvis.Conflict):
        tx.rd("never", timeout=PATIENCE)


def test_options_of_a_put_inside(space):
    with pytest.raises(ValueError, match="lease"):
        with space.transaction() as tx:
            tx.out("v", 1, lease=-1)
    with pytest.raises(parvis.LimitExceeded, match="priority"):
        with space.transaction() as tx:
            tx.out("v", 1, priority=99999)
    with space.transaction() as tx:
        tx.out("v", 1, lease=0.02, priority=3, group=("any", "key"))
    deadline = time.monotonic() + PATIENCE
    while space.count("v", int):
        assert time.monotonic() < deadline

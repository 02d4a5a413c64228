"""Transactions: all or nothing."""

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

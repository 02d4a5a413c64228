"""What Tupelo's tests of its operations ask, as it reads for this space.

write is ``out``, take ``in_``, read_all ``read_many``. Its transactions are optimistic and run again when they
lost; here what a transaction takes is its own until it ends, so that none runs twice. What cannot be asked:
``pulse`` (a tuple that only wakes readers; an event is what ``watch`` is for)."""
import threading

import pytest

import parvis
from parvis import ANY
from waiting import PATIENCE, Waiter


def test_one_client(space):
    space.out(1)
    assert space.rd(ANY) == (1,)


def test_read_existing(space, server):
    with parvis.connect(server.address, space=space.name) as other:
        space.out("foo")
        assert space.rd(ANY) == other.rd(ANY) == ("foo",)


def test_read_waiting(space, server):
    reader = Waiter(server, space.name, ANY, take=False)
    space.out("bar")
    assert reader.result() == space.rd(ANY) == ("bar",)


def test_take_existing(space, server):
    with parvis.connect(server.address, space=space.name) as other:
        space.out("foo")
        assert other.in_(ANY) == ("foo",)
        assert space.read_many(10, ANY, timeout=0) == other.read_many(10, ANY, timeout=0) == []


def test_take_waiting(space, server):
    taker = Waiter(server, space.name, ANY)
    space.out("bar")
    assert taker.result() == ("bar",)
    assert space.read_many(10, ANY, timeout=0) == []


def test_transaction_existing(space, server):
    space.out_many([(0,), (2,)])
    with parvis.connect(server.address, space=space.name) as other:
        with other.transaction() as transaction:
            transaction.out(1)
            assert (transaction.rd(0), transaction.in_(2)) == ((0,), (2,))
        assert space.read_many(10, ANY) == other.read_many(10, ANY) == [(0,), (1,)]


def test_transaction_waiting(space, server):
    done = []

    def transact():
        with parvis.connect(server.address, space=space.name) as other:
            with other.transaction() as transaction:
                transaction.out(1)
                other.out("begun")
                done.append((transaction.rd(0), transaction.in_(2)))

    thread = threading.Thread(target=transact)
    thread.start()
    space.in_("begun", timeout=PATIENCE)
    assert space.rdp(1) is None
    space.out_many([(0,), (2,)])
    thread.join(PATIENCE)
    assert done == [((0,), (2,))]
    assert space.read_many(10, ANY) == [(0,), (1,)]


def test_transaction_take_two(space):
    space.out_many([(0,), (1,)])
    with space.transaction() as transaction:
        assert sorted([transaction.in_(ANY), transaction.in_(ANY)]) == [(0,), (1,)]


def test_transaction_take_read(space):
    space.out(0)
    with space.transaction() as transaction:
        assert (transaction.in_(0), transaction.rdp(0)) == ((0,), None)


@pytest.mark.parametrize("call", ["rd", "in_"])
def test_transaction_write_read_write_take(space, call):
    with space.transaction() as transaction:
        transaction.out(0)
        assert getattr(transaction, call)(0) == (0,)
    assert space.read_many(10, ANY, timeout=0) == ([(0,)] if call == "rd" else [])


def test_read_stream(space):
    """A read with a block: what is there, and then what comes."""
    space.out_many([(n,) for n in range(3)])
    with space.watch(ANY, kinds="put") as watch:
        there = list(space.scan(ANY))
        for n in range(3, 10):
            space.out(n)
        assert there + [watch.next(PATIENCE).tuple for _ in range(3, 10)] == [(n,) for n in range(10)]


def test_transaction_empty(space):
    before = space.count(...)
    with space.transaction():
        pass
    assert space.count(...) == before


def test_transaction_cancel(space, server):
    """Aborted while one of its own takes waits: the wait ends, and nothing happened."""
    transaction = space.transaction()
    transaction.out(1)
    waiting = transaction._inside._start_get(2, take=True, wait=True)
    space.count(...)
    transaction.abort()
    assert waiting.wait(PATIENCE)
    try:
        raise AssertionError(waiting.answer())
    except parvis.Conflict:
        pass
    space.out(2)
    assert space.read_many(10, ANY) == [(2,)]


def test_transaction_of_two_takes_and_a_rival(space, server):
    """Tupelo runs the loser again; here the rival waits, since the first token is the transaction's."""
    space.out("token", 1)
    transaction = space.transaction()
    transaction.out("test", 1)
    assert transaction.in_("token", 1) == ("token", 1)
    rival = Waiter(server, space.name, "token", 1)
    transaction.out("test", 2)
    space.out("token", 2)
    assert transaction.in_("token", 2) == ("token", 2)
    transaction.commit()
    assert not rival.served
    assert space.read_many(10, ANY, ANY) == [("test", 1), ("test", 2)]
    space.out("token", 1)
    assert rival.result() == ("token", 1)


def increment(address, name, times):
    with parvis.connect(address, space=name) as space:
        for _ in range(times):
            with space.transaction() as transaction:
                count = transaction.in_("count", int)[1]
                transaction.out("count", count + 1)


def test_concurrent_transactions(space, server):
    """Its stress test: nobody's increment is lost."""
    space.out("count", 0)
    threads = [threading.Thread(target=increment, args=(server.address, space.name, 25)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert space.read_many(10, "count", int) == [("count", 100)]

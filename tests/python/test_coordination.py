"""Queue, Lock, Semaphore, Barrier, Event, Variable, Counter and Leader: what one process sees of them."""
import pickle
import queue
import threading

import pytest

import parvis
from conftest import PATIENCE

KINDS = ["Queue", "Lock", "Semaphore", "Barrier", "Event", "Variable", "Counter", "Leader"]


@pytest.fixture
def make(space):
    """make("Lock", "name", …) in the test's own space."""

    def make(kind, name="it", **options):
        return getattr(parvis, kind)(name, space=space, **options)

    return make


@pytest.fixture
def threads():
    """Runs functions beside the test; their errors are the test's."""
    started, errors = [], []

    def start(function, *arguments):
        def run():
            try:
                function(*arguments)
            except BaseException as error:
                errors.append(error)

        started.append(threading.Thread(target=run))
        started[-1].start()
        return started[-1]

    yield start
    for thread in started:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert not errors


def wait_for(condition):
    import time

    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_it_travels_as_its_name(server, space, kind):
    thing = getattr(parvis, kind)("travels")
    other = pickle.loads(pickle.dumps(thing))
    assert type(other) is type(thing) and other.name == "travels" and repr(other) == repr(thing)
    assert "travels" in repr(thing) and kind in repr(thing)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_name_it_gets_one_of_its_own(kind):
    one, other = getattr(parvis, kind)(), getattr(parvis, kind)()
    assert one.name != other.name


@pytest.mark.parametrize("kind", KINDS)
def test_many_that_come_first_at_once_make_one(server, space, threads, kind):
    gate = threading.Barrier(8)
    ids = []

    def use():
        with parvis.connect(server.address, space=space.name) as own:
            thing = getattr(parvis, kind)("it", space=own)
            gate.wait(PATIENCE)
            ids.append(thing._made()[0])

    workers = [threads(use) for _ in range(8)]
    for worker in workers:
        worker.join(PATIENCE)
    assert len(set(ids)) == 1
    assert space.count(f"parvis.{kind.lower()}", "it", "made", ...) == 1
    getattr(parvis, kind)("it", space=space).delete()
    assert space.count(...) == 0


def test_queue_is_first_in_first_out(make):
    q = make("Queue")
    assert q.empty() and q.qsize() == 0 and not q.full() and q.maxsize == 0
    for item in (1, None, [2], {"a": (3,)}):
        q.put(item)
    assert q.qsize() == 4 and not q.empty()
    assert [q.get(), q.get_nowait(), q.get(timeout=1), q.get(block=False)] == [1, None, [2], {"a": (3,)}]
    for empty in (q.get_nowait, lambda: q.get(timeout=0.01), lambda: q.get(block=False)):
        with pytest.raises(queue.Empty):
            empty()
    with pytest.raises(ValueError):
        q.get(timeout=-1)


def test_queue_with_a_bound(make, threads):
    q = make("Queue", maxsize=2)
    q.put(1)
    q.put_nowait(2)
    assert q.full() and make("Queue").maxsize == 2
    for full in (lambda: q.put_nowait(3), lambda: q.put(3, timeout=0.01), lambda: q.put(3, block=False)):
        with pytest.raises(queue.Full):
            full()
    thread = threads(q.put, 3)
    assert q.get() == 1
    thread.join(PATIENCE)
    assert [q.get(), q.get()] == [2, 3]
    with pytest.raises(queue.Empty):
        q.get_nowait()
    with pytest.raises(queue.Empty):
        q.get(timeout=0.01)
    for item in range(2):  # no room was lost
        q.put_nowait(item)
    with pytest.raises(ValueError, match="maxsize=2"):
        make("Queue", maxsize=3).put(1)


def test_lock(make):
    lock = make("Lock")
    assert not lock.locked()
    assert lock.acquire() and lock.locked()
    other = make("Lock")
    assert not other.acquire(blocking=False)
    assert not other.acquire(timeout=0.01)
    with pytest.raises(RuntimeError, match="not held"):
        other.release()
    lock.release()
    with pytest.raises(RuntimeError, match="not held"):
        lock.release()
    with other as held:
        assert held is other and lock.locked() and not lock.acquire(False)
    assert lock.acquire(False)
    lock.release()
    for wrong in ({"blocking": False, "timeout": 1}, {"timeout": -2}):
        with pytest.raises(ValueError):
            lock.acquire(**wrong)


def test_lock_is_released_by_an_exception(make):
    lock = make("Lock")
    with pytest.raises(ZeroDivisionError):
        with lock:
            1 / 0
    assert not lock.locked()


def test_p5_lock_goes_to_who_waits_longest(server, space, make, threads):
    order = []

    def worker(n):
        with parvis.connect(server.address, space=space.name) as own:
            with parvis.Lock("it", space=own):
                order.append(n)

    token = make("Lock")._key()
    with make("Lock"):
        for n in range(4):
            threads(worker, n)
            wait_for(lambda: waiters(space, token) == n + 1)
    wait_for(lambda: len(order) == 4)
    assert order == list(range(4))


def waiters(space, token):
    """How many wait in the test's space, as the command line tells it."""
    import json
    import os
    import subprocess

    from conftest import BUILD

    lines = subprocess.run([os.path.join(BUILD, "bin", "parvis"), "--address", space.address, "spaces", "--json"],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    return sum(row["waiters"] for row in map(json.loads, lines) if row["name"] == space.name)


def test_lock_lost_with_its_connection(server, space):
    with parvis.connect(server.address, space=space.name) as own:
        lock = parvis.Lock("it", space=own)
        lock.acquire()
    wait_for(lambda: not parvis.Lock("it", space=space).locked())


def test_semaphore(make):
    semaphore = make("Semaphore", leases=3)
    assert semaphore.leases == make("Semaphore").leases == 3
    assert all(semaphore.acquire() for _ in range(3)) and semaphore.get_value() == 0
    assert not make("Semaphore").acquire(blocking=False)
    assert not semaphore.acquire(timeout=0.01)
    semaphore.release()
    with make("Semaphore", leases=3):
        assert semaphore.get_value() == 0
    semaphore.release()
    semaphore.release()
    with pytest.raises(RuntimeError):
        semaphore.release()
    assert semaphore.get_value() == 3
    with pytest.raises(ValueError, match="3 places"):
        make("Semaphore", leases=4).acquire()
    with pytest.raises(ValueError):
        make("Semaphore", leases=0)


def test_barrier_again_and_again(server, space, threads):
    rounds, parties, seen = 5, 3, []

    def party():
        with parvis.connect(server.address, space=space.name) as own:
            barrier = parvis.Barrier("it", parties, space=own)
            for n in range(rounds):
                seen.append((n, barrier.wait(PATIENCE)))

    for thread in [threads(party) for _ in range(parties)]:
        thread.join(PATIENCE)
    assert [n for n, _ in seen] == sorted(n for n, _ in seen)  # nobody was a round ahead
    assert sorted(seen) == [(n, index) for n in range(rounds) for index in range(parties)]
    assert parvis.Barrier("it", parties, space=space).n_waiting == 0


def test_barrier_that_broke(make, threads):
    barrier = make("Barrier", parties=3)
    broken = []

    def party():
        try:
            make("Barrier", parties=3).wait(PATIENCE)
        except threading.BrokenBarrierError as error:
            broken.append(error)

    thread = threads(party)
    wait_for(lambda: barrier.n_waiting == 1)
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait(0.05)
    thread.join(PATIENCE)
    assert len(broken) == 1 and barrier.broken
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait()
    barrier.reset()
    assert not barrier.broken and barrier.n_waiting == 0
    single = make("Barrier", "single", parties=1)
    assert single.wait() == single.wait() == 0
    single.abort()
    with pytest.raises(threading.BrokenBarrierError):
        single.wait()
    with pytest.raises(ValueError, match="3 parties"):
        make("Barrier", parties=2).wait()
    with pytest.raises(ValueError):
        make("Barrier", parties=0)


def test_event(make, threads):
    event = make("Event")
    assert not event.is_set() and not event.wait(0.01)
    event.clear()
    waited = []
    thread = threads(lambda: waited.append(make("Event").wait(PATIENCE)))
    event.set()
    event.set()
    thread.join(PATIENCE)
    assert waited == [True] and event.is_set() and event.wait() and event.wait(0)
    event.clear()
    assert not event.is_set()


def test_variable(make, threads):
    variable = make("Variable")
    with pytest.raises(parvis.Timeout):
        variable.get(timeout=0.01)
    got = []
    thread = threads(lambda: got.append(make("Variable").get(timeout=PATIENCE)))
    variable.set({"a": [1]})
    thread.join(PATIENCE)
    assert got == [{"a": [1]}]
    variable.set(None)
    assert variable.get() is None and make("Variable").get(timeout=0) is None


def test_counter(make):
    counter = make("Counter")
    assert counter.value == 0
    assert [counter.add(), counter.add(5), counter.add(-7)] == [1, 6, -1]
    assert make("Counter", start=100).value == -1
    assert make("Counter", "other", start=0.5).add(0.25) == 0.75


def test_leader(make):
    one, other = make("Leader", me="one"), make("Leader", me="other")
    assert one.leader() is None and not one.is_leader()
    assert one.campaign() and one.campaign() and one.is_leader() and not other.is_leader()
    assert other.leader() == "one"
    assert not other.campaign(timeout=0.01)
    one.resign()
    assert not one.is_leader() and other.campaign() and one.leader() == "other"
    other.resign()
    with pytest.raises(RuntimeError):
        other.resign()
    with make("Leader") as leader:
        assert leader.is_leader() and leader.me.split()[-1].isdigit()
    assert one.leader() is None

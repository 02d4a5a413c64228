"""Queue, Lock and the others between real processes; some die by kill -9 (P8: what they held is free again)."""
import time

import pytest

import parvis
from conftest import PATIENCE
from processes import Script


@pytest.fixture
def run(server, space):
    """Starts a process whose ``space`` is the test's."""
    started = []

    def run(code, **names):
        head = "space = parvis.space.space(name_of_space)\n"
        started.append(Script(head + code, name_of_space=space.name, **names))
        return started[-1]

    yield run
    for script in started:
        script.close()


def test_lock_excludes(run, tmp_path):
    """A file that is read, and written a moment later: without the lock counts would be lost."""
    path = tmp_path / "count"
    path.write_text("0")
    code = """
lock = parvis.Lock("file", space=space)
for _ in range(times):
    with lock:
        count = int(open(path).read())
        time.sleep(0.002)
        open(path, "w").write(str(count + 1))
"""
    scripts = [run(code, path=str(path), times=10) for _ in range(4)]
    for script in scripts:
        script.join()
    assert path.read_text() == "40"


def test_p8_a_lock_of_a_killed_process_is_free_within_a_second(run, space):
    holder = run('parvis.Lock("it", space=space).acquire(); print("held"); time.sleep(600)')
    assert holder.line() == "held"
    lock = parvis.Lock("it", space=space)
    assert not lock.acquire(blocking=False)
    waiter = run('lock = parvis.Lock("it", space=space); lock.locked(); print("waits"); lock.acquire(); print("mine")')
    assert waiter.line() == "waits"
    holder.kill()
    killed = time.monotonic()
    assert waiter.line() == "mine"
    took = time.monotonic() - killed
    assert took < PATIENCE, took  # usually some milliseconds; the bound of one second is the server's own test
    waiter.join()
    assert lock.acquire(timeout=PATIENCE)
    lock.release()


def test_semaphore_is_full_and_no_fuller(run, space):
    code = """
semaphore = parvis.Semaphore("it", leases=3, space=space)
inside = parvis.Counter("inside", space=space)
most = 0
for _ in range(8):
    with semaphore:
        most = max(most, inside.add())
        time.sleep(0.002)
        inside.add(-1)
print(most)
"""
    scripts = [run(code) for _ in range(5)]
    assert max(int(script.join()) for script in scripts) <= 3
    assert parvis.Semaphore("it", space=space).get_value() == 3


def test_p8_semaphore_places_of_a_killed_process_are_free(run, space):
    holder = run('s = parvis.Semaphore("it", leases=2, space=space); s.acquire(); s.acquire(); print("held")\n'
                 'time.sleep(600)')
    assert holder.line() == "held"
    semaphore = parvis.Semaphore("it", space=space)
    assert semaphore.get_value() == 0
    holder.kill()
    assert semaphore.acquire(timeout=PATIENCE) and semaphore.acquire(timeout=PATIENCE)


@pytest.mark.parametrize("maxsize", [0, 4])
def test_queue_gives_each_item_once(run, space, maxsize):
    producer = """
q = parvis.Queue("it", maxsize=maxsize, space=space)
for n in range(40):
    q.put((me, n))
"""
    consumer = """
q = parvis.Queue("it", space=space)
while True:
    item = q.get(timeout=60)
    if item is None:
        break
    print(*item)
"""
    assert parvis.Queue("it", maxsize, space=space).maxsize == maxsize  # made
    producers = [run(producer, me=me, maxsize=maxsize) for me in range(3)]
    consumers = [run(consumer) for _ in range(3)]
    for script in producers:
        script.join()
    for _ in consumers:
        parvis.Queue("it", space=space).put(None, timeout=PATIENCE)
    rows = [[tuple(map(int, line.split())) for line in script.join().splitlines()] for script in consumers]
    assert sorted(sum(rows, [])) == [(me, n) for me in range(3) for n in range(40)]
    for mine in rows:  # of one producer, in its order
        for me in range(3):
            numbers = [n for who, n in mine if who == me]
            assert numbers == sorted(numbers)


def test_p3_a_consumer_killed_in_get_takes_nothing(run, space):
    q = parvis.Queue("it", maxsize=1, space=space)
    assert q.maxsize == 1  # made
    consumer = run('q = parvis.Queue("it", space=space); q.qsize(); print("waits"); q.get()')
    assert consumer.line() == "waits"
    consumer.kill()
    q.put("item", timeout=PATIENCE)
    assert q.get(timeout=PATIENCE) == "item"
    q.put("room is back", timeout=PATIENCE)


def test_barrier_between_processes_and_one_that_died(run, space):
    code = 'print(sorted({parvis.Barrier("it", 3, space=space).wait(60)}))'
    barrier = parvis.Barrier("it", 3, space=space)
    victim = run(code)
    deadline = time.monotonic() + PATIENCE
    while barrier.n_waiting != 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    victim.kill()
    while barrier.n_waiting:  # it is not counted any more
        assert time.monotonic() < deadline
        time.sleep(0.01)
    others = [run(code) for _ in range(3)]
    assert sorted(script.join() for script in others) == ["[0]\n", "[1]\n", "[2]\n"]


def test_counter_loses_nothing(run, space):
    code = """
counter = parvis.Counter("it", space=space)
seen = [counter.add() for _ in range(50)]
assert seen == sorted(set(seen))
"""
    for script in [run(code) for _ in range(4)]:
        script.join()
    assert parvis.Counter("it", space=space).value == 200


def test_event_and_variable_reach_everybody(run, space):
    code = """
assert parvis.Event("go", space=space).wait(60)
print(parvis.Variable("what", space=space).get(timeout=60))
"""
    scripts = [run(code) for _ in range(3)]
    parvis.Variable("what", space=space).set([1, "two"])
    parvis.Event("go", space=space).set()
    assert [script.join() for script in scripts] == ["[1, 'two']\n"] * 3


def test_p8_a_new_leader_when_the_leader_is_killed(run, space):
    code = """
leader = parvis.Leader("it", me=me, space=space)
print("runs")
leader.campaign()
print("leads")
sys.stdin.readline()
leader.resign()
"""
    first = run(code, me="first")
    assert (first.line(), first.line()) == ("runs", "leads")
    second = run(code, me="second")
    assert second.line() == "runs"
    watched = parvis.Leader("it", space=space)
    assert watched.leader() == "first"
    first.kill()
    assert second.line() == "leads"
    assert watched.leader() == "second"
    second.tell("resign")
    second.join()
    assert watched.leader() is None and watched.campaign(timeout=PATIENCE)

"""What Rinda's own tests ask, and what its users have asked of it since, as it reads for this space.

write is ``out``, a time to live its ``lease``, an endless wait has no ``timeout``. What cannot be asked here: a
Regexp as a field (``Prefix`` is what is indexed), hash tuples with templates inside (a ``dict`` matches as a whole
or by its type), a renewer that the space calls back (the one who holds a lease renews it), and references to objects
of another process (a tuple travels by value)."""
import os
import signal
import subprocess
import sys
import threading

import pytest

import parvis
from parvis import ANY, Between, Prefix
from waiting import PATIENCE, Waiter, eventually

MATCHES = [
    ((1, 2, 3), (1, 2, 3), True), ((1, 2, 3), (1, None, 3), False), ((1, None, 3), (1, ANY, 3), True),
    (("rinda", 2, "hello"), (Prefix("rinda"), ANY, "hello"), True),
    ((1, 2, "hello"), (Prefix("rinda"), ANY, "hello"), False),
    (("hello",), (str,), True), ((5,), (Between(1, 10),), True), ((1, 2), (int, int, int), False),
    (({"message": "Hello", "name": "Foo"},), (dict,), True),
    (({"message": "Hello", "name": "Foo"},), ({"name": "Foo", "message": "Hello"},), True),
    (({"message": "Hello", "name": "Foo"},), ({"message": "Hello"},), False),
]


@pytest.mark.parametrize("tuple_, template, matches", MATCHES, ids=repr)
def test_00_template(space, tuple_, template, matches):
    space.out(*tuple_)
    assert space.rdp(*template) == (tuple_ if matches else None)


def test_inp_rdp(space):
    for call in (space.in_, space.rd):
        with pytest.raises(parvis.Timeout):
            call("empty", timeout=0)


@pytest.mark.parametrize("take", [False, True])
def test_ruby_talk_264062_a_wait_ends_after_its_own_time(space, server, take):
    """Rinda looked for ended waits once in its keeper's period: a take of a second could last a minute."""
    patient = Waiter(server, space.name, "empty", take=take)
    hurried = Waiter(server, space.name, "empty", take=take, timeout=0.05)
    with pytest.raises(parvis.Timeout):
        hurried.result()
    assert not patient.served
    space.out("empty")
    assert patient.result() == ("empty",)


def test_symbol_tuple(space):
    space.out("symbol", "symbol")
    space.out(b"string", "symbol")
    assert space.read_many(10, "symbol", ANY) == [("symbol", "symbol")]
    assert space.read_many(10, str, ANY) == [("symbol", "symbol")]
    assert space.read_many(10, "nil", ANY, timeout=0) == []


def sum_of_requests(address, name):
    total = 0
    with parvis.connect(address, space=name) as space:
        while True:
            try:
                total += space.in_("req", int, timeout=0.2)[1]
            except parvis.Timeout:
                space.out("ans", total)
                return


@pytest.mark.parametrize("first", ["write", "take"])
def test_core_01_02(space, server, first):
    taker = threading.Thread(target=sum_of_requests, args=(server.address, space.name))
    if first == "take":
        taker.start()
    for _ in range(5):
        space.out("req", 2)
    if first == "write":
        assert space.read_many(10, ANY, ANY) == [("req", 2)] * 5
        taker.start()
    total = 0
    while total < 10:  # on a slow machine the taker may have given up early: another goes on
        total += space.in_("ans", int, timeout=PATIENCE)[1]
        if total < 10:
            sum_of_requests(server.address, space.name)
    taker.join(PATIENCE)
    assert total == 10 and space.count(...) == 0


@pytest.mark.parametrize("take", [False, True])
def test_cancel_a_cancelled_wait_gets_nothing(space, server, take):
    waiter = Waiter(server, space.name, "take", ANY, take=take)
    waiter.cancel()
    space.out("take", 1)
    assert space.read_many(10, ANY, ANY) == [("take", 1)]


def test_00_renewer_a_tuple_lives_as_long_as_its_lease(space):
    space.out("brief", lease=0.05)
    space.out("long", lease=3600)
    space.out("endless")
    eventually(lambda: space.rdp("brief") is None)
    assert space.rdp("long") == ("long",) and space.rdp("endless") == ("endless",)


def test_a_writer_that_is_gone_leaves_nothing_it_owned(space, server):
    """Rinda asks a renewer of the writer's process; here the tuple belongs to the connection."""
    with parvis.connect(server.address, space=space.name) as writer:
        writer.out("alive", 1, owned=True)
        assert space.rd("alive", int) == ("alive", 1)
    eventually(lambda: space.rdp("alive", int) is None)


def test_oldest_first(space):
    """Rinda hands out the newest: old jobs starve."""
    for n in range(3):
        space.out("job", n)
    assert [space.in_("job", int)[1] for _ in range(3)] == [0, 1, 2]


def test_takers_are_served_in_their_order(space, server):
    """Rinda served takers 0..4 as 3, 0, 1, 2, 4."""
    takers = [Waiter(server, space.name, "job", int) for _ in range(5)]
    for n in range(5):
        space.out("job", n)
    assert [taker.result() for taker in takers] == [("job", n) for n in range(5)]


def blocked_client(server, name, *, then):
    """A process that waits in ``in_``, once the server has seen it."""
    code = (f"import parvis, signal\nspace = parvis.connect({server.address!r}, space={name!r})\n"
            f"call = space._start_get('job', int, take=True, wait=True)\nspace.count(...)\n"
            f"print('waits', flush=True)\n{then}\n")
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "waits\n"
    return process


def test_bug_8125_8215_p3_a_taker_that_was_killed_takes_nothing(space, server):
    victim = blocked_client(server, space.name, then="signal.pause()")
    survivor = Waiter(server, space.name, "job", int)
    victim.kill()
    victim.wait()
    victim.stdout.close()
    space.out("job", 1)
    assert survivor.result() == ("job", 1)


def test_p3_killed_between_hand_over_and_use(space, server):
    """The tuple had gone over the wire, nobody had used it: it is back, in its place."""
    victim = blocked_client(server, space.name, then="call.wait(None)\nprint('has it', flush=True)\nsignal.pause()")
    space.out("job", 1)
    assert victim.stdout.readline() == "has it\n"
    space.out("job", 2)
    assert space.rdp("job", 1) is None
    victim.kill()
    victim.wait()
    victim.stdout.close()
    assert space.in_("job", 1, timeout=PATIENCE) == ("job", 1)
    assert space.take_many(10, "job", int) == [("job", 2)]


def test_a_stopped_taker_stops_nobody_else(space, server):
    """Rinda hands over inside its lock: a taker under SIGSTOP froze a write that had nothing to do with it."""
    victim = blocked_client(server, space.name, then="signal.pause()")
    os.kill(victim.pid, signal.SIGSTOP)
    try:
        space.out("job", 1)  # for the stopped one
        space.out("other", 1)
        assert space.in_("other", int, timeout=PATIENCE) == ("other", 1)
    finally:
        os.kill(victim.pid, signal.SIGCONT)
        victim.kill()
        victim.wait()
        victim.stdout.close()
    assert space.in_("job", int, timeout=PATIENCE) == ("job", 1)


def test_a_reader_is_no_taker(space, server):
    readers = [Waiter(server, space.name, "news", str, take=False) for _ in range(3)]
    space.out("news", "good")
    assert [reader.result() for reader in readers] == [("news", "good")] * 3
    assert space.in_("news", str) == ("news", "good")


def test_core_03_notify(space):
    """write, take, delete (its time is over) and close, each told once and in order."""
    with space.watch("message", str, int) as watch:
        space.out("message", "first", 3)
        space.out("message", "second", 1, lease=0.05)
        space.out("message", "third", 0)
        space.out("other", "third", 0)
        space.in_("message", "third", int)
        eventually(lambda: space.count("message", "second", int) == 0)
        space.in_("message", "first", int)
        events = [tuple(watch.next(PATIENCE)[:2]) for _ in range(6)]
    assert [event for event in events if event[1][1] != "second"] == [
        ("put", ("message", "first", 3)), ("put", ("message", "third", 0)), ("taken", ("message", "third", 0)),
        ("taken", ("message", "first", 3))]
    assert [event for event in events if event[1][1] == "second"] == [("put", ("message", "second", 1)),
                                                                      ("expired", ("message", "second", 1))]
    assert watch.next(0) is None  # closed


def test_a_written_tuple_can_be_cancelled_and_renewed(space):
    """What Rinda's entry.cancel and entry.renew do."""
    lease = space.out("removeme", 1, lease=3600)
    assert space.read_many(10, ANY, ANY) == [("removeme", 1)]
    lease.renew(7200)
    lease.cancel()
    assert space.read_many(10, ANY, ANY, timeout=0) == []


def test_attempt_take_and_write_in_one_step(space):
    """ruby #8128, asked for and never there: compare and set."""
    assert space.out_if_absent("config", 1, unless=("config", ANY))
    assert not space.out_if_absent("config", 2, unless=("config", ANY))
    assert space.swap(("config", 1), ("config", 3)) == ("config", 1)
    assert space.swap(("config", 1), ("config", 4)) is None
    assert space.take_many(10, "config", ANY) == [("config", 3)]

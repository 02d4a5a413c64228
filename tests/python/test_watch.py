"""Watching what happens in a space."""

import signal
import threading

import pytest

import parvis
from conftest import PATIENCE
from parvis import AnyOf


def events_of(watch, n):
    found = []
    while len(found) < n:
        event = watch.next(PATIENCE)
        assert event is not None, f"no more events after {found}"
        found.append(event)
    return found


def test_transitions_in_order(space):
    with space.watch("v", int) as watch:
        space.out("v", 1)
        space.out("other", 1)
        space.out("v", 2)
        assert space.in_("v", 1)
        assert space.update(("v", 2), add={1: 5})
        with pytest.raises(ZeroDivisionError):
            with space.transaction() as tx:
                tx.in_("v", 7)
                1 / 0
        space.out("v", 9, lease=0.01)
        events = events_of(watch, 6)
    assert [(event.kind, event.tuple[1]) for event in events] == [
        ("put", 1), ("put", 2), ("taken", 1), ("updated", 7), ("put", 9), ("expired", 9)]
    numbers = [event.seq for event in events]
    assert numbers == sorted(set(numbers))


def test_it_is_in_effect_when_it_returns(space):
    watch = space.watch("v", int)
    space.out("v", 1)
    assert next(watch).tuple == ("v", 1)
    assert watch.next(0) is None
    assert watch.next(0.02) is None
    watch.close()
    assert watch.next() is None
    assert list(watch) == []


def test_iterating_ends_after_the_timeout(space):
    watch = space.watch("v", int, timeout=0.2)
    space.out_many([("v", n) for n in range(5)])
    assert [event.tuple[1] for event in watch] == list(range(5))


def test_kinds(space):
    takes = space.watch("v", int, kinds="taken")
    both = space.watch("v", int, kinds=["put", "expired"])
    space.out_many([("v", 1), ("v", 2)])
    space.in_("v", 1)
    assert next(takes).tuple == ("v", 1)
    assert [event.kind for event in events_of(both, 2)] == ["put", "put"]
    with pytest.raises(ValueError, match="no 'gone'"):
        space.watch("v", int, kinds=["gone"])
    with pytest.raises(ValueError, match="empty"):
        space.watch("v", int, kinds=[])
    with pytest.raises(ValueError, match="since"):
        space.watch("v", int, since=-1)
    with pytest.raises(ValueError, match="timeout"):
        space.watch("v", int, timeout=-1)


def test_several_templates(space):
    watch = space.watch(AnyOf(("a", int), ("b",)))
    space.out_many([("a", 1), ("c",), ("b",)])
    assert [event.tuple for event in events_of(watch, 2)] == [("a", 1), ("b",)]


def test_it_is_resumed_from_a_number(space):
    first = space.watch("v", int)
    space.out_many([("v", n) for n in range(4)])
    seen = events_of(first, 2)
    first.close()
    again = space.watch("v", int, since=seen[-1].seq + 1)
    assert [event.tuple[1] for event in events_of(again, 2)] == [2, 3]


def test_nothing_leaks_from_inside_a_transaction(space):
    watch = space.watch("v", int)
    tx = space.transaction()
    tx.out("v", 1)
    assert watch.next(0.02) is None
    tx.commit()
    assert next(watch).tuple == ("v", 1)
    tx = space.transaction()
    tx.out("v", 2)
    tx.abort()
    space.out("v", 3)
    assert next(watch).tuple == ("v", 3)


def test_it_goes_on_after_a_restart_of_the_server(own_server):
    with parvis.connect(own_server.address, space="watched") as space:
        watch = space.watch("v", int)
        space.out("v", 1)
        assert next(watch).tuple == ("v", 1)
        space.out("v", 2)
        own_server.kill()
        own_server.start()
        space.out("v", 3)
        seen = []
        while not seen or seen[-1].tuple != ("v", 3):  # at least once, in order, or a gap says that some are lost
            seen.append(watch.next(PATIENCE))
            assert seen[-1] is not None
        puts = [event.tuple for event in seen if event.kind == "put"]
        assert puts in ([("v", 2), ("v", 3)], [("v", 3)])
        if len(puts) == 1:
            assert seen[0].kind == "gap" and seen[0].tuple is None


def test_ctrl_c_ends_the_wait_and_loses_nothing(space):
    watch = space.watch("v", int)
    timer = threading.Timer(0.1, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        next(watch)
    timer.join()
    space.out("v", 1)
    assert next(watch).tuple == ("v", 1)


def test_another_thread_closes_it(space):
    watch = space.watch("v", int)
    ended = []
    thread = threading.Thread(target=lambda: ended.append(list(watch)))
    thread.start()
    watch.close()
    thread.join(PATIENCE)
    assert ended == [[]]

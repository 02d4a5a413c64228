"""The requirements of the JavaSpaces technology test kit about notify, which is ``watch`` here.

What cannot be asked of this space:

R27: a registration has no lease; it lasts as long as its iterator.
R30: a registration does not belong to a transaction; events come with the commit."""
import pathlib
import shutil
import tempfile

import pytest

import parvis
from conftest import Server
from parvis import ANY
from waiting import PATIENCE, Waiter


def got(watch):
    """The next event, as (kind, tuple)."""
    event = watch.next(PATIENCE)
    assert event is not None, "no event"
    return event.kind, event.tuple


@pytest.mark.parametrize("template", [("entry", 1), ("entry", int), ("entry", ANY), (ANY, 1), (...,)], ids=repr)
def test_r8_r25_r26_notify_tells_of_what_read_would_match(space, template):
    with space.watch(*template, kinds="put") as watch:
        space.out("entry", 1.0, "does not match")
        space.out("entry", 1)
        event = got(watch)
        if template == (...,):
            assert event == ("put", ("entry", 1.0, "does not match"))
            event = got(watch)
        assert event == ("put", ("entry", 1))


def test_r26_every_listener_is_called_and_a_slow_one_stops_nobody(space, server):
    with parvis.connect(server.address, space=space.name) as other:
        with space.watch("entry", int) as slow, other.watch("entry", int) as quick:
            for n in range(50):
                space.out("entry", n)
                assert got(quick) == ("put", ("entry", n))
            assert [got(slow) for _ in range(50)] == [("put", ("entry", n)) for n in range(50)]


def test_r26_written_and_taken_by_who_waits_is_told_too(space, server):
    with space.watch("entry", int) as watch:
        taker = Waiter(server, space.name, "entry", int)
        space.out("entry", 1)
        assert taker.result() == ("entry", 1)
        assert [got(watch), got(watch)] == [("put", ("entry", 1)), ("taken", ("entry", 1))]


def test_r28_r37_a_listener_is_told_at_the_commit(space):
    space.out("job", 1)
    with space.watch(..., kinds=["put", "taken"]) as watch:
        transaction = space.transaction()
        assert transaction.in_("job", int) == ("job", 1)
        transaction.out("done", 1)
        transaction.out("done", 2)
        space.out("mark")
        assert got(watch) == ("put", ("mark",))  # nothing before it
        transaction.commit()
        assert sorted(got(watch) for _ in range(3)) == [("put", ("done", 1)), ("put", ("done", 2)),
                                                        ("taken", ("job", 1))]


def test_r29_written_and_taken_in_one_transaction_is_no_event(space):
    with space.watch(...) as watch:
        with space.transaction() as transaction:
            transaction.out("entry", 1)
            assert transaction.in_("entry", int) == ("entry", 1)
        space.out("mark")
        assert got(watch) == ("put", ("mark",))


def test_r34_an_abort_is_told_as_a_return_at_most(space):
    space.out("entry", 1)
    with space.watch(...) as watch:
        transaction = space.transaction()
        transaction.in_("entry", int)
        transaction.out("never", 1)
        transaction.abort()
        space.out("mark")
        kinds = []
        while not kinds or kinds[-1] != ("put", ("mark",)):
            kinds.append(got(watch))
        assert kinds[:-1] in ([], [("returned", ("entry", 1))])


def test_r31_a_registration_lasts_as_long_as_the_tuples(tmp_path_factory):
    """Also over a kill -9 of the server: it goes on from the number of the last event."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="pvj", dir="/tmp"))
    own = Server(home)
    try:
        with parvis.connect(own.address) as space:
            space.out("before", 0)
            watch = space.watch(..., kinds="put")
            space.out("entry", 1)
            own.kill()
            own.start()
            space.out("entry", 2)
            assert [got(watch), got(watch)] == [("put", ("entry", 1)), ("put", ("entry", 2))]
    finally:
        own.stop()
        shutil.rmtree(home, ignore_errors=True)

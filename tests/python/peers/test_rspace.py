"""The cases of RSpace's storage actions and joins as they read for this space.

produce is ``out``, consume a statement of as many ``take`` conditions as it joins channels, a peek a ``read``
condition. A continuation that waits is a statement that waits. What cannot be asked: data and continuations that
are consumed and stay (what shall stay is read, not taken), checkpoints and resets of a whole space, and replays of
its log."""
import pytest

import parvis
from parvis import ANY, OneOf, Var, put, read, take, when
from waiting import PATIENCE, Waiter, eventually


class Consumer:
    """A consume that waits: a statement under way on a connection of its own."""

    def __init__(self, server, name, *conditions):
        import threading

        self.ran = None
        self.space = parvis.connect(server.address, space=name)
        before = waiting(self.space)
        self.thread = threading.Thread(target=self.run, args=(conditions,), daemon=True)
        self.thread.start()
        eventually(lambda: self.ran or waiting(self.space) > before, "it waits")

    def run(self, conditions):
        try:
            self.ran = self.space.run(when(*conditions))
        except parvis.Disconnected:
            pass  # the test is over

    def result(self):
        self.thread.join(PATIENCE)
        assert self.ran is not None, "it still waits"
        self.space.close()
        return self.ran.tuples


def waiting(space):
    return sum(info.waiters for info in space.spaces() if info.name == space.name)


@pytest.fixture
def consume(server, space):
    """consume(condition, …): waits; its ``result()`` is what it took."""
    started = []

    def consume(*conditions):
        started.append(Consumer(server, space.name, *conditions))
        return started[-1]

    yield consume
    for consumer in started:
        consumer.space.close()


def now(space, *conditions):
    """A consume that does not wait: what it took, or None."""
    ran = space.run(when(*conditions), wait=False)
    return ran and ran.tuples


def test_produce(space):
    space.out("ch1", "datum")
    assert space.read_many(10, "ch1", ANY) == [("ch1", "datum")]


def test_producing_twice_on_the_same_channel(space):
    space.out("ch1", "datum1")
    space.out("ch1", "datum2")
    assert space.read_many(10, "ch1", ANY) == [("ch1", "datum1"), ("ch1", "datum2")]


@pytest.mark.parametrize("channels", [1, 3])
def test_consuming_waits(space, consume, channels):
    consume(*[take(f"ch{n}", ANY) for n in range(channels)])
    assert space.count(...) == 0 and waiting(space) == 1


def test_producing_and_then_consuming(space, consume):
    space.out("ch1", "datum")
    assert consume(take("ch1", ANY)).result() == [("ch1", "datum")]
    assert space.count(...) == 0 and waiting(space) == 0


def test_a_peek_leaves_the_datum(space, consume):
    space.out("ch1", "datum")
    assert consume(read("ch1", ANY)).result() == [("ch1", "datum")]
    later = consume(read("ch2", ANY))
    space.out("ch2", "datum")
    assert later.result() == [("ch2", "datum")]
    assert space.count(...) == 2


def test_producing_three_times_then_consuming_three_times(space, consume):
    for n in range(3):
        space.out("ch1", n)
    assert [consume(take("ch1", ANY)).result() for _ in range(3)] == [[("ch1", n)] for n in range(3)]


def test_consuming_three_times_then_producing_three_times(space, consume):
    """Each continuation gets a datum of its own; here also in their order (P5)."""
    consumers = [consume(take("ch1", ANY)) for _ in range(3)]
    for n in range(3):
        space.out("ch1", n)
    assert [consumer.result() for consumer in consumers] == [[("ch1", n)] for n in range(3)]


def test_a_join_waits_for_all_its_channels_and_holds_none(space, consume):
    space.out("ch1", "datum1")
    join = consume(take("ch1", ANY), take("ch2", ANY))
    assert space.rdp("ch1", ANY) == ("ch1", "datum1")
    space.out("ch2", "datum2")
    assert join.result() == [("ch1", "datum1"), ("ch2", "datum2")]
    assert space.count(...) == 0


def test_producing_on_three_channels_then_consuming_on_all(space):
    for n in (1, 2, 3):
        space.out(f"ch{n}", f"datum{n}")
    assert now(space, *[take(f"ch{n}", ANY) for n in (1, 2, 3)]) == [(f"ch{n}", f"datum{n}") for n in (1, 2, 3)]
    assert space.count(...) == 0


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 1, 3)])
def test_consuming_on_three_channels_then_producing_on_each(space, consume, order):
    join = consume(*[take(f"ch{n}", ANY) for n in (1, 2, 3)])
    for n in order:
        assert join.ran is None
        space.out(f"ch{n}", f"datum{n}")
    assert join.result() == [(f"ch{n}", f"datum{n}") for n in (1, 2, 3)]


def test_producing_three_times_then_joining_three_times(space):
    for n in range(3):
        space.out("ch1", n)
        space.out("ch2", n)
    for n in range(3):
        assert now(space, take("ch1", ANY), take("ch2", ANY)) == [("ch1", n), ("ch2", n)]
    assert now(space, take("ch1", ANY), take("ch2", ANY)) is None


def test_a_join_of_the_same_channel_twice_takes_two(space, consume):
    join = consume(take("ch1", ANY), take("ch1", ANY))
    space.out("ch1", 1)
    assert join.ran is None
    space.out("ch1", 2)
    assert join.result() == [("ch1", 1), ("ch1", 2)]


def test_two_joins_that_overlap(space, consume):
    """(1, 2) and (2, 3): one datum on 2 serves the one whose other channel has one."""
    left = consume(take("ch1", ANY), take("ch2", ANY))
    right = consume(take("ch2", ANY), take("ch3", ANY))
    space.out("ch3", 3)
    space.out("ch2", 2)
    assert right.result() == [("ch2", 2), ("ch3", 3)]
    assert left.ran is None
    space.out_many([("ch2", 2), ("ch1", 1)])
    assert left.result() == [("ch1", 1), ("ch2", 2)]


def test_patterns_that_do_not_match_move_nothing(space, consume):
    space.out("ch1", "datum1")
    assert now(space, take("ch1", OneOf("datum2"))) is None
    waits = consume(take("ch1", OneOf("datum2")))
    assert space.rdp("ch1", ANY) == ("ch1", "datum1") and waits.ran is None
    space.out("ch1", "datum2")
    assert waits.result() == [("ch1", "datum2")]
    assert space.count(...) == 1


def test_two_consumers_with_patterns_of_their_own(space, consume):
    one, two = consume(take("ch1", OneOf("a"))), consume(take("ch1", OneOf("b")))
    space.out("ch1", "b")
    space.out("ch1", "a")
    assert (one.result(), two.result()) == ([("ch1", "a")], [("ch1", "b")])


def test_a_join_backtracks(space):
    """The oldest datum of the first channel has no partner on the second: the next one has."""
    space.out_many([("left", 1), ("left", 2), ("right", 2)])
    n = Var("n")
    assert now(space, take("left", n), take("right", n)) == [("left", 2), ("right", 2)]
    assert space.take_many(10, ...) == [("left", 1)]


def test_the_same_datum_is_not_taken_twice_by_racing_joins(space, consume):
    joins = [consume(take("a", ANY), take("b", ANY)) for _ in range(4)]
    space.out_many([("a", n) for n in range(4)])
    space.out_many([("b", n) for n in range(4)])
    taken = [join.result() for join in joins]
    assert sorted(pair[0][1] for pair in taken) == sorted(pair[1][1] for pair in taken) == [0, 1, 2, 3]
    assert space.count(...) == 0


def test_a_body_runs_with_what_was_bound(space, server):
    n = Var("n")
    space.out("ch1", 5)
    space.run(when(take("ch1", n)).do(put("ch2", n)))
    assert space.take_many(10, ...) == [("ch2", 5)]


def test_a_plain_take_and_a_join_share_one_queue(space, server, consume):
    first = Waiter(server, space.name, "ch1", ANY)
    join = consume(take("ch1", ANY))
    space.out("ch1", 1)
    assert first.result() == ("ch1", 1) and join.ran is None
    space.out("ch1", 2)
    assert join.result() == [("ch1", 2)]

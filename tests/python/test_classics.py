"""A counter, a barrier, a reader-writer lock and dining philosophers, each step one statement, by several clients at
once: threads with sessions of their own, as in docs/semantics.md."""

import concurrent.futures
import random
import threading

import pytest

import parvis
from conftest import PATIENCE
from parvis import Between, Var, otherwise, put, read, take, update, when


@pytest.fixture
def together(space):
    """Runs act(space, number) in as many threads as asked for, each with a session of its own."""
    def run(number, act):
        def one(i):
            with parvis.connect(space.address, space=space.name) as own:
                return act(own, i)
        with concurrent.futures.ThreadPoolExecutor(number) as pool:
            return [future.result(PATIENCE) for future in [pool.submit(one, i) for i in range(number)]]
    return run


class Inside:
    """Who is inside what the statements guard, as the threads tell."""

    def __init__(self):
        self.lock, self.who = threading.Lock(), set()

    def enter(self, who, allowed):
        with self.lock:
            assert allowed(self.who), (who, self.who)
            self.who.add(who)

    def leave(self, who):
        with self.lock:
            self.who.remove(who)


def test_a_counter(space, together):
    tally = take("tally", int)
    count = when(tally).do(update(tally, add={1: 1}))
    space.out("tally", 0)
    seen = together(6, lambda own, _: [own.run(count, timeout=PATIENCE).updated[0][1] for _ in range(40)])
    assert sorted(number for numbers in seen for number in numbers) == list(range(1, 241))


def test_a_barrier(space, together):
    parties, rounds = 4, 15
    last, other = take("barrier", Var("round"), parties - 1), take("barrier", Var("round"), int)
    arrive = [when(last).do(update(last, add={1: 1}, set={2: 0})), when(other).do(update(other, add={2: 1}))]
    space.out("barrier", 0, 0)
    came = [0] * parties

    def act(own, i):
        for number in range(rounds):
            came[i] = number
            ran = own.run(*arrive, timeout=PATIENCE)
            assert ran["round"] == number
            own.run(when(read("barrier", number + 1, int)), timeout=PATIENCE)
            assert min(came) >= number

    together(parties, act)
    assert space.rdp("barrier", int, int) == ("barrier", rounds, 0)


def test_a_reader_writer_lock(space, together):
    unwritten, idle, any_state = take("lock", Between(0, 1000)), take("lock", 0), take("lock", int)
    begin_read, end_read = [when(unwritten).do(update(unwritten, add={1: by})) for by in (1, -1)]
    begin_write, end_write = when(idle).do(update(idle, set={1: -1})), when(any_state).do(update(any_state, set={1: 0}))
    space.out("lock", 0)
    inside = Inside()

    def act(own, i):
        dice = random.Random(i)
        for _ in range(30):
            writes = dice.random() < 0.4
            own.run(begin_write if writes else begin_read, timeout=PATIENCE)
            me = ("writes" if writes else "reads", i)
            inside.enter(me, lambda who: not who if writes else all(what == "reads" for what, _ in who))
            inside.leave(me)
            own.run(end_write if writes else end_read, timeout=PATIENCE)

    together(5, act)
    assert space.rdp("lock", int) == ("lock", 0)


def test_dining_philosophers(space, together):
    seats = 5
    forks = [(("fork", seat), ("fork", (seat + 1) % seats)) for seat in range(seats)]
    space.out_many([left for left, _ in forks])
    inside = Inside()

    def act(own, seat):
        left, right = forks[seat]
        for _ in range(30):
            own.run(when(take(*left), take(*right)), timeout=PATIENCE)
            inside.enter(seat, lambda who: not who & {(seat - 1) % seats, (seat + 1) % seats})
            inside.leave(seat)
            own.run(otherwise(put(*left), put(*right)), timeout=PATIENCE)

    together(seats, act)
    assert space.count("fork", int) == seats

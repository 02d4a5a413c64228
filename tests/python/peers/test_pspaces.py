"""The cases of the pSpaces family (jSpace, goSpace, dotSpace) as they read for this space.

put is ``out``, get ``in_``, query ``rd``, getp and queryp ``inp`` and ``rdp``, getAll and queryAll ``take_many`` and
``read_many``. A space here is of the kind "sequential": the oldest match. What cannot be asked: the kinds pile,
stack and random (an order of its own is a ``priority``), and gates (a connection is one for all spaces)."""
import threading

import pytest

import parvis
from parvis import ANY, Between
from waiting import PATIENCE, Waiter


@pytest.mark.parametrize("fields, template, matches", [
    ((1,), (1,), True), ((1,), (2,), False), ((1,), (int,), True), ((1,), (str,), False), ((1,), (True,), False),
    ((1.0,), (1,), False), (("",), (str,), True), (("",), ("",), True), (([],), (list,), True), (([],), ((),), False),
    (([1],), ([1],), True), (([1],), ([1.0],), False), ((None,), (int,), False), ((b"a",), ("a",), False),
    ((2 ** 70,), (int,), True), ((2 ** 70,), (2 ** 70,), True), ((-(2 ** 70),), (Between(-(2 ** 80), 0),), True)],
    ids=repr)
def test_field_matching(space, fields, template, matches):
    space.out(*fields)
    assert (space.rdp(*template) is not None) == matches


def test_an_empty_list_of_numbers_is_an_empty_list_of_words(space):
    """Lists have no type of element: jSpace took them for equal locally, and for different by luck elsewhere."""
    space.out("list", [])
    assert space.inp("list", []) == ("list", [])


def test_put_then_get_by_name_type_and_nothing(space):
    for template in [("coffee", 1), ("coffee", int), (str, int), (ANY, ANY), (...,)]:
        space.out("coffee", 1)
        assert space.rd(*template) == space.rdp(*template) == space.in_(*template) == ("coffee", 1)
        assert space.inp(*template) is space.rdp(*template) is None


def test_get_all_and_query_all(space):
    rows = [("row", n, str(n)) for n in range(25)]
    space.out_many(rows)
    space.out("other", 1)
    assert space.read_many(100, "row", int, str) == rows
    assert space.read_many(100, "row", int, str) == rows
    assert space.take_many(100, "row", int, str) == rows
    assert space.take_many(100, "row", int, str, timeout=0) == []
    assert space.count(...) == 1


def test_sequential_the_oldest_match(space):
    for n in (3, 1, 2):
        space.out("a" if n % 2 else "b", n)
    assert space.in_("b", int) == ("b", 2)
    assert [space.in_("a", int)[1] for _ in range(2)] == [3, 1]


def test_queue_is_one_condition_away(space):
    """A "queue" space looks at its head alone: here the head is read first, whatever it is."""
    space.out("head", 1)
    space.out("next", 2)
    with space.transaction() as transaction:
        assert transaction.in_(...) == ("head", 1)


def test_random_and_stack_are_priorities(space):
    for n in range(3):
        space.out("plate", n, priority=n)
    assert [space.in_("plate", int)[1] for _ in range(3)] == [2, 1, 0]


def test_what_was_put_is_a_copy(space):
    """jSpace and dotSpace keep the reference: what the writer changes later, the reader sees."""
    value = {"list": [1]}
    space.out("value", value)
    value["list"].append(2)
    found = space.rd("value", dict)[1]
    assert found == {"list": [1]}
    found["list"].append(3)
    assert space.in_("value", dict) == ("value", {"list": [1]})


def test_two_spaces_of_one_server_are_two(space):
    other = space.space(space.name + "-other")
    space.out("here", 1)
    other.out("there", 2)
    assert (space.inp("there", int), other.inp("here", int)) == (None, None)
    assert (space.inp("here", int), other.inp("there", int)) == (("here", 1), ("there", 2))


def test_a_put_works_while_a_get_waits_on_the_same_connection(space):
    """jSpace's keep gate answered in turn: a blocked get blocked its own put."""
    waiting = space._start_get("job", int, take=True, wait=True)
    space.out("job", 1)
    assert waiting.wait(PATIENCE) and waiting.answer() == ("job", 1)


def test_a_client_that_left_blocks_and_takes_nothing(space, server):
    """jSpace#24, and its lost tuple: the next put went to the dead connection."""
    for _ in range(5):
        Waiter(server, space.name, "job", int).space.close()
    space.out("job", 1)
    assert space.in_("job", int, timeout=PATIENCE) == ("job", 1)


def test_a_closed_connection_ends_its_waits_with_an_error(space, server):
    """jSpace#34: threads stuck for ever in a get."""
    waiter = Waiter(server, space.name, "never")
    waiter.space.close()
    with pytest.raises(parvis.Disconnected):
        waiter.result()
    with pytest.raises(parvis.Disconnected):
        waiter.space.rdp("never")


def test_a_connection_to_nobody_is_an_error_and_no_empty_space(tmp_path):
    """goSpace#13: operations on a connection that was not up answered as if nothing matched."""
    with pytest.raises(parvis.Disconnected):
        parvis.connect(f"unix://{tmp_path}/nobody")


def philosopher(address, name, number, seats, meals):
    left, right = sorted((number, (number + 1) % seats))  # a fixed order: nobody waits in a circle
    with parvis.connect(address, space=name) as table:
        for _ in range(meals):
            with table.transaction() as transaction:
                transaction.in_("fork", left)
                transaction.in_("fork", right)
                for fork in (left, right):
                    transaction.out("fork", fork)
        table.out("full", number)


def test_dining_philosophers(space, server):
    seats, meals = 5, 10
    for fork in range(seats):
        space.out("fork", fork)
    threads = [threading.Thread(target=philosopher, args=(server.address, space.name, n, seats, meals))
               for n in range(seats)]
    for thread in threads:
        thread.start()
    assert sorted(space.in_("full", int, timeout=PATIENCE)[1] for _ in range(seats)) == list(range(seats))
    for thread in threads:
        thread.join(PATIENCE)
    assert space.count("fork", int) == seats and space.count(...) == seats

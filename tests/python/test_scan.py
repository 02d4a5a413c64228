"""Walking through a space: scan, collect, count of several templates, aggregates."""

import concurrent.futures

import pytest

import parvis
from conftest import PATIENCE
from parvis import ANY, AnyOf, Between


@pytest.mark.parametrize("page", [1, 7, 1000])
def test_scan_gives_each_match_once(space, page):
    space.out_many([("row", n) for n in range(50)] + [("other", 1)])
    assert list(space.scan("row", int, page=page)) == [("row", n) for n in range(50)]
    assert list(space.scan("row", Between(10, 12), page=page)) == [("row", n) for n in (10, 11, 12)]
    assert list(space.scan("nothing")) == []
    assert len(list(space.scan(AnyOf(("row", 1), ("other", ANY), ("row", 2)), page=page))) == 3


def test_scan_asks_for_pages_as_they_are_consumed(space):
    space.out_many([("row", n) for n in range(10)])
    rows = space.scan("row", int, page=3)
    assert next(rows) == ("row", 0)
    space.out("row", 99)  # after the first row: not of this scan
    space.in_("row", 7)  # before its page: not there any more
    assert [row[1] for row in rows] == [1, 2, 3, 4, 5, 6, 8, 9]
    assert space.count("row", 99) == 1


def test_scan_goes_on_after_a_restart_of_the_server(own_server):
    with parvis.connect(own_server.address, space="scan") as space:
        space.out_many([("row", n) for n in range(20)])
        rows = space.scan("row", int, page=4)
        found = [next(rows) for _ in range(6)]
        own_server.kill()
        own_server.start()
        found += rows
        assert found == [("row", n) for n in range(20)]


def test_scan_says_at_once_what_is_wrong(space):
    with pytest.raises(ValueError):
        space.scan("row", page=0)
    with pytest.raises(TypeError, match="AnyOf"):
        space.scan("row", AnyOf(("a",)))
    with pytest.raises(TypeError, match="a tuple or list of its fields"):
        space.scan(AnyOf("row"))
    with pytest.raises(TypeError, match="at least one"):
        AnyOf()


def test_any_of_stands_where_a_template_goes(space):
    both = AnyOf(("a", int), ["b", ...])
    space.out("b", "x", "y")
    space.out("a", 1)
    assert space.count(both) == 2
    assert space.rd(both) == ("b", "x", "y")
    assert space.rdp(both) == ("b", "x", "y")
    assert space.read_many(5, both) == [("b", "x", "y"), ("a", 1)]
    assert space.in_(both, timeout=PATIENCE) == ("b", "x", "y")
    assert space.inp(both) == ("a", 1)
    assert space.inp(both) is None
    space.out("a", 2)
    assert space.take_many(5, both, timeout=PATIENCE) == [("a", 2)]
    assert repr(AnyOf(("a", 1), ["b"])) == "AnyOf(('a', 1), ('b',))"


def test_collect_moves_and_copies(space):
    other = space.space(space.name + "-other")
    space.out_many([("v", n) for n in range(5)] + [("w", 1)])
    assert space.copy_collect(other, "v", Between(0, 1)) == 2
    assert space.count("v", int) == 5
    assert space.collect(other.name, "v", int) == 5
    assert space.count("v", int) == 0 and space.count("w", int) == 1
    assert [row[1] for row in other.scan("v", int)] == [0, 1, 0, 1, 2, 3, 4]
    assert space.collect(other, "nothing") == 0
    assert space.collect(other, AnyOf(("w", int), ("z",))) == 1
    with pytest.raises(TypeError, match="space"):
        space.collect(("v", int))
    with pytest.raises(parvis.ProtocolError):
        space.collect(space, "v", int)


def test_collect_wakes_who_waits(space, server):
    with parvis.connect(server.address, space=space.name + "-goal") as goal:
        with concurrent.futures.ThreadPoolExecutor() as threads:
            waiting = threads.submit(goal.in_, "v", int, timeout=PATIENCE)
            space.out("v", 1)
            assert space.collect(goal.name, "v", int) == 1
            assert waiting.result(PATIENCE) == ("v", 1)


def test_aggregates(space):
    space.out_many([("job", user, float(cost)) for user, cost in
                    [("ann", 1), ("bob", 5), ("ann", 3), ("bob", 2), ("cid", 9)]])
    whole = space.aggregate("job", str, float, sum=2, min=2, max=2, count=True)
    assert whole == parvis.Aggregate(key=None, count=5, sum=20.0, min=1.0, max=9.0)
    rows = space.aggregate("job", str, float, by=1, sum=2, max=2)
    assert {row.key: (row.sum, row.max, row.count) for row in rows} == {
        "ann": (4.0, 3.0, None), "bob": (7.0, 5.0, None), "cid": (9.0, 9.0, None)}
    assert [(row.key, row.count) for row in space.aggregate("job", str, float, by=1)] == [
        ("ann", 2), ("bob", 2), ("cid", 1)]
    pair = space.aggregate("job", str, float, by=(1, 2), min=(1, 2))
    assert sorted(row.key for row in pair)[0] == ("ann", 1.0)
    assert all(row.min == row.key for row in pair)
    assert space.sum("job", str, float, of=2) == 20.0
    assert space.min("job", str, float, of=2) == 1.0
    assert space.max("job", str, float, of=1) == "cid"
    assert space.aggregate("nothing", count=True).count == 0
    assert space.aggregate("nothing", by=0) == []
    with pytest.raises(parvis.ProtocolError):
        space.sum("job", str, float, of=1)
    with pytest.raises(TypeError, match="position"):
        space.aggregate("job", ..., sum="cost")
    with pytest.raises(TypeError, match="position"):
        space.aggregate("job", ..., by=-1)

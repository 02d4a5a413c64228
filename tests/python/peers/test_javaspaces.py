"""The requirements of the JavaSpaces technology test kit, by their numbers, as they read for this space.

write is ``out``, read ``rd``, take ``in_``, readIfExists and takeIfExists are ``rdp`` and ``inp``, null in a template
is ``ANY``, and a wait that JavaSpaces ends with null ends with ``parvis.Timeout``. What cannot be asked of this
space:

R3: ``out`` takes the length of the lease and hands out no lease object whose length could differ.
R21-R24: a template is plain values; it is encoded by each call, so there is nothing to prepare (``snapshot``).
R35: a read inside a transaction locks nothing; who must keep the tuple from others takes it.
R8, R25-R31, R37 (notify) are in test_javaspaces_notify.py."""
import itertools

import pytest

import parvis
from parvis import ANY
from waiting import Waiter, eventually, outcome

FOREVER, HOUR = None, 3600.0
LEASES = [FOREVER, HOUR, 1e12]
WAITS = [0, 0.05]


def calls(space, timeout):
    """The four ways to ask, as name, function of a template, whether it removes."""
    return [("read", lambda *t: outcome(space.rd, *t, timeout=timeout), False),
            ("readIfExists", space.rdp, False),
            ("take", lambda *t: outcome(space.in_, *t, timeout=timeout), True),
            ("takeIfExists", space.inp, True)]


WAYS = list(itertools.product(range(4), WAITS, [False, True]))
ways = pytest.mark.parametrize("way, timeout, transacted", WAYS, ids=repr)


def asked(space, way, timeout, transacted):
    """The function to ask with, whether it removes, and the transaction it is in, if any."""
    transaction = space.transaction() if transacted else None
    _, ask, removes = calls(transaction or space, timeout)[way]
    return ask, removes, transaction


@pytest.mark.parametrize("lease", LEASES, ids=repr)
@pytest.mark.parametrize("transacted", [False, True])
def test_r1_write_stores_a_copy(space, lease, transacted):
    value = [1, 2]
    if transacted:
        with space.transaction() as transaction:
            transaction.out("entry", value, lease=lease)
            value.append(3)
    else:
        space.out("entry", value, lease=lease)
        value.append(3)
    assert value == [1, 2, 3]
    assert space.in_("entry", list) == ("entry", [1, 2])


@pytest.mark.parametrize("lease", LEASES, ids=repr)
def test_r2_the_same_object_written_twice_is_two_tuples(space, lease):
    entry = ("entry", [1])
    space.out(*entry, lease=lease)
    space.out(*entry, lease=lease)
    assert space.count("entry", ANY) == 2
    assert space.in_(*entry) == space.in_(*entry) == entry
    assert space.inp(*entry) is None


@pytest.mark.parametrize("way", range(4))
def test_r4_gone_when_its_lease_has_ended(space, way):
    space.out("stays", lease=HOUR)
    space.out("brief", lease=0.05)
    eventually(lambda: space.count("brief") == 0)
    ask = calls(space, 0)[way][1]
    assert ask("brief") is None
    assert ask("stays") == ("stays",)


def test_r4_also_for_who_waits(space, server):
    """A tuple whose lease has ended is not handed over, also not when it comes back from a transaction."""
    space.out("brief", lease=0.2)
    transaction = space.transaction()
    assert transaction.in_("brief") == ("brief",)
    waiter = Waiter(server, space.name, "brief", timeout=0.5)
    with pytest.raises(parvis.Timeout):
        waiter.result()  # longer than the lease
    transaction.abort()
    assert space.inp("brief") is None


@pytest.mark.parametrize("lease", [-1, -0.001, float("-inf"), float("nan")])
@pytest.mark.parametrize("transacted", [False, True])
def test_r5_a_negative_lease_is_refused(space, lease, transacted):
    place = space.transaction() if transacted else space
    with pytest.raises(ValueError):
        place.out("entry", lease=lease)
    if transacted:
        place.commit()
    assert space.count("entry") == 0


def test_r6_what_write_returned_from_is_there_for_everybody(space, server):
    with parvis.connect(server.address, space=space.name) as other:
        for n in range(20):
            space.out("entry", n)
            assert other.rdp("entry", n) == ("entry", n)


@pytest.mark.parametrize("fields", [("\udc80",), tuple(range(300)), (object,) * 256], ids=["text", "long", "longer"])
def test_r7_after_an_error_nothing_was_written(space, fields):
    with pytest.raises(parvis.Error):
        space.out(*fields)
    with pytest.raises(parvis.Error):
        space.out_many([("good",), fields])
    assert space.count(...) == 0


@ways
def test_r9_read_returns_a_copy(space, way, timeout, transacted):
    space.out("entry", [1])
    ask, removes, transaction = asked(space, way, timeout, transacted)
    first = ask("entry", list)
    first[1].append(2)
    if removes:
        if transaction:
            transaction.abort()
        else:
            space.out("entry", [1])
    assert space.rd("entry", list) == ("entry", [1])


@ways
def test_r10_nothing_matches(space, way, timeout, transacted):
    for other in [("entry",), ("entry", 1, 2), ("entry", 1.0), ("entry", True), ("entry", "1"), ("Entry", 1)]:
        space.out(*other)
    ask, _, transaction = asked(space, way, timeout, transacted)
    assert ask("entry", 1) is None
    assert ask("entry", ANY, ANY, ANY) is None
    assert space.count(...) == 6
    if transaction:
        transaction.commit()
    assert space.count(...) == 6


@ways
def test_r11_a_template_of_nothing_matches_everything(space, way, timeout, transacted):
    entries = {(), ("a", 1), (None, None, None)}
    for entry in entries:
        space.out(*entry)
    found = set()
    for _ in entries:
        ask, removes, transaction = asked(space, way, timeout, transacted)
        entry = ask(...)
        found.add(entry)
        if transaction:
            transaction.commit()
        if not removes:
            assert space.in_(*entry) == entry
    assert found == entries


@ways
def test_r12_r15_a_match_that_is_there_is_returned(space, way, timeout, transacted):
    for n in range(3):
        space.out("entry", n, str(n))
    for n in range(3):
        for template in [("entry", n, str(n)), ("entry", n, ANY), ("entry", ANY, str(n)), (ANY, n, str)]:
            ask, removes, transaction = asked(space, way, timeout, transacted)
            assert ask(*template) == ("entry", n, str(n))
            if transaction:
                transaction.abort()
            elif removes:
                space.out("entry", n, str(n))
    assert space.count("entry", ...) == 3


@pytest.mark.parametrize("take", [False, True])
def test_r15_read_waits_for_a_match(space, server, take):
    waiter = Waiter(server, space.name, "entry", int, take=take)
    space.out("entry", "not this")
    assert not waiter.served
    space.out("entry", 1)
    assert waiter.result() == ("entry", 1)


@pytest.mark.parametrize("take", [False, True])
@pytest.mark.parametrize("ending", ["abort", "commit"])
def test_r15_read_waits_for_the_settlement_of_a_conflict(space, server, take, ending):
    space.out("entry", 1)
    transaction = space.transaction()
    assert transaction.in_("entry", int) == ("entry", 1)
    waiter = Waiter(server, space.name, "entry", int, take=take)
    assert not waiter.served
    getattr(transaction, ending)()
    if ending == "commit":  # then for a match that comes after it
        assert not waiter.served
        space.out("entry", 1)
    assert waiter.result() == ("entry", 1)


@pytest.mark.parametrize("take", [False, True])
def test_r15_the_wait_for_a_settlement_ends_in_time(space, server, take):
    space.out("entry", 1)
    transaction = space.transaction()
    transaction.in_("entry", int)
    with pytest.raises(parvis.Timeout):
        Waiter(server, space.name, "entry", int, take=take, timeout=0.05).result()
    transaction.abort()
    assert space.rdp("entry", int) == ("entry", 1)


@pytest.mark.parametrize("way", range(4))
def test_r16_not_to_wait_is_to_wait_for_no_time(space, way):
    ask = calls(space, 0)[way][1]
    assert ask("entry") is None
    space.out("entry")
    assert ask("entry") == ("entry",)


@pytest.mark.parametrize("way", range(4))
def test_r16_nor_for_a_conflict(space, way):
    space.out("entry")
    with space.transaction() as transaction:
        transaction.in_("entry")
        assert calls(space, 0)[way][1]("entry") is None


def test_r17_r18_taken_is_removed(space):
    space.out("entry", 1)
    space.out("entry", 1)
    assert space.in_("entry", int) == ("entry", 1)
    assert space.count("entry", int) == 1
    assert space.inp("entry", int) == ("entry", 1)
    assert space.count("entry", int) == 0
    with pytest.raises(parvis.Timeout):
        space.in_("entry", int, timeout=0)


class Unloadable:
    """Loads here only."""

    def __reduce__(self):
        return _fail, ()


def _fail():
    raise RuntimeError("it cannot be loaded")


@pytest.mark.parametrize("call", ["in_", "inp"])
def test_r19_after_an_error_nothing_was_removed(space, call):
    space.out("entry", Unloadable())
    for _ in range(2):
        with pytest.raises(parvis.DecodeError):
            getattr(space, call)("entry", ANY)
        eventually(lambda: space.count("entry", ANY) == 1)
    with pytest.raises(parvis.ProtocolError):
        getattr(space, call)(..., "entry")
    assert space.count("entry", ANY) == 1


@pytest.mark.parametrize("call", ["in_", "inp"])
@pytest.mark.parametrize("ending", ["commit", "abort", "lease"])
def test_r20_a_take_is_final_when_its_transaction_commits(space, call, ending):
    space.out("entry", 1)
    transaction = space.transaction(lease=0.05 if ending == "lease" else None)
    assert getattr(transaction, call)("entry", int) == ("entry", 1)
    if ending != "lease":
        getattr(transaction, ending)()
    if ending == "commit":
        assert space.rdp("entry", int) is None
    else:
        eventually(lambda: space.rdp("entry", int) == ("entry", 1))


def test_r22_a_template_is_what_it_was_at_the_call(space, server):
    """The nearest to a prepared template: a blocked call is immune to what happens to its arguments later."""
    wanted = [1, 2]
    waiter = Waiter(server, space.name, "entry", wanted)
    wanted.append(3)
    space.out("entry", [1, 2, 3])
    space.out("entry", [1, 2])
    assert waiter.result() == ("entry", [1, 2])


def test_r32_what_is_not_committed_is_invisible(space, server):
    readers = [Waiter(server, space.name, "entry", int, take=False) for _ in range(2)]
    taker = Waiter(server, space.name, "entry", int)
    transaction = space.transaction()
    transaction.out("entry", 1)
    assert space.rdp("entry", int) is None and space.inp("entry", int) is None
    assert space.count("entry", int) == 0
    assert not any(waiter.served for waiter in [*readers, taker])
    transaction.commit()
    assert [waiter.result() for waiter in [*readers, taker]] == [("entry", 1)] * 3
    assert space.count("entry", int) == 0


def test_r33_what_a_transaction_wrote_and_took_nobody_else_ever_sees(space):
    with space.transaction() as transaction:
        transaction.out("entry", 1)
        assert transaction.rdp("entry", int) == ("entry", 1)
        assert transaction.inp("entry", int) == ("entry", 1)
        assert transaction.rdp("entry", int) is None and space.rdp("entry", int) is None
    assert space.count("entry", int) == 0


def ended(transaction):
    """Whether the server has ended it; asks in a way that does not keep it alive."""
    try:
        return transaction.inp("asked", "only") is not None
    except parvis.Conflict:
        return True


@pytest.mark.parametrize("ending", ["abort", "lease", "client"])
def test_r34_writes_of_a_transaction_that_did_not_commit_never_happened(space, server, ending):
    client = parvis.connect(server.address, space=space.name)
    transaction = client.transaction(lease=0.05 if ending == "lease" else None)
    transaction.out("entry", 1)
    if ending == "abort":
        transaction.abort()
    elif ending == "client":
        client.close()
    else:
        eventually(lambda: ended(transaction))
        with pytest.raises(parvis.Conflict):
            transaction.commit()
    client.close()
    assert space.count("entry", int) == 0


def test_r35_what_a_transaction_has_read_others_may_read(space):
    space.out("entry", 1)
    with space.transaction() as one, space.transaction() as other:
        assert one.rd("entry", int) == other.rd("entry", int) == space.rd("entry", int) == ("entry", 1)
        assert other.rdp("entry", int) == ("entry", 1)


@ways
def test_r36_what_a_transaction_has_taken_nobody_else_has(space, way, timeout, transacted):
    space.out("entry", 1)
    holder = space.transaction()
    assert holder.in_("entry", int) == ("entry", 1)
    ask, _, transaction = asked(space, way, timeout, transacted)
    assert ask("entry", int) is None
    assert holder.rdp("entry", int) is None and holder.inp("entry", int) is None  # it has been taken: not twice
    if transaction:
        transaction.abort()
    holder.abort()
    assert space.in_("entry", int) == ("entry", 1)


def test_two_transactions_share_what_matches(space):
    """IfExists does not stumble over what another holds when there is more."""
    space.out_many([("entry", n) for n in range(4)])
    with space.transaction() as one, space.transaction() as other:
        assert one.inp("entry", int) == ("entry", 0)
        assert other.inp("entry", int) == ("entry", 1)
        assert one.in_("entry", int) == ("entry", 2)
        assert other.rdp("entry", int) == ("entry", 3)
    assert space.take_many(10, "entry", int) == [("entry", 3)]

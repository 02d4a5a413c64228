"""Leases of tuples: they end, are renewed and cancelled."""

import time

import pytest

import parvis
from conftest import PATIENCE


def gone(space, *template):
    deadline = time.monotonic() + PATIENCE
    while space.count(*template):
        assert time.monotonic() < deadline, "the lease has not ended"
        time.sleep(0.005)
    return True


def test_out_answers_with_its_lease(space):
    assert space.out("v", 1) is None
    lease = space.out("v", 2, lease=60)
    assert isinstance(lease, parvis.Lease)
    assert lease.id > 0 and lease.ids == (lease.id,)
    assert "Lease" in repr(lease)
    assert space.out_many([("v", 3)]) is None
    assert len(space.out_many([("v", n) for n in range(4, 7)], lease=60).ids) == 3
    assert space.out_many([], lease=60).ids == ()


def test_a_lease_is_cancelled(space):
    lease = space.out("v", 1, lease=60)
    assert space.rdp("v", 1)
    lease.cancel()
    assert space.rdp("v", 1) is None
    with pytest.raises(parvis.NotFound):
        lease.renew(5)


def test_a_lease_is_renewed(space):
    short = space.out("short", lease=0.05)
    long = space.out("long", lease=0.05)
    long.renew(60)
    assert gone(space, "short")
    assert space.rdp("long")
    with pytest.raises(parvis.NotFound):
        short.renew(60)
    long.renew(0.01)
    assert gone(space, "long")


def test_a_lease_that_is_made_endless(space):
    lease = space.out("v", lease=0.2)
    lease.renew(None)
    other = space.out("w", lease=0.3)
    assert gone(space, "w")
    assert space.rdp("v") and other.id > lease.id


def test_the_leases_of_many_are_renewed_together(space):
    lease = space.out_many([("v", n) for n in range(3)], lease=60)
    space.in_("v", 1)
    with pytest.raises(parvis.NotFound):
        lease.cancel()
    assert space.count("v", int) == 2  # all or none
    rest = space.out_many([("w", n) for n in range(3)], lease=60)
    rest.cancel()
    assert space.count("w", int) == 0


@pytest.mark.parametrize("wrong", [-1, float("nan")])
def test_a_lease_is_a_time(space, wrong):
    with pytest.raises(ValueError, match="lease is a number of seconds"):
        space.out("v", lease=wrong)
    with pytest.raises(TypeError):
        space.out("v", lease="soon")
    with pytest.raises(ValueError, match="lease"):
        space.out("v", lease=60).renew(wrong)

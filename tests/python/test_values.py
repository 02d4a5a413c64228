"""What goes into a space comes out as it was: every type, every limit."""

import collections
import datetime
import enum
import gc
import threading

import numpy as np
import pytest

import parvis
from parvis import ANY


class Point:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is type(self) and other.x == self.x


class Point3(Point):
    pass


Pair = collections.namedtuple("Pair", "a b")


class Colour(enum.IntEnum):
    RED = 1


VALUES = [None, True, False, 0, 1, -1, 2**63 - 1, -2**63, 2**63, -2**63 - 1, 2**2000, -2**2000, 1.5, -0.0,
          float("inf"), 5e-324,
          "", "x", "ü€😀", "\0", b"", b"\x00\xff", b"x" * 100_000, [], [1, [2.0, ["3"]]], (), (1, (2,)), {},
          {"b": 1, "a": [1, {}]},
          {1: 2}, {"a": {1: 2}}, {1, 2}, 1j, Point(3), Pair(1, 2), Colour.RED, datetime.date(2020, 1, 1), int, len,
          range(3), slice(1, 2), ...]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:30])
def test_value_comes_back(space, value):
    space.out("v", value)
    back = space.in_("v", ANY)[1]
    assert type(back) is type(value)
    assert back == value


def test_nan_comes_back_and_matches_itself(space):
    nan = float("nan")
    space.out("v", nan)
    back = space.in_("v", nan)[1]
    assert back != back


def test_mutable_bytes_become_bytes(space):
    space.out(bytearray(b"ab"), memoryview(b"abcd")[::2])
    assert space.in_(bytes, bytes) == (b"ab", b"ac")


def test_numpy_scalars_become_plain(space):
    space.out(np.float32(1.5), np.int64(3), np.bool_(True), np.str_("a"), np.bytes_(b"b"), np.float64(2))
    back = space.in_(float, int, bool, str, bytes, float)
    assert back == (1.5, 3, True, "a", b"b", 2.0)
    assert [type(field) for field in back] == [float, int, bool, str, bytes, float]


ARRAYS = [np.arange(10), np.zeros((3, 0)), np.array(5.0), np.arange(12).reshape(3, 4), np.arange(12).reshape(3, 4).T,
          np.arange(10)[::-2], np.zeros(5000, ">f4"), np.array(["a", "bb"]), np.array([b"a"]), np.array(["2020"],
                                                                                                        "M8[D]"),
          np.zeros(300_000), np.zeros(3, np.float16), np.array([1j]), np.array([True])]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype} {array.shape}")
def test_array_comes_back_read_only(space, array):
    space.out("a", array)
    back = space.in_("a", np.ndarray)[1]
    assert type(back) is np.ndarray
    assert back.dtype == array.dtype and back.shape == array.shape
    assert np.array_equal(back, array)
    assert back.flags.aligned and not back.flags.writeable


@pytest.mark.parametrize("array", [np.array([1, "a", None], object), np.zeros(3, [("a", "<f8"), ("b", "<i4")]),
                                   np.ma.masked_array([1, 2], [True, False])],
                         ids=lambda a: type(a).__name__ + str(a.dtype))
def test_other_arrays_are_objects(space, array):
    space.out("a", array)
    back = space.in_("a", type(array) if type(array) is not np.ndarray else ANY)[1]
    assert type(back) is type(array)
    assert back.dtype == array.dtype and (back == array).all()


def test_an_array_outlives_its_tuple(space):
    for size in (3, 1000, 100_000):
        space.out("a", 1, np.arange(size))
    arrays = [space.in_("a", 1, np.ndarray)[2] for _ in range(3)]
    gc.collect()
    space.out("a", 1, np.ones(100_000))
    for array, size in zip(arrays, (3, 1000, 100_000)):
        assert np.array_equal(array, np.arange(size))


def test_functions_travel_by_value(space):
    factor = 3
    space.out("f", lambda x: factor * x)
    assert space.in_("f", ANY)[1](2) == 6


def test_an_object_matches_by_its_classes(space):
    space.out("o", Point3(1))
    assert space.rdp("o", Point) is not None
    assert space.rdp("o", Point3) is not None
    assert space.rdp("o", Pair) is None
    space.out("p", Pair(1, 2))
    assert space.rdp("p", tuple) is None and space.rdp("p", Pair)[1] == Pair(1, 2)


def test_a_class_of_main_is_a_formal(space):
    space.out("o", 1j)
    assert space.in_("o", complex) == ("o", 1j)


def test_lone_surrogates_are_refused(space):
    for value in ("a\udc80", ["\udc80"], {"\udc80": 1}):
        with pytest.raises(parvis.ProtocolError, match="surrogate"):
            space.out("s", value)
    assert space.count("s", ...) == 0


def test_nesting_is_limited(space):
    value = 1
    for _ in range(32):
        value = [value]
    space.out(value)
    with pytest.raises(parvis.LimitExceeded, match="max_depth"):
        space.out([value])
    itself = []
    itself.append(itself)
    with pytest.raises(parvis.LimitExceeded, match="max_depth"):
        space.out(itself)


def test_what_cannot_be_pickled_is_a_type_error(space):
    with pytest.raises(TypeError, match="lock"):
        space.out("x", threading.Lock())


def test_fields_are_limited(space):
    space.out(*range(255))
    with pytest.raises(parvis.LimitExceeded):
        space.out(*range(256))


class Unloadable:
    """Its pickle names a function that refuses."""

    def __reduce__(self):
        return refuse, ()


def refuse():
    raise RuntimeError("not here")


def test_what_cannot_be_loaded_stays_in_the_space(space):
    space.out("bad", Unloadable())
    with pytest.raises(parvis.DecodeError, match="not here") as caught:
        space.in_("bad", ANY)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert caught.value.body
    assert isinstance(caught.value.tuples[0][1], parvis.RawObject)
    assert space.count("bad", ANY) == 1


def test_a_raw_object_goes_back_as_it_was(space):
    raw = parvis.RawObject("boost:Foo", ["Foo"], b"bytes", [b"more"])
    space.out("raw", raw)
    back = space.in_("raw", parvis.RawObject)[1]
    assert back == raw and back.classes == ("Foo",)

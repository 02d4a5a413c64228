"""Event, Variable, Counter: a tuple each, changed in place."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple, Union

from .._errors import Timeout
from .._space import Space
from .._templates import ANY
from ._named import Named, seconds

Number = Union[int, float]


class Event(Named):
    """A flag that processes share by its name, with the methods of ``threading.Event``. It stays as it is when they
    end."""

    KIND = "parvis.event"

    def _tokens(self, setting: Any) -> Sequence[Tuple[Any, ...]]:
        return [(False,)]

    def set(self) -> None:
        """Sets it: whoever waits goes on."""
        self._change(bool, set={3: True})

    def clear(self) -> None:
        """Unsets it: whoever waits from now on, waits."""
        self._change(bool, set={3: False})

    def is_set(self) -> bool:
        """Whether it is set."""
        return self._space.rdp(*self._key(), True) is not None

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until it is set, at most ``timeout`` seconds; whether it is."""
        try:
            self._space.rd(*self._key(), True, timeout=seconds(timeout))
        except Timeout:
            return False
        return True


class Variable(Named):
    """One value that processes share by its name."""

    KIND = "parvis.variable"

    def _tokens(self, setting: Any) -> Sequence[Tuple[Any, ...]]:
        return [(False, None)]

    def set(self, value: Any) -> None:
        """Gives it a value, in place of the one it had."""
        self._change(bool, ANY, set={3: True, 4: value})

    def get(self, timeout: Optional[float] = None) -> Any:
        """Its value; waits for the first one, at most ``timeout`` seconds, then parvis.Timeout."""
        return self._space.rd(*self._key(), True, ANY, timeout=seconds(timeout))[4]


class Counter(Named):
    """A number that processes count up together: no ``add`` is lost, none is counted twice."""

    KIND = "parvis.counter"

    def __init__(self, name: Optional[str] = None, start: Number = 0, space: Optional[Space] = None) -> None:
        super().__init__(name, space)
        self._start = start

    def _tokens(self, setting: Any) -> Sequence[Tuple[Any, ...]]:
        return [(self._start,)]

    def add(self, n: Number = 1) -> Number:
        """Adds, and answers what it came to."""
        value: Number = self._change(ANY, add={3: n})[3]
        return value

    @property
    def value(self) -> Number:
        """What it is at this instant."""
        value: Number = self._space.rd(*self._key(), ANY)[3]
        return value

    def _arguments(self) -> Tuple[Any, ...]:
        return self.name, self._start

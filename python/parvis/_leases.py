"""The lease of tuples that were put."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Tuple

from . import _parvis
from ._errors import NotFound

if TYPE_CHECKING:
    from ._space import Space


def renewal(ids: Tuple[int, ...], lease: Optional[float]) -> _parvis.Operation:
    if 0 in ids:
        raise NotFound("the tuple was put, but its session ended before the server could say under which number")
    return _parvis.renew(0, list(ids), lease)


class Lease:
    """What ``out`` and ``out_many`` answer with when they are given a ``lease``.

    ``id`` is the number of the (first) tuple, ``ids`` are those of all. Once one of them has been taken or has
    expired, ``renew`` and ``cancel`` raise NotFound, and change nothing."""

    __slots__ = ("_space", "ids")

    def __init__(self, space: "Space", ids: Tuple[int, ...]) -> None:
        self._space = space
        self.ids = ids

    @property
    def id(self) -> int:
        """The number of the first tuple."""
        return self.ids[0]

    def renew(self, seconds: Optional[float]) -> None:
        """They disappear so many seconds from now; None: never."""
        if self.ids:
            self._space._call(renewal(self.ids, seconds))

    def cancel(self) -> None:
        """They disappear now."""
        self.renew(0.0)

    def __repr__(self) -> str:
        return f"<parvis.Lease of {len(self.ids)} tuples in {self._space.name!r}>"

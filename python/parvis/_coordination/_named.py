"""What everything with a name shares: where its tuples stand, and how they come to be there exactly once."""

from __future__ import annotations

import uuid
from typing import Any, Optional, Sequence, Tuple

from .._errors import NotFound, Timeout
from .._space import Space
from .._transaction import Transaction
from .._templates import ANY


def seconds(timeout: Optional[float], forever: Optional[float] = None) -> Optional[float]:
    """A timeout as the space takes it; ``forever`` is how the caller spells that."""
    if timeout is None or timeout == forever:
        return None
    if timeout < 0:
        raise ValueError("a timeout is a number of seconds, 0 or more")
    return timeout


class Named:
    """Tuples (kind, name, id, …) in a space. Any thread may use it.

    The first user makes them, together with the tuple (kind, name, "made", id, setting). Should two be first at the
    same time, both see two such tuples, and the older one holds: tuples have one order for everybody."""

    KIND = ""

    def __init__(self, name: Optional[str] = None, space: Optional[Space] = None) -> None:
        self.name = uuid.uuid4().hex if name is None else name
        self._given = space
        self._known: Optional[Tuple[str, Any]] = None

    @property
    def _space(self) -> Space:
        if self._given is None:
            import parvis

            self._given = parvis.space
        return self._given

    def _setting(self) -> Any:
        """What the first user settles for all."""
        return None

    def _tokens(self, setting: Any) -> Sequence[Tuple[Any, ...]]:
        """The tuples it begins with, behind (kind, name, id)."""
        return []

    def _made(self) -> Tuple[str, Any]:
        """(id, setting), made if need be."""
        if self._known is None:
            found = self._space.rdp(self.KIND, self.name, "made", str, ANY) or self._make()
            self._known = found[3], found[4]
        return self._known

    def _make(self) -> Tuple[Any, ...]:
        mine, setting = uuid.uuid4().hex, self._setting()
        tokens = [(self.KIND, self.name, mine, *token) for token in self._tokens(setting)]
        self._space.out_many([(self.KIND, self.name, "made", mine, setting), *tokens])
        found: Tuple[Any, ...] = self._space.rd(self.KIND, self.name, "made", str, ANY)
        if found[3] != mine:
            self._space.inp(self.KIND, self.name, "made", mine, ANY)
            for token in tokens:
                self._space.inp(*token)
        return found

    def _key(self) -> Tuple[str, str, str]:
        """What its tuples begin with."""
        return self.KIND, self.name, self._made()[0]

    def _claim(self, *token: Any, wait: bool, timeout: Optional[float]) -> Optional[Transaction]:
        """A transaction that holds the token for as long as the connection lives; None when there was none in time."""
        claim = self._space.transaction()
        try:
            found = claim.in_(*token, timeout=timeout) if wait else claim.inp(*token)
        except Timeout:
            found = None
        except BaseException:
            claim.abort()
            raise
        if found is None:
            claim.abort()
            return None
        return claim

    def _change(self, *fields: Any, **how: Any) -> Tuple[Any, ...]:
        """Changes the tuple (kind, name, id, *fields) where it stands, in one step; as it is now."""
        changed = self._space.update((*self._key(), *fields), **how)
        if changed is None:
            raise NotFound(f"{self!r} was deleted meanwhile")
        return changed

    def delete(self) -> None:
        """Removes it from the space; for when nobody uses it any more."""
        while self._space.take_many(1000, self.KIND, self.name, ..., timeout=0):
            pass
        self._known = None

    def _arguments(self) -> Tuple[Any, ...]:
        return (self.name,)

    def __reduce__(self) -> Any:
        return _rebuilt, (type(self), self._arguments(), self._given)

    def __repr__(self) -> str:
        return f"<parvis.{type(self).__name__} {self.name!r}>"


def _rebuilt(kind: Any, arguments: Tuple[Any, ...], space: Optional[Space]) -> Any:
    return kind(*arguments, space=space)

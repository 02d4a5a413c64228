"""What a template may hold beside actual values and types: ANY, Between, Prefix, OneOf, Var.

A template field is an actual value, a formal (a type: ``bool int float str bytes list tuple dict numpy.ndarray`` or any
class), one of these, a list or tuple with such things inside, or, last, ``...`` for any further fields."""

from __future__ import annotations

from typing import Any, Optional, Tuple

__all__ = ["ANY", "Between", "Prefix", "OneOf", "Var"]


_type = type  # a parameter hides the name


class _Any:
    """Matches any value of any type."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ANY"

    def __reduce__(self) -> str:
        return "ANY"


ANY = _Any()


class Between:
    """``low <= x <= high``; both bounds of one type: int, float, str or bytes."""

    __slots__ = ("low", "high")

    def __init__(self, low: Any, high: Any) -> None:
        if type(low) is not type(high) or type(low) not in (int, float, str, bytes):
            raise TypeError("Between needs two bounds of one type (int, float, str or bytes), "
                            f"not {low!r} and {high!r}")
        self.low = low
        self.high = high

    def __repr__(self) -> str:
        return f"Between({self.low!r}, {self.high!r})"


class Prefix:
    """A str or bytes that begins with ``text``."""

    __slots__ = ("text",)

    def __init__(self, text: Any) -> None:
        if type(text) not in (str, bytes):
            raise TypeError(f"Prefix needs a str or bytes, not {text!r}")
        self.text = text

    def __repr__(self) -> str:
        return f"Prefix({self.text!r})"


class OneOf:
    """Any of the values."""

    __slots__ = ("values",)

    def __init__(self, *values: Any) -> None:
        if not values:
            raise TypeError("OneOf needs at least one value")
        self.values: Tuple[Any, ...] = values

    def __repr__(self) -> str:
        return f"OneOf({', '.join(map(repr, self.values))})"


class Var:
    """A variable: the same name twice in a template must bind equal values. With a type, only values of it."""

    __slots__ = ("name", "type")

    def __init__(self, name: str, type: Optional[type] = None) -> None:
        if type is not None and not isinstance(type, _type):
            raise TypeError(f"the type of a Var is a type, not {type!r}")
        self.name = name
        self.type = type

    def __repr__(self) -> str:
        return f"Var({self.name!r})" if self.type is None else f"Var({self.name!r}, {self.type.__name__})"

"""What a template may hold beside actual values and types: ANY, Between, Prefix, OneOf, Var; and AnyOf: several.

A template field is an actual value, a formal (a type: ``bool int float str bytes list tuple dict numpy.ndarray`` or any
class), one of these, a list or tuple with such things inside, or, last, ``...`` for any further fields."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple

__all__ = ["ANY", "AnyOf", "Between", "Expression", "Prefix", "OneOf", "Var"]


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


class AnyOf:
    """Any of several templates, each a tuple of its fields: ``space.in_(AnyOf(("a", int), ("b", ...)))``."""

    __slots__ = ("templates",)

    def __init__(self, *templates: Sequence[Any]) -> None:
        if not templates:
            raise TypeError("AnyOf needs at least one template")
        for template in templates:
            if not isinstance(template, (tuple, list)):
                raise TypeError(f"a template of AnyOf is a tuple or list of its fields, not {template!r}")
        self.templates: Tuple[Tuple[Any, ...], ...] = tuple(tuple(template) for template in templates)

    def __repr__(self) -> str:
        return f"AnyOf({', '.join(map(repr, self.templates))})"


class _Arithmetic:
    """What a statement puts or sets may be computed from its variables: + - * and min, max with one other operand."""

    __slots__ = ()

    def __add__(self, other: Any) -> "Expression":
        return _combined("add", self, other)

    def __radd__(self, other: Any) -> "Expression":
        return _combined("add", other, self)

    def __mul__(self, other: Any) -> "Expression":
        return _combined("multiply", self, other)

    def __rmul__(self, other: Any) -> "Expression":
        return _combined("multiply", other, self)

    def __sub__(self, other: Any) -> "Expression":
        return _difference(self, other)

    def __rsub__(self, other: Any) -> "Expression":
        return _difference(other, self)

    def __neg__(self) -> "Expression":
        return _combined("multiply", self, -1)

    def min(self, other: Any) -> "Expression":
        """The smaller of the two."""
        return _combined("min", self, other)

    def max(self, other: Any) -> "Expression":
        """The larger of the two."""
        return _combined("max", self, other)


class Expression(_Arithmetic):
    """A value or variable and what is done to it, step by step."""

    __slots__ = ("base", "steps")

    def __init__(self, base: Any, steps: Tuple[Tuple[str, Any], ...] = ()) -> None:
        self.base = base
        self.steps = steps

    def then(self, how: str, operand: Any) -> "Expression":
        return Expression(self.base, (*self.steps, (how, operand)))

    def __repr__(self) -> str:
        text = repr(self.base)
        for how, operand in self.steps:
            sign = {"add": "+", "subtract": "-", "multiply": "*"}.get(how)
            text = f"({text} {sign} {operand!r})" if sign else f"{text}.{how}({operand!r})"
        return text


def _operands(left: Any, right: Any) -> None:
    if isinstance(left, Expression) and isinstance(right, Expression):
        raise TypeError("one side of an operation is a variable or a value; for more, take the tuples in a "
                        "transaction and compute here")
    for operand in (left, right):
        if not isinstance(operand, (_Arithmetic, int, float)) or isinstance(operand, bool):
            raise TypeError(f"arithmetic in a statement is for numbers and Vars, not for {operand!r}")


def _combined(how: str, left: Any, right: Any) -> Expression:
    _operands(left, right)
    if isinstance(right, Expression):
        return right.then(how, left)  # the order does not matter
    return (left if isinstance(left, Expression) else Expression(left)).then(how, right)


def _difference(left: Any, right: Any) -> Expression:
    _operands(left, right)
    if isinstance(right, Expression):
        return right.then("multiply", -1).then("add", left)
    return (left if isinstance(left, Expression) else Expression(left)).then("subtract", right)


class Var(_Arithmetic):
    """A variable: the same name twice in a template, or in the guard of a statement, must bind equal values.

    With a type, only values of it. In what a statement puts or sets it stands for the value it was bound to, and may be
    computed with: ``n + 1``, ``n - m``, ``2 * n``, ``n.min(9)``."""

    __slots__ = ("name", "type")

    def __init__(self, name: str, type: Optional[type] = None) -> None:
        if type is not None and not isinstance(type, _type):
            raise TypeError(f"the type of a Var is a type, not {type!r}")
        self.name = name
        self.type = type

    def __repr__(self) -> str:
        return f"Var({self.name!r})" if self.type is None else f"Var({self.name!r}, {self.type.__name__})"

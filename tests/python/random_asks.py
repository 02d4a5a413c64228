"""What a history asks by chance: tuples, templates, statements. Few different ones, so that they meet."""

from __future__ import annotations

import datetime
import operator
import random
import struct
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Sequence, Tuple

from parvis import (ANY, AnyOf, Between, OneOf, Prefix, ProtocolError, Var, absent, move, put, read, take, update, when)
from parvis._statements import Action, Condition

NAN, OTHER_NAN = struct.unpack("2d", struct.pack("2Q", 0x7ff8 << 48, (0x7ff8 << 48) + 1))
DAY = datetime.date(2024, 2, 29)
NUMBERS = [0, 1, 1, 2, 2, True, 0.0, -0.0, 1.0, 2.5, 2**70, None, "x", "xy", b"x"]
THINGS = [[1], (1,), (1, "x"), [1, [2, None]], {"k": 1}, {"k": True}, NAN, None, 1, DAY, datetime.datetime(2024, 2, 29)]
SUMS: Dict[str, Any] = {"add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "min": min, "max": max}
EXPRESSIONS: Dict[str, Any] = {**SUMS, "min": Var.min, "max": Var.max}


def exactly(how: str, left: Any, right: Any) -> Any:
    """Arithmetic that is exact about types."""
    kinds = (int, float, str, bytes) if how in ("min", "max") else (int, float)
    if [type(left)] != [type(right)] or type(left) not in kinds:
        raise ProtocolError
    return SUMS[how](left, right)


def total(function: str, values: List[Any]) -> Any:
    kinds = {type(value) for value in values}
    if not kinds <= {int, float} and (function == "sum" or kinds not in ({str}, {bytes})):
        raise ProtocolError
    return sum(values) if function == "sum" else SUMS[function](values, default=None)


def updating(function: Callable[[Any], Any]) -> Callable[[Any, Sequence[Any]], Tuple[Any, ...]]:
    """What an update of the number makes of all fields."""
    return lambda bound, fields: (fields[0], function(fields[1]), *fields[2:])


@dataclass
class Branch:
    """A branch of a statement, for the model and for the package."""

    conditions: List[Tuple[bool, str, Any]]
    absences: List[Tuple[str, Any]]
    guard: List[Condition] = field(default_factory=list)
    body: List[Any] = field(default_factory=list)
    actions: List[Action] = field(default_factory=list)

    def add(self, action: Tuple[Any, Action]) -> None:
        self.body.append(action[0])
        self.actions.append(action[1])

    @property
    def meant(self) -> Tuple[Any, Any, Any]:
        return self.conditions, self.absences, self.body

    @property
    def asked(self) -> Any:
        return when(*self.guard).do(*self.actions)

    @property
    def spaces(self) -> List[str]:
        return [name for _, name, _ in self.conditions] + [name for name, _ in self.absences]


class Dice(random.Random):
    def often(self, percent: int) -> bool:
        return self.random() * 100 < percent

    def fields(self) -> Tuple[Any, ...]:
        number = self.choice((0, 1, 2) if self.often(60) else NUMBERS)
        return (self.choice("ab"), number, *([self.choice(THINGS)] if self.often(35) else []))

    def number(self) -> Any:
        """A field of a template."""
        patterns = [int, int, float, bool, str, ANY, Between(0, 1), Between(0.0, 2.0), Between("a", "xx"), Prefix("x"),
                    Prefix(b""), OneOf(1, 2.5, "x", None), Var("n"), Var("n", int), *NUMBERS]
        return self.choice((ANY, int) if self.often(50) else patterns)

    def thing(self) -> Any:
        patterns = [list, tuple, dict, float, datetime.date, datetime.datetime, [ANY], (int, ANY), (1, ...),
                    [ANY, [int, ...]], (Var("n"), str), Var("n"), OneOf([1], NAN, DAY), OTHER_NAN, *THINGS]
        return self.choice((ANY, ...) if self.often(40) else patterns)

    def one_template(self) -> Tuple[Any, ...]:
        name = self.choice(["a", "b", "a", "b", str, Prefix("a"), ANY])
        if self.often(15):
            return (name, ...)
        return (name, self.number(), *([self.thing()] if self.often(35) else []))

    def template(self) -> Tuple[Any, ...]:
        """Also several: any of them."""
        return (AnyOf(self.one_template(), self.one_template()),) if self.often(12) else self.one_template()

    def placement(self) -> Tuple[int, bool, Any]:
        """Priority, whether it is delayed, and group."""
        group = self.choice(("g", 1, ("h", 1.0))) if self.often(6) else None
        return self.choice((-1, 0, 0, 0, 2)), self.often(5), group

    def change(self) -> Tuple[str, Any, Any]:
        """How a number becomes another: in which way, by what, and the same as a function."""
        how, operand = self.choice([*SUMS, "set"]), self.choice((1, 1, 2, 3, 0.5))
        return how, operand, lambda number: operand if how == "set" else exactly(how, number, operand)

    def branch(self, spaces: Sequence[str]) -> Branch:
        conditions = [(self.often(60), self.choice(spaces), self.condition())
                      for _ in range(self.choice((1, 1, 2, 2, 3)))]
        made = Branch(conditions, [(self.choice(spaces), self.condition())] if self.often(25) else [])
        made.guard = [(take if takes else read)(*template, space=name) for takes, name, template in conditions]
        for index, (takes, _, _) in enumerate(conditions):
            if takes and self.often(30):
                made.add(self.updating(index, made.guard[index]))
        made.guard += [absent(*template, space=name) for name, template in made.absences]
        if self.often(50):
            is_bound = any(Var in map(type, template) for _, _, template in conditions)
            made.add(self.putting(self.choice(spaces), is_bound))
        if self.often(15):
            (where, to), template = self.sample(spaces, 2), self.condition()
            made.add((("move", where, template, to), move(*template, space=where, to=to)))
        return made

    def otherwise(self, space: str) -> Branch:
        made = Branch([], [])
        made.add(self.putting(space, False))
        return made

    def condition(self) -> Tuple[Any, ...]:
        number = self.choice((Var("n"), Var("n"), Var("n", int), int, self.number()))
        return (self.choice("ab"), number, *([self.choice((..., ANY, Var("n"), list))] if self.often(25) else []))

    def updating(self, index: int, condition: Condition) -> Tuple[Any, Action]:
        how, operand, function = self.change()
        return ("updated", index, updating(function)), update(condition, **{how: {1: operand}})

    def putting(self, space: str, is_bound: bool) -> Tuple[Any, Action]:
        name, (how, operand, function) = self.choice("ab"), self.change()
        if not is_bound or how == "set":
            return ("put", space, lambda bound: (name, operand)), put(name, operand, space=space)
        if self.often(30):
            return (("put", space, lambda bound: (name, 1, [bound["n"], (bound["n"], "x")])),
                    put(name, 1, [Var("n"), (Var("n"), "x")], space=space))
        return (("put", space, lambda bound: (name, function(bound["n"]))),
                put(name, EXPRESSIONS[how](Var("n"), operand), space=space))

"""Guarded statements: several tuples taken, read, changed and put in one step, or nothing.

    n = Var("n")
    space.run(when(take("counter", n)).do(put("counter", n + 1)))

A branch can run when distinct tuples are there for all its ``take`` and ``read`` conditions together, with one variable
standing for equal values, and none for its ``absent`` ones. The first branch that can run does, as written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from . import _parvis
from ._templates import AnyOf, Expression, Var

if TYPE_CHECKING:
    from ._space import Space

__all__ = ["Action", "Branch", "Condition", "Ran", "absent", "copy", "move", "otherwise", "put", "read", "take",
           "update", "when"]

Where = Union["Space", str, None]
Changes = List[Tuple[int, int, Any]]

_TAKE, _READ, _ABSENT = range(3)
_PUT, _UPDATE, _MOVE, _COPY = range(4)
_HOW = ("set", "add", "subtract", "multiply", "min", "max")


def name_of(space: Where, default: str) -> str:
    """The name of a space given as a Space, by name or not at all."""
    name: Any = default if space is None else space
    name = getattr(name, "name", name)
    if not isinstance(name, str):
        raise TypeError(f"a space is a Space or its name, not {space!r}")
    return name


def _fields(template: Tuple[Any, ...], of: str) -> Tuple[Any, ...]:
    if any(isinstance(field, AnyOf) for field in template):
        raise TypeError(f"{of} has one template; several are several branches: run(when(…).do(…), when(…).do(…))")
    return template


def changes_of(how: Mapping[str, Optional[Mapping[int, Any]]], fields: Optional[Sequence[Any]]) -> Changes:
    """What is done to which field; ``fields`` is the template that says how many there are."""
    changes: Changes = []
    for name, wanted in how.items():
        if wanted is None:
            continue
        if not isinstance(wanted, Mapping):
            raise TypeError(f"{name}= is a dict of positions and values, {{1: 5}}, not {wanted!r}")
        for position, operand in wanted.items():
            _check_position(name, position, fields)
            base, steps = (operand.base, operand.steps) if isinstance(operand, Expression) else (operand, ())
            if steps and name != "set":
                raise TypeError(f"{name}={{{position}: …}} takes a value or a Var; set= takes what is computed")
            changes.append((position, _HOW.index(name), base))
            changes += [(position, _HOW.index(step), value) for step, value in steps]
    if not changes:
        raise TypeError("update changes nothing: give set=, add=, subtract=, multiply=, min= or max=, "
                        "as update((\"n\", int), add={1: 1})")
    return changes


def _check_position(name: str, position: Any, fields: Optional[Sequence[Any]]) -> None:
    if not isinstance(position, int) or isinstance(position, bool):
        raise TypeError(f"{name}= is a dict from positions of fields (0, 1, …) to values; {position!r} is no position")
    if position < 0:
        raise ValueError(f"{name}={{{position}: …}}: positions count from 0")
    if fields is None or (len(fields) and fields[-1] is ...):
        return
    if position > len(fields) or (position == len(fields) and name != "set"):
        raise ValueError(f"{name}={{{position}: …}}: the template has {len(fields)} fields, 0 to {len(fields) - 1}")


class Condition:
    """What has to be there, or must not; made by ``take``, ``read`` and ``absent``."""

    __slots__ = ("what", "fields", "space")

    def __init__(self, what: int, fields: Tuple[Any, ...], space: Where) -> None:
        self.what = what
        self.fields = _fields(fields, "a condition")
        self.space = space

    def row(self, space: str) -> Tuple[Any, ...]:
        return self.what, name_of(self.space, space), self.fields

    def __repr__(self) -> str:
        return f"{('take', 'read', 'absent')[self.what]}({', '.join(map(repr, self.fields))})"


class Action:
    """What is done; made by ``put``, ``update``, ``move`` and ``copy``."""

    __slots__ = ("what", "fields", "space", "to", "of", "changes", "lease", "priority")

    def __init__(self, what: int, fields: Optional[Tuple[Any, ...]] = None, space: Where = None, to: Where = None,
                 of: Union[Condition, int] = 0, changes: Sequence[Tuple[int, int, Any]] = (),
                 lease: Optional[float] = None, priority: int = 0) -> None:
        self.what = what
        self.fields = fields
        self.space = space
        self.to = to
        self.of = of
        self.changes = changes
        self.lease = lease
        self.priority = priority

    @classmethod
    def update(cls, of: Union[Condition, int], changes: Changes) -> "Action":
        return cls(_UPDATE, of=of, changes=changes)

    def row(self, space: str, guard: Sequence[Condition]) -> Tuple[Any, ...]:
        to = "" if self.to is None else name_of(self.to, space)
        condition = self._condition(guard) if self.what == _UPDATE else 0
        return (self.what, name_of(self.space, space), to, condition, self.fields, self.changes, self.lease,
                self.priority)

    def _condition(self, guard: Sequence[Condition]) -> int:
        if isinstance(self.of, Condition):
            found = [i for i, condition in enumerate(guard) if condition is self.of]
            if not found:
                raise ValueError(f"update({self.of!r}, …) is of a condition that its branch does not have: name it "
                                 "first, job = take(…), and use it in when(job) and update(job, …)")
            index = found[0]
        else:
            index = self.of
        if not 0 <= index < len(guard) or guard[index].what != _TAKE:
            raise ValueError(f"update({self.of!r}, …) needs a take condition of its branch")
        return index


class Branch:
    """A guard and what is done when it holds."""

    __slots__ = ("guard", "body")

    def __init__(self, guard: Tuple[Condition, ...], body: Tuple[Action, ...]) -> None:
        self.guard = guard
        self.body = body

    def do(self, *actions: Action) -> "Branch":
        """The same branch with these actions, too, in this order."""
        for action in actions:
            if not isinstance(action, Action):
                raise TypeError(f"an action is put(…), update(…), move(…) or copy(…), not {action!r}")
        return Branch(self.guard, (*self.body, *actions))

    def row(self, space: str) -> Tuple[Any, ...]:
        return ([condition.row(space) for condition in self.guard],
                [action.row(space, self.guard) for action in self.body])


def take(*template: Any, space: Where = None) -> Condition:
    """A condition: a tuple that matches is there, and is taken, for good."""
    return Condition(_TAKE, template, space)


def read(*template: Any, space: Where = None) -> Condition:
    """A condition: a tuple that matches is there, and stays."""
    return Condition(_READ, template, space)


def absent(*template: Any, space: Where = None) -> Condition:
    """A condition: no tuple matches. Variables that the other conditions bind stand for their values."""
    return Condition(_ABSENT, template, space)


def put(*fields: Any, space: Where = None, lease: Optional[float] = None, priority: int = 0) -> Action:
    """An action: puts a tuple of values, Vars, and for numbers what is computed from them: ``n + 1``."""
    plain = tuple(field.base if isinstance(field, Expression) else field for field in fields)
    changes = [(position, _HOW.index(how), operand) for position, field in enumerate(fields)
               if isinstance(field, Expression) for how, operand in field.steps]
    return Action(_PUT, plain, space, changes=changes, lease=lease, priority=priority)


def update(of: Union[Condition, int], *, set: Optional[Mapping[int, Any]] = None,
           add: Optional[Mapping[int, Any]] = None, subtract: Optional[Mapping[int, Any]] = None,
           multiply: Optional[Mapping[int, Any]] = None, min: Optional[Mapping[int, Any]] = None,
           max: Optional[Mapping[int, Any]] = None) -> Action:
    """An action: changes the tuple of a ``take`` condition (itself, or its number) in place instead of removing it."""
    how = {"set": set, "add": add, "subtract": subtract, "multiply": multiply, "min": min, "max": max}
    return Action.update(of, changes_of(how, of.fields if isinstance(of, Condition) else None))


def move(*template: Any, to: Where, space: Where = None) -> Action:
    """An action: moves all that matches to another space. Variables stand for their values."""
    return Action(_MOVE, _fields(template, "move"), space, to)


def copy(*template: Any, to: Where, space: Where = None) -> Action:
    """An action: copies all that matches to another space. Variables stand for their values."""
    return Action(_COPY, _fields(template, "copy"), space, to)


def when(*conditions: Condition) -> Branch:
    """A branch that can run when all conditions hold together; ``.do(…)`` says what is done."""
    for condition in conditions:
        if not isinstance(condition, Condition):
            raise TypeError(f"a condition is take(…), read(…) or absent(…), not {condition!r}")
    return Branch(conditions, ())


def otherwise(*actions: Action) -> Branch:
    """The branch that can always run: the last one."""
    return Branch((), ()).do(*actions)


class Ran:
    """What a statement did.

    ``branch``: the number of the branch that ran, from 0. ``tuples``: what its ``take`` and ``read`` conditions found,
    in order. ``updated``: what its ``update`` actions made of them. ``ids``: of what its ``put`` actions put.
    ``values``: the variables; ``ran["n"]`` and ``ran[n]`` are ``ran.values["n"]``."""

    __slots__ = ("branch", "tuples", "updated", "ids", "values")

    def __init__(self, branch: int, tuples: List[Tuple[Any, ...]], updated: List[Tuple[Any, ...]], ids: List[int],
                 values: Dict[str, Any]) -> None:
        self.branch = branch
        self.tuples = tuples
        self.updated = updated
        self.ids = ids
        self.values = values

    def __getitem__(self, variable: Union[str, Var]) -> Any:
        return self.values[variable.name if isinstance(variable, Var) else variable]

    def __repr__(self) -> str:
        return f"<parvis.Ran branch {self.branch}, tuples {self.tuples!r}, values {self.values!r}>"


def _bind(pattern: Any, value: Any, values: Dict[str, Any]) -> None:
    if isinstance(pattern, Var):
        values[pattern.name] = value
    elif isinstance(pattern, (tuple, list)):
        for inner, item in zip(pattern, value):
            _bind(inner, item, values)


def rows_of(branches: Sequence[Branch], space: str) -> List[Tuple[Any, ...]]:
    """The statement as ``_parvis.statement`` takes it."""
    if not branches:
        raise TypeError("a statement has at least one branch: run(when(take(…)).do(put(…)))")
    for branch in branches:
        if not isinstance(branch, Branch):
            raise TypeError(f"a branch is when(…).do(…) or otherwise(…), not {branch!r}")
    return [branch.row(space) for branch in branches]


def statement(branches: Sequence[Branch], space: str, wait: bool, timeout: Optional[float]) -> _parvis.Operation:
    return _parvis.statement(rows_of(branches, space), wait, timeout)


def ran_of(branches: Sequence[Branch], answer: Any) -> Optional[Ran]:
    """What the answer says; None when no branch ran."""
    branch, tuples, updated, ids = answer
    if branch >= len(branches):
        return None
    values: Dict[str, Any] = {}
    found = (condition for condition in branches[branch].guard if condition.what != _ABSENT)
    for condition, fields in zip(found, tuples):
        _bind(condition.fields, fields, values)
    return Ran(branch, tuples, updated, ids, values)

"""Operations and what becomes of their answers, the same for both faces: each function answers with the operation to be
asked, and the function that reads its answer."""

from __future__ import annotations

from typing import Any, Callable, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from . import _parvis
from ._statements import Action, Branch, Where, absent, changes_of, name_of, put, ran_of, statement, take
from ._templates import AnyOf

Asked = Tuple[_parvis.Operation, Callable[[Any], Any]]
Positions = Union[int, Sequence[int], None]

DURABILITIES = ("durable", "relaxed", "volatile")
_FUNCTIONS = {"count": 0, "sum": 1, "min": 2, "max": 3}


def _as_it_is(answer: Any) -> Any:
    return answer


class Aggregate(NamedTuple):
    """A row of ``aggregate``: ``key`` is the value of the field it was grouped by (a tuple for several, None without);
    ``count``, ``sum``, ``min`` and ``max`` are what was asked for, else None (a tuple for several fields)."""

    key: Any = None
    count: Any = None
    sum: Any = None
    min: Any = None
    max: Any = None


class SpaceInfo(NamedTuple):
    """A space of the server: ``tuples`` that can be seen, ``held`` by takes that are not yet confirmed or committed."""

    name: str
    durability: str
    tuples: int
    bytes: int
    waiters: int
    held: int
    quota_tuples: Optional[int]
    quota_bytes: Optional[int]


class Miss(NamedTuple):
    """A tuple that does not match: at which position first (None: that is not it), why, and who holds it."""

    tuple: Tuple[Any, ...]
    position: Optional[int]
    why: str
    holder: Optional[str]
    seconds: Optional[float]
    id: int


class Explanation(List[Miss]):
    """Why nothing matches, the nearest misses first. ``print`` shows it."""

    def __str__(self) -> str:
        if not self:
            return "nothing comes near: the space holds no tuple of this kind"
        lines = []
        for miss in self:
            held = f", held by {miss.holder}" if miss.holder else ""
            left = f" for {miss.seconds:.3g} s" if miss.seconds is not None else ""
            lines.append(f"{miss.tuple!r}: {miss.why}{held}{left}")
        return "\n".join(lines)


class Waiter(NamedTuple):
    """A blocked operation: whose it is, what it waits for since when, and whose sessions hold that. Operations that
    wait for each other have the same ``cycle``, a number from 1; else it is 0."""

    session: int
    client: str
    space: str
    take: bool
    templates: List[str]
    seconds: float
    held_by: List[int]
    cycle: int


def count(space: str, fields: Tuple[Any, ...]) -> Asked:
    return _parvis.count(space, fields), _as_it_is


def collect(space: str, to: Where, fields: Tuple[Any, ...], copy: bool) -> Asked:
    if to is None or (isinstance(to, tuple)):
        raise TypeError("collect(space, *template): the first argument is the space to collect into, or its name")
    return _parvis.collect(space, name_of(to, space), fields, copy), _as_it_is


def run(space: str, branches: Sequence[Branch], timeout: Optional[float], wait: bool) -> Asked:
    return statement(branches, space, wait, timeout), lambda answer: ran_of(branches, answer)


def _template(template: Any, of: str) -> Tuple[Any, ...]:
    if isinstance(template, AnyOf):
        raise TypeError(f"{of} takes one template; with several, use run(when(…).do(…), when(…).do(…))")
    if not isinstance(template, (tuple, list)):
        raise TypeError(f"the template of {of} is a tuple of its fields, as in {of}((\"n\", int), …), not {template!r}")
    return tuple(template)


def update(space: str, template: Any, how: Mapping[str, Optional[Mapping[int, Any]]]) -> Asked:
    fields = _template(template, "update")
    branch = Branch((take(*fields),), (Action.update(0, changes_of(how, fields)),))

    def read(answer: Any) -> Optional[Tuple[Any, ...]]:
        ran = ran_of([branch], answer)
        return ran.updated[0] if ran else None

    return statement([branch], space, False, None), read


def swap(space: str, template: Any, new: Any, lease: Optional[float], priority: int) -> Asked:
    if not isinstance(new, (tuple, list)):
        raise TypeError(f"swap(template, new): the new tuple is a tuple of its fields, not {new!r}")
    branch = Branch((take(*_template(template, "swap")),), (put(*new, lease=lease, priority=priority),))

    def read(answer: Any) -> Optional[Tuple[Any, ...]]:
        ran = ran_of([branch], answer)
        return ran.tuples[0] if ran else None

    return statement([branch], space, False, None), read


def out_if_absent(space: str, fields: Tuple[Any, ...], unless: Any, lease: Optional[float], priority: int) -> Asked:
    if isinstance(unless, AnyOf):
        guard = tuple(absent(*template) for template in unless.templates)
    else:
        guard = (absent(*(fields if unless is None else _template(unless, "out_if_absent"))),)
    branch = Branch(guard, (put(*fields, lease=lease, priority=priority),))
    return statement([branch], space, False, None), lambda answer: ran_of([branch], answer) is not None


def _positions(wanted: Positions, of: str) -> List[int]:
    positions = [] if wanted is None else [wanted] if isinstance(wanted, int) else list(wanted)
    for position in positions:
        if not isinstance(position, int) or isinstance(position, bool) or position < 0:
            raise TypeError(f"{of}= is the position of a field, from 0, or several; not {wanted!r}")
    return positions


def aggregate(space: str, fields: Tuple[Any, ...], by: Positions, terms: Mapping[str, Positions],
              counted: Optional[bool]) -> Asked:
    groups = _positions(by, "by")
    asked = {name: _positions(wanted, name) for name, wanted in terms.items()}
    if counted is None:
        counted = not any(asked.values())
    rows = [("count", 0)] if counted else []
    rows += [(name, position) for name, positions in asked.items() for position in positions]

    def read_row(row: Tuple[Any, ...]) -> Aggregate:
        key, values = row[:len(groups)], row[len(groups):]
        found: "dict[str, Any]" = {}
        for (name, _), value in zip(rows, values):
            found.setdefault(name, []).append(value)
        for name, wanted in terms.items():
            if name in found:
                found[name] = found[name][0] if isinstance(wanted, int) else tuple(found[name])
        if counted:
            found["count"] = values[0]
        return Aggregate(None if by is None else key[0] if isinstance(by, int) else tuple(key), **found)

    def read(answer: Any) -> Any:
        return [read_row(row) for row in answer] if by is not None else read_row(answer[0])

    return _parvis.aggregate(space, fields, groups, [(_FUNCTIONS[name], position) for name, position in rows]), read


def total(space: str, fields: Tuple[Any, ...], function: str, of: int) -> Asked:
    operation, read = aggregate(space, fields, None, {function: of}, False)
    return operation, lambda answer: getattr(read(answer), function)


def explain(space: str, fields: Tuple[Any, ...], n: int) -> Asked:
    def read(answer: Any) -> Explanation:
        return Explanation(Miss._make((row[0], None if row[1] < 0 else row[1], *row[2:5], id)) for id, row in answer)

    return _parvis.explain(space, fields, n), read


def waiters(space: str, n: int) -> Asked:
    return _parvis.list_waiters(space, n), lambda answer: [Waiter(*row) for row in answer]


def _space_infos(answer: Iterable[Tuple[Any, ...]]) -> List[SpaceInfo]:
    return [SpaceInfo._make((row[0], DURABILITIES[row[1]], *row[2:6], row[6] or None, row[7] or None))
            for row in answer]


def spaces() -> Asked:
    return _parvis.list_spaces(), _space_infos


def check_durability(durability: Optional[str]) -> None:
    if durability is not None and durability not in DURABILITIES:
        raise ValueError(f"durability is one of {', '.join(DURABILITIES)}, not {durability!r}")


def make(space: str, there: List[SpaceInfo], durability: Optional[str], quotas: Sequence[Optional[int]]) -> Asked:
    for quota in quotas:
        if quota is not None and quota < 0:
            raise ValueError(f"a quota is a number, 0 for none, or None to leave it as it is; not {quota!r}")
    known = next((info.durability for info in there if info.name == space), "durable")
    number = DURABILITIES.index(durability or known)
    tuples, size = (-1 if quota is None else quota for quota in quotas)
    return _parvis.make(space, number, tuples, size), lambda answer: None


def drop(space: str) -> Asked:
    return _parvis.drop(space), _as_it_is

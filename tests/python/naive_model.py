"""A tuple space said as simply as possible: for each space a list of tuples in the order in which they are handed out,
and a line of those who ask; every question looks at all of it. ``docs/semantics.md`` says the same in words. Most
operations are done at once, and what they change lets others in the line go on. Time stands still: delays never end,
leases when they are ended. What statements and aggregates compute is a function here."""

from __future__ import annotations

import struct
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, product
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

from parvis import ANY, AnyOf, Between, Conflict, Error, LimitExceeded, NotFound, OneOf, Prefix, Var

Bound = Dict[str, Any]  # what variables stand for
NOTHING = object()      # the answer when it cannot be done now


def fits(want: Any, value: Any, bound: Bound) -> bool:
    """Whether a field matches, or all fields of a tuple; the values of variables are added to ``bound``."""
    if isinstance(want, type):
        return type(value) is want if want.__module__ == "builtins" else isinstance(value, want)
    if isinstance(want, OneOf):
        return any(fits(one, value, bound) for one in want.values)
    if isinstance(want, Var):
        return want.type in (None, type(value)) and fits(bound.setdefault(want.name, value), value, bound)
    if isinstance(want, Between):
        return fits(type(want.low), value, bound) and bool(want.low <= value <= want.high)
    if isinstance(want, Prefix):
        return fits(type(want.text), value, bound) and bool(value.startswith(want.text))
    if want is ANY or type(want) is not type(value):
        return want is ANY
    if isinstance(want, dict):
        return want.keys() == value.keys() and all(fits(want[key], value[key], bound) for key in want)
    if isinstance(want, (list, tuple)):
        want, value = (want[:-1], value[:len(want) - 1]) if want and want[-1] is ... else (want, value)
        return len(want) == len(value) and all(fits(one, field, bound) for one, field in zip(want, value))
    return bool(want == value) or isinstance(want, float) and struct.pack("d", want) == struct.pack("d", value)


@dataclass(eq=False)
class Item:
    space: str
    fields: Sequence[Any]
    priority: int = 0
    group: Any = None
    delayed: bool = False
    holder: Any = None    # a transaction
    lapsed: bool = False  # its lease has ended while it was held
    born: int = 0         # its number, by which it is the same after an update; 0: not yet put


class Model:
    turns = {"rd": 0, "in_": 1, "run": 1, "out": 2}  # whom a change serves first; among equals who has waited longest
    births = count(1)

    def __init__(self) -> None:
        self.quota: Dict[str, int] = {}       # of each space that was made, in tuples; 0: none
        self.items: Dict[str, List[Item]] = defaultdict(list)
        self.delivered: List[Item] = []       # taken, and not yet confirmed
        self.own: Dict[Any, List[Item]] = {}  # what each open transaction will put
        self.line: Dict[partial[Any], Sequence[str]] = {}  # who asks, and where; the oldest first
        self.told: Dict[partial[Any], Any] = {}            # who waited, and the answer
        self.events: List[Tuple[str, str, Sequence[Any]]] = []

    def ask(self, what: str, *details: Any, wait_in: Sequence[str] = ()) -> Any:
        """The answer, or the class of the error. Who waits, in these spaces, gets what stands for it in ``told``."""
        asked = partial(getattr(self, what), *details)
        self.line[asked] = wait_in
        self.settle()
        if not wait_in:
            self.line.pop(asked, None)
        return self.told.pop(asked, asked if wait_in else NOTHING)

    def settle(self) -> None:
        for asked in sorted(self.line, key=lambda asked: self.turns.get(asked.func.__name__, 0)):
            try:
                answer = asked()
            except Error as error:
                answer = NOTHING if asked.func == self.out else type(error)  # there may be room later
            if answer is not NOTHING:
                self.told[asked] = answer
                del self.line[asked]
                return self.settle()

    def change(self, *deeds: Tuple[str, Item]) -> None:
        """What happens to tuples, in this order; nothing does when there is no room for all."""
        more = Counter(item.space for kind, item in deeds if kind == "put")
        more.subtract(item.space for kind, item in deeds if kind == "taken")
        if any(n > 0 and 0 < self.quota.get(name, 0) < n + len(self.items[name]) for name, n in more.items()):
            raise LimitExceeded
        for kind, item in deeds:
            rest = [other for other in self.items[item.space] if other.born != item.born]
            item.born = item.born or next(self.births)
            there = rest + [item] * (kind in ("put", "updated"))
            self.items[item.space] = sorted(there, key=lambda item: (-item.priority, item.born))
            if not item.delayed:
                self.events.append((item.space, kind, item.fields))

    def seen(self, items: Sequence[Item], template: Sequence[Any], take: bool = False, bound: Bound = {}) -> List[Item]:
        """What matches; with several templates, any of them."""
        ways = template[0].templates if isinstance(template[0], AnyOf) else [template]
        return [item for item in items if not item.delayed and item.holder is None and not (take and self.queues(item))
                and any(fits(way, item.fields, dict(bound)) for way in ways)]

    def queues(self, item: Item) -> bool:
        """Another of its group is under way, or older."""
        kin = [other for other in [*self.delivered, *self.items[item.space]] if fits(item.group, other.group, {})]
        return item.group is not None and item.born != 0 and any(
            other in self.delivered or other.holder or other.born < item.born and not other.delayed for other in kin)

    def drop(self, space: str) -> None:
        if self.quota.pop(space, None) is None:
            raise NotFound
        self.items.pop(space, None)
        for asked in [asked for asked, spaces in self.line.items() if space in spaces]:
            self.told[asked] = NotFound
            del self.line[asked]

    def out(self, space: str, items: List[Item]) -> Any:
        """The numbers of the tuples, which name their leases; NOTHING without room, and behind others who want it."""
        if items is not next(asked.args[1] for asked in self.line if asked.func == self.out and asked.args[0] == space):
            return NOTHING
        self.change(*(("put", item) for item in items))
        return [item.born for item in items]

    def rd(self, space: str, template: Sequence[Any], n: int = 1, inside: Any = None, take: bool = False) -> Any:
        if inside not in (None, *self.own):
            raise Conflict
        own = sorted((item for item in self.own.get(inside, []) if item.space == space), key=lambda one: -one.priority)
        found = self.seen([*self.items[space], *own], template, take)[:n]
        if take and inside is None:
            self.delivered += found
            self.change(*(("taken", item) for item in found))
        elif take:
            self.own[inside] = [item for item in self.own[inside] if item not in found]
            for item in found:
                item.holder = inside
        return [item.fields for item in found] or NOTHING

    def in_(self, space: str, template: Sequence[Any], n: int = 1, inside: Any = None) -> Any:
        return self.rd(space, template, n, inside, take=True)

    def end(self, inside: Any, commit: bool) -> None:
        if inside not in self.own:
            raise Conflict
        held = [item for items in self.items.values() for item in items if item.holder == inside]
        gone = [("taken" if commit else "expired", item) for item in held if commit or item.lapsed]
        self.change(*gone, *(("put", item) for item in self.own[inside] if commit))
        for item in held:
            item.holder = None
        del self.own[inside]

    def lease(self, numbers: Sequence[int], ends: bool) -> None:
        there = [item for items in self.items.values() for item in items if item.born in numbers]
        if len(there) < len(numbers):
            raise NotFound
        for item in there:
            item.lapsed = ends
        self.change(*(("expired", item) for item in there if ends and item.holder is None))

    def aggregate(self, space: str, template: Sequence[Any], by: slice, fold: Callable[[List[Any]], Any]) -> Any:
        """A row for each group that has these fields in common: they, and what the function makes of all its tuples."""
        groups: List[List[Any]] = []
        for item in self.seen(self.items[space], template):
            if len(item.fields) >= by.stop:
                alike = [group for group in groups if fits(group[0][by], item.fields[by], {})] or [[]]
                groups += [] if alike[0] else alike
                alike[0].append(item.fields)
        return [(group[0][by], fold(group)) for group in groups]

    def run(self, *branches: Any) -> Any:
        """The number of the branch that runs, what its conditions find, what it does, and what its variables are. Each
        has conditions (whether it takes, space, template), absences (space, template), and actions, see ``deeds``."""
        for number, (conditions, absences, body) in enumerate(branches):
            for found in product(*(self.seen(self.items[space], wanted, take) for take, space, wanted in conditions)):
                bound: Bound = {}
                joined = all(fits(wanted, item.fields, bound) for (_, _, wanted), item in zip(conditions, found))
                if joined and len({*found}) == len(found) and not any(
                        self.seen(self.items[space], absent, False, bound) for space, absent in absences):
                    taken = [item for (take, *_), item in zip(conditions, found) if take]
                    deeds = [*self.deeds(body, found, taken, bound)]
                    updated = [item.born for kind, item in deeds if kind == "updated"]
                    self.change(*(("taken", item) for item in taken if item.born not in updated), *deeds)
                    return number, [item.fields for item in found], deeds, bound
        return NOTHING

    def deeds(self, body: Any, found: Sequence[Item], taken: List[Item], bound: Bound) -> Iterator[Tuple[str, Item]]:
        for what, where, how, *to in body:
            if what == "put":
                yield what, Item(where, how(bound))
            elif what == "updated":
                yield what, replace(found[where], fields=how(bound, found[where].fields))
            for item in self.seen(self.items[where], how, what == "move", bound) if to else []:
                if item not in taken:
                    yield "put", Item(to[0], item.fields, item.priority)
                    yield from [("taken", item)] if what == "move" else []

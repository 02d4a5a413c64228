"""A history by chance: everything that clients may ask, of the server and of the naive model."""

from __future__ import annotations

import asyncio
import inspect
from functools import partial
from typing import Any, Callable, Dict, List, Sequence, Tuple

import parvis
import parvis.aio
from naive_history import DURABILITIES, Duel, Undetermined, by_text, ways
from naive_model import NOTHING, Item, fits
from parvis import AnyOf, OneOf
from random_asks import total, updating

LONG = 10_000.0  # seconds: what takes as long does not end in a history
MANY = 1000


async def scanned(face: Any, template: Sequence[Any]) -> List[Any]:
    rows = face.scan(*template, page=2)
    return [fields async for fields in rows] if inspect.isasyncgen(rows) else list(rows)


def ran_of(answer: Any) -> Any:
    """What the client of a statement is told: the branch, what was found, what was updated, the variables."""
    if answer is NOTHING:
        return None
    number, found, deeds, bound = answer
    return number, found, [item.fields for kind, item in deeds if kind == "updated"], bound


class History(Duel):
    begun = 0  # transactions

    async def play(self, steps: int) -> None:
        actions = {self.put: 32, self.get: 40, self.look: 12, self.statement: 14, self.begin: 5, self.put_inside: 6,
                   self.end: 5, self.lease: 6, self.cancel: 4, self.collect: 3, self.aggregate: 4, self.update: 4,
                   self.swap: 3, self.put_if_absent: 3, self.quota: 3, self.drop: 1, self.compare: 5}
        await self.open()
        try:
            for _ in range(steps):
                action, = self.dice.choices(list(actions), list(actions.values()))
                await action()
            await self.compare()
        except Undetermined:
            pass
        finally:
            await self.close()

    def any(self) -> Tuple[int, str]:
        return self.dice.randrange(len(self.clients)), self.dice.choices(self.names, (4, 3, 2))[0]

    def wanted(self, name: str) -> List[Any]:
        """The templates of those who wait in a space."""
        gets = (self.model.rd, self.model.in_)
        return [asked.args[1] for asked in self.model.line if asked.func in gets and asked.args[0] == name] + [
            template for asked in self.model.line if asked.func == self.model.run for branch in asked.args
            for _, space, template in branch[0] if space == name]

    def fields(self, name: str) -> Tuple[Any, ...]:
        """Often what somebody waits for, as far as chance finds it soon."""
        tuples = [self.dice.fields() for _ in range(20)]
        fitting = [one for one in tuples for want in self.wanted(name) for way in ways(want) if fits(way, one, {})]
        return fitting[0] if fitting and self.dice.often(60) else tuples[0]

    async def put(self) -> None:
        client, name = self.any()
        name = self.names[2] if self.model.quota[self.names[2]] and self.dice.often(40) else name
        priority, delayed, group = self.dice.placement()
        number = self.dice.choice((1, 1, 2, 3))
        items = [Item(name, self.fields(name), priority, group, delayed) for _ in range(number)]
        waits = self.dice.often(50) and not 0 < self.model.quota[name] < len(items)
        leased = self.dice.often(15)
        face, delay = self.face(client, name, waits), LONG if delayed else self.dice.choice((None, 0))

        async def asked() -> None:
            lease = face.out_many([item.fields for item in items], priority=priority, delay=delay,
                                  group=group, lease=LONG if leased else None, room=None if waits else 0.0)
            lease = await lease if inspect.isawaitable(lease) else lease
            self.leases += [(lease, items)] if leased else []
        await self.ask(client, asked, "out", name, items, wait_in=[name] if waits else [],
                       read=lambda answer: parvis.LimitExceeded if answer is NOTHING else None)

    async def get(self) -> None:
        client, name = self.any()
        takes, waits, many = self.dice.often(70), self.dice.often(50) and len(self.waiting) < 7, self.dice.often(20)
        template, n, inside = self.dice.template(), self.dice.choice((2, 3)) if many else 1, None
        if waits and self.dice.often(50):  # several who wait for the same show who is first
            template = self.dice.choice(self.wanted(name) or [template])
        on: Any = self.face(client, name, waits)
        options: Dict[str, Any] = dict(timeout=None if waits else 0)
        if self.transactions and self.dice.often(35):
            inside = self.dice.choice(list(self.transactions))
            client, on = self.transactions[inside]
            options["space"] = name
        method = ("take_many" if takes else "read_many") if many else "in_" if takes else "rd"
        nothing: Any = [] if many else parvis.Timeout
        if not waits and not many and self.dice.often(70):
            method, nothing = ("inp" if takes else "rdp"), None
            del options["timeout"]
        asked = getattr(on, method)
        await self.ask(client, partial(asked, *([n] if many else []), *template, **options), "in_" if takes else "rd",
                       name, template, n, inside, wait_in=[name] if waits else [],
                       read=lambda answer: nothing if answer is NOTHING else answer if many else answer[0])

    async def look(self) -> None:
        """All that matches: counted, scanned, or read."""
        client, name = self.any()
        template, face, inside = self.dice.template(), self.face(client, name), None
        way = self.dice.choice(("count", "scan", "read_many"))
        asked: Callable[[], Any] = {"count": lambda: face.count(*template), "scan": lambda: scanned(face, template),
                                    "read_many": lambda: face.read_many(MANY, *template, timeout=0)}[way]
        if self.transactions and self.dice.often(30):
            inside, way = self.dice.choice(list(self.transactions)), "count"
            client, transaction = self.transactions[inside]
            asked = partial(transaction.count, *template, space=name)

        def read(answer: Any) -> Any:
            found = [] if answer is NOTHING else answer
            return len(found) if way == "count" else found
        await self.ask(client, asked, "rd", name, template, MANY, inside, read=read)

    async def aggregate(self) -> None:
        client, name = self.any()
        number = self.dice.choice((int, float, OneOf(0, 1, 2.5), OneOf(1, None), str))  # no two that are equal by value
        by = self.dice.choice((None, 0, 1, 2))
        template = self.dice.choice((str, "a")), number, self.dice.choice((list, tuple, dict)) if by == 2 else ...
        function, face = self.dice.choice(("sum", "min", "max")), self.face(client, name)

        def fold(group: List[Any]) -> Any:
            return len(group), total(function, [fields[1] for fields in group])

        async def asked() -> Any:
            rows = face.aggregate(*template, by=by, count=True, **{function: 1})
            rows = await rows if inspect.isawaitable(rows) else rows
            rows = [((row.key,), (row.count, getattr(row, function))) for row in ([rows] if by is None else rows)]
            return by_text(rows)

        def read(rows: List[Any]) -> Any:
            return by_text(rows) if by is not None else [((None,), group) for _, group in rows or [((), fold([]))]]
        await self.ask(client, asked, "aggregate", name, template, slice(0, 0) if by is None else slice(by, by + 1),
                       fold, read=read)

    async def statement(self) -> None:
        client, waits = self.any()[0], self.dice.often(50) and len(self.waiting) < 7
        branches = [self.dice.branch(self.names) for _ in range(self.dice.choice((1, 1, 2)))]
        branches += [self.dice.otherwise(self.names[0])] if self.dice.often(20) else []
        spaces = {name for branch in branches for name in branch.spaces}
        face = self.face(client, self.names[0], waits)

        async def asked() -> Any:
            ran = face.run(*(branch.asked for branch in branches), wait=waits)
            ran = await ran if inspect.isawaitable(ran) else ran
            return ran and (ran.branch, ran.tuples, ran.updated, ran.values)
        await self.ask(client, asked, "run", *(branch.meant for branch in branches),
                       wait_in=sorted(spaces) if waits else [], read=ran_of)

    async def update(self) -> None:
        client, name = self.any()
        template = self.dice.one_template()
        how, operand, function = self.dice.change()
        branch: Any = ([(True, name, template)], [], [("updated", 0, updating(function))])
        asked = partial(self.face(client, name).update, template, **{how: {1: operand}})
        await self.ask(client, asked, "run", branch, read=lambda answer: ran_of(answer) and ran_of(answer)[2][0])

    async def swap(self) -> None:
        client, name = self.any()
        template, fields = self.dice.one_template(), self.dice.fields()
        branch: Any = ([(True, name, template)], [], [("put", name, lambda bound: fields)])
        await self.ask(client, partial(self.face(client, name).swap, template, fields), "run", branch,
                       read=lambda answer: ran_of(answer) and answer[1][0])

    async def put_if_absent(self) -> None:
        client, name = self.any()
        fields, unless = self.dice.fields(), self.dice.choice((None, self.dice.template()))
        branch: Any = ([], [(name, way) for way in ways(unless or fields)], [("put", name, lambda bound: fields)])
        several = unless[0] if unless and isinstance(unless[0], AnyOf) else unless
        await self.ask(client, partial(self.face(client, name).out_if_absent, *fields, unless=several), "run", branch,
                       read=lambda answer: answer is not NOTHING)

    async def collect(self) -> None:
        client, name = self.any()
        to, template, what = self.dice.choice(self.names), self.dice.template(), self.dice.choice(("move", "copy"))
        if to == name:
            return
        method = "collect" if what == "move" else "copy_collect"
        await self.ask(client, partial(getattr(self.face(client, name), method), to, *template), "run",
                       ([], [], [(what, name, template, to)]),
                       read=lambda answer: sum(kind == "put" for kind, _ in answer[2]))

    async def begin(self) -> None:
        if len(self.transactions) < 4:
            client, name = self.any()
            transaction = await parvis.aio.Space(self.clients[client].space(name)).transaction().__aenter__()
            self.begun += 1
            self.transactions[self.begun] = client, transaction
            self.model.own[self.begun] = []

    async def put_inside(self) -> None:
        # An operation that waits has looked at what its own transaction puts, and does not look there again.
        blocked = {asked.args[3] for asked in self.waiting if asked.func in (self.model.rd, self.model.in_)}
        inside = self.dice.choice([*self.transactions, 0])
        if inside in self.model.own and inside not in blocked:
            (_, transaction), name, fields = self.transactions[inside], self.dice.choice(self.names), self.dice.fields()
            priority, delayed, group = self.dice.placement()
            await transaction.out(*fields, space=name, priority=priority, delay=LONG if delayed else None, group=group)
            self.model.own[inside].append(Item(name, fields, priority, group, delayed))

    async def end(self) -> None:
        if not self.transactions:
            return
        inside = self.dice.choice(list(self.transactions))
        client, transaction = self.transactions[inside]
        commits = self.dice.often(60)
        await self.ask(client, transaction.commit if commits else transaction.abort, "end", inside, commits)
        if inside not in self.model.own and self.dice.often(80):  # else it is asked again, in vain
            del self.transactions[inside]

    async def lease(self) -> None:
        if not self.leases:
            return
        await self.confirmed()  # a lease can be renewed until then
        lease, items = self.dice.choice(self.leases)
        ends, client = self.dice.often(70), self.any()[0]
        await self.ask(client, lease.cancel if ends else partial(lease.renew, LONG), "lease",
                       [item.born for item in items], ends)

    async def cancel(self) -> None:
        if self.waiting:
            asked = self.dice.choice(list(self.waiting))
            client, task, _ = self.waiting.pop(asked)
            task.cancel()
            await asyncio.wait([task])
            del self.model.line[asked]
            self.model.settle()
            await self.settle(client)

    async def quota(self) -> None:
        await self.set_quota(self.any()[0], self.names[2], self.dice.choice((0, 3, 4)))

    async def set_quota(self, client: int, name: str, quota: int) -> None:
        self.clients[client].space(name).make(DURABILITIES[self.names.index(name)], quota_tuples=quota)
        self.model.quota[name] = quota
        self.model.settle()
        await self.settle(client)

    async def drop(self) -> None:
        client, name = self.any()[0], self.names[2]  # nobody watches it
        for _ in range(self.dice.choice((1, 1, 2))):
            await self.ask(client, self.clients[client].space(name).drop, "drop", name)
        self.check("dropped", False, any(info.name == name for info in self.clients[client].spaces()))
        await self.set_quota(client, name, 0)

"""Whatever several clients ask a server, the naive model is asked, too; what differs ends the history."""

from __future__ import annotations

import asyncio
import inspect
import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Callable, Dict, List, Sequence, Tuple

import parvis
import parvis.aio
from naive_model import Item, Model, fits
from parvis import AnyOf
from random_asks import Dice

DURABILITIES = ("volatile", "relaxed", "durable")
KINDS = ("put", "taken", "expired", "updated")  # a plain take that comes back is for other tests


class Different(AssertionError):
    """The product answers otherwise than the model."""


class Undetermined(Exception):
    """Confirmations of different clients are under way, and the order in which they arrive is anybody's."""


async def answer_of(asked: Callable[[], Any]) -> Any:
    """What either face says, or the class of its error."""
    try:
        answer = asked()
        return await answer if inspect.isawaitable(answer) else answer
    except parvis.Error as error:
        return type(error)


def ways(template: Sequence[Any]) -> Sequence[Any]:
    return template[0].templates if isinstance(template[0], AnyOf) else [template]


def by_text(rows: List[Any], position: int = 0) -> List[Any]:
    return sorted(rows, key=lambda row: repr(row[position]).replace("-0.0", "0.0"))


@dataclass
class Watched:
    name: str
    template: Sequence[Any]
    kinds: Sequence[str]
    watch: parvis.aio.Watch
    happened: List[List[Any]] = field(default_factory=list)  # says the model, step by step, since it was compared

    def tells(self, name: str, kind: str, fields: Sequence[Any]) -> bool:
        return name == self.name and kind in self.kinds and any(fits(way, fields, {}) for way in ways(self.template))


class Duel:
    """One server, one model, and clients who ask both."""

    def __init__(self, clients: Sequence[parvis.Space], seed: int, model: Model, patience: float) -> None:
        self.seed, self.dice, self.model, self.patience = seed, Dice(seed), model, patience
        self.clients = clients
        self.names = [f"naive-{seed}-{letter}" for letter in "abc"]
        self.waiting: Dict[Any, Tuple[int, "asyncio.Future[Any]", Callable[[Any], Any]]] = {}
        self.transactions: Dict[int, Tuple[int, parvis.aio.Transaction]] = {}
        self.leases: List[Tuple[Any, List[Item]]] = []
        self.watches: List[Watched] = []
        self.log: List[str] = []

    async def open(self) -> None:
        for name, durability in zip(self.names, DURABILITIES):
            self.clients[0].space(name).make(durability)
            self.model.quota[name] = 0
        for name in self.names[:2]:
            for template, kinds in [((...,), KINDS), (self.dice.template(), self.dice.sample(KINDS, 2))]:
                watch = await parvis.aio.Space(self.clients[0].space(name)).watch(*template, kinds=kinds)
                self.watches.append(Watched(name, template, kinds, watch))

    async def close(self) -> None:
        for _, task, _ in self.waiting.values():
            task.cancel()
        await asyncio.gather(*(task for _, task, _ in self.waiting.values()), return_exceptions=True)
        for _, transaction in self.transactions.values():
            await answer_of(transaction.abort)
        for watched in self.watches:
            watched.watch.close()
        for name in self.names:
            self.clients[0].space(name).drop()

    # Asking both

    def face(self, client: int, name: str, waits: bool = False) -> Any:
        space = self.clients[client].space(name)
        return parvis.aio.Space(space) if waits or self.dice.often(50) else space

    def check(self, what: str, expected: Any, answer: Any) -> None:
        if not (expected is answer or not isinstance(expected, type) and fits(expected, answer, {})):
            raise Different(f"PARVIS_SEED={self.seed}\n" + "\n".join(self.log[-12:])
                            + f"\n{what}: the model says {expected!r}, the product {answer!r}")

    async def ask(self, client: int, asked: Callable[[], Any], what: str, *details: Any, wait_in: Sequence[str] = (),
                  read: Callable[[Any], Any] = lambda answer: answer) -> None:
        """``asked`` is the product's answer to come, ``read`` makes of the model's what a client is told."""
        self.log.append(f"client {client}: {what} {details} {wait_in}")
        expected = self.model.ask(what, *details, wait_in=wait_in)
        task = asyncio.ensure_future(answer_of(asked))
        if any(expected is blocked for blocked in self.model.line):
            self.waiting[expected] = client, task, read
        else:
            await self.hear(task, read, expected)
        await self.settle(client)

    async def hear(self, task: "asyncio.Future[Any]", read: Callable[[Any], Any], expected: Any) -> None:
        wanted = expected if isinstance(expected, type) else read(expected)
        await asyncio.wait([task], timeout=self.patience)
        self.check("answer", wanted, task.result() if task.done() else "nothing yet")

    async def settle(self, client: int) -> None:
        """Those who waited go on as the model says, and the others wait."""
        grouped = False
        while self.model.delivered:
            groups = {repr(item.group) for item in self.model.delivered if item.group is not None}
            if len(groups) > 1:
                raise Undetermined
            grouped |= bool(groups)
            self.model.delivered.clear()
            self.model.settle()
        for asked, expected in self.model.told.items():
            _, task, read = self.waiting.pop(asked)
            await self.hear(task, read, expected)
        self.model.told.clear()
        if grouped:
            await self.confirmed()
        for watched in self.watches:
            watched.happened.append([event[1:] for event in self.model.events if watched.tells(*event)])
        self.model.events.clear()
        sessions = [self.clients[self.waiting[asked][0]].session.id for asked in self.model.line]
        await self.eventually("who waits", sessions, lambda: [
            row.session for row in self.clients[client].waiters(everywhere=True) if self.names[0][:-1] in row.space])

    async def eventually(self, what: str, expected: Any, ask: Callable[[], Any]) -> None:
        """What was cancelled or confirmed is on its way to the server."""
        deadline = time.monotonic() + self.patience
        while (answer := ask()) != expected and time.monotonic() < deadline:
            await asyncio.sleep(0)
        self.check(what, expected, answer)

    async def confirmed(self) -> None:
        held = [self.listing(name)[2] for name in self.names]
        await self.eventually("held", held, lambda: [
            info.held for info in self.clients[0].spaces() if info.name in self.names])

    async def compare(self) -> None:
        for name in self.names:
            seen = [item.fields for item in self.model.items[name] if not item.delayed and not item.holder]
            self.check("contents", seen, list(self.clients[0].space(name).scan(...)))
        await self.eventually("spaces", {name: self.listing(name) for name in self.names}, self.listed)
        for watched in self.watches:
            heard = []
            while event := await watched.watch.next(0):
                heard.append((event.kind, event.tuple))
            happened, watched.happened, rest = watched.happened, [], iter(heard)
            self.check("events", [by_text(step, 1) for step in happened],
                       [by_text([*islice(rest, len(step))], 1) for step in happened])
            self.check("further events", [], [*rest])

    def listing(self, name: str) -> Tuple[str, int, int, int, int]:
        items = self.model.items[name]
        held = sum(item.holder is not None for item in items)
        delayed = sum(item.delayed for item in items)
        waiters = sum(name in spaces for spaces in self.model.line.values())
        return DURABILITIES[self.names.index(name)], len(items) - held - delayed, held, waiters, self.model.quota[name]

    def listed(self) -> Dict[str, Tuple[str, int, int, int, int]]:
        return {info.name: (info.durability, info.tuples, info.held, info.waiters, info.quota_tuples or 0)
                for info in self.clients[0].spaces() if info.name in self.names}

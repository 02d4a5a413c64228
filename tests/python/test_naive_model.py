"""Random histories of several clients on a server against the naive model: every answer, who waits, the contents, the
events. PARVIS_SEED=n replays one history, PARVIS_HISTORIES=n plays more of them."""

from __future__ import annotations

import asyncio
import os
from itertools import count
from typing import Any, Iterator, List, Type

import pytest

import parvis
from conftest import PATIENCE
from naive_history import Different
from naive_model import Item, Model
from random_history import History

HISTORIES, STEPS = 16, 120


@pytest.fixture
def clients(server: Any) -> Iterator[List[parvis.Space]]:
    spaces = [parvis.connect(server.address) for _ in range(5)]
    yield spaces
    for space in spaces:
        space.close()


def seeds() -> range:
    if "PARVIS_SEED" in os.environ:
        return range(int(os.environ["PARVIS_SEED"]), int(os.environ["PARVIS_SEED"]) + 1)
    return range(1, 1 + int(os.environ.get("PARVIS_HISTORIES", HISTORIES)))


def test_random_histories_agree_with_the_naive_model(clients: List[parvis.Space]) -> None:
    for seed in seeds():
        asyncio.run(History(clients, seed, Model(), PATIENCE).play(STEPS))


class YoungestFirst(Model):
    births = count(-1, -1)


class TakersFirst(Model):
    turns = {"in_": 0, "run": 0, "rd": 1, "out": 2}


class LosesItsPlace(Model):
    def end(self, inside: Any, commit: bool) -> None:
        held = [item for items in self.items.values() for item in items if item.holder == inside]
        super().end(inside, commit)
        for item in held if not commit else []:
            item.born = next(self.births)


class IgnoresGroups(Model):
    def queues(self, item: Item) -> bool:
        return False


@pytest.mark.parametrize("wrong", [YoungestFirst, TakersFirst, LosesItsPlace, IgnoresGroups])
def test_a_wrong_model_differs(clients: List[parvis.Space], wrong: Type[Model]) -> None:
    with pytest.raises(Different):
        for seed in range(1, 200):
            asyncio.run(History(clients, seed, wrong(), 1.0).play(STEPS))

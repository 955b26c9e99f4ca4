"""When a training's state is kept, and what is said of one that goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from ml_assets.store import Store, open_store
from ml_assets.training.checkpoints import LARGEST_SHARE, Kept

KEY = "ab" * 32


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Slow:
    """A place in which saving takes a while."""

    clock: Clock
    seconds: float = 0.0
    saved: list[int] = field(default_factory=list)

    def save(self, step: int, state: Any, *, interruptions: int = 0) -> None:
        self.clock.now += self.seconds
        self.saved.append(step)

    def latest(self) -> None:
        return None


def trained(seconds: float, *, saving: float, step_takes: float = 1.0, **when: Any) -> tuple[list[int], float]:
    """The steps after which was saved in a training of so many seconds, and what share of its time saving took."""
    clock = Clock()
    place = Slow(clock, saving)
    kept = Kept(place, print, clock=clock, **when)
    step, worked = 0, 0.0
    while clock.now < seconds:
        step += 1
        clock.now += step_takes
        worked += step_takes
        if kept.is_due(step):
            kept.save(step, {})
    return place.saved, len(place.saved) * saving / worked


def test_it_is_time_to_save_after_an_interval_and_not_before():
    assert trained(100, saving=0)[0] == [30, 60, 90]
    assert trained(100, saving=0, every_seconds=45)[0] == [45, 90]


def test_it_is_time_to_save_after_so_many_steps():
    assert trained(20, saving=0, every_steps=8)[0] == [8, 16]


@pytest.mark.parametrize("saving", [0.1, 1.0, 20.0, 300.0])
@pytest.mark.parametrize("when", [{}, {"every_steps": 1}, {"every_seconds": 0.0}], ids=str)
def test_however_long_saving_takes_it_costs_little_of_the_time(saving: float, when: dict[str, Any]):
    saved, share = trained(100_000, saving=saving, step_takes=2.0, **when)
    assert len(saved) > 5
    assert share < LARGEST_SHARE * 1.2, "the first comes before it is known what it takes"


@pytest.fixture
def store(tmp_path) -> Store:
    return open_store(str(tmp_path))


def begun(store: Store, said: list[str]) -> Kept:
    return Kept(store.checkpoints(KEY), said.append)


def test_a_training_that_goes_on_says_from_where_and_how_often_it_was_interrupted(store: Store):
    said: list[str] = []
    first = begun(store, said)
    assert first.latest() is None
    assert first.resumed == ""
    first.save(1000, {"w": 1})

    second = begun(store, said)
    found = second.latest()
    assert found is not None
    assert (found.step, found.state) == (1000, {"w": 1})
    assert second.resumed == "resumed from step 1000, 1 interruption"
    second.save(1200, {"w": 2})
    assert second.latest() is not None  # looking again is no interruption

    third = begun(store, said)
    third.latest()
    assert third.resumed == "resumed from step 1200, 2 interruptions"
    assert said == [second.resumed, third.resumed]


def test_the_interval_begins_anew_where_a_training_goes_on(store: Store):
    begun(store, []).save(1000, {})
    clock = Clock()
    kept = Kept(store.checkpoints(KEY), print, every_steps=10, clock=clock)
    kept.latest()
    assert [step for step in range(1001, 1012) if kept.is_due(step)] == [1010, 1011]

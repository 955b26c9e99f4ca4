"""Whatever lands when, and whenever the watch is restarted from an old cursor: each final version is found, and only once."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.store import open_landing, open_store, watch
from ml_assets.store.landing.watch import Watch, memory, state

FILES = ("{partition}.parquet", "shops.parquet")
NAMES = [f"{number}.parquet" for number in range(12)] + ["shops.parquet", "ignored.csv"]
AGES = (-100.0, 0.0, 1.0, 3.0, 90.0)  # seconds between writing a file, by its own clock, and now

writes = st.tuples(st.just("write"), st.sampled_from(NAMES), st.sampled_from(AGES))
deletions = st.tuples(st.just("delete"), st.sampled_from(NAMES), st.just(0.0))
looks = st.tuples(st.just("look"), st.just(""), st.sampled_from((0.5, 5.0, 31.0)))
crashes = st.tuples(st.just("crash"), st.just(""), st.just(5.0))
Acts = list[tuple[str, str, float]]


class World:
    """A landing folder, a clock of its own, and all that looks have found."""

    def __init__(self, root: Path) -> None:
        self.landing = open_landing(str(root / "landing"))
        self.store = open_store(str(root / "store"))
        self.root = root / "landing" / "p"
        self.root.mkdir(parents=True)
        self.at = datetime(2026, 1, 1, tzinfo=UTC)
        self.kept = json.dumps(Watch().to_json())
        self.found: Counter[tuple[str, str]] = Counter()
        self.partitions: set[str] = set()
        self.size = 0

    def act(self, act: str, name: str, seconds: float) -> None:
        if act == "write":
            self.write(name, seconds)
        elif act == "delete":
            (self.root / name).unlink(missing_ok=True)
        else:
            self.look(seconds, keeps=act == "look")

    def write(self, name: str, age: float) -> None:
        self.size += 1
        written = self.root / "writing.tmp"
        written.write_bytes(b"x" * self.size)
        os.utime(written, (self.at.timestamp() - age,) * 2)
        written.rename(self.root / name)

    def look(self, after: float, *, keeps: bool = True) -> None:
        """``keeps`` false: the process dies before what was found is kept, or acted upon."""
        self.at += timedelta(seconds=after)
        before = Watch.from_json(json.loads(self.kept))
        found = watch.look(self.landing, "p", FILES, before, store=self.store, now=self.at)
        if keeps:
            self.kept = json.dumps(found.watch.to_json())
            self.found.update(found.changed.items())
            self.partitions |= set(found.partitions)

    def settle(self) -> None:
        for seconds in (5.0, 31.0, 5.0, 31.0):
            self.look(seconds)

    def stamps(self) -> set[tuple[str, str]]:
        entries = self.landing.entries("p")
        return {(name.removeprefix("p/"), entry.stamp) for name, entry in entries.items() if "ignored" not in name}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    acts=st.lists(st.one_of(writes, writes, deletions, looks, crashes), max_size=40), limit=st.sampled_from((2, 16_000))
)
def test_each_final_file_version_is_found_and_none_twice(acts: Acts, limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "NEWEST", 2)
        patch.setattr(memory, "RECENT", 1)
        patch.setattr(state, "LARGEST", limit)
        world = World(Path(folder))
        for act in acts:
            world.act(*act)
        world.settle()

        assert world.stamps() <= world.found.keys()
        assert {name.removesuffix(".parquet") for name, _ in world.stamps()} - {"shops"} <= world.partitions
        assert not [version for version, times in world.found.items() if times > 1]


@settings(max_examples=30, deadline=None, derandomize=True)
@given(acts=st.lists(st.one_of(writes, writes, looks), max_size=30), old=st.integers(0, 30))
def test_a_watch_that_goes_on_from_any_older_cursor_misses_nothing(acts: Acts, old: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "NEWEST", 2)
        patch.setattr(memory, "RECENT", 1)
        world = World(Path(folder))
        cursors = [(world.kept, set[tuple[str, str]]())]
        for act in acts:
            world.act(*act)
            cursors.append((world.kept, set(world.found)))
        world.kept, found_then = cursors[min(old, len(acts))]
        world.found.clear()
        world.settle()

        assert world.stamps() <= world.found.keys() | found_then

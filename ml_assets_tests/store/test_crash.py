"""kill -9 at every point of a write: before and after each call of a primitive."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ml_assets.store import Store, open_store
from ml_assets_tests.store.crash_writer import ASSET, MONTH, RUN


def crash_everywhere(folder: Path, first: str) -> list[Store]:
    """Stores left behind by writers killed at point 1, 2, …; the last one's writer got to the end."""
    command = [sys.executable, "-m", "ml_assets_tests.store.crash_writer", str(folder), first]
    subprocess.run(command, check=True, timeout=120)
    return [open_store(str(root)) for root in sorted(folder.iterdir(), key=lambda path: int(path.name))]


@pytest.mark.parametrize("first", ["old", ""], ids=["second version", "first version"])
def test_a_crash_anywhere_leaves_the_old_world_or_the_new_one(tmp_path: Path, first: str) -> None:
    stores = crash_everywhere(tmp_path, first)
    seen = [value_of(store) for store in stores]
    before = first or None
    assert len(stores) > 15
    assert seen == sorted(seen, key=lambda value: value == "new"), "once new, it stays new"
    assert set(seen) == {before, "new"}
    assert seen[-1] == "new"


def test_after_a_crash_anywhere_every_version_that_is_named_is_whole_and_writing_goes_on(tmp_path: Path) -> None:
    for store in crash_everywhere(tmp_path, "old"):
        for entry in store.log(ASSET, MONTH):
            assert store.verify(entry.target) == []
        made = store.made_by_run(RUN, ASSET, MONTH)
        assert made is None or store.verify(made) == []
        for key in store.versions(ASSET):
            assert store.verify(key) == []
        assert store.get(store.put("new")) == "new"


def value_of(store: Store) -> object:
    head = store.head(ASSET, MONTH)
    return None if head is None else store.load(head.target)

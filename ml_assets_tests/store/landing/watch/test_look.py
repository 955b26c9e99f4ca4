"""What a look finds: new, late and corrected files, each version once; on every place where that matters."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_assets.store import LandingFolder, Store, open_landing, open_store, watch
from ml_assets.store.landing.watch import Found, Watch

BILLS = ("bills/{partition}.parquet",)
TWO = ("bills/{partition}.parquet", "weather/{partition}.parquet", "shops.parquet")
QUICK, FULL = 5, 31  # seconds until the next look: a quick one, one that is due to be full


@dataclass
class Watcher:
    """Looks at the folder ``p`` of a landing folder by a clock of its own, and keeps the watch as its owner would: as JSON."""

    landing: LandingFolder
    store: Store
    files: tuple[str, ...] = BILLS
    kept: str = "null"
    at: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(hours=1))
    sizes: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def land(self, *names: str) -> None:
        """Land files, or correct them: no two have the same bytes."""
        for name in names:
            self.landing.backend.replace(f"p/{name}", b"x" * next(self.sizes))

    def look(self, after: float = QUICK) -> Found:
        self.at += timedelta(seconds=after)
        found = watch.look(
            self.landing, "p", self.files, Watch.from_json(json.loads(self.kept)), store=self.store, now=self.at
        )
        self.kept = json.dumps(found.watch.to_json())
        return found

    def version(self, partition: str) -> str | None:
        return watch.version(self.landing, "p", self.files, partition, now=self.at)


@pytest.fixture
def watcher(tmp_path: Path, store: Store) -> Watcher:
    return Watcher(open_landing(str(tmp_path / "landing")), store)


def bills(*numbers: int) -> list[str]:
    return [f"bills/{number:03d}.parquet" for number in numbers]


def keys(*numbers: int) -> tuple[str, ...]:
    return tuple(f"{number:03d}" for number in numbers)


def test_new_late_and_corrected_files_are_each_found_once(url: str) -> None:
    watcher = Watcher(open_landing(url), open_store("memory://"))
    watcher.land(*bills(*range(10, 60)))
    assert watcher.look().partitions == keys(*range(10, 60))
    assert watcher.look().partitions == ()

    watcher.land(*bills(60))
    assert watcher.look().partitions == keys(60)

    watcher.land(*bills(50))  # corrected, among the newest
    assert watcher.look().partitions == keys(50)

    watcher.land(*bills(1, 12))  # late, and corrected long after
    assert watcher.look().partitions == ()
    assert watcher.look(FULL).partitions == keys(1, 12)
    assert watcher.look().partitions == watcher.look(FULL).partitions == ()


def test_the_first_look_at_a_folder_that_is_not_there_finds_nothing(watcher: Watcher) -> None:
    assert watcher.look().partitions == ()
    watcher.land(*bills(1))
    found = watcher.look()
    assert found.partitions == keys(1)
    assert found.changed.keys() == set(bills(1))


def test_a_quick_look_lists_only_what_sorts_after_the_newest(watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    watcher.land(*bills(*range(100)))
    watcher.look()
    asked: list[tuple[str, str]] = []
    entries = LandingFolder.entries

    def listened(self: LandingFolder, prefix: str = "", after: str = "", until: str = "") -> object:
        asked.append((prefix, after))
        return entries(self, prefix, after, until)

    monkeypatch.setattr(LandingFolder, "entries", listened)
    watcher.look()
    assert asked == [("p/bills", "p/bills/079.parquet")]
    watcher.look(FULL)
    assert asked[1:] == [("p", "")]


def test_a_full_look_is_due_at_first_and_then_after_twenty_times_what_it_took() -> None:
    assert Watch().is_due(0)
    listed = Watch(listed=1000, listing_seconds=0.1)
    assert [listed.is_due(at) for at in (999, 1000, 1029, 1030)] == [True, False, False, True]
    slow = Watch(listed=1000, listing_seconds=60)
    assert [slow.is_due(at) for at in (1030, 2199, 2200)] == [False, False, True]


def test_when_the_newest_are_deleted_looks_go_on_from_those_that_are_left(watcher: Watcher) -> None:
    watcher.land(*bills(*range(100)))
    watcher.look()
    for name in bills(*range(50, 100)):
        watcher.landing.backend.delete(f"p/{name}")
    watcher.look(FULL)
    watcher.land(*bills(60))
    assert watcher.look().partitions == keys(60)


def test_patterns_of_one_folder_are_each_listed_after_their_own_newest(watcher: Watcher) -> None:
    watcher.files = ("in/a-{partition}", "in/b-{partition}")
    watcher.land(*(f"in/{kind}-{number:03d}" for kind in "ab" for number in range(40)))
    watcher.look()
    watcher.land("in/a-040")
    assert watcher.look().partitions == ("040",)


# ---------------------------------------------------------------- still being written


def touched(watcher: Watcher, name: str, seconds: float) -> None:
    """Let a file have been written so many seconds after the last look."""
    at = watcher.at.timestamp() + seconds
    os.utime(Path(watcher.landing.backend.url) / "p" / name, (at, at))


def test_a_file_that_was_written_just_now_is_told_of_when_it_has_settled(watcher: Watcher) -> None:
    watcher.look()
    watcher.land(*bills(1, 2))
    touched(watcher, bills(1)[0], QUICK - 1)
    touched(watcher, bills(2)[0], QUICK - 2)
    assert watcher.look().partitions == keys(2)
    assert watcher.look().partitions == keys(1)
    assert watcher.look().partitions == ()


def test_a_file_that_changes_all_the_time_is_told_of_only_when_it_is_left_alone(watcher: Watcher) -> None:
    for _ in range(20):
        watcher.land(*bills(1))
        touched(watcher, bills(1)[0], QUICK)
        assert watcher.look().partitions == ()
    assert watcher.look().partitions == keys(1)


def test_a_slow_writer_holds_nobody_up_and_is_not_forgotten(watcher: Watcher) -> None:
    watcher.look(FULL)
    seen: list[str] = []
    for number in range(1, 51):
        watcher.land(*bills(0, number))
        touched(watcher, bills(0)[0], QUICK)
        seen += watcher.look().partitions
    assert seen == list(keys(*range(1, 51)))
    assert watcher.look().partitions == keys(0)


def test_a_file_that_settles_is_found_by_a_quick_look_also_when_newer_ones_have_overtaken_it(watcher: Watcher) -> None:
    watcher.land(*bills(*range(100)))
    touched(watcher, bills(7)[0], QUICK)
    assert "007" not in watcher.look().partitions
    assert watcher.look().partitions == keys(7)


def test_a_clock_that_runs_ahead_blocks_a_file_for_one_look_only(watcher: Watcher) -> None:
    watcher.land(*bills(1))
    touched(watcher, bills(1)[0], 86_400)
    assert watcher.look().partitions == ()
    assert watcher.look().partitions == keys(1)
    assert watcher.version("001") is not None
    assert watcher.look(FULL).partitions == ()


def test_two_looks_in_quick_succession_do_not_settle_a_file(watcher: Watcher) -> None:
    watcher.land(*bills(1))
    touched(watcher, bills(1)[0], 86_400)
    assert watcher.look().partitions == watcher.look(0.5).partitions == watcher.look(0.5).partitions == ()
    assert watcher.look(1).partitions == keys(1)


def test_a_clock_that_is_set_back_blocks_nothing(watcher: Watcher) -> None:
    watcher.land(*bills(1))
    watcher.look()
    watcher.land(*bills(2))
    touched(watcher, bills(2)[0], QUICK)
    watcher.look()
    assert watcher.look(-7200).partitions == keys(2)
    watcher.land(*bills(0))
    touched(watcher, bills(0)[0], -7200)
    assert watcher.look().partitions == keys(0)


# ---------------------------------------------------------------- names


def test_what_no_pattern_fits_is_counted_and_shown_on_one_line(watcher: Watcher) -> None:
    watcher.land("bills/ü.parquet", "bills/2013%2F06.parquet", "bills/..parquet", "bills/deep/x.parquet")
    folder = Path(watcher.landing.backend.url) / "p" / "bills"
    for name in ("new\nline.parquet", "x.csv", os.fsdecode(b"\xff.parquet"), "a\\b.parquet", "x" * 150):
        (folder / name).write_bytes(b"x")
    found = watcher.look()
    assert found.partitions == (".", "2013%2F06", "ü")
    assert found.ignored == 6
    assert len(found.examples) == 3
    assert "'bills/new\\nline.parquet'" in found.examples
    assert all(len(example) < 90 and "\n" not in example for example in found.examples)
    assert watcher.look(FULL).partitions == ()
    assert watcher.version("2013%2F06")


@pytest.mark.parametrize(
    ("files", "names", "partitions"),
    [
        (("{partition}",), ("a", "b/c"), ("a",)),
        (("{partition}.parquet", "shops.parquet"), ("shops.parquet", "a.parquet"), ("a",)),
        (("x{partition}x",), ("xx", "x", "xax"), ("a",)),
        (("{partition}.p", "{partition}_extra.p"), ("a_extra.p",), ("a", "a_extra")),
        (("shops.parquet",), ("shops.parquet",), ()),
    ],
    ids=["a bare key", "a name for all is no key", "a key is not empty", "one file of two partitions", "no key at all"],
)
def test_the_key_is_what_stands_in_its_place(
    watcher: Watcher, files: tuple[str, ...], names: tuple[str, ...], partitions: tuple[str, ...]
) -> None:
    watcher.files = files
    watcher.land(*names)
    assert watcher.look().partitions == partitions


def test_a_watch_at_the_root_of_the_landing_folder_sees_everything_below(tmp_path: Path, store: Store) -> None:
    landing = open_landing(str(tmp_path / "landing"))
    landing.backend.replace("1.parquet", b"x")
    now = datetime.now(UTC) + timedelta(hours=1)
    found = watch.look(landing, "", ("{partition}.parquet",), Watch(), store=store, now=now)
    landing.backend.replace("2.parquet", b"x")
    again = watch.look(landing, "", ("{partition}.parquet",), found.watch, store=store, now=now)
    assert (found.partitions, again.partitions) == (("1",), ("2",))


# ---------------------------------------------------------------- partitions of several files


def test_a_partition_has_a_version_when_all_its_files_are_there(url: str) -> None:
    watcher = Watcher(open_landing(url), open_store("memory://"), TWO)
    versions = []
    for name in ("bills/1.parquet", "weather/1.parquet", "shops.parquet", "weather/1.parquet", "shops.parquet"):
        watcher.land(name)
        versions.append((watcher.look().partitions, watcher.version("1")))
    first = versions[2][1]
    assert versions[:3] == [(("1",), None), (("1",), None), (("1",), first)]
    assert first is not None
    assert versions[3][0] == ("1",)
    assert versions[3][1] not in (None, first)
    assert versions[4] == ((), versions[3][1])  # a file for all partitions is read with the next one


def test_a_partition_with_a_file_that_is_deleted_again_is_not_complete(watcher: Watcher) -> None:
    watcher.files = TWO
    watcher.land("shops.parquet", "bills/1.parquet", "weather/1.parquet")
    watcher.look()
    watcher.landing.backend.delete("p/weather/1.parquet")
    assert watcher.version("1") is None
    assert watcher.look().partitions == watcher.look(FULL).partitions == ()


def test_a_partition_has_no_version_while_a_file_of_it_is_written(watcher: Watcher) -> None:
    watcher.files = TWO
    watcher.land("shops.parquet", "bills/1.parquet", "weather/1.parquet")
    touched(watcher, "weather/1.parquet", -1)
    assert watcher.version("1") is None
    touched(watcher, "weather/1.parquet", -2)
    assert watcher.version("1") is not None


def test_when_a_file_for_all_partitions_appears_all_are_told_of(watcher: Watcher) -> None:
    watcher.files = TWO
    watcher.land(*bills(*range(100)))
    assert len(watcher.look().partitions) == 100
    watcher.land("shops.parquet")
    assert len(watcher.look().partitions) == 100
    assert watcher.look().partitions == ()
    watcher.landing.backend.delete("p/shops.parquet")
    assert watcher.look().partitions == ()
    watcher.land("shops.parquet")
    assert len(watcher.look().partitions) == 100


def test_partitions_wait_while_a_file_for_all_of_them_is_written_again(watcher: Watcher) -> None:
    watcher.files = TWO
    watcher.land("shops.parquet", *bills(1))
    watcher.look()
    for number in (2, 3):
        watcher.land("shops.parquet", *bills(number))
        touched(watcher, "shops.parquet", QUICK)
        assert watcher.look().partitions == ()
    assert watcher.look().partitions == keys(2, 3)
    assert watcher.look().partitions == ()


# ---------------------------------------------------------------- what is kept


def test_a_watch_stays_small_however_many_files_there_are(watcher: Watcher) -> None:
    sizes = []
    for start in range(0, 2000, 200):
        watcher.land(*(f"bills/{number:05d}.parquet" for number in range(start, start + 200)))
        assert len(watcher.look().partitions) == 200
        sizes.append(len(watcher.kept))
    assert max(sizes) < 6000
    assert watcher.look(FULL).partitions == ()
    assert len(watcher.kept) < 6000


def test_thousands_of_files_that_are_all_being_written_do_not_swell_the_watch(watcher: Watcher) -> None:
    names = [f"bills/{number:05d}.parquet" for number in range(300)]
    watcher.look()
    watcher.land(*names)
    for name in names:
        touched(watcher, name, QUICK)
    assert watcher.look().partitions == ()
    assert len(watcher.kept) < 6000
    assert len(watcher.look().partitions) == 300


def test_nothing_is_written_while_nothing_changes(watcher: Watcher, store: Store) -> None:
    watcher.land(*bills(*range(100)))
    watcher.look()
    before = store.backend.list("")
    for _ in range(3):
        watcher.look()
        watcher.look(FULL)
    assert store.backend.list("") == before


def test_many_small_additions_leave_few_pieces_in_the_index(watcher: Watcher) -> None:
    for start in range(0, 1500, 50):
        watcher.land(*(f"bills/{number:05d}.parquet" for number in range(start, start + 50)))
        watcher.look()
    pieces = Watch.from_json(json.loads(watcher.kept)).index
    assert 1 < len(pieces) < 6
    assert all(older.size >= 2 * newer.size for older, newer in itertools.pairwise(pieces))


def test_of_a_file_that_was_corrected_the_index_knows_the_last_version(watcher: Watcher) -> None:
    watcher.land(*bills(*range(100)))
    watcher.look()
    for _ in range(3):
        watcher.land(*bills(*range(60)))
        assert watcher.look(FULL).partitions == keys(*range(60))
    assert watcher.look(FULL).partitions == ()


def test_what_is_gone_for_good_is_forgotten(watcher: Watcher) -> None:
    for start in range(0, 400, 100):
        watcher.land(*bills(*range(start, start + 100)))
        watcher.look(FULL)
        for name in bills(*range(start, start + 90)):
            watcher.landing.backend.delete(f"p/{name}")
    watcher.look(FULL)
    seen = Watch.from_json(json.loads(watcher.kept))
    known = set(seen.recent).union(*(watcher.store.get(piece) for piece in seen.index))
    assert len(known) < 100
    watcher.land(*bills(400))
    assert watcher.look().partitions == keys(400)


@pytest.mark.parametrize("number", [5, 99], ids=["long ago", "among the newest"])
def test_a_file_that_was_deleted_is_found_again_when_the_very_same_is_put_back(watcher: Watcher, number: int) -> None:
    watcher.land(*bills(*range(100)))
    watcher.look()
    (file,) = (Path(watcher.landing.backend.url) / "p" / name for name in bills(number))
    file.rename(file.with_suffix(".away"))
    assert watcher.look(FULL).partitions == watcher.look(FULL).partitions == ()
    file.with_suffix(".away").rename(file)
    assert watcher.look(FULL).partitions == keys(number)
    assert watcher.look(FULL).partitions == ()


def test_a_folder_that_is_away_for_a_while_is_not_new_when_it_is_back(watcher: Watcher) -> None:
    watcher.land(*bills(*range(100)))
    watcher.look()
    root = Path(watcher.landing.backend.url)
    root.rename(root.with_name("away"))
    assert watcher.look(FULL).partitions == ()
    root.with_name("away").rename(root)
    assert watcher.look(FULL).partitions == ()


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_a_lost_index_makes_everything_new_once_and_says_so(watcher: Watcher, store: Store, damage: str) -> None:
    watcher.land(*bills(*range(100)))
    watcher.look()
    for key in store.backend.list("blobs"):
        store.backend.delete(key)
        if damage == "damaged":
            store.backend.put_new(key, b"other bytes")
    found = watcher.look(FULL)
    assert found.partitions == keys(*range(100))
    assert "so all of it counts as new: " in found.notes[0]
    assert watcher.look(FULL).partitions == ()
    assert watcher.look(FULL).notes == ()


GARBAGE = [
    None,
    [],
    "x",
    7,
    {},
    {"format": 2},
    {"format": 1, "novel": 1},
    {"format": 1, "recent": 3},
    {"format": 1, "unsettled": {"a": 1}},
    {"format": 1, "index": [{"codec": "json"}]},
    {"format": 1, "index": 7},
    {"format": 1, "listed": "yesterday"},
    {"format": 1, "elsewhere": {}},
]


@pytest.mark.parametrize("data", GARBAGE, ids=map(str, GARBAGE))
def test_what_is_no_watch_starts_a_new_one(data: object) -> None:
    assert Watch.from_json(data) == Watch()


def test_a_watch_comes_back_from_json_as_it_was(watcher: Watcher) -> None:
    watcher.files = TWO
    watcher.land(*bills(*range(100)), "shops.parquet")
    touched(watcher, bills(95)[0], QUICK)
    seen = replace(watcher.look().watch, receipts=("r",), held=("7",))
    assert seen.unsettled
    assert seen.index
    assert Watch.from_json(json.loads(json.dumps(seen.to_json()))) == seen


def test_a_watch_over_other_patterns_starts_anew(watcher: Watcher) -> None:
    watcher.land(*bills(1))
    watcher.look()
    watcher.files = TWO
    assert watcher.look().partitions == keys(1)

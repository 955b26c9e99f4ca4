from __future__ import annotations

import math

import pytest

from ml_assets.errors import CorruptBlob, RefMoved
from ml_assets.store import Copies, RefEntry, VersionKey, open_backend
from ml_assets.store.backends.listing import PAGE
from ml_assets.store.logs.log_folder import MARKED, End, LogFolder, is_mark
from ml_assets.store.logs.refs import RefLog, _to_bytes
from ml_assets_tests.doubles.bucket import Bucket

KEY = VersionKey("a/model", "2013-06", "0" * 64)
OTHER = VersionKey("a/model", "2013-06", "1" * 64)


def test_two_writers_never_write_the_same_entry_so_one_can_tell_that_it_lost() -> None:
    entry = RefEntry(1, KEY, by="ada", why="x", at="2013-07-01T00:00:00+00:00")
    assert _to_bytes(entry) != _to_bytes(entry)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"by":"ada"', b'"by":"eve"'), (b"0" * 64, b"1" * 64), (b'"n":1', b'"n":2')],
    ids=["by", "target", "n"],
)
def test_an_entry_that_was_rewritten_to_say_something_else_is_refused(old: bytes, new: bytes) -> None:
    backend = open_backend("memory://")
    log = RefLog(backend, "refs/main/a/model/2013-06", "The ref")
    log.append(0, KEY, by="ada", why="x", run=None, details={})
    (path,) = backend.list("refs")
    data = backend.get(path) or b""
    assert old in data
    backend.replace(path, data.replace(old, new))
    with pytest.raises(CorruptBlob, match="was changed after it was written"):
        log.head()


def test_an_entry_copied_to_another_number_is_refused() -> None:
    backend = open_backend("memory://")
    log = RefLog(backend, "refs/main/a/model/2013-06", "The ref")
    log.append(0, KEY, by="ada", why="x", run=None, details={})
    backend.put_new(f"{log.folder}/0000000002.json", backend.get(f"{log.folder}/0000000001.json") or b"")
    with pytest.raises(CorruptBlob, match=r"0000000002\.json was changed"):
        log.head()


FOLDER = "refs/main/a/model/2013-06"


def filled(numbers: range | set[int], bucket: Bucket | None = None) -> Bucket:
    """A bucket with a log that has these entries."""
    bucket = bucket or Bucket()
    for n in numbers:
        entry = RefEntry(n, KEY, by="ada", why=f"move {n}", at="2013-07-01T00:00:00+00:00")
        bucket.objects[f"{FOLDER}/{n:010d}.json"] = (_to_bytes(entry), 0.0)
    bucket.asked.clear()
    return bucket


def head(bucket: Bucket) -> int:
    found = RefLog(bucket, FOLDER, "The ref").head()
    return found.n if found else 0


@pytest.mark.parametrize(
    "length", [0, 1, 2, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 2 * PAGE + 1, 3 * PAGE + 7, 23 * PAGE + 1]
)
def test_the_head_of_a_log_is_found_in_few_requests_however_long_it_is(length: int) -> None:
    bucket = filled(range(1, length + 1))
    assert head(bucket) == length
    pages = max(1.0, length / PAGE)
    assert len(bucket.asked) <= 2 + (4 * math.ceil(math.log2(pages)) + 6 if length >= PAGE else 0)


@pytest.mark.parametrize("length", [10, 1_000, 10_000, 1_234_567])
def test_a_head_is_read_and_moved_in_a_few_requests_however_long_the_log_is(length: int) -> None:
    bucket = filled(range(max(1, length - 3 * MARKED), length + 1))  # as if of the older ones none was ever asked for
    for n in range(MARKED, length, MARKED):
        LogFolder(bucket, FOLDER).mark(End(), n)
    bucket.asked.clear()
    assert head(bucket) == length
    assert bucket.requests["list"] <= 2
    assert len(bucket.asked) <= 3
    bucket.asked.clear()
    log = RefLog(bucket, FOLDER, "The ref")
    assert log.append(length, OTHER, by="ada", why="x", run=None, details={}).n == length + 1
    assert len(bucket.asked) <= 4
    assert log.advance(KEY, by="ada", why="x", run=None).n == length + 2
    assert head(bucket) == length + 2


def test_the_next_writer_makes_up_for_marks_that_a_store_of_before_does_not_have() -> None:
    bucket = filled(range(1, 10_001))
    assert len([head(bucket), *bucket.asked]) > 10
    RefLog(bucket, FOLDER, "The ref").advance(OTHER, by="ada", why="x", run=None)
    bucket.asked.clear()
    assert head(bucket) == 10_001
    assert len(bucket.asked) == 3


def test_every_writer_that_passes_a_mark_leaves_it() -> None:
    bucket = filled(range(1, MARKED))
    log = RefLog(bucket, FOLDER, "The ref")
    for n in range(MARKED, 2 * MARKED + 2):
        log.append(n - 1, KEY, by="ada", why="x", run=None, details={})
    marks = [key for key in bucket.objects if is_mark(key)]
    assert marks == [f"{FOLDER}/!9999999998.json", f"{FOLDER}/!9999999997.json"]


@pytest.mark.parametrize("length", [1, 3 * PAGE])
def test_a_mark_of_a_log_that_is_gone_misleads_nobody(length: int) -> None:
    bucket = filled(range(1, length + 1))
    for n in range(MARKED, PAGE * MARKED, MARKED):  # so many that they fill the first page
        LogFolder(bucket, FOLDER).mark(End(), 10 * PAGE + n)
    assert head(bucket) == length
    assert RefLog(bucket, FOLDER, "The ref").advance(OTHER, by="ada", why="x", run=None).n == length + 1


def test_a_mark_is_made_before_the_entry_so_that_no_move_fails_after_it_landed() -> None:
    bucket = filled(range(1, MARKED + 1))
    RefLog(bucket, FOLDER, "The ref").advance(OTHER, by="ada", why="x", run=None)
    puts = [asked for asked in bucket.asked if asked.startswith("put")]
    assert puts == [f"put {FOLDER}/!9999999998.json", f"put {FOLDER}/0000000501.json"]


@pytest.mark.parametrize(
    "lost", [{1}, {PAGE}, {*range(2, PAGE + 500)}, {*range(1, 5 * PAGE)}], ids=["1", "a page", "many", "all but"]
)
def test_entries_that_a_power_cut_took_do_not_hide_the_end_of_a_log(lost: set[int]) -> None:
    assert head(filled({*range(1, 5 * PAGE + 3)} - lost)) == 5 * PAGE + 2


def test_who_has_seen_the_end_of_a_log_asks_once_whether_it_is_still_there() -> None:
    bucket, ends = filled(range(1, 5 * PAGE)), dict[str, End]()
    log = RefLog(bucket, FOLDER, "The ref", Copies(bucket.url), ends)
    log.head()
    for moves in (0, 1, 3):
        filled(range(5 * PAGE, 5 * PAGE + moves), bucket)
        assert log.head().n == 5 * PAGE - 1 + moves  # type: ignore[union-attr]
        assert bucket.requests["list"] == 1
        assert bucket.requests["get"] <= 1


def test_logs_of_an_asset_that_is_called_like_the_partition_do_not_hide_the_end() -> None:
    bucket = filled(range(1, 4))
    for n in range(2 * PAGE):
        bucket.objects[f"{FOLDER}/0000-{n:05d}/0000000001.json"] = (b"another log", 0.0)
    assert head(bucket) == 3


def test_all_entries_are_read_side_by_side_and_by_the_next_one_not_at_all() -> None:
    bucket = filled(range(1, 31))
    copies = Copies(bucket.url)
    for fetched in (30, 0):
        bucket.asked.clear()
        assert [entry.n for entry in RefLog(bucket, FOLDER, "The ref", copies).entries()] == list(range(1, 31))
        assert bucket.requests == {"list": 1, **({"get": fetched} if fetched else {})}


def test_a_young_log_is_written_without_a_look_and_one_that_has_entries_all_the_same_is_not_overwritten() -> None:
    bucket = Bucket()
    told = {"by": "ada", "why": "x", "run": None}
    young = RefLog(bucket, FOLDER, "The ref", is_young=True)
    assert young.advance(KEY, **told).n == 1  # type: ignore[arg-type]
    assert bucket.asked == [f"put {FOLDER}/0000000001.json"]
    other = VersionKey("a/model", "2013-06", "1" * 64)
    for _ in range(2):  # the second time it is the newest already
        assert RefLog(bucket, FOLDER, "The ref", is_young=True).advance(other, **told).n == 2  # type: ignore[arg-type]


def test_who_expects_an_end_that_was_moved_is_told_although_it_was_seen_before() -> None:
    bucket = filled(range(1, 3))
    log = RefLog(bucket, FOLDER, "The ref")
    assert log.last() == 2
    filled({3}, bucket)
    with pytest.raises(RefMoved, match=r"The ref is at entry 3, .* expected entry 2"):
        log.append(2, KEY, by="ada", why="x", run=None, details={})
    log.append(3, KEY, by="ada", why="x", run=None, details={})
    assert head(bucket) == 4

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest

from ml_assets.computation.answered import ANSWERS, BATCH
from ml_assets.errors import UsageError
from ml_assets.lineage.answers import BRANCH, FIRST, LAST, answers_between, day_and_line, place
from ml_assets.store import Manifest, Store, open_store

MIDNIGHT = datetime(2026, 12, 1, tzinfo=UTC)
LINE = "south/east"


def enter(store: Store, name: str, *minutes: int, line: str | None = LINE) -> None:
    """A batch, answered so many minutes after midnight."""
    at = [MIDNIGHT + timedelta(minutes=n) for n in minutes]
    notes = {FIRST: at[0].isoformat(), LAST: at[-1].isoformat()}
    frame = pd.DataFrame({"answered_at": pd.Series(at).dt.as_unit("us"), "minute": minutes})
    manifest = Manifest(f"ice_cream/{ANSWERS}", place(at[0], line), store.put(frame), notes=notes)
    key, head = store.commit(manifest), store.head(manifest.asset, manifest.partition)
    number = head.n if head and head.details[BRANCH] == store.branch else 0
    details = {BATCH: name, BRANCH: store.branch}
    store.move(manifest.asset, manifest.partition, key, expected=number, why="for a test", details=details)


def minutes(store: Store, start: int, end: int, line: str | None = LINE) -> list[list[int]]:
    first, last = (MIDNIGHT + timedelta(minutes=n) for n in (start, end))
    return [frame["minute"].tolist() for frame in answers_between(store, "ice_cream", line, first, last)]


def test_rows_between_two_times_come_day_after_day_of_one_line_and_no_batch_twice(tmp_path):
    store = open_store(str(tmp_path))
    enter(store, "late", -5, -1)
    enter(store, "first", 0, 7)
    enter(store, "second", 3, 9)
    enter(store, "first", 0, 7)  # entered again, by whoever writes logs otherwise
    enter(store, "other", 4, line="north")
    branch = store.on("try")
    enter(branch, "of the branch", 5)

    assert minutes(store, -60, 60) == [[-5, -1], [0, 7], [3, 9]]
    assert minutes(store, -1, 7) == [[-1], [0], [3]]  # the end is not in it
    assert minutes(store, 10, 10_000) == [] == minutes(store, 0, 60, line=None)
    assert minutes(branch, 0, 8) == [[0, 7], [3], [5]] and minutes(store, 4, 5, "north") == [[4]]


def test_a_day_is_that_of_utc_and_a_time_without_a_zone_is_refused(tmp_path):
    evening = datetime(2026, 11, 30, 23, 30, tzinfo=timezone(timedelta(hours=-5)))

    assert day_and_line(place(evening, LINE)) == ("2026-12-01", LINE) and day_and_line(place(evening, None))[1] is None
    with pytest.raises(UsageError, match="A time without a zone"):
        next(answers_between(open_store(str(tmp_path)), "ice_cream", None, datetime(2026, 1, 1), MIDNIGHT))

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml_assets.evaluation.checks import keys_there, rows_dated
from ml_assets.problem import Partition

FEBRUARY = Partition("2024-02", datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC))
WITHIN = ["2024-02-01", "2024-02-29T23:59:59.999999"]


def instants(values, unit="us", zone="UTC"):
    return pd.Series(pd.to_datetime(values, utc=True, format="ISO8601")).dt.as_unit(unit).dt.tz_convert(zone)


GOOD = {
    "microseconds in UTC": instants(WITHIN),
    "seconds in UTC": instants(WITHIN, "s"),
    "nanoseconds in New York": instants(WITHIN, "ns", "America/New_York"),
    "Arrow's": instants(WITHIN).astype(pd.ArrowDtype(pa.timestamp("us", "UTC"))),
    "none at all": instants([None, None]),
    "the year 9999": instants(["9999-12-31", "2024-02-01"]),
}
BAD = {
    "without a zone": instants(WITHIN).dt.tz_localize(None),
    "Arrow's without a zone": instants(WITHIN).dt.tz_localize(None).astype(pd.ArrowDtype(pa.timestamp("us"))),
    "text": pd.Series(WITHIN),
    "numbers": pd.Series([1, 2]),
    "dates": pd.Series([datetime(2024, 2, 1).date()] * 2),
}


@pytest.mark.parametrize("times", GOOD.values(), ids=GOOD)
def test_times_with_a_zone_are_instants(times):
    assert keys_there(pd.DataFrame({"id": ["a", "b"], "y": 1.0, "at": times}), "id", "y", "at").passed


@pytest.mark.parametrize("times", BAD.values(), ids=BAD)
def test_what_is_no_instant_is_refused(times):
    found = keys_there(pd.DataFrame({"id": ["a", "b"], "y": 1.0, "at": times}), "id", "y", "at")
    assert (found.name, found.passed, found.blocking) == ("keys", False, True)
    assert "no time with a zone" in found.description


def look(at, label=None, known=None, partition=FEBRUARY, **how):
    frame = pd.DataFrame({"id": [f"r{k}" for k in range(len(at))], "at": at})
    frame["y"] = 1.0 if label is None else label
    if known is not None:
        frame["known"] = known
    columns = {"event_time": "at", "label_time": None if known is None else "known"}
    return rows_dated(frame, partition, entity="id", label="y", **columns, **how)


@pytest.mark.parametrize("times", [GOOD[name] for name in list(GOOD)[:4]], ids=list(GOOD)[:4])
def test_a_partition_holds_its_beginning_and_not_its_end(times):
    found = look(times)
    assert (found.passed, found.blocking) == (True, False)
    assert found.description == "All 2 rows are dated within 2024-02 (2024-02-01 00:00 to 2024-03-01 00:00 UTC)."


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        (["2024-01-31T23:59:59", "2024-02-01"], (1, 0)),
        (["2024-03-01", "2024-02-29"], (1, 0)),
        (["2024-02-29T23:00:00-05:00", "2024-02-01"], (1, 0)),
        (["1970-01-01", "9999-12-31"], (2, 0)),
        ([None, "2024-02-01"], (0, 1)),
        ([None, None], (0, 2)),
        ([None, "2025-02-01"], (1, 1)),
    ],
    ids=["a minute early", "at the end", "late in New York", "far away", "not dated", "none dated", "both"],
)
@pytest.mark.parametrize("kind", ["datetime64", "arrow"])
def test_rows_that_are_dated_outside_or_not_at_all_are_counted_and_never_block(at, counts, kind):
    times = instants(at) if kind == "datetime64" else instants(at).astype(pd.ArrowDtype(pa.timestamp("us", "UTC")))
    found = look(times)
    assert (found.name, found.passed, found.blocking) == ("dated", False, False)
    assert (found.metadata["outside"], found.metadata["undated"]) == counts
    assert json.loads(json.dumps(found.metadata)) == found.metadata


def test_what_is_said_names_a_row_its_time_and_what_follows():
    found = look(instants(["2024-01-31T23:59:00", "2024-02-03"]))
    assert found.description == (
        "Of 2 rows 1 are dated outside of 2024-02 (2024-02-01 00:00 to 2024-03-01 00:00 UTC), such as r0 at "
        "2024-01-31 23:59:00+00:00. What is dated outside or not at all is scored, and neither trains nor judges."
    )


def test_a_label_that_does_not_say_since_when_it_is_known_is_counted():
    found = look(instants(["2024-02-02"] * 3), label=[1.0, np.nan, 0.0], known=instants([None, None, "2024-02-05"]))
    assert (found.passed, found.metadata["label_not_dated"]) == (False, 1)
    assert "1 have a label and no 'known', and never fit or choose" in found.description


def test_where_partitions_are_no_spans_of_time_nothing_is_dated():
    assert look(instants(["1970-01-01"]), partition=Partition("north")).passed


def test_rows_of_before_are_no_fault_where_they_may_land_again_and_those_of_later_are():
    found = look(instants(["2024-01-31", "2024-02-03"]), may_restate=True)
    assert (found.passed, found.metadata["earlier"], found.metadata["outside"]) == (True, 1, 0)
    assert found.description.endswith(", but for 1 of before, which count in windows that hold their time.")
    later = look(instants(["2024-01-31", "2024-03-03"]), may_restate=True)
    assert (later.passed, later.metadata["earlier"], later.metadata["outside"]) == (False, 1, 1)

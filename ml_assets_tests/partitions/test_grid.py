"""Months by something else: keys, lines through time, names of files, ranges."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import InvalidProblem, UsageError
from ml_assets.partitions.grid import LONGEST_VALUE_BYTES
from ml_assets.problem import Daily, Dynamic, Grid, Monthly, Partitions, Static, files_of, shared_files_of
from ml_assets.store.keys import LONGEST_SEGMENT, escape
from ml_assets_tests.doubles import parasols, umbrellas

AIRPORTS = ("EWR", "JFK", "LGA")
BY_ORIGIN = Grid(Monthly("2013-01", "2014-01"), by="origin", values=AIRPORTS)
BY_AIRLINE = Grid(Daily("2013-01-01", "2013-02-01"), by="airline", values=("UA", "AA"))
EACH = pytest.mark.parametrize("grid", [BY_ORIGIN, BY_AIRLINE], ids=["time first", "value first"])


def test_a_key_names_both_in_the_alphabetical_order_of_what_they_are():
    assert BY_ORIGIN.keys()[:4] == ["2013-01|EWR", "2013-01|JFK", "2013-01|LGA", "2013-02|EWR"]
    assert BY_AIRLINE.keys()[:3] == ["UA|2013-01-01", "AA|2013-01-01", "UA|2013-01-02"]


def test_a_partition_covers_its_month_and_says_what_it_is_of():
    may = BY_ORIGIN.partition("2013-05|JFK")
    assert (may.start, may.end) == (datetime(2013, 5, 1, tzinfo=UTC), datetime(2013, 6, 1, tzinfo=UTC))
    assert may.values == {"month": "2013-05", "origin": "JFK"}
    assert BY_AIRLINE.partition("AA|2013-01-02").values == {"day": "2013-01-02", "airline": "AA"}
    assert Monthly("2013-01").partition("2013-05").values == {}


@EACH
def test_a_key_is_taken_apart_into_what_it_was_made_of(grid: Grid):
    for key in grid.keys():  # noqa: SIM118
        assert grid.key(*grid.parts(key)) == key
        assert grid.has(key)


@EACH
def test_dagster_writes_the_same_keys(grid: Grid):
    from ml_assets.orchestration.partitions import partitions_definition

    definition = partitions_definition(replace(parasols.PROBLEM, partitions=grid, files=()))
    assert set(definition.get_partition_keys()) == set(grid.keys())
    assert (
        partitions_definition(replace(parasols.PROBLEM, partitions=BY_ORIGIN, files=())).get_tags_for_partition_key(
            "2013-05|JFK"
        )
    ) == {
        "dagster/partition": "2013-05|JFK",
        "dagster/partition/month": "2013-05",
        "dagster/partition/origin": "JFK",
    }


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("2013-05", "Partition '2013-05' is not written YYYY-MM|ORIGIN."),
        ("2013-05|EWR|JFK", "Partition '2013-05|EWR|JFK' is not written YYYY-MM|ORIGIN."),
        ("2013-05|SFO", "Partition '2013-05|SFO' has no origin of EWR, JFK, LGA."),
        ("2013-13|EWR", "Partition '2013-13' is not written YYYY-MM."),
        ("EWR|2013-05", "Partition 'EWR|2013-05' has no origin of EWR, JFK, LGA."),
    ],
)
def test_what_is_no_partition_is_refused(key: str, message: str):
    with pytest.raises(InvalidProblem) as refused:
        BY_ORIGIN.partition(key)
    assert str(refused.value) == message
    assert not BY_ORIGIN.has(key)


def test_a_month_before_the_first_or_after_the_last_is_no_partition():
    assert not BY_ORIGIN.has("2012-12|EWR")
    assert not BY_ORIGIN.has("2014-01|EWR")


@pytest.mark.parametrize("by", ["month", "partition", "air port", ""])
def test_a_grid_needs_a_name_for_its_values(by: str):
    with pytest.raises(InvalidProblem, match="needs another name"):
        Grid(Monthly("2013-01"), by=by, values=AIRPORTS)
    assert Grid(Daily("2013-01-01"), by="month", values=AIRPORTS).dimensions == ("day", "month")


@pytest.mark.parametrize(
    "values", [(), ("a", "a"), "EWR", ("a|b",), ("a,b",), ("a/b",), ("a..b",), ("x" * 61,)], ids=repr
)
def test_values_that_dagster_the_store_or_a_range_could_not_hold_are_refused(values: tuple[str, ...]):
    with pytest.raises(
        InvalidProblem, match=r"Grid values .* cannot be\. Give a tuple of at least one value, each once"
    ):
        Grid(Monthly("2013-01"), by="origin", values=values)


def test_the_longest_value_fits_into_a_key_of_the_store():
    longest = "é" * (LONGEST_VALUE_BYTES // 2)
    (key,) = Grid(Daily("2013-01-01", "2013-01-02"), by="origin", values=(longest,)).keys()
    assert len(escape(key)) <= LONGEST_SEGMENT


# ---------------------------------------------------------------- lines


@EACH
@given(at=st.integers(0, 30), size=st.integers(1, 9), value=st.integers(0, 1))
def test_a_window_is_that_of_the_time_within_one_value(grid: Grid, at: int, size: int, value: int):
    times = grid.time.keys()
    time, of = times[at % len(times)], grid.values[value]
    key = grid.key(time, of)
    assert grid.window(key, size) == [grid.key(each, of) for each in grid.time.window(time, size)]
    assert grid.window(key, size) == sorted(grid.window(key, size)), "keys of a line sort by time"
    assert {grid.line(each) for each in grid.window(key, size)} == {of}


KINDS: list[tuple[Partitions, str, str | None, str | None, list[str]]] = [
    (Monthly("2013-01", "2013-04"), "2013-02", None, "2013-01", []),
    (Static(("north", "south")), "south", "south", None, ["north", "south"]),
    (Dynamic(), "shop", "shop", None, []),
    (BY_ORIGIN, "2013-02|JFK", "JFK", "2013-01|JFK", ["EWR", "JFK", "LGA"]),
    (BY_ORIGIN, "2013-01|JFK", "JFK", None, ["EWR", "JFK", "LGA"]),
    (BY_AIRLINE, "AA|2013-01-02", "AA", "AA|2013-01-01", ["UA", "AA"]),
]


@pytest.mark.parametrize(("partitions", "key", "line", "before", "lines"), KINDS, ids=str)
def test_every_kind_says_what_shares_a_champion_and_what_came_before(partitions, key, line, before, lines):
    assert partitions.line(key) == line
    assert partitions.previous(key) == before
    assert partitions.lines() == lines


def test_a_key_left_from_before_there_was_a_grid_is_in_a_line_of_its_own():
    assert BY_ORIGIN.line("2013-05") == "2013-05"


@EACH
def test_partitions_are_made_in_the_order_of_time(grid: Grid):
    times = [grid.parts(key)[0] for key in grid.in_order(reversed(grid.keys()))]
    assert times == sorted(times)


# ---------------------------------------------------------------- names of files


def test_a_file_of_a_month_is_that_of_each_of_its_partitions():
    problem = replace(parasols.PROBLEM, files=("visits/{month}.parquet", "till/{month}-{shop}.csv", "shops.csv"))
    assert files_of(problem, "2024-02|west") == ["parasols/visits/2024-02.parquet", "parasols/till/2024-02-west.csv"]
    assert shared_files_of(problem) == ["parasols/shops.csv"]


@pytest.mark.parametrize(
    ("found", "partitions"),
    [
        ({"partition": "2013-02|JFK"}, ["2013-02|JFK"]),
        ({"month": "2013-02", "origin": "JFK"}, ["2013-02|JFK"]),
        ({"month": "2013-02"}, ["2013-02|EWR", "2013-02|JFK", "2013-02|LGA"]),
        ({"origin": "JFK"}, [f"{month}|JFK" for month in BY_ORIGIN.time.keys()]),  # noqa: SIM118
    ],
    ids=str,
)
def test_a_file_belongs_to_every_partition_that_its_name_fits(found: dict[str, str], partitions: list[str]):
    assert BY_ORIGIN.named(found) == partitions


@pytest.mark.parametrize(
    "name", ["{mouth}.parquet", "{branch}.parquet", "{month}/{shop}.parquet", "{month}-{month}.parquet", "../{month}"]
)
def test_a_name_of_a_file_that_stands_for_nothing_is_refused_with_what_there_is(name: str):
    with pytest.raises(InvalidProblem) as refused:
        replace(parasols.PROBLEM, files=(name,))
    assert str(refused.value) == (
        f"Problem 'parasols': {name!r} in files must be a path with {{partition}} or {{month}} or {{shop}} at most once, in "
        "its last part, or in the last one before those with '*': 'bills/{partition}.parquet'."
    )


def test_only_a_grid_has_more_places_than_that_of_the_key():
    with pytest.raises(InvalidProblem, match=r"must be a path with \{partition\} at most once"):
        replace(umbrellas.PROBLEM, files=("visits/{month}.parquet",))


# ---------------------------------------------------------------- ranges

MONTHS = Grid(Monthly("2013-01", "2013-05"), by="origin", values=("EWR", "JFK"))
DAYS = Grid(Daily("2013-01-01", "2013-01-04"), by="airline", values=("UA", "AA"))


@pytest.mark.parametrize(
    ("grid", "first", "last", "chosen"),
    [
        (MONTHS, "2013-02", "2013-03", ["2013-02|EWR", "2013-02|JFK", "2013-03|EWR", "2013-03|JFK"]),
        (MONTHS, "2013-02|JFK", "2013-03|JFK", ["2013-02|JFK", "2013-03|JFK"]),
        (MONTHS, "2013-02|JFK", "2013-03", ["2013-02|JFK", "2013-03|JFK"]),
        (MONTHS, "2013-03|EWR", None, ["2013-03|EWR", "2013-04|EWR"]),
        (MONTHS, None, "2013-01|JFK", ["2013-01|JFK"]),
        (MONTHS, "2013-04", "2013-04", ["2013-04|EWR", "2013-04|JFK"]),
        (MONTHS, None, None, MONTHS.keys()),
        (DAYS, "UA|2013-01-02", None, ["UA|2013-01-02", "UA|2013-01-03"]),
        (DAYS, "2013-01-03", None, ["UA|2013-01-03", "AA|2013-01-03"]),
    ],
    ids=str,
)
def test_a_range_is_of_one_value_where_an_end_names_it_and_of_all_otherwise(grid, first, last, chosen):
    assert grid.between(grid.keys(), first, last) == chosen


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (
            "2013-01|EWR",
            "2013-03|JFK",
            "2013-01|EWR..2013-03|JFK begins in one origin and ends in another. Write 2013-01|EWR..2013-03|EWR for EWR "
            "alone, 2013-01..2013-03 for all.",
        ),
        ("2013-03", "2013-02", "2013-02 comes before 2013-03. Write the earlier partition first."),
        ("2013-01|SFO", None, "There is no partition '2013-01|SFO'. There are 8, from 2013-01|EWR to 2013-04|JFK."),
        ("2015-01", None, "There is no partition '2015-01'. There are 8, from 2013-01|EWR to 2013-04|JFK."),
    ],
    ids=["two values", "backwards", "no such value", "no such month"],
)
def test_a_range_that_makes_no_sense_says_how_to_write_it(first, last, message):
    with pytest.raises(UsageError) as refused:
        MONTHS.between(MONTHS.keys(), first, last)
    assert str(refused.value) == message

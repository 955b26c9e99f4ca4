"""Spans of time by the clock of a zone, through the nights on which it is put forward or back. Dagster cuts the same ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import available_timezones

import dagster as dg
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ml_assets.errors import InvalidProblem
from ml_assets.orchestration.partitions import partitions_definition, previous_mapping, window_mapping
from ml_assets.partitions.calendar import WEEKDAYS, Calendar
from ml_assets.problem import Daily, Grid, Hourly, Weekly, files_of
from ml_assets.store.keys import escape, unescape
from ml_assets.store.landing.watch.files import Files
from ml_assets_tests.doubles import parasols, umbrellas

ZONES = st.sampled_from(sorted(available_timezones()))
DAYS = st.dates(date(2013, 1, 1), date(2037, 12, 1))
NIGHTS = [  # on which clocks are put forward or back
    ("America/New_York", date(2024, 3, 10)),
    ("America/New_York", date(2024, 11, 3)),
    ("Europe/Berlin", date(2024, 3, 31)),
    ("Europe/Berlin", date(2024, 10, 27)),
    ("America/Havana", date(2024, 3, 10)),  # at midnight
    ("America/Havana", date(2024, 11, 3)),
    ("Africa/Casablanca", date(2024, 3, 10)),  # Ramadan
    ("Asia/Kolkata", date(2024, 3, 10)),  # never, and half an hour beside UTC
]
LONG_AGO = datetime(2050, 1, 1, tzinfo=UTC)


def nights(test):
    for zone, day in NIGHTS:
        test = example(zone, day)(test)
    return settings(deadline=None, max_examples=60)(given(zone=ZONES, day=DAYS)(test))


def hours_around(zone: str, day: date) -> Hourly:
    try:
        return Hourly(f"{day - timedelta(days=1)}T00", f"{day + timedelta(days=2)}T00", zone=zone)
    except InvalidProblem:  # held by a test below
        assume(False)
        raise


def weeks_around(zone: str, day: date, begins_on: str) -> Weekly:
    since = day - timedelta(days=(day.weekday() - WEEKDAYS.index(begins_on)) % 7)
    return Weekly(str(since - timedelta(weeks=2)), str(since + timedelta(weeks=3)), zone=zone, begins_on=begins_on)


def dagsters(partitions: Calendar) -> dg.TimeWindowPartitionsDefinition:
    definition = partitions_definition(replace(umbrellas.PROBLEM, partitions=partitions))
    assert isinstance(definition, dg.TimeWindowPartitionsDefinition)
    return definition


def assert_dagster_cuts_the_same(partitions: Calendar) -> None:
    definition, keys = dagsters(partitions), partitions.keys(LONG_AGO)
    assert list(definition.get_partition_keys(LONG_AGO)) == keys
    for key in keys:
        window, span = definition.time_window_for_partition_key(key), partitions.partition(key)
        assert (window.start.timestamp(), window.end.timestamp()) == (span.start.timestamp(), span.end.timestamp())


# ---------------------------------------------------------------- hours


@nights
def test_hours_tile_time_and_their_keys_are_unique_and_sort_by_it(zone, day):
    hours = hours_around(zone, day)
    keys = hours.keys(LONG_AGO)
    spans = [hours.partition(key) for key in keys]
    assert keys == sorted(set(keys))
    assert all(one.end == other.start for one, other in pairwise(spans))
    assert {one.end - one.start for one in spans} <= {timedelta(hours=1)}


@nights
def test_dagster_cuts_the_same_hours(zone, day):
    assert_dagster_cuts_the_same(hours_around(zone, day))


@nights
def test_windows_of_hours_go_over_a_change_of_the_clock(zone, day):
    hours = hours_around(zone, day)
    keys = hours.keys(LONG_AGO)
    for n, key in enumerate(keys):
        assert hours.has(key)
        assert hours.window(key, 5) == keys[max(0, n - 4) : n + 1]
        assert hours.previous(key) == (keys[n - 1] if n else None)


@pytest.mark.parametrize(
    ("day", "keys"),
    [
        ("2024-03-10", ["2024-03-10T00", "2024-03-10T01", "2024-03-10T03"]),
        ("2024-11-03", ["2024-11-03T00", "2024-11-03T01", "2024-11-03T01-0500", "2024-11-03T02"]),
    ],
    ids=["an hour that does not occur", "an hour that occurs twice"],
)
def test_each_hour_is_one_key(day, keys):
    hours = Hourly(f"{day}T00", zone="America/New_York")
    end = hours.partition(keys[-1]).end
    assert hours.keys(end) == keys
    assert [place.start.hour for place in map(hours.partition, keys)] == list(range(5 - (day > "2024-06"), 9))[
        : len(keys)
    ]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("2024-03-10T02", "is no hour by the clock of America/New_York. Write 2024-03-10T03 for what is meant."),
        ("2024-11-03T01-0400", "is no hour by the clock of America/New_York. Write 2024-11-03T01 for what is meant."),
        (
            "2024-11-03T06+0000",
            "is no hour by the clock of America/New_York. Write 2024-11-03T01-0500 for what is meant.",
        ),
        ("2024-11-03 01", "is not written YYYY-MM-DDTHH."),
        ("2024-11-03T1", "is not written YYYY-MM-DDTHH."),
        ("2024-11-03T01:30", "is not written YYYY-MM-DDTHH."),
        ("2024-11-03", "is not written YYYY-MM-DDTHH."),
    ],
)
def test_what_is_no_hour_is_refused_with_how_to_write_it(key, message):
    hours = Hourly("2024-01-01T00", zone="America/New_York")
    with pytest.raises(InvalidProblem) as refused:
        hours.partition(key)
    assert str(refused.value) == f"Partition {key!r} {message}"
    assert not hours.has(key)


def test_the_first_hour_and_the_last_may_be_a_repeated_one():
    first, second = "2024-11-03T01", "2024-11-03T01-0500"
    assert Hourly(second, zone="America/New_York").keys(datetime(2024, 11, 3, 8, tzinfo=UTC))[0] == second
    assert not Hourly(second, zone="America/New_York").has(first)
    assert Hourly(first, second, zone="America/New_York").keys() == [first]
    assert Hourly(second, zone="America/New_York").window("2024-11-03T02", 5) == [second, "2024-11-03T02"]
    for ends in ((second, None), (first, second)):
        assert_dagster_cuts_the_same(Hourly(ends[0], ends[1] or "2024-11-03T05", zone="America/New_York"))


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "Antarctica/Troll"], ids=["half an hour", "two hours"])
def test_a_clock_by_which_hours_cannot_be_told_apart_is_refused(zone):
    with pytest.raises(InvalidProblem, match="Leave zone out: hours of UTC are the same everywhere"):
        Hourly("2024-01-01T00", zone=zone)
    assert Daily("2024-01-01", zone=zone).keys()
    assert Weekly("2024-01-01", zone=zone).keys()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_last_hours_that_there_can_be_are_told_or_refused(zone):
    assert Hourly("9998-12-31T22", "9998-12-31T23", zone=zone).has("9998-12-31T22")
    for key in ("9999-12-31T23", "0001-01-01T00", "9999-12-31T23+0000"):
        with pytest.raises(InvalidProblem, match="is not written YYYY-MM-DDTHH"):
            Hourly(key, zone=zone)


def test_hours_that_go_on_hold_those_wanted_ahead_as_dagster_has_them():
    hours, now = Hourly("2024-11-03T00", ahead=2, zone="America/New_York"), datetime(2024, 11, 3, 6, 30, tzinfo=UTC)
    assert hours.keys(now) == ["2024-11-03T00", "2024-11-03T01", "2024-11-03T01-0500", "2024-11-03T02"]
    assert list(dagsters(hours).get_partition_keys(now)) == hours.keys(now)


@pytest.mark.parametrize("ahead", [0, 1, 3])
@pytest.mark.parametrize("end", [None, "2024-11-03T04"])
def test_whether_an_hour_is_there_yet_is_told_without_counting_all_of_them(ahead, end):
    hours = Hourly("2024-11-02T22", end, ahead, zone="America/New_York")
    grid = Grid(hours, by="shop", values=("east",))
    every = Hourly("2024-11-02T22", end or "2024-11-03T09", zone="America/New_York").keys(LONG_AGO)
    for minutes in range(0, 12 * 60, 30):
        now = datetime(2024, 11, 3, 1, tzinfo=UTC) + timedelta(minutes=minutes)
        assert [key for key in every if hours.is_there(key, now)] == [key for key in hours.keys(now) if key in every]
        assert [grid.is_there(f"{key}|east", now) for key in every] == [hours.is_there(key, now) for key in every]


# ---------------------------------------------------------------- weeks


@pytest.mark.parametrize("begins_on", WEEKDAYS)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Australia/Lord_Howe"])
def test_dagster_cuts_the_same_weeks(zone, begins_on):
    for day in (date(2024, 3, 10), date(2024, 4, 7), date(2024, 10, 6), date(2024, 11, 3)):
        assert_dagster_cuts_the_same(weeks_around(zone, day, begins_on))


@settings(deadline=None, max_examples=60)
@given(zone=ZONES, day=DAYS, begins_on=st.sampled_from(WEEKDAYS))
def test_weeks_tile_time_and_windows_go_over_a_change_of_the_clock(zone, day, begins_on):
    weeks = weeks_around(zone, day, begins_on)
    keys = weeks.keys(LONG_AGO)
    spans = [weeks.partition(key) for key in keys]
    assert keys == sorted(keys)
    assert len(keys) == 5
    assert all(one.end == other.start for one, other in pairwise(spans))
    assert all(weeks.window(key, 3) == keys[max(0, n - 2) : n + 1] for n, key in enumerate(keys))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Weekly("2024-01-03"),
            "Partition '2024-01-03' is no week: it begins on a Wednesday, not on a Monday. ",
        ),
        (lambda: Weekly("2024-01-01", "2024-01-07"), "Partition '2024-01-07' is no week: it begins on a Sunday, "),
        (lambda: Weekly("2024-W01"), "Partition '2024-W01' is not written YYYY-MM-DD."),
    ],
    ids=["in the middle", "an end in the middle", "another way to write it"],
)
def test_a_week_is_written_as_the_day_on_which_it_begins(make, message):
    with pytest.raises(InvalidProblem) as refused:
        make()
    assert str(refused.value).startswith(message)


def test_what_is_no_day_of_the_week_is_refused():
    with pytest.raises(InvalidProblem, match=r"'Sonntag' is no day of the week\. Give one of monday, tuesday"):
        Weekly("2024-01-07", begins_on="Sonntag")


def test_a_week_of_another_day_says_which_is_meant():
    weeks = Weekly("2024-01-07", begins_on="sunday")
    assert weeks.window("2024-01-21", 2) == ["2024-01-14", "2024-01-21"]
    with pytest.raises(InvalidProblem, match="Write 2024-01-07, or say begins_on"):
        weeks.partition("2024-01-08")


# ---------------------------------------------------------------- both, beside the others


@pytest.mark.parametrize(
    ("partitions", "size"),
    [
        (Hourly("2024-11-02T20", "2024-11-03T08", zone="America/New_York"), 4),
        (Hourly("2024-03-09T20", "2024-03-10T08", zone="America/New_York"), 4),
        (Hourly("2024-10-26T20", "2024-10-27T08", zone="Europe/Berlin"), 4),
        (Weekly("2024-02-19", "2024-05-06", zone="Europe/Berlin"), 3),
        (Weekly("2024-10-06", "2024-12-01", zone="America/New_York", begins_on="sunday"), 3),
    ],
    ids=str,
)
def test_dagster_maps_the_same_windows(partitions, size):
    definition = dagsters(partitions)
    for key in partitions.keys():  # noqa: SIM118
        one = definition.subset_with_partition_keys([key])
        for mapping, keys in (
            (window_mapping(partitions, size), partitions.window(key, size)),
            (previous_mapping(partitions), [before] if (before := partitions.previous(key)) else []),
        ):
            found = mapping.get_upstream_mapped_partitions_result_for_partitions(one, definition, definition)
            assert list(found.partitions_subset.get_partition_keys()) == keys


@pytest.mark.parametrize(
    "time",
    [
        Hourly("2024-11-02T22", "2024-11-03T04", zone="America/New_York"),
        Hourly("2024-03-30T23", "2024-03-31T05", zone="Europe/Berlin"),
        Weekly("2024-02-26", "2024-04-15", zone="Europe/Berlin"),
    ],
    ids=str,
)
def test_dagster_maps_the_same_windows_within_each_value_of_a_grid(time):
    grid = Grid(time, by="shop", values=("east", "west"))
    definition = partitions_definition(replace(parasols.PROBLEM, partitions=grid, files=()))
    assert set(definition.get_partition_keys()) == set(grid.keys())
    for key in grid.keys():  # noqa: SIM118
        one = definition.subset_with_partition_keys([key])
        mapping = window_mapping(grid, 3)
        found = mapping.get_upstream_mapped_partitions_result_for_partitions(one, definition, definition)
        assert set(found.partitions_subset.get_partition_keys()) == set(grid.window(key, 3))


def test_a_repeated_hour_is_safe_in_names_of_files_and_keys_of_the_store():
    key = "2024-10-27T02+0100"
    hours = Hourly("2024-10-01T00", zone="Europe/Berlin")
    problem = replace(umbrellas.PROBLEM, partitions=hours, files=("visits/{partition}.parquet",))
    assert files_of(problem, key) == [f"umbrellas/visits/{key}.parquet"]
    assert unescape(escape(key)) == key
    assert not set(key) & set('/\\:*?"<>|')


@pytest.mark.parametrize(
    ("time", "key", "values"),
    [
        (
            Hourly("2024-10-01T00", zone="Europe/Berlin"),
            "2024-10-27T02+0100|east",
            {"hour": "2024-10-27T02+0100", "shop": "east"},
        ),
        (Weekly("2024-01-01"), "east|2024-01-08", {"shop": "east", "week": "2024-01-08"}),
    ],
    ids=["hours", "weeks"],
)
def test_a_grid_is_of_hours_or_weeks_as_of_others(time, key, values):
    grid = Grid(time, by="shop", values=("east", "west"))
    problem = replace(parasols.PROBLEM, partitions=grid, files=(f"{{{time.name}}}-{{shop}}.csv",))
    assert grid.partition(key).values == values
    assert grid.line(key) == "east"
    assert grid.between(grid.window(key, 3), None, values[time.name]) == grid.window(key, 3)
    assert files_of(problem, key) == [f"parasols/{values[time.name]}-east.csv"]
    assert Files.of(problem.files, grid).partitions(f"{values[time.name]}-east.csv") == {key}
    assert partitions_definition(problem).has_partition_key(key)

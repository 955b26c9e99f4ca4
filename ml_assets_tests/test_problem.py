from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.assets import CHAIN
from ml_assets.errors import InvalidProblem
from ml_assets.evaluation.metrics import AUROC, BRIER, MAE
from ml_assets.problem import (
    WAIVABLE,
    Better,
    Daily,
    EntityHash,
    FeatureTable,
    Gate,
    Grid,
    Hourly,
    Monthly,
    RollingWindow,
    Static,
    Weekly,
)
from ml_assets_tests.doubles import ice_cream, umbrellas

YEARS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)).map(lambda time: time.replace(tzinfo=UTC))

# ---------------------------------------------------------------- partitions


def test_months_go_on_over_the_end_of_a_year():
    months = Monthly("2023-11", "2024-03")
    assert months.keys() == ["2023-11", "2023-12", "2024-01", "2024-02"]
    december = months.partition("2023-12")
    assert (december.start, december.end) == (datetime(2023, 12, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC))


def test_days_go_on_over_a_leap_day():
    assert Daily("2024-02-28", "2024-03-02").keys() == ["2024-02-28", "2024-02-29", "2024-03-01"]


@settings(deadline=None)
@given(start=YEARS, days=st.integers(0, 1200))
def test_partitions_follow_each_other_without_gap_or_overlap_and_their_keys_sort_by_time(start, days):
    for kind, pattern in ((Monthly, "%Y-%m"), (Daily, "%Y-%m-%d")):
        partitions = kind(start.strftime(pattern), (start + timedelta(days=days)).strftime(pattern))
        keys = partitions.keys()
        spans = [partitions.partition(key) for key in keys]
        assert keys == sorted(set(keys))
        assert all(before.end == after.start for before, after in pairwise(spans))


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (datetime(2024, 2, 29, 23, 59, tzinfo=UTC), ["2024-01"]),
        (datetime(2024, 3, 1, tzinfo=UTC), ["2024-01", "2024-02"]),
        (datetime(2023, 1, 1, tzinfo=UTC), []),
        (datetime(2030, 1, 1, tzinfo=UTC), ["2024-01", "2024-02", "2024-03"]),
    ],
    ids=["one minute to March", "March begins", "before the first", "long after the last"],
)
def test_keys_are_those_that_have_ended_and_never_more_than_there_are(until, expected):
    assert Monthly("2024-01", "2024-04").keys(until) == expected


def test_partitions_without_an_end_stop_at_the_present():
    keys, now = Monthly("2024-01").keys(), datetime.now(UTC)
    assert Monthly("2024-01").partition(keys[-1]).end <= now
    assert keys == Monthly("2024-01").keys(now)


@pytest.mark.parametrize(
    ("partitions", "key", "message"),
    [
        (Monthly("2024-01"), "2024-13", "Partition '2024-13' is not written YYYY-MM."),
        (Monthly("2024-01"), "2024-1", "Partition '2024-1' is not written YYYY-MM."),
        (Daily("2024-01-01"), "2024-02-30", "Partition '2024-02-30' is not written YYYY-MM-DD."),
        (Daily("2024-01-01"), "2024-01", "Partition '2024-01' is not written YYYY-MM-DD."),
        (Static(("north", "south")), "west", "Partition 'west' is not one of north, south."),
    ],
    ids=str,
)
def test_what_is_no_partition_is_refused(partitions, key, message):
    with pytest.raises(InvalidProblem) as refused:
        partitions.partition(key)
    assert str(refused.value) == message


# ---------------------------------------------------------------- windows


def test_a_window_is_cut_at_the_first_partition():
    months = Monthly("2023-11", "2024-03")
    assert months.window("2023-11", 3) == ["2023-11"]
    assert months.window("2023-12", 3) == ["2023-11", "2023-12"]
    assert months.window("2024-01", 3) == ["2023-11", "2023-12", "2024-01"]
    assert months.window("2024-02", 3) == ["2023-12", "2024-01", "2024-02"]


def test_a_window_without_time_is_the_partition_alone():
    assert Static(("a", "b", "c")).window("c", 3) == ["c"]


@given(at=st.integers(0, 29), size=st.integers(1, 40))
def test_a_window_is_the_newest_partitions_in_order_and_ends_with_its_own(at, size):
    days = Daily("2024-02-15", "2024-03-16")
    keys = days.keys()
    found = days.window(keys[at], size)
    assert found == keys[max(0, at + 1 - size) : at + 1]


# ---------------------------------------------------------------- rows


@given(mask=st.lists(st.booleans(), min_size=5, max_size=5))
def test_rows_of_a_table_stay_together_and_are_numbered_anew(mask):
    numbers = np.arange(5.0)
    table = FeatureTable(pd.DataFrame({"id": numbers}), pd.DataFrame({"x": numbers * 10}), numbers * 100)
    by_mask, by_position = table.rows(np.array(mask)), table.rows(np.flatnonzero(mask))
    assert len(by_mask) == sum(mask)
    for found in (by_mask, by_position):
        assert list(found.keys["id"]) == list(numbers[mask])
        assert list(found.features["x"] * 10) == list(found.label) == list(numbers[mask] * 100)
        assert list(found.keys.index) == list(found.features.index) == list(range(len(found)))


# ---------------------------------------------------------------- definitions that make no sense

NOT_A_DATACLASS = {"ridge": 0.5}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"name": "Ice Cream"},
            "the name must be a lower-case identifier without double underscores, such as flight_delays.",
        ),
        (
            {"name": "ice-cream"},
            "the name must be a lower-case identifier without double underscores, such as flight_delays.",
        ),
        ({"params": NOT_A_DATACLASS}, "params must be an instance of a frozen dataclass"),
        ({"params": ice_cream.LineParams}, "params must be an instance of a frozen dataclass"),
        (
            {"split": RollingWindow()},
            "RollingWindow needs Monthly, Weekly, Daily, Hourly or Grid partitions; split others by EntityHash.",
        ),
        ({"lookback": 1}, "lookback needs partitions that follow each other in time."),
        (
            {"split": EntityHash(whole_groups=True)},
            "split keeps groups whole, and the problem has none; name their column",
        ),
        (
            {"promote_when": Better(MAE, windows=3)},
            "promote_when asks for several windows, which only RollingWindow has",
        ),
        ({"metrics": ()}, "metrics is empty; name at least the one that decides."),
        ({"promote_when": Better(BRIER)}, "brier decides but is not among metrics; add it."),
        ({"gates": (Gate(AUROC, at_least=0.5),)}, "auroc decides but is not among metrics; add it."),
        ({"duplicates": "oldest"}, "duplicates is 'oldest'; give one of 'refuse', 'newest'."),
        (
            {"duplicates": "newest"},
            "duplicates='newest' is about the partitions of a window, which only RollingWindow has",
        ),
        ({"maximum_growth": 1.0}, "maximum_growth says how many times the usual rows may land: more than 1, or None"),
        ({"maximum_growth": float("nan")}, "maximum_growth says how many times the usual rows may land"),
        ({"leak_strength": 0.0}, "leak_strength is a strength of a single feature: more than 0 and at most 1."),
        ({"leak_strength": 95}, "leak_strength is a strength of a single feature: more than 0 and at most 1."),
        (
            {"waive": {"leaks": "it persists"}},
            "waive names 'leaks'; of the checks volume, features_sound, leak, classes can be waived.",
        ),
        ({"waive": {"schema": "it is old"}}, "waive names 'schema'; of the checks volume, "),
        ({"waive": {"leak": " "}}, "waive gives no reason for 'leak'; say in a sentence why it may fail."),
        ({"waive": {"leak": None}}, "waive gives no reason for 'leak'"),
        ({"waive": ("leak",)}, "waive maps checks to reasons, such as {'leak': 'why it may fail'}."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_problem_that_makes_no_sense_is_refused_when_it_is_defined(changes, fault):
    with pytest.raises(InvalidProblem) as refused:
        dataclasses.replace(ice_cream.PROBLEM, **changes)
    assert str(refused.value).startswith(f"Problem {changes.get('name', 'ice_cream')!r}: {fault}")


def test_a_rolling_window_needs_the_time_of_the_rows():
    with pytest.raises(InvalidProblem, match="RollingWindow splits by event_time; name that column"):
        dataclasses.replace(umbrellas.PROBLEM, event_time=None)


@pytest.mark.parametrize(("limits", "how_many"), [({}, 0), ({"at_least": 1, "at_most": 2}, 2)])
def test_a_gate_has_exactly_one_limit(limits, how_many):
    with pytest.raises(InvalidProblem) as refused:
        Gate(MAE, **limits)
    assert str(refused.value) == (
        f"Gate(mae) has {how_many} limits. Give exactly one of at_least, at_most, above_baseline_by."
    )


@pytest.mark.parametrize("of", ["carrier 9E", "carrier=9E", " = 9E", "carrier = ", ""])
def test_a_gates_slice_is_a_column_and_a_value(of):
    with pytest.raises(InvalidProblem) as refused:
        Gate(MAE, at_most=9, slice=of)
    assert str(refused.value) == (
        f"Gate(mae) has slice={of!r}, which is no column and value. "
        "Write both with ' = ' between them, as in slice='carrier = 9E'."
    )
    assert Gate(MAE, at_most=9, slice="code = a = b").column_and_value == ("code", "a = b")


@pytest.mark.parametrize("limit", [{"confidence": 0.5}, {"confidence": 95}, {"by": -0.1}], ids=str)
def test_a_comparison_in_which_both_could_be_better_is_refused(limit):
    with pytest.raises(InvalidProblem, match=r"Better\(mae\) has by=.* else two models could each be better"):
        Better(MAE, **limit)


def test_a_model_is_made_from_the_partitions_of_its_window():
    assert umbrellas.PROBLEM.window == 3
    assert dataclasses.replace(umbrellas.PROBLEM, split=EntityHash()).window == 1
    assert ice_cream.PROBLEM.window == 1


@pytest.mark.parametrize(
    ("partitions", "days", "window"),
    [
        (Monthly("2024-01"), 90, 4),
        (Weekly("2024-01-01"), 90, 15),
        (Daily("2024-01-01"), 90, 104),
        (Daily("2024-01-01"), 0.5, 15),
        (Hourly("2024-01-01T00"), 1, 15 * 24 + 1),
        (Grid(Weekly("2024-01-01"), by="shop", values=("a",)), 90, 15),
    ],
    ids=str,
)
def test_a_window_that_is_given_in_days_has_as_many_partitions_as_these_may_take_up(partitions, days, window):
    split = RollingWindow(train_days=days, validation_days=7, test_days=7)
    problem = dataclasses.replace(umbrellas.PROBLEM, partitions=partitions, split=split)
    assert problem.window == window


def test_how_far_a_window_goes_back_is_said_once():
    assert RollingWindow() == RollingWindow(partitions=3, test_days=7, validation_days=7)
    with pytest.raises(InvalidProblem, match=r"says twice how far back it goes\. Give partitions or train_days"):
        RollingWindow(partitions=3, train_days=90)


@pytest.mark.parametrize(
    "make",
    [
        lambda: RollingWindow(test_days=0),
        lambda: RollingWindow(validation_days=-0.5),
        lambda: RollingWindow(train_days=0),
        lambda: RollingWindow(partitions=0),
        lambda: EntityHash(test_fraction=1.2),
        lambda: EntityHash(test_fraction=0.5, validation_fraction=0.5),
        lambda: EntityHash(validation_fraction=0.0),
    ],
    ids=[
        "no test days",
        "less than none",
        "no train days",
        "no partitions",
        "more than all",
        "nothing left to fit",
        "nothing to choose by",
    ],
)
def test_a_split_that_leaves_a_part_without_rows_is_refused_when_it_is_written(make):
    with pytest.raises(InvalidProblem, match="leaves a part without rows"):
        make()


@pytest.mark.parametrize("kind", [Monthly, Daily])
@pytest.mark.parametrize("ends", [("January",), ("2024-1",), ("2024-01-01", "2024-13-01")], ids=str)
def test_calendar_partitions_that_are_not_written_as_keys_are_refused_when_they_are_defined(kind, ends):
    with pytest.raises(InvalidProblem, match="is not written YYYY-MM"):
        kind(*ends)


@pytest.mark.parametrize("keys", [(), ("a", "a"), "north", ("a\nb",), ("a..b",), ("",)], ids=repr)
def test_static_partitions_that_cannot_be_are_refused_when_they_are_defined(keys):
    with pytest.raises(InvalidProblem, match="Give a tuple of at least one key, each once"):
        Static(keys)


def test_a_model_may_hold_the_params_without_their_type_being_listed():
    assert ice_cream.PROBLEM.stored_types == (ice_cream.LineParams, ice_cream.Line)


def test_an_artifact_type_that_is_no_dataclass_is_refused():
    with pytest.raises(InvalidProblem, match="<class 'dict'> in artifact_types is no dataclass"):
        dataclasses.replace(umbrellas.PROBLEM, artifact_types=(dict,))


def rounded(x):
    return x.round()


class Rounding:
    """Of one's own."""


def test_classes_and_functions_of_a_module_may_be_artifact_types():
    problem = dataclasses.replace(umbrellas.PROBLEM, artifact_types=(rounded, Rounding))
    assert problem.stored_types[1:] == (rounded, Rounding)


@pytest.mark.parametrize(
    "code",
    [lambda x: x, len, print, Rounding(), Rounding.__init__, "os:system"],
    ids=["lambda", "C", "print", "object", "method", "text"],
)
def test_an_artifact_type_without_a_name_in_its_module_is_refused(code):
    with pytest.raises(InvalidProblem, match="no class or function that its module has under its own name"):
        dataclasses.replace(umbrellas.PROBLEM, artifact_types=(code,))


@pytest.mark.parametrize(
    ("partitions", "last"),
    [
        (Monthly("2024-01"), "2024-02"),
        (Monthly("2024-01", ahead=1), "2024-03"),
        (Monthly("2024-01", ahead=2), "2024-04"),
        (Monthly("2024-01", end="2024-04", ahead=2), "2024-03"),
        (Daily("2024-01-01"), "2024-03-14"),
        (Daily("2024-01-01", ahead=2), "2024-03-16"),
    ],
    ids=str,
)
def test_partitions_ahead_are_there_before_they_have_ended(partitions, last):
    assert partitions.keys(until=datetime(2024, 3, 15, tzinfo=UTC))[-1] == last


@pytest.mark.parametrize(
    "partitions",
    [
        Monthly("2024-01", ahead=2),
        Weekly("2024-01-01", ahead=2),
        Daily("2026-11-01", ahead=3),
        Hourly("2026-11-01T00", ahead=3, zone="America/New_York"),
        Monthly("2024-01", "2024-06", ahead=2),
    ],
    ids=str,
)
def test_dagster_knows_the_same_partitions(partitions):
    from ml_assets.orchestration.partitions import partitions_definition

    problem = dataclasses.replace(umbrellas.PROBLEM, partitions=partitions)
    assert list(partitions_definition(problem).get_partition_keys()) == partitions.keys()


def test_a_negative_number_of_partitions_ahead_is_refused():
    with pytest.raises(InvalidProblem, match="ahead"):
        Monthly("2024-01", ahead=-1)


@pytest.mark.parametrize("field", ["entity", "event_time"])
@pytest.mark.parametrize(
    "name", ["prediction", "prediction_0", "prediction_lower", "prediction_upper", "model_version"]
)
def test_what_identifies_a_row_is_not_called_as_what_is_predicted_of_it(name, field):
    with pytest.raises(InvalidProblem, match=f"'{name}' is a column of the predictions, .* rename that of the data"):
        dataclasses.replace(umbrellas.PROBLEM, **{field: name})
    assert dataclasses.replace(umbrellas.PROBLEM, **{field: "prediction_id"})


def test_every_check_that_can_be_waived_is_one_that_its_asset_announces_and_that_may_block():
    declared = [check for asset in CHAIN for check in asset.checks if check.waivable]
    assert sorted(check.name for check in declared) == sorted(WAIVABLE)
    assert all(check.blocking for check in declared)


# ---------------------------------------------------------------- the clock of a calendar


@pytest.mark.parametrize(
    ("partitions", "key", "start", "end"),
    [
        (Daily("2024-01-01", zone="America/New_York"), "2024-03-10", "2024-03-10T05", "2024-03-11T04"),
        (Daily("2024-01-01", zone="America/New_York"), "2024-11-03", "2024-11-03T04", "2024-11-04T05"),
        (Daily("2018-01-01", zone="America/Sao_Paulo"), "2018-11-04", "2018-11-04T03", "2018-11-05T02"),
        (Daily("2024-01-01", zone="Asia/Kolkata"), "2024-01-02", "2024-01-01T18:30", "2024-01-02T18:30"),
        (Monthly("2024-01", zone="Europe/Berlin"), "2024-03", "2024-02-29T23", "2024-03-31T22"),
        (Monthly("2024-01"), "2024-12", "2024-12-01", "2025-01-01"),
    ],
    ids=["spring", "autumn", "a day that begins at one", "half an hour", "months", "UTC"],
)
def test_partitions_begin_and_end_by_the_clock_of_their_zone(partitions, key, start, end):
    at = partitions.partition(key)
    assert (at.start, at.end) == tuple(datetime.fromisoformat(time).replace(tzinfo=UTC) for time in (start, end))
    assert at.start.tzinfo is UTC


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "America/Sao_Paulo", "Pacific/Auckland"])
def test_days_follow_each_other_without_gap_in_every_zone(zone):
    days = Daily("2018-01-01", "2019-01-01", zone=zone)
    keys = days.keys(datetime(2020, 1, 1, tzinfo=UTC))
    spans = [days.partition(key) for key in keys]
    assert len(spans) == 365
    assert all(one.end == other.start and one.start < one.end for one, other in pairwise(spans))
    assert days.window(keys[-1], 400) == keys


@pytest.mark.parametrize("zone", ["", "New York", "America", "../UTC", "UTC\0"], ids=repr)
def test_a_zone_that_is_none_is_refused(zone):
    with pytest.raises(InvalidProblem, match="there is no time zone"):
        Monthly("2024-01", zone=zone)


@pytest.mark.parametrize(
    "partitions", [Daily("2024-03-08", "2024-03-13"), Monthly("2024-01", "2024-06")], ids=["days", "months"]
)
def test_dagster_cuts_by_the_same_clock(partitions):
    from ml_assets.orchestration.partitions import partitions_definition

    there = dataclasses.replace(partitions, zone="America/New_York")
    definition = partitions_definition(dataclasses.replace(umbrellas.PROBLEM, partitions=there))
    assert list(definition.get_partition_keys()) == there.keys()
    for key in there.keys():  # noqa: SIM118
        window, span = definition.time_window_for_partition_key(key), there.partition(key)
        assert (window.start.timestamp(), window.end.timestamp()) == (span.start.timestamp(), span.end.timestamp())


@pytest.mark.parametrize(
    ("partitions", "key", "weekday"),
    [
        (Daily("2024-01-01"), "2024-01-07", 6),
        (Daily("2024-01-01", zone="Pacific/Auckland"), "2024-01-01", 0),
        (Grid(Daily("2024-01-01"), by="shop", values=("a",)), "2024-01-02|a", 1),
        (Grid(Monthly("2024-01"), by="shop", values=("a",)), "2024-01|a", None),
        (Monthly("2024-01"), "2024-01", None),
        (Weekly("2024-01-01"), "2024-01-01", None),
        (Hourly("2024-01-01T00"), "2024-01-01T00", None),
        (Static(("north",)), "north", None),
    ],
    ids=str,
)
def test_only_days_have_a_day_of_the_week(partitions, key, weekday):
    assert partitions.weekday(key) == weekday


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"classes": (0, 1)}, "classes are of multiclass problems; leave them out of a binary one"),
        (
            {"task": "multiclass", "classes": (2, 1)},
            r"whole numbers in ascending order, such as \(1, 2, 3\); \(2, 1\) are not",
        ),
        ({"task": "multiclass", "classes": (1, 1)}, "in ascending order"),
        ({"task": "multiclass", "classes": (1,)}, "two or more whole numbers"),
        ({"task": "multiclass", "classes": (0.0, 1.0)}, "two or more whole numbers"),
        ({"task": "multiclass", "classes": ("a", "b")}, "two or more whole numbers"),
    ],
    ids=["binary", "another order", "twice", "one", "floats", "text"],
)
def test_classes_are_whole_numbers_in_the_order_of_columns(changes, fault):
    with pytest.raises(InvalidProblem, match=fault):
        dataclasses.replace(umbrellas.PROBLEM, **changes)

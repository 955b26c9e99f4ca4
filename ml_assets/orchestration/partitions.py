"""A problem's partitions and windows as Dagster's."""

from __future__ import annotations

import warnings
from typing import Any

import dagster as dg

from ml_assets.assets import Input
from ml_assets.problem import Daily, Dynamic, Grid, Hourly, Monthly, Partitions, Problem, Static, Weekly
from ml_assets.sources.declared import SAME

FROM_SUNDAY = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


def partitions_definition(problem: Problem) -> dg.PartitionsDefinition[str]:
    """Dagster's definition with exactly the problem's partition keys."""
    partitions = problem.partitions
    if isinstance(partitions, Grid):
        values = dg.StaticPartitionsDefinition(list(partitions.values))
        return dg.MultiPartitionsDefinition(
            {partitions.time.name: _through_time(partitions.time), partitions.by: values}
        )
    if isinstance(partitions, Dynamic):
        return dg.DynamicPartitionsDefinition(name=problem.name)
    if isinstance(partitions, Static):
        return dg.StaticPartitionsDefinition(list(partitions.partition_keys))
    return _through_time(partitions)


def _through_time(partitions: Monthly | Weekly | Daily | Hourly) -> dg.TimeWindowPartitionsDefinition:
    spans: dict[str, Any] = {
        "start_date": partitions.start,
        "end_date": partitions.end,
        "fmt": partitions.pattern,
        "end_offset": partitions.ahead,
        "timezone": partitions.zone,
    }
    match partitions:
        case Monthly():
            return dg.MonthlyPartitionsDefinition(**spans)
        case Weekly():
            return dg.WeeklyPartitionsDefinition(**spans, day_offset=FROM_SUNDAY.index(partitions.begins_on))
        case Daily():
            return dg.DailyPartitionsDefinition(**spans)
        case Hourly():
            return dg.HourlyPartitionsDefinition(**spans)


def window_mapping(partitions: Partitions, size: int) -> dg.PartitionMapping:
    """From a partition to the ``size`` of its line that end with it; Dagster drops those before the first."""
    return _mapping(partitions, 1 - size, 0) if size > 1 else dg.IdentityPartitionMapping()


def input_mapping(problem: Problem, read: Input) -> dg.PartitionMapping | None:
    """From a partition to those of an input that it is made from; None for the same one."""
    if read.partition == SAME:
        return window_mapping(problem.partitions, read.partitions(problem)) if read.span else None
    name = _part_named(read.partition)
    if name is None:
        return dg.SpecificPartitionsPartitionMapping([read.partition])
    with warnings.catch_warnings():  # beta in 1.13: pinned, and held by our tests
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.MultiToSingleDimensionPartitionMapping(name)


def shared_definition(problem: Problem, read: Input) -> dg.PartitionsDefinition[str]:
    """How an asset that is shared is cut, as far as a problem that reads it tells."""
    name, partitions = _part_named(read.partition), problem.partitions
    if name is None:
        return dg.StaticPartitionsDefinition([read.partition])
    if not isinstance(partitions, Grid) or read.partition == SAME:
        return partitions_definition(problem)
    return (
        _through_time(partitions.time)
        if name == partitions.time.name
        else dg.StaticPartitionsDefinition([*partitions.values])
    )


def _part_named(pattern: str) -> str | None:
    """``month`` of ``{month}``; None where it names none."""
    return pattern[1:-1] if pattern.startswith("{") else None


def previous_mapping(partitions: Partitions) -> dg.PartitionMapping:
    """From a partition to the one before it in its line."""
    return _mapping(partitions, -1, -1)


def _mapping(partitions: Partitions, first: int, last: int) -> dg.PartitionMapping:
    if not partitions.in_time:
        return dg.IdentityPartitionMapping()
    through_time = dg.TimeWindowPartitionMapping(start_offset=first, end_offset=last)
    if not isinstance(partitions, Grid):
        return through_time
    time, by = partitions.time.name, partitions.by
    with warnings.catch_warnings():  # beta in 1.13: pinned, and held by our tests
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.MultiPartitionMapping(
            {
                time: dg.DimensionPartitionMapping(time, through_time),
                by: dg.DimensionPartitionMapping(by, dg.IdentityPartitionMapping()),
            }
        )

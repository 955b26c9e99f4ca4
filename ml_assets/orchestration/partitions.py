"""A problem's partitions and windows as Dagster's."""

from __future__ import annotations

import dagster as dg

from ml_assets.problem import Daily, Dynamic, Monthly, Partitions, Problem, is_calendar


def partitions_definition(problem: Problem) -> dg.PartitionsDefinition[str]:
    """Dagster's definition with exactly the problem's partition keys."""
    partitions = problem.partitions
    if isinstance(partitions, Monthly):
        return dg.MonthlyPartitionsDefinition(
            start_date=partitions.start, end_date=partitions.end, fmt="%Y-%m", end_offset=partitions.ahead
        )
    if isinstance(partitions, Daily):
        return dg.DailyPartitionsDefinition(
            start_date=partitions.start, end_date=partitions.end, end_offset=partitions.ahead
        )
    if isinstance(partitions, Dynamic):
        return dg.DynamicPartitionsDefinition(name=problem.name)
    return dg.StaticPartitionsDefinition(list(partitions.partition_keys))


def window_mapping(partitions: Partitions, size: int) -> dg.PartitionMapping:
    """From a partition to the ``size`` upstream partitions that end with it; Dagster drops those before the first."""
    if is_calendar(partitions) and size > 1:
        return dg.TimeWindowPartitionMapping(start_offset=1 - size, end_offset=0)
    return dg.IdentityPartitionMapping()


def previous_mapping(partitions: Partitions) -> dg.PartitionMapping:
    """From a partition to the one before it."""
    if is_calendar(partitions):
        return dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
    return dg.IdentityPartitionMapping()

"""Which rows fit, choose and judge: frozen before training, so that every model of a partition is judged on the same rows.

    |------------------ train ------------------|-- validation --|-- test --|
    window start                                                            end of the partition

Rows without a label take no part. Rows of the train part whose label was not yet known when validation begins are
*purged*, likewise those of the validation part when the test begins. (A question that is asked some hours before its
event could know less still; that lead is a problem's own and small beside the days of a part.)
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ml_assets.errors import UnusableSplit
from ml_assets.problem import EntityHash, FeatureTable, Problem, RollingWindow, TrainingData

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

TRAIN, VALIDATION, TEST, PURGED, UNLABELLED = "train", "validation", "test", "purged", "unlabelled"


def assign_roles(problem: Problem, table: FeatureTable, end: datetime | None) -> pd.DataFrame:
    """One role per row of the window's table.

    Args:
        table: the rows of all partitions of the window.
        end: end of the newest partition (excluded); None for partitions without time.
    Returns:
        columns ``entity``, ``role`` and, where the problem has one, ``event_time``; same order as ``table``.
    Raises:
        UnusableSplit: if no row is left to fit, to choose or to judge.
    """
    import pandas as pd

    if isinstance(problem.split, RollingWindow):
        role = _roles_by_time(problem, problem.split, table, end)
    else:
        role = _roles_by_hash(problem.split, table.keys[problem.entity])
    role[pd.isna(table.label)] = UNLABELLED
    counts = {part: int((role == part).sum()) for part in (TRAIN, VALIDATION, TEST)}
    if not all(counts.values()):
        raise UnusableSplit(
            f"{problem.name}: {counts[TRAIN]} rows to fit, {counts[VALIDATION]} to choose, {counts[TEST]} to judge, of "
            f"{len(table)} in the window. Each part needs rows: check that the window's data landed whole, or change split."
        )
    columns = {"entity": table.keys[problem.entity], "role": role}
    if problem.event_time is not None:
        columns["event_time"] = table.keys[problem.event_time]
    return pd.DataFrame(columns)


def rows_of(table: FeatureTable, roles: pd.DataFrame, role: str) -> FeatureTable:
    """The rows of ``table`` that have ``role``; ``roles`` as made by ``assign_roles`` from the same table."""
    return table.rows((roles["role"] == role).to_numpy())


def training_data(table: FeatureTable, roles: pd.DataFrame) -> TrainingData:
    """What a training may see: never the rows that judge."""
    return TrainingData(rows_of(table, roles, TRAIN), rows_of(table, roles, VALIDATION))


def _roles_by_time(problem: Problem, split: RollingWindow, table: FeatureTable, end: datetime | None) -> np.ndarray:
    import numpy as np
    import pandas as pd

    if problem.event_time is None or end is None:
        raise UnusableSplit(f"{problem.name}: RollingWindow needs an event_time and partitions in time.")
    test_starts = pd.Timestamp(end - timedelta(days=split.test_days))
    validation_starts = test_starts - timedelta(days=split.validation_days)
    at = table.keys[problem.event_time]
    role = np.full(len(table), TRAIN, dtype=object)
    role[(at >= validation_starts).to_numpy()] = VALIDATION
    role[(at >= test_starts).to_numpy()] = TEST
    if problem.label_time is not None:
        known = table.keys[problem.label_time]
        role[((role == TRAIN) & (known >= validation_starts).to_numpy())] = PURGED
        role[((role == VALIDATION) & (known >= test_starts).to_numpy())] = PURGED
    return role


def _roles_by_hash(split: EntityHash, entity: pd.Series) -> np.ndarray:
    """An entity's role depends on nothing but itself: it is the same in every partition and for ever."""
    import numpy as np
    from blake3 import blake3

    digests = [blake3(str(value).encode()).digest(8) for value in entity]
    at = np.array([int.from_bytes(digest, "big") for digest in digests], dtype=np.float64) / 2.0**64
    role = np.full(len(entity), TRAIN, dtype=object)
    role[at < split.test_fraction + split.validation_fraction] = VALIDATION
    role[at < split.test_fraction] = TEST
    return role

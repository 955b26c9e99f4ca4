"""Which rows fit, choose and judge: frozen before training, so that every model of a partition is judged on the same rows.

    |------------------ train ------------------|-- validation --|-- test --|
    window start                                                            end of the partition

Every row of a window has one role, so that all are accounted for. Used are train, validation and test. Left out are

    earlier       rows dated before the days that train, where the problem gives ``train_days``
    purged        rows to fit or choose by whose label was not known when the next part began, or does not say since when.
                  (A question that is asked some hours before its event could know less still; that lead is a problem's
                  own and small beside the days of a part.)
    unlabelled    rows whose label is not known
    outside       rows dated outside of the partition that they landed with: judged with it, they would be of another time
    undated       rows that do not say when they were, where partitions are spans of time
    other side    rows whose group fits, chooses or judges, and whose time does another, where groups are kept whole
    superseded    rows that landed again with a later partition, of a problem with ``duplicates="newest"``: then a row may
                  be dated in an earlier partition of the window than its own, too
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ml_assets.errors import UnusableSplit
from ml_assets.problem import EntityHash, FeatureTable, Partition, Problem, RollingWindow, TrainingData

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

TRAIN, VALIDATION, TEST, PURGED, UNLABELLED = "train", "validation", "test", "purged", "unlabelled"
EARLIER, OUTSIDE, UNDATED, SUPERSEDED = "earlier", "outside", "undated", "superseded"
OTHER_SIDE = "other side"
PARTS = (TRAIN, VALIDATION, TEST)
LEFT_OUT = {
    EARLIER: "before the days that train",
    PURGED: "label not known in time",
    UNLABELLED: "no label",
    OUTSIDE: "dated outside of their partition",
    UNDATED: "not dated",
    OTHER_SIDE: "of a group on another side",
    SUPERSEDED: "landed again later",
}


def assign_roles(problem: Problem, table: FeatureTable, rows: Mapping[str, int]) -> pd.DataFrame:
    """One role per row of the window's table.

    Args:
        table: the rows of all partitions of the window.
        rows: partition key -> how many of them, in their order: oldest partition first.
    Returns:
        columns ``entity``, ``role`` and, where the problem has one, ``event_time``; same order as ``table``.
    Raises:
        UnusableSplit: if rows are to be split by times that they or their partitions do not have.
    """
    import pandas as pd

    if isinstance(problem.split, RollingWindow):
        role = _roles_by_time(problem, problem.split, table, newest=list(rows)[-1])
        if problem.split.whole_groups:
            sides = _roles_by_hash(EntityHash(), table.keys[_hashed(problem)])
            role[(role != sides) & pd.Series(role).isin(PARTS).to_numpy()] = OTHER_SIDE
    else:
        role = _roles_by_hash(problem.split, table.keys[_hashed(problem)])
    role[pd.isna(table.label)] = UNLABELLED
    for left_out, mask in _left_out_by_time(problem, table, rows):
        role[mask] = left_out
    columns = {"entity": table.keys[problem.entity], "role": role}
    if problem.event_time is not None:
        columns["event_time"] = table.keys[problem.event_time]
    return pd.DataFrame(columns)


def counts_of(roles: pd.DataFrame) -> dict[str, int]:
    """How many rows have each role: of the parts always, of the others where there are any."""
    found = roles["role"].value_counts()
    return {role: int(found.get(role, 0)) for role in (*PARTS, *LEFT_OUT) if role in PARTS or role in found}


def accounted(counts: Mapping[str, int], partitions: int = 1) -> str:
    """What became of every row of a window, as a sentence; ``counts`` as made by ``counts_of``."""
    used, left_out = sum(counts[part] for part in PARTS), [role for role in LEFT_OUT if counts.get(role)]
    window = f" of {partitions} partitions" if partitions > 1 else ""
    parts = ", ".join(f"{counts[part]:,} {part}" for part in PARTS)
    others = [f"{counts[role]:,} {role} ({LEFT_OUT[role]})" for role in left_out]
    return f"{sum(counts.values()):,} rows{window}: {', '.join([f'{used:,} used ({parts})', *others])}."


def refuse_empty_parts(problem: Problem, counts: Mapping[str, int]) -> None:
    """Refuse a split that leaves a part without rows.

    Raises:
        UnusableSplit: if no row is left to fit, to choose or to judge.
    """
    if not all(counts[part] for part in PARTS):
        raise UnusableSplit(
            f"{problem.name}: {in_parts(counts)}. "
            "Each part needs rows: check that the window's data landed whole, or change split."
        )


def in_parts(counts: Mapping[str, int]) -> str:
    """How many rows there are to fit, choose and judge, and what became of the others."""
    others = [f"{counts[role]:,} {role}" for role in LEFT_OUT if counts.get(role)]
    left_out = f" ({', '.join(others)})" if others else ""
    return (
        f"{counts[TRAIN]:,} rows to fit, {counts[VALIDATION]:,} to choose, {counts[TEST]:,} to judge, of "
        f"{sum(counts.values()):,} in the window{left_out}"
    )


def awaited_parts(problem: Problem, rows: Mapping[str, int]) -> set[str]:
    """The parts that may lack rows without any data being at fault.

    Those of which days lie before the first partition of the problem, which time will give; and those whose partitions
    landed without any row, as a closed day does.

    Args:
        rows: partition of the window -> how many rows landed with it, oldest first.
    """
    split, spans = problem.split, [problem.partitions.partition(key) for key in rows]
    begins, ends = spans[0].start, spans[-1].end
    if not isinstance(split, RollingWindow) or begins is None or ends is None:
        return set()
    is_short = len(rows) < problem.window
    train, validation, test = _begins(problem, split, ends)
    days = {TRAIN: (max(train or begins, begins), validation), VALIDATION: (validation, test), TEST: (test, ends)}
    landed = [span for span, n in zip(spans, rows.values(), strict=True) if n]
    return {
        part
        for part, (since, until) in days.items()
        if (is_short and (part == TRAIN or since < begins)) or (since < until and not _overlap(landed, since, until))
    }


def _overlap(spans: Sequence[Partition], since: datetime, until: datetime) -> bool:
    return any(span.start and span.end and span.start < until and since < span.end for span in spans)


def rows_of(table: FeatureTable, roles: pd.DataFrame, role: str) -> FeatureTable:
    """The rows of ``table`` that have ``role``; ``roles`` as made by ``assign_roles`` from the same table."""
    return table.rows((roles["role"] == role).to_numpy())


def roles_alone(batches: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The column ``role`` of what ``assign_roles`` made, which comes in batches: a byte a row."""
    import pandas as pd

    one_of = pd.CategoricalDtype([*PARTS, *LEFT_OUT])
    return pd.DataFrame({"role": pd.concat([batch["role"].astype(one_of) for batch in batches], ignore_index=True)})


def training_data(table: FeatureTable, roles: pd.DataFrame) -> TrainingData:
    """What a training may see: never the rows that judge."""
    return TrainingData(rows_of(table, roles, TRAIN), rows_of(table, roles, VALIDATION))


def landed_again(problem: Problem, keys: pd.DataFrame) -> np.ndarray:
    """Which rows (n,) of a window, oldest partition first, a later one has as well: the same entity at the same time."""
    import numpy as np

    if problem.event_time is None:
        return np.zeros(len(keys), dtype=bool)
    again = keys.duplicated([problem.entity, problem.event_time], keep="last") & keys[problem.event_time].notna()
    return again.to_numpy()


def dated_within(problem: Problem, table: FeatureTable, partition: str) -> np.ndarray:
    """Which rows (n,) of a partition count for what they are: dated within it, where it is a span of time, and once each."""
    import numpy as np

    counts = np.ones(len(table), dtype=bool)
    for _, left_out in _left_out_by_time(problem, table, {partition: len(table)}):
        counts &= ~left_out
    return counts


def judged_from(problem: Problem, partition: str) -> datetime | None:
    """When the days begin that judge the model of a partition; None where rows are not split by their time."""
    end = problem.partitions.partition(partition).end
    if not isinstance(problem.split, RollingWindow) or end is None:
        return None
    return _begins(problem, problem.split, end)[2]


def _begins(problem: Problem, split: RollingWindow, end: datetime) -> tuple[datetime | None, datetime, datetime]:
    """When train, validation and test begin: so many days, by the clock of the partitions, before the window's end.

    Train begins with the window where its days are not given.
    """
    days = problem.partitions.days_before
    train = None if split.train_days is None else days(end, split.days)
    return train, days(end, split.test_days + split.validation_days), days(end, split.test_days)


def _roles_by_time(problem: Problem, split: RollingWindow, table: FeatureTable, newest: str) -> np.ndarray:
    import numpy as np

    end = problem.partitions.partition(newest).end
    if problem.event_time is None or end is None:
        raise UnusableSplit(f"{problem.name}: RollingWindow needs an event_time and partitions in time.")
    train_starts, validation_starts, test_starts = _begins(problem, split, end)
    at = table.keys[problem.event_time]
    role = np.full(len(table), TRAIN, dtype=object)
    if train_starts is not None:
        role[_mask(at < train_starts)] = EARLIER
    role[_mask(at >= validation_starts)] = VALIDATION
    role[_mask(at >= test_starts)] = TEST
    if problem.label_time is not None:
        known = table.keys[problem.label_time]
        role[(role == TRAIN) & ~_mask(known < validation_starts)] = PURGED
        role[(role == VALIDATION) & ~_mask(known < test_starts)] = PURGED
    return role


def _left_out_by_time(
    problem: Problem, table: FeatureTable, rows: Mapping[str, int]
) -> Iterator[tuple[str, np.ndarray]]:
    """Roles that rows have for when they were and where they landed, whatever their label; later ones win."""
    spans = [problem.partitions.partition(key) for key in rows]
    if problem.event_time is None or spans[0].start is None:
        return
    at = table.keys[problem.event_time]
    yield OUTSIDE, _outside(problem, at, rows)
    yield UNDATED, _mask(at.isna())
    if problem.duplicates == "newest":
        yield SUPERSEDED, landed_again(problem, table.keys)


def _outside(problem: Problem, at: pd.Series, rows: Mapping[str, int]) -> np.ndarray:
    """Which rows are dated outside of their partition, or of what its window covers up to its end."""
    import numpy as np

    outside, first = np.zeros(len(at), dtype=bool), 0
    spans = [problem.partitions.partition(key) for key in rows]
    for span, n in zip(spans, rows.values(), strict=True):
        begins = (spans[0] if problem.duplicates == "newest" else span).start
        here = at.iloc[first : first + n]
        outside[first : first + n] = _mask((here < begins) | (here >= span.end))
        first += n
    return outside


def _mask(found: pd.Series) -> np.ndarray:
    """Truths (n,); what is not known is not true."""
    mask: np.ndarray = found.to_numpy(dtype=bool, na_value=False)
    return mask


def _hashed(problem: Problem) -> str:
    """The column by which a hash divides."""
    return str(problem.group) if problem.split.whole_groups else problem.entity


def _roles_by_hash(split: EntityHash, values: pd.Series) -> np.ndarray:
    """The role of an entity, or of a group, depends on nothing but itself: it is the same in every partition and for ever."""
    import numpy as np
    import pandas as pd
    from blake3 import blake3

    of_row, different = pd.factorize(pd.Series([str(value) for value in values], dtype=object))
    digests = [blake3(text.encode()).digest(8) for text in different]
    at = np.array([int.from_bytes(digest, "big") for digest in digests], dtype=np.float64)[of_row] / 2.0**64
    role = np.full(len(values), TRAIN, dtype=object)
    role[at < split.test_fraction + split.validation_fraction] = VALIDATION
    role[at < split.test_fraction] = TEST
    return role

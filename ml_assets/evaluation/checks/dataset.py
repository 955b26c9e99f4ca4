"""Is what landed what it should be? Checked before anything is made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_assets.classes import Classes, in_words
from ml_assets.evaluation.checks.outcome import CheckOutcome, examples
from ml_assets.problem import Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def keys_there(
    frame: pd.DataFrame, entity: str, label: str | None, event_time: str | None = None, label_time: str | None = None
) -> CheckOutcome:
    """The columns that say which row it is, when it happened and what came of it are there, and times have a zone.

    Times without a zone mean another moment in each country, and cannot be compared with the ends of partitions.
    """
    times = [name for name in (event_time, label_time) if name is not None]
    named = [name for name in (entity, label, *times) if name is not None]
    missing = [name for name in dict.fromkeys(named) if name not in frame]
    unclear = [name for name in dict.fromkeys(times) if name in frame and not _has_zone(frame[name].dtype)]
    faults = [f"Column {name!r} is missing: return it from the dataset function, or name another." for name in missing]
    faults += [
        f"Column {name!r} is {frame[name].dtype}, no time with a zone: write it in UTC where the file is made, or, if it is UTC, "
        f"convert it in the dataset function, pd.to_datetime(data[{name!r}], utc=True)."
        for name in unclear
    ]
    said = " ".join(faults) or "What identifies and dates the rows is there."
    return CheckOutcome("keys", not faults, True, said, {"missing": missing, "without_zone": unclear})


def _has_zone(kind: Any) -> bool:
    """Whether a column's type is that of times with a zone, pandas' or Arrow's."""
    return getattr(getattr(kind, "pyarrow_dtype", kind), "tz", None) is not None


def unique_entities(frame: pd.DataFrame, entity: str, at: str | None = None) -> CheckOutcome:
    """The column ``entity`` names each row: no value is missing, none occurs twice; of facts, none at one time ``at``."""
    repeated = frame.duplicated([entity] if at is None else [entity, at], keep=False) & frame[entity].notna()
    missing = int(frame[entity].isna().sum())
    metadata = {"entity": entity, "missing": missing, "repeated_rows": int(repeated.sum())}
    own = repr(entity) if at is None else f"{entity!r} and {at!r}"
    if not missing and not repeated.any():
        return CheckOutcome("unique", True, True, f"Each of the {len(frame):,} rows has its own {own}.", metadata)
    faults = [f"{missing:,} rows have no {entity!r}"] if missing else []
    if repeated.any():
        such = ", ".join(examples(frame.loc[repeated, entity].drop_duplicates()))
        faults.append(f"{int(repeated.sum()):,} rows share their {own} with another, such as {such}")
    said = f"{'; '.join(faults)}. Remove the duplicates in the dataset function, or name another entity."
    return CheckOutcome("unique", False, True, said, metadata)


def labels_valid(task: Task, label: pd.Series | np.ndarray, classes: Classes | None = None) -> CheckOutcome:
    """Known labels are of the kind that the task needs. They may be missing, even all of them: outcomes land later.

    Args:
        classes: of a multiclass problem, those that it names; None: a column is made for each class from 0 to the highest.
    """
    import pandas as pd

    values = pd.to_numeric(pd.Series(label), errors="coerce").astype(float)
    present = pd.notna(pd.Series(label))
    known = pd.Series(label)[present]
    wrong = known[~_fits(task, values[present], classes)]
    kind = _KIND[task] if classes is None else f"one of the problem's classes {in_words(classes)}"
    metadata = {"rows": len(values), "known": len(known), "wrong": len(wrong)}
    if len(wrong):
        such = ", ".join(examples(wrong.drop_duplicates()))
        said = f"{len(wrong):,} of {len(known):,} labels are not {kind}, such as {such}. {_advice(task, classes)}"
        return CheckOutcome("labels", False, True, said, metadata)
    said = f"{len(known):,} of {len(values):,} labels are known, and none is anything but {kind}."
    return CheckOutcome("labels", True, True, said, metadata)


def labels_known(label: pd.Series | np.ndarray) -> CheckOutcome:
    """Some label is known. Does not block: rows without one can be scored, but a broken join looks the same."""
    import pandas as pd

    rows, known = len(label), int(pd.notna(pd.Series(label)).sum())
    metadata = {"rows": rows, "known": known}
    if known:
        return CheckOutcome("labelled", True, False, f"{known:,} of {rows:,} labels are known.", metadata)
    said = (
        f"None of {rows:,} rows has a label: they are scored, but train and judge nothing. "
        "If their outcomes should be known by now, look how the dataset function joins them."
    )
    return CheckOutcome("labelled", False, False, said, metadata)


MOST_UNNAMED = 10_000
"""Labels below this may be classes that the problem does not name; each would have a column, so larger ones must be named."""
_KIND = {
    "binary": "0 or 1",
    "multiclass": f"whole numbers from 0, below {MOST_UNNAMED:,}",
    "regression": "finite numbers",
}


def _advice(task: Task, classes: Classes | None) -> str:
    if task != "multiclass":
        return "Mend the dataset function."
    return f"Mend the dataset function, or {'name' if classes is None else 'add'} them in the problem's classes."


def _fits(task: Task, values: pd.Series[float], classes: Classes | None) -> pd.Series[bool]:
    """Which values are labels of the task; what could not be read as a number is NaN here and is none."""
    finite = values.abs() < float("inf")
    if task == "binary":
        return values.isin([0, 1])
    if classes is not None:
        return values.isin(classes)
    if task == "multiclass":
        return finite & (values >= 0) & (values % 1 == 0) & (values < MOST_UNNAMED)
    return finite

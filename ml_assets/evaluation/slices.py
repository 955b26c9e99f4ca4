"""Where a model is good and where it is not: its metrics by the values of a column."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.classes import Classes, by_column
from ml_assets.errors import InvalidProblem
from ml_assets.evaluation.metrics import Answers, value_of
from ml_assets.problem import FeatureTable, Metric, Problem

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SMALLEST_SLICE = 50  # rows; the metrics of fewer are mostly chance
MOST_SLICES = 50  # per column, largest first; the others are counted together
MOST_TOLD = 5  # values, in a sentence


@dataclass(frozen=True)
class SliceScore:
    """The metrics over the rows where ``column`` has ``value``; a score is None for the stated ``reason``."""

    column: str
    value: str
    rows: int
    scores: Mapping[str, float | None]
    reason: str = ""


def slice_scores(
    problem: Problem, rows: FeatureTable, prediction: np.ndarray, column: str, classes: Classes = ()
) -> Iterator[SliceScore]:
    """One score per value of ``column``, largest slice first; missing values are a slice of their own.

    Args:
        rows: labelled rows.
        prediction: for the same rows, shape (n,) or (n, classes).
        classes: see ``metrics.value``.
    Raises:
        InvalidProblem: if the rows have no such column.
    """
    import numpy as np

    names, of_row = _values(_column(problem, rows, column))
    sizes = np.bincount(of_row, minlength=len(names))
    largest_first = sorted(range(len(names)), key=lambda at: (-sizes[at], names[at]))
    for at in largest_first[:MOST_SLICES]:
        inside = np.flatnonzero(of_row == at)
        answers = by_column(rows.label[inside], prediction[inside], classes)
        yield _score(problem.metrics, Answers(*answers), rows.label[inside], column=column, of=names[at])
    others = largest_first[MOST_SLICES:]
    if others:
        reason = f"only the {MOST_SLICES} largest of {len(names)} values are judged one by one"
        yield SliceScore(column, f"{len(others)} others", int(sizes[others].sum()), _nothing(problem.metrics), reason)


def rows_of_slice(problem: Problem, rows: FeatureTable, column: str, value: str) -> tuple[np.ndarray, str]:
    """The places of the rows where ``column`` has ``value``, and why nothing can be judged on them; empty if it can.

    Raises:
        InvalidProblem: if the rows have no such column.
    """
    import numpy as np

    names, of_row = _values(_column(problem, rows, column, "a gate"))
    inside = np.flatnonzero(of_row == names.index(value)) if value in names else np.empty(0, int)
    if value not in names:
        return inside, f"no row that judges is of it: {column} is {_in_words(names, of_row)}"
    if len(inside) < SMALLEST_SLICE:
        are = "row that judges is" if len(inside) == 1 else "rows that judge are"
        return inside, f"{len(inside)} {are} of it, and at least {SMALLEST_SLICE} are needed"
    return inside, ""


def _in_words(names: list[str], of_row: np.ndarray) -> str:
    """The most frequent values, for somebody who wrote one that is not there."""
    import numpy as np

    sizes = np.bincount(of_row, minlength=len(names))
    most = sorted(range(len(names)), key=lambda at: (-sizes[at], names[at]))[:MOST_TOLD]
    others = len(names) - len(most)
    return ", ".join(names[at] for at in most) + f" or one of {others} others" * bool(others)


def _values(column: pd.Series) -> tuple[list[str], np.ndarray]:
    """The different values as text, and of each row, shape (n,), which it has; each value is written once, not each row."""
    import pandas as pd

    if column.dtype == object:  # 1 and True are equal, and read differently
        column = column.where(column.notna(), "missing").map(str)
    of_row, different = pd.factorize(column, use_na_sentinel=False)
    known = pd.Series(different).astype(object)
    named, names = pd.factorize(known.where(known.notna(), "missing").map(str))
    return list(names), named[of_row]


def _column(problem: Problem, rows: FeatureTable, column: str, who: str = "slices") -> pd.Series:
    for frame in (rows.keys, rows.features):
        if column in frame:
            return frame[column]
    raise InvalidProblem(
        f"Problem {problem.name!r}: {who} names {column!r}, which is a column of neither the keys nor the features. "
        f"Known: {', '.join(map(str, [*rows.keys, *rows.features]))}. A column of the dataset is known if slices has it."
    )


def _score(metrics: tuple[Metric, ...], answers: Answers, label: np.ndarray, *, column: str, of: str) -> SliceScore:
    rows = len(label)
    if rows < SMALLEST_SLICE:
        reason = f"{rows} rows are too few to judge; at least {SMALLEST_SLICE} are needed"
        return SliceScore(column, of, rows, _nothing(metrics), reason)
    found = {m.name: value_of(m, answers) for m in metrics}
    undefined = [name for name, score in found.items() if math.isnan(score)]
    reason = f"no {', '.join(undefined)}: every label is {label[0]:g}" if undefined else ""
    return SliceScore(column, of, rows, {n: None if math.isnan(v) else v for n, v in found.items()}, reason)


def _nothing(metrics: tuple[Metric, ...]) -> dict[str, float | None]:
    return {m.name: None for m in metrics}

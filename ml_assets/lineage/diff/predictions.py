"""Answers that flipped: the same rows, asked twice, and the answer is another.

Of two classes an answer flips when it crosses the threshold, of several when another class is the most probable. Numbers
do not flip; of those, and of the flips, the largest changes are shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.classes import Classes, united, widened
from ml_assets.evaluation.scored_rows import classes_of, points_of
from ml_assets.lineage.diff.alignment import align, key_of
from ml_assets.lineage.diff.rows import key_text
from ml_assets.problem import Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

EXAMPLES = 5
THRESHOLD = 0.5


@dataclass(frozen=True)
class ChangedAnswer:
    """A row's answer by the old model and by the new one: a value, a probability, or the most probable class and its own.

    Attributes:
        change: how far they are apart: of several classes, half the sum over them (0 to 1).
        label: what came of it; None where it is not known.
    """

    row: str
    old: str
    new: str
    change: float
    label: float | None


@dataclass(frozen=True)
class AnswersDiff:
    """What differs between two tables of predictions.

    Attributes:
        threshold: from which probability on the answer is yes; None if there are not two classes.
        rows: of the old table and of the new one; ``common`` of them are in both, and only those are compared.
        changed: how many of the common rows have another probability or value.
        flipped: how many have another answer; None for regression.
        mended, broken: how many flipped to the right answer and away from it; None where labels are not known.
        mean_change: mean of ``ChangedAnswer.change`` over the common rows; 0 if there are none.
        examples: flips (for regression: changes), largest first.
    """

    task: Task
    threshold: float | None
    rows: tuple[int, int]
    common: int
    changed: int
    flipped: int | None
    mended: int | None
    broken: int | None
    mean_change: float
    examples: tuple[ChangedAnswer, ...]


def answers_diff(
    old: pd.DataFrame,
    new: pd.DataFrame,
    names: Sequence[Sequence[str]],
    task: Task | None = None,
    threshold: float = THRESHOLD,
) -> AnswersDiff | None:
    """What differs between two tables of predictions, by the rows that are in both; None if nothing says which those are.

    Args:
        old, new: with the columns ``prediction``, or ``prediction_3`` for class 3 of several, and ``label`` where it is known.
        names: names that the columns that identify a row can have, see ``key_of``.
        task: None if it is not known: then what lies between 0 and 1 is taken for a probability.
    """
    key = key_of(old, new, names)
    if not key:
        return None
    aligned = align(old, new, key)
    rows = new.iloc[aligned.new]
    classes, before, after = _of_one_shape(old.iloc[aligned.old], rows)
    task = task or _likely_task(before, after)
    label = rows["label"].to_numpy() if "label" in rows else None
    change = _change(before, after)
    flips = None
    if task != "regression":
        flips = _flips(_answer(before, classes, threshold), _answer(after, classes, threshold), label)
    largest = _largest(change, change > 0 if flips is None else flips.where)
    return AnswersDiff(
        task=task,
        threshold=threshold if task == "binary" else None,
        rows=(len(old), len(new)),
        common=len(rows),
        changed=int((change > 0).sum()),
        flipped=int(flips.where.sum()) if flips else None,
        mended=flips.mended if flips else None,
        broken=flips.broken if flips else None,
        mean_change=float(change.mean()) if len(change) else 0.0,
        examples=tuple(
            ChangedAnswer(
                key_text(rows, key, n),
                _said(before[n], classes),
                _said(after[n], classes),
                float(change[n]),
                _known(label, n),
            )
            for n in largest
        ),
    )


def _of_one_shape(old: pd.DataFrame, new: pd.DataFrame) -> tuple[Classes, np.ndarray, np.ndarray]:
    """Both (n,), or the classes that either knows and both (n, classes): what one does not know has the probability 0 there."""
    one, other = points_of(old), points_of(new)
    if one.ndim == other.ndim == 1:
        return (), one, other
    (known, one), (also, other) = _by_class(old, one), _by_class(new, other)
    classes = united(known, also)
    return classes, widened(one, known, classes), widened(other, also, classes)


def _by_class(frame: pd.DataFrame, values: np.ndarray) -> tuple[Classes, np.ndarray]:
    """The class of each column, and the columns; of one probability those of 0 and 1."""
    import numpy as np

    return (classes_of(frame), values) if values.ndim == 2 else ((0, 1), np.column_stack([1 - values, values]))


def _likely_task(old: np.ndarray, new: np.ndarray) -> Task:
    if old.ndim == 2:
        return "multiclass"
    return "binary" if all(((values >= 0) & (values <= 1)).all() for values in (old, new)) else "regression"


def _change(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    apart: np.ndarray = abs(new.astype(float) - old.astype(float))
    return apart if apart.ndim == 1 else apart.sum(axis=1) / 2


@dataclass(frozen=True)
class _Flips:
    """Which answers flipped, shape (n,), and how many of these to the right one and away from it (None: nobody knows)."""

    where: np.ndarray
    mended: int | None = None
    broken: int | None = None


def _answer(values: np.ndarray, classes: Classes, threshold: float) -> np.ndarray:
    """What each row is taken for: the most probable class, or of one probability whether it reaches the threshold."""
    import numpy as np

    taken: np.ndarray = np.array(classes)[values.argmax(axis=1)] if classes else values >= threshold
    return taken


def _flips(before: np.ndarray, after: np.ndarray, label: np.ndarray | None) -> _Flips:
    if label is None:
        return _Flips(before != after)
    was_right, is_right = before == label, after == label  # neither where the label is missing
    return _Flips(before != after, int((~was_right & is_right).sum()), int((was_right & ~is_right).sum()))


def _largest(change: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Positions of the largest changes among those that are asked for; of equal ones the first."""
    import numpy as np

    at = np.flatnonzero(where)
    largest: np.ndarray = at[np.argsort(-change[at], kind="stable")][:EXAMPLES]
    return largest


def _known(label: np.ndarray | None, at: int) -> float | None:
    return None if label is None or math.isnan(label[at]) else float(label[at])


def _said(values: np.ndarray, classes: Classes) -> str:
    """``0.3127``, or of several classes ``class 3 (0.6213)``."""
    if not classes:
        return f"{values:.4f}"
    best = int(values.argmax())
    return f"class {classes[best]} ({values[best]:.4f})"

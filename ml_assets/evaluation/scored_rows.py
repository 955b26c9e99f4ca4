"""The rows that a model was judged on, one by one: what is stored beside an evaluation so that it can be questioned later.

A frame of scored rows has the columns ``entity``, ``label``, ``prediction`` and ``baseline``, the same in every problem; of
several classes, ``prediction_3`` and ``baseline_3`` for class 3 and so on instead; of values with intervals ``prediction_lower``
and ``prediction_upper`` as well. Where the problem has an event time and a group, ``day`` (or ``hour``) and ``group`` say which
rows stand and fall together, see ``units``. From it every metric can be computed again and two models compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ml_assets.classes import Classes, by_column, classes_in, in_words, united, widened
from ml_assets.errors import InvalidPrediction, UnusableSplit
from ml_assets.evaluation.units import unit_columns
from ml_assets.problem import FeatureTable, Problem, Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NUMBERS = "fiub"  # NumPy's kinds: floats, whole numbers, truths
BOUNDS = ("lower", "upper")  # of an interval, in the order of an answer's second and third column


def scored_rows(
    problem: Problem,
    rows: FeatureTable,
    prediction: np.ndarray,
    baseline: np.ndarray | None = None,
    *,
    classes: Classes = (),
) -> pd.DataFrame:
    """The labelled ones of ``rows`` with what the model, and the baseline if given, say of each.

    Args:
        prediction, baseline: shape (n,), (n, classes) or, with intervals, (n, 3), for all ``rows`` in their order.
        classes: of several classes, that of each column; a label that has none has probability 0. Without them the columns are
            those of the problem's classes, or 0 … k-1.
    Raises:
        InvalidPrediction: if they are no finite numbers, not one per row, or no probabilities where the task asks for those;
            or, without ``classes``, if a label has no column.
        UnusableSplit: if no row has a label.
    """
    import numpy as np
    import pandas as pd

    said = {"prediction": np.asarray(prediction)} | ({} if baseline is None else {"baseline": np.asarray(baseline)})
    for who, values in said.items():
        refuse_unusable(who, values, len(rows), problem.task)
    known = ~np.isnan(rows.label)
    if not known.any():
        raise UnusableSplit(
            f"None of the {len(rows):,} test rows of {problem.name} has a known {problem.label!r}: nothing can be judged. "
            "Wait until the outcomes have landed, then materialize the split again."
        )
    entity = rows.keys[problem.entity]
    kept = entity if entity.hasnans else entity.to_numpy()  # NumPy would round nullable ids
    columns = {"entity": kept, "label": rows.label, **unit_columns(problem, rows)}
    of = {who: columns_of(problem, values, classes) for who, values in said.items()}
    if not classes:
        _refuse_unknown_classes(of, classes_in(rows.label))
    every = united(*of.values(), classes_in(rows.label)) if problem.task == "multiclass" else ()
    for who, values in said.items():
        columns |= as_columns(who, widened(values, of[who], every), problem.task, every)
    scored: pd.DataFrame = pd.DataFrame(columns).loc[known].reset_index(drop=True)
    return scored


def columns_of(problem: Problem, values: np.ndarray, classes: Classes = ()) -> Classes:
    """The class of each column of an answer: ``classes``, else those that the problem names, else 0 … k-1; empty if it has none.

    Args:
        values: as ``refuse_unusable`` lets them pass.
    Raises:
        InvalidPrediction: if it has more columns than there are classes, or fewer.
    """
    if problem.task != "multiclass":
        return ()
    width, known = values.shape[1], classes or problem.classes
    if known and len(known) != width:
        raise InvalidPrediction(
            f"An answer has {width} columns, and there are {len(known)} classes ({in_words(known)}): nothing says which class a "
            "column belongs to. Ask through ml_assets.training.model.predict, or return a column for every class."
        )
    return known or tuple(range(width))


def values_of(scored: pd.DataFrame, who: str = "prediction") -> np.ndarray:
    """The predictions (or the ``baseline``) in a frame of scored rows: shape (n,), (n, classes) or, with intervals, (n, 3)."""
    with_interval = [who, *(f"{who}_{bound}" for bound in BOUNDS)]
    if set(with_interval) <= {*scored}:
        three: np.ndarray = scored[with_interval].to_numpy()
        return three
    return points_of(scored, who)


def points_of(scored: pd.DataFrame, who: str = "prediction") -> np.ndarray:
    """The same without intervals: shape (n,) or (n, classes)."""
    if who in scored:
        one: np.ndarray = scored[who].to_numpy()
        return one
    several: np.ndarray = scored[[f"{who}_{label}" for label in classes_of(scored, who)]].to_numpy()
    return several


def classes_of(scored: pd.DataFrame, who: str = "prediction") -> Classes:
    """The class of each column of what ``values_of`` returns; empty if these are no probabilities of classes."""
    found = (re.fullmatch(rf"{who}_(-?\d+)", str(name)) for name in scored)
    return tuple(sorted(int(name[1]) for name in found if name))


def paired(one: pd.DataFrame, other: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What metrics read of two frames of the same rows: label, and predictions of both with columns of the same classes."""
    classes = united(classes_of(one), classes_of(other))
    label = one["label"].to_numpy()
    if not classes:
        return label, values_of(one), values_of(other)
    first, second = (widened(values_of(frame), classes_of(frame), classes) for frame in (one, other))
    return (*by_column(label, first, classes), second)


def refuse_unusable(who: str, values: np.ndarray, rows: int, task: Task, first_row: int = 0) -> None:
    """Raise InvalidPrediction unless ``values`` are finite, one (of each class) per row, and probabilities where asked for.

    Args:
        first_row: where they begin in the whole, for messages.
    """
    import numpy as np

    _refuse_other_shapes(who, values, rows, task)
    if values.dtype.kind not in NUMBERS:
        raise InvalidPrediction(
            f"The {who} is of type {values.dtype}: these are no numbers. Mend the problem's {_source(who)}."
        )
    if not np.isfinite(values).all():
        at = int(np.flatnonzero(~np.isfinite(values).reshape(rows, -1).all(axis=1))[0])
        raise InvalidPrediction(
            f"The {who} of row {first_row + at} is {values[at]}, which no metric can judge. Mend the problem's {_source(who)}."
        )
    if task != "regression":
        _refuse_improbable(who, values)
    elif values.ndim == 2:
        _refuse_crossed(who, values, first_row)


def _refuse_other_shapes(who: str, values: np.ndarray, rows: int, task: Task) -> None:
    wide = {"binary": None, "multiclass": "classes", "regression": "3"}[task]
    has_interval = task == "regression" and values.ndim == 2 and values.shape[1] == 3
    dimensions = 2 if task == "multiclass" or has_interval else 1
    if values.ndim == dimensions and len(values) == rows:
        return
    narrow = [] if task == "multiclass" else [f"({rows},)"]
    expected = " or, with intervals, ".join([*narrow, *([f"({rows}, {wide})"] if wide else [])])
    raise InvalidPrediction(
        f"The {who} has shape {values.shape} for {rows:,} rows of a {task} problem; expected {expected}. "
        f"Mend the problem's {_source(who)}."
    )


def _refuse_crossed(who: str, values: np.ndarray, first_row: int) -> None:
    import numpy as np

    value, lower, upper = values.T
    crossed = np.flatnonzero(~((lower <= value) & (value <= upper)))
    if len(crossed):
        at = int(crossed[0])
        raise InvalidPrediction(
            f"The {who} of row {first_row + at} is {value[at]:.6g} in an interval from {lower[at]:.6g} to {upper[at]:.6g}, as it "
            f"is of {len(crossed):,} rows. Let {_source(who)} return the value, the lower and the upper bound, in this order."
        )


def _refuse_improbable(who: str, values: np.ndarray) -> None:
    import numpy as np

    if len(values) and (values.min() < 0 or values.max() > 1):
        raise InvalidPrediction(
            f"The {who} reaches from {values.min():.4g} to {values.max():.4g}: these are no probabilities. "
            f"Let {_source(who)} return probabilities between 0 and 1, not scores or classes."
        )
    if values.ndim == 2 and not np.allclose(values.sum(axis=1), 1, atol=1e-4):
        raise InvalidPrediction(
            f"The {who} of some rows does not add up to 1 over the classes. "
            f"Let {_source(who)} return one probability per class (softmax)."
        )


def _refuse_unknown_classes(known: Mapping[str, Classes], labels: Classes) -> None:
    for who, classes in known.items():
        unknown = sorted(set(labels) - set(classes)) if classes else []
        if unknown:
            raise InvalidPrediction(
                f"The {who} knows classes {classes[0]} to {classes[-1]}, but label {unknown[-1]} occurs in the rows that judge. "
                f"Let {_source(who)} return a column for every class, also for those that its training rows lack."
            )


def _source(who: str) -> str:
    return "predict" if who == "prediction" else "baseline"


def as_columns(who: str, values: np.ndarray, task: Task, classes: Classes = ()) -> dict[str, np.ndarray]:
    """Predictions as named columns: one, one per class by its label, or one and those of the bounds.

    Args:
        classes: of several classes, that of each column.
    """
    if values.ndim == 1:
        return {who: values}
    if task == "regression":
        return {who: values[:, 0]} | {f"{who}_{bound}": values[:, 1 + k] for k, bound in enumerate(BOUNDS)}
    return {f"{who}_{label}": values[:, k] for k, label in enumerate(classes)}

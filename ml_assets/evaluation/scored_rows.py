"""The rows that a model was judged on, one by one: what is stored beside an evaluation so that it can be questioned later.

A frame of scored rows has the columns ``entity``, ``label``, ``prediction`` and ``baseline``, the same in every problem; of
several classes, ``prediction_0`` … and ``baseline_0`` … instead; of values with intervals ``prediction_lower`` and
``prediction_upper`` as well. From it every metric can be computed again and two models compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.errors import InvalidPrediction, UnusableSplit
from ml_assets.problem import FeatureTable, Problem, Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NUMBERS = "fiub"  # NumPy's kinds: floats, whole numbers, truths
BOUNDS = ("lower", "upper")  # of an interval, in the order of an answer's second and third column


def scored_rows(
    problem: Problem, rows: FeatureTable, prediction: np.ndarray, baseline: np.ndarray | None = None
) -> pd.DataFrame:
    """The labelled ones of ``rows`` with what the model, and the baseline if given, say of each.

    Args:
        prediction, baseline: shape (n,), (n, classes) or, with intervals, (n, 3), for all ``rows`` in their order.
    Raises:
        InvalidPrediction: if they are no finite numbers, not one per row, or no probabilities where the task asks for those.
        UnusableSplit: if no row has a label.
    """
    import numpy as np
    import pandas as pd

    entity = rows.keys[problem.entity]
    columns = {
        "entity": entity if entity.hasnans else entity.to_numpy(),
        "label": rows.label,
    }  # NumPy would round nullable ids
    said = {"prediction": np.asarray(prediction)} | ({} if baseline is None else {"baseline": np.asarray(baseline)})
    for who, values in said.items():
        refuse_unusable(who, values, len(rows), problem.task)
        columns |= as_columns(who, values, problem.task)
    known = ~np.isnan(rows.label)
    if not known.any():
        raise UnusableSplit(
            f"None of the {len(rows):,} test rows of {problem.name} has a known {problem.label!r}: nothing can be judged. "
            "Wait until the outcomes have landed, then materialize the split again."
        )
    scored: pd.DataFrame = pd.DataFrame(columns).loc[known].reset_index(drop=True)
    for who in said if problem.task == "multiclass" else ():
        _refuse_unknown_classes(who, values_of(scored, who), int(scored["label"].max()))
    return scored


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
    several: np.ndarray = scored[[name for name in scored if str(name).startswith(f"{who}_")]].to_numpy()
    return several


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


def _refuse_unknown_classes(who: str, values: np.ndarray, highest: int) -> None:
    if values.ndim == 2 and highest >= values.shape[1]:
        raise InvalidPrediction(
            f"The {who} knows classes 0 to {values.shape[1] - 1}, but label {highest} occurs in the rows that judge. "
            f"Let {_source(who)} return a column for every class, also for those that its training rows lack."
        )


def _source(who: str) -> str:
    return "predict" if who == "prediction" else "baseline"


def as_columns(who: str, values: np.ndarray, task: Task) -> dict[str, np.ndarray]:
    """Predictions as named columns: one, one per class, or one and those of the bounds."""
    if values.ndim == 1:
        return {who: values}
    if task == "regression":
        return {who: values[:, 0]} | {f"{who}_{bound}": values[:, 1 + k] for k, bound in enumerate(BOUNDS)}
    return {f"{who}_{k}": values[:, k] for k in range(values.shape[1])}

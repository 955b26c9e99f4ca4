"""Which answers are right, and which are surely wrong: said once, for golden rows, for failures and for who mends them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.errors import InvalidProblem
from ml_assets.evaluation.mistakes import most_probable
from ml_assets.evaluation.scored_rows import classes_of, values_of
from ml_assets.problem import NoRegression, Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Answered:
    """What became of some rows, in their order, shape (n,) each.

    Attributes:
        right: the class that the model takes for the most probable one is the label; the value is near enough.
        surely_wrong: the model was sure of something else. An answer may be neither.
        error: how wrong: the probability of the other classes; of values how far off.
    """

    right: np.ndarray
    surely_wrong: np.ndarray
    error: np.ndarray


def answered(scored: pd.DataFrame, task: Task, asked: NoRegression) -> Answered:
    """What became of the rows of ``scored``, see ``scored_rows``.

    Raises:
        InvalidProblem: if nothing says how far off a value may be.
    """
    if task == "regression":
        return _of_values(scored, asked)
    right, error = _of_two(scored) if task == "binary" else _of_several(scored)
    return Answered(right, ~right & (error >= asked.surely), error)


def _of_two(scored: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    probability, is_so = values_of(scored), scored["label"].to_numpy() == 1
    return (probability >= 0.5) == is_so, np.where(is_so, 1 - probability, probability)


def _of_several(scored: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    label = scored["label"].to_numpy()
    is_of = np.array(classes_of(scored))[None, :] == label[:, None]  # (n, classes); a label without a column has none
    return most_probable(scored) == label, 1 - (values_of(scored) * is_of).sum(axis=1)


def _of_values(scored: pd.DataFrame, asked: NoRegression) -> Answered:
    import numpy as np

    label, said = scored["label"].to_numpy(), values_of(scored)
    error = np.abs((said if said.ndim == 1 else said[:, 0]) - label)
    if asked.beyond is not None:
        right = error <= asked.beyond
    elif said.ndim == 2:
        right = (said[:, 1] <= label) & (label <= said[:, 2])
    else:
        raise InvalidProblem(
            f"NoRegression({asked.rows!r}) does not say when a value is wrong, and the model gives no interval. Give beyond=…, "
            "how far off a value may be."
        )
    return Answered(right, ~right, error)

"""Which answer counts for each row: one, so that each outcome is used once.

A row has the answer of the batch predictions of its partition. Where it was asked for over HTTP, the last answer before its
outcome was known counts instead, whatever came after: of a problem without ``label_time`` the last one before its partition
ended. Watched is the model that gave most of these; what others gave says nothing of it, and is left out. (A promotion at the end
of a partition may have its batch predicted anew by a model that nobody had asked.)

Features are those that the model was given: of rows that were asked for over HTTP as the request had them, where they were
recorded. So a client that sends kilometres for miles is found, though the batch has miles.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.evaluation.scored_rows import values_of
from ml_assets.problem import FeatureTable, Problem

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np
    import pandas as pd

ENTITY, ANSWERED_AT, MODEL = "entity", "answered_at", "model_version"
"""The columns of answers that are read, besides predictions and features."""
FEATURE = "feature_"
"""What the names of features begin with there."""


@dataclass(frozen=True)
class Served:
    """What was answered for rows.

    Attributes:
        prediction: shape (n,), (n, classes) or (n, 3), in the order of the rows.
        features: what it was given for them, (n, features).
        over_http: the rows (n,) whose answer was given over HTTP.
        by_others: the rows (n,) whose answer was given by another model.
    """

    prediction: np.ndarray
    features: pd.DataFrame
    over_http: np.ndarray
    by_others: np.ndarray


def busiest(problem: Problem, rows: FeatureTable, answers: pd.DataFrame, *, batch_by: str, until: datetime) -> str:
    """The model that gave most of the answers that count; of several, that of the batch. Arguments as of ``served``."""
    over_http = Counter(_last(problem, rows, answers, until)[MODEL])
    given = over_http + Counter({batch_by: len(rows) - over_http.total()})
    return max(sorted(given), key=lambda model: (given[model], model == batch_by), default=batch_by)


def served(
    problem: Problem,
    rows: FeatureTable,
    batch: pd.DataFrame,
    answers: pd.DataFrame,
    *,
    model: str,
    batch_by: str,
    until: datetime,
) -> Served:
    """The answer that counts for each row.

    Args:
        batch: the batch predictions of the rows, in their order.
        answers: given over HTTP, with columns ``entity``, ``answered_at``, ``model_version``, those of predictions, and
            ``feature_…`` of the features that are known.
        model: the version that is watched.
        batch_by: the version that made the batch predictions.
        until: the end of the partition.
    """
    import numpy as np

    last = _last(problem, rows, answers, until)
    own = last[last[MODEL] == model]
    prediction = batch.filter(like="prediction").reset_index(drop=True)
    for name in prediction.columns if len(own) else ():
        values = prediction[name].to_numpy(copy=True)
        values[own.index] = own[name].to_numpy()
        prediction[name] = values
    over_http, by_others = np.zeros(len(rows), dtype=bool), np.full(len(rows), model != batch_by)
    by_others[own.index] = False
    over_http[own.index] = True
    by_others[last.index[last[MODEL] != model]] = True
    return Served(values_of(prediction), _given(rows.features, own), over_http, by_others)


def _given(batch: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    """The features with those of ``asked``, by position, in their places; of two types in one that holds both."""
    import pandas as pd

    known = [str(name) for name in batch if f"{FEATURE}{name}" in asked] if len(asked) else []
    left = batch[known].drop(index=asked.index)
    both = {name: pd.concat([left[name], asked[f"{FEATURE}{name}"]]).sort_index() for name in known}
    return batch.assign(**both)


def _last(problem: Problem, rows: FeatureTable, answers: pd.DataFrame, until: datetime) -> pd.DataFrame:
    """The last answer that was in time for each row that has one, by the row's position."""
    import pandas as pd

    position = pd.Series(range(len(rows)), index=_text(rows.keys[problem.entity]))
    asked = answers.assign(row=_text(answers[ENTITY]).map(position))
    asked = asked[asked["row"].notna()].astype({"row": int})
    known = pd.Series(pd.Timestamp(until), index=range(len(rows)))
    if problem.label_time is not None:
        known = pd.to_datetime(rows.keys[problem.label_time], utc=True).fillna(pd.Timestamp(until))
    in_time = asked[pd.to_datetime(asked[ANSWERED_AT], utc=True) < known.to_numpy()[asked["row"]]]
    return in_time.sort_values(ANSWERED_AT, kind="stable").drop_duplicates("row", keep="last").set_index("row")


def _text(entity: pd.Series) -> pd.Series:
    """As text: whole numbers as such, also where others are missing beside them, which makes them floats."""
    from pandas.api.types import is_float_dtype

    is_whole = is_float_dtype(entity.dtype) and not (entity.dropna() % 1).any()
    return (entity.astype("Int64") if is_whole else entity).astype(str)

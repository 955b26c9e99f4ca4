"""The rows that were asked for over HTTP, as monitoring looks at them before their partition has landed.

A row is of the day of its event, where requests said that, else of the day on which it was answered. Of an entity the last
answer counts; rows that do not say of whom they are count each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.evaluation.scored_rows import classes_of, values_of
from ml_assets.monitoring.served import ANSWERED_AT, ENTITY, FEATURE, MODEL
from ml_assets.problem import FeatureTable, Problem

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np
    import pandas as pd

EVENT_TIME, REQUEST, ROW = "event_time", "request_id", "row"
"""The columns of answers that are read besides those of ``served``."""


@dataclass(frozen=True)
class Answered:
    """Rows of a span as they were asked for.

    Attributes:
        rows: with the features that the model was given, and no label.
        prediction: of each, see ``monitor``.
        classes: of several, that of each column of ``prediction``.
    """

    rows: FeatureTable
    prediction: np.ndarray
    classes: tuple[int, ...]


def answered(
    problem: Problem, batches: Iterable[pd.DataFrame], *, model: str, since: datetime, until: datetime
) -> Answered | None:
    """The rows of a span that a model answered; None if there are none.

    Args:
        batches: of answers; a feature counts that all of them have.
        since, until: events of this span, of what was answered before it ended.
    """
    import numpy as np
    import pandas as pd

    frames = [_keyed(frame[frame[MODEL] == model]) for frame in batches]
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return None
    every = pd.concat(frames, ignore_index=True, join="inner")
    inside = every[EVENT_TIME].between(since, until, inclusive="left") & (every[ANSWERED_AT] < until)
    last = every[inside].sort_values(ANSWERED_AT, kind="stable").drop_duplicates([ENTITY, EVENT_TIME], keep="last")
    if last.empty:
        return None
    last = last.reset_index(drop=True)
    names = {ENTITY: problem.entity, EVENT_TIME: problem.event_time}
    keys = pd.DataFrame({called: last[name] for name, called in names.items() if called is not None})
    features = last.filter(regex=f"^{FEATURE}").rename(columns=lambda name: name.removeprefix(FEATURE))
    said = last.filter(regex="^prediction")
    return Answered(FeatureTable(keys, features, np.full(len(last), np.nan)), values_of(said), classes_of(said))


def _keyed(frame: pd.DataFrame) -> pd.DataFrame:
    """With an entity and a time in each row, whether or not the request said them."""
    import pandas as pd

    request = frame[REQUEST].astype(str) + " " + frame[ROW].astype(str)
    said = frame[ENTITY].astype(object) if ENTITY in frame else pd.Series(None, frame.index, dtype=object)
    at = pd.to_datetime(frame[ANSWERED_AT], utc=True)
    event = pd.to_datetime(frame[EVENT_TIME], utc=True) if EVENT_TIME in frame else at
    return frame.assign(**{ENTITY: said.where(said.notna(), request), ANSWERED_AT: at, EVENT_TIME: event.fillna(at)})

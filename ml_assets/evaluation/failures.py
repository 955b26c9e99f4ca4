"""The failures of a partition: rows on which its champion was surely wrong, of many that are alike the worst one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.evaluation.answered import answered
from ml_assets.evaluation.faults import grouped
from ml_assets.problem import FeatureTable, NoRegression, Problem

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST = 100  # of a partition: largest first
USUAL_ROWS = 10_000  # of a partition say which values are usual

PARTITION, ENTITY, EVENT_TIME = "partition", "entity", "event_time"
FAILURE, ROWS, ERROR, MODEL = "failure", "rows", "error", "model_version"


@dataclass(frozen=True)
class Failures:
    """What went wrong in a partition.

    Attributes:
        rows: one per fault, the largest and worst first: ``failure``, which names it; ``partition``, ``entity``, ``event_time``
            of the row that stands for it; ``rows``, how many are alike; ``error``; ``label`` and what was predicted; and
            ``model_version``, whose answer it was.
        judged: how many rows have an outcome and a prediction.
        wrong: on how many of them the champion was surely wrong.
        left_out: how many of these are in none of the faults, because there are more than are kept.
    """

    rows: pd.DataFrame
    judged: int
    wrong: int
    left_out: int


def failures_of(
    problem: Problem, asked: NoRegression, partition: str, table: FeatureTable, predictions: pd.DataFrame
) -> Failures:
    """The failures among the rows of a partition whose outcome is known.

    Args:
        table: its rows, with outcomes as they are known now.
        predictions: what was predicted for them, by ``entity`` and event time.
    """
    import numpy as np

    scored = _scored(problem, table, predictions)
    at = np.flatnonzero(scored[MODEL].notna() & scored["label"].notna())
    judged = scored.iloc[at].reset_index(drop=True)
    found = answered(judged, problem.task, asked)
    wrong = np.flatnonzero(found.surely_wrong)
    names = np.array(_names(problem, partition, judged.iloc[wrong]), dtype=object)
    worst_first = np.lexsort((names, -found.error[wrong]))  # whatever the order of the rows
    names, wrong = names[worst_first], wrong[worst_first]
    usual = table.rows(np.arange(0, len(table), max(1, len(table) // USUAL_ROWS))).features
    leaders, sizes = _largest(grouped(table.rows(at[wrong]).features, usual))
    error = found.error[wrong[leaders]]
    rows = judged.iloc[wrong[leaders]].reset_index(drop=True)
    told = {FAILURE: names[leaders], PARTITION: partition, ROWS: sizes, ERROR: error}
    return Failures(rows.assign(**told)[[*told, *rows]], len(at), len(wrong), len(wrong) - int(sizes.sum()))


def problem_keys(problem: Problem) -> dict[str, str]:
    """What tells rows of a partition apart: ``entity`` and ``event_time`` -> the problem's column."""
    return {ENTITY: problem.entity, **({EVENT_TIME: problem.event_time} if problem.event_time else {})}


def _scored(problem: Problem, table: FeatureTable, predictions: pd.DataFrame) -> pd.DataFrame:
    """A row for each of the table: what tells it, its label, what was predicted and by whom; missing where nobody did."""
    keys = problem_keys(problem)
    said = predictions.rename(columns={column: name for name, column in keys.items()})
    rows = table.keys[list(keys.values())].set_axis(list(keys), axis=1)
    merged = rows.assign(label=table.label).merge(said, on=list(keys), how="left", validate="many_to_one")
    return merged


def _largest(leader: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The leaders (k,) of the largest groups, of equal ones the worst first, and how many rows each group has."""
    import numpy as np

    leaders, sizes = np.unique(leader[leader >= 0], return_counts=True)
    order = np.argsort(-sizes, kind="stable")[:MOST]
    return leaders[order], sizes[order]


def _names(problem: Problem, partition: str, rows: pd.DataFrame) -> list[str]:
    """``2013-05:3f9a1c22``: the same whenever and wherever it is found."""
    keys = [rows[name].astype(str) for name in problem_keys(problem)]
    return [f"{partition}:{_digest(chr(10).join(of))}" for of in zip(*keys, strict=True)]


def _digest(text: str) -> str:
    from blake3 import blake3

    return blake3(text.encode()).hexdigest(length=4)

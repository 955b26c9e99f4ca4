"""Which of two models is better, where they were judged on other rows: both are scored on rows that neither was fitted on.

A month can be easier than another: 0.62 on one and 0.75 on another say nothing about two models. So each answers for the
other's test rows as well, as far as neither was fitted on them or chosen by them, and only those answers are compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.assets import noun_that
from ml_assets.errors import FeatureMismatch, InvalidPrediction
from ml_assets.evaluation.comparison import Comparison, compare_answers
from ml_assets.evaluation.metrics import written
from ml_assets.evaluation.scored_rows import paired
from ml_assets.lineage.diff.side import Side
from ml_assets.lineage.judged import MODEL
from ml_assets.problem import FeatureTable, Problem
from ml_assets.promotion.unseen import is_also_in, is_seen, judging_rows, scored_by
from ml_assets.store import Handle

if TYPE_CHECKING:
    import numpy as np

MOST_ROWS = 100_000  # of each test; of more a sample is scored
Told = Callable[[str], None]


@dataclass(frozen=True)
class JudgingRows:
    """The labelled test rows of one of the two models.

    Attributes:
        partition: of the model.
        rows: how many there are, of many a sample.
        unseen: how many of them neither model was fitted on or chosen by; both answered for these.
    """

    partition: str
    rows: int
    unseen: int


@dataclass(frozen=True)
class ScoredAgain:
    """A verdict on rows that neither model was fitted on, or why there is none.

    Attributes:
        gain: by how much the new model is better in the metric that decides; None where there are no such rows, or they cannot
            be scored.
        tests: of the old model and of the new one.
        no_verdict: why there is no gain, as a sentence; else empty.
    """

    gain: Comparison | None
    tests: tuple[JudgingRows, ...] = ()
    no_verdict: str = ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """On which rows of which partitions, and what came out; or why nothing did."""
        if self.gain is None:
            return (f"no verdict: {self.no_verdict}",)
        tests = ", ".join(f"{of.unseen:,} of {of.rows:,} of {of.partition}" for of in self.tests)
        where = f"scored again on {self.gain.rows:,} test rows that neither was fitted on ({tests}):"
        return where, f"{_values(self.gain)}: {self.gain.outcome}; {_sure(self.gain)}"


def _values(gain: Comparison) -> str:
    old = written(gain.champion, gain.unit, apart_from=gain.challenger)
    return f"{gain.metric} {old} -> {written(gain.challenger, gain.unit, apart_from=gain.champion)}"


def _sure(gain: Comparison) -> str:
    if gain.too_few:
        return f"too few rows to tell: {gain.too_few}"
    if math.isnan(gain.confidence):
        return "which is better cannot be told"
    margin = f" by more than {gain.by:g}" if gain.by else ""
    return f"confidence {gain.confidence:.4g} that the new one is better{margin}"


def scored_again(problem: Problem, old: Side, new: Side, told: Told) -> ScoredAgain:
    """Score both models on each other's test rows, as far as that is fair.

    Args:
        old, new: two evaluations of models that were judged on other rows.
        told: is told what is about to be done, once there is something to do.
    """
    before, after = _made_from(old), _made_from(new)
    if before is None or after is None:
        return ScoredAgain(None, no_verdict="It is not recorded by which model and split they were judged.")
    theirs, ours = _labelled(before), _labelled(after)
    fair = [theirs.rows(~_seen(problem, after, theirs)), ours.rows(~_seen(problem, before, ours))]
    tests = tuple(
        JudgingRows(str(of.model.key.partition), len(all_of), len(rows))
        for of, all_of, rows in zip((before, after), (theirs, ours), fair, strict=True)
    )
    fair[0] = fair[0].rows(~is_also_in(problem, fair[0], fair[1]))  # a row of both tests counts once
    asked = sum(map(len, fair))
    if not asked:
        return ScoredAgain(None, tests, "Each test row of the one is a row that the other was fitted on or chosen by.")
    told(f"scoring 2 models on {asked:,} test rows that neither was fitted on")
    try:
        gain = _compared(problem, before.model, after.model, fair)
    except (FeatureMismatch, InvalidPrediction) as unfit:
        return ScoredAgain(None, tests, f"They cannot both answer for these rows: {unfit}")
    return ScoredAgain(gain, tests)


@dataclass(frozen=True)
class _MadeFrom:
    """What an evaluation was made from."""

    model: Handle
    split: Handle


def _made_from(evaluation: Side) -> _MadeFrom | None:
    handle = Handle(evaluation.store, evaluation.key, manifest=evaluation.manifest)
    model, split = (next(iter(handle.inputs(name)), None) for name in (MODEL, noun_that("divides")))
    return _MadeFrom(model, split) if model and split else None


def _labelled(of: _MadeFrom) -> FeatureTable:
    """The labelled test rows; a sample where there are very many."""
    import numpy as np

    rows = judging_rows(of.split)
    known = np.flatnonzero(~np.isnan(rows.label))
    if len(known) > MOST_ROWS:
        known = np.sort(np.random.default_rng(0).permutation(known)[:MOST_ROWS])
    return rows.rows(known)


def _seen(problem: Problem, by: _MadeFrom, rows: FeatureTable) -> np.ndarray:
    return is_seen(problem, by.split.load(), rows)


def _compared(problem: Problem, old: Handle, new: Handle, tests: Sequence[FeatureTable]) -> Comparison:
    import pandas as pd

    scored = (
        pd.concat([scored_by(problem, model, rows) for rows in tests if len(rows)], ignore_index=True)
        for model in (new, old)
    )
    return compare_answers(problem.promote_when, *paired(*scored))

"""How often `Better(confidence=0.95)` promotes a challenger that is no better, and how often it finds one that is.

    python -m benchmarks.promotion_errors [pairs]

For each metric and number of rows so many pairs of models (400 unless told): *promoted* of those that are equally good, which
should be 0.05 at most, and what the paired percentile bootstrap would have promoted. Then the power: of challengers whose
mean gain is 2.5 standard errors, the share that is promoted.

Skewed differences of equal mean are the hard case, and are printed, too: no test of a mean keeps its level there on few rows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from ml_assets.evaluation.comparison import compare_answers
from ml_assets.evaluation.intervals import improvement, resampled
from ml_assets.evaluation.metrics import LOG_LOSS, MAE
from ml_assets.problem import Better
from ml_assets_tests.evaluation.equals import CASES, Case, Pair

ROWS = (1, 2, 3, 5, 10, 30, 100)
RESAMPLES = 300


def differences(draw: Callable[[np.random.Generator, int], np.ndarray]) -> Callable[[np.random.Generator, int], Pair]:
    """Models whose absolute errors differ by what is drawn, row by row."""

    def pair(rng: np.random.Generator, rows: int) -> Pair:
        gains = draw(rng, rows)
        return np.zeros(rows), 100 - gains, np.full(rows, 100.0)

    return pair


def overconfident(rng: np.random.Generator, rows: int) -> Pair:
    """0.01 against 0.1 where 4 % are ones: the same expected log loss, a little better on 24 rows, much worse on the 25th."""
    chance = np.log(0.99 / 0.9) / (np.log(0.99 / 0.9) + np.log(10))
    return (rng.random(rows) < chance).astype(float), np.full(rows, 0.01), np.full(rows, 0.1)


SKEWED = (
    Case(MAE, "rarely much worse (exponential)", differences(lambda rng, rows: 1 - rng.exponential(size=rows))),
    Case(MAE, "rarely much better (exponential)", differences(lambda rng, rows: rng.exponential(size=rows) - 1)),
    Case(MAE, "very skewed (lognormal)", differences(lambda rng, rows: np.exp(0.5) - rng.lognormal(size=rows))),
    Case(LOG_LOSS, "overconfident on a rare class", overconfident),
)


def better_by(errors: float) -> Case:
    """A mean gain of so many standard errors, of differences that are normal."""
    draw = differences(lambda rng, rows: rng.normal(errors / np.sqrt(rows), 1, rows))
    return Case(MAE, f"a gain of {errors:g} standard errors", draw)


def promoted(case: Case, rows: int, pairs: int) -> tuple[float, float]:
    """The share of challengers that our rule promotes, and that the share of bootstrap resamples would have."""
    rng, rule = np.random.default_rng(rows), Better(case.metric)
    drawn = [case.draw(rng, rows) for _ in range(pairs)]
    ours = sum(compare_answers(rule, *pair, resamples=RESAMPLES).confidence >= rule.confidence for pair in drawn)
    return ours / pairs, sum(_bootstrap(case, *pair) >= rule.confidence for pair in drawn) / pairs


def _bootstrap(case: Case, label: np.ndarray, new: np.ndarray, old: np.ndarray) -> float:
    draws = resampled([case.metric], label, {"new": new, "old": old}, resamples=RESAMPLES)
    gains = improvement(case.metric, draws["new"][case.metric.name], draws["old"][case.metric.name])
    known = gains[~np.isnan(gains)]
    return float((known > 0).mean()) if len(known) else 0.0


def main(pairs: int) -> None:
    """Print the tables, a line as soon as it is known."""
    for title, cases, sizes in (
        ("equally good: ours / bootstrap", CASES, ROWS),
        ("equal in the mean, skewed: ours / bootstrap", SKEWED, ROWS),
        ("better: ours / bootstrap", (better_by(2.5),), (10, 30, 100, 1000)),
    ):
        print(f"\n{title:44}" + "".join(f"{rows:>14}" for rows in sizes))
        for case in cases:
            shares = [promoted(case, rows, pairs) for rows in sizes]
            print(f"{case!s:44}" + "".join(f"{ours:8.3f} {theirs:.3f}" for ours, theirs in shares), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)

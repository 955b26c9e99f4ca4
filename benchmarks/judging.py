"""Judging a model against training it: boosted trees of scikit-learn on many rows and on many columns, in one process.

    python -m benchmarks.judging            # 3,500,000 rows x 22, of which 750,000 judge, and 1,600 x 2,000: 2 GB, minutes
    python -m benchmarks.judging quick      # a tenth of the rows; that is what `python -m benchmarks` measures

Judging is what the evaluation computes: predictions of the test rows, metrics with intervals, slices, importance and drift of
features. Where its seconds go is printed, too; and what drawing the figures takes, which is left out of the ratio.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from benchmarks.comparison import Comparison
from ml_assets.settings import let_waiting_threads_yield

if TYPE_CHECKING:
    import numpy as np

    from ml_assets.problem import FeatureTable, Problem

PARTS = ("predictions", "intervals", "metrics, slices", "importance", "drift")


@dataclass(frozen=True)
class Judging:
    """A table, and how long its model is trained.

    Attributes:
        rows: all rows; ``judging`` of them judge.
        iterations: trees of the model.
        at_most: seconds of judging per second of training that we claim.
    """

    rows: int
    judging: int
    columns: int
    iterations: int
    at_most: float
    rounds: int = 1

    def compare(self) -> Comparison:
        ours, theirs = [], []
        for _ in range(self.rounds):
            clock = self.measure()
            print(clock.told(str(self)), file=sys.stderr)
            theirs.append(clock.seconds["training"])
            ours.append(sum(clock.seconds[part] for part in PARTS))
        return Comparison(f"judging, {self}", "training", ours, theirs, self.at_most)

    def __str__(self) -> str:
        return f"{self.judging:,} x {self.columns:,}"

    def measure(self) -> Clock:
        let_waiting_threads_yield()  # before OpenMP is loaded, as steps do

        import numpy as np
        from sklearn.ensemble import HistGradientBoostingClassifier

        from ml_assets import figures
        from ml_assets.drift.statistics import drift_of_features
        from ml_assets.evaluation.importance import permutation_importance
        from ml_assets.evaluation.intervals import intervals
        from ml_assets.evaluation.judge import judge_scored
        from ml_assets.evaluation.metrics import Answers
        from ml_assets.evaluation.scored_rows import scored_rows

        problem, train, test = self.problem(), self.table(0, self.rows - self.judging), self.table(1, self.judging)
        model, clock = HistGradientBoostingClassifier(max_iter=self.iterations, early_stopping=False), Clock()

        def answer(features: Any) -> np.ndarray:
            said: np.ndarray = model.predict_proba(features)[:, 1]
            return said

        clock("training", lambda: model.fit(train.features, train.label))
        prediction, rate = clock("predictions", lambda: answer(test.features)), np.full(len(test), train.label.mean())
        answers = {"model": Answers(test.label, prediction), "baseline": Answers(test.label, rate)}
        clock("intervals", lambda: intervals(problem.metrics, answers))
        scored = scored_rows(problem, test, prediction, rate)
        report = clock("metrics, slices", lambda: judge_scored(problem, test, scored))
        clock.seconds["metrics, slices"] -= clock.seconds["intervals"]  # which are in both
        clock("importance", lambda: permutation_importance(problem.metrics[0], test, answer))
        clock("drift", lambda: drift_of_features(train.features, test.features))
        clock("figures", lambda: figures.draw(figures.binary_report(test.label, prediction, rate)))
        assert report.rows == self.judging
        return clock

    def table(self, seed: int, rows: int) -> FeatureTable:
        """Normal columns, of which two matter; a fifth of the labels are 1."""
        import numpy as np
        import pandas as pd

        from ml_assets.problem import FeatureTable

        rng = np.random.default_rng(seed)
        features = pd.DataFrame(rng.normal(size=(rows, self.columns))).add_prefix("c")
        label = (features["c0"] + features["c1"] / 2 + rng.logistic(size=rows) > 2).to_numpy(dtype=float)
        return FeatureTable(pd.DataFrame({"id": np.arange(rows), "hour": np.arange(rows) % 24}), features, label)

    def problem(self) -> Problem:
        from ml_assets.evaluation.metrics import AUROC, AVERAGE_PRECISION, BRIER, CALIBRATION_ERROR
        from ml_assets_tests.evaluation.toy import toy_problem

        return toy_problem(metrics=(AUROC, AVERAGE_PRECISION, BRIER, CALIBRATION_ERROR), slices=("hour",))


@dataclass(frozen=True)
class Clock:
    """The seconds of each part."""

    seconds: dict[str, float] = field(default_factory=dict)

    def __call__(self, part: str, do: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = do()
        self.seconds[part] = time.perf_counter() - started
        return result

    def told(self, of: str) -> str:
        parts = ", ".join(f"{part} {seconds:.2f} s" for part, seconds in self.seconds.items())
        return f"{of}: {parts}"


LONG = Judging(rows=3_500_000, judging=750_000, columns=22, iterations=25, at_most=0.5)
WIDE = Judging(rows=1_600, judging=320, columns=2_000, iterations=15, at_most=1.0)
QUICK = replace(LONG, rows=350_000, judging=75_000)
BENCHMARKS = (QUICK, WIDE)


if __name__ == "__main__":
    from benchmarks.__main__ import table

    measured = [each.compare() for each in (BENCHMARKS if "quick" in sys.argv[1:] else (LONG, WIDE))]
    print(*table(measured), sep="\n")
    sys.exit(0 if all(one.holds for one in measured) else 1)

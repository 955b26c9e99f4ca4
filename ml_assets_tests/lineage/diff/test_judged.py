from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from ml_assets.evaluation.judge import Estimate, Evaluation, GateVerdict
from ml_assets.evaluation.metrics import AUROC, BRIER
from ml_assets.evaluation.slices import SliceScore
from ml_assets.lineage.diff.judged import GateDiff, gain, gates_diff, metrics_diff, slices_diff
from ml_assets.problem import Better
from ml_assets.store import Content, Manifest


def judged(**values: tuple[float | None, float | None, float | None]) -> Manifest:
    metrics = {n: {"value": v, "low": low, "high": high, "baseline": 0.5} for n, (v, low, high) in values.items()}
    content = Content("json", {}, ())
    return Manifest(
        "umbrellas/evaluation", "2024-01", content, metrics=metrics, notes={"metrics_in_order": list(values)}
    )


def report(slices: tuple[SliceScore, ...] = (), gates: tuple[GateVerdict, ...] = ()) -> Evaluation:
    return Evaluation(10, 0, {"auroc": Estimate(0.7, 0.6, 0.8)}, {}, slices, gates)


def test_a_metric_is_better_in_its_own_direction_and_may_be_so_by_chance():
    old = judged(auroc=(0.70, 0.65, 0.75), brier=(0.20, 0.18, 0.22))
    new = judged(auroc=(0.72, 0.67, 0.77), brier=(0.10, 0.08, 0.12))
    auroc, brier = metrics_diff(old, new, (AUROC, BRIER))
    assert (auroc.name, auroc.better, auroc.overlap) == ("auroc", True, True)
    assert (brier.name, brier.better, brier.overlap) == ("brier", True, False)
    assert (auroc.old["low"], auroc.new["high"]) == (0.65, 0.77)
    assert [metric.better for metric in metrics_diff(new, old, (AUROC, BRIER))] == [False, False]


def test_a_direction_that_nobody_knows_is_not_made_up():
    (found,) = metrics_diff(judged(profit=(1, 0, 2)), judged(profit=(2, 1, 3)))
    assert (found.better, found.overlap) == (None, True)


def test_what_is_undefined_or_was_not_computed_is_neither_better_nor_worse():
    old, new = judged(auroc=(None, None, None), brier=(0.2, 0.1, 0.3)), judged(auroc=(0.7, 0.6, 0.8))
    auroc, brier = metrics_diff(old, new, (AUROC, BRIER))
    assert (auroc.better, auroc.overlap) == (None, None)
    assert (brier.new, brier.better, brier.overlap) == (None, None, None)


def test_metrics_that_are_all_equal_are_not_repeated():
    assert metrics_diff(judged(auroc=(0.7, 0.6, 0.8)), judged(auroc=(0.7, 0.6, 0.8)), (AUROC,)) == ()


def test_numbers_from_other_rows_are_neither_better_nor_worse():
    old, new = (
        judged(auroc=(0.6, 0.5, 0.7), brier=(0.2, 0.1, 0.3)),
        judged(auroc=(0.9, 0.8, 1.0), brier=(0.1, 0.0, 0.2)),
    )
    assert [of.better for of in metrics_diff(old, new, (AUROC, BRIER), same_rows=False)] == [None, None]


def scored(noise: float) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 300).astype(float)
    prediction = np.clip(0.3 + 0.4 * label + noise * rng.normal(size=300), 0, 1)
    return pd.DataFrame({"entity": np.arange(300), "label": label, "prediction": prediction})


def test_on_the_same_rows_the_gain_has_an_interval_of_its_own():
    found = gain(Better(BRIER), scored(0.5), scored(0.1))
    assert found is not None
    assert (found.metric, found.rows) == ("brier", 300)
    assert 0 < found.low < found.gain < found.high


@pytest.mark.parametrize(
    "change",
    [lambda rows: rows.head(299), lambda rows: rows.iloc[::-1], lambda rows: rows.assign(label=1 - rows["label"])],
    ids=["other rows", "another order", "other labels"],
)
def test_on_other_rows_nobody_can_tell_the_gain(change):
    assert gain(Better(BRIER), scored(0.5), change(scored(0.1))) is None


def slices(**scores: float | None) -> tuple[SliceScore, ...]:
    return tuple(SliceScore("shop", name, 100, {"auroc": score}) for name, score in scores.items())


def test_slices_that_moved_most_come_first_and_those_that_nobody_could_judge_are_left_out():
    old = report(slices(east=0.7, west=0.6, north=None, gone=0.5, still=0.5))
    new = report(slices(east=0.6, west=0.9, north=0.9, new=0.5, still=0.5))
    assert [(of.value, of.old, of.new, of.rows) for of in slices_diff(old, new, "auroc")] == [
        ("west", 0.6, 0.9, (100, 100)),
        ("east", 0.7, 0.6, (100, 100)),
    ]
    assert slices_diff(old, new, "brier") == ()


def test_no_more_than_five_slices_are_shown():
    old, new = (report(slices(**{f"s{n}": of * n / 10 for n in range(1, 10)})) for of in (0.1, 0.9))
    assert [of.value for of in slices_diff(old, new, "auroc")] == ["s9", "s8", "s7", "s6", "s5"]


GATE = GateVerdict("auroc", "at least", 0.7, 0.6, passed=True)


def test_a_gate_whose_verdict_changed_is_told_by_both_sentences():
    failed = dataclasses.replace(GATE, value=0.5, passed=False)
    of_east = dataclasses.replace(GATE, slice="shop = east")
    untold = dataclasses.replace(of_east, passed=False, untold="12 rows that judge are of it")
    found = gates_diff(report(gates=(GATE, of_east)), report(gates=(failed, untold)))
    assert found == (
        GateDiff("auroc", False, GATE.sentence, failed.sentence),
        GateDiff("auroc of shop = east", False, of_east.sentence, untold.sentence),
    )


@pytest.mark.parametrize(
    "other",
    [(GATE,), (dataclasses.replace(GATE, value=0.65),), (dataclasses.replace(GATE, metric="brier", passed=False),), ()],
    ids=["the same", "another value", "another gate", "no gate"],
)
def test_gates_with_the_same_verdict_or_of_one_version_only_are_not_told(other):
    assert gates_diff(report(gates=(GATE,)), report(gates=other)) == ()


def test_a_gate_of_an_undefined_metric_fails_and_says_so():
    undefined = dataclasses.replace(GATE, value=math.nan, passed=False)
    (found,) = gates_diff(report(gates=(GATE,)), report(gates=(undefined,)))
    assert found.new.startswith("auroc undefined fails its gate")

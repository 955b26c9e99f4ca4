"""What is estimated before outcomes are known, held against what came: how often the interval has it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml_assets.evaluation.metrics import (
    ACCURACY,
    AUROC,
    AVERAGE_PRECISION,
    BRIER,
    CALIBRATION_ERROR,
    LOG_LOSS,
    MAE,
    RMSE,
    Answers,
    value_of,
)
from ml_assets.evaluation.units import Units
from ml_assets.monitoring.estimate import Judged, Said, estimate
from ml_assets.problem import Metric

BINARY = (AUROC, AVERAGE_PRECISION, BRIER, LOG_LOSS)
ROWS = 150  # of a day


def binary_days(rng, days: int, harder: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Label and overconfident score; days differ in how often it happens, as the score does not know."""
    day = np.repeat(np.arange(days), ROWS)
    known = rng.normal(size=days * ROWS) * (1 - harder)
    chance = 1 / (1 + np.exp(-(known - 0.7 + 0.3 * rng.normal(size=days)[day])))
    return (rng.random(len(day)) < chance) * 1.0, 1 / (1 + np.exp(-2 * (known - 0.7)))


def days(count: int) -> Units:
    return Units("day", np.repeat(np.arange(count), ROWS))


def test_the_interval_has_what_came_about_as_often_as_it_says_and_follows_what_changes():
    rng, inside, off = np.random.default_rng(0), [], []
    for _ in range(60):
        (label, score), (came, said) = (
            binary_days(rng, 10),
            binary_days(rng, 10, harder=0.5),
        )  # scores say less than before
        found = estimate("binary", BINARY, Judged(Said(score), label), days(10), Said(said), units_now=10)
        truth = {one.name: value_of(one, Answers(came, said)) for one in BINARY}
        inside.append([found.values[name].low <= value <= found.values[name].high for name, value in truth.items()])
        off.append([found.values[name].value - value for name, value in truth.items()])
    assert (np.mean(inside, axis=0) >= 0.85).all()
    assert (abs(np.mean(off, axis=0)) < 0.02).all()
    before = value_of(AUROC, Answers(label, score))
    assert found.values["auroc"].value < before - 0.05


def test_probabilities_that_are_no_probabilities_are_calibrated_first():
    rng = np.random.default_rng(1)
    (label, score), (came, said) = binary_days(rng, 10), binary_days(rng, 10)
    found = estimate("binary", (BRIER,), Judged(Said(score), label), days(10), Said(said), units_now=10).values["brier"]
    as_said = float((said * (1 - said)).mean())  # what scores that were believed would promise
    realised = value_of(BRIER, Answers(came, said))
    assert abs(found.value - realised) < abs(as_said - realised) / 2


def test_of_several_classes_each_is_calibrated():
    rng = np.random.default_rng(0)
    chance = rng.dirichlet([1, 1, 1], size=3_000)
    label = np.array([rng.choice(3, p=p) for p in chance]) * 1.0
    bold = chance**2 / (chance**2).sum(axis=1, keepdims=True)
    judged = Judged(Said(bold[:1_500]), label[:1_500])
    found = estimate("multiclass", (ACCURACY, BRIER), judged, days(10), Said(bold[1_500:]), units_now=10)
    for metric in (ACCURACY, BRIER):
        came = value_of(metric, Answers(label[1_500:], bold[1_500:]))
        assert found.values[metric.name].low <= came <= found.values[metric.name].high


@pytest.mark.parametrize("with_features", [False, True])
def test_of_values_the_loss_is_predicted_from_the_answer_and_from_features(with_features):
    rng = np.random.default_rng(0)
    noisy = rng.random(3_000)
    noisy[1_500:] = 0.5 + noisy[1_500:] / 2  # there are more hard rows than before
    value = rng.normal(size=3_000) if with_features else 5 * noisy
    label = value + noisy * 3 * rng.normal(size=3_000)
    features = noisy[:, None] if with_features else None
    every = Judged(Said(value, features), label)
    judged, now = every.rows(np.arange(1_500)), every.rows(np.arange(1_500, 3_000))
    found = estimate("regression", (MAE, RMSE), judged, days(10), now.said, units_now=10).values
    for metric in (MAE, RMSE):
        then, came = (value_of(metric, Answers(of.label, of.said.prediction)) for of in (judged, now))
        assert found[metric.name].low <= came <= found[metric.name].high
        assert found[metric.name].value > then + 0.6 * (came - then)


def test_what_cannot_be_estimated_says_why():
    label, score = binary_days(np.random.default_rng(0), 10)
    judged, own = Judged(Said(score), label), Metric("own", True, lambda label, said, weights: weights.sum(axis=1))

    def why(task, metric, of: Judged, said: Said = judged.said) -> str:
        return estimate(task, (metric,), of, days(10), said, units_now=1).untold[metric.name]

    assert why("binary", AUROC, judged.rows(np.arange(40))) == "40 rows judged the model, and at least 100 are needed"
    assert "a class has 0 of the rows" in why("binary", AUROC, replace(judged, label=0 * label))
    assert why("binary", AUROC, judged, judged.said.rows(np.arange(0))) == "there are no rows"
    assert "chance in outcomes enlarges" in why("binary", CALIBRATION_ERROR, judged)
    assert {why(task, own, judged)[:33] for task in ("regression", "binary")} == {"it is no mean of losses and no ra"}


def test_of_few_days_there_is_an_estimate_and_no_interval():
    label, score = binary_days(np.random.default_rng(0), 3)
    found = estimate("binary", (AUROC,), Judged(Said(score), label), days(3), Said(score), units_now=3).values["auroc"]
    assert 0.5 < found.value < 1
    assert np.isnan([found.low, found.high]).all()
    assert found.method == "no interval: 3 days judged the model, and at least 6 are needed"

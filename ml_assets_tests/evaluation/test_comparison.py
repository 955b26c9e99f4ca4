from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import IncomparableEvaluations
from ml_assets.evaluation.comparison import compare
from ml_assets.evaluation.metrics import ACCURACY, AUROC, BRIER, MAE
from ml_assets.problem import Better

LABEL = np.arange(200) % 2.0
NOISE = np.random.default_rng(0).random(200)


def scored(prediction, label=LABEL):
    return pd.DataFrame({"entity": [f"f{i}" for i in range(len(label))], "label": label, "prediction": prediction})


GOOD, BAD = scored(0.3 * LABEL + 0.7 * NOISE), scored(NOISE)


@pytest.mark.parametrize("metric", [AUROC, BRIER], ids=["higher is better", "lower is better"])
def test_the_better_model_has_a_positive_gain_whichever_way_the_metric_goes(metric):
    found = compare(Better(metric), challenger=GOOD, champion=BAD, resamples=200)
    assert found.low < found.gain < found.high
    assert found.gain == pytest.approx(abs(found.challenger - found.champion))
    assert found.confidence > 0.95
    other = compare(Better(metric), challenger=BAD, champion=GOOD, resamples=200)
    assert other.gain == -found.gain
    assert other.confidence == pytest.approx(1 - found.confidence)


def test_confidence_is_that_of_exceeding_the_asked_gain():
    """Better by exactly 2 on every row: surely by more than 1.9, surely not by more than 2.1."""
    close, far = scored(LABEL + 1), scored(LABEL + 3)
    assert compare(Better(MAE, by=1.9), challenger=close, champion=far, resamples=1000).confidence > 0.999
    assert compare(Better(MAE, by=2.1), challenger=close, champion=far, resamples=1000).confidence < 0.001


def test_a_comparison_reads_as_a_sentence():
    found = compare(Better(MAE), challenger=scored(LABEL + 1), champion=scored(LABEL + 3), resamples=50)
    assert found.sentence == (
        "mae 1.000 vs champion 3.000 on the same 200 rows: better by 2.000, 95 % interval [2.000, 2.000]"
    )
    worse = compare(Better(MAE), challenger=scored(LABEL + 3), champion=scored(LABEL + 1), resamples=50)
    assert "worse by 2.000, 95 % interval [-2.000, -2.000]" in worse.sentence
    same = compare(Better(MAE), challenger=GOOD, champion=GOOD, resamples=50)
    assert "no better and no worse" in same.sentence


def test_a_comparison_of_undefined_metrics_is_json_with_nulls_and_says_what_is_missing():
    ones = scored(NOISE, np.ones(200))
    plain = json.loads(json.dumps(compare(Better(AUROC), challenger=ones, champion=ones).to_json(), allow_nan=False))
    assert (plain["confidence"], plain["gain"], plain["rows"]) == (None, None, 200)
    assert plain["too_few"] == "label 0 is that of 0 of 200 rows, and a confidence of 0.95 needs at least 5 of each"


def test_an_infinite_metric_is_neither_better_nor_undefined():
    lost = compare(Better(MAE), challenger=scored(np.where(NOISE < 0.1, np.inf, LABEL)), champion=scored(LABEL))
    plain = json.loads(json.dumps(lost.to_json(), allow_nan=False))
    assert (plain["challenger"], plain["gain"], plain["confidence"]) == ("Infinity", "-Infinity", None)
    assert lost.sentence == "mae inf vs champion 0.000 on the same 200 rows: worse by inf, no 95 % interval"


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
@pytest.mark.parametrize("metric", [MAE, BRIER], ids=lambda metric: metric.name)
def test_on_a_handful_of_rows_nothing_is_told_however_clear_they_look(metric, rows):
    found = compare(
        Better(metric), challenger=scored(LABEL[:rows], LABEL[:rows]), champion=scored(1 - LABEL[:rows], LABEL[:rows])
    )
    assert np.isnan([found.confidence, found.low, found.high]).all()
    assert found.gain == 1
    assert f"{rows} labelled row" in found.too_few
    assert found.too_few.endswith(f"and a confidence of 0.95 needs at least 5: {5 - rows} more")
    assert found.sentence.endswith("better by 1.000, no 95 % interval")


def test_of_two_classes_each_needs_rows_and_of_numbers_only_all_together():
    label = (np.arange(100) < 4).astype(float)
    two = compare(Better(BRIER), challenger=scored(label, label), champion=scored(1 - label, label))
    assert two.too_few == "label 1 is that of 4 of 100 rows, and a confidence of 0.95 needs at least 5 of each"
    numbers = compare(Better(MAE), challenger=scored(label, label * 9), champion=scored(label + 99, label * 9))
    assert (numbers.too_few, numbers.confidence > 0.95) == ("", True)


@pytest.mark.parametrize(
    ("champion", "fault"),
    [
        (BAD.iloc[:-3], "3 rows are only the former's and 0 only the latter's, such as 'f197'"),
        (BAD.assign(entity=BAD["entity"].replace("f0", "x0")), "1 rows are only the former's and 1 only the latter's"),
        (BAD.iloc[::-1], "the same rows, but in another order"),
        (BAD.assign(label=np.where(np.arange(200) < 4, 1 - LABEL, LABEL)), "the labels of 4 rows differ"),
    ],
    ids=["fewer rows", "other rows", "other order", "other labels"],
)
def test_challenger_judged_on_other_rows_is_not_compared(champion, fault):
    with pytest.raises(IncomparableEvaluations) as caught:
        compare(Better(AUROC), challenger=GOOD, champion=champion, names=("challenger b812", "champion 07de"))
    message = str(caught.value)
    assert message.startswith(f"challenger b812 was judged on 200 rows, champion 07de on {len(champion)}: {fault}")
    assert message.endswith("Evaluate champion 07de on the rows of challenger b812 first.")


def of_classes(label, **columns):
    return pd.DataFrame({"entity": [f"f{i}" for i in range(len(label))], "label": label} | columns)


def test_a_challenger_with_a_class_more_is_compared_on_the_same_columns():
    """The champion, of 0 and 2, says 0 of class 3: it is wrong on those rows and no less right on the others."""
    label = np.array([0.0, 2.0, 3.0, 3.0])
    champion = of_classes(label, prediction_0=[1.0, 0, 1, 0], prediction_2=[0.0, 1, 0, 1])
    challenger = of_classes(
        label, prediction_0=[1.0, 0, 0, 0], prediction_2=[0.0, 0, 0, 0], prediction_3=[0.0, 1, 1, 1]
    )
    for metric, challenged, defended in ((ACCURACY, 0.75, 0.5), (BRIER, 0.5, 1.0)):
        found = compare(Better(metric), challenger=challenger, champion=champion, resamples=20)
        assert (found.challenger, found.champion) == (challenged, defended)
        other = compare(Better(metric), challenger=champion, champion=challenger, resamples=20)
        assert other.gain == -found.gain

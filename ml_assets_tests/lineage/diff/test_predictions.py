from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.lineage.diff.predictions import ChangedAnswer, answers_diff

ENTITY = [["entity"]]


def scored(prediction: list[float], label: list[float] | None = None, entity: str = "abcdefgh") -> pd.DataFrame:
    frame = pd.DataFrame({"entity": list(entity[: len(prediction)]), "prediction": prediction})
    return frame if label is None else frame.assign(label=label)


def classes(*rows: list[float]) -> pd.DataFrame:
    columns = {f"prediction_{k}": values for k, values in enumerate(np.array(rows).T)}
    return pd.DataFrame({"entity": list("abcdefgh"[: len(rows)]), **columns})


def test_answers_flip_where_they_cross_the_threshold_and_the_largest_change_comes_first():
    old, new = scored([0.4, 0.6, 0.1, 0.9]), scored([0.55, 0.2, 0.3, 0.9])
    found = answers_diff(old, new, ENTITY, "binary")
    assert (found.threshold, found.common, found.changed, found.flipped) == (0.5, 4, 3, 2)
    assert found.mean_change == pytest.approx((0.15 + 0.4 + 0.2 + 0) / 4)
    assert [(of.row, of.old, of.new) for of in found.examples] == [("b", "0.6000", "0.2000"), ("a", "0.4000", "0.5500")]
    assert (found.mended, found.broken, found.examples[0].label) == (None, None, None)


def test_the_threshold_can_be_another_and_is_said():
    found = answers_diff(scored([0.2, 0.6]), scored([0.3, 0.9]), ENTITY, "binary", threshold=0.25)
    assert (found.threshold, found.flipped, found.examples[0].row) == (0.25, 1, "a")


def test_a_probability_of_exactly_the_threshold_is_a_yes():
    assert answers_diff(scored([0.5]), scored([0.6]), ENTITY, "binary").flipped == 0
    assert answers_diff(scored([0.4999]), scored([0.5]), ENTITY, "binary").flipped == 1


def test_with_labels_it_is_told_which_flips_became_right_and_which_wrong():
    label = [1.0, 1.0, 0.0, np.nan]
    found = answers_diff(scored([0.4, 0.6, 0.4, 0.4], label), scored([0.6, 0.4, 0.7, 0.9], label), ENTITY, "binary")
    assert (found.flipped, found.mended, found.broken) == (4, 1, 2)
    assert [(of.row, of.label) for of in found.examples] == [("d", None), ("c", 0.0), ("a", 1.0), ("b", 1.0)]


def test_of_several_classes_an_answer_flips_when_another_is_the_most_probable():
    old = classes([0.6, 0.3, 0.1], [0.2, 0.5, 0.3])
    new = classes([0.5, 0.4, 0.1], [0.2, 0.3, 0.5])
    found = answers_diff(old, new, ENTITY, "multiclass")
    assert (found.threshold, found.changed, found.flipped) == (None, 2, 1)
    assert found.examples == (ChangedAnswer("b", "class 1 (0.5000)", "class 2 (0.5000)", pytest.approx(0.2), None),)


def test_a_class_that_one_model_does_not_know_has_no_probability_there():
    found = answers_diff(classes([0.6, 0.4]), classes([0.1, 0.2, 0.7]), ENTITY, "multiclass")
    assert (found.flipped, found.examples[0].change) == (1, pytest.approx(0.7))


def test_numbers_do_not_flip_and_the_largest_changes_are_shown():
    old, new = scored([10.0, 20.0, 30.0], [1, 2, 3]), scored([11.0, 20.0, 25.0], [1, 2, 3])
    found = answers_diff(old, new, ENTITY, "regression")
    assert (found.flipped, found.mended, found.changed, found.mean_change) == (None, None, 2, 2.0)
    assert [(of.row, of.change, of.label) for of in found.examples] == [("c", 5.0, 3.0), ("a", 1.0, 1.0)]


def test_only_the_rows_that_both_have_are_compared_and_how_many_is_told():
    found = answers_diff(scored([0.4, 0.4, 0.4]), scored([0.9, 0.9], entity="cz"), ENTITY, "binary")
    assert (found.rows, found.common, found.flipped, found.examples[0].row) == ((3, 2), 1, 1, "c")


def test_rows_none_of_which_is_common_have_no_flips():
    found = answers_diff(scored([0.4]), scored([0.9], entity="z"), ENTITY, "binary")
    assert (found.common, found.changed, found.flipped, found.mean_change, found.examples) == (0, 0, 0, 0.0, ())


def test_without_anything_that_identifies_a_row_nothing_is_said():
    assert answers_diff(scored([0.4]), scored([0.9]), [["visit"]], "binary") is None


@pytest.mark.parametrize(
    ("old", "new", "task"),
    [
        (scored([0.4]), scored([0.9]), "binary"),
        (scored([0.4]), scored([1.9]), "regression"),
        (classes([0.4, 0.6]), classes([0.9, 0.1]), "multiclass"),
    ],
    ids=["probabilities", "numbers", "classes"],
)
def test_a_task_that_is_not_known_is_told_from_the_values(old, new, task):
    assert answers_diff(old, new, ENTITY).task == task


def by_label(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"entity": list("abcdefgh"[: len(next(iter(columns.values())))])} | columns)


def test_columns_of_two_models_are_those_of_the_same_class_not_of_the_same_place():
    old = by_label(prediction_0=[0.7, 0.1], prediction_2=[0.2, 0.8], prediction_3=[0.1, 0.1])
    new = by_label(prediction_0=[0.7, 0.1], prediction_1=[0.0, 0.0], prediction_2=[0.2, 0.1], prediction_3=[0.1, 0.8])
    found = answers_diff(old, new, ENTITY, "multiclass")
    assert (found.changed, found.flipped) == (1, 1), "the first row is answered alike"
    assert found.examples == (ChangedAnswer("b", "class 2 (0.8000)", "class 3 (0.8000)", pytest.approx(0.7), None),)


def test_a_label_is_held_against_the_class_and_not_its_place():
    old = by_label(prediction_10=[0.9], prediction_30=[0.1]).assign(label=[30.0])
    new = by_label(prediction_10=[0.1], prediction_30=[0.9]).assign(label=[30.0])
    found = answers_diff(old, new, ENTITY, "multiclass")
    assert (found.mended, found.broken, found.examples[0].new) == (1, 0, "class 30 (0.9000)")

from __future__ import annotations

import numpy as np
import pytest

from ml_assets.classes import by_column, classes_in, every_class, for_every_class, in_words, united, widened
from ml_assets.errors import InvalidPrediction

HALVES = np.array([[0.75, 0.25], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("seen", "declared", "answer", "expected"),
    [
        ((0, 1), None, HALVES, HALVES),
        ((0, 2), None, HALVES, [[0.75, 0, 0.25], [0.5, 0, 0.5]]),
        ((1, 3), None, HALVES, [[0, 0.75, 0, 0.25], [0, 0.5, 0, 0.5]]),
        ((0, 1), (0, 1, 2), HALVES, [[0.75, 0.25, 0], [0.5, 0.5, 0]]),
        ((10, 30), (10, 20, 30), HALVES, [[0.75, 0, 0.25], [0.5, 0, 0.5]]),
        ((-1, 1), (-1, 0, 1), HALVES, [[0.75, 0, 0.25], [0.5, 0, 0.5]]),
        ((0, 3), (0, 1, 2, 3), np.full((1, 4), 0.25), np.full((1, 4), 0.25)),
        ((0, 2), None, np.full((1, 3), 0.25), np.full((1, 3), 0.25)),
        ((), None, HALVES, HALVES),
        ((), (5, 6), HALVES, HALVES),
        ((0, 2), None, np.empty((0, 2)), np.empty((0, 3))),
    ],
    ids=[
        "all there", "one between is missing", "the lowest is missing", "the highest is missing", "names with gaps", "negative",
        "a network with all columns", "a network without names", "an older model", "an older model, named", "no rows",
    ],
)  # fmt: skip
def test_a_column_is_that_of_its_class_and_a_class_without_train_rows_has_probability_0(
    seen, declared, answer, expected
):
    found = for_every_class(answer, seen, declared, name="the model")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("seen", "declared", "width", "said"),
    [
        (
            (0, 1, 2),
            None,
            2,
            r"answers with 2 columns, and there are 3 classes \(0 to 2\), its train rows have 3 \(0 to 2\)",
        ),
        (
            (0, 1, 2),
            None,
            10,
            r"answers with 10 columns, and there are 3 classes .*such as classes=tuple\(range\(10\)\)",
        ),
        (
            (0, 2),
            None,
            4,
            r"4 columns, and there are 3 classes \(0 to 2\), its train rows have 2 \(0, 2\): nothing says which",
        ),
        ((10, 30), (10, 20, 30), 31, r"31 columns, and there are 3 classes \(10, 20, 30\)"),
        ((), (1, 2), 3, r"3 columns, and there are 2 classes \(1, 2\), those of its train rows are not recorded"),
        ((0, 7), (0, 1), 2, r"was trained on the classes 0, 7, and the problem's classes lack 7\. Add what is missing"),
    ],
    ids=["too few", "a network that names none", "neither", "by label", "an older model", "a class that is gone"],
)
def test_columns_that_nobody_can_tell_are_refused_with_the_classes_and_what_to_do(seen, declared, width, said):
    with pytest.raises(InvalidPrediction, match=f"^m@1 .*{said}"):
        for_every_class(np.full((3, width), 1 / width), seen, declared, name="m@1")


def test_an_answer_without_columns_is_left_to_who_judges_it():
    flat = np.array([0.1, 0.9])
    assert for_every_class(flat, (0, 1), None, name="the model") is flat


def test_labels_become_the_places_of_their_columns_and_a_label_without_one_gets_a_column_of_0():
    label, values = by_column(np.array([30.0, 10.0, 40.0]), np.array([[0.25, 0.75]] * 3), (10, 30))
    assert label.tolist() == [1, 0, 2]
    assert values.tolist() == [[0.25, 0.75, 0]] * 3
    same = by_column(label, values, ())
    assert same[0] is label and same[1] is values


def test_classes_are_those_of_known_labels_in_ascending_order():
    assert classes_in(np.array([3.0, np.nan, 0.0, 3.0])) == (0, 3)
    assert classes_in(np.array([np.nan])) == every_class(None, ()) == ()
    assert every_class(None, (1, 3)) == (0, 1, 2, 3)
    assert every_class((1, 3), (1,)) == (1, 3)
    assert united((0, 2), (1,), ()) == (0, 1, 2)
    assert widened(HALVES, (0, 1), (0, 1)) is HALVES


@pytest.mark.parametrize(
    ("classes", "words"), [((0, 1, 2, 3), "0 to 3"), ((0, 1), "0, 1"), ((0, 2, 3), "0, 2, 3"), ((), "none")]
)
def test_classes_in_words(classes, words):
    assert in_words(classes) == words

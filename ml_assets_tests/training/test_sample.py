from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.evaluation import checks
from ml_assets.problem import EntityHash, FeatureTable
from ml_assets.training.sample import on_sample, places, sample_of
from ml_assets.training.split import _roles_by_hash
from ml_assets_tests.doubles import umbrellas

NAMES = [f"visit {n}" for n in range(1_000)]
FRAME = pd.DataFrame({"visit": NAMES, "at": range(1_000)})


def test_a_sample_has_so_many_rows_in_their_order_and_is_the_same_each_time():
    taken = places(NAMES, 100)
    assert len(taken) == 100
    assert (np.diff(taken) > 0).all()
    assert (taken == places(NAMES, 100)).all()


def test_all_rows_are_taken_where_there_are_fewer():
    assert places(NAMES, 2_000).tolist() == list(range(1_000))
    assert places([], 10).tolist() == []


def test_the_same_entities_are_in_the_sample_of_each_partition():
    here = {NAMES[n] for n in places(NAMES, 100)}
    shuffled = NAMES[::-1]
    assert {shuffled[n] for n in places(shuffled, 100)} == here
    assert {NAMES[n] for n in places(NAMES, 50)} < here


def test_each_part_of_a_split_by_entity_keeps_its_share_of_the_sample():
    taken = pd.Series(NAMES)[places(NAMES, 500)]
    share = pd.Series(_roles_by_hash(EntityHash(0.3, 0.2), taken)).value_counts(normalize=True)
    assert share["test"] == pytest.approx(0.3, abs=0.06)
    assert share["validation"] == pytest.approx(0.2, abs=0.06)


def test_a_feature_table_and_a_dataset_give_the_same_rows():
    table = FeatureTable(FRAME[["visit"]], FRAME[["at"]], np.zeros(1_000))
    rows = sample_of(table, "visit", 10)
    frame = sample_of(FRAME, "visit", 10)
    assert isinstance(rows, FeatureTable)
    assert isinstance(frame, pd.DataFrame)
    assert rows.keys["visit"].tolist() == frame["visit"].tolist()
    assert rows.features["at"].tolist() == frame["at"].tolist()
    assert list(frame.index) == list(range(10))


@pytest.mark.parametrize(
    "returned",
    [FRAME.rename(columns={"visit": "call"}), FRAME.assign(at=1).set_axis(["visit", "visit"], axis=1), [1, 2]],
    ids=["no entity", "two of its name", "no table"],
)
def test_what_cannot_be_sampled_is_left_to_who_refuses_it(returned):
    problem = on_sample(replace(umbrellas.PROBLEM, dataset=lambda at, source: returned), 10)
    assert problem.dataset(None, None) is returned


def test_what_a_sample_may_fail_informs_unless_the_problem_has_its_own_word_for_it():
    problem = on_sample(replace(umbrellas.PROBLEM, waive={"classes": "rare"}), 10)
    few = checks.waived(checks.volume(10, 50), problem.waive)
    assert (few.passed, few.blocking) == (False, False)
    assert few.description.startswith("Waived (only a sample of 10 rows is tried): 10 rows landed")
    assert problem.waive["classes"] == "rare"
    assert "leak" not in problem.waive

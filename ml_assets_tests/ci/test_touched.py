from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import ml_assets
from ml_assets.ci.touched import Change, judged_partitions
from ml_assets.problem import Problem
from ml_assets.store import Store
from ml_assets_tests.conftest import MONTHS, PROBLEMS
from ml_assets_tests.doubles import ice_cream, umbrellas

MARCH = "2024-03"


def other_features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    return umbrellas.features(history, data).assign(twice=2 * data["clouds"])


def touched(store: Store, problem: Problem, partition: str = MARCH) -> dict[str, tuple[str, str]]:
    found = Change((problem, ice_cream.PROBLEM), store).effects({problem.name: [partition]})
    return {f"{one.noun}@{one.partition}": (one.state, one.why) for one in found if one.is_touched}


def test_what_main_made_by_the_same_code_is_touched_by_nothing(shared):
    assert touched(shared, PROBLEMS[0]) == {}


def test_a_parameter_touches_the_model_of_the_partition_and_what_is_made_from_it(shared):
    found = touched(shared, replace(PROBLEMS[0], params=umbrellas.LogisticParams(c=0.5)))

    assert found == {
        f"model@{MARCH}": ("changed", "params.c 1.0 -> 0.5"),
        f"evaluation@{MARCH}": ("after", f"after model@{MARCH}"),
        f"champion@{MARCH}": ("after", f"after evaluation@{MARCH}"),
        f"report@{MARCH}": ("after", f"after evaluation@{MARCH}"),
    }


def test_features_are_touched_in_every_month_of_the_window(shared):
    found = touched(shared, replace(PROBLEMS[0], features=other_features))

    assert {place for place, (state, _) in found.items() if state == "changed"} == {f"features@{m}" for m in MONTHS}
    assert found[f"split@{MARCH}"] == ("after", "after features@2024-01")
    assert "split@2024-02" not in found, "it judges nothing"


def test_data_that_landed_since_is_no_change_of_the_code(own):
    ml_assets.open_landing().write(f"umbrellas/visits/{MARCH}.parquet", umbrellas.visits(MARCH, rows=300))

    assert touched(own, PROBLEMS[0]) == {}


def test_of_a_problem_that_the_branch_does_not_know_everything_is_new(shared):
    found = touched(shared, replace(PROBLEMS[0], name="parasols"))

    assert found[f"dataset@{MARCH}"] == ("new", "main has none")
    assert found[f"predictions@{MARCH}"][0] == "after"


@pytest.mark.parametrize("noun", ["report", "audit", "monitoring"])
def test_what_nothing_waits_for_and_main_never_made_is_no_change_of_the_code(own, noun):
    for key in own.backend.list(f"refs/main/umbrellas/{noun}/{MARCH}"):
        own.backend.delete(key)

    assert touched(own, PROBLEMS[0]) == {}


def test_models_are_judged_by_the_months_that_have_an_evaluation(shared):
    assert judged_partitions(PROBLEMS[0], shared) == [*MONTHS]
    assert shared.groups() == ["ice_cream", "umbrellas"]

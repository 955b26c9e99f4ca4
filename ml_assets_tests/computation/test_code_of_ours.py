"""The code versions of what ml_assets itself ships."""

from __future__ import annotations

from ml_assets.computation.code import code_of, snapshot
from ml_assets.problems.flight_delays import PROBLEM
from ml_assets_tests.doubles import umbrellas

MODEL = "ml_assets.problems.flight_delays.model"


def test_the_training_of_flight_delays_reaches_its_helpers_and_types_and_nothing_of_the_features():
    code = code_of(PROBLEM.train)

    assert {f"{MODEL}:train", f"{MODEL}:_trees", f"{MODEL}:HistGBParams", f"{MODEL}:CATEGORIES"} <= code.parts.keys()
    assert "ml_assets.problem:FeatureTable" in code.parts
    assert not [part for part in code.parts if "features" in part.partition(":")[0] or part == f"{MODEL}:predict"]
    assert code.packages == {"numpy", "pandas", "sklearn"}
    assert code.unidentified == ()


def test_a_parameter_that_is_called_as_another_function_does_not_reach_it():
    assert f"{MODEL}:train" not in code_of(PROBLEM.baseline).parts  # it has a parameter `train`


def test_a_metric_reaches_its_function():
    metric = PROBLEM.metrics[0]

    assert "ml_assets.evaluation.metrics:_precision_by_recall" in code_of(metric.compute).parts


def test_every_function_of_our_problems_is_identified_without_taking_whole_modules():
    for problem in (PROBLEM, umbrellas.PROBLEM):
        used = (problem.dataset, problem.schema, problem.features, problem.train, problem.predict, problem.baseline)
        code = code_of(*used, *(metric.compute for metric in problem.metrics))

        assert code.unidentified == ()
        assert not [part for part in code.parts if part.endswith(":*")]


def test_a_snapshot_has_all_modules_of_ours_and_of_the_problem():
    files = snapshot(umbrellas.PROBLEM.train)

    assert {"ml_assets/__init__.py", "ml_assets/problem.py", "ml_assets_tests/doubles/umbrellas.py"} <= files.keys()
    assert b"def train" in files["ml_assets_tests/doubles/umbrellas.py"]
    assert {name.partition("/")[0] for name in files} == {"ml_assets", "ml_assets_tests"}
    assert not any("__pycache__" in name for name in files)

"""XGBoost, LightGBM and CatBoost: what every codec promises, and what of a model must be as it was."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost

from ml_assets.artifacts import trust_all
from ml_assets.errors import UnreadableContent, UnsupportedType
from ml_assets.evaluation.checks import reloads_identically
from ml_assets.evaluation.importance import permutation_importance
from ml_assets.problem import TrainingData
from ml_assets.store import Store
from ml_assets.store.codecs import lightgbm_form
from ml_assets.testing import check_codec, digest_of
from ml_assets.training.model import fit, predict
from ml_assets.training.rows import feature_table
from ml_assets.training.run import Run
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.store.codecs.models import BOOSTERS, MIXED, PLAIN, TWO, answers_equal


@pytest.mark.parametrize("name", BOOSTERS)
def test_a_booster_keeps_what_every_codec_promises(name: str) -> None:
    check_codec(
        BOOSTERS[name](),
        same=answers_equal,
        twins=[BOOSTERS[name]()],
        codec=name.split(maxsplit=1)[0],
        n_flips=10,
    )


def test_digests_are_the_same_in_another_process_with_other_threads() -> None:
    names = [name for name in BOOSTERS if "early stopping" in name or "classes" in name or "words" in name]
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "7"}
    program = [sys.executable, "-m", "ml_assets_tests.store.codecs.models", *names]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == {name: digest_of(BOOSTERS[name]()) for name in names}


def test_xgboost_keeps_classes_stopping_histories_and_features(store: Store) -> None:
    model = BOOSTERS["xgboost early stopping, categories"]()
    loaded = store.get(store.put(model))
    assert (loaded.best_iteration, loaded.best_score) == (model.best_iteration, model.best_score)
    assert loaded.best_iteration < loaded.get_booster().num_boosted_rounds() - 1
    assert loaded.evals_result() == model.evals_result()
    assert list(loaded.feature_names_in_) == ["a b", "c", "kind"]
    assert loaded.get_booster().feature_types == ["float", "float", "c"]
    assert loaded.classes_.tolist() == [0, 1]


def test_lightgbm_keeps_classes_stopping_histories_and_categories(store: Store) -> None:
    model = BOOSTERS["lightgbm early stopping, categories"]()
    loaded = store.get(store.put(model))
    assert (loaded.best_iteration_, loaded.best_score_) == (model.best_iteration_, model.best_score_)
    assert loaded.best_iteration_ < loaded.n_estimators
    assert loaded.evals_result_ == model.evals_result_
    assert loaded.feature_name_ == model.feature_name_ == ["a_b", "c", "kind"], "LightGBM's own names, as before"
    turned = MIXED.assign(kind=MIXED["kind"].cat.reorder_categories(["z", "x", "y"]))
    assert np.array_equal(loaded.predict_proba(turned), model.predict_proba(MIXED))
    words = store.get(store.put(BOOSTERS["lightgbm words"]()))
    assert words.classes_.tolist() == ["no", "yes"]
    assert set(words.predict(PLAIN)) == {"no", "yes"}


def test_catboost_keeps_classes_stopping_histories_and_importances(store: Store) -> None:
    model = BOOSTERS["catboost early stopping, categories"]()
    before = model._serialize_model(), dict(model.get_metadata())
    loaded = store.get(store.put(model))
    assert (model._serialize_model(), dict(model.get_metadata())) == before, "the value itself is not touched"
    assert (loaded.best_iteration_, loaded.best_score_) == (model.best_iteration_, model.best_score_)
    assert loaded.evals_result_ == model.evals_result_
    assert loaded.feature_names_ == ["a b", "c", "kind"]
    assert loaded.classes_.tolist() == ["no", "yes"]
    assert np.array_equal(loaded.feature_importances_, model.feature_importances_)
    assert loaded.get_metadata()["model_guid"] == loaded.get_metadata()["train_finish_time"] == ""


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_bare_booster_is_stored_whatever_threads_trained_it(library: str) -> None:
    def trained(n_threads: int) -> Any:
        if library == "xgboost":
            rows = xgboost.DMatrix(PLAIN, TWO, nthread=n_threads)
            return xgboost.train({"nthread": n_threads, "objective": "binary:logistic"}, rows, 3)
        params = {"num_threads": n_threads, "verbose": -1, "objective": "binary"}
        return lightgbm.train(params, lightgbm.Dataset(PLAIN, TWO), 3)

    def same(one: Any, other: Any) -> bool:
        rows = xgboost.DMatrix(PLAIN) if library == "xgboost" else PLAIN
        return np.array_equal(one.predict(rows), other.predict(rows))

    check_codec(trained(1), same=same, twins=[trained(2)], codec=library, n_flips=10)


@pytest.mark.parametrize("kind", ["xgboost:XGBRegressor", "lightgbm:LGBMRegressor", "catboost:CatBoostRegressor"])
def test_an_estimator_that_is_not_fitted_keeps_its_parameters(kind: str) -> None:
    module, _, name = kind.partition(":")
    model = getattr(__import__(module), name)(n_estimators=7)
    check_codec(model, same=lambda a, b: repr(a.get_params()) == repr(b.get_params()), codec=module)


class Own(xgboost.XGBRegressor):
    pass


REFUSED = {
    "a function": (
        xgboost.XGBRegressor(eval_metric=max),
        r"XGBRegressor\.eval_metric is a builtins\.builtin_function_or_method, .*only plain values.*give a name",
    ),
    "a class of one's own": (Own(), r"Own is none of xgboost's own estimators: XGBClassifier,.*get_booster\(\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_not_come_back_is_refused_with_what_to_do(store: Store, name: str) -> None:
    value, said = REFUSED[name]
    with pytest.raises(UnsupportedType, match=said):
        store.put(value)


HOSTILE: dict[str, dict[str, Any]] = {
    "a method hidden": {"predict": 1},
    "a property hidden": {"classes_": {"list": [1]}},
    "threads without end": {"n_jobs": 10**6},
    "threads of another type": {"n_jobs": "2"},
    "classes of another type": {"n_classes_": "2"},
    "a dtype without end": {"x": {"number": "<U99999", "value": "a"}},
    "a dtype of objects by name": {"x": {"array": "os.system", "shape": [1], "values": [1]}},
    "a shape that is not there": {"x": {"array": "<f8", "shape": [10**12], "values": [1]}},
    "a node without meaning": {"x": {"call": "os.system"}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_attributes_that_an_estimator_would_not_have_are_refused(store: Store, name: str) -> None:
    content = store.put(BOOSTERS["xgboost forest of classes"]())
    (file,) = (file for file in content.files if file.path == "attributes.json")
    (other,) = store.put({**json.loads(store.read(file)), **HOSTILE[name]}).files
    files = (replace(other, path=of.path) if of == file else of for of in content.files)
    with pytest.raises(UnreadableContent, match="not what the codec 'xgboost' writes"):
        store.get(replace(content, files=tuple(files)))


@pytest.mark.parametrize(
    ("line", "damaged"),
    [
        (r"(?m)^leaf_value=\S+", "leaf_value=1e617"),
        (r"(?m)^leaf_count=\S+", "leaf_count=99999999999"),
        (r"(?m)^left_child=\S+", "left_child=-99"),
        (r"(?m)^right_child=\S+", "right_child=0"),
        (r"(?m)^split_feature=\S+", "split_feature=7"),
        (r"(?m)^tree_sizes=\S+", "tree_sizes=1"),
        (r"(?m)^num_class=\S+", "num_class=1000000000"),
        (r"(?m)^max_feature_idx=\S+", "max_feature_idx=1000000000"),
        (r"end of parameters", ""),
    ],
    ids=lambda text: text.strip("(?m)^"),
)
def test_lightgbm_is_not_shown_a_model_that_leads_out_of_itself(line: str, damaged: str) -> None:
    text = BOOSTERS["lightgbm early stopping, categories"]().booster_.model_to_string()
    lightgbm_form.refuse_broken(text)
    changed = re.sub(line, damaged, text, count=1)
    assert changed != text
    with pytest.raises((ValueError, LookupError)):
        lightgbm_form.refuse_broken(changed)


def test_where_its_library_is_missing_the_error_says_what_to_install(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = store.put(BOOSTERS["xgboost forest"]())
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(
        UnreadableContent, match=r"needs xgboost, .*not installed here.*pip install 'ml_assets\[boosters\]'"
    ):
        store.get(content)


LIBRARIES = {"xgboost": "XGBClassifier", "lightgbm": "LGBMClassifier", "catboost": "CatBoostClassifier"}


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_problem_may_train_one_and_its_check_of_reloading_passes(store: Store, library: str) -> None:
    def train(data: TrainingData, params: Any, run: Any) -> Any:
        quiet = {"allow_writing_files": False, "verbose": 0} if library == "catboost" else {}
        made = getattr(__import__(library), LIBRARIES[library])(n_estimators=3, **quiet)
        return made.fit(data.train.features[["clouds", "above_usual"]], data.train.label)

    problem = replace(umbrellas.PROBLEM, train=train)
    trust_all([problem])
    table = feature_table(problem, [], umbrellas.visits("2024-01"))
    model = fit(problem, TrainingData(table, table), problem.params, Run(0, print))
    loaded = store.get(store.put(model))
    answer = partial(predict, problem)
    assert reloads_identically(answer, model, loaded, table.features).passed
    found = [permutation_importance(problem.metrics[0], table, partial(answer, one)) for one in (model, loaded)]
    assert found[0] == found[1]

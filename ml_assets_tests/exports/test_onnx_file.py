"""Models as one ONNX file: every library's, compared, refused where that is impossible, and fed by a stranger."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest

from ml_assets.errors import Refused
from ml_assets.exports.compare import Limit
from ml_assets.problem import FeatureTable, Problem, TrainingData
from ml_assets.training.network import Codes, Network, Numbers
from ml_assets_tests.doubles import parcels
from ml_assets_tests.exports.conftest import Leave, told

NUMBERS = parcels.NUMBERS


@dataclass(frozen=True)
class Case:
    """A model and what its problem does with it."""

    train: Callable[[TrainingData], Any]
    predict: Callable[[Any, pd.DataFrame], Any]
    task: str = "binary"
    table: Callable[[], FeatureTable] = parcels.binary
    more: Mapping[str, Any] | None = None

    @property
    def problem(self) -> Problem:
        return parcels.problem_of(self.train, self.predict, self.task, **(self.more or {}))


def numbers(features: pd.DataFrame) -> np.ndarray:
    return features[NUMBERS].to_numpy(dtype=np.float64)


def fitted(model: Any, take: Callable[[pd.DataFrame], Any]) -> Callable[[TrainingData], Any]:
    return lambda data: model.fit(take(data.train.features), data.train.label)


def second(take: Callable[[pd.DataFrame], Any]) -> Callable[[Any, pd.DataFrame], Any]:
    return lambda model, features: model.predict_proba(take(features))[:, 1]


def every(take: Callable[[pd.DataFrame], Any]) -> Callable[[Any, pd.DataFrame], Any]:
    return lambda model, features: model.predict_proba(take(features))


def value(take: Callable[[pd.DataFrame], Any]) -> Callable[[Any, pd.DataFrame], Any]:
    return lambda model, features: model.predict(take(features))


def chosen(features: pd.DataFrame) -> pd.DataFrame:
    return features[NUMBERS]


def whole(features: pd.DataFrame) -> pd.DataFrame:
    return features


def without_city(features: pd.DataFrame) -> pd.DataFrame:
    return features[["weight", "stops", "size", "fragile"]]


def pipeline(model: Any, *, all_columns: bool = True) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    impute = make_pipeline(SimpleImputer(), StandardScaler())
    if not all_columns:
        return make_pipeline(SimpleImputer(), StandardScaler(), model)
    return make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]), (impute, NUMBERS)), model
    )


def boosters() -> dict[str, Case]:
    import lightgbm
    import xgboost
    from catboost import CatBoostClassifier, CatBoostRegressor

    def booster(data: TrainingData) -> Any:
        matrix = xgboost.DMatrix(chosen(data.train.features).astype(float), data.train.label)
        return xgboost.train({"objective": "binary:logistic", "nthread": 1}, matrix, 10)

    quiet = {"verbose": False, "allow_writing_files": False, "iterations": 20, "thread_count": 1}
    light = {"n_estimators": 20, "n_jobs": 1, "verbose": -1}
    return {
        "XGBClassifier": Case(fitted(xgboost.XGBClassifier(n_estimators=20, n_jobs=1), chosen), second(chosen)),
        "XGBClassifier of three": Case(
            fitted_by_place(xgboost.XGBClassifier(n_estimators=5, n_jobs=1)),
            every(chosen),
            "multiclass",
            parcels.three_classes,
        ),
        "XGBClassifier that stopped early": Case(
            stopped(xgboost.XGBClassifier(n_estimators=200, n_jobs=1, learning_rate=0.9, early_stopping_rounds=3)),
            second(chosen),
        ),
        "XGBRegressor": Case(
            fitted(xgboost.XGBRegressor(n_estimators=20, n_jobs=1), chosen), value(chosen), "regression", parcels.rows
        ),
        "XGBoost Booster": Case(
            booster, lambda model, features: model.predict(xgboost.DMatrix(chosen(features).astype(float)))
        ),
        "LGBMClassifier with categories": Case(
            fitted(lightgbm.LGBMClassifier(**light, min_child_samples=5), without_city), second(without_city)
        ),
        "LGBMRegressor": Case(
            fitted(lightgbm.LGBMRegressor(**light), chosen), value(chosen), "regression", parcels.rows
        ),
        "CatBoostClassifier": Case(fitted(CatBoostClassifier(**quiet), chosen), second(chosen)),
        "CatBoostRegressor": Case(
            fitted(CatBoostRegressor(**quiet), chosen), value(chosen), "regression", parcels.rows
        ),
    }


def stopped(model: Any) -> Callable[[TrainingData], Any]:
    """The last fifth of the train rows says when."""

    def train(data: TrainingData) -> Any:
        X, y = chosen(data.train.features), data.train.label
        return model.fit(X[:-70], y[:-70], eval_set=[(X[-70:], y[-70:])], verbose=False)

    return train


def fitted_by_place(model: Any) -> Callable[[TrainingData], Any]:
    """XGBoost takes the labels 0 … k-1 only."""
    return lambda data: model.fit(chosen(data.train.features), np.searchsorted([0, 1, 3], data.train.label))


def estimators() -> dict[str, Case]:
    from sklearn.ensemble import (
        GradientBoostingRegressor,
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
        RandomForestClassifier,
    )
    from sklearn.linear_model import LinearRegression, LogisticRegression

    trees, more = HistGradientBoostingClassifier, {"max_iter": 15, "min_samples_leaf": 5}
    three = parcels.three_classes
    return {
        "logistic regression": Case(fitted(pipeline(LogisticRegression()), whole), second(whole)),
        "logistic regression of numbers": Case(
            fitted(pipeline(LogisticRegression(), all_columns=False), chosen), second(chosen)
        ),
        "the first column is the answer": Case(
            fitted(pipeline(LogisticRegression()), whole), lambda model, rows: model.predict_proba(rows)[:, 0]
        ),
        "random forest": Case(fitted(pipeline(RandomForestClassifier(10, random_state=0)), whole), second(whole)),
        "forest of three classes": Case(
            fitted(pipeline(RandomForestClassifier(10, random_state=0)), whole), every(whole), "multiclass", three
        ),
        "a class that nobody has seen": Case(
            fitted(pipeline(LogisticRegression()), whole), every(whole), "multiclass", three, {"classes": (0, 1, 2, 3)}
        ),
        "linear regression": Case(
            fitted(pipeline(LinearRegression()), whole), value(whole), "regression", parcels.rows
        ),
        "boosted trees": Case(
            fitted(pipeline(GradientBoostingRegressor(n_estimators=10)), whole),
            value(whole),
            "regression",
            parcels.rows,
        ),
        "HistGradientBoosting in a pipeline": Case(fitted(pipeline(trees(**more)), whole), second(whole)),
        "HistGradientBoosting with categories": Case(fitted(trees(**more), without_city), second(without_city)),
        "HistGradientBoosting of three classes": Case(
            fitted(trees(**more), without_city), every(without_city), "multiclass", three
        ),
        "HistGradientBoosting, Poisson": Case(
            lambda data: HistGradientBoostingRegressor(loss="poisson", **more).fit(
                chosen(data.train.features), np.exp(data.train.label)
            ),
            value(chosen),
            "regression",
            parcels.rows,
        ),
    }


CASES = [
    "logistic regression", "logistic regression of numbers", "the first column is the answer", "random forest",
    "forest of three classes", "a class that nobody has seen", "linear regression", "boosted trees",
    "HistGradientBoosting in a pipeline", "HistGradientBoosting with categories", "HistGradientBoosting of three classes",
    "HistGradientBoosting, Poisson",
]  # fmt: skip
BOOSTERS = [
    "XGBClassifier", "XGBClassifier of three", "XGBClassifier that stopped early", "XGBRegressor", "XGBoost Booster",
    "LGBMClassifier with categories", "LGBMRegressor", "CatBoostClassifier", "CatBoostRegressor",
]  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_estimator_leaves_and_answers_as_before(name: str, leave: Leave):
    _answers_as_before(estimators()[name], leave)


@pytest.mark.parametrize("name", BOOSTERS)
def test_a_booster_leaves_and_answers_as_before(name: str, leave: Leave):
    _answers_as_before(boosters()[name], leave)


def _answers_as_before(case: Case, leave: Leave) -> None:
    exported = leave(case.problem, case.table(), "onnx")
    about = told(exported.folder)

    onnx.checker.check_model(onnx.load(exported.folder / "model.onnx"), full_check=True)
    assert exported.comparison.apart <= 1e-5
    assert about["compared"]["rows"] == exported.comparison.rows == 240
    assert set(about["inputs"]) <= {column["name"] for column in about["columns"]}
    assert sorted(path.name for path in exported.folder.iterdir()) == ["export.json", "model.onnx"]


def network_of_parcels(model: Mapping[str, Any]) -> Network:
    import torch
    from torch import nn

    class Parcels(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.city, self.line = nn.Embedding(4, 2), nn.Linear(4, 1)

        def forward(self, numbers: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
            known = torch.nan_to_num(numbers) / 10
            return self.line(torch.cat([known, self.city(codes[:, 0])], dim=1))

    module = Parcels().eval()
    module.load_state_dict(dict(model))
    codes = {city: place for place, city in enumerate(parcels.CITIES, start=1)}
    return Network(module, {"numbers": Numbers(("weight", "stops")), "codes": Codes({"city": codes})})


def weights(data: TrainingData) -> dict[str, Any]:
    import torch

    torch.manual_seed(0)
    return {"city.weight": torch.randn(4, 2), "line.weight": torch.randn(1, 4), "line.bias": torch.randn(1)}


def sigmoid_of_network(model: Mapping[str, Any], features: pd.DataFrame) -> np.ndarray:
    import torch

    network = network_of_parcels(model)
    codes = (
        features["city"].map({city: n for n, city in enumerate(parcels.CITIES, start=1)}).fillna(0).to_numpy(np.int64)
    )
    given = features[["weight", "stops"]].to_numpy(dtype=np.float32)
    with torch.inference_mode():
        score = network.module(torch.tensor(given), torch.tensor(codes)[:, None]).numpy().astype(np.float64)
    answer: np.ndarray = 1 / (1 + np.exp(-score[:, 0]))
    return answer


NETWORK = Case(weights, sigmoid_of_network, more={"network": network_of_parcels})


def test_a_network_leaves_with_the_codes_of_its_categories(leave: Leave):
    exported = leave(NETWORK.problem, NETWORK.table(), "onnx")

    assert exported.comparison.largest < 1e-6
    assert told(exported.folder)["inputs"] == {"weight": "float32", "stops": "float32", "city": "string"}


def test_columns_may_be_called_anything_but_prediction(leave: Leave, tmp_path: Path):
    from sklearn.linear_model import LogisticRegression

    table = parcels.binary()

    def called(*names: str) -> FeatureTable:
        renamed = table.features[["stops", "fragile"]].astype(float).set_axis(list(names), axis=1)
        return FeatureTable(table.keys, renamed, table.label)

    def case(*names: str) -> Case:
        return Case(fitted(LogisticRegression(), whole), second(whole), table=lambda: called(*names))

    assert "prediction" in refusal(leave, case("prediction", "variable"))
    odd = case("answer", "probabilities, of Łódź / 2")
    exported = leave(odd.problem, odd.table(), "onnx")
    assert list(told(exported.folder)["inputs"]) == ["answer", "probabilities, of Łódź / 2"]


STRANGER = """
import json, sys
import numpy as np, onnxruntime, pandas as pd

folder, rows, answers = sys.argv[1:]
about = json.load(open(f"{folder}/export.json", encoding="utf-8"))
frame = pd.read_csv(rows, dtype={"city": str})

def column(name, kind):
    values = frame[name].fillna("") if kind == "string" else frame[name]
    return values.to_numpy(dtype=object if kind == "string" else kind).reshape(-1, 1)

session = onnxruntime.InferenceSession(f"{folder}/{about['file']}")
given = {name: column(name, kind) for name, kind in about["inputs"].items()}
(found,) = session.run([about["output"]], given)
np.save(answers, found)
assert "ml_assets" not in sys.modules
"""


def test_a_stranger_feeds_it_from_the_folder_alone(leave: Leave, tmp_path: Path):
    case = estimators()["HistGradientBoosting in a pipeline"]
    table = case.table()
    exported = leave(case.problem, table, "onnx")
    test = table.features.iloc[int(parcels.SEEN * len(table)) :]
    test.to_csv(tmp_path / "rows.csv", index=False)
    model = case.train(TrainingData(table.rows(np.arange(len(table)) < int(parcels.SEEN * len(table))), table))

    subprocess.run(
        [sys.executable, "-I", "-c", STRANGER, exported.folder, tmp_path / "rows.csv", tmp_path / "found.npy"],
        check=True,
        cwd=tmp_path,
    )

    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), case.predict(model, test), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "number", "doubles"),
    [
        ("HistGradientBoosting with categories", "float64", "240 test rows: largest difference "),
        ("boosted trees", "float32", "Fail: [ONNXRuntimeError]"),
        ("logistic regression", "float32", "Fail: [ONNXRuntimeError]"),
        ("random forest", "float32", "NotImplemented: [ONNXRuntimeError]"),
    ],
)
def test_the_type_of_numbers_is_the_one_that_comes_closest(name: str, number: str, doubles: str, leave: Leave):
    """skl2onnx's graphs of doubles do not load where they normalize, impute or boost."""
    case = estimators()[name]
    about = told(leave(case.problem, case.table(), "onnx").folder)

    assert set(about["inputs"].values()) - {"string"} == {number}
    assert set(about["tried"]) == {"float32", "float64"}
    assert about["tried"]["float64"].startswith(doubles)


@pytest.mark.parametrize("library", ["skl2onnx", "onnxruntime"])
def test_a_library_that_is_not_installed_is_named(
    library: str, leave: Leave, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, library, None)

    said = refusal(leave, estimators()["random forest"])

    assert f"To write ONNX, {library} is needed, and it is not installed." in said
    assert "pip install 'ml_assets[export]'" in said
    assert nothing_is_left(tmp_path)


@dataclass(frozen=True)
class Rule:
    """A model that no converter knows."""

    heaviest: float


def refusal(leave: Leave, case: Case, form: str = "onnx", limit: Any = None) -> str:
    with pytest.raises(Refused) as refused:
        leave(case.problem, case.table(), form, limit)
    return str(refused.value)


def nothing_is_left(tmp_path: Path) -> bool:
    return [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_model_that_no_converter_knows_is_refused_by_name(leave: Leave, tmp_path: Path):
    case = Case(
        lambda data: Rule(3.0),
        lambda model, features: (features["stops"] > model.heaviest).to_numpy(float),
        more={"artifact_types": (Rule,)},
    )

    said = refusal(leave, case)

    assert f"is a {__name__}.Rule, and no converter to ONNX knows what parcels's predict does with it" in said
    assert nothing_is_left(tmp_path)


def test_what_a_converter_cannot_do_is_refused_with_estimator_converter_and_version(leave: Leave, tmp_path: Path):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import SplineTransformer

    model = make_pipeline(SplineTransformer(), LogisticRegression())
    said = refusal(leave, Case(fitted(model, lambda rows: rows[["stops"]]), second(lambda rows: rows[["stops"]])))

    assert "cannot be converted to ONNX. Pipeline of SplineTransformer, LogisticRegression: with float32: " in said
    assert "Installed: onnx 1." in said
    assert "skl2onnx 1." in said
    assert "--to native" in said
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize("kind", ["xgboost.XGBClassifier", "lightgbm.LGBMClassifier"])
def test_a_booster_inside_of_a_pipeline_is_refused(kind: str, leave: Leave, tmp_path: Path):
    from pkgutil import resolve_name

    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    booster = resolve_name(kind.replace(".", ":"))(n_estimators=3, n_jobs=1)
    model = make_pipeline(StandardScaler(), booster)
    said = refusal(leave, Case(fitted(model, lambda rows: rows[["stops"]]), second(lambda rows: rows[["stops"]])))

    assert f"cannot be converted to ONNX. Pipeline of StandardScaler, {kind.partition('.')[2]}: " in said
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize("library", ["xgboost", "catboost"])
def test_categories_of_a_booster_whose_converter_has_none_are_refused(library: str, leave: Leave, tmp_path: Path):
    import xgboost
    from catboost import CatBoostClassifier

    def text(features: pd.DataFrame) -> pd.DataFrame:
        return features[["city", "stops"]]

    models = {
        "xgboost": (xgboost.XGBClassifier(n_estimators=5, n_jobs=1, enable_categorical=True), without_city),
        "catboost": (
            CatBoostClassifier(cat_features=["city"], iterations=5, verbose=False, allow_writing_files=False),
            text,
        ),
    }
    model, take = models[library]

    said = refusal(leave, Case(fitted(model, take), second(take)))

    assert {"xgboost": "converts no categories of XGBoost", "catboost": "CatBoost writes no ONNX of it"}[
        library
    ] in said
    assert nothing_is_left(tmp_path)


def test_an_export_that_answers_otherwise_is_refused_and_nothing_is_released(leave: Leave, tmp_path: Path):
    """``predict`` does something to the answer that the graph cannot know of."""
    from sklearn.linear_model import LogisticRegression

    case = Case(fitted(pipeline(LogisticRegression()), whole), lambda model, rows: model.predict_proba(rows)[:, 1] ** 2)

    said = refusal(leave, case)

    assert "as onnx answers otherwise than its source. 240 test rows: largest difference 0.2" in said
    assert "allowed: 1e-05 and 0 flipped labels. Nothing was released." in said
    assert nothing_is_left(tmp_path)


def test_a_limit_that_is_given_counts(leave: Leave, tmp_path: Path):
    case = boosters()["XGBClassifier"]

    said = refusal(leave, case, limit=Limit(1e-12))

    assert "allowed: 1e-12" in said


def test_a_model_of_onnx_leaves_with_its_columns(leave: Leave):
    from onnx import TensorProto, helper, numpy_helper

    def train(data: TrainingData) -> Any:
        weights = numpy_helper.from_array(np.array([[0.3], [-0.2]], np.float32), "W")
        nodes = [helper.make_node("MatMul", ["X", "W"], ["score"]), helper.make_node("Sigmoid", ["score"], ["p"])]
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, size]) for name, size in (("X", 2), ("p", 1))
        ]
        graph = helper.make_graph(nodes, "line", ends[:1], ends[1:], [weights])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

    def predict(model: Any, features: pd.DataFrame) -> np.ndarray:
        import onnxruntime

        session = onnxruntime.InferenceSession(model.SerializeToString())
        return session.run(None, {"X": features.to_numpy(dtype=np.float32)})[0][:, 0]

    table = parcels.binary()
    two = FeatureTable(table.keys, table.features[["stops", "fragile"]].astype(float), table.label)

    exported = leave(Case(train, predict).problem, two, "onnx")

    assert exported.comparison.largest < 1e-7
    assert list(told(exported.folder)["inputs"]) == ["stops", "fragile"]
    assert json.loads((exported.folder / "export.json").read_text())["converted_by"].startswith("onnx ")

"""Models as the framework's own files: opened by the library alone, bit for bit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import CorruptBlob, Refused
from ml_assets.exports import kept
from ml_assets.problem import FeatureTable, Problem, TrainingData
from ml_assets_tests.doubles import parcels
from ml_assets_tests.exports.conftest import Leave, told

NUMBERS = parcels.NUMBERS


def numbers(features: pd.DataFrame) -> pd.DataFrame:
    return features[NUMBERS].astype(float)


def test_rows(table: FeatureTable) -> pd.DataFrame:
    return table.features.iloc[int(parcels.SEEN * len(table)) :]


test_rows.__test__ = False  # type: ignore[attr-defined]


def of(model: Any, task: str = "binary") -> Problem:
    def train(data: TrainingData) -> Any:
        return model.fit(numbers(data.train.features), data.train.label)

    def predict(fitted: Any, features: pd.DataFrame) -> Any:
        asked = numbers(features)
        return fitted.predict_proba(asked)[:, 1] if task == "binary" else fitted.predict(asked)

    return parcels.problem_of(train, predict, task)


def opened(library: str, file: Path) -> Any:
    """A model by its library alone, and what it says of rows."""
    if library == "scikit-learn":
        import skops.io

        model = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
        return lambda rows: model.predict_proba(rows)[:, 1]
    if library == "xgboost":
        import xgboost

        classifier = xgboost.XGBClassifier()
        classifier.load_model(file)
        return lambda rows: classifier.predict_proba(rows)[:, 1]
    if library == "lightgbm":
        import lightgbm

        return lightgbm.Booster(model_file=file).predict
    from catboost import CatBoostClassifier

    fitted = CatBoostClassifier().load_model(str(file))
    return lambda rows: fitted.predict_proba(rows)[:, 1]


def model_of(library: str) -> Any:
    if library == "scikit-learn":
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(max_iter=10)
    if library == "xgboost":
        from xgboost import XGBClassifier

        return XGBClassifier(n_estimators=10, n_jobs=1)
    if library == "lightgbm":
        from lightgbm import LGBMClassifier

        return LGBMClassifier(n_estimators=10, n_jobs=1, verbose=-1)
    from catboost import CatBoostClassifier

    return CatBoostClassifier(iterations=10, verbose=False, allow_writing_files=False)


FILES = {"scikit-learn": "estimator.skops", "xgboost": "model.ubj", "lightgbm": "model.txt", "catboost": "model.cbm"}


@pytest.mark.parametrize("library", FILES)
def test_its_library_alone_opens_it_and_every_bit_is_equal(library: str, leave: Leave):
    problem, table = of(model_of(library)), parcels.binary()

    exported = leave(problem, table, "native")

    about, rows = told(exported.folder), test_rows(table)
    said = opened(library, exported.folder / FILES[library])(numbers(rows))
    source = problem.train(
        TrainingData(table.rows(np.arange(len(table)) < int(parcels.SEEN * len(table))), table), None, None
    )
    np.testing.assert_array_equal(said, problem.predict(source, rows))
    assert exported.comparison.equal
    assert set(about["opens_with"]) == {FILES[library]}
    assert about["columns"][0] == {"name": "weight", "dtype": "float64"}
    assert about["columns"][3] == {"name": "size", "dtype": "category", "categories": ["S", "M", "L"]}
    assert about["compared"]["limit"] == "every bit equal"


def test_a_network_s_weights_are_safetensors(leave: Leave):
    import torch
    from safetensors.torch import load_file

    problem = parcels.problem_of(
        lambda data: {"weight": torch.tensor([0.1, 0.2]), "bias": torch.tensor([0.5])},
        lambda model, rows: np.full(len(rows), float(model["bias"][0])),
        "binary",
    )

    exported = leave(problem, parcels.binary(), "native")

    assert load_file(exported.folder / "tensors.safetensors")["weight"].tolist() == pytest.approx([0.1, 0.2])


def test_a_model_whose_answers_do_not_repeat_is_refused_and_nothing_is_released(leave: Leave, tmp_path: Path):
    chance = np.random.default_rng(0)
    problem = replace(of(model_of("scikit-learn")), predict=lambda model, rows: chance.random(len(rows)))

    with pytest.raises(Refused, match="answers otherwise than its source"):
        leave(problem, parcels.binary(), "native")

    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_file_that_changes_while_it_is_exported_is_found(tmp_path: Path):
    from ml_assets.store import encode

    listed = kept.write(encode(np.arange(3)), tmp_path)
    assert kept.read(json.loads(json.dumps(listed)), tmp_path).tolist() == [0, 1, 2]

    (tmp_path / "array.npy").write_bytes(b"other")

    with pytest.raises(CorruptBlob, match="was changed after it was exported"):
        kept.read(listed, tmp_path)


@pytest.mark.parametrize("kind", ["folder", "file", "broken link"])
def test_what_is_there_already_is_never_replaced(kind: str, leave: Leave, tmp_path: Path):
    target = tmp_path / "out"
    {"folder": target.mkdir, "file": target.touch, "broken link": lambda: target.symlink_to("nowhere")}[kind]()

    with pytest.raises(Refused, match="exists, and an export never replaces anything"):
        leave(of(model_of("scikit-learn")), parcels.binary(), "native")

    assert not (tmp_path / "out" / "export.json").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "store"]


def test_a_folder_that_cannot_be_made_is_refused(store: Any, tmp_path: Path):
    from ml_assets.exports import LIMITS, export

    problem = of(model_of("scikit-learn"))
    key = parcels.publish(store, problem, parcels.binary())
    (tmp_path / "file").touch()

    with pytest.raises(
        Refused, match=r"There is no folder .+, in which out is to be\. Nothing was written\. Make it first\."
    ):
        export(store, problem, key, tmp_path / "file" / "out", form="native", limit=LIMITS["native"])


def test_a_model_without_test_rows_is_refused(store: Any, tmp_path: Path):
    from ml_assets.exports import LIMITS, export
    from ml_assets.store import Manifest

    key, _ = store.publish(Manifest("parcels/model", "2024-01", store.put({"a": 1})), why="by hand")

    with pytest.raises(Refused, match="was made from no split with test rows"):
        export(store, parcels.PROBLEM, key, tmp_path / "out", form="native", limit=LIMITS["native"])
